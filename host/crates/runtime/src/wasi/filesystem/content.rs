//! Open files: what descriptors and streams read and write.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::code_of;
use super::place::SharedOut;
use crate::bindings::wasi::filesystem::types::ErrorCode;
use crate::files::{FileError, Held, Mounts, NodeId, Open, Out};

/// A node of `/out` that is held open for as long as this lives.
pub(crate) struct OutNode {
    out: SharedOut,
    node: NodeId,
}

impl OutNode {
    /// The root.
    pub(super) fn root(out: SharedOut) -> Self {
        Self { out, node: Out::ROOT }
    }

    /// Which node.
    pub(super) const fn id(&self) -> NodeId {
        self.node
    }

    /// Opens what is at a path from this directory.
    pub(super) fn open(&self, path: &str, how: Open) -> Result<Self, FileError> {
        let node = self.with(|out, node| out.open(node, path, how))?;
        Ok(Self { out: Arc::clone(&self.out), node })
    }

    /// What a path from this directory leads to.
    pub(crate) fn find(&self, path: &str, follow: bool) -> Result<Self, FileError> {
        let node = self.with(|out, node| {
            let found = out.lookup(node, path, follow)?;
            if found != Out::ROOT {
                out.retain(found)?;
            }
            Ok(found)
        })?;
        Ok(Self { out: Arc::clone(&self.out), node })
    }

    /// Does something with `/out` and this node of it.
    pub(crate) fn with<T>(
        &self,
        operation: impl FnOnce(&mut Out, NodeId) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        match &mut *self.out.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(out) => operation(out, self.node),
            None => Err(FileError::NotFound),
        }
    }

    /// Up to `size` bytes from an offset; none at the end.
    fn read(&self, offset: u64, size: usize) -> Result<Bytes, FileError> {
        self.with(|out, node| {
            let left = out.stat(node)?.size.saturating_sub(offset);
            let mut buffer = vec![0; size.min(usize::try_from(left).unwrap_or(usize::MAX))];
            let mut filled = 0;
            while filled < buffer.len() {
                match out.read_at(node, offset + filled as u64, &mut buffer[filled..])? {
                    0 => break,
                    read => filled += read,
                }
            }
            buffer.truncate(filled);
            Ok(buffer.into())
        })
    }
}

impl Clone for OutNode {
    fn clone(&self) -> Self {
        // The node is open, so it is there to be retained.
        let _ = self.with(|out, node| if node == Out::ROOT { Ok(()) } else { out.retain(node) });
        Self { out: Arc::clone(&self.out), node: self.node }
    }
}

impl Drop for OutNode {
    fn drop(&mut self) {
        let _ = self.with(|out, node| {
            if node != Out::ROOT {
                out.close(node);
            }
            Ok(())
        });
    }
}

/// A file to be read.
pub(crate) enum ReadFile {
    /// In a mount. Its bytes are fetched, and traced, when the first one is read, and held if there is room.
    Mount { mounts: Arc<Mounts>, mount: usize, path: String, bytes: Option<Held> },
    /// In `/out`.
    Out(OutFile),
}

/// A file of `/out`.
pub(crate) struct OutFile(pub(super) OutNode);

/// A file to be written.
pub(crate) struct WriteFile(pub(super) OutNode);

impl ReadFile {
    /// Up to `size` bytes from an offset; none at the end.
    pub(crate) fn read(&mut self, offset: u64, size: usize) -> Result<Bytes, ErrorCode> {
        let read = match self {
            Self::Out(OutFile(node)) => node.read(offset, size),
            Self::Mount { bytes: Some(bytes), .. } => Ok(piece(bytes.bytes(), offset, size)),
            Self::Mount { mounts, mount, path, bytes } => mounts.read(*mount, path).map(|all| {
                let piece = piece(&all, offset, size);
                *bytes = mounts.hold(all);
                piece
            }),
        };
        read.map_err(|error| code_of(&error))
    }
}

fn piece(bytes: &Bytes, offset: u64, size: usize) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(size).min(bytes.len());
    bytes.slice(start..end)
}

impl WriteFile {
    /// Writes at an offset.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
        self.0.with(|out, node| out.write_at(node, offset, bytes)).map_err(|error| code_of(&error))
    }

    /// Writes at the end.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<(), ErrorCode> {
        self.0.with(|out, node| out.append(node, bytes)).map(drop).map_err(|error| code_of(&error))
    }
}
