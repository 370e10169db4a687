//! The writable `/out` of a build step.

mod commit;
mod content;
mod names;
mod resolve;
mod spool;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::PathBuf;

use springline_model::plugin::Limit;
use springline_model::tree::EntryKind;

pub use commit::OutError;

use self::content::Content;
use self::resolve::Target;
use self::spool::Spool;
use super::FileError;

/// A file, a directory or a symbolic link of an [`Out`]: what an open descriptor holds. It stays
/// what it is through renames, and after its name is gone while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// What is known of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: EntryKind,
    /// The length of a file, or of a link's target, in bytes; 0 for a directory.
    pub size: u64,
}

/// How a path is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open {
    /// It will be written: a directory is refused.
    pub write: bool,
    /// A missing file is made.
    pub create: bool,
    /// With `create`: anything there already is refused, a link as well.
    pub exclusive: bool,
    /// A file is cut to nothing.
    pub truncate: bool,
    /// Anything but a directory is refused.
    pub directory: bool,
    /// A symbolic link at the end is followed; without it, one there is refused.
    pub follow: bool,
}

/// The writable directory of a build step, in memory but for its large files.
///
/// Paths are resolved from an open directory as POSIX does, inside the root only. There are no
/// hard links, owners or times.
pub struct Out {
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
    spool: Spool,
    quota: Quota,
    failure: Option<String>,
}

struct Node {
    parent: NodeId,
    name: String,
    /// Whether it has a name, and is kept for it.
    linked: bool,
    /// How many descriptors hold it.
    opened: u32,
    data: Data,
}

enum Data {
    File { content: Content, executable: bool },
    Directory(BTreeMap<String, NodeId>),
    Link(String),
}

impl Data {
    fn kind(&self) -> EntryKind {
        match self {
            Self::File { executable: true, .. } => EntryKind::Executable,
            Self::File { .. } => EntryKind::File,
            Self::Directory(_) => EntryKind::Directory,
            Self::Link(_) => EntryKind::Symlink,
        }
    }
}

/// What is used, what may be used, and the first limit that was hit.
struct Quota {
    bytes: u64,
    max_bytes: u64,
    entries: u64,
    max_entries: u64,
    hit: Option<Limit>,
}

impl Quota {
    fn take_bytes(&mut self, bytes: u64) -> Result<(), FileError> {
        match self.bytes.checked_add(bytes) {
            Some(sum) if sum <= self.max_bytes => {
                self.bytes = sum;
                Ok(())
            }
            _ => {
                self.hit.get_or_insert(Limit::Output);
                Err(FileError::QuotaBytes)
            }
        }
    }

    fn take_entry(&mut self) -> Result<(), FileError> {
        if self.entries >= self.max_entries {
            self.hit.get_or_insert(Limit::Entries);
            return Err(FileError::QuotaEntries);
        }
        self.entries += 1;
        Ok(())
    }
}

impl Out {
    /// The root. It needs not be opened, and can't be removed or renamed.
    pub const ROOT: NodeId = NodeId(0);

    /// An empty directory that takes so many bytes and entries. Files too large for memory go to
    /// an anonymous file below `scratch`.
    pub fn new(scratch: PathBuf, max_bytes: u64, max_entries: u64) -> Self {
        let root = Node {
            parent: Self::ROOT,
            name: String::new(),
            linked: true,
            opened: 0,
            data: Data::Directory(BTreeMap::new()),
        };
        Self {
            nodes: vec![Some(root)],
            free: Vec::new(),
            spool: Spool::new(scratch),
            quota: Quota { bytes: 0, max_bytes, entries: 0, max_entries, hit: None },
            failure: None,
        }
    }

    /// The first limit that an operation ran into. The result of the call must not be used then,
    /// whatever the guest made of the error.
    pub fn limit_hit(&self) -> Option<Limit> {
        self.quota.hit
    }

