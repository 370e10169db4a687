//! `springline:host/blobs`.

use std::collections::VecDeque;
use std::path::PathBuf;

use springline_model::Digest;
use springline_model::plugin::{Fault, Limit};
use springline_model::port::{BlobError as StoreError, Blobs, ReadAt};
use wasmtime::component::Resource;

use crate::bindings::springline::host::blobs::{self, BlobError};
use crate::fault::{limit, of_blob};
use crate::files::{FileError, NodeId, Open, Out};
use crate::state::CallState;

/// The most bytes of one read.
pub(super) const MOST: u32 = 1 << 20;
/// The blobs of a call that are open in the operating system.
const OPEN: usize = 8;

/// A blob opened for reading. It is no open file: a guest may hold thousands.
pub struct OpenBlob {
    digest: Digest,
    size: u64,
}

/// A blob being written, by its place among the [`Drafts`].
pub struct Writer(NodeId);

/// The blobs read last, open.
#[derive(Default)]
pub(crate) struct OpenBlobs(VecDeque<(Digest, Box<dyn ReadAt>)>);

impl OpenBlobs {
    /// The blob, which is opened if it is not open any more.
    fn get(&mut self, digest: &Digest, store: &dyn Blobs) -> Result<&dyn ReadAt, StoreError> {
        let found = match self.0.iter().position(|(open, _)| open == digest) {
            Some(at) => self.0.remove(at),
            None => None,
        };
        let found = match found {
            Some(found) => found,
            None => (*digest, store.open(digest)?),
        };
        self.0.truncate(OPEN - 1);
        self.0.push_front(found);
        Ok(&*self.0[0].1)
    }
}

/// The blobs that a call is writing: nameless files of a directory of its own. However many there are,
/// they take one descriptor of the process and a bounded part of its memory.
pub(crate) struct Drafts(Out);

impl Drafts {
    /// None. What does not fit in memory goes below `scratch`.
    pub(crate) fn new(scratch: PathBuf) -> Self {
        // What they may take is counted where it is written.
        Self(Out::new(scratch, u64::MAX, u64::MAX))
    }

    fn begin(&mut self) -> Result<NodeId, FileError> {
        const NAME: &str = "draft";
        let how = Open { write: true, create: true, exclusive: true, ..Open::default() };
        let draft = self.0.open(Out::ROOT, NAME, how)?;
        self.0.unlink(Out::ROOT, NAME)?;
        Ok(draft)
    }

    /// Reads a draft from its beginning.
    fn read(&mut self, node: NodeId) -> Draft<'_> {
        Draft { drafts: self, node, at: 0 }
    }
}

/// See [`Drafts::read`].
struct Draft<'d> {
    drafts: &'d mut Drafts,
    node: NodeId,
    at: u64,
}

impl std::io::Read for Draft<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.drafts.0.read_at(self.node, self.at, buffer).map_err(std::io::Error::other)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl CallState {
    /// The digest that a guest wrote as text, if the call may open its blob.
    pub(super) fn readable_blob(&self, text: &str) -> Option<Digest> {
        text.parse().ok().filter(|digest| self.readable.has_blob(digest, &*self.blobs))
    }

    /// What a guest is told about the store's failure. Lost bytes fail the call as well.
    pub(super) fn store_failed(&self, error: &StoreError) -> BlobError {
        self.verdict.record(of_blob(error));
        BlobError::Io(error.to_string())
    }

    /// What a guest is told about a limit that it ran into. The call fails whatever it makes of it.
    pub(super) fn out_of_quota(&self, fault: Fault) -> BlobError {
        let message = fault.to_string();
        self.verdict.record(fault);
        BlobError::Quota(message)
    }

    /// Fails the call for a secret in what it writes.
    pub(super) fn leak(&self, secret: String, place: &str) -> wasmtime::Error {
        self.verdict.stop(Fault::Leak { secret: secret.into(), place: place.into() })
    }

