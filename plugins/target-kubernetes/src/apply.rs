//! Applies one change.

use std::time::Duration;

use springline_sdk::HealthStatus;
use springline_sdk::kubernetes::{Cluster, DeleteOptions, Freshness, KubernetesError, WriteOptions};
use springline_sdk::prelude::*;

use crate::config::Config;
use crate::content::{held_by, meaningful, metadata, version};
use crate::desired::{read_one, text};
use crate::hook::{Role, role};
use crate::ignore::Ignored;
use crate::live;
use crate::notes::Notes;
use crate::observe;
use crate::options::Options;
use crate::owner::{Owner, is_owned, owner_of};
use crate::reference::{Kind, Ref};
use crate::refusal::{Sent, lacks_namespace, reading};
use crate::scope::defines;
use crate::takeover;
use crate::trial::{MANAGER, Trial};

/// How often an object is written that something else writes to at the same time.
const TRIES: usize = 5;
/// How long it takes at least until finalizers have let an object go, or a kind is there.
const SOON: Duration = Duration::from_secs(1);
/// How many seconds a Job that is a hook stays at least, unless it is removed: longer than the host
/// looks away.
const LINGERS: u64 = 60;

/// An object that is to be made or changed.
struct Put<'a> {
    config: &'a Config,
    change: &'a Change,
    notes: Notes,
    live: Ref,
    owner: Owner,
    object: Value,
    options: Options,
    ignored: Ignored,
    deploy: &'a Deploy,
}

/// Makes an object, or changes it.
pub fn put(config: &Config, change: &Change, deploy: &Deploy) -> Result<Applied> {
    let live = Ref::parse(&change.live)?;
    let notes = Notes::read(change)?;
    let object = read_one(&live, &change.object, &notes.digest, deploy)?;
    let options = Options::of(&object);
    let ignored = Ignored::of(&live, &change.object, &config.application);
    let put = Put { config, change, notes, live, owner: Owner::of(deploy), object, options, ignored, deploy };
    if put.notes.hook { put.run() } else { put.keep() }
}

/// What is done with what is there.
enum Step {
    /// Nothing: it was done before.
    Done,
    /// It is written over.
    Write,
    /// It has to go first.
    Delete,
}

