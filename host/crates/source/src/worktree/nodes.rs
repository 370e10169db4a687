//! From a flat list of entries to git trees, which are hashed and not written.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::{self, EntryKind as Mode};
use gix::objs::{Kind, WriteTo};
use springline_model::port::SourceError;
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, join_path};

use crate::git_tree::GitTree;
use crate::objects::{Objects, identity};
use crate::{git_error, listing};

/// What is at a path that has no paths below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// What it is; a directory if the index has it as a whole (a sparse index).
    pub(crate) kind: EntryKind,
    /// The blob, commit or tree.
    pub(crate) id: gix::ObjectId,
}

/// All directories of a tree.
pub(crate) struct Root {
    pub(crate) id: gix::ObjectId,
    /// The directories by their paths, or why one can't be listed.
    pub(crate) directories: HashMap<String, Result<Arc<Directory>, TreeError>>,
    /// Their ids.
    pub(crate) ids: HashMap<String, gix::ObjectId>,
    /// Those that the index has as a whole.
    pub(crate) sparse: HashMap<String, GitTree>,
}

impl Root {
    /// The directories that these leaves make, with their ids. A leaf that is at, above or below
    /// an earlier one is not there.
    pub(crate) fn new(
        leaves: impl IntoIterator<Item = (BString, Leaf)>,
        objects: &Arc<Objects>,
        hash: gix::hash::Kind,
    ) -> Result<Self, SourceError> {
        let mut nodes = Nodes::default();
        for (path, leaf) in leaves {
            if !nodes.add(path.as_ref(), leaf) && leaf.kind == EntryKind::Directory {
                return Err(SourceError::Git(format!(
                    "there are files in `{path}`, which the sparse checkout leaves out: `git sparse-checkout reapply` \
                     says what to do with them"
                )));
            }
        }
        let mut root = Self {
            id: gix::ObjectId::empty_tree(hash),
            directories: HashMap::new(),
            ids: HashMap::new(),
            sparse: HashMap::new(),
        };
        root.id = nodes.hash(Some(""), objects, &mut root)?;
        Ok(root)
    }
}

/// A directory under construction.
#[derive(Default)]
struct Nodes(BTreeMap<BString, Node>);

enum Node {
    Leaf(Leaf),
    Directory(Nodes),
}

impl Nodes {
    /// Adds what is at a path, and says whether nothing stood in the way.
    fn add(&mut self, path: &BStr, leaf: Leaf) -> bool {
        let mut directory = self;
        let mut rest = path.trim_end_with(|c| c == '/').as_bstr();
        while let Some(at) = rest.find_byte(b'/') {
            let (part, after) = (&rest[..at], &rest[at + 1..]);
            let node = directory.0.entry(part.into()).or_insert_with(|| Node::Directory(Self::default()));
            let Node::Directory(child) = node else { return false };
            directory = child;
            rest = after.as_bstr();
        }
        match directory.0.entry(rest.to_owned()) {
            Slot::Occupied(_) => false,
            Slot::Vacant(slot) => {
                slot.insert(Node::Leaf(leaf));
                true
            }
        }
    }

    /// `path` is where the directory is; none if no UTF-8 path leads there.
    fn hash(self, path: Option<&str>, objects: &Arc<Objects>, root: &mut Root) -> Result<gix::ObjectId, SourceError> {
        let mut git = Vec::with_capacity(self.0.len());
        let mut listed = Ok(Vec::with_capacity(self.0.len()));
        for (name, node) in self.0 {
            let text = listing::utf8_name(name.as_bstr(), path.unwrap_or_default());
            let below = path.zip(text.as_deref().ok()).map(|(path, name)| join_path(path, name));
            let leaf = match node {
                Node::Leaf(leaf) => {
                    if let Some(below) = below.filter(|_| leaf.kind == EntryKind::Directory) {
                        root.sparse.insert(below.clone(), GitTree::new(objects.clone(), leaf.id, below));
                    }
                    leaf
                }
                Node::Directory(nodes) => {
                    Leaf { kind: EntryKind::Directory, id: nodes.hash(below.as_deref(), objects, root)? }
                }
            };
            match (text, &mut listed) {
                (Ok(name), Ok(entries)) => entries.push(Entry { name, kind: leaf.kind, id: identity(leaf.id) }),
                (Err(error), Ok(_)) => listed = Err(error),
                (_, Err(_)) => {}
            }
            git.push(tree::Entry { mode: mode(leaf.kind).into(), filename: name, oid: leaf.id });
        }
        let id = hash_tree(git, root.id.kind())?;
        if let Some(path) = path {
            root.directories.insert(path.to_owned(), listed.map(|entries| Arc::new(Directory::new(entries))));
            root.ids.insert(path.to_owned(), id);
        }
        Ok(id)
    }
}

fn hash_tree(mut entries: Vec<tree::Entry>, hash: gix::hash::Kind) -> Result<gix::ObjectId, SourceError> {
    entries.sort_unstable();
    let mut data = Vec::new();
    gix::objs::Tree { entries }.write_to(&mut data).map_err(|error| SourceError::Git(error.to_string()))?;
    gix::objs::compute_hash(hash, Kind::Tree, &data).map_err(git_error)
}

fn mode(kind: EntryKind) -> Mode {
    match kind {
        EntryKind::File => Mode::Blob,
        EntryKind::Executable => Mode::BlobExecutable,
        EntryKind::Symlink => Mode::Link,
        EntryKind::Directory => Mode::Tree,
        EntryKind::Submodule => Mode::Commit,
    }
}
