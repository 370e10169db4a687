//! springline.lock: which plugin a name stands for, until somebody decides otherwise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use springline_config::{Lock, LockedPlugin};

use crate::cli::error::{CliError, Kind};
use crate::paths;
use crate::site::Site;

/// Held by whoever reads a lock file to write it: several verbs of a process may pin something at once.
static WRITING: Mutex<()> = Mutex::new(());

/// A lock file, and what was added to it.
pub struct LockFile {
    /// What is pinned.
    pub lock: Lock,
    /// Where it is written; none where there is no work tree.
    path: Option<PathBuf>,
    /// Whether what a commit pins is in it, which goes before what the file says.
    committed: bool,
    /// The names that were pinned.
    changed: BTreeSet<String>,
}

impl LockFile {
    /// The repository's: what the revision pins, and for what it does not, what the work tree
    /// pins.
    ///
    /// # Errors
    /// A file that is wrong.
    pub fn of_source(committed: Option<&str>, site: &Site) -> Result<Self, CliError> {
        let path = site.file_on_disk(paths::LOCK);
        let name = site.path(paths::LOCK);
        let mut lock = Lock::default();
        if let Some(path) = &path
            && let Some(text) = read(path)?
        {
            lock = Lock::parse(&name, &text)?;
        }
        if let Some(text) = committed {
            for (name, plugin) in Lock::parse(&name, text)?.iter() {
                lock.set(name, plugin.clone());
            }
        }
        Ok(Self { lock, path, committed: committed.is_some(), changed: BTreeSet::new() })
    }

    /// The operator's, in the state directory.
    ///
    /// # Errors
    /// A file that is wrong.
    pub fn of_operator(state: &Path) -> Result<Self, CliError> {
        let path = state.join(paths::LOCK);
        let lock = match read(&path)? {
            Some(text) => Lock::parse(&path.display().to_string(), &text)?,
            None => Lock::default(),
        };
        Ok(Self { lock, path: Some(path), committed: false, changed: BTreeSet::new() })
    }

    /// Pins a plugin.
    pub fn pin(&mut self, name: &str, plugin: &LockedPlugin) {
        if self.lock.get(name) != Some(plugin) {
            self.lock.set(name, plugin.clone());
            self.changed.insert(name.to_owned());
        }
    }

    /// Writes it if something was pinned, as a whole or not at all, and returns where. What somebody
    /// else pinned there in the meantime stays.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self) -> Result<Option<&Path>, CliError> {
        let Some(path) = self.path.as_deref().filter(|_| !self.changed.is_empty()) else { return Ok(None) };
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lock = match read(path)? {
            Some(text) => Lock::parse(&path.display().to_string(), &text)?,
            None => Lock::default(),
        };
        for (name, plugin) in self.lock.iter() {
            if self.committed || self.changed.contains(name) || lock.get(name).is_none() {
                lock.set(name, plugin.clone());
            }
        }
        let failed = |error: std::io::Error| CliError::unwritable(path, Kind::Config, &error);
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        std::io::Write::write_all(&mut file, lock.to_text().as_bytes()).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(file.path(), mode).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(Some(path))
    }
}

fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::new(Kind::Config, format!("{} can't be read: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use springline_config::PluginSource;
    use springline_model::Digest;

    use super::*;

    #[test]
    fn those_who_pin_at_once_lose_no_pin() {
        let state = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..32).map(|at| format!("./{at}.wasm")).collect();
        let state = &state;
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(move || {
                    let mut lock = LockFile::of_operator(state.path()).map_err(|error| error.message).unwrap();
                    let source = PluginSource::Path;
                    let digest = Digest::of(name);
                    lock.pin(name, &LockedPlugin { source, digest, version: None, manifest: None, tag: None });
                    lock.save().map_err(|error| error.message).unwrap();
                });
            }
        });
        let lock = LockFile::of_operator(state.path()).map_err(|error| error.message).unwrap().lock;
        assert!(names.iter().all(|name| lock.get(name).is_some()), "{}", lock.to_text());
    }
}
