//! From a flat list of entries to directory nodes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use springline_model::Digest;
use springline_model::port::{BlobError, NewEntry};
use springline_model::tree::{EntryKind, is_clean_path};

use crate::node::{self, NodeEntry};

/// A directory under construction.
#[derive(Default)]
struct Building(BTreeMap<String, Item>);

enum Item {
    Leaf(EntryKind, Digest),
    Directory(Building),
}

/// Hands the node of every directory to `put`, children before parents, and returns the digest of
/// the root's.
pub(crate) fn put_nodes(
    entries: Vec<NewEntry>,
    put: &mut dyn FnMut(&[u8]) -> Result<Digest, BlobError>,
) -> Result<Digest, BlobError> {
    let mut root = Building::default();
    for entry in entries {
        root.add(entry)?;
    }
    root.put(put)
}

impl Building {
    fn add(&mut self, entry: NewEntry) -> Result<(), BlobError> {
        if !is_clean_path(&entry.path) {
            return Err(BlobError::Io(format!("{:?} is no clean path below a directory", entry.path)));
        }
        if entry.kind == EntryKind::Submodule {
            return Err(BlobError::Io(format!("`{}` is a git submodule, which can't be stored", entry.path)));
        }
        let clash = || BlobError::Io(format!("two entries clash at `{}`", entry.path));
        let mut directory = self;
        let (parents, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            directory = directory.child(part).ok_or_else(clash)?;
        }
        if entry.kind == EntryKind::Directory {
            return directory.child(name).map(drop).ok_or_else(clash);
        }
        match directory.0.entry(name.to_owned()) {
            Slot::Occupied(_) => Err(clash()),
            Slot::Vacant(slot) => {
                slot.insert(Item::Leaf(entry.kind, entry.digest));
                Ok(())
            }
        }
    }

    /// The directory of that name, made if it is missing; none if a file has the name.
    fn child(&mut self, name: &str) -> Option<&mut Self> {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Item::Directory(Self::default()));
        }
        match self.0.get_mut(name)? {
            Item::Directory(directory) => Some(directory),
            Item::Leaf(..) => None,
        }
    }

    fn put(self, put: &mut dyn FnMut(&[u8]) -> Result<Digest, BlobError>) -> Result<Digest, BlobError> {
        let mut entries = Vec::with_capacity(self.0.len());
        for (name, item) in self.0 {
            let (kind, digest) = match item {
                Item::Leaf(kind, digest) => (kind, digest),
                Item::Directory(directory) => (EntryKind::Directory, directory.put(put)?),
            };
            entries.push(NodeEntry { name, kind, digest });
        }
        put(&node::encode(&entries))
    }
}
