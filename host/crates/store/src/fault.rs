//! What goes wrong inside, and what of it the outside is told.

use std::io;
use std::path::Path;

use springline_model::port::StoreError;

/// Why something inside the store failed. What it is told to the outside as needs the state
/// directory's path ([`Fault::at`]).
#[derive(Debug)]
pub(crate) enum Fault {
    /// The storage engine reported it.
    Sled(sled::Error),
    /// The operating system reported it, while this was done.
    Io(String, io::Error),
    /// What is there is not what was written.
    Damaged(String),
    /// What was asked for can't be done.
    Refused(String),
    /// It is an error for the outside already.
    Told(StoreError),
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        Self::Sled(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl Fault {
    /// What the operating system reported while this was done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Io(doing, error)
    }

    /// Tells it as a fault of the state in this directory.
    pub fn at(self, directory: &Path) -> StoreError {
        let path = || directory.display().to_string();
        let damaged = |message: String| StoreError::Damaged { path: path(), message };
        match self {
            Self::Told(error) => error,
            Self::Refused(message) => StoreError::Io(message),
            Self::Damaged(message) => damaged(message),
            Self::Io(_, error) | Self::Sled(sled::Error::Io(error)) if is_full(&error) => StoreError::NoSpace(path()),
            Self::Io(doing, error) if may_not_be_written(&error) => StoreError::Io(format!(
                "{doing}: {error}; what only reads a state writes to it as well: copy it to where you may write, and \
                 name that with --state DIR"
            )),
            Self::Io(doing, error) => StoreError::Io(format!("{doing}: {error}")),
            Self::Sled(sled::Error::Io(error)) if is_damage(&error) => damaged(format!("its database: {error}")),
            Self::Sled(sled::Error::Io(error)) => StoreError::Io(format!("the database in {}: {error}", path())),
            // The text that comes with it speaks of the engine's internals.
            Self::Sled(sled::Error::Corruption { .. }) => {
                damaged("its database has bytes that were never written".into())
            }
            Self::Sled(error) => damaged(format!("its database: {error}")),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn may_not_be_written(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Whether the operating system was fine and the file was not: it ends too early, or is gone.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotFound
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_may_not_be_written_says_what_to_do() {
        for (kind, has) in [(io::ErrorKind::ReadOnlyFilesystem, true), (io::ErrorKind::IsADirectory, false)] {
            let told = Fault::io("locking the state directory /s")(kind.into()).at(Path::new("/s")).to_string();
            assert!(told.starts_with("locking the state directory /s: "), "{told}");
            assert_eq!(told.contains("--state DIR"), has, "{told}");
        }
    }
}
