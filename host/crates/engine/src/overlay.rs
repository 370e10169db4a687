//! A tree with one file as it was at another time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use springline_model::port::Tree;
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, join_path, split_path};
use springline_model::{Hasher, ObjectId};

/// A tree with another file at a path, or with none there. Whatever has the file's bytes by their
/// identity can read them: both trees are of one storage.
pub struct Overlay {
    base: Arc<dyn Tree>,
    /// The directories on the way to the file as they are now; none for one that is gone with it.
    directories: Arc<HashMap<String, Option<Arc<Directory>>>>,
    /// Where this is below the overlaid tree's root.
    prefix: String,
    id: ObjectId,
}

impl Overlay {
    /// That tree with this file at the path, or with nothing there. What is on the way to it and is no
    /// directory gives way.
    ///
    /// # Errors
    /// What the tree reports.
    pub fn new(base: Arc<dyn Tree>, path: &str, file: Option<Entry>) -> Result<Self, TreeError> {
        let mut hasher = Hasher::domain("springline-overlay/1");
        hasher.field(base.id().to_string().as_bytes()).field(path.as_bytes());
        if let Some(Entry { kind, id, .. }) = &file {
            hasher.field(format!("{kind:?}").as_bytes()).field(id.to_string().as_bytes());
        }
        let id = ObjectId::Blob(hasher.finish());
        let (mut parent, name) = split_path(path);
        let mut entry = file.map(|file| Entry { name: name.to_owned(), ..file });
        let mut name = name;
        let mut directories = HashMap::new();
        loop {
            let listing = base.directory(parent)?;
            let others = listing.iter().flat_map(|listing| listing.entries()).filter(|other| other.name != name);
            let entries: Vec<_> = others.cloned().chain(entry.take()).collect();
            // Git has no empty directories.
            let is_there = !entries.is_empty() || parent.is_empty();
            directories.insert(parent.to_owned(), is_there.then(|| Arc::new(Directory::new(entries))));
            if parent.is_empty() {
                break;
            }
            (parent, name) = split_path(parent);
            let directory = Entry { name: name.to_owned(), kind: EntryKind::Directory, id: id.clone() };
            entry = is_there.then_some(directory);
        }
        Ok(Self { base, directories: Arc::new(directories), prefix: String::new(), id })
    }

    fn at(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { join_path(&self.prefix, path) }
    }
}

impl Tree for Overlay {
    fn id(&self) -> ObjectId {
        self.id.clone()
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        let path = self.at(path);
        match self.directories.get(&path) {
            Some(directory) => Ok(directory.clone()),
            None => self.base.directory(&path),
        }
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        self.base.read(entry)
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        self.base.size(entry)
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let prefix = self.at(path);
        match self.directories.get(&prefix) {
            None => self.base.subtree(&prefix),
            Some(None) => Ok(None),
            Some(Some(_)) => {
                let mut hasher = Hasher::domain("springline-overlay/1");
                hasher.field(self.id.to_string().as_bytes()).field(prefix.as_bytes());
                let id = ObjectId::Blob(hasher.finish());
                let (base, directories) = (self.base.clone(), self.directories.clone());
                Ok(Some(Arc::new(Self { base, directories, prefix, id })))
            }
        }
    }
}
