//! What is built.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::BuildError;

/// The languages that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// Go.
    Go,
    /// C.
    C,
    /// Any other: the project names the command that makes the component.
    Other,
}

impl Language {
    /// The directory below `sdk/` with its SDK.
    pub const fn sdk(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript | Self::TypeScript => "js",
            Self::Go => "go",
            Self::C => "c",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Go => "go",
            Self::C => "c",
            Self::Other => "other",
        })
    }
}

/// A plugin project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its directory, absolute.
    pub directory: PathBuf,
    /// The plugin's name, in kebab-case.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Its kind: `build-step`, `renderer` or `deploy-target`.
    pub kind: String,
    /// Where the component is put, absolute.
    pub component: PathBuf,
    /// The command that makes the component, for [`Language::Other`].
    pub command: Vec<String>,
}

impl Project {
    /// The SDK of its language: the vendored one in `sdk`, or for what lies in the SDK itself
    /// (`sdk/LANG/examples/NAME`) the directory two levels up.
    pub fn sdk(&self) -> PathBuf {
        let vendored = self.directory.join("sdk");
        if vendored.is_dir() {
            return vendored;
        }
        self.directory.ancestors().nth(2).unwrap_or(&self.directory).to_owned()
    }

    /// The contract: `wit` beside the vendored SDK's files, or the nearest one from the project's
    /// directory upwards, which in Springline's repository is its own.
    pub fn wit(&self) -> PathBuf {
        let vendored = self.sdk().join("wit");
        if vendored.is_dir() {
            return vendored;
        }
        let above = self.directory.ancestors().map(|directory| directory.join("wit"));
        above.into_iter().find(|wit| wit.is_dir()).unwrap_or(vendored)
    }

    /// The world of its kind in the contract.
    pub fn world(&self) -> String {
        format!("{}-plugin", self.kind)
    }

    /// A directory for what lies between source and component, made if it is missing.
    ///
    /// # Errors
    /// [`BuildError::Io`].
    pub fn work(&self) -> Result<PathBuf, BuildError> {
        let work = self.component.parent().unwrap_or(&self.directory).to_owned();
        fs::create_dir_all(&work).map_err(|error| BuildError::io(&work, &error))?;
        Ok(work)
    }

    /// Puts the component where it belongs, as a whole or not at all. One that is equal is left
    /// as it is, its time of change included.
    ///
    /// # Errors
    /// [`BuildError::Io`].
    pub fn put(&self, bytes: &[u8]) -> Result<(), BuildError> {
        if fs::read(&self.component).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        let work = self.work()?;
        let told = |error: std::io::Error| BuildError::io(&self.component, &error);
        let mut file = tempfile::NamedTempFile::new_in(&work).map_err(told)?;
        std::io::Write::write_all(&mut file, bytes).map_err(told)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(file.path(), mode).map_err(told)?;
        file.persist(&self.component).map_err(|error| told(error.error))?;
        Ok(())
    }

    /// A path of the project as people read it: from its directory on.
    pub fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.directory).unwrap_or(path).display()
    }
}
