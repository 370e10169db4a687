//! What a call saw: the second half of the key under which its result is kept.
//!
//! The first half ([`crate::call::CallKey`]) says what was called and how. The trace says which
//! files, listings and answers the call depended on. A kept result holds for another tree if
//! every entry of its trace holds there, so a change to a file that was never read runs nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::port::Tree;
use crate::tree::{Directory, Entry, EntryKind, TreeError, join_path, split_path};
use crate::{Digest, Hasher, ObjectId};

/// What a call learned about one path. Several facts about one path are several entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The content of the file.
    Read(ObjectId),
    /// The names, kinds and modes of the directory's entries, by [`listing_hash`].
    Listed(Digest),
    /// That it is a regular file, whatever is in it.
    IsFile,
    /// That it is a directory.
    IsDirectory,
    /// The length of the regular file, in bytes.
    Size(u64),
    /// Whether the regular file is executable.
    Executable(bool),
    /// That it is a symbolic link, and where it points.
    Link(String),
    /// That there is nothing.
    Missing,
}

/// Everything that a call depended on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// What it learned about paths: by mount (`in`, `artifacts/NAME`), then path below it (empty
    /// for the mount itself), sorted.
    pub paths: BTreeMap<String, Vec<(String, Access)>>,
    /// What it asked of its context: the question, and the digest of the answer.
    pub context: BTreeMap<String, Digest>,
}

/// Hashes what a listing shows: the sorted names, kinds and modes. Not the identity of the tree,
/// which changes with every descendant.
pub fn listing_hash(directory: &Directory) -> Digest {
    let mut hasher = Hasher::domain("springline-listing/1");
    for entry in directory.entries() {
        let kind = match entry.kind {
            EntryKind::File => b"f",
            EntryKind::Executable => b"x",
            EntryKind::Symlink => b"l",
            EntryKind::Directory => b"d",
            EntryKind::Submodule => b"m",
        };
        hasher.field(kind).field(entry.name.as_bytes());
    }
    hasher.finish()
}

/// What is at a path, symbolic links not followed.
#[derive(Debug, Clone)]
pub enum Found {
    /// The root itself.
    Root,
    /// An entry.
    Entry(Entry),
    /// Nothing, and no symbolic link on the way to it.
    Missing,
    /// A part on the way is a symbolic link, so that the path as written names nothing.
    BehindLink,
}

/// Looks a path up without following symbolic links.
///
/// # Errors
/// What the tree reports.
pub fn find(tree: &dyn Tree, path: &str) -> Result<Found, TreeError> {
    if path.is_empty() {
        return Ok(Found::Root);
    }
    let (parent, name) = split_path(path);
    if let Some(directory) = tree.directory(parent)? {
        return Ok(directory.get(name).map_or(Found::Missing, |entry| Found::Entry(entry.clone())));
    }
    let mut directory = String::new();
    for part in parent.split('/') {
        let Some(listing) = tree.directory(&directory)? else { break };
        match listing.get(part).map(|entry| entry.kind) {
            Some(EntryKind::Symlink) => return Ok(Found::BehindLink),
            Some(EntryKind::Directory) => directory = join_path(&directory, part),
            _ => break,
        }
    }
    Ok(Found::Missing)
}

/// The first entry of a trace that no longer holds: why a result can't be used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The mount, such as `in`; `context` for a question about the context.
    pub mount: String,
    /// The path below it, or the question.
    pub path: String,
}

impl Trace {
    /// Whether everything that the call depended on is still so: `None` if it is, else the first
    /// thing that is not. `mounts` are the trees of the new call by their mount; `answer` gives
    /// the digest of the new call's answer to a question of the context.
    ///
    /// # Errors
    /// What a tree reports.
    pub fn first_change<'t>(
        &self,
        mounts: impl Fn(&str) -> Option<&'t dyn Tree>,
        answer: impl Fn(&str) -> Option<Digest>,
    ) -> Result<Option<Changed>, TreeError> {
        for (question, digest) in &self.context {
            if answer(question) != Some(*digest) {
                return Ok(Some(Changed { mount: "context".into(), path: question.clone() }));
            }
        }
        for (mount, accesses) in &self.paths {
            let Some(tree) = mounts(mount) else {
                return Ok(Some(Changed { mount: mount.clone(), path: String::new() }));
            };
            for (path, access) in accesses {
                if !holds(tree, path, access)? {
                    return Ok(Some(Changed { mount: mount.clone(), path: path.clone() }));
                }
            }
        }
        Ok(None)
    }
}

fn holds(tree: &dyn Tree, path: &str, access: &Access) -> Result<bool, TreeError> {
    let found = find(tree, path)?;
    Ok(match (access, found) {
        (Access::Missing, Found::Missing) => true,
        (Access::IsDirectory, Found::Root) => true,
        (Access::IsDirectory, Found::Entry(entry)) => entry.kind == EntryKind::Directory,
        (Access::Listed(hash), Found::Root | Found::Entry(_)) => {
            tree.directory(path)?.is_some_and(|directory| listing_hash(&directory) == *hash)
        }
        (Access::Read(id), Found::Entry(entry)) => entry.kind.is_file() && entry.id == *id,
        (Access::IsFile, Found::Entry(entry)) => entry.kind.is_file(),
        (Access::Size(size), Found::Entry(entry)) => entry.kind.is_file() && tree.size(&entry)? == *size,
        (Access::Executable(executable), Found::Entry(entry)) => {
            entry.kind.is_file() && (entry.kind == EntryKind::Executable) == *executable
        }
        (Access::Link(target), Found::Entry(entry)) => {
            entry.kind == EntryKind::Symlink && tree.read(&entry)? == target.as_bytes()
        }
        _ => false,
    })
}