impl Put<'_> {
    fn cluster(&self) -> Cluster {
        Cluster::new(&self.live.cluster)
    }

    /// Makes or changes what is kept.
    fn keep(&self) -> Result<Applied> {
        let mut freshness = Freshness::Any;
        // What was there before it was deleted has the values of ignored fields.
        let mut was = None;
        for _ in 0..TRIES {
            let there = live::get_one(&self.live, freshness)?;
            let there = match (self.step(there.as_ref())?, there) {
                (Step::Done, _) => {
                    return Ok(Applied { after: self.change.after.clone(), message: "already done".into() });
                }
                (Step::Write, Some(there)) if self.take_over(&there)? => live::get_one(&self.live, Freshness::Live)?,
                (Step::Write, there) => there,
                (Step::Delete, there) => {
                    self.clear(there.as_ref())?;
                    was = there;
                    None
                }
            };
            match self.write(there.as_ref(), was.as_ref()) {
                // Something else wrote to it in between, such as a status: look again.
                Err(Error::Conflict(_)) if there.is_some() => freshness = Freshness::Live,
                other => return other,
            }
        }
        Err(Error::conflict(format!("`{}` changes faster than it can be written", self.live)))
    }

    fn step(&self, there: Option<&Value>) -> Result<Step> {
        let Some(there) = there else {
            // What was to be made anew may have been deleted before.
            if self.change.before.is_some() && !self.notes.replace {
                return Err(self.moved("is gone"));
            }
            return Ok(Step::Write);
        };
        if let Some(other) = self.owner.other(there) {
            return Err(self.moved(&format!("belongs to {other} now")));
        }
        if let Some(blocked) = held_by(there) {
            return Err(waits(format!("`{}` {blocked}", self.live)));
        }
        let ours = owner_of(there).is_some();
        let is_new = self.notes.uid != metadata(there, "uid");
        let Some(before) = &self.change.before else {
            // Made by the same change, which was cut off before it was known.
            return if ours { Ok(Step::Write) } else { Err(self.moved("is there by now")) };
        };
        if is_new {
            return if self.notes.replace && ours { Ok(Step::Write) } else { Err(self.moved("was made anew")) };
        }
        let now = version(&meaningful(there));
        if now == *before {
            return Ok(if self.notes.replace { Step::Delete } else { Step::Write });
        }
        if self.change.after.as_deref() == Some(&now) && ours { Ok(Step::Done) } else { Err(self.moved("has changed")) }
    }

    /// Takes over what a tool has applied to an object that is adopted; whether there was any.
    fn take_over(&self, there: &Value) -> Result<bool> {
        if owner_of(there).is_some() {
            return Ok(false);
        }
        let name = self.live.object_name();
        let Some(text) = self.cluster().get_managed(&name).map_err(reading)? else { return Ok(false) };
        let Some(patch) = takeover::patch(&live::object(&text)?, &self.config.take_over) else { return Ok(false) };
        let options = WriteOptions { manager: MANAGER.to_owned(), ..WriteOptions::default() };
        self.cluster().merge(&name, &patch.to_string(), &options).map_err(|error| self.error(error))?;
        Ok(true)
    }

    fn moved(&self, what: &str) -> Error {
        Error::conflict(format!("`{}` {what} since this was planned", self.live))
    }

    /// Deletes what is in the way, which may take a while.
    fn clear(&self, there: Option<&Value>) -> Result<()> {
        let Some(there) = there else { return Ok(()) };
        match remove(self.config, &self.live, there)? {
            None => Ok(()),
            Some(held) => Err(waits(format!("`{}` {held}: it is made anew when it is gone", self.live))),
        }
    }

    /// Applies it over what is there, or was there.
    fn write(&self, there: Option<&Value>, was: Option<&Value>) -> Result<Applied> {
        let Self { config, owner, live, options, ignored, .. } = self;
        let trial = Trial { config, owner, live, options, ignored };
        let mut applied = trial.applied(&self.object, there.or(was))?;
        if let (Some(there), Some(metadata)) = (there, applied.get_mut("metadata").and_then(Value::as_object_mut)) {
            for key in ["uid", "resourceVersion"] {
                metadata.insert(key.to_owned(), Value::String(crate::content::metadata(there, key).to_owned()));
            }
        }
        self.send(&applied)
    }

    /// Sends it, and once more after its namespace was made.
    fn send(&self, applied: &Value) -> Result<Applied> {
        let force = self.notes.force || self.config.force;
        let options = WriteOptions { manager: MANAGER.to_owned(), force, dry_run: false };
        let text = applied.to_string();
        let mut result = self.cluster().apply(&text, &options);
        if self.config.create_namespace
            && matches!(&result, Err(KubernetesError::Refused(refusal)) if lacks_namespace(refusal))
        {
            let name = &self.live.namespace;
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            self.cluster().apply(&namespace.to_string(), &options).map_err(|error| self.error(error))?;
            info!("made the namespace `{name}`");
            result = self.cluster().apply(&text, &options);
        }
        let object = live::object(&result.map_err(|error| self.error(error))?)?;
        Ok(Applied { after: Some(version(&meaningful(&object))), message: String::new() })
    }

    fn error(&self, error: KubernetesError) -> Error {
        if let (KubernetesError::UnknownType(message), true) = (&error, self.notes.late_kind) {
            return waits(message.clone());
        }
        let text = || text(&self.notes.digest, self.deploy).ok();
        Sent { id: &self.change.object, live: &self.live, text: &text }.error(error)
    }

    /// Makes what is run and not kept. What was there of an earlier run, the host has removed.
    fn run(&self) -> Result<Applied> {
        let there = live::get_one(&self.live, Freshness::Live)?;
        let mut object = self.object.clone();
        self.owner.mark_hook(&mut object);
        if let Some(there) = &there {
            if let Some(blocked) = stranger(self.config, &self.owner, &self.live, there) {
                return Err(Error::conflict(blocked));
            }
            if let Some(blocked) = held_by(there) {
                return Err(waits(format!("`{}` {blocked}: it is made again when it is gone", self.live)));
            }
            if self.notes.once && !self.is_broken(there)? {
                let message = "left as it is: it is run once only".to_owned();
                return Ok(Applied { after: Some(version(&meaningful(there))), message });
            }
            // With a definition go all objects of its kind.
            let replaced = self.options.replace && defines(&self.object).is_none();
            if self.notes.once || replaced {
                if let Some(blocked) = made_by_none(self.config, &self.owner, &self.live, there) {
                    return Err(Error::conflict(blocked));
                }
                self.clear(Some(there))?;
            } else {
                // It is the one that was looked at, or it is a conflict.
                object["metadata"]["uid"] = Value::String(metadata(there, "uid").to_owned());
            }
        }
        linger(&mut object, self.notes.once);
        self.send(&object)
    }

    fn is_broken(&self, there: &Value) -> Result<bool> {
        Ok(observe::health(&self.config.rules_for(there)?, there).status == HealthStatus::Degraded)
    }
}

