//! Taking files, links and the directories made for them out of a lent directory.

use rustix::fs::{AtFlags, fsync, unlinkat};
use rustix::io::Errno;
use springline_model::tree::split_path;

use super::beneath::Found;
use super::marks::Line;
use super::names::check_path;
use super::write::check_expected;
use super::{DirectoryError, Lent};

impl Lent {
    /// Removes the file or link at a path, its mark, and the parents that this leaves empty and
    /// that Springline made. Nothing there is a success. The mark goes last, so that nothing of
    /// ours is ever without one.
    ///
    /// # Errors
    /// [`DirectoryError::Conflict`] if what is there has not the `expected` digest or has another
    /// owner; [`DirectoryError::Denied`], [`DirectoryError::NoSpace`], [`DirectoryError::Io`].
    pub fn remove(&self, path: &str, expected: &str) -> Result<(), DirectoryError> {
        check_path(path)?;
        self.spoil();
        let mut journal = self.lock();
        let mut journal = journal.lock(&self.root)?;
        self.check_owner(&journal, path)?;
        self.remove_file(path, expected)?;
        let mut lines = Vec::new();
        if journal.marks().owner(path).is_some() {
            lines.push(Line::Free(path.to_owned()));
        }
        let mut directory = split_path(path).0;
        while journal.marks().made(directory) && self.remove_directory(directory)? {
            lines.push(Line::Unmade(directory.to_owned()));
            directory = split_path(directory).0;
        }
        self.sync_nearest(directory)?;
        journal.append(lines)
    }

    fn remove_file(&self, path: &str, expected: &str) -> Result<(), DirectoryError> {
        let (parent, name) = split_path(path);
        let Found::Directory(parent) = self.root.directory(parent)? else { return Ok(()) };
        let Some(seen) = self.root.look(&parent, name, path, &mut Vec::new())? else { return Ok(()) };
        check_expected(path, expected, Some(&seen))?;
        match unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(DirectoryError::from_os("remove", &self.root.full(path), error)),
        }
    }

    /// Removes a directory if it is empty; whether it is gone. Something else in its place
    /// is left alone, and the directory counts as gone.
    pub(super) fn remove_directory(&self, path: &str) -> Result<bool, DirectoryError> {
        let (parent, name) = split_path(path);
        let Found::Directory(parent) = self.root.directory(parent)? else { return Ok(true) };
        match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
            // Not empty, or in use: a mount point, somebody's only permission to it.
            Err(_) => Ok(false),
        }
    }

    /// Makes removals durable: syncs the directory, or the nearest one above that is still there.
    fn sync_nearest(&self, directory: &str) -> Result<(), DirectoryError> {
        let mut path = directory;
        loop {
            if let Found::Directory(directory) = self.root.directory(path)? {
                return fsync(&directory)
                    .map_err(|error| DirectoryError::from_os("sync", &self.root.full(path), error));
            }
            path = split_path(path).0;
        }
    }
}
