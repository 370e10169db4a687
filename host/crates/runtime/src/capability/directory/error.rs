//! How an operation on a lent directory fails.

use std::io;

use rustix::io::Errno;

/// Why an operation on a lent directory failed; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The path, or a link's target, leaves the directory or is Springline's own.
    #[error("{0}")]
    Denied(String),
    /// What is there is not what was expected, or belongs to another application.
    #[error("{0}")]
    Conflict(String),
    /// No space is left, or a quota of the file system is reached.
    #[error("{0}")]
    NoSpace(String),
    /// Anything else that the operating system reports.
    #[error("{0}")]
    Io(String),
}

impl DirectoryError {
    /// What the operating system said when asked to do something (`read`, `write`) to a path.
    pub(super) fn from_os(what: &str, path: &str, error: Errno) -> Self {
        match error {
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace(format!("can't {what} {path}: no space left")),
            Errno::ROFS => Self::Io(format!("can't {what} {path}: the file system is read-only")),
            Errno::ACCESS | Errno::PERM => Self::Io(format!("can't {what} {path}: permission denied")),
            Errno::XDEV => Self::Denied(format!("{path} leads out of the directory")),
            error => Self::Io(format!("can't {what} {path}: {}", io::Error::from(error))),
        }
    }

    /// The same for an error of the standard library.
    pub(super) fn from_io(what: &str, path: &str, error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::from_os(what, path, errno),
            None => Self::Io(format!("can't {what} {path}: {error}")),
        }
    }
}
