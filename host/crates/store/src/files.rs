//! The files of a state directory beside the database: its version, its owner's lock, and how many
//! writes were acknowledged.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use springline_model::Digest;
use springline_model::port::StoreError;

use crate::fault::{Fault, Result};

/// The newest version of the state's format that is known here.
///
/// Since 2 a run's steps lie beside it, history has an index, and old records may be gone.
pub(crate) const VERSION: u32 = 2;

/// The paths of a state directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The state directory.
    pub root: PathBuf,
}

impl Layout {
    /// The database's directory.
    pub fn database(&self) -> PathBuf {
        self.root.join("db")
    }

    fn version(&self) -> PathBuf {
        self.root.join("version")
    }

    fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Present while a new state is being set up.
    fn setup(&self) -> PathBuf {
        self.root.join("setup")
    }

    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    fn acknowledged(&self) -> PathBuf {
        self.root.join("acknowledged")
    }

    /// The version of the state; none if there is none yet.
    pub fn read_version(&self) -> Result<Option<u32>> {
        let text = match fs::read(self.version()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::io("reading the state's version")(error)),
        };
        let version = str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
        match version {
            Some(version @ 1..=VERSION) => Ok(Some(version)),
            Some(found @ 1..) => {
                let path = self.root.display().to_string();
                Err(StoreError::Newer { path, found, known: VERSION }.into())
            }
            _ => Err(Fault::Damaged("its `version` file is not one that Springline wrote".into())),
        }
    }

    /// Begins to set up a new state, or once more what was cut off. What is there besides, without
    /// a version, is never touched.
    pub fn begin_setup(&self) -> Result<()> {
        if !self.setup().exists() {
            if self.database().exists() || self.acknowledged().exists() {
                return Err(Fault::Damaged("its `version` file is missing".into()));
            }
            File::create(self.setup()).map_err(Fault::io("writing the state directory"))?;
            sync_directory(&self.root)?;
        }
        match fs::remove_dir_all(self.database()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::io("clearing the database")(error)),
            _ => Ok(()),
        }
    }

    /// Says that the state, of an older version until now, is as this version of the format has it.
    pub fn upgrade(&self) -> Result<()> {
        let writing = || Fault::io("writing the state directory");
        let new = self.root.join("version.new");
        let mut version = File::create(&new).map_err(writing())?;
        writeln!(version, "{VERSION}").and_then(|()| version.sync_all()).map_err(writing())?;
        fs::rename(new, self.version()).map_err(writing())?;
        sync_directory(&self.root)
    }

    /// Ends it: from now on what is in the state counts.
    pub fn end_setup(&self) -> Result<()> {
        let writing = || Fault::io("writing the state directory");
        let mut version = File::create(self.version()).map_err(writing())?;
        writeln!(version, "{VERSION}").and_then(|()| version.sync_all()).map_err(writing())?;
        sync_directory(&self.root)?;
        fs::remove_file(self.setup()).map_err(writing())?;
        // The state directory itself may be new.
        self.root.parent().map_or(Ok(()), |parent| {
            sync_directory(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
        })
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(Fault::io(format!("syncing {}", path.display())))
}

/// Who owns a state directory, as its lock file says.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    verb: String,
    /// In seconds since 1970.
    since: u64,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hour, minute, second) = (self.since / 3600 % 24, self.since / 60 % 60, self.since % 60);
        let command = format!("springline {}", self.verb);
        let (command, pid) = (command.trim_end(), self.pid);
        write!(f, "`{command}` (pid {pid}, since {hour:02}:{minute:02}:{second:02} UTC)")
    }
}

/// The right to use a state directory. It ends with this value, or with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that another thread is just starting has it, too,
        // and with it the lock. If it fails the lock goes with the last of them.
        self.file.unlock().ok();
    }
}

impl Lock {
    /// Takes it. What a dead owner left in the file is no obstacle: its lock died with it.
    pub fn take(layout: &Layout, verb: &str) -> Result<Self> {
        let locking = || Fault::io(format!("locking the state directory {}", layout.root.display()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(layout.lock()).map_err(locking())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(locking())?;
                let owner = serde_json::from_str::<Owner>(&text);
                let owner = owner.map_or_else(|_| "another process".into(), |owner| owner.to_string());
                return Err(StoreError::Busy { path: layout.root.display().to_string(), owner }.into());
            }
            Err(TryLockError::Error(error)) => return Err(locking()(error)),
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let owner = Owner { pid: std::process::id(), verb: verb.into(), since };
        let text = serde_json::to_string(&owner).unwrap_or_default() + "\n";
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(locking())?;
        Ok(Self { file })
    }
}

/// How many durable writes were acknowledged, kept outside the database: a database that knows of
/// fewer has lost some.
///
/// It is written after the database was synced and is not synced itself: after a power cut it may
/// lag behind, never run ahead. It is overwritten in place, which needs no space.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    file: File,
}

impl Acknowledged {
    /// Starts at nothing.
    pub fn create(layout: &Layout) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(layout.acknowledged()).map_err(Fault::io("writing the state directory"))?;
        let acknowledged = Self { file };
        acknowledged.write(0)?;
        acknowledged.file.sync_all().map_err(Fault::io("writing the state directory"))?;
        Ok(acknowledged)
    }

    /// Opens it, and returns it with its number.
    pub fn open(layout: &Layout) -> Result<(Self, u64)> {
        let damaged = || Fault::Damaged("its `acknowledged` file is missing or not one that Springline wrote".into());
        let opened = OpenOptions::new().read(true).write(true).open(layout.acknowledged());
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged()),
            Err(error) => return Err(Fault::io("reading the state directory")(error)),
        };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Fault::io("reading the state directory"))?;
        let digits = str::from_utf8(&text).ok().and_then(|text| text.get(..20)).ok_or_else(damaged)?;
        let number = digits.parse().map_err(|_| damaged())?;
        if text != line(number).as_bytes() {
            return Err(damaged());
        }
        Ok((Self { file }, number))
    }

    /// Sets it.
    pub fn write(&self, number: u64) -> Result<()> {
        self.file.write_all_at(line(number).as_bytes(), 0).map_err(Fault::io("writing the state directory"))
    }
}

/// A line of fixed length: the number, and a check of it.
fn line(number: u64) -> String {
    let digits = format!("{number:020}");
    let check = Digest::of(&digits).short();
    format!("{digits} {check}\n")
}
