//! Environment branches: commits that hold what was rendered, and say in trailers what it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use springline_model::ObjectId;
use springline_model::manifest::{Body, Object};
use springline_model::port::{NewEntry, Tree};
use springline_model::run::Place;
use springline_model::tree::{Entry, EntryKind, join_path};

use super::account::Account;
use crate::Ports;
use crate::error::Reason;

/// What the trailers' keys begin with.
const TRAILER: &str = "Springline-";

/// The objects as one tree: files by their ids, and directories.
pub(crate) fn tree_of(ports: Ports<'_>, objects: &[Object]) -> Result<Arc<dyn Tree>, Reason> {
    let mut entries = Vec::new();
    for object in objects {
        match &object.body {
            Body::Blob(digest) => {
                entries.push(NewEntry { path: object.id.clone(), kind: EntryKind::File, digest: *digest });
            }
            Body::Tree(digest) => {
                let tree = ports.blobs.tree(digest)?;
                each_file(tree.as_ref(), &mut |path, entry| {
                    let digest = match &entry.id {
                        ObjectId::Blob(digest) => *digest,
                        ObjectId::Git(_) => ports.blobs.put(&tree.read(entry)?)?,
                    };
                    entries.push(NewEntry { path: join_path(&object.id, &path), kind: entry.kind, digest });
                    Ok(())
                })?;
            }
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let digest = ports.blobs.put_tree(entries)?;
    Ok(ports.blobs.tree(&digest)?)
}

/// Every file of a tree, with its path.
pub(crate) fn each_file(
    tree: &dyn Tree,
    each: &mut dyn FnMut(String, &Entry) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut open = vec![String::new()];
    while let Some(at) = open.pop() {
        for entry in tree.directory(&at)?.iter().flat_map(|directory| directory.entries()) {
            let path = join_path(&at, &entry.name);
            match entry.kind {
                EntryKind::Directory => open.push(path),
                _ => each(path, entry)?,
            }
        }
    }
    Ok(())
}

/// The objects of a tree that [`tree_of`] made, put into the blob store.
pub(super) fn objects_of(ports: Ports<'_>, tree: &dyn Tree, directories: &[String]) -> Result<Vec<Object>, Reason> {
    let mut objects = Vec::new();
    let mut inside: BTreeMap<&str, Vec<NewEntry>> =
        directories.iter().map(|path| (path.as_str(), Vec::new())).collect();
    each_file(tree, &mut |path, entry| {
        let digest = ports.blobs.put(&tree.read(entry)?)?;
        let owner = inside.iter_mut().find(|(id, _)| path.strip_prefix(**id).is_some_and(|rest| rest.starts_with('/')));
        match owner {
            Some((id, entries)) => {
                let path = path[id.len() + 1..].to_owned();
                entries.push(NewEntry { path, kind: entry.kind, digest });
            }
            None => objects.push(Object { id: path, body: Body::Blob(digest) }),
        }
        Ok(())
    })?;
    for (id, entries) in inside {
        objects.push(Object { id: id.to_owned(), body: Body::Tree(ports.blobs.put_tree(entries)?) });
    }
    objects.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(objects)
}

/// The message of a commit.
pub(super) fn message(account: &Account) -> String {
    let release = &account.release;
    let mut text = format!(
        "Deploy {} at {}\n\nRelease {}, {}.\n\n{TRAILER}Place: {}\n",
        account.place(),
        short(&release.revision),
        release.id.short(),
        account.cause,
        account.place(),
    );
    for (key, value) in account.fields() {
        text.push_str(&format!("{TRAILER}{}: {value}\n", capitalised(key)));
    }
    text
}

/// Reads back what a message says; none if it is not one of ours.
pub(super) fn account(message: &str) -> Option<Account> {
    let fields: Vec<(String, &str)> = message
        .lines()
        .filter_map(|line| line.strip_prefix(TRAILER)?.split_once(": "))
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect();
    let (application, environment) = fields.iter().find(|(key, _)| key == "place")?.1.split_once('/')?;
    let place = Place { application: application.to_owned(), environment: environment.to_owned() };
    Account::read(&place, fields.iter().map(|(key, value)| (key.as_str(), *value)))
}

fn capitalised(key: &str) -> String {
    let part = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    key.split('-').map(part).collect::<Vec<_>>().join("-")
}

pub(crate) fn short(revision: &str) -> &str {
    let end = if revision.starts_with("worktree-") { 9 + 7 } else { 7 };
    revision.get(..end).unwrap_or(revision)
}
