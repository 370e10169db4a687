//! The blob store in memory.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use springline_model::port::{BlobError, Blobs, NewEntry, ReadAt, Tree};
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, is_clean_path, split_path};
use springline_model::{Digest, ObjectId};

/// The blob store in memory. Clones are the same store. Nodes of directories are blobs as well, as
/// in the real one.
#[derive(Clone, Default)]
pub struct MemoryBlobs {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<Digest, Bytes>,
    failing: Option<BlobError>,
    syncs: usize,
    reads: usize,
    unsynced: bool,
}

/// One entry of a directory node, as it is kept.
type NodeEntry = (String, EntryKind, Digest);

/// What makes the bytes of a node differ from any file's.
const NODE: &[u8] = b"testkit directory\n";

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the bytes of a blob behind the store's back.
    ///
    /// # Panics
    /// If it is not there.
    pub fn damage(&self, digest: &Digest) {
        let mut state = self.state();
        let bytes = state.blobs.get_mut(digest).unwrap();
        let mut changed = bytes.to_vec();
        changed.push(b'!');
        *bytes = changed.into();
    }

    /// Lets every write fail with this error, until told otherwise.
    pub fn fail_writes(&self, error: Option<BlobError>) {
        self.state().failing = error;
    }

    /// How often a blob was read.
    pub fn reads(&self) -> usize {
        self.state().reads
    }

    /// How often the store was synced.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Whether something was written since the last sync.
    pub fn is_unsynced(&self) -> bool {
        self.state().unsynced
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn node(&self, digest: &Digest) -> Result<Vec<NodeEntry>, BlobError> {
        let bytes = self.get(digest)?;
        let json = bytes.strip_prefix(NODE).ok_or(BlobError::Damaged(*digest))?;
        serde_json::from_slice(json).map_err(|_| BlobError::Damaged(*digest))
    }

    fn put_node(&self, node: &NewNode) -> Result<Digest, BlobError> {
        let mut entries: Vec<NodeEntry> = Vec::new();
        for (name, child) in &node.children {
            entries.push(match child {
                Child::Leaf(kind, digest) => (name.clone(), *kind, *digest),
                Child::Node(node) => (name.clone(), EntryKind::Directory, self.put_node(node)?),
            });
        }
        let json = serde_json::to_vec(&entries).map_err(|error| BlobError::Io(error.to_string()))?;
        self.put(&[NODE, &json].concat())
    }

    /// Checks one blob, and removes it if it is damaged.
    fn check_blob(&self, digest: &Digest) -> Result<(), BlobError> {
        match self.get(digest) {
            Ok(_) => Ok(()),
            Err(error) => {
                if matches!(error, BlobError::Damaged(_)) {
                    self.remove(digest)?;
                }
                Err(error)
            }
        }
    }
}

impl Blobs for MemoryBlobs {
    fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError> {
        let mut state = self.state();
        if let Some(error) = &state.failing {
            return Err(error.clone());
        }
        let digest = Digest::of(bytes);
        state.blobs.entry(digest).or_insert_with(|| Bytes::copy_from_slice(bytes));
        state.unsynced = true;
        Ok(digest)
    }

    fn put_from(&self, reader: &mut dyn Read) -> Result<(Digest, u64), BlobError> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| BlobError::Io(error.to_string()))?;
        Ok((self.put(&bytes)?, bytes.len() as u64))
    }

    fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let mut state = self.state();
        state.reads += 1;
        let bytes = state.blobs.get(digest).cloned().ok_or(BlobError::Missing(*digest))?;
        drop(state);
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(BlobError::Damaged(*digest)) }
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn ReadAt>, BlobError> {
        Ok(Box::new(Opened(self.get(digest)?)))
    }

    fn contains(&self, digest: &Digest) -> bool {
        self.state().blobs.contains_key(digest)
    }

    fn size(&self, digest: &Digest) -> Result<u64, BlobError> {
        let state = self.state();
        state.blobs.get(digest).map(|bytes| bytes.len() as u64).ok_or(BlobError::Missing(*digest))
    }

    fn put_tree(&self, entries: Vec<NewEntry>) -> Result<Digest, BlobError> {
        let mut root = NewNode::default();
        for entry in entries {
            if entry.kind != EntryKind::Directory && !self.contains(&entry.digest) {
                return Err(BlobError::Missing(entry.digest));
            }
            root.add(&entry)?;
        }
        self.put_node(&root)
    }

    fn tree(&self, digest: &Digest) -> Result<Arc<dyn Tree>, BlobError> {
        self.node(digest)?;
        Ok(Arc::new(BlobTree { blobs: self.clone(), root: *digest }))
    }

    fn check_tree(&self, digest: &Digest) -> Result<(), BlobError> {
        self.check_blob(digest)?;
        for (child, kind) in self.children(digest)? {
            if kind == EntryKind::Directory {
                self.check_tree(&child)?;
            } else {
                self.check_blob(&child)?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), BlobError> {
        let mut state = self.state();
        if let Some(error) = &state.failing {
            return Err(error.clone());
        }
        state.syncs += 1;
        state.unsynced = false;
        Ok(())
    }

    fn list(&self) -> Result<Vec<(Digest, u64)>, BlobError> {
        Ok(self.state().blobs.iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect())
    }

    fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        self.state().blobs.remove(digest);
        Ok(())
    }

    fn children(&self, tree: &Digest) -> Result<Vec<(Digest, EntryKind)>, BlobError> {
        Ok(self.node(tree)?.into_iter().map(|(_, kind, digest)| (digest, kind)).collect())
    }
}

