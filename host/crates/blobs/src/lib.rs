//! Content-addressed blobs and directories on disk.
//!
//! A blob is a file named by the SHA-256 of its bytes: `ab/cdef…` below the store's directory. A
//! directory is a blob too, a node that lists names, kinds and digests ([`node`]); nodes refer to
//! nodes, so that a tree is one digest and equal directories are stored once.
//!
//! Bytes are checked whenever they are read, and what is there already is compared before it is
//! taken for what is put. Nothing is durable before [`Blobs::sync`](springline_model::port::Blobs::sync).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod build;
mod disk;
mod durable;
pub mod node;
mod tree;

pub use disk::DiskBlobs;

use std::io;
use std::path::Path;

use springline_model::port::BlobError;

/// The error of an operation on a path.
fn io_error(path: &Path, error: &io::Error) -> BlobError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::NoSpace(path.display().to_string()),
        _ => BlobError::Io(format!("{}: {error}", path.display())),
    }
}
