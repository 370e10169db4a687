//! `springline:host/blobs`.

use std::io::{Seek as _, SeekFrom, Write as _};

use springline_model::Digest;
use springline_model::plugin::{Fault, Limit};
use springline_model::port::{BlobError as StoreError, ReadAt};
use tempfile::SpooledTempFile;
use wasmtime::component::Resource;

use crate::bindings::springline::host::blobs::{self, BlobError};
use crate::fault::{limit, of_blob};
use crate::state::CallState;

/// The most bytes of one read.
pub(super) const MOST: u32 = 1 << 20;
/// What of an unfinished blob is kept in memory, in bytes.
const IN_MEMORY: usize = 256 << 10;

/// A blob opened for reading.
pub struct OpenBlob(Box<dyn ReadAt>);

/// A blob being written.
pub struct Writer(SpooledTempFile);

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
        self.verdict.stop(Fault::Leak { secret, place: place.to_owned() })
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
        match self.blobs.open(&known) {
            Ok(blob) => Ok(Ok(self.table.push(OpenBlob(blob))?)),
            Err(error) => Ok(Err(self.store_failed(&error))),
        }
    }
}

impl blobs::HostBlob for CallState {
    fn size(&mut self, blob: Resource<OpenBlob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.0.size())
    }

    fn read(
        &mut self,
        blob: Resource<OpenBlob>,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, BlobError>> {
        Ok(read_at(&*self.table.get(&blob)?.0, offset, length).map_err(io))
    }

    fn drop(&mut self, blob: Resource<OpenBlob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl blobs::HostWriter for CallState {
    fn new(&mut self) -> wasmtime::Result<Resource<Writer>> {
        let empty = SpooledTempFile::new_in(IN_MEMORY, &*self.scratch);
        Ok(self.table.push(Writer(empty))?)
    }

    fn write(&mut self, writer: Resource<Writer>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), BlobError>> {
        if let Err(fault) = self.count_output(bytes.len()) {
            return Ok(Err(self.out_of_quota(fault)));
        }
        Ok(self.table.get_mut(&writer)?.0.write_all(&bytes).map_err(io))
    }

    fn finish(&mut self, writer: Resource<Writer>) -> wasmtime::Result<Result<String, BlobError>> {
        if self.readable.allowed() as u64 >= self.limits.output_entries {
            let fault = limit(Limit::Entries, format!("{} blobs", self.limits.output_entries));
            return Ok(Err(self.out_of_quota(fault)));
        }
        let empty = SpooledTempFile::new_in(IN_MEMORY, &*self.scratch);
        let mut file = std::mem::replace(&mut self.table.get_mut(&writer)?.0, empty);
        if let Err(error) = file.seek(SeekFrom::Start(0)) {
            return Ok(Err(io(error)));
        }
        if !self.powers.masks().is_empty() {
            match self.powers.masks().find_in(&mut file).and_then(|found| file.rewind().map(|()| found)) {
                Ok(None) => {}
                Ok(Some(secret)) => return Err(self.leak(secret, "a blob")),
                Err(error) => return Ok(Err(io(error))),
            }
        }
        Ok(match self.blobs.put_from(&mut file) {
            Ok((digest, _)) => {
                self.readable.allow(digest);
                Ok(digest.to_string())
            }
            Err(error) => Err(self.store_failed(&error)),
        })
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}
