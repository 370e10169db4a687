//! A directory tree in memory, as a git revision would be one.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use springline_model::port::Tree;
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, is_clean_path, join_path, split_path};
use springline_model::{Digest, Hasher, ObjectId};

/// A tree made of a list of paths. Its identities look like git's (40 hex digits, of no real git
/// object), so nothing can mistake them for digests of blobs. Clones and subtrees share the content
/// and the counts.
#[derive(Clone)]
pub struct MemoryTree {
    shared: Arc<Shared>,
    /// Where this tree's root is in the shared one; empty for the root itself.
    root: String,
}

struct Shared {
    directories: BTreeMap<String, (ObjectId, Arc<Directory>)>,
    content: RwLock<HashMap<ObjectId, Bytes>>,
    reads: AtomicUsize,
    listings: AtomicUsize,
}

/// A directory while the tree is made.
#[derive(Default)]
struct Node {
    entries: BTreeMap<String, (EntryKind, Option<ObjectId>)>,
}

impl MemoryTree {
    /// A tree of these: path, content (of a symbolic link its target; of a directory and a submodule
    /// ignored) and kind. Parents are implied.
    ///
    /// # Panics
    /// If a path is not clean, is there twice, or lies below something that is no directory.
    pub fn new<P, C>(items: impl IntoIterator<Item = (P, C, EntryKind)>) -> Self
    where
        P: Into<String>,
        C: Into<Bytes>,
    {
        let mut nodes = BTreeMap::from([(String::new(), Node::default())]);
        let mut content = HashMap::new();
        for (path, bytes, kind) in items {
            let path = path.into();
            assert!(is_clean_path(&path), "{path:?} is no clean path");
            let (parent, name) = split_path(&path);
            make_parents(&mut nodes, parent);
            if kind == EntryKind::Directory {
                make_parents(&mut nodes, &path);
                continue;
            }
            let bytes = bytes.into();
            let id = git_like("blob", &bytes);
            content.insert(id.clone(), bytes);
            let before = nodes.get_mut(parent).unwrap().entries.insert(name.to_owned(), (kind, Some(id)));
            assert!(before.is_none(), "{path:?} is there twice");
        }
        let mut directories = BTreeMap::new();
        seal(&nodes, "", &mut directories);
        let shared = Shared {
            directories,
            content: RwLock::new(content),
            reads: AtomicUsize::new(0),
            listings: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared), root: String::new() }
    }

    /// A tree of plain files.
    ///
    /// # Panics
    /// As [`MemoryTree::new`].
    pub fn of_files<P, C>(files: impl IntoIterator<Item = (P, C)>) -> Self
    where
        P: Into<String>,
        C: Into<Bytes>,
    {
        Self::new(files.into_iter().map(|(path, content)| (path, content, EntryKind::File)))
    }

    /// How often the bytes of a file or a link were read.
    pub fn reads(&self) -> usize {
        self.shared.reads.load(Ordering::SeqCst)
    }

    /// How often a directory was looked at.
    pub fn listings(&self) -> usize {
        self.shared.listings.load(Ordering::SeqCst)
    }

    /// Loses the bytes of the file at this path: reading it is [`TreeError::Lost`] from now on.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn lose(&self, path: &str) {
        let (parent, name) = split_path(path);
        let (_, directory) = &self.shared.directories[&join(&self.root, parent)];
        let entry = directory.get(name).unwrap_or_else(|| panic!("no {path:?} to lose"));
        self.shared.content.write().unwrap().remove(&entry.id);
    }

    fn bytes(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        match entry.kind {
            EntryKind::Submodule => Err(TreeError::Submodule { path: entry.name.clone() }),
            EntryKind::Directory => Err(TreeError::Io(format!("`{}` is a directory", entry.name))),
            EntryKind::File | EntryKind::Executable | EntryKind::Symlink => {
                let content = self.shared.content.read().unwrap();
                content
                    .get(&entry.id)
                    .cloned()
                    .ok_or_else(|| TreeError::Lost { id: entry.id.clone(), message: "it is not there".into() })
            }
        }
    }

    /// The submodule that is at this path of the shared tree, or on the way to it.
    fn is_in_submodule(&self, path: &str) -> bool {
        let mut at = path;
        while !at.is_empty() {
            let (parent, name) = split_path(at);
            if let Some((_, directory)) = self.shared.directories.get(parent) {
                return directory.get(name).is_some_and(|entry| entry.kind == EntryKind::Submodule);
            }
            at = parent;
        }
        false
    }
}

