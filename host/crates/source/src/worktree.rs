//! Uncommitted state as a tree.

mod disk;
mod nodes;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gix::bstr::{BString, ByteSlice};
use gix::objs::Kind;
use springline_model::ObjectId;
use springline_model::port::{Revision, SourceError, Tree};
use springline_model::tree::{Directory, Entry, EntryKind, TreeError, join_path};

use crate::git_tree::{GitTree, content};
use crate::objects::{Objects, check, identity, lost};
use crate::status::{self, Difference, is_state};
use crate::{changes, commit, git_error, listing};
use disk::OnDisk;
use nodes::{Leaf, Root};

/// How many digits of the tree's id name the state.
const DIGITS: usize = 40;

/// The state of the work tree in this directory, and what to call it.
pub(crate) fn snapshot(objects: &Arc<Objects>, work_dir: &Path) -> Result<(Revision, Arc<dyn Tree>), SourceError> {
    let repository = objects.handle();
    let index = repository.index_or_empty().map_err(git_error)?;
    let mut tracked = tracked(&index);
    let executable_bits = repository.filesystem_options().map_err(git_error)?.executable_bit;
    let mut reader = disk::Reader::new(work_dir, repository.object_hash(), executable_bits);
    let mut changed = Vec::new();
    for (path, difference) in status::differences(&repository, index)? {
        let leaf = tracked.remove(&path);
        if matches!(difference, Difference::Changed)
            && let Some(leaf) = reader.read(path.as_ref(), leaf.map(|leaf| leaf.kind))?
        {
            changed.push((path, leaf));
        }
    }
    // First what is on disk: whatever of the index stands in its way is not there any more.
    let root = Root::new(changed.into_iter().chain(tracked), objects, repository.object_hash())?;
    let revision = describe(&repository, root.id)?;
    let tree = WorkTree::new(objects.clone(), work_dir.to_owned(), root, reader.into_files());
    Ok((revision, Arc::new(tree)))
}

/// The paths that differ between the last commit, the index and the work tree, sorted. Files are
/// not read where their times and sizes tell enough.
pub(crate) fn uncommitted(objects: &Arc<Objects>, work_dir: &Path) -> Result<Vec<String>, SourceError> {
    let repository = objects.handle();
    let index = repository.index_or_empty().map_err(git_error)?;
    let staged = Root::new(tracked(&index), objects, repository.object_hash())?;
    let staged = WorkTree::new(objects.clone(), work_dir.to_owned(), staged, HashMap::new());
    let head = repository.head_tree_id_or_empty().map_err(git_error)?.detach();
    let committed = GitTree::new(objects.clone(), head, String::new());
    let mut paths = changes::between(&committed, &staged)?;
    paths.retain(|path| !is_state(path.as_bytes().as_bstr()));
    let differences = status::differences(&repository, index)?;
    paths.extend(differences.into_iter().map(|(path, _)| path.to_str_lossy().into_owned()));
    Ok(paths.into_iter().collect())
}

/// What the index says; nothing of paths in conflict.
fn tracked(index: &gix::index::State) -> BTreeMap<BString, Leaf> {
    let entries = index.entries().iter().filter_map(|entry| {
        let path = entry.path(index);
        let mode = entry.mode.to_tree_entry_mode().filter(|_| entry.stage_raw() == 0 && !is_state(path))?;
        Some((path.to_owned(), Leaf { kind: listing::entry_kind(mode), id: entry.id }))
    });
    entries.collect()
}

fn describe(repository: &gix::Repository, tree: gix::ObjectId) -> Result<Revision, SourceError> {
    let id = format!("worktree-{}", tree.to_hex_with_len(DIGITS));
    let head = repository.head().map_err(git_error)?;
    if head.is_unborn() {
        return Ok(Revision { id, time: 0, subject: "uncommitted state".to_owned() });
    }
    let head = repository.head_commit().and_then(|commit| commit::describe(&commit)).map_err(git_error)?;
    Ok(Revision { id, time: head.time, subject: format!("uncommitted state, after: {}", head.subject) })
}

/// A tree of the state of a work tree, or a part of one.
struct WorkTree {
    shared: Arc<Shared>,
    prefix: String,
    id: ObjectId,
}

struct Shared {
    objects: Arc<Objects>,
    work_dir: PathBuf,
    root: Root,
    /// What is not in git, by its id.
    on_disk: HashMap<gix::ObjectId, OnDisk>,
}

impl Shared {
    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        if let Some(directory) = self.root.directories.get(path) {
            return directory.clone().map(Some);
        }
        match self.sparse(path)? {
            Some((tree, rest)) => tree.directory(rest),
            None => Ok(None),
        }
    }

    /// The directory above this path, or at it, that the index has as a whole, and the rest of the path.
    fn sparse<'p>(&self, path: &'p str) -> Result<Option<(&GitTree, &'p str)>, TreeError> {
        let mut at = String::new();
        let mut rest = path;
        while !rest.is_empty() {
            let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
            let Some(directory) = self.root.directories.get(&at) else { return Ok(None) };
            let kind = directory.as_ref().map_err(Clone::clone)?.get(part).map(|entry| entry.kind);
            at = join_path(&at, part);
            rest = after;
            match kind {
                Some(EntryKind::Directory) => {}
                Some(EntryKind::Submodule) => return Err(TreeError::Submodule { path: at }),
                _ => return Ok(None),
            }
            if let Some(tree) = self.root.sparse.get(&at) {
                return Ok(Some((tree, rest)));
            }
        }
        Ok(None)
    }
}

impl WorkTree {
    fn new(objects: Arc<Objects>, work_dir: PathBuf, root: Root, on_disk: HashMap<gix::ObjectId, OnDisk>) -> Self {
        let id = identity(root.id);
        Self { shared: Arc::new(Shared { objects, work_dir, root, on_disk }), prefix: String::new(), id }
    }

    fn below_root(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { join_path(&self.prefix, path) }
    }
}

impl Tree for WorkTree {
    fn id(&self) -> ObjectId {
        self.id.clone()
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        self.shared.directory(&self.below_root(path))
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        let id = content(entry)?;
        let Some(file) = self.shared.on_disk.get(&id) else { return self.shared.objects.read(id, Kind::Blob) };
        let bytes = disk::read_whole(&self.shared.work_dir.join(&file.path))
            .map_err(|error| lost(id, format!("`{}` can't be read any more: {error}", file.path.display())))?;
        check(id, Kind::Blob, &bytes)
            .map_err(|_| lost(id, format!("`{}` was changed while it was in use: run again", file.path.display())))?;
        Ok(bytes.into())
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        let id = content(entry)?;
        match self.shared.on_disk.get(&id) {
            Some(file) => Ok(file.size),
            None => self.shared.objects.size(id),
        }
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        let prefix = self.below_root(path);
        let id = if let Some(id) = self.shared.root.ids.get(&prefix) {
            identity(*id)
        } else {
            match self.shared.sparse(&prefix)? {
                Some((tree, rest)) => return tree.subtree(rest),
                None => return Ok(None),
            }
        };
        Ok(Some(Arc::new(Self { shared: self.shared.clone(), prefix, id })))
    }
}

#[cfg(test)]
mod tests;
