//! Removes blobs that nothing refers to.

use std::collections::HashSet;

use springline_model::Digest;
use springline_model::manifest::{Body, Object};
use springline_model::port::BlobError;
use springline_model::tree::EntryKind;

use crate::Ports;
use crate::error::Reason;

/// What a collection came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs that are referred to.
    pub kept: u64,
    /// Blobs that were removed, or would be.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes every blob that is reachable neither from the store nor from `pinned`. With `pretend`
/// it only counts them.
///
/// # Errors
/// What the store or the blob store reports. What is lost below a root is passed over.
pub fn collect(ports: Ports<'_>, pinned: &[Digest], pretend: bool) -> Result<Collected, Reason> {
    let reachable = reachable(ports, pinned)?;
    let mut collected = Collected::default();
    for (digest, size) in ports.blobs.list()? {
        if ports.cancel.is_cancelled() {
            return Err(Reason::Cancelled);
        }
        if reachable.contains(&digest) {
            collected.kept += 1;
            continue;
        }
        if !pretend {
            ports.blobs.remove(&digest)?;
        }
        collected.removed += 1;
        collected.bytes += size;
    }
    Ok(collected)
}

fn reachable(ports: Ports<'_>, pinned: &[Digest]) -> Result<HashSet<Digest>, Reason> {
    let roots = ports.store.roots()?;
    let mut reachable: HashSet<Digest> = pinned.iter().copied().collect();
    reachable.extend(roots.blobs);
    let mut trees = roots.trees;
    for list in roots.objects {
        if !reachable.insert(list) {
            continue;
        }
        let objects: Vec<Object> = match crate::keep::read_json(ports, &list) {
            Err(reason) if reason.is_lost() => continue,
            read => read?,
        };
        for object in objects {
            match object.body {
                Body::Blob(blob) => drop(reachable.insert(blob)),
                Body::Tree(tree) => trees.push(tree),
            }
        }
    }
    while let Some(tree) = trees.pop() {
        if !reachable.insert(tree) {
            continue;
        }
        match ports.blobs.children(&tree) {
            Ok(children) => {
                for (digest, kind) in children {
                    match kind {
                        EntryKind::Directory => trees.push(digest),
                        _ => drop(reachable.insert(digest)),
                    }
                }
            }
            Err(BlobError::Missing(_) | BlobError::Damaged(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(reachable)
}
