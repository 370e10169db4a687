//! The files a guest sees: read-only mounts that write down every look at them, and the writable
//! `/out` of a build step. Neither is a directory of the machine.

mod contents;
mod facts;
mod mounts;
mod out;
mod path;

use springline_model::tree::TreeError;

pub use contents::Held;
pub use mounts::Mounts;
pub use out::{NodeId, Open, Out, OutError};

/// Why an operation on a guest's files failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// There is nothing at the path.
    #[error("no such file or directory")]
    NotFound,
    /// A part of the path is no directory, or a directory was wanted.
    #[error("not a directory")]
    NotDirectory,
    /// It is a directory, and a file was wanted.
    #[error("is a directory")]
    IsDirectory,
    /// The path or a link's target leaves what the guest was given.
    #[error("operation not permitted")]
    NotPermitted,
    /// There is something at the path already.
    #[error("file exists")]
    Exists,
    /// The directory has entries.
    #[error("directory not empty")]
    NotEmpty,
    /// The mount can't be written.
    #[error("read-only file system")]
    ReadOnly,
    /// The name or the argument makes no sense here.
    #[error("invalid argument")]
    Invalid,
    /// More than 40 symbolic links, or a link where none may be followed.
    #[error("too many levels of symbolic links")]
    Loop,
    /// The limit on written bytes is reached.
    #[error("limit on written bytes reached")]
    QuotaBytes,
    /// The limit on files and directories is reached.
    #[error("limit on files and directories reached")]
    QuotaEntries,
    /// The call looked at more than a trace can hold.
    #[error("the call looked at more paths than can be kept track of")]
    Untraceable,
    /// The mounted tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The host could not do its part.
    #[error("{0}")]
    Io(String),
}