    /// Resolves a path that starts at a directory. A symbolic link at its end is followed if
    /// `follow` is set or a slash comes after it.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] if the path or a link leaves the root, [`FileError::Loop`]
    /// after 40 links, and as POSIX has it.
    pub fn lookup(&self, directory: NodeId, path: &str, follow: bool) -> Result<NodeId, FileError> {
        match self.resolve(directory, path, follow)? {
            Target::Found(node) => Ok(node),
            Target::Missing { .. } => Err(FileError::NotFound),
        }
    }

    /// What a node is.
    ///
    /// # Errors
    /// [`FileError::NotFound`] if it is neither named nor open any more.
    pub fn stat(&self, node: NodeId) -> Result<Stat, FileError> {
        let data = &self.node(node)?.data;
        let size = match data {
            Data::File { content, .. } => content.len(),
            Data::Link(target) => target.len() as u64,
            Data::Directory(_) => 0,
        };
        Ok(Stat { kind: data.kind(), size })
    }

    /// Opens what is at a path, or makes a file there. To be closed with [`close`](Self::close).
    ///
    /// # Errors
    /// As POSIX has it; [`FileError::QuotaEntries`].
    pub fn open(&mut self, directory: NodeId, path: &str, how: Open) -> Result<NodeId, FileError> {
        let exclusive = how.create && how.exclusive;
        let node = match self.resolve(directory, path, how.follow && !exclusive)? {
            Target::Found(_) if exclusive => return Err(FileError::Exists),
            Target::Found(node) => node,
            Target::Missing { .. } if !how.create => return Err(FileError::NotFound),
            Target::Missing { .. } if how.directory => return Err(FileError::Invalid),
            Target::Missing { slash: true, .. } => return Err(FileError::IsDirectory),
            Target::Missing { parent, name, .. } => {
                let file = Data::File { content: Content::default(), executable: false };
                self.insert(parent, &name, file)?
            }
        };
        match &self.node(node)?.data {
            Data::Link(_) => return Err(FileError::Loop),
            Data::Directory(_) if how.write || how.truncate => return Err(FileError::IsDirectory),
            Data::File { .. } if how.directory => return Err(FileError::NotDirectory),
            Data::File { .. } if how.truncate => self.set_size(node, 0)?,
            _ => {}
        }
        self.retain(node)?;
        Ok(node)
    }

    /// Counts one more descriptor of a node, for as long as its name may go away.
    ///
    /// # Errors
    /// [`FileError::NotFound`] if it is gone already.
    pub fn retain(&mut self, node: NodeId) -> Result<(), FileError> {
        self.node_mut(node)?.opened += 1;
        Ok(())
    }

    /// Takes back one [`open`](Self::open) or [`retain`](Self::retain).
    pub fn close(&mut self, node: NodeId) {
        if let Ok(entry) = self.node_mut(node) {
            entry.opened = entry.opened.saturating_sub(1);
            self.free_if_unused(node);
        }
    }

    /// Reads from an offset of a file; 0 at the end.
    ///
    /// # Errors
    /// [`FileError::IsDirectory`], [`FileError::Io`].
    pub fn read_at(&mut self, node: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let (content, spool, _) = self.content(node)?;
        let result = content.read_at(spool, offset, buffer);
        self.noted(result)
    }

    /// Writes at an offset of a file, all or nothing. A gap before it becomes zeros, which count
    /// as written.
    ///
    /// # Errors
    /// [`FileError::QuotaBytes`], [`FileError::IsDirectory`], [`FileError::Io`].
    pub fn write_at(&mut self, node: NodeId, offset: u64, bytes: &[u8]) -> Result<(), FileError> {
        let (content, spool, quota) = self.content(node)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.saturating_add(bytes.len() as u64);
        quota.take_bytes(end.saturating_sub(content.len()))?;
        let result = content.write_at(spool, offset, bytes);
        self.noted(result)
    }

    /// Writes at the end of a file, and returns its new length.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at).
    pub fn append(&mut self, node: NodeId, bytes: &[u8]) -> Result<u64, FileError> {
        let end = self.content(node)?.0.len();
        self.write_at(node, end, bytes)?;
        Ok(end + bytes.len() as u64)
    }

