//! Putting files and links into a lent directory, as a whole or not at all.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fsync, mkdirat, openat, renameat, renameat_with, symlinkat, unlinkat,
};
use rustix::io::Errno;
use springline_model::port::ReadAt;
use springline_model::tree::split_path;

use super::beneath::{Found, Root, Seen};
use super::journal::Locked;
use super::marks::Line;
use super::names::{check_path, check_target};
use super::temporary::temporary_name;
use super::{DIRECTORY_MODE, DirectoryError, Lent, NodeKind};

/// How much is copied at once, in bytes.
const BUFFER: usize = 256 << 10;

impl Lent {
    /// Puts a file with these bytes at a path: written beside it, synced, moved over what was
    /// there, and durable when this returns. Parents are made, and the path is marked as owned
    /// before anything else. `expected` is the digest of what is there, empty for nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Conflict`] if anything else is there or the path has another owner,
    /// [`DirectoryError::NoSpace`], [`DirectoryError::Denied`], [`DirectoryError::Io`]; what was
    /// there is then as it was.
    pub fn put_file(
        &self,
        path: &str,
        blob: &dyn ReadAt,
        executable: bool,
        expected: &str,
    ) -> Result<(), DirectoryError> {
        self.put(path, expected, |parent, name| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?);
            copy(blob, &mut file)?;
            file.set_permissions(Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
            file.sync_all()
        })
    }

    /// Puts a symbolic link at a path, in the same way.
    ///
    /// # Errors
    /// As [`put_file`](Self::put_file); [`DirectoryError::Denied`] also for a target that could
    /// lead out of the directory.
    pub fn put_symlink(&self, path: &str, target: &str, expected: &str) -> Result<(), DirectoryError> {
        check_path(path)?;
        check_target(path, target)?;
        self.put(path, expected, |parent, name| Ok(symlinkat(target, parent, name)?))
    }

    /// Marks what is at a path as owned without touching it.
    ///
    /// # Errors
    /// [`DirectoryError::Conflict`] if there is no file or link, or it has another owner;
    /// [`DirectoryError::Denied`], [`DirectoryError::NoSpace`], [`DirectoryError::Io`].
    pub fn adopt(&self, path: &str) -> Result<(), DirectoryError> {
        check_path(path)?;
        self.spoil();
        let mut journal = self.lock();
        let mut journal = journal.lock(&self.root)?;
        self.check_owner(&journal, path)?;
        match kind_at(&self.root, path)? {
            None => return Err(DirectoryError::Conflict(format!("there is nothing at `{path}` to own"))),
            Some(NodeKind::Directory) => return Err(in_the_way(path)),
            Some(NodeKind::Other) => return Err(neither(path)),
            Some(NodeKind::File | NodeKind::Executable | NodeKind::Symlink) => {}
        }
        if journal.marks().owner(path).is_none() {
            journal.append(vec![self.mark(path)])?;
        }
        Ok(())
    }

    fn mark(&self, path: &str) -> Line {
        Line::Own { path: path.to_owned(), owner: self.owner.clone() }
    }

    /// Marks, makes the parents, and moves what `make` makes under a temporary name to the path.
    fn put(
        &self,
        path: &str,
        expected: &str,
        make: impl FnOnce(&OwnedFd, &str) -> std::io::Result<()>,
    ) -> Result<(), DirectoryError> {
        self.spoil();
        check_path(path)?;
        let mut journal = self.lock();
        let mut journal = journal.lock(&self.root)?;
        self.check_owner(&journal, path)?;
        let is_new = journal.marks().owner(path).is_none();
        if is_new {
            // What is somebody else's must not be marked as ours, not even for a moment.
            check_expected(path, expected, look(&self.root, path)?.as_ref())?;
        }
        let missing = missing_parents(&self.root, path)?;
        let mut lines: Vec<_> = missing.iter().map(|directory| Line::Made((*directory).to_owned())).collect();
        lines.extend(is_new.then(|| self.mark(path)));
        journal.append(lines)?;
        let result = self.put_marked(path, expected, &missing, make);
        if result.is_err() {
            self.undo(&mut journal, path, is_new, &missing);
        }
        result
    }

    fn put_marked(
        &self,
        path: &str,
        expected: &str,
        missing: &[&str],
        make: impl FnOnce(&OwnedFd, &str) -> std::io::Result<()>,
    ) -> Result<(), DirectoryError> {
        for directory in missing {
            self.make_directory(directory)?;
        }
        let (parent_path, name) = split_path(path);
        let parent = parent(&self.root, parent_path)?;
        let temporary = temporary_name();
        let result = make(&parent, &temporary)
            .map_err(|error| DirectoryError::from_io("write", &self.root.full(path), &error))
            .and_then(|()| {
                let seen = self.root.look(&parent, name, path, &mut Vec::new())?;
                check_expected(path, expected, seen.as_ref())?;
                self.move_over(&parent, &temporary, path, expected.is_empty())
            });
        if result.is_err() {
            // It may never have been made; what stays is removed when the directory is next opened.
            let _ = unlinkat(&parent, temporary.as_str(), AtFlags::empty());
        }
        result?;
        fsync(&parent).map_err(|error| DirectoryError::from_os("sync", &self.root.full(parent_path), error))
    }

    fn make_directory(&self, path: &str) -> Result<(), DirectoryError> {
        let (parent_path, name) = split_path(path);
        let parent = parent(&self.root, parent_path)?;
        match mkdirat(&parent, name, DIRECTORY_MODE) {
            Ok(()) => fsync(&parent),
            // Somebody was faster; whether it is a directory shows when it is opened.
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| DirectoryError::from_os("make", &self.root.full(path), error))
    }

    /// Moves a finished file to its path; where nothing is expected, never over anything.
    fn move_over(
        &self,
        parent: &OwnedFd,
        temporary: &str,
        path: &str,
        nothing_there: bool,
    ) -> Result<(), DirectoryError> {
        let name = split_path(path).1;
        let moved = if nothing_there {
            match renameat_with(parent, temporary, parent, name, RenameFlags::NOREPLACE) {
                // Not every file system can; what is there was looked at a moment ago.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => renameat(parent, temporary, parent, name),
                other => other,
            }
        } else {
            renameat(parent, temporary, parent, name)
        };
        moved.map_err(|error| match error {
            Errno::EXIST => DirectoryError::Conflict(format!("`{path}` was made by somebody else just now")),
            Errno::ISDIR => in_the_way(path),
            error => DirectoryError::from_os("write", &self.root.full(path), error),
        })
    }

    /// Takes back what a failed put began. Where that fails too, a mark without a file stays,
    /// which harms nobody.
    fn undo(&self, journal: &mut Locked<'_>, path: &str, is_new: bool, made: &[&str]) {
        let mut lines: Vec<_> = is_new.then(|| Line::Free(path.to_owned())).into_iter().collect();
        for directory in made.iter().rev() {
            match self.remove_directory(directory) {
                Ok(true) => lines.push(Line::Unmade((*directory).to_owned())),
                Ok(false) | Err(_) => break,
            }
        }
        let _ = journal.append(lines);
    }
}

