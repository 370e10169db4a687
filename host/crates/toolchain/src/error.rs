//! Why a plugin could not be built.

use std::path::{Path, PathBuf};

/// Something that building takes and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What it is, such as `clang with WebAssembly support`.
    pub what: String,
    /// The commands that get it, each a program and its arguments, to be run one after the other.
    /// Without any, it has to be got by hand, as `what` says.
    pub commands: Vec<Vec<String>>,
}

/// Something that is missing, and the commands that get it: `missing("…", &[&["rustup", …]])`.
pub(crate) fn missing(what: impl Into<String>, commands: &[&[&str]]) -> Missing {
    let owned = |command: &&[&str]| command.iter().map(|word| (*word).to_owned()).collect();
    Missing { what: what.into(), commands: commands.iter().map(owned).collect() }
}

/// Why a plugin could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The toolchain is not there, or not all of it.
    #[error("building it takes what is not here: {}", .0.iter().map(|missing| missing.what.as_str()).collect::<Vec<_>>().join(", "))]
    Missing(Vec<Missing>),
    /// A command can't be started.
    #[error("`{command}` can't be started: {message}")]
    Start {
        /// The command as a shell takes it.
        command: String,
        /// What the operating system said.
        message: String,
    },
    /// A command failed.
    #[error("`{command}` failed ({status})\n{output}")]
    Failed {
        /// The command as a shell takes it.
        command: String,
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
    },
    /// What was built is no component, or can't be made one.
    #[error("{0}")]
    Component(String),
    /// The project is not as the language wants it.
    #[error("{0}")]
    Project(String),
    /// A file can't be read or written.
    #[error("{path}: {message}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        message: String,
    },
}

impl BuildError {
    /// What the operating system said about a path.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), message: error.to_string() }
    }
}
