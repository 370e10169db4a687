//! The plugin author's desk: one plugin on the real host, outside any repository.

pub mod case;
pub mod compare;
pub mod error;
pub mod perform;
pub mod project;
pub mod snapshot;
mod sync;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use springline_config::CompiledSchema;
use springline_model::Digest;
use springline_model::plugin::{Description, Pinned};
use springline_model::port::{Blobs, Plugins};
use tempfile::TempDir;

use crate::cli::error::{CliError, Kind};
use crate::cli::plugin::build::shown;
use crate::{app, paths};

/// The host's parts that a plugin needs, on a state directory that goes away.
pub struct Desk {
    /// Bytes by digest.
    pub blobs: Arc<dyn Blobs>,
    /// Runs plugins.
    pub plugins: Box<dyn Plugins>,
    scratch: TempDir,
}

/// A plugin on the desk.
pub struct OnDesk {
    /// Its name and digest.
    pub pinned: Pinned,
    /// What it says of itself.
    pub description: Description,
    /// Checks its config.
    pub schema: CompiledSchema,
}

impl Desk {
    /// Puts the parts together.
    ///
    /// # Errors
    /// No temporary directory can be made.
    pub fn open() -> Result<Self, CliError> {
        Self::with_cache(paths::compiled)
    }

    /// As [`open`](Self::open), with nothing compiled yet: what is loaded is compiled anew.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_afresh() -> Result<Self, CliError> {
        Self::with_cache(|scratch| scratch.join("compiled"))
    }

    fn with_cache(cache: impl FnOnce(&Path) -> PathBuf) -> Result<Self, CliError> {
        let failed =
            |error: std::io::Error| CliError::new(Kind::State, format!("no temporary directory can be made: {error}"));
        let scratch = tempfile::Builder::new().prefix("springline-desk-").tempdir().map_err(failed)?;
        let app::Parts { blobs, plugins } = app::parts(scratch.path(), cache(scratch.path()))?;
        Ok(Self { blobs, plugins, scratch })
    }

    /// A directory that goes away with the desk.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Loads a component and asks it what it is.
    ///
    /// # Errors
    /// A file that can't be read or is no plugin.
    pub fn load(&self, component: &Path) -> Result<OnDesk, CliError> {
        let name = shown(component);
        let bytes = std::fs::read(component).map_err(|error| {
            CliError::new(Kind::Usage, format!("{name} can't be read: {error}"))
                .hint("name a component's file, or build it first: `springline plugin build`")
        })?;
        self.load_bytes(&name, &bytes)
    }

    /// As [`load`](Self::load), from bytes.
    ///
    /// # Errors
    /// Bytes that are no plugin.
    pub fn load_bytes(&self, name: &str, bytes: &[u8]) -> Result<OnDesk, CliError> {
        let digest: Digest = self.blobs.put(bytes)?;
        let pinned = Pinned { name: name.to_owned(), digest };
        let description = self.plugins.describe(&pinned)?;
        let schema = CompiledSchema::new(&description.config_schema).map_err(|message| {
            CliError::new(Kind::Plugin, format!("plugin {pinned}: its config schema is wrong: {message}"))
        })?;
        Ok(OnDesk { pinned, description, schema })
    }
}
