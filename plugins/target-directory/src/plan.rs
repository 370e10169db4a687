//! What has to change.

use std::collections::{BTreeMap, BTreeSet};

use springline_sdk::prelude::*;
use springline_sdk::{Node, NodeKind};

use crate::desired::{Wanted, ancestors};
use crate::version::Version;
use crate::{Config, owner};

/// The lent directory as far as it matters, and whose it is.
struct Live<'o> {
    nodes: BTreeMap<String, Node>,
    /// The owner of what is deployed.
    me: String,
    /// The inventory.
    owned: BTreeSet<&'o str>,
}

impl<'o> Live<'o> {
    fn read(wanted: &BTreeMap<String, Wanted>, owned: &'o [String], deploy: &Deploy) -> Result<Self> {
        let mut paths: BTreeSet<&str> = owned.iter().map(String::as_str).collect();
        for path in wanted.keys() {
            paths.insert(path);
            paths.extend(ancestors(path));
        }
        let paths: Vec<_> = paths.into_iter().map(str::to_owned).collect();
        let nodes = deploy.directory().inspect(&paths)?;
        let nodes = paths.into_iter().zip(nodes).filter_map(|(path, node)| Some((path, node?))).collect();
        Ok(Self { nodes, me: owner(deploy), owned: owned.iter().map(String::as_str).collect() })
    }

    /// Whether what is there is ours, by its mark or, if it has none, by the inventory.
    fn is_ours(&self, path: &str, node: &Node) -> bool {
        node.owner == self.me || (node.owner.is_empty() && self.owned.contains(path))
    }

    /// Whether anything below this path is ours.
    fn owns_below(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        self.owned.range(inside.as_str()..).next().is_some_and(|owned| owned.starts_with(&inside))
    }
}

/// The changes that make live desired, sorted by path, the deletes behind the others.
pub fn plan(
    config: &Config,
    wanted: &BTreeMap<String, Wanted>,
    owned: &[String],
    deploy: &Deploy,
) -> Result<Vec<Change>> {
    let live = Live::read(wanted, owned, deploy)?;
    let mut changes = Vec::new();
    let mut conflicts = Vec::new();
    for (path, wanted) in wanted {
        match plan_one(config, path, wanted, &live) {
            Ok(change) => changes.extend(change),
            Err(conflict) => conflicts.push(conflict),
        }
    }
    if !conflicts.is_empty() {
        return Err(Error::conflict(conflicts.join("\n")));
    }
    for path in &live.owned {
        if !wanted.contains_key(*path) {
            let before = live.nodes.get(*path).and_then(Version::of).map(|version| version.to_string());
            let summary = if before.is_some() { "" } else { "gone already" };
            changes.push(Change { before, summary: summary.to_owned(), ..Change::new(Action::Delete, *path, "") });
        }
    }
    Ok(changes)
}

/// The change of one desired file or link; none if it is as desired, an error if something else is
/// in its place.
fn plan_one(config: &Config, path: &str, wanted: &Wanted, live: &Live<'_>) -> Result<Option<Change>, String> {
    let change = |action, before: Option<&Version>, summary: String| Change {
        summary,
        before: before.map(ToString::to_string),
        after: Some(wanted.version.to_string()),
        state: wanted.link.clone().into_bytes(),
        ..Change::new(action, path, &wanted.object)
    };
    let Some(node) = live.nodes.get(path) else {
        return Ok(Some(change(Action::Create, None, in_the_way(path, live)?)));
    };
    if !node.owner.is_empty() && node.owner != live.me {
        return Err(format!("`{path}` belongs to {}", node.owner));
    }
    let Some(there) = Version::of(node) else {
        if node.kind == NodeKind::Directory && live.owns_below(path) {
            return Ok(Some(change(Action::Create, None, "replaces a directory".to_owned())));
        }
        return Err(format!("`{path}` is {}: move it away", describe(node.kind)));
    };
    if there == wanted.version {
        let marked = node.owner == live.me;
        return Ok((!marked).then(|| change(Action::Adopt, Some(&there), "is there already, and equal".to_owned())));
    }
    if !config.adopt && !live.is_ours(path, node) {
        return Err(format!(
            "`{path}` is there already, differs, and was not deployed by {}: move it away, or set `adopt: true` to overwrite it",
            live.me
        ));
    }
    Ok(Some(change(Action::Update, Some(&there), difference(node, wanted))))
}

/// What has to go before a path can be made; empty for nothing, an error if it may not go.
fn in_the_way(path: &str, live: &Live<'_>) -> Result<String, String> {
    for above in ancestors(path) {
        let Some(node) = live.nodes.get(above) else { continue };
        if node.kind != NodeKind::Directory {
            let what = describe(node.kind);
            if node.owner == live.me {
                return Ok(format!("replaces {what}, `{above}`"));
            }
            return Err(format!("`{above}` is {what}, where `{path}` needs a directory: move it away"));
        }
    }
    Ok(String::new())
}

/// One line that says how what is there differs.
fn difference(node: &Node, wanted: &Wanted) -> String {
    let to = wanted.version.kind;
    let mut parts = Vec::new();
    if node.kind.is_file() != to.is_file() {
        parts.push(format!("{} -> {}", describe(node.kind), describe(to)));
    } else if to == NodeKind::Symlink {
        parts.push(format!("link: {} -> {}", node.link, wanted.link));
    } else {
        if node.digest != wanted.version.digest {
            parts.push(format!("content: {} -> {} bytes", node.size, wanted.size));
        }
        if node.kind != to {
            parts.push(format!("mode: {} -> {}", mode(node.kind), mode(to)));
        }
    }
    parts.join(", ")
}

const fn describe(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File | NodeKind::Executable => "a file",
        NodeKind::Symlink => "a link",
        NodeKind::Directory => "a directory",
        NodeKind::Other => "neither a file nor a link",
    }
}

const fn mode(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Executable => "755",
        _ => "644",
    }
}
