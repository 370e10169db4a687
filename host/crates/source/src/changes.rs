//! What differs between two trees.

use std::collections::BTreeSet;

use springline_model::port::Tree;
use springline_model::tree::{EntryKind, TreeError, join_path};

/// The paths of files, links and submodules that are in one of two git trees and not, or
/// otherwise, in the other. A directory with a name that no path can carry stands for all in it.
pub(crate) fn between(old: &dyn Tree, new: &dyn Tree) -> Result<BTreeSet<String>, TreeError> {
    let mut changed = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        let (old, new) = match (old.directory(&path), new.directory(&path)) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(TreeError::NotUtf8 { .. } | TreeError::Submodule { .. }), _)
            | (_, Err(TreeError::NotUtf8 { .. } | TreeError::Submodule { .. })) => {
                changed.insert(path);
                continue;
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let entries = [&old, &new].into_iter().flatten().flat_map(|directory| directory.entries());
        let names: BTreeSet<_> = entries.map(|entry| entry.name.as_str()).collect();
        for name in names {
            let [old, new] = [&old, &new].map(|directory| directory.as_ref().and_then(|it| it.get(name)));
            if old == new {
                continue;
            }
            let below = join_path(&path, name);
            let kinds = [old, new].map(|entry| entry.map(|entry| entry.kind));
            if kinds.contains(&Some(EntryKind::Directory)) {
                open.push(below.clone());
            }
            if kinds.into_iter().flatten().any(|kind| kind != EntryKind::Directory) {
                changed.insert(below);
            }
        }
    }
    Ok(changed)
}
