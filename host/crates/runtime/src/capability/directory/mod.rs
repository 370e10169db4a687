//! The directory that an operator lends to a deploy target: the backend of
//! `springline:host/directory`.
//!
//! Nothing here trusts a path: every one is opened part by part below the directory's own
//! descriptor, without following symbolic links, by the kernel where it can. What is owned is
//! written to a journal in the directory itself, before the first byte of it is there.

mod beneath;
mod error;
mod journal;
mod marks;
mod names;
mod remove;
mod seen;
mod temporary;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};
use springline_model::Digest;
use springline_model::port::Seen;
use springline_model::tree::split_path;

pub use self::error::DirectoryError;

use self::beneath::{Found, Root};
use self::journal::Journal;
use self::marks::Line;
use self::names::check_path;
use self::seen::Asked;

/// The most that one [`Lent::read`] returns, in bytes.
const MAX_READ: u32 = 1 << 20;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A regular file that its owner may execute.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// Anything else: a device, a socket, a pipe.
    Other,
}

/// What is at a path, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The path, as asked for.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
    /// The digest of a file's bytes or of a link's target; none for what is neither.
    pub digest: Option<Digest>,
    /// The length in bytes, of a link that of its target.
    pub size: u64,
    /// Where a symbolic link points; empty for anything else.
    pub link: String,
    /// Who owns it, `APPLICATION/ENVIRONMENT`; empty if nobody does.
    pub owner: String,
}

/// A directory lent to one application and environment. Several may use one directory at a time,
/// from several processes as well: each operation that writes holds a lock on the journal.
pub struct Lent {
    root: Root,
    owner: String,
    journal: Mutex<Journal>,
    asked: Mutex<Asked>,
}

impl Lent {
    /// Opens the directory for this owner (`APPLICATION/ENVIRONMENT`). It is made if it is missing
    /// and its parent is there. What a crash left half-written in it is removed, unless somebody
    /// is writing right now.
    ///
    /// # Errors
    /// [`DirectoryError::Io`] if it can't be opened or its journal can't be read.
    pub fn open(path: &Path, owner: &str) -> Result<Self, DirectoryError> {
        Self::with_root(Root::open(path)?, owner)
    }

    fn with_root(root: Root, owner: &str) -> Result<Self, DirectoryError> {
        let mut journal = Journal::default();
        journal.refresh(&root)?;
        temporary::clean(&root, &mut journal);
        let asked = Mutex::new(Asked::new());
        Ok(Self { root, owner: owner.to_owned(), journal: Mutex::new(journal), asked })
    }

    /// What is at each of these paths, in their order; none where there is nothing. A path behind
    /// a symbolic link names nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a path that may not be named, [`DirectoryError::Io`].
    pub fn inspect(&self, paths: &[String]) -> Result<Vec<Option<Node>>, DirectoryError> {
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            paths.iter().for_each(|path| asked.about(path));
        }
        let mut journal = self.lock();
        journal.refresh(&self.root)?;
        let mut buffer = Vec::new();
        // Neighbours come in a row, so the directory of the last path is kept open.
        let mut last: Option<(&str, Option<OwnedFd>)> = None;
        let mut nodes = Vec::with_capacity(paths.len());
        for path in paths {
            check_path(path)?;
            let (parent, name) = split_path(path);
            if last.as_ref().is_none_or(|(kept, _)| *kept != parent) {
                let opened = match self.root.directory(parent)? {
                    Found::Directory(directory) => Some(directory),
                    Found::Missing | Found::Blocked(_) => None,
                };
                last = Some((parent, opened));
            }
            let directory = last.as_ref().and_then(|(_, directory)| directory.as_ref());
            let seen = match directory {
                Some(directory) => self.root.look(directory, name, path, &mut buffer)?,
                None => None,
            };
            let owner = journal.marks().owner(path).unwrap_or_default().to_owned();
            nodes.push(seen.map(|seen| seen.into_node(path.clone(), owner)));
        }
        Ok(nodes)
    }

    /// Up to `length` bytes, at most 1 MiB, of the file at a path; empty at the end.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a path that may not be named, [`DirectoryError::Io`] if
    /// there is no file.
    pub fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, DirectoryError> {
        check_path(path)?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).about(path);
        let (parent, name) = split_path(path);
        let none = || DirectoryError::Io(format!("there is no file at {}", self.root.full(path)));
        let Found::Directory(directory) = self.root.directory(parent)? else { return Err(none()) };
        let Some(file) = self.root.open_file(&directory, name, path)? else { return Err(none()) };
        let mut bytes = vec![0; length.min(MAX_READ) as usize];
        let mut done = 0;
        while done < bytes.len() {
            match rustix::io::pread(&file, &mut bytes[done..], offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(rustix::io::Errno::INTR) => {}
                // An offset past what the system can address is past the end.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::OVERFLOW) => break,
                Err(error) => return Err(DirectoryError::from_os("read", &self.root.full(path), error)),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    /// Every path marked as owned by this owner, sorted.
    ///
    /// # Errors
    /// [`DirectoryError::Io`] if the journal can't be read.
    pub fn owned(&self) -> Result<Vec<String>, DirectoryError> {
        let mut journal = self.lock();
        journal.refresh(&self.root)?;
        Ok(journal.marks().owned_by(&self.owner))
    }

    /// What all looks so far depended on, unless something was written or may have changed since.
    pub fn seen(&self) -> Option<Arc<dyn Seen>> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.seen(self.root.path()).map(|seen| Arc::new(seen) as Arc<dyn Seen>)
    }

    /// Something is about to be written: what was looked at says nothing any more.
    fn spoil(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).spoil();
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a path may be changed by this owner.
    fn check_owner(&self, journal: &Journal, path: &str) -> Result<(), DirectoryError> {
        match journal.marks().owner(path) {
            Some(owner) if owner != self.owner => Err(DirectoryError::Conflict(format!("`{path}` belongs to {owner}"))),
            _ => Ok(()),
        }
    }
}

/// Marks paths of a directory as owned, path and owner (`APPLICATION/ENVIRONMENT`), whatever is
/// there: what an earlier deployment would have left behind.
///
/// # Errors
/// [`DirectoryError::Io`] if the journal can't be written.
pub fn mark_owned(directory: &Path, owners: &BTreeMap<String, String>) -> Result<(), DirectoryError> {
    let own = owners.iter().map(|(path, owner)| Line::Own { path: path.clone(), owner: owner.clone() });
    let lines: Vec<Line> = std::iter::once(Line::FIRST).chain(own).collect();
    let journal = directory.join(names::JOURNAL);
    let text = marks::to_text(&lines).map_err(|error| DirectoryError::Io(error.to_string()))?;
    std::fs::write(&journal, text)
        .map_err(|error| DirectoryError::from_io("write", &journal.display().to_string(), &error))
}

/// How a directory is opened: for its entries, and to be synced.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The mode of a directory that is made.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