    /// Counts bytes that the call writes to blobs.
    ///
    /// # Errors
    /// They are more than it may write.
    pub(crate) fn count_output(&mut self, bytes: usize) -> Result<(), Fault> {
        self.written = self.written.saturating_add(bytes as u64);
        if self.written > self.limits.output_mib.saturating_mul(1 << 20) {
            return Err(self.full(Limit::Output));
        }
        Ok(())
    }
}

fn unknown(digest: &str) -> BlobError {
    BlobError::NotFound(format!("no blob {digest:?} was given to this call"))
}

fn io(error: impl std::fmt::Display) -> BlobError {
    BlobError::Io(error.to_string())
}

/// Up to `length` bytes from `offset`, at most [`MOST`].
pub(super) fn read_at(file: &dyn ReadAt, offset: u64, length: u32) -> std::io::Result<Vec<u8>> {
    let length = u64::from(length.min(MOST)).min(file.size().saturating_sub(offset));
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(offset + filled as u64, &mut bytes[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

impl blobs::Host for CallState {
    fn open(&mut self, digest: String) -> wasmtime::Result<Result<Resource<OpenBlob>, BlobError>> {
        let Some(known) = self.readable_blob(&digest) else { return Ok(Err(unknown(&digest))) };
        match self.opened.get(&known, &*self.blobs).map(ReadAt::size) {
            Ok(size) => Ok(Ok(self.table.push(OpenBlob { digest: known, size })?)),
            Err(error) => Ok(Err(self.store_failed(&error))),
        }
    }
}

impl blobs::HostBlob for CallState {
    fn size(&mut self, blob: Resource<OpenBlob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.size)
    }

    fn read(
        &mut self,
        blob: Resource<OpenBlob>,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, BlobError>> {
        let digest = self.table.get(&blob)?.digest;
        let read = self.opened.get(&digest, &*self.blobs).map(|file| read_at(file, offset, length));
        match read {
            Ok(read) => Ok(read.map_err(io)),
            Err(error) => Ok(Err(self.store_failed(&error))),
        }
    }

    fn drop(&mut self, blob: Resource<OpenBlob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl blobs::HostWriter for CallState {
    fn new(&mut self) -> wasmtime::Result<Resource<Writer>> {
        let draft = self.drafts.begin().map_err(wasmtime::Error::new)?;
        Ok(self.table.push(Writer(draft))?)
    }

    fn write(&mut self, writer: Resource<Writer>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), BlobError>> {
        let draft = self.table.get(&writer)?.0;
        if let Err(fault) = self.count_output(bytes.len()) {
            return Ok(Err(self.out_of_quota(fault)));
        }
        Ok(self.drafts.0.append(draft, &bytes).map(drop).map_err(io))
    }

    fn finish(&mut self, writer: Resource<Writer>) -> wasmtime::Result<Result<String, BlobError>> {
        let draft = self.table.get(&writer)?.0;
        if self.readable.allowed() as u64 >= self.limits.output_entries {
            let fault = limit(Limit::Entries, format!("{} blobs", self.limits.output_entries));
            return Ok(Err(self.out_of_quota(fault)));
        }
        if !self.powers.masks().is_empty() {
            match self.powers.masks().find_in(&mut self.drafts.read(draft)) {
                Ok(None) => {}
                Ok(Some(secret)) => return Err(self.leak(secret, "a blob")),
                Err(error) => return Ok(Err(io(error))),
            }
        }
        let put = self.blobs.put_from(&mut self.drafts.read(draft));
        if let Err(error) = self.drafts.0.set_size(draft, 0) {
            return Ok(Err(io(error)));
        }
        Ok(match put {
            Ok((digest, _)) => {
                self.readable.allow(digest);
                Ok(digest.to_string())
            }
            Err(error) => Err(self.store_failed(&error)),
        })
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        let Writer(draft) = self.table.delete(writer)?;
        self.drafts.0.close(draft);
        Ok(())
    }
}
