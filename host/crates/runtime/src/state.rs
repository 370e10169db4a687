//! What one call has: everything that host functions work on.

use std::sync::Arc;

use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::Blobs;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_io::IoView;

use crate::bounds::Bounds;
use crate::capability::blobs::{Drafts, OpenBlobs};
use crate::capability::context::Answers;
use crate::capability::http::Http;
use crate::capability::kubernetes::Kubernetes;
use crate::capability::lending::Lending;
use crate::capability::power::Powers;
use crate::capability::readable::Readable;
use crate::fault::{Verdict, limit, of_tree};
use crate::files::FileError;
use crate::logs::Logs;
use crate::wasi::clocks::Clock;
use crate::wasi::filesystem::{CallFiles, FilesFailure};
use crate::wasi::random::Random;

/// The data of a call's store.
pub(crate) struct CallState {
    /// Everything that the guest holds a handle of.
    pub(crate) table: ResourceTable,
    /// What its instances may have.
    pub(crate) bounds: Bounds,
    /// How far it may go.
    pub(crate) limits: Limits,
    /// The fault that a host function found.
    pub(crate) verdict: Verdict,
    /// Its log.
    pub(crate) logs: Logs,
    /// Its monotonic clock.
    pub(crate) clock: Clock,
    /// Its chance.
    pub(crate) random: Random,
    /// Its files.
    pub(crate) files: CallFiles,
    /// What it may ask.
    pub(crate) answers: Answers,
    /// The blob store.
    pub(crate) blobs: Arc<dyn Blobs>,
    /// What it may read of the store.
    pub(crate) readable: Readable,
    /// The blobs that it reads.
    pub(crate) opened: OpenBlobs,
    /// The blobs that it is writing.
    pub(crate) drafts: Drafts,
    /// Bytes that it wrote to blobs.
    pub(crate) written: u64,
    /// The directory that it was lent.
    pub(crate) lending: Lending,
    /// Its other powers.
    pub(crate) powers: Powers,
    /// Its requests.
    pub(crate) http: Http,
    /// Its clusters.
    pub(crate) kubernetes: Arc<Kubernetes>,
}

impl CallState {
    /// What the call fails with, whatever the guest made of the error it got.
    pub(crate) fn failure(&self) -> Option<Fault> {
        self.verdict.take().or_else(|| match self.files.failure()? {
            FilesFailure::Limit(hit) => Some(self.full(hit)),
            FilesFailure::Mount(FileError::Tree(error)) => Some(of_tree(&error)),
            FilesFailure::Mount(error @ FileError::Untraceable) => Some(Fault::Failed { message: error.to_string() }),
            FilesFailure::Mount(error) => Some(Fault::Host { message: error.to_string() }),
        })
    }

    /// The fault of a call that wrote too much.
    pub(crate) fn full(&self, hit: Limit) -> Fault {
        match hit {
            Limit::Entries => limit(hit, format!("{} files and directories", self.limits.output_entries)),
            _ => limit(hit, format!("{} MiB of output", self.limits.output_mib)),
        }
    }
}

impl IoView for CallState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}
