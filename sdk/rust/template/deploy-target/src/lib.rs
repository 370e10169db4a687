//! A deploy target: every object becomes a file of the directory that the operator lends.

use springline_sdk::prelude::*;

#[config]
struct Config {}

/// Puts objects as files into a directory.
#[deploy_target(capabilities(directory = "objects become files in this directory"))]
impl Target for Config {
    fn identify(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
        Ok(desired.iter().map(|object| Identity { live: object.id.clone(), object: object.id.clone() }).collect())
    }

    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        let ids: Vec<_> = desired.iter().map(|object| object.id.clone()).collect();
        for (Object { id, body }, before) in desired.iter().zip(versions(&ids, deploy)?) {
            let Body::Blob(digest) = body else { return Err(Error::invalid(format!("`{id}` is no file"))) };
            if before.as_ref() != Some(digest) {
                let action = if before.is_some() { Action::Update } else { Action::Create };
                changes.push(Change { before, after: Some(digest.clone()), ..Change::new(action, id, id) });
            }
        }
        let gone: Vec<_> = owned.iter().filter(|id| !ids.contains(id)).cloned().collect();
        for (id, before) in gone.iter().zip(versions(&gone, deploy)?) {
            changes.push(Change { before, ..Change::new(Action::Delete, id, "") });
        }
        Ok(changes)
    }

    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
        match &change.after {
            Some(digest) => deploy.directory().put_file(&change.live, digest, false, change.before.as_deref())?,
            None => deploy.directory().remove(&change.live, change.before.as_deref())?,
        }
        Ok(Applied { after: change.after.clone(), message: String::new() })
    }

    fn observe(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Observed>> {
        let found = live.iter().zip(versions(live, deploy)?);
        Ok(found.map(|(live, version)| Observed { live: live.clone(), version, state: vec![] }).collect())
    }

    fn owned(&self, deploy: &mut Deploy) -> Result<Vec<String>> {
        deploy.directory().owned()
    }
}

/// The digests of what is at these paths; none where nothing is, or a directory.
fn versions(paths: &[String], deploy: &Deploy) -> Result<Vec<Option<String>>> {
    let nodes = deploy.directory().inspect(paths)?.into_iter();
    Ok(nodes.map(|node| node.map(|node| node.digest).filter(|digest| !digest.is_empty())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_files() {
        let host = springline_sdk::fake::Host::new();
        let desired = [Object::blob("a.txt", host.add_blob("text\n"))];
        let synced = host.sync(&Config {}, &desired, &[]).unwrap();
        assert_eq!((synced.owned, host.live("a.txt").unwrap()), (vec!["a.txt".to_owned()], b"text\n".to_vec()));
    }
}
