//! Deploys to a directory that the operator lends.
//!
//! An object that is a blob becomes the file at its id, an object that is a tree becomes the files
//! below its id. What is there already and belongs to nobody is never overwritten unless the config
//! says so, and what belongs to another application never.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apply;
mod desired;
mod plan;
#[cfg(test)]
mod tests;
mod version;

use springline_sdk::prelude::*;
use springline_sdk::{HealthStatus, Node, NodeKind};

use version::Version;

/// The longest text that is shown to people, in bytes.
const MOST_TEXT: u64 = 256 * 1024;

/// Where in the lent directory objects go.
#[config]
struct Config {
    /// The directory, below the lent one, that everything is put into.
    #[serde(default)]
    prefix: Option<String>,
    /// The id of an object that is a tree: its files go to the top and not below its id.
    #[serde(default)]
    root_object: Option<String>,
    /// Whether files that are there already and differ are taken over and overwritten, as long as
    /// they belong to no other application.
    #[serde(default)]
    adopt: bool,
}

/// Deploys objects as files to a directory that the operator lends.
#[deploy_target(capabilities(directory = "writes what it deploys into this directory, and removes what it wrote"))]
impl Target for Config {
    fn identify(&self, desired: &[Object], deploy: &mut Deploy) -> Result<Vec<Identity>> {
        let wanted = desired::expand(self, desired, deploy)?;
        Ok(wanted.into_iter().map(|(live, wanted)| Identity { live, object: wanted.object }).collect())
    }

    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>> {
        plan::plan(self, &desired::expand(self, desired, deploy)?, owned, deploy)
    }

    fn explain(&self, change: &Change, deploy: &mut Deploy) -> Result<Difference> {
        let live = match node(deploy, &change.live)? {
            Some(node) if node.kind == NodeKind::Symlink => Some(link_text(&node.link)),
            Some(node) if node.kind.is_file() && node.size <= MOST_TEXT => {
                String::from_utf8(deploy.directory().read(&change.live, MOST_TEXT)?).ok()
            }
            _ => None,
        };
        let desired = match change.after.as_deref().map(Version::parse).transpose()? {
            None => None,
            Some(version) if version.kind == NodeKind::Symlink => Some(link_text(&link_target(change)?)),
            Some(version) => {
                let blob = deploy.blob(&version.digest)?;
                if blob.size() <= MOST_TEXT { String::from_utf8(blob.bytes()?).ok() } else { None }
            }
        };
        Ok(Difference { live, desired })
    }

    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
        match change.action {
            Action::Delete => apply::delete(change, deploy),
            Action::Adopt => apply::adopt(change, deploy),
            Action::Create | Action::Update => apply::put(change, deploy),
            Action::Deferred => Err(Error::failed("nothing is ever deferred here")),
        }
    }

    fn observe(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Observed>> {
        let nodes = deploy.directory().inspect(live)?;
        let observed = |(live, node): (&String, Option<Node>)| Observed {
            live: live.clone(),
            version: node
                .map(|node| Version::of(&node).map_or_else(|| NEITHER.to_owned(), |version| version.to_string())),
            state: Vec::new(),
        };
        Ok(live.iter().zip(nodes).map(observed).collect())
    }

    fn judge(&self, observed: &Observed) -> Result<Health> {
        Ok(match observed.version.as_deref() {
            None => Health::new(HealthStatus::Missing, ""),
            Some(NEITHER) => Health::new(HealthStatus::Degraded, "there is neither a file nor a link"),
            Some(_) => Health::healthy(),
        })
    }

    fn owned(&self, deploy: &mut Deploy) -> Result<Vec<String>> {
        deploy.directory().owned()
    }
}

/// The version of what is there and is neither a file nor a link.
const NEITHER: &str = "neither file nor link";

/// What is at one path.
fn node(deploy: &Deploy, path: &str) -> Result<Option<Node>> {
    Ok(deploy.directory().inspect(&[path.to_owned()])?.pop().flatten())
}

/// Who owns what this call deploys, as the marks in the directory name it.
fn owner(deploy: &Deploy) -> String {
    let context = deploy.context();
    format!("{}/{}", context.application(), context.environment().unwrap_or_default())
}

/// Where the link of a change is to point.
fn link_target(change: &Change) -> Result<String> {
    String::from_utf8(change.state.clone()).map_err(|_| Error::failed("the change does not say where the link points"))
}

fn link_text(target: &str) -> String {
    format!("-> {target}\n")
}
