//! Puts every object as a file on a shelf: a directory that the operator lends.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::collections::BTreeMap;

use springline_sdk::prelude::*;
use springline_sdk::{HealthStatus, Node, NodeKind};

/// The longest text that is shown to people, in bytes.
const MOST_TEXT: u64 = 64 << 10;

/// Where on the shelf objects go.
#[config]
struct Shelf {
    /// What stands before the id of every object.
    #[serde(default)]
    prefix: String,
}

/// A file that is to stand on the shelf.
struct Wanted {
    object: String,
    digest: String,
}

impl Shelf {
    /// The files that the objects become, by their paths.
    fn wanted(&self, desired: &[Object]) -> Result<BTreeMap<String, Wanted>> {
        let mut wanted = BTreeMap::new();
        let mut violations = Vec::new();
        for Object { id, body } in desired {
            match body {
                Body::Blob(digest) => {
                    let file = Wanted { object: id.clone(), digest: digest.clone() };
                    wanted.insert(format!("{}{id}", self.prefix), file);
                }
                Body::Tree(_) => {
                    violations.push(Violation::new(format!("`{id}`: a shelf takes files, not directories")));
                }
                Body::Inline(_) => return Err(Error::failed(format!("`{id}` did not arrive as a blob"))),
            }
        }
        if violations.is_empty() { Ok(wanted) } else { Err(Error::Invalid(violations)) }
    }
}

/// Puts objects as files on a shelf.
#[deploy_target(capabilities(directory = "the shelf is a directory"))]
impl Target for Shelf {
    fn identify(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
        let wanted = self.wanted(desired)?;
        Ok(wanted.into_iter().map(|(live, file)| Identity { live, object: file.object }).collect())
    }

    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>> {
        let wanted = self.wanted(desired)?;
        let gone: Vec<_> = owned.iter().filter(|live| !wanted.contains_key(*live)).cloned().collect();
        let paths: Vec<_> = wanted.keys().chain(&gone).cloned().collect();
        let mut nodes = deploy.directory().inspect(&paths)?.into_iter();
        let mut changes = Vec::new();
        for ((live, file), node) in wanted.iter().zip(&mut nodes) {
            changes.extend(change(live, file, node, deploy)?);
        }
        for (live, node) in gone.iter().zip(nodes) {
            changes.push(Change { before: node.and_then(digest), ..Change::new(Action::Delete, live, "") });
        }
        Ok(changes)
    }

    fn explain(&self, change: &Change, deploy: &mut Deploy) -> Result<Difference> {
        let node = deploy.directory().inspect(std::slice::from_ref(&change.live))?.pop().flatten();
        let live = match node {
            Some(node) if node.kind.is_file() && node.size <= MOST_TEXT => {
                String::from_utf8(deploy.directory().read(&change.live, MOST_TEXT)?).ok()
            }
            _ => None,
        };
        let desired = match &change.after {
            Some(digest) => {
                let blob = deploy.blob(digest)?;
                if blob.size() <= MOST_TEXT { String::from_utf8(blob.bytes()?).ok() } else { None }
            }
            None => None,
        };
        Ok(Difference { live, desired })
    }

    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
        let (directory, before) = (deploy.directory(), change.before.as_deref());
        match change.action {
            Action::Create | Action::Update => {
                directory.put_file(&change.live, change.after.as_deref().unwrap_or_default(), false, before)?;
            }
            Action::Adopt => directory.adopt(&change.live)?,
            Action::Delete => directory.remove(&change.live, before)?,
            Action::Deferred => return Err(Error::failed("nothing is ever deferred here")),
        }
        Ok(Applied { after: change.after.clone(), message: String::new() })
    }

    fn observe(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Observed>> {
        let nodes = deploy.directory().inspect(live)?;
        let observed = |(live, node): (&String, Option<Node>)| {
            let state = node.as_ref().map_or("", |node| if node.kind.is_file() { "file" } else { "other" });
            Observed { live: live.clone(), state: state.into(), version: node.map(|node| node.digest) }
        };
        Ok(live.iter().zip(nodes).map(observed).collect())
    }

    fn judge(&self, observed: &Observed) -> Result<Health> {
        let live = &observed.live;
        Ok(match &*observed.state {
            b"" => Health::new(HealthStatus::Missing, format!("`{live}` is not there")),
            b"other" => Health::new(HealthStatus::Degraded, format!("`{live}` is no file")),
            _ => Health::healthy(),
        })
    }

    fn owned(&self, deploy: &mut Deploy) -> Result<Vec<String>> {
        deploy.directory().owned()
    }
}

