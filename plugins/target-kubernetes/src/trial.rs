//! Tries what applying an object would come to.

use springline_sdk::kubernetes::{Cluster, KubernetesError, ObjectName, WriteOptions};
use springline_sdk::prelude::*;

use crate::config::Config;
use crate::ignore::Ignored;
use crate::live;
use crate::options::Options;
use crate::owner::Owner;
use crate::reference::Ref;
use crate::refusal::{Sent, brief, foreign, immutable, reading};
use crate::takeover;

/// The field manager that everything is written as.
pub const MANAGER: &str = "springline";

/// What an apply would come to.
#[derive(Debug)]
pub enum Outcome {
    /// The object as it would be, and whether fields of other managers have to be taken over for it.
    Applied { object: Value, force: bool },
    /// It has to be deleted and made anew, as these fields can't be changed.
    Replaced { fields: String },
}

/// An object that is to be applied over a live one.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The target's config.
    pub config: &'a Config,
    /// Who owns it.
    pub owner: &'a Owner,
    /// The live object's name.
    pub live: &'a Ref,
    /// What its annotations ask for.
    pub options: &'a Options,
    /// What the config ignores of it.
    pub ignored: &'a Ignored,
}

impl Trial<'_> {
    /// What is sent: the desired object with the marks of its owner, and with the live values of what
    /// is ignored.
    pub fn applied(&self, desired: &Value, there: Option<&Value>) -> Result<Value> {
        let mut applied = desired.clone();
        if let Some(there) = there {
            self.ignored.keep(&mut applied, there);
            if !self.ignored.managers.is_empty() || self.ignored.lets_go(&applied, there) {
                let api_version = there.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
                let Ref { cluster, kind, namespace, name } = self.live;
                let name = ObjectName::new(api_version, &kind.kind, namespace, name);
                if let Some(text) = Cluster::new(cluster).get_managed(&name).map_err(reading)? {
                    let managed = live::object(&text)?;
                    self.ignored.keep_managed(&mut applied, &managed);
                    self.ignored.hold(&mut applied, &managed);
                }
            }
        }
        self.owner.mark(&mut applied);
        Ok(applied)
    }

    /// What applying it over what is there would come to.
    pub fn run(&self, applied: &Value, there: &Value, sent: Sent<'_>) -> Result<Outcome> {
        let cluster = Cluster::new(&self.live.cluster);
        let text = applied.to_string();
        let mut force = self.config.force || self.options.force;
        loop {
            let options = WriteOptions { manager: MANAGER.to_owned(), force, dry_run: true };
            let refusal = match cluster.apply(&text, &options) {
                Ok(object) => {
                    let mut object = live::object(&object)?;
                    if let Some(before) = takeover::last_applied(there) {
                        takeover::leave(&mut object, &before, applied);
                    }
                    return Ok(Outcome::Applied { object, force });
                }
                Err(KubernetesError::Refused(refusal)) => refusal,
                Err(other) => return Err(sent.error(other)),
            };
            if refusal.is_about_managers() && !force {
                let foreign = foreign(&refusal, &self.config.take_over);
                if !foreign.is_empty() {
                    return Err(Error::Invalid(sent.managed(&foreign)));
                }
                force = true;
                continue;
            }
            let Some(fields) = immutable(&refusal) else { return Err(sent.error(KubernetesError::Refused(refusal))) };
            if self.options.replace {
                return Ok(Outcome::Replaced { fields });
            }
            return Err(Error::Invalid(vec![sent.field(
                fields.split(", ").next().unwrap_or_default(),
                format!(
                    "`{fields}` can't be changed in an object that is there ({}): take the change back, give the object \
                     another name, or have it deleted and made anew by the annotation `springline.dev/replace: \"true\"`",
                    refusal.causes.first().map(|cause| brief(&cause.message)).unwrap_or_default()
                ),
            )]));
        }
    }
}
