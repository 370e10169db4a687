//! A deploy target for tests: it writes each desired object to a file of the same name, or does
//! what `mode` says.

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// What to do.
    #[serde(default)]
    mode: Mode,
}

#[config]
#[derive(Copy, Default)]
enum Mode {
    /// Deploys.
    #[default]
    Deploy,
    /// Identifies two desired objects with one live object.
    Collide,
    /// Plans a change of what is not desired.
    Stranger,
    /// Plans a change with 65 KiB of notes.
    Notes,
    /// Observes nothing.
    Blind,
    /// Reads a blob that nobody gave.
    Steal,
    /// Panics when it applies.
    Panic,
}

#[deploy_target(capabilities(directory = "writes what it deploys into this directory"))]
impl Target for Config {
    fn identify(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
        let live = |object: &Object| match self.mode {
            Mode::Collide => "same".to_owned(),
            _ => object.id.clone(),
        };
        Ok(desired.iter().map(|object| Identity { live: live(object), object: object.id.clone() }).collect())
    }

    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>> {
        if let Mode::Stranger = self.mode {
            return Ok(vec![Change::new(Action::Create, "stranger", "stranger")]);
        }
        let mut changes = Vec::new();
        for object in desired {
            let Body::Blob(digest) = &object.body else { continue };
            let found = deploy.directory().inspect(std::slice::from_ref(&object.id))?.pop().flatten();
            let before = found.map(|node| node.digest);
            if before.as_ref() != Some(digest) {
                let action = if before.is_some() { Action::Update } else { Action::Create };
                let mut change = Change::new(action, &object.id, &object.id);
                change.before = before;
                change.after = Some(digest.clone());
                if let Mode::Notes = self.mode {
                    change.state = vec![0; 65 << 10];
                }
                changes.push(change);
            }
        }
        for live in owned.iter().filter(|live| desired.iter().all(|object| object.id != **live)) {
            let found = deploy.directory().inspect(std::slice::from_ref(live))?.pop().flatten();
            let mut change = Change::new(Action::Delete, live, "");
            change.before = found.map(|node| node.digest);
            changes.push(change);
        }
        Ok(changes)
    }

    fn explain(&self, change: &Change, deploy: &mut Deploy) -> Result<Difference> {
        let text = |digest: &Option<String>| digest.as_ref().map(|digest| deploy.blob(digest)?.bytes()).transpose();
        let desired = text(&change.after)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Difference { live: None, desired })
    }

    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
        match self.mode {
            Mode::Panic => panic!("as told"),
            Mode::Steal => {
                deploy.blob(&format!("sha256:{}", "0".repeat(64)))?;
            }
            _ => {}
        }
        let directory = deploy.directory();
        match (&change.action, &change.after) {
            (Action::Delete, _) => directory.remove(&change.live, change.before.as_deref())?,
            (_, Some(digest)) => directory.put_file(&change.live, digest, false, change.before.as_deref())?,
            _ => {}
        }
        Ok(Applied { after: change.after.clone(), message: String::new() })
    }

    fn observe(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Observed>> {
        if let Mode::Blind = self.mode {
            return Ok(Vec::new());
        }
        let found = deploy.directory().inspect(live)?;
        Ok(live
            .iter()
            .zip(found)
            .map(|(live, node)| Observed {
                live: live.clone(),
                version: node.map(|node| node.digest),
                state: Vec::new(),
            })
            .collect())
    }

    fn owned(&self, deploy: &mut Deploy) -> Result<Vec<String>> {
        deploy.directory().owned()
    }
}