fn copy(blob: &dyn ReadAt, file: &mut File) -> std::io::Result<()> {
    let size = blob.size();
    let mut buffer = vec![0; BUFFER.min(usize::try_from(size).unwrap_or(BUFFER))];
    let mut offset = 0;
    while offset < size {
        match blob.read_at(offset, &mut buffer) {
            Ok(0) => return Err(std::io::Error::other("the blob is shorter than it says")),
            Ok(count) => {
                file.write_all(&buffer[..count])?;
                offset += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether what is at a path is what its digest, empty for nothing, says.
pub(super) fn check_expected(path: &str, expected: &str, seen: Option<&Seen>) -> Result<(), DirectoryError> {
    let Some(seen) = seen else {
        if expected.is_empty() {
            return Ok(());
        }
        return Err(DirectoryError::Conflict(format!("`{path}` is gone, and {expected} was expected")));
    };
    match seen.digest {
        Some(digest) if digest.to_string() == expected => Ok(()),
        Some(digest) => {
            let expected = if expected.is_empty() { "nothing" } else { expected };
            Err(DirectoryError::Conflict(format!("`{path}` is {digest}, and {expected} was expected")))
        }
        None if seen.kind == NodeKind::Directory => Err(in_the_way(path)),
        None => Err(neither(path)),
    }
}

fn look(root: &Root, path: &str) -> Result<Option<Seen>, DirectoryError> {
    let (parent, name) = split_path(path);
    match root.directory(parent)? {
        Found::Directory(directory) => root.look(&directory, name, path, &mut Vec::new()),
        Found::Missing | Found::Blocked(_) => Ok(None),
    }
}

fn kind_at(root: &Root, path: &str) -> Result<Option<NodeKind>, DirectoryError> {
    let (parent, name) = split_path(path);
    match root.directory(parent)? {
        Found::Directory(directory) => root.kind(&directory, name, path),
        Found::Missing | Found::Blocked(_) => Ok(None),
    }
}

/// The directories on the way to a path that are not there, outermost first.
fn missing_parents<'p>(root: &Root, path: &'p str) -> Result<Vec<&'p str>, DirectoryError> {
    let mut missing = Vec::new();
    let mut directory = split_path(path).0;
    loop {
        match root.directory(directory)? {
            Found::Directory(_) => break,
            Found::Blocked(what) => return Err(blocked(&what)),
            Found::Missing => missing.push(directory),
        }
        directory = split_path(directory).0;
    }
    missing.reverse();
    Ok(missing)
}

fn parent(root: &Root, path: &str) -> Result<OwnedFd, DirectoryError> {
    match root.directory(path)? {
        Found::Directory(directory) => Ok(directory),
        Found::Blocked(what) => Err(blocked(&what)),
        Found::Missing => Err(DirectoryError::Conflict(format!("`{path}` was removed by somebody else just now"))),
    }
}

fn blocked(path: &str) -> DirectoryError {
    DirectoryError::Conflict(format!("`{path}` is no directory, and one is needed there"))
}

fn in_the_way(path: &str) -> DirectoryError {
    DirectoryError::Conflict(format!("`{path}` is a directory"))
}

fn neither(path: &str) -> DirectoryError {
    DirectoryError::Conflict(format!("`{path}` is neither a file nor a symbolic link"))
}
