//! What two sets of desired objects differ in, file by file: what a revision would change of what is
//! deployed, whatever is live.

use std::collections::{BTreeMap, BTreeSet};

use springline_model::manifest::{Action, Body, Object};
use springline_model::port::{Blobs, Tree};
use springline_model::run::Release;
use springline_model::tree::{EntryKind, join_path};
use springline_model::{Digest, ObjectId};

use crate::Ports;
use crate::error::Reason;
use crate::keep::read_json;
use crate::record::branch::each_file;

/// The largest text that is shown, in bytes.
const MOST_TEXT: u64 = 256 * 1024;

/// A file of a desired object, as it is in one of the sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes; of a link, its target.
    pub digest: Digest,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The id of the object; of one that is a tree, with the path in it.
    pub name: String,
    /// As it was; none if it is new.
    pub before: Option<Version>,
    /// As it would be; none if it goes.
    pub after: Option<Version>,
}

impl Changed {
    /// What is done with it.
    #[must_use]
    pub const fn action(&self) -> Action {
        match (self.before, self.after) {
            (None, _) => Action::Create,
            (_, None) => Action::Delete,
            _ => Action::Update,
        }
    }
}

/// The desired objects of a release.
///
/// # Errors
/// Bytes that are lost.
pub fn objects(ports: Ports<'_>, release: &Release) -> Result<Vec<Object>, Reason> {
    read_json(ports, &release.objects)
}

/// What differs, sorted by name, and how many objects do not.
///
/// # Errors
/// Bytes that are lost.
pub fn changes(blobs: &dyn Blobs, from: &[Object], to: &[Object]) -> Result<(Vec<Changed>, usize), Reason> {
    let bodies = |objects: &[Object]| -> BTreeMap<String, Body> {
        objects.iter().map(|object| (object.id.clone(), object.body.clone())).collect()
    };
    let (from, to) = (bodies(from), bodies(to));
    let ids: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let (mut found, mut same) = (Vec::new(), 0);
    for id in ids {
        let pair = [from.get(id), to.get(id)];
        if pair[0] == pair[1] {
            same += 1;
            continue;
        }
        let [mut before, after] = pair.map(|body| body.map_or(Ok(BTreeMap::new()), |body| files(blobs, id, body)));
        let before = before.as_mut().map_err(|reason| reason.clone())?;
        for (name, after) in after? {
            let before = before.remove(&name);
            if before != Some(after) {
                found.push(Changed { name, before, after: Some(after) });
            }
        }
        let gone = std::mem::take(before).into_iter();
        found.extend(gone.map(|(name, before)| Changed { name, before: Some(before), after: None }));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((found, same))
}

/// The files of an object by their names.
fn files(blobs: &dyn Blobs, id: &str, body: &Body) -> Result<BTreeMap<String, Version>, Reason> {
    let digest = match body {
        Body::Blob(digest) => {
            let version = Version { kind: EntryKind::File, digest: *digest };
            return Ok(BTreeMap::from([(id.to_owned(), version)]));
        }
        Body::Tree(digest) => digest,
    };
    let tree: &dyn Tree = &*blobs.tree(digest)?;
    let mut found = BTreeMap::new();
    each_file(tree, &mut |path, entry| {
        if let ObjectId::Blob(digest) = entry.id {
            found.insert(join_path(id, &path), Version { kind: entry.kind, digest });
        }
        Ok(())
    })?;
    Ok(found)
}

/// The text of a version; none if it is none, or is too long to be shown.
///
/// # Errors
/// Bytes that are lost.
pub fn text(blobs: &dyn Blobs, version: Version) -> Result<Option<String>, Reason> {
    if blobs.size(&version.digest)? > MOST_TEXT {
        return Ok(None);
    }
    let text = String::from_utf8(blobs.get(&version.digest)?.to_vec()).ok().filter(|text| !text.contains('\0'));
    Ok(match version.kind {
        EntryKind::Symlink => text.map(|target| format!("-> {target}\n")),
        _ => text,
    })
}
