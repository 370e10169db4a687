//! Which bytes a call may open by digest. A digest alone is no permission: the store has what
//! other applications made as well.

use std::collections::HashSet;
use std::sync::Arc;

use springline_model::Digest;
use springline_model::manifest::{Body, Object};

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
        Self { blobs: HashSet::new(), trees: trees.into_iter().collect() }
    }
}

impl Readable {
    /// What was given, to begin with.
    pub(crate) fn new(given: Arc<Given>) -> Self {
        Self { given, blobs: HashSet::new() }
    }

    /// Whether the call may open this blob.
    pub(crate) fn has_blob(&self, digest: &Digest) -> bool {
        self.given.blobs.contains(digest) || self.blobs.contains(digest)
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
