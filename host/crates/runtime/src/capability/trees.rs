//! `springline:host/trees`.

use springline_model::ObjectId;
use springline_model::plugin::Limit;
use springline_model::port::Tree;
use springline_model::tree::{EntryKind as Kind, TreeError, join_path};

use crate::bindings::springline::host::blobs::BlobError;
use crate::bindings::springline::host::trees::{self, Entry, EntryKind};
use crate::fault::{limit, of_tree};
use crate::state::CallState;

impl trees::Host for CallState {
    fn walk(&mut self, digest: String) -> wasmtime::Result<Result<Vec<Entry>, BlobError>> {
        let Some(known) = digest.parse().ok().filter(|digest| self.readable.has_tree(digest)) else {
            return Ok(Err(BlobError::NotFound(format!("no tree {digest:?} was given to this call"))));
        };
        let tree = match self.blobs.tree(&known) {
            Ok(tree) => tree,
            Err(error) => return Ok(Err(self.store_failed(&error))),
        };
        let mut walk = Walk { tree: &*tree, found: Vec::new(), most: self.limits.output_entries };
        match walk.directory("") {
            Ok(()) => {}
            Err(Stop::Tree(error)) => {
                self.verdict.record(of_tree(&error));
                return Ok(Err(BlobError::Io(error.to_string())));
            }
            Err(Stop::TooMany) => {
                let fault = limit(Limit::Entries, format!("{} files of a tree", walk.most));
                return Ok(Err(self.out_of_quota(fault)));
            }
        }
        let mut entries = Vec::with_capacity(walk.found.len());
        for (entry, digest) in walk.found {
            self.readable.allow(digest);
            entries.push(entry);
        }
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Ok(entries))
    }
}

enum Stop {
    Tree(TreeError),
    TooMany,
}

impl From<TreeError> for Stop {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

struct Walk<'t> {
    tree: &'t dyn Tree,
    found: Vec<(Entry, springline_model::Digest)>,
    most: u64,
}

impl Walk<'_> {
    fn directory(&mut self, path: &str) -> Result<(), Stop> {
        let Some(directory) = self.tree.directory(path)? else { return Ok(()) };
        for entry in directory.entries() {
            let path = join_path(path, &entry.name);
            let kind = match entry.kind {
                Kind::Directory => {
                    self.directory(&path)?;
                    continue;
                }
                Kind::Submodule => return Err(TreeError::Submodule { path }.into()),
                Kind::File => EntryKind::File,
                Kind::Executable => EntryKind::Executable,
                Kind::Symlink => EntryKind::Symlink,
            };
            let ObjectId::Blob(digest) = entry.id else {
                return Err(TreeError::Io(format!("`{path}` is no blob of the store")).into());
            };
            if self.found.len() as u64 >= self.most {
                return Err(Stop::TooMany);
            }
            let link = match kind {
                EntryKind::Symlink => String::from_utf8_lossy(&self.tree.read(entry)?).into_owned(),
                _ => String::new(),
            };
            let size = self.tree.size(entry)?;
            self.found.push((Entry { path, kind, digest: digest.to_string(), size, link }, digest));
        }
        Ok(())
    }
}
