//! Directories of the blob store as a [`Tree`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use springline_model::port::{BlobError, Blobs, Tree};
use springline_model::tree::{Directory, Entry, EntryKind, TreeError};
use springline_model::{Digest, ObjectId};

use crate::disk::DiskBlobs;

/// A tree, and what is known of it already; subtrees share that.
#[derive(Clone)]
pub(crate) struct BlobTree {
    blobs: DiskBlobs,
    root: Digest,
    known: Arc<RwLock<HashMap<Digest, Arc<Directory>>>>,
}

impl BlobTree {
    /// The tree whose root has this node, which is read at once.
    pub(crate) fn open(blobs: DiskBlobs, root: Digest) -> Result<Self, BlobError> {
        let tree = Self { blobs, root, known: Arc::default() };
        tree.load(&root)?;
        Ok(tree)
    }

    fn load(&self, node: &Digest) -> Result<Arc<Directory>, BlobError> {
        if let Some(directory) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(node) {
            return Ok(directory.clone());
        }
        let entries = self.blobs.node(node)?;
        let directory = Arc::new(Directory::new(
            entries
                .into_iter()
                .map(|entry| Entry { name: entry.name, kind: entry.kind, id: ObjectId::Blob(entry.digest) })
                .collect(),
        ));
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(*node, directory.clone());
        Ok(directory)
    }

    /// The node of the directory at this path.
    fn node_at(&self, path: &str) -> Result<Option<Digest>, TreeError> {
        let mut node = self.root;
        if path.is_empty() {
            return Ok(Some(node));
        }
        for part in path.split('/') {
            let directory = self.load(&node).map_err(|error| tree_error(&node, error))?;
            match directory.get(part) {
                Some(Entry { kind: EntryKind::Directory, id: ObjectId::Blob(digest), .. }) => node = *digest,
                _ => return Ok(None),
            }
        }
        Ok(Some(node))
    }
}

impl Tree for BlobTree {
    fn id(&self) -> ObjectId {
        ObjectId::Blob(self.root)
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        let Some(node) = self.node_at(path)? else { return Ok(None) };
        self.load(&node).map(Some).map_err(|error| tree_error(&node, error))
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        let digest = content(entry)?;
        self.blobs.get(digest).map_err(|error| tree_error(digest, error))
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        let digest = content(entry)?;
        self.blobs.size(digest).map_err(|error| tree_error(digest, error))
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let Some(root) = self.node_at(path)? else { return Ok(None) };
        self.load(&root).map_err(|error| tree_error(&root, error))?;
        Ok(Some(Arc::new(Self { root, ..self.clone() })))
    }
}

/// The blob with the content of a file or link.
fn content(entry: &Entry) -> Result<&Digest, TreeError> {
    match (&entry.id, entry.kind) {
        (ObjectId::Blob(digest), EntryKind::File | EntryKind::Executable | EntryKind::Symlink) => Ok(digest),
        _ => Err(TreeError::Io(format!("`{}` is no file of the blob store", entry.name))),
    }
}

fn tree_error(digest: &Digest, error: BlobError) -> TreeError {
    match error {
        BlobError::Missing(_) | BlobError::Damaged(_) => {
            TreeError::Lost { id: ObjectId::Blob(*digest), message: error.to_string() }
        }
        other => TreeError::Io(other.to_string()),
    }
}
