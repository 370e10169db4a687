//! Rendered desired objects, and the trees they may consist of.

/// A rendered desired object, a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is called: unique within a render, stable between renders. Parts separated by `/`,
    /// none empty, `.` or `..`; no control characters; at most 1,024 bytes.
    pub id: String,
    /// Its bytes.
    pub body: Body,
}

/// The most bytes that an object has inline.
pub(crate) const MAX_INLINE: usize = 1 << 20;

/// The bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The bytes themselves, for what is small: up to 1 MiB.
    Inline(Vec<u8>),
    /// The digest of a blob, as [`BlobWriter::finish`](crate::BlobWriter::finish) gave it.
    Blob(String),
    /// The digest of a directory tree: an artifact's, or one given to the call.
    Tree(String),
}

impl Object {
    /// An object of these bytes, at most 1 MiB.
    pub fn inline(id: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { id: id.into(), body: Body::Inline(bytes.into()) }
    }

    /// An object whose bytes are the blob of this digest.
    pub fn blob(id: impl Into<String>, digest: impl Into<String>) -> Self {
        Self { id: id.into(), body: Body::Blob(digest.into()) }
    }

    /// An object that is the directory tree of this digest.
    pub fn tree(id: impl Into<String>, digest: impl Into<String>) -> Self {
        Self { id: id.into(), body: Body::Tree(digest.into()) }
    }
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link.
    Symlink,
}

/// A file or a symbolic link of a tree; directories are implied by the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path below the tree's root, never absolute, without `.` and `..`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The digest of its bytes; for a symbolic link, of its target.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// Where a symbolic link points, relative to the link; empty for a file.
    pub link: String,
}
