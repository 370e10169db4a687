//! Bytes by digest: what is too large to cross as a list.

use std::fmt;
use std::io;

use crate::error::Result;
use crate::host::{Current, Host, HostBlob, HostWriter};

/// The most that one call of the host reads or writes, in bytes.
const CHUNK: usize = 1 << 20;

/// A blob opened for reading.
pub struct Blob {
    inner: <Current as Host>::Blob,
    at: u64,
}

impl Blob {
    pub(crate) fn new(inner: <Current as Host>::Blob) -> Self {
        Self { inner, at: 0 }
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        HostBlob::size(&self.inner)
    }

    /// All its bytes.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if the host can't read it.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size()).unwrap_or_default());
        loop {
            let chunk = HostBlob::read(&self.inner, bytes.len() as u64, CHUNK as u32)?;
            if chunk.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(chunk);
        }
    }
}

impl io::Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(CHUNK) as u32;
        let bytes = HostBlob::read(&self.inner, self.at, length).map_err(io::Error::other)?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("at", &self.at).finish_non_exhaustive()
    }
}

/// A blob being written.
pub struct BlobWriter {
    inner: <Current as Host>::Writer,
}

impl BlobWriter {
    pub(crate) fn new(inner: <Current as Host>::Writer) -> Self {
        Self { inner }
    }

    /// Ends the blob and returns its digest, `sha256:` and 64 hex digits.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if the host can't keep it.
    pub fn finish(mut self) -> Result<String> {
        HostWriter::finish(&mut self.inner)
    }
}

impl io::Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(CHUNK)];
        HostWriter::write(&mut self.inner, bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").finish_non_exhaustive()
    }
}
