//! The read-only mounts of a call, and the trace of what it learned from them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use springline_model::port::Tree;
use springline_model::trace::{Access, Trace, listing_hash};
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, join_path, split_path};

use super::FileError;
use super::contents::{Contents, Held, Holding};
use super::facts::Facts;
use super::path::{Remaining, is_plain};

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The path without `.`, `..` or symbolic links; empty for the mount itself.
    pub path: String,
    /// What it is: a file, a symbolic link or a directory. Whether a file is executable is a
    /// question of its own, [`Mounts::is_executable`].
    pub kind: EntryKind,
    /// The entry of its directory; none for the mount itself. Its identity must not reach the
    /// guest: the trace holds it only for a file that was read.
    pub entry: Option<Entry>,
}

/// The read-only mounts of a call. Mounts are named by their index in the list they were made
/// from. Whatever an operation tells is a fact of the [`trace`](Self::trace): a call that would be
/// told the same by other trees does the same on them.
pub struct Mounts {
    state: Mutex<State>,
    holding: Holding,
}

struct State {
    mounts: Vec<Mount>,
    contents: Contents,
    failure: Option<FileError>,
}

struct Mount {
    name: String,
    tree: Arc<dyn Tree>,
    facts: Facts,
    /// The directory looked at last: one file's operations come in a row.
    recent: Option<(String, Arc<Directory>)>,
    /// The directories that are being listed: however many listings of one there are, they share it.
    listed: HashMap<String, Weak<Directory>>,
}

impl Mounts {
    /// Mounts of these trees, by the name that a trace gives them (`in`, `artifacts/NAME`).
    pub fn new(mounts: Vec<(String, Arc<dyn Tree>)>) -> Self {
        let mounts = mounts
            .into_iter()
            .map(|(name, tree)| Mount { name, tree, facts: Facts::default(), recent: None, listed: HashMap::new() })
            .collect();
        let state = State { mounts, contents: Contents::default(), failure: None };
        Self { state: Mutex::new(state), holding: Holding::default() }
    }