/// The change that makes the file stand there; none if it does.
fn change(live: &str, file: &Wanted, node: Option<Node>, deploy: &Deploy) -> Result<Option<Change>> {
    let size = deploy.blob(&file.digest)?.size();
    let change = |action, summary, before| Change {
        summary,
        before,
        after: Some(file.digest.clone()),
        ..Change::new(action, live, &file.object)
    };
    let Some(node) = node else { return Ok(Some(change(Action::Create, format!("{size} bytes"), None))) };
    let context = deploy.context();
    let me = format!("{}/{}", context.application(), context.environment().unwrap_or_default());
    if !node.owner.is_empty() && node.owner != me {
        return Err(Error::conflict(format!("`{live}` belongs to {}", node.owner)));
    }
    if !node.kind.is_file() {
        return Err(Error::conflict(format!("`{live}` is no file there")));
    }
    if node.kind == NodeKind::File && node.digest == file.digest {
        let is_ours = node.owner == me;
        return Ok((!is_ours).then(|| change(Action::Adopt, String::new(), digest(node))));
    }
    Ok(Some(change(Action::Update, format!("{} -> {size} bytes", node.size), digest(node))))
}

/// What identifies the bytes that are there.
fn digest(node: Node) -> Option<String> {
    Some(node.digest).filter(|digest| !digest.is_empty())
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;

    use super::*;

    fn actions(changes: &[Change]) -> Vec<(Action, &str, &str)> {
        changes.iter().map(|change| (change.action, change.live.as_str(), change.summary.as_str())).collect()
    }

    #[test]
    fn files_come_change_and_go() {
        let (host, shelf) = (Host::new(), Shelf { prefix: "a/".to_owned() });
        let object = |id: &str, text: &str| Object::blob(id, host.add_blob(text));
        host.put_live("a/there", "same");
        let first = host.sync(&shelf, &[object("new", "one"), object("there", "same")], &[]).unwrap();
        let expected = [(Action::Create, "a/new", "3 bytes"), (Action::Adopt, "a/there", "")];
        assert_eq!(actions(&first.changes), expected);
        let second = host.sync(&shelf, &[object("new", "three")], &first.owned).unwrap();
        let expected = [(Action::Update, "a/new", "3 -> 5 bytes"), (Action::Delete, "a/there", "")];
        assert_eq!(actions(&second.changes), expected);
        assert_eq!((host.live_paths(), host.live("a/new").unwrap()), (vec!["a/new".to_owned()], b"three".to_vec()));
    }

    #[test]
    fn what_is_anothers_is_left_alone() {
        let (host, shelf) = (Host::new(), Shelf { prefix: String::new() });
        host.put_live_owned("x", "text", "other/site").put_live("d/y", "text");
        for (id, message) in [("x", "`x` belongs to other/site"), ("d", "`d` is no file there")] {
            let error = host.sync(&shelf, &[Object::blob(id, host.add_blob("mine"))], &[]).unwrap_err();
            assert_eq!(error, Error::conflict(message));
        }
        let tree = [Object::tree("t", host.add_tree(&[("f", "text")]))];
        let error = host.sync(&shelf, &tree, &[]).unwrap_err();
        assert_eq!(error.to_string(), "`t`: a shelf takes files, not directories");
    }

    #[test]
    fn health_says_what_is_there() {
        let (host, shelf) = (Host::new(), Shelf { prefix: String::new() });
        host.put_live("x", "text").put_live("d/y", "text");
        let observed = shelf.observe(&["x", "d", "gone"].map(str::to_owned), &mut host.deploy()).unwrap();
        let health: Vec<_> = observed.iter().map(|observed| shelf.judge(observed).unwrap().status).collect();
        assert_eq!(health, [HealthStatus::Healthy, HealthStatus::Degraded, HealthStatus::Missing]);
    }
}
