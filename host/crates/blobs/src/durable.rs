//! What has been written and is not on disk for certain.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use springline_model::port::BlobError;

use crate::io_error;

/// Up to this many files are synced one by one; more, and the whole file system is, once.
const FEW: usize = 64;

/// Keeps account of files that were written, and makes them durable.
///
/// A marker file exists while there are any. A process that dies leaves it behind, and the next
/// one then knows that files which it finds, whole in the page cache, may not be on disk yet. The
/// marker itself needs no sync: after a loss of power what can be read has been on disk.
pub(crate) struct Durable {
    directory: PathBuf,
    marker: PathBuf,
    pending: Mutex<Pending>,
    /// Held throughout a sync: whoever asks for one meanwhile waits for files that it covers.
    syncing: Mutex<()>,
}

#[derive(Default)]
struct Pending {
    files: Vec<PathBuf>,
    /// There may be others, from a process that died.
    unknown: bool,
    /// Directories were created in the store's own, or the store's own was.
    directories: bool,
    /// Writes begun and not yet in `files`.
    writing: usize,
    marked: bool,
}

/// A write under way.
pub(crate) struct Writing<'d>(&'d Durable);

impl Durable {
    /// For the store in this directory; `created` says that the directory is new.
    pub(crate) fn open(directory: &Path, created: bool) -> Self {
        let marker = directory.join("unsynced");
        let unknown = marker.exists();
        let pending = Pending { unknown, marked: unknown, directories: created, ..Pending::default() };
        Self { directory: directory.to_owned(), marker, pending: Mutex::new(pending), syncing: Mutex::default() }
    }

    /// To be called before a file gets its final name.
    pub(crate) fn begin(&self) -> Result<Writing<'_>, BlobError> {
        let mut pending = self.pending();
        if !pending.marked {
            File::create(&self.marker).map_err(|error| io_error(&self.marker, &error))?;
            pending.marked = true;
        }
        pending.writing += 1;
        Ok(Writing(self))
    }

    /// To be called when a directory has been created in the store's.
    pub(crate) fn created_directory(&self) {
        self.pending().directories = true;
    }

    /// Makes everything durable that was written before the call. What could not be made durable
    /// is removed: after a failed sync the operating system would say of the same files that
    /// they are fine.
    pub(crate) fn sync(&self) -> Result<(), BlobError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, unknown, directories) = {
            let mut pending = self.pending();
            let files = std::mem::take(&mut pending.files);
            (files, std::mem::take(&mut pending.unknown), std::mem::take(&mut pending.directories))
        };
        let synced = if unknown || files.len() > FEW {
            self.sync_file_system(directories)
        } else {
            self.sync_each(&files, directories)
        };
        if let Err(error) = synced {
            for file in &files {
                let _ = std::fs::remove_file(file);
            }
            let mut pending = self.pending();
            pending.unknown |= unknown;
            pending.directories |= directories;
            return Err(error);
        }
        let mut pending = self.pending();
        if pending.marked && pending.files.is_empty() && pending.writing == 0 {
            // A marker that stays costs one needless sync and nothing else.
            pending.marked = std::fs::remove_file(&self.marker).is_err();
        }
        Ok(())
    }

    fn sync_file_system(&self, directories: bool) -> Result<(), BlobError> {
        let directory = File::open(&self.directory).map_err(|error| io_error(&self.directory, &error))?;
        rustix::fs::syncfs(&directory).map_err(|error| io_error(&self.directory, &error.into()))?;
        // The store's directory may be a mount point, and its name in another file system.
        if directories { self.sync_parent() } else { Ok(()) }
    }

    fn sync_each(&self, files: &[PathBuf], directories: bool) -> Result<(), BlobError> {
        for file in files {
            match File::open(file).and_then(|opened| opened.sync_data()) {
                // Removed since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|error| io_error(file, &error))?,
            }
        }
        let parents: BTreeSet<_> = files.iter().filter_map(|file| file.parent()).collect();
        for parent in parents {
            sync_directory(parent)?;
        }
        if directories {
            sync_directory(&self.directory)?;
            self.sync_parent()?;
        }
        Ok(())
    }

    fn sync_parent(&self) -> Result<(), BlobError> {
        match self.directory.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing<'_> {
    /// The file has its final name.
    pub(crate) fn done(self, file: PathBuf) {
        self.0.pending().files.push(file);
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.pending().writing -= 1;
    }
}

fn sync_directory(directory: &Path) -> Result<(), BlobError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(|error| io_error(directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_for_what_is_not_synced() {
        let dir = tempfile::tempdir().unwrap();
        let (marker, file) = (dir.path().join("unsynced"), dir.path().join("file"));
        let durable = Durable::open(dir.path(), false);
        durable.sync().unwrap();
        assert!(!marker.exists());

        let writing = durable.begin().unwrap();
        assert!(marker.exists());
        durable.sync().unwrap();
        assert!(marker.exists(), "a write is under way");
        std::fs::write(&file, "x").unwrap();
        writing.done(file);

        let after_a_death = Durable::open(dir.path(), false);
        assert!(after_a_death.pending().unknown);
        after_a_death.sync().unwrap();
        assert!(!marker.exists());
    }

    #[test]
    fn what_was_removed_before_the_sync_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let durable = Durable::open(dir.path(), true);
        durable.begin().unwrap().done(dir.path().join("gone"));
        durable.sync().unwrap();
        assert!(durable.pending().files.is_empty());
    }

    #[test]
    fn what_could_not_be_synced_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let durable = Durable::open(dir.path(), false);
        let (good, bad) = (dir.path().join("good"), dir.path().join("bad"));
        std::fs::write(&good, "x").unwrap();
        // Opening a link to itself fails.
        std::os::unix::fs::symlink(&bad, &bad).unwrap();
        for file in [&good, &bad] {
            durable.begin().unwrap().done(file.clone());
        }
        assert!(durable.sync().is_err());
        assert!(!good.exists() && bad.symlink_metadata().is_err());
    }
}