    /// The index of the mount of that name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.lock().mounts.iter().position(|mount| mount.name == name)
    }

    /// The names of the mounts, in order.
    pub fn names(&self) -> Vec<String> {
        self.lock().mounts.iter().map(|mount| mount.name.clone()).collect()
    }

    /// Resolves `path`, starting at the directory `base` (a resolved path). Symbolic links on the
    /// way are followed inside the mount, one at the end if `follow` is set or a slash comes
    /// after it. `.` stands for `base` itself.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] if the path or a link leaves the mount, [`FileError::Loop`]
    /// after 40 links, [`FileError::Tree`] for a submodule, and as POSIX has it.
    pub fn lookup(&self, mount: usize, base: &str, path: &str, follow: bool) -> Result<Node, FileError> {
        self.with(mount, |mount, _| {
            let mut node = mount.resolve(base, path, follow)?;
            mount.learn_kind(&node)?;
            if node.kind.is_file() {
                node.kind = EntryKind::File;
            }
            Ok(node)
        })
    }

    /// The entries of the directory at this resolved path.
    ///
    /// # Errors
    /// [`FileError::NotDirectory`] for anything else; [`FileError::Tree`].
    pub fn list(&self, mount: usize, path: &str) -> Result<Arc<Directory>, FileError> {
        self.with(mount, |mount, _| {
            let node = mount.at(path)?;
            if node.kind != EntryKind::Directory {
                mount.learn_kind(&node)?;
                return Err(FileError::NotDirectory);
            }
            if let Some(listed) = mount.listed.get(&node.path).and_then(Weak::upgrade) {
                return Ok(listed);
            }
            let directory = mount.directory(&node.path)?;
            if !mount.facts.knows_listing(&node.path) {
                mount.facts.learn(&node.path, Access::Listed(listing_hash(&directory)))?;
            }
            mount.listed.insert(node.path, Arc::downgrade(&directory));
            Ok(directory)
        })
    }

    /// The bytes of the file at this resolved path. To be asked for every piece that a guest
    /// reads: the files read last are kept here, so nothing is fetched twice.
    ///
    /// # Errors
    /// [`FileError::IsDirectory`], [`FileError::Loop`] for a symbolic link; [`FileError::Tree`].
    pub fn read(&self, mount: usize, path: &str) -> Result<Bytes, FileError> {
        self.with(mount, |mount, contents| {
            let (path, entry) = mount.file(path)?;
            mount.facts.learn(&path, Access::Read(entry.id.clone()))?;
            if let Some(bytes) = contents.get(&entry.id) {
                return Ok(bytes);
            }
            let bytes = mount.tree.read(&entry)?;
            contents.keep(entry.id, bytes.clone());
            Ok(bytes)
        })
    }

    /// Holds bytes that were read for an open stream, if its call's streams don't hold too much already.
    pub fn hold(&self, bytes: Bytes) -> Option<Held> {
        self.holding.hold(bytes)
    }

    /// The length in bytes of the file, or of the link's target, at this resolved path.
    ///
    /// # Errors
    /// [`FileError::IsDirectory`]; [`FileError::Tree`].
    pub fn size(&self, mount: usize, path: &str) -> Result<u64, FileError> {
        self.with(mount, |mount, contents| {
            let node = mount.at(path)?;
            if let (EntryKind::Symlink, Some(entry)) = (node.kind, &node.entry) {
                return Ok(mount.link(&node.path, entry)?.len() as u64);
            }
            let (path, entry) = mount.file(path)?;
            let size = match contents.get(&entry.id) {
                Some(bytes) => bytes.len() as u64,
                None => mount.tree.size(&entry)?,
            };
            mount.facts.learn(&path, Access::Size(size))?;
            Ok(size)
        })
    }

    /// The target of the symbolic link at this resolved path.
    ///
    /// # Errors
    /// [`FileError::Invalid`] for anything else; [`FileError::Tree`].
    pub fn readlink(&self, mount: usize, path: &str) -> Result<String, FileError> {
        self.with(mount, |mount, _| {
            let node = mount.at(path)?;
            match (node.kind, &node.entry) {
                (EntryKind::Symlink, Some(entry)) => mount.link(&node.path, entry),
                _ => {
                    mount.learn_kind(&node)?;
                    Err(FileError::Invalid)
                }
            }
        })
    }

    /// Whether the regular file at this resolved path is executable.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] for anything else; [`FileError::Tree`].
    pub fn is_executable(&self, mount: usize, path: &str) -> Result<bool, FileError> {
        self.with(mount, |mount, _| {
            let node = mount.at(path)?;
            if !node.kind.is_file() {
                mount.learn_kind(&node)?;
                return Err(FileError::NotPermitted);
            }
            let executable = node.kind == EntryKind::Executable;
            mount.facts.learn(&node.path, Access::Executable(executable))?;
            Ok(executable)
        })
    }

    /// Everything learned from the mounts so far, sorted, no fact twice. Questions about the
    /// context are not in it.
    pub fn trace(&self) -> Trace {
        let mut trace = Trace::default();
        for mount in &self.lock().mounts {
            let facts = mount.facts.sorted();
            if !facts.is_empty() {
                trace.paths.insert(mount.name.clone(), facts);
            }
        }
        trace
    }

    /// The first error that no trace can carry, so that the result of a call that met it must not be
    /// used: a submodule, lost bytes, more facts than fit.
    pub fn failure(&self) -> Option<FileError> {
        self.lock().failure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        mount: usize,
        operation: impl FnOnce(&mut Mount, &mut Contents) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let state = &mut *self.lock();
        let mount = state.mounts.get_mut(mount).ok_or(FileError::NotFound)?;
        let result = operation(mount, &mut state.contents);
        if let Err(error @ (FileError::Tree(_) | FileError::Io(_) | FileError::Untraceable)) = &result {
            state.failure.get_or_insert_with(|| error.clone());
        }
        result
    }
}

