//! From where a verb is called, and what executes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use springline_source::GitSource;

use super::confirm::word;
use super::{Common, Meant};
use crate::app::Owner;

/// From where a verb is called, and what executes it.
#[derive(Clone, Default)]
pub struct Session {
    /// The working directory of whoever calls it.
    pub directory: PathBuf,
    /// The owner of the state directory, where it is this process already.
    pub owner: Option<Arc<Owner>>,
    /// The application that `--app` names, for a verb that reads its source.
    pub meant: Option<Meant>,
    /// Where another process that owns the state directory may execute the verb instead: whether one
    /// answered when the directory was found in use.
    pub answered: Option<Arc<AtomicBool>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Common {
    /// Sets from where the verb is called. The paths that every verb takes start there.
    pub fn called_from(&mut self, directory: &Path) {
        directory.clone_into(&mut self.session.directory);
        if let Some(path) = self.repo.as_ref().filter(|repo| !GitSource::is_address(repo)) {
            self.repo = Some(self.path(Path::new(path)).to_string_lossy().into_owned());
        }
        self.state = self.state.as_ref().map(|state| self.path(state));
    }

    /// What of a command line says where everything is, for a command that is to be typed.
    pub fn again(&self) -> String {
        // Where the application of `--app` comes from, the state knows.
        let given = self.session.meant.is_none();
        let repo = self.repo.as_ref().filter(|_| given).map(|repo| GitSource::shown(repo));
        let path = self.path.clone().filter(|_| given);
        let state = self.state.as_ref().map(|state| state.display().to_string());
        let said = [("--repo", repo), ("--path", path), ("--state", state)];
        said.into_iter().filter_map(|(flag, value)| Some(format!(" {flag} {}", word(&value?)))).collect()
    }

    /// The repository's path or address: the working directory's, where none is named.
    pub fn repository(&self) -> String {
        self.repo.clone().unwrap_or_else(|| self.path(Path::new(".")).to_string_lossy().into_owned())
    }

    /// A path that whoever calls the verb has given: it starts where the verb is called, which need not
    /// be this process's directory.
    pub fn path(&self, given: &Path) -> PathBuf {
        let path = self.session.directory.join(given);
        // Without `.` and doubled slashes; `..` stays, as what is before it may be a link.
        std::path::absolute(&path).unwrap_or(path)
    }
}
