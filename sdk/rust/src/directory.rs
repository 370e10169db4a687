//! The directory that the operator lends to a deploy target.

use crate::error::Result;
use crate::host::{Current, Host as _};

/// The most paths that are inspected in one call of the host.
const BATCH: usize = 1_000;
/// The most that one call of the host reads, in bytes.
const CHUNK: u32 = 1 << 20;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A socket, a device or the like.
    Other,
}

impl NodeKind {
    /// Whether this is a regular file, executable or not.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }
}

/// What is at a path, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its path, as asked for.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
    /// The digest of a file's bytes or of a link's target; empty for what is neither.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// Where a symbolic link points; empty for anything else.
    pub link: String,
    /// Who owns it, `APPLICATION/ENVIRONMENT`; empty if nobody does.
    pub owner: String,
}

/// A directory outside the sandbox, lent by the operator's file. A target that uses it declares the
/// capability `directory`. Paths are relative to it and can't leave it, through symbolic links
/// neither. What an application owns in it is marked in the directory itself.
///
/// Every function fails with [`Error::Denied`](crate::Error::Denied) if no directory was lent or the
/// path would leave it, with [`Error::Failed`](crate::Error::Failed) if the disk is full or the
/// operating system reports anything else.
#[derive(Debug)]
pub struct Directory {
    host: Current,
}

impl Directory {
    pub(crate) fn new(host: Current) -> Self {
        Self { host }
    }

    /// What is at each of these paths, in their order; none where there is nothing.
    ///
    /// # Errors
    /// As the type says.
    pub fn inspect(&self, paths: &[String]) -> Result<Vec<Option<Node>>> {
        let mut nodes = Vec::with_capacity(paths.len());
        for batch in paths.chunks(BATCH) {
            nodes.extend(self.host.inspect(batch)?);
        }
        Ok(nodes)
    }

    /// The bytes of the file at `path`, the first `most` of them.
    ///
    /// # Errors
    /// As the type says.
    pub fn read(&self, path: &str, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < most {
            let left = (most - bytes.len() as u64).min(u64::from(CHUNK));
            let chunk = self.host.read_live(path, bytes.len() as u64, left as u32)?;
            if chunk.is_empty() {
                break;
            }
            bytes.extend(chunk);
        }
        Ok(bytes)
    }

    /// Puts a file with the bytes of this blob at `path`, as a whole or not at all. Parents are
    /// made. `expected` is the digest that [`inspect`](Self::inspect) last gave for the path, none
    /// for nothing there. The path is marked as owned first.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::Error::Conflict) if something else is there or it belongs to
    /// another application; else as the type says.
    pub fn put_file(&self, path: &str, blob: &str, executable: bool, expected: Option<&str>) -> Result<()> {
        self.host.put_file(path, blob, executable, expected.unwrap_or_default())
    }

    /// Puts a symbolic link at `path`, in the same way. A target that would lead out of the
    /// directory is denied.
    ///
    /// # Errors
    /// As [`put_file`](Self::put_file).
    pub fn put_symlink(&self, path: &str, target: &str, expected: Option<&str>) -> Result<()> {
        self.host.put_symlink(path, target, expected.unwrap_or_default())
    }

    /// Removes the file or link at `path`, its mark, and the parents that this leaves empty and
    /// that Springline made. Nothing there is a success.
    ///
    /// # Errors
    /// As [`put_file`](Self::put_file).
    pub fn remove(&self, path: &str, expected: Option<&str>) -> Result<()> {
        self.host.remove(path, expected.unwrap_or_default())
    }

    /// Marks what is at `path` as owned without touching it.
    ///
    /// # Errors
    /// As [`put_file`](Self::put_file).
    pub fn adopt(&self, path: &str) -> Result<()> {
        self.host.adopt(path)
    }

    /// Every path marked as owned by this application and environment, sorted.
    ///
    /// # Errors
    /// As the type says.
    pub fn owned(&self) -> Result<Vec<String>> {
        self.host.owned()
    }
}