    /// Cuts a file, or lets it grow by zeros, which count as written.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at).
    pub fn set_size(&mut self, node: NodeId, size: u64) -> Result<(), FileError> {
        let (content, spool, quota) = self.content(node)?;
        let old = content.len();
        quota.take_bytes(size.saturating_sub(old))?;
        let result = content.set_len(spool, size);
        quota.bytes -= old.saturating_sub(size);
        self.noted(result)
    }

    /// The first entry of a directory whose name comes after this one; none at the end.
    ///
    /// # Errors
    /// [`FileError::NotDirectory`].
    pub fn next_entry(&self, directory: NodeId, after: Option<&str>) -> Result<Option<(String, EntryKind)>, FileError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut following = self.children(directory)?.range::<str, _>((start, Bound::Unbounded));
        following.next().map(|(name, child)| Ok((name.clone(), self.node(*child)?.data.kind()))).transpose()
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`FileError::Invalid`] for anything else.
    pub fn readlink(&self, link: NodeId) -> Result<&str, FileError> {
        match &self.node(link)?.data {
            Data::Link(target) => Ok(target),
            _ => Err(FileError::Invalid),
        }
    }

    /// Whether a file is executable.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] for anything but a file.
    pub fn is_executable(&self, file: NodeId) -> Result<bool, FileError> {
        match self.node(file)?.data {
            Data::File { executable, .. } => Ok(executable),
            _ => Err(FileError::NotPermitted),
        }
    }

    /// Makes a file executable, or not.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] for anything but a file.
    pub fn set_executable(&mut self, file: NodeId, value: bool) -> Result<(), FileError> {
        match &mut self.node_mut(file)?.data {
            Data::File { executable, .. } => {
                *executable = value;
                Ok(())
            }
            _ => Err(FileError::NotPermitted),
        }
    }

    fn node(&self, id: NodeId) -> Result<&Node, FileError> {
        self.nodes.get(id.0 as usize).and_then(Option::as_ref).ok_or(FileError::NotFound)
    }

    fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, FileError> {
        self.nodes.get_mut(id.0 as usize).and_then(Option::as_mut).ok_or(FileError::NotFound)
    }

    fn children(&self, directory: NodeId) -> Result<&BTreeMap<String, NodeId>, FileError> {
        match &self.node(directory)?.data {
            Data::Directory(children) => Ok(children),
            _ => Err(FileError::NotDirectory),
        }
    }

    fn children_mut(&mut self, directory: NodeId) -> Result<&mut BTreeMap<String, NodeId>, FileError> {
        match &mut self.node_mut(directory)?.data {
            Data::Directory(children) => Ok(children),
            _ => Err(FileError::NotDirectory),
        }
    }

    /// A file's content, with what is needed to change it.
    fn content(&mut self, file: NodeId) -> Result<(&mut Content, &mut Spool, &mut Quota), FileError> {
        let node = self.nodes.get_mut(file.0 as usize).and_then(Option::as_mut).ok_or(FileError::NotFound)?;
        match &mut node.data {
            Data::File { content, .. } => Ok((content, &mut self.spool, &mut self.quota)),
            Data::Directory(_) => Err(FileError::IsDirectory),
            Data::Link(_) => Err(FileError::Loop),
        }
    }

    /// Remembers a failure of the host: a guest that goes on regardless has no usable result.
    fn noted<T>(&mut self, result: io::Result<T>) -> Result<T, FileError> {
        result.map_err(|error| {
            let message = format!("the scratch file of /out: {error}");
            self.failure.get_or_insert_with(|| message.clone());
            FileError::Io(message)
        })
    }

    /// Forgets a node that has neither a name nor a descriptor.
    fn free_if_unused(&mut self, id: NodeId) {
        if self.node(id).is_ok_and(|node| !node.linked && node.opened == 0)
            && let Some(node) = self.nodes[id.0 as usize].take()
        {
            self.free.push(id.0);
            self.quota.entries -= 1;
            match node.data {
                Data::File { content, .. } => {
                    self.quota.bytes -= content.len();
                    content.release(&mut self.spool);
                }
                Data::Link(target) => self.quota.bytes -= target.len() as u64,
                Data::Directory(_) => {}
            }
        }
    }
}
