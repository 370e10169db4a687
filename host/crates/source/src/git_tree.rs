//! The tree of a commit.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use gix::objs::Kind;
use springline_model::ObjectId;
use springline_model::port::Tree;
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, join_path};

use crate::listing;
use crate::objects::{Objects, identity, object_id};

/// A tree of the object database, or a part of one. Parts share what has been parsed.
pub(crate) struct GitTree {
    root: Arc<Root>,
    /// Where this is below the root; empty for the root.
    prefix: String,
    id: ObjectId,
}

struct Root {
    objects: Arc<Objects>,
    id: gix::ObjectId,
    /// Where the root itself is, for messages.
    place: String,
    /// The directories read so far, by their paths below the root.
    directories: RwLock<HashMap<String, Arc<Directory>>>,
}

impl GitTree {
    /// The tree object of this id, which is at `place`.
    pub(crate) fn new(objects: Arc<Objects>, id: gix::ObjectId, place: String) -> Self {
        let root = Arc::new(Root { objects, id, place, directories: RwLock::default() });
        Self { root, prefix: String::new(), id: identity(id) }
    }

    fn below_root(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { join_path(&self.prefix, path) }
    }
}

impl Root {
    fn known(&self, path: &str) -> Option<Arc<Directory>> {
        self.directories.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn load(&self, path: &str, id: gix::ObjectId) -> Result<Arc<Directory>, TreeError> {
        if let Some(known) = self.known(path) {
            return Ok(known);
        }
        let data = self.objects.read(id, Kind::Tree)?;
        let directory = Arc::new(listing::parse(id, &data, &self.place_of(path))?);
        self.directories.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), directory.clone());
        Ok(directory)
    }

    /// The directory at this path, found from the root down.
    fn walk(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        let mut directory = self.load("", self.id)?;
        if path.is_empty() {
            return Ok(Some(directory));
        }
        let mut end = 0;
        for part in path.split('/') {
            end += part.len();
            let Some(entry) = directory.get(part) else { return Ok(None) };
            match entry.kind {
                EntryKind::Directory => directory = self.load(&path[..end], object_id(&entry.id)?)?,
                EntryKind::Submodule => return Err(TreeError::Submodule { path: self.place_of(&path[..end]) }),
                EntryKind::File | EntryKind::Executable | EntryKind::Symlink => return Ok(None),
            }
            end += 1;
        }
        Ok(Some(directory))
    }

    fn place_of(&self, path: &str) -> String {
        if path.is_empty() { self.place.clone() } else { join_path(&self.place, path) }
    }
}

impl Tree for GitTree {
    fn id(&self) -> ObjectId {
        self.id.clone()
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        let joined;
        let path = if self.prefix.is_empty() {
            path
        } else {
            joined = self.below_root(path);
            &joined
        };
        match self.root.known(path) {
            Some(known) => Ok(Some(known)),
            None => self.root.walk(path),
        }
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        self.root.objects.read(content(entry)?, Kind::Blob)
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        self.root.objects.size(content(entry)?)
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let prefix = self.below_root(path);
        if self.root.walk(&prefix)?.is_none() {
            return Ok(None);
        }
        let id = match prefix.rsplit_once('/').unwrap_or(("", &prefix)) {
            (_, "") => identity(self.root.id),
            (parent, name) => {
                let parent = self.root.walk(parent)?;
                let Some(entry) = parent.as_ref().and_then(|parent| parent.get(name)) else { return Ok(None) };
                entry.id.clone()
            }
        };
        Ok(Some(Arc::new(Self { root: self.root.clone(), prefix, id })))
    }
}

/// The blob with the content of a file or link.
pub(crate) fn content(entry: &Entry) -> Result<gix::ObjectId, TreeError> {
    match entry.kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Symlink => object_id(&entry.id),
        EntryKind::Submodule => Err(TreeError::Submodule { path: entry.name.clone() }),
        EntryKind::Directory => Err(TreeError::Io(format!("`{}` is a directory", entry.name))),
    }
}