/// Removes an object. What belongs to another by now, or is to be kept, stays: its version says so.
pub fn delete(config: &Config, change: &Change, deploy: &Deploy) -> Result<Applied> {
    let live = Ref::parse(&change.live)?;
    let notes = Notes::read(change)?;
    let done = |message: String| Ok(Applied { after: None, message });
    let gone = || done("gone already".to_owned());
    // What the plan has found, there can be.
    if notes.uid.is_empty() && !live::is_possible(&live) {
        return gone();
    }
    let Some(there) = live::get_one(&live, Freshness::Any)? else { return gone() };
    let stays = |message: String| Ok(Applied { after: Some(version(&meaningful(&there))), message });
    if !notes.left_alone.is_empty() {
        return stays(notes.left_alone);
    }
    let owner = Owner::of(deploy);
    if let Some(other) = owner.other(&there) {
        return stays(format!("left alone: it belongs to {other} now"));
    }
    if notes.hook {
        if let Some(why) = made_by_none(config, &owner, &live, &there) {
            return stays(format!("left alone: {why}"));
        }
    } else if notes.uid.is_empty() || notes.uid != metadata(&there, "uid") {
        // It was planned on another object, or on none.
        return Err(Error::conflict(format!("`{live}` was made anew since this was planned")));
    }
    let held = match held_by(&there) {
        Some(held) => Some(held),
        None => remove(config, &live, &there)?,
    };
    if let Some(held) = &held {
        warn!("`{live}` {held}");
    }
    done(held.unwrap_or_default())
}

/// Deletes an object that is there; gives what holds it, if something does.
fn remove(config: &Config, live: &Ref, there: &Value) -> Result<Option<String>> {
    let options = DeleteOptions {
        propagation: config.prune_propagation.into(),
        uid: metadata(there, "uid").to_owned(),
        ..DeleteOptions::default()
    };
    match Cluster::new(&live.cluster).delete(&live.object_name(), &options) {
        Ok(None) => Ok(None),
        Ok(Some(text)) => Ok(held_by(&live::object(&text)?)),
        Err(KubernetesError::Refused(refusal)) if refusal.code == 404 => Ok(None),
        Err(error) => {
            let id = live.to_string();
            Err(Sent { id: &id, live, text: &|| None }.error(error))
        }
    }
}

/// Why what is there is none of an owner's hooks, and not to be made one; none if it is.
fn stranger(config: &Config, owner: &Owner, live: &Ref, there: &Value) -> Option<String> {
    match owner.other(there) {
        Some(other) => Some(format!("`{live}` belongs to {other}")),
        None if is_owned(there) => None,
        None => config.keeps_off(live),
    }
}

/// Why what is there was made by no hook, and is not to be removed for one; none if it was. What belongs
/// to nobody may be of another tool's hook: then it says so itself.
fn made_by_none(config: &Config, owner: &Owner, live: &Ref, there: &Value) -> Option<String> {
    let no_hook = || match is_owned(there) || matches!(role(there), Ok(Role::Run(_))) {
        true => None,
        false => {
            Some(format!("`{live}` belongs to nobody, and no hook made it: remove it, or give the hook another name"))
        }
    };
    stranger(config, owner, live, there).or_else(no_hook)
}

/// Has a Job stay for a while when it has ended: its end would not be seen otherwise. One that is run
/// once stays, as what says that it was.
fn linger(object: &mut Value, once: bool) {
    if !Kind::of(object).is("batch", "Job") {
        return;
    }
    if once && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.shift_remove("ttlSecondsAfterFinished");
    }
    if let Some(seconds) = object.pointer_mut("/spec/ttlSecondsAfterFinished")
        && seconds.as_u64().is_some_and(|seconds| seconds < LINGERS)
    {
        *seconds = json!(LINGERS);
    }
}

fn waits(message: String) -> Error {
    Error::Transient { message, retry_after: Some(SOON) }
}
