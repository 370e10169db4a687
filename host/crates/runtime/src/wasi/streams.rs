//! Streams of bytes: standard input and output, and files. All of them are ready at any time, as
//! nothing behind them waits.

use bytes::Bytes;
use springline_model::plugin::Level;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

use super::filesystem::{ReadFile, WriteFile};
use crate::bindings::wasi::filesystem::types::ErrorCode;
use crate::logs::Logs;

/// The most bytes of one read or write.
pub(super) const CHUNK: usize = 256 << 10;

/// The stream that has ended.
pub(super) struct Empty;

#[async_trait]
impl Pollable for Empty {
    async fn ready(&mut self) {}
}

impl InputStream for Empty {
    fn read(&mut self, _: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

/// Output that becomes lines of the log.
pub(super) struct LogStream {
    /// Whose.
    pub(super) logs: Logs,
    /// Their level.
    pub(super) level: Level,
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.logs.stream(self.level, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

/// A file read from front to back.
pub(super) struct FileInput {
    /// The file.
    pub(super) file: ReadFile,
    /// Where the next byte is.
    pub(super) offset: u64,
}

#[async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {}
}

impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.file.read(self.offset, size.min(CHUNK)).map_err(failed)?;
        if bytes.is_empty() {
            return Err(StreamError::Closed);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
}

/// A file written from front to back.
pub(super) struct FileOutput {
    /// The file.
    pub(super) file: WriteFile,
    /// Where the next byte goes; none for the end, wherever it is.
    pub(super) offset: Option<u64>,
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match &mut self.offset {
            Some(offset) => {
                self.file.write(*offset, &bytes).map_err(failed)?;
                *offset += bytes.len() as u64;
            }
            None => self.file.append(&bytes).map_err(failed)?,
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

fn failed(error: ErrorCode) -> StreamError {
    StreamError::LastOperationFailed(wasmtime::Error::new(error))
}