struct Opened(Bytes);

impl ReadAt for Opened {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let length = buffer.len().min(self.0.len() - start);
        buffer[..length].copy_from_slice(&self.0[start..start + length]);
        Ok(length)
    }
}

/// A directory while its tree is made.
#[derive(Default)]
struct NewNode {
    children: BTreeMap<String, Child>,
}

enum Child {
    Leaf(EntryKind, Digest),
    Node(NewNode),
}

impl NewNode {
    fn add(&mut self, entry: &NewEntry) -> Result<(), BlobError> {
        let refused = |why: &str| BlobError::Io(format!("`{}` can't be in a tree: {why}", entry.path));
        if !is_clean_path(&entry.path) {
            return Err(refused("its path is not clean"));
        }
        if entry.kind == EntryKind::Submodule {
            return Err(refused("it is a submodule"));
        }
        let (parent, name) = split_path(&entry.path);
        let mut node = self;
        for part in parent.split('/').filter(|part| !part.is_empty()) {
            node = node.directory(part).ok_or_else(|| refused("a parent is no directory"))?;
        }
        if entry.kind == EntryKind::Directory {
            node.directory(name).ok_or_else(|| refused("it is there already"))?;
            return Ok(());
        }
        let before = node.children.insert(name.to_owned(), Child::Leaf(entry.kind, entry.digest));
        if before.is_some() { Err(refused("it is there already")) } else { Ok(()) }
    }

    fn directory(&mut self, name: &str) -> Option<&mut Self> {
        match self.children.entry(name.to_owned()).or_insert_with(|| Child::Node(Self::default())) {
            Child::Node(node) => Some(node),
            Child::Leaf(..) => None,
        }
    }
}

/// A directory tree of the store.
struct BlobTree {
    blobs: MemoryBlobs,
    root: Digest,
}

impl BlobTree {
    fn lost(error: &BlobError, digest: &Digest) -> TreeError {
        TreeError::Lost { id: ObjectId::Blob(*digest), message: error.to_string() }
    }

    /// The digest of the directory at this path; none if there is none.
    fn find(&self, path: &str) -> Result<Option<Digest>, TreeError> {
        let mut at = self.root;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let node = self.blobs.node(&at).map_err(|error| Self::lost(&error, &at))?;
            match node.into_iter().find(|(name, kind, _)| name == part && *kind == EntryKind::Directory) {
                Some((_, _, digest)) => at = digest,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn digest(entry: &Entry) -> Result<Digest, TreeError> {
        match (&entry.id, entry.kind) {
            (ObjectId::Blob(digest), EntryKind::File | EntryKind::Executable | EntryKind::Symlink) => Ok(*digest),
            _ => Err(TreeError::Io(format!("`{}` is no file of this tree", entry.name))),
        }
    }
}

impl Tree for BlobTree {
    fn id(&self) -> ObjectId {
        ObjectId::Blob(self.root)
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        let Some(digest) = self.find(path)? else { return Ok(None) };
        let node = self.blobs.node(&digest).map_err(|error| Self::lost(&error, &digest))?;
        let entries = node.into_iter().map(|(name, kind, digest)| Entry { name, kind, id: ObjectId::Blob(digest) });
        Ok(Some(Arc::new(Directory::new(entries.collect()))))
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        let digest = Self::digest(entry)?;
        self.blobs.get(&digest).map_err(|error| Self::lost(&error, &digest))
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        let digest = Self::digest(entry)?;
        self.blobs.size(&digest).map_err(|error| Self::lost(&error, &digest))
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let Some(root) = self.find(path)? else { return Ok(None) };
        Ok(Some(Arc::new(Self { blobs: self.blobs.clone(), root })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn memory_blobs_pass_the_suite() {
        suite::blobs_suite(|| Box::new(MemoryBlobs::new()));
    }

    #[test]
    fn memory_blobs_notice_damage() {
        suite::blobs_damage_suite(|| {
            let blobs = MemoryBlobs::new();
            let damaged = blobs.clone();
            (Box::new(blobs), Box::new(move |digest| damaged.damage(digest)))
        });
    }

    #[test]
    fn writes_fail_when_told_to() {
        let blobs = MemoryBlobs::new();
        blobs.fail_writes(Some(BlobError::NoSpace("here".into())));
        assert!(matches!(blobs.put(b"a"), Err(BlobError::NoSpace(_))));
        blobs.fail_writes(None);
        blobs.put(b"a").unwrap();
        assert!(blobs.is_unsynced());
        blobs.sync().unwrap();
        assert!(!blobs.is_unsynced());
    }
}
