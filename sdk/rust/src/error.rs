//! Why a call did not succeed.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The result of what may fail in a plugin.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not succeed. The host acts on the case, never on the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The input is wrong: trying again changes nothing, mending it does. Never empty.
    Invalid(Vec<Violation>),
    /// A power that the call needs was not granted.
    Denied(String),
    /// Live is not what the change was planned on: it is planned again.
    Conflict(String),
    /// Something outside failed in a way that passes.
    Transient {
        /// What happened.
        message: String,
        /// How long to wait before the next try; none leaves it to the host.
        retry_after: Option<Duration>,
    },
    /// Anything else: trying again is no use.
    Failed(String),
}

impl Error {
    /// The input is wrong in this way.
    pub fn invalid(violation: impl Into<Violation>) -> Self {
        Self::Invalid(vec![violation.into()])
    }

    /// A power is missing.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::Denied(message.into())
    }

    /// Live is not what was expected.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    /// Something passing; when to try again is left to the host.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient { message: message.into(), retry_after: None }
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violations) => {
                for (at, violation) in violations.iter().enumerate() {
                    let line_break = if at == 0 { "" } else { "\n" };
                    write!(f, "{line_break}{violation}")?;
                }
                Ok(())
            }
            Self::Denied(message) => write!(f, "denied: {message}"),
            Self::Conflict(message) | Self::Transient { message, .. } | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

/// [`Error::Failed`] with the text of the I/O error. Prefer [`AtPath::at`], which names the path.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

/// Names the path that an I/O error is about.
pub trait AtPath<T> {
    /// [`Error::Failed`] with the path and the text of the I/O error.
    ///
    /// # Errors
    /// Where `self` is one.
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| Error::Failed(format!("{}: {error}", path.as_ref().display())))
    }
}

/// One thing wrong with the input, precise enough to mend it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, and what would be right.
    pub message: String,
    /// The file it is in, below the input; none if it is in the config.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u32>,
    /// The place in the config, a JSON pointer such as `/values/0`; none if it is in a file.
    pub pointer: Option<String>,
}

impl Violation {
    /// Says what is wrong, and what would be right.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Says which file it is in, by its path below the input.
    #[must_use]
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Says which line of the file it is in, from 1.
    #[must_use]
    pub fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// Says where in the config it is, by a JSON pointer such as `/values/0`.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}

impl From<&str> for Violation {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Violation {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line, &self.pointer) {
            (Some(file), Some(line), _) => write!(f, "{file}:{line}: {}", self.message),
            (Some(file), None, _) => write!(f, "{file}: {}", self.message),
            (None, _, Some(pointer)) => write!(f, "{pointer}: {}", self.message),
            (None, _, None) => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told_with_its_place() {
        let error = Error::Invalid(vec![
            Violation::new("no title").file("a.md").line(3),
            Violation::new("too long").pointer("/title"),
            "empty".into(),
        ]);
        assert_eq!(error.to_string(), "a.md:3: no title\n/title: too long\nempty");
    }

    #[test]
    fn an_io_error_names_its_path() {
        let missing = std::fs::read("/nowhere/at-all").at("/nowhere/at-all").unwrap_err();
        let Error::Failed(message) = missing else { panic!("{missing:?}") };
        assert!(message.starts_with("/nowhere/at-all: "), "{message}");
    }
}
