//! springline.lock: which plugin a name stands for, until somebody decides otherwise.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use springline_config::{Lock, LockedPlugin};

use crate::cli::error::{CliError, Kind};
use crate::paths;
use crate::site::Site;

/// How long others who write pins are waited for: each is through in a moment.
const TURN: Duration = Duration::from_secs(5);
/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(2);

/// A lock file, and what was added to it.
pub struct LockFile {
    /// What is pinned.
    pub lock: Lock,
    /// Where it is written; none where there is no work tree.
    path: Option<PathBuf>,
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
        Ok(Self { lock, path, changed: BTreeSet::new() })
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
        Ok(Self { lock, path: Some(path), changed: BTreeSet::new() })
    }

    /// Pins a plugin.
    pub fn pin(&mut self, name: &str, plugin: &LockedPlugin) {
        if self.lock.get(name) != Some(plugin) {
            self.lock.set(name, plugin.clone());
            self.changed.insert(name.to_owned());
        }
    }

    /// Writes it if something was pinned, as a whole or not at all, and returns where. What somebody
    /// else pinned there in the meantime stays, also where it is not what the commit at hand pins.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self) -> Result<Option<&Path>, CliError> {
        let Some(path) = self.path.as_deref().filter(|_| !self.changed.is_empty()) else { return Ok(None) };
        let failed = |error: std::io::Error| CliError::unwritable(path, Kind::Config, &error);
        let directory = path.parent().unwrap_or(Path::new("."));
        // Whoever reads the file to write it, in this process or another, takes turns. The directory is what is
        // locked: the file is another one with every write, and one more would lie in the work tree. Some file
        // systems lock no directory; and who began this may hold the lock itself.
        let turn = File::open(directory).map_err(failed)?;
        let until = Instant::now() + TURN;
        while matches!(turn.try_lock(), Err(TryLockError::WouldBlock)) && Instant::now() < until {
            thread::sleep(LOOK);
        }
        let written = self.merge_into(path, directory);
        // A child that another thread is just starting would hold the lock as long as it has the file.
        let _ = turn.unlock();
        written.map(|()| Some(path))
    }

    /// Writes what was pinned into the file as it is now.
    fn merge_into(&self, path: &Path, directory: &Path) -> Result<(), CliError> {
        let mut lock = match read(path)? {
            Some(text) => Lock::parse(&path.display().to_string(), &text)?,
            None => Lock::default(),
        };
        for (name, plugin) in self.lock.iter() {
            if self.changed.contains(name) || lock.get(name).is_none() {
                lock.set(name, plugin.clone());
            }
        }
        let failed = |error: std::io::Error| CliError::unwritable(path, Kind::Config, &error);
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        std::io::Write::write_all(&mut file, lock.to_text().as_bytes()).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(file.path(), mode).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
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

    /// Says to a test that it is to pin things here.
    const PINS_HERE: &str = "SPRINGLINE_TEST_PINS_HERE";

    fn plugin(digest: Digest) -> LockedPlugin {
        LockedPlugin { source: PluginSource::Path, digest, version: None, manifest: None, tag: None }
    }

    fn pin(state: &Path, name: &str, digest: Digest) {
        let mut lock = LockFile::of_operator(state).map_err(|error| error.message).unwrap();
        lock.pin(name, &plugin(digest));
        lock.save().map_err(|error| error.message).unwrap();
    }

    /// What two threads pin, one after the other.
    fn pin_many(state: &Path, who: &str) {
        std::thread::scope(|scope| {
            for thread in ["a", "b"] {
                scope.spawn(move || {
                    for at in 0..25 {
                        pin(state, &format!("./{who}-{thread}-{at}.wasm"), Digest::of(who));
                    }
                });
            }
        });
    }

    #[test]
    fn those_who_pin_at_once_lose_no_pin() {
        if let Some(state) = std::env::var_os(PINS_HERE) {
            return pin_many(Path::new(&state), "other");
        }
        let state = tempfile::tempdir().unwrap();
        let mut other = std::process::Command::new(std::env::current_exe().unwrap());
        other.args(["--exact", "lockfile::tests::those_who_pin_at_once_lose_no_pin"]).env(PINS_HERE, state.path());
        let mut other = other.stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut rounds = 0;
        let ended = loop {
            pin_many(state.path(), &format!("this-{rounds}"));
            rounds += 1;
            if let Some(ended) = other.try_wait().unwrap() {
                break ended;
            }
        };
        assert!(ended.success());
        let lock = LockFile::of_operator(state.path()).map_err(|error| error.message).unwrap().lock;
        assert_eq!(lock.iter().count(), (rounds + 1) * 50, "{}", lock.to_text());
        let left: Vec<_> = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [paths::LOCK], "and nothing else is left");
    }

    #[test]
    fn what_was_pinned_in_the_meantime_stays_whatever_the_commit_says() {
        let root = tempfile::tempdir().unwrap();
        let site = Site { work_dir: Some(root.path().to_owned()), ..Site::default() };
        let mut committed = Lock::default();
        committed.set("./known.wasm", plugin(Digest::of("old")));
        let mut lock = LockFile::of_source(Some(&committed.to_text()), &site).map_err(|error| error.message).unwrap();
        pin(root.path(), "./known.wasm", Digest::of("new"));
        lock.pin("./added.wasm", &plugin(Digest::of("added")));
        lock.save().map_err(|error| error.message).unwrap();
        let lock = LockFile::of_operator(root.path()).map_err(|error| error.message).unwrap().lock;
        assert_eq!(lock.get("./known.wasm").unwrap().digest, Digest::of("new"));
        assert!(lock.get("./added.wasm").is_some());
    }
}
