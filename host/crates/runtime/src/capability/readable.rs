//! Which bytes a call may open by digest. A digest alone is no permission: the store has what
//! other applications made as well.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use springline_model::Digest;
use springline_model::manifest::{Body, Object};
use springline_model::port::Blobs;
use springline_model::tree::EntryKind;

/// The digests that a call was given, found in what it was given, or wrote itself.
#[derive(Default, Clone)]
pub(crate) struct Readable {
    given: Arc<Given>,
    /// Found in trees, or written. A call's limit on entries bounds it.
    blobs: HashSet<Digest>,
}

/// The digests that a call was given.
#[derive(Default)]
pub(crate) struct Given {
    blobs: HashSet<Digest>,
    trees: HashSet<Digest>,
    /// What is below the trees, found out when it is first asked for: a target plans in one call
    /// and applies in another, which has walked nothing.
    below: OnceLock<HashSet<Digest>>,
}

impl Given {
    /// The bodies of these objects.
    pub(crate) fn objects(objects: &[Object]) -> Self {
        let mut given = Self::default();
        for object in objects {
            match object.body {
                Body::Blob(digest) => given.blobs.insert(digest),
                Body::Tree(digest) => given.trees.insert(digest),
            };
        }
        given
    }

    /// These trees.
    pub(crate) fn trees(trees: impl IntoIterator<Item = Digest>) -> Self {
        Self { trees: trees.into_iter().collect(), ..Self::default() }
    }

    fn has_below(&self, digest: &Digest, store: &dyn Blobs) -> bool {
        self.below.get_or_init(|| self.descendants(store)).contains(digest)
    }

    /// Every file and link below the trees. What is lost is left out: opening it will say so.
    fn descendants(&self, store: &dyn Blobs) -> HashSet<Digest> {
        let (mut found, mut seen) = (HashSet::new(), HashSet::new());
        let mut left: Vec<Digest> = self.trees.iter().copied().collect();
        while let Some(tree) = left.pop() {
            if !seen.insert(tree) {
                continue;
            }
            for (digest, kind) in store.children(&tree).unwrap_or_default() {
                match kind {
                    EntryKind::Directory => left.push(digest),
                    _ => drop(found.insert(digest)),
                }
            }
        }
        found
    }
}

impl Readable {
    /// What was given, to begin with.
    pub(crate) fn new(given: Arc<Given>) -> Self {
        Self { given, blobs: HashSet::new() }
    }

    /// Whether the call may open this blob.
    pub(crate) fn has_blob(&self, digest: &Digest, store: &dyn Blobs) -> bool {
        self.given.blobs.contains(digest) || self.blobs.contains(digest) || self.given.has_below(digest, store)
    }

    /// Whether the call may walk this tree.
    pub(crate) fn has_tree(&self, digest: &Digest) -> bool {
        self.given.trees.contains(digest)
    }

    /// Allows a blob that the call found or wrote.
    pub(crate) fn allow(&mut self, digest: Digest) {
        self.blobs.insert(digest);
    }

    /// How many blobs were allowed.
    pub(crate) fn allowed(&self) -> usize {
        self.blobs.len()
    }
}
