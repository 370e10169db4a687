//! A deploy target of 0.1.0-pre.1: objects become files of the lent directory.

wit_bindgen::generate!({
    path: "../../../wit/tagged/0.1.0-pre.1",
    world: "deploy-target-plugin",
    generate_all,
});

use exports::springline::plugin::deploy_target::{
    Action, Applied, Change, Difference, Guest as DeployTarget, Health, HealthStatus, Identity, Observed, PlanInput,
};
use exports::springline::plugin::describe::{Capability, Description, Guest as Describe, Kind};
use springline::host::directory::{self, DirectoryError, Node};
use springline::plugin::types::{Body, Error, Object};

struct Plugin;

impl Describe for Plugin {
    fn describe() -> Description {
        Description {
            name: "pre1-target".into(),
            version: "0.1.0".into(),
            summary: "Puts objects into a directory.".into(),
            kind: Kind::DeployTarget,
            config_schema: r#"{"type":"object","additionalProperties":false}"#.into(),
            capabilities: vec![Capability { name: "directory".into(), reason: "objects become files in it".into() }],
        }
    }
}

fn told(error: DirectoryError) -> Error {
    match error {
        DirectoryError::Denied(message) => Error::Denied(message),
        DirectoryError::Conflict(message) => Error::Conflict(message),
        DirectoryError::NoSpace(message) | DirectoryError::Io(message) => Error::Failed(message),
    }
}

fn nodes(paths: &[String]) -> Result<Vec<Option<Node>>, Error> {
    directory::inspect(paths).map_err(told)
}

fn digest(object: &Object) -> Result<&String, Error> {
    match &object.body {
        Body::Blob(digest) => Ok(digest),
        _ => Err(Error::Failed(format!("`{}` is no file", object.id))),
    }
}

impl DeployTarget for Plugin {
    fn identify(_: String, desired: Vec<Object>) -> Result<Vec<Identity>, Error> {
        Ok(desired.into_iter().map(|object| Identity { ref_: object.id.clone(), object: object.id }).collect())
    }

    fn plan(input: PlanInput) -> Result<Vec<Change>, Error> {
        let change = |action, path: &str, object: &str, before, after| Change {
            ref_: path.to_owned(),
            object: object.to_owned(),
            action,
            wave: 0,
            summary: "planned by pre.1".into(),
            before,
            after,
            state: b"notes".to_vec(),
        };
        let ids: Vec<String> = input.desired.iter().map(|object| object.id.clone()).collect();
        let mut changes = Vec::new();
        for (object, node) in input.desired.iter().zip(nodes(&ids)?) {
            let (before, after) = (node.map(|node| node.digest), digest(object)?);
            if before.as_ref() != Some(after) {
                let action = if before.is_some() { Action::Update } else { Action::Create };
                changes.push(change(action, &object.id, &object.id, before, Some(after.clone())));
            }
        }
        let gone: Vec<String> = input.owned.into_iter().filter(|path| !ids.contains(path)).collect();
        for (path, node) in gone.iter().zip(nodes(&gone)?) {
            changes.push(change(Action::Delete, path, "", node.map(|node| node.digest), None));
        }
        Ok(changes)
    }

    fn explain(_: String, change: Change) -> Result<Difference, Error> {
        Ok(Difference { live: change.before, desired: change.after })
    }

    fn apply(_: String, change: Change) -> Result<Applied, Error> {
        if change.state != b"notes" {
            return Err(Error::Failed("the notes did not come back".into()));
        }
        let before = change.before.unwrap_or_default();
        match &change.after {
            Some(digest) => directory::put_file(&change.ref_, digest, false, &before).map_err(told)?,
            None => directory::remove(&change.ref_, &before).map_err(told)?,
        }
        Ok(Applied { after: change.after, message: String::new() })
    }

    fn observe(_: String, refs: Vec<String>) -> Result<Vec<Observed>, Error> {
        let observed = |(path, node): (String, Option<Node>)| Observed {
            ref_: path,
            state: node.as_ref().map(|node| node.owner.clone().into_bytes()).unwrap_or_default(),
            version: node.map(|node| node.digest),
        };
        let nodes = nodes(&refs)?;
        Ok(refs.into_iter().zip(nodes).map(observed).collect())
    }

    fn judge(_: String, object: Observed) -> Result<Health, Error> {
        let status = if object.version.is_some() { HealthStatus::Healthy } else { HealthStatus::Missing };
        Ok(Health { status, message: format!("owned by {}", String::from_utf8_lossy(&object.state)) })
    }

    fn owned(_: String) -> Result<Vec<String>, Error> {
        directory::owned().map_err(told)
    }
}

export!(Plugin);
