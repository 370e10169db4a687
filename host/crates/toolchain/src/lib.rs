//! Builds plugins: finds each language's toolchain and makes components.
//!
//! A language is one file here that implements [`Toolchain`], and one line in `toolchain`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod c;
mod command;
pub mod component;
mod error;
mod go;
mod javascript;
mod other;
mod project;
mod python;
mod rust;

use std::path::Path;

use command::{find, newest, run};
use error::missing;

pub use command::shell_line;
pub use error::{BuildError, Missing};
pub use project::{Language, Project};

/// A language's toolchain.
pub trait Toolchain: Sync {
    /// What building this project takes and is not there, with the commands that get it. Looks
    /// only; changes nothing.
    fn missing(&self, job: &Job<'_>) -> Vec<Missing>;

    /// Builds the project, whose toolchain is there, and returns the component's bytes.
    ///
    /// # Errors
    /// See [`BuildError`].
    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError>;
}

/// One build.
pub struct Job<'j> {
    /// What is built.
    pub project: &'j Project,
    /// A directory outside the project for what is installed or kept between builds. It is this
    /// user's, is shared by all projects, and may be removed at any time.
    pub cache: &'j Path,
    /// Whether the component is to carry debug information (DWARF) for backtraces with lines.
    pub debug: bool,
    /// Is told each command before it is run.
    pub say: &'j dyn Fn(&str),
}

/// The toolchain of a language.
fn toolchain(language: Language) -> &'static dyn Toolchain {
    match language {
        Language::Rust => &rust::Rust,
        Language::Python => &python::Python,
        Language::JavaScript | Language::TypeScript => &javascript::JavaScript,
        Language::Go => &go::Go,
        Language::C => &c::C,
        Language::Other => &other::Other,
    }
}

/// What is missing to build a project.
pub fn look(job: &Job<'_>) -> Vec<Missing> {
    toolchain(job.project.language).missing(job)
}

/// Gets what is missing, by the commands that were named.
///
/// # Errors
/// A command that fails; what is still missing afterwards.
pub fn install(job: &Job<'_>, missing: &[Missing]) -> Result<(), BuildError> {
    for command in missing.iter().flat_map(|missing| &missing.commands) {
        let Some((program, arguments)) = command.split_first() else { continue };
        let mut command = std::process::Command::new(program);
        command.current_dir(&job.project.directory);
        run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"), job.say)?;
    }
    let left = look(job);
    if left.is_empty() { Ok(()) } else { Err(BuildError::Missing(left)) }
}

/// Builds a project: its component is put where the project says, as a whole or not at all, and
/// its bytes are returned.
///
/// # Errors
/// See [`BuildError`].
pub fn build(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let missing = look(job);
    if !missing.is_empty() {
        return Err(BuildError::Missing(missing));
    }
    let bytes = toolchain(job.project.language).build(job)?;
    component::check(&bytes)?;
    job.project.put(&bytes)?;
    Ok(bytes)
}