impl Mount {
    /// Resolves a path, and learns all that its way depends on, the end aside.
    fn resolve(&mut self, base: &str, path: &str, follow: bool) -> Result<Node, FileError> {
        if let Some(node) = self.resolve_plain(base, path, follow)? {
            return Ok(node);
        }
        let mut remaining = Remaining::new(path)?;
        let mut current = base.to_owned();
        while let Some(part) = remaining.next() {
            match part.as_str() {
                "." => continue,
                ".." if current.is_empty() => return Err(FileError::NotPermitted),
                ".." => {
                    self.facts.learn(&current, Access::IsDirectory)?;
                    current = split_path(&current).0.to_owned();
                    continue;
                }
                _ => {}
            }
            let path = join_path(&current, &part);
            let Some(entry) = self.directory(&current)?.get(&part).cloned() else {
                // A file in place of the directory would be another error.
                if !current.is_empty() {
                    self.facts.learn(&current, Access::IsDirectory)?;
                }
                self.facts.learn(&path, Access::Missing)?;
                return Err(FileError::NotFound);
            };
            match entry.kind {
                EntryKind::Submodule => return Err(TreeError::Submodule { path }.into()),
                EntryKind::Symlink if follow || !remaining.is_empty() => {
                    let target = self.link(&path, &entry)?;
                    remaining.follow(&target)?;
                }
                EntryKind::Directory if !remaining.is_empty() => current = path,
                kind if remaining.is_empty() => return Ok(Node { path, kind, entry: Some(entry) }),
                _ => {
                    self.facts.learn(&path, Access::IsFile)?;
                    return Err(FileError::NotDirectory);
                }
            }
        }
        let entry = match split_path(&current) {
            ("", "") => None,
            (parent, name) => self.directory(parent)?.get(name).cloned(),
        };
        Ok(Node { path: current, kind: EntryKind::Directory, entry })
    }

    /// The short way, with a single look: for a path without special parts and without links.
    fn resolve_plain(&mut self, base: &str, path: &str, follow: bool) -> Result<Option<Node>, FileError> {
        if !is_plain(path) {
            return Ok(None);
        }
        let path = join_path(base, path);
        let (parent, name) = split_path(&path);
        let Some(entry) = self.find_directory(parent)?.and_then(|directory| directory.get(name).cloned()) else {
            return Ok(None);
        };
        match entry.kind {
            EntryKind::Symlink if follow => Ok(None),
            EntryKind::Submodule => Err(TreeError::Submodule { path }.into()),
            kind => Ok(Some(Node { path, kind, entry: Some(entry) })),
        }
    }

    /// What is at a resolved path.
    fn at(&mut self, path: &str) -> Result<Node, FileError> {
        if path.is_empty() {
            return Ok(Node { path: String::new(), kind: EntryKind::Directory, entry: None });
        }
        self.resolve("", path, false)
    }

    /// The file at a resolved path, and the path without special parts.
    fn file(&mut self, path: &str) -> Result<(String, Entry), FileError> {
        let node = self.at(path)?;
        if !node.kind.is_file() {
            self.learn_kind(&node)?;
        }
        match node.entry {
            Some(entry) if node.kind.is_file() => Ok((node.path, entry)),
            Some(entry) if entry.kind == EntryKind::Symlink => Err(FileError::Loop),
            _ => Err(FileError::IsDirectory),
        }
    }

    fn learn_kind(&mut self, node: &Node) -> Result<(), FileError> {
        match (node.kind, &node.entry) {
            // The mount itself is a directory in every tree.
            (_, None) => Ok(()),
            (EntryKind::Symlink, Some(entry)) => self.link(&node.path, entry).map(drop),
            (EntryKind::Directory, Some(_)) => self.facts.learn(&node.path, Access::IsDirectory),
            (_, Some(_)) => self.facts.learn(&node.path, Access::IsFile),
        }
    }

    /// Reads a link, and learns its target.
    fn link(&mut self, path: &str, entry: &Entry) -> Result<String, FileError> {
        let target = String::from_utf8(self.tree.read(entry)?.into())
            .map_err(|_| FileError::Io(format!("the target of the symbolic link `{path}` is not UTF-8")))?;
        self.facts.learn(path, Access::Link(target.clone()))?;
        Ok(target)
    }

    fn find_directory(&mut self, path: &str) -> Result<Option<Arc<Directory>>, FileError> {
        if let Some((recent, directory)) = &self.recent
            && recent == path
        {
            return Ok(Some(Arc::clone(directory)));
        }
        let directory = self.tree.directory(path)?;
        if let Some(directory) = &directory {
            self.recent = Some((path.to_owned(), Arc::clone(directory)));
        }
        Ok(directory)
    }

    /// A directory that its parent lists.
    fn directory(&mut self, path: &str) -> Result<Arc<Directory>, FileError> {
        self.find_directory(path)?.ok_or_else(|| FileError::Io(format!("the directory `{path}` is lost")))
    }
}

#[cfg(test)]
mod tests;
