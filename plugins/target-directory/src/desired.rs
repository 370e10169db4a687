//! From desired objects to the files and links that they become.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use springline_sdk::files::{is_clean, leads_out};
use springline_sdk::prelude::*;
use springline_sdk::{NodeKind, TreeEntry};

use crate::Config;
use crate::version::Version;

/// A file or a link that is desired.
#[derive(Debug)]
pub struct Wanted {
    /// The id of the object it comes from.
    pub object: String,
    /// What it is to be.
    pub version: Version,
    /// Its length in bytes.
    pub size: u64,
    /// Where a link points; empty for a file.
    pub link: String,
}

/// Every file and link that the objects become, by its path below the lent directory.
pub fn expand(config: &Config, desired: &[Object], deploy: &Deploy) -> Result<BTreeMap<String, Wanted>> {
    let top = top(config)?;
    let root = root_object(config, desired)?;
    let mut wanted = BTreeMap::new();
    let mut violations = Vec::new();
    for object in desired {
        match &object.body {
            Body::Inline(_) => {
                return Err(Error::failed(format!("the body of `{}` did not arrive as a blob", object.id)));
            }
            Body::Blob(digest) => {
                let version = Version { digest: digest.clone(), kind: NodeKind::File };
                let size = deploy.blob(digest)?.size();
                let file = Wanted { object: object.id.clone(), version, size, link: String::new() };
                add(format!("{top}{}", object.id), file, &mut wanted, &mut violations);
            }
            Body::Tree(digest) => {
                let below = if root == Some(&object.id) { top.clone() } else { format!("{top}{}/", object.id) };
                for entry in deploy.tree(digest)? {
                    add(format!("{below}{}", entry.path), from_tree(object, entry), &mut wanted, &mut violations);
                }
            }
        }
    }
    for path in wanted.keys() {
        if let Some((file, by)) = ancestors(path).find_map(|above| wanted.get_key_value(above)) {
            violations.push(Violation::new(format!(
                "`{file}` of object `{}` is a file, where `{path}` of object `{}` needs a directory",
                by.object, wanted[path].object,
            )));
        }
    }
    if violations.is_empty() { Ok(wanted) } else { Err(Error::Invalid(violations)) }
}

/// The paths of the directories that a path lies in, from the top.
pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// What stands before every path: empty, or with a `/` at its end.
fn top(config: &Config) -> Result<String> {
    match config.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
        None => Ok(String::new()),
        Some(prefix) if is_clean(prefix) => Ok(format!("{prefix}/")),
        Some(_) => Err(Violation::new("this is no path below the lent directory").pointer("/prefix").into()),
    }
}

/// The id of the object whose files go to the top.
fn root_object<'c>(config: &'c Config, desired: &[Object]) -> Result<Option<&'c String>> {
    let Some(id) = &config.root_object else { return Ok(None) };
    let problem = match desired.iter().find(|object| object.id == *id) {
        Some(Object { body: Body::Tree(_), .. }) => return Ok(Some(id)),
        Some(_) => format!("the object `{id}` is a file and no tree"),
        // Nothing desired at all is the host's to judge.
        None if desired.is_empty() => return Ok(None),
        None => {
            let ids: Vec<_> = desired.iter().map(|object| object.id.as_str()).collect();
            format!("there is no object `{id}`; there are: {}", ids.join(", "))
        }
    };
    Err(Violation::new(problem).pointer("/root-object").into())
}

fn from_tree(object: &Object, entry: TreeEntry) -> Wanted {
    Wanted { object: object.id.clone(), version: Version::of_entry(&entry), size: entry.size, link: entry.link }
}

/// Adds a file or a link, or says what is wrong with it.
fn add(path: String, file: Wanted, wanted: &mut BTreeMap<String, Wanted>, violations: &mut Vec<Violation>) {
    let of = &file.object;
    if !is_clean(&path) {
        violations.push(Violation::new(format!("`{path}` of object `{of}` is no path below a directory")));
    } else if file.version.kind == NodeKind::Symlink && leads_out(&path, &file.link) {
        let link = &file.link;
        violations
            .push(Violation::new(format!("the link `{path}` of object `{of}` to `{link}` leads out of the directory")));
    } else {
        match wanted.entry(path) {
            Entry::Vacant(place) => drop(place.insert(file)),
            Entry::Occupied(taken) => {
                let (path, other) = (taken.key(), &taken.get().object);
                violations.push(Violation::new(format!("objects `{other}` and `{of}` both become `{path}`")));
            }
        }
    }
}