impl Tree for MemoryTree {
    fn id(&self) -> ObjectId {
        self.shared.directories[&self.root].0.clone()
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        self.shared.listings.fetch_add(1, Ordering::SeqCst);
        let whole = join(&self.root, path);
        match self.shared.directories.get(&whole) {
            Some((_, directory)) => Ok(Some(directory.clone())),
            None if self.is_in_submodule(&whole) => Err(TreeError::Submodule { path: path.to_owned() }),
            None => Ok(None),
        }
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        self.shared.reads.fetch_add(1, Ordering::SeqCst);
        self.bytes(entry)
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        Ok(self.bytes(entry)?.len() as u64)
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let found = self.directory(path)?;
        let root = join(&self.root, path);
        Ok(found.map(|_| Arc::new(Self { shared: self.shared.clone(), root }) as Arc<dyn Tree>))
    }
}

fn join(root: &str, path: &str) -> String {
    if path.is_empty() { root.to_owned() } else { join_path(root, path) }
}

fn make_parents(nodes: &mut BTreeMap<String, Node>, path: &str) {
    if nodes.contains_key(path) {
        return;
    }
    let (parent, name) = split_path(path);
    make_parents(nodes, parent);
    let entry = nodes.get_mut(parent).unwrap().entries.entry(name.to_owned());
    let (kind, _) = entry.or_insert((EntryKind::Directory, None));
    assert_eq!(*kind, EntryKind::Directory, "{path:?} is a file and a directory");
    nodes.insert(path.to_owned(), Node::default());
}

/// Makes the directories from the leaves up, and returns the identity of this one.
fn seal(
    nodes: &BTreeMap<String, Node>,
    path: &str,
    directories: &mut BTreeMap<String, (ObjectId, Arc<Directory>)>,
) -> ObjectId {
    let mut entries = Vec::new();
    let mut text = String::new();
    for (name, (kind, id)) in &nodes[path].entries {
        let id = id.clone().unwrap_or_else(|| seal(nodes, &join_path(path, name), directories));
        text.push_str(&format!("{kind:?} {id} {name}\n"));
        entries.push(Entry { name: name.clone(), kind: *kind, id });
    }
    let id = git_like("tree", text.as_bytes());
    directories.insert(path.to_owned(), (id.clone(), Arc::new(Directory::new(entries))));
    id
}

fn git_like(kind: &str, bytes: &[u8]) -> ObjectId {
    let mut hasher = Hasher::domain(kind);
    hasher.field(bytes);
    let digest: Digest = hasher.finish();
    ObjectId::Git(digest.hex()[..40].to_owned())
}

#[cfg(test)]
mod tests {
    use springline_model::trace::{Found, find};

    use super::*;

    fn tree() -> MemoryTree {
        MemoryTree::new([
            ("a.txt", "A", EntryKind::File),
            ("bin/run", "#!", EntryKind::Executable),
            ("docs/deep/b.md", "B", EntryKind::File),
            ("link", "docs", EntryKind::Symlink),
            ("empty", "", EntryKind::Directory),
            ("vendor/sub", "", EntryKind::Submodule),
        ])
    }

    #[test]
    fn entries_are_found_with_their_kinds() {
        let tree = tree();
        let kind = |path: &str| match find(&tree, path).unwrap() {
            Found::Entry(entry) => Some(entry.kind),
            _ => None,
        };
        assert_eq!(kind("a.txt"), Some(EntryKind::File));
        assert_eq!(kind("bin/run"), Some(EntryKind::Executable));
        assert_eq!(kind("docs/deep"), Some(EntryKind::Directory));
        assert_eq!(kind("empty"), Some(EntryKind::Directory));
        assert!(matches!(find(&tree, "link/deep").unwrap(), Found::BehindLink));
        assert!(matches!(find(&tree, "docs/none/x").unwrap(), Found::Missing));
        assert!(matches!(tree.directory("vendor/sub/x"), Err(TreeError::Submodule { .. })));
    }

    #[test]
    fn an_identity_is_that_of_the_content() {
        let docs = tree().subtree("docs").unwrap().unwrap();
        let same = MemoryTree::of_files([("deep/b.md", "B")]);
        assert_eq!(docs.id(), same.id());
        assert_ne!(docs.id(), MemoryTree::of_files([("deep/b.md", "C")]).id());
        assert_ne!(same.id(), MemoryTree::new([("deep/b.md", "B", EntryKind::Executable)]).id());
    }

    #[test]
    fn reads_are_counted_and_can_be_lost() {
        let tree = tree();
        let Found::Entry(entry) = find(&tree, "a.txt").unwrap() else { panic!() };
        assert_eq!(tree.read(&entry).unwrap(), "A");
        tree.lose("a.txt");
        assert!(matches!(tree.read(&entry), Err(TreeError::Lost { .. })));
        assert_eq!(tree.reads(), 2);
    }
}
