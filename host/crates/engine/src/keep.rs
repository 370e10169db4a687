//! Results of pure calls: looked up before a call, kept after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use springline_model::Digest;
use springline_model::call::{CallKey, Context};
use springline_model::capability::Used;
use springline_model::manifest::{Body, Object};
use springline_model::plugin::{CallError, Kind, LogLine};
use springline_model::port::{BlobError, Tree};
use springline_model::run::{How, Kept, Output, StepRecord};
use springline_model::trace::{Changed, Trace};

use crate::Ports;
use crate::chain::Use;
use crate::error::Reason;

/// How far kept results are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Used if their output is there.
    Kept,
    /// Used if every byte of their output is there and undamaged.
    Checked,
    /// Not used at all: every call is executed.
    Nothing,
}

/// A pure call that may have been made before.
pub(crate) struct PureCall<'a> {
    pub kind: Kind,
    /// The step (`ARTIFACT/STEP`) or renderer (`ENVIRONMENT/render`).
    pub name: &'a str,
    pub uses: &'a Use,
    pub context: &'a Context,
    /// Trees by mount: `in`, `artifacts/NAME`.
    pub mounts: &'a [(String, Arc<dyn Tree>)],
    /// What observed calls made, which are not executed again.
    pub observed: Observed<'a>,
}

/// What the observed calls of a run made: where all that is pure is executed again to be compared,
/// these stand as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observed<'a> {
    /// The run.
    pub run: u64,
    /// Its calls.
    pub steps: &'a [Arc<StepRecord>],
}

/// A result that is there already.
pub(crate) struct Known {
    pub output: Output,
    pub summary: String,
    pub log: Option<Digest>,
    pub how: How,
}

impl From<Kept> for Known {
    fn from(kept: Kept) -> Self {
        Self { output: kept.output, summary: kept.summary, log: Some(kept.log), how: How::Reused(kept.run) }
    }
}

/// What a look-up came to.
pub(crate) enum Lookup {
    /// The call was made before on all that it depends on.
    Known(Box<Known>),
    /// It has to be executed.
    Needed { why: String },
}

impl PureCall<'_> {
    fn key(&self) -> CallKey {
        CallKey::new(self.kind, &self.uses.track, &self.uses.plugin.digest, &self.uses.config)
    }

    fn listed(&self, key: &CallKey) -> CallKey {
        key.at(&format!("{}/{}", self.context.application, self.name))
    }

    /// The same for two calls on the very same things.
    pub fn identity(&self) -> Digest {
        self.exact(&self.key())
    }

    fn exact(&self, key: &CallKey) -> Digest {
        key.with_mounts(self.mounts.iter().map(|(mount, tree)| (mount.as_str(), tree.as_ref())))
    }

    fn mount(&self, name: &str) -> Option<&dyn Tree> {
        self.mounts.iter().find(|(mount, _)| mount == name).map(|(_, tree)| tree.as_ref())
    }

    fn answers_hold(&self, context: &BTreeMap<String, Digest>) -> bool {
        context.iter().all(|(question, digest)| self.context.answer(question) == Some(*digest))
    }

    /// Looks for a kept result that still holds.
    pub fn look_up(&self, ports: Ports<'_>, trust: Trust) -> Result<Lookup, Reason> {
        if let Some(known) = self.observed() {
            return Ok(Lookup::Known(Box::new(known)));
        }
        if trust == Trust::Nothing {
            return Ok(Lookup::Needed { why: "asked to execute everything".into() });
        }
        let key = self.key();
        let exact = self.exact(&key);
        if let Some(kept) = self.kept_at(ports, &exact)?
            && has_output(ports, &kept.output, trust)?
        {
            return Ok(Lookup::Known(Box::new(kept.into())));
        }
        let mut why = None;
        for kept in ports.store.kept(&self.listed(&key))? {
            let Some(trace) = read_trace(ports, &kept.trace)? else { continue };
            let changed = trace.first_change(|mount| self.mount(mount), |question| self.context.answer(question))?;
            match changed {
                Some(changed) => why = why.or_else(|| Some(say(&changed))),
                None if has_output(ports, &kept.output, trust)? => {
                    ports.store.keep(&exact, &kept)?;
                    return Ok(Lookup::Known(Box::new(kept.into())));
                }
                None => why = why.or_else(|| Some("its output is lost or damaged".into())),
            }
        }
        let powers = self.uses.grants.observing();
        let why = why.unwrap_or_else(|| match powers.as_slice() {
            [] => "not made before with this plugin and config".into(),
            powers => format!("no result is kept of a call that uses {}", powers.join(" or ")),
        });
        Ok(Lookup::Needed { why })
    }

    /// The kept result of this very call on these very trees, whether its output is still there or not.
    pub fn kept_exactly(&self, ports: Ports<'_>) -> Result<Option<Kept>, Reason> {
        self.kept_at(ports, &self.identity())
    }

    fn kept_at(&self, ports: Ports<'_>, exact: &Digest) -> Result<Option<Kept>, Reason> {
        let kept = ports.store.kept_exact(exact)?;
        Ok(kept.filter(|kept| self.answers_hold(&kept.context)))
    }

    fn observed(&self) -> Option<Known> {
        let same = |step: &&Arc<StepRecord>| step.name == self.name && step.plugin == self.uses.plugin;
        let step = self.observed.steps.iter().find(same)?;
        let how = How::Observed(self.observed.run);
        Some(Known { output: step.output?, summary: step.summary.clone(), log: step.log, how })
    }

    /// Keeps the result of this call, and returns its log. Of an observed call only the log is
    /// kept: it may come to something else next time.
    pub fn keep(&self, ports: Ports<'_>, made: &Made<'_>) -> Result<Digest, Reason> {
        if !made.used.is_empty() {
            return put_log(ports, made.log);
        }
        let trace = ports.blobs.put(&to_json(made.trace))?;
        let log = put_log(ports, made.log)?;
        let key = self.key();
        let kept = Kept {
            key: self.listed(&key),
            context: made.trace.context.clone(),
            trace,
            output: made.output,
            summary: made.summary.clone(),
            log,
            run: made.run,
            at: ports.clock.now(),
            took: made.took,
        };
        ports.store.keep(&self.exact(&key), &kept)?;
        Ok(log)
    }
}

/// A result to be kept.
pub(crate) struct Made<'a> {
    pub output: Output,
    pub trace: &'a Trace,
    pub summary: String,
    pub log: &'a [LogLine],
    pub used: Used,
    pub run: u64,
    pub took: Duration,
}

impl Made<'_> {
    /// The record of the call, whose log is this.
    pub fn record(self, name: String, uses: &Use, why: String, log: Digest) -> StepRecord {
        let output = (!self.used.is_empty()).then_some(self.output);
        StepRecord {
            name,
            plugin: uses.plugin.clone(),
            how: How::Executed(why),
            summary: self.summary,
            took: self.took,
            log: Some(log),
            used: self.used,
            output,
        }
    }
}

impl Known {
    /// The record of a call that was not executed.
    pub fn record(self, name: String, uses: &Use) -> StepRecord {
        StepRecord {
            name,
            plugin: uses.plugin.clone(),
            how: self.how,
            summary: self.summary,
            took: Duration::ZERO,
            log: self.log,
            used: Used::default(),
            output: None,
        }
    }
}

/// The record of a call that failed.
pub(crate) fn failed_call(ports: Ports<'_>, name: String, error: &CallError, used: Used, took: Duration) -> StepRecord {
    StepRecord {
        name,
        plugin: error.plugin.clone(),
        how: How::Failed,
        summary: error.fault.to_string(),
        took,
        log: put_log(ports, &error.log).ok(),
        used,
        output: None,
    }
}

/// JSON of the plain data that goes into blobs.
pub(crate) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Reads JSON that the engine wrote. Bytes that are no longer that are as good as lost.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(ports: Ports<'_>, digest: &Digest) -> Result<T, Reason> {
    let bytes = ports.blobs.get(digest)?;
    serde_json::from_slice(&bytes).map_err(|_| Reason::Blob(BlobError::Damaged(*digest)))
}

/// As [`read_json`]; none if the bytes are lost.
pub(crate) fn read_unless_lost<T: serde::de::DeserializeOwned>(
    ports: Ports<'_>,
    digest: &Digest,
) -> Result<Option<T>, Reason> {
    match read_json(ports, digest) {
        Err(reason) if reason.is_lost() => Ok(None),
        read => read.map(Some),
    }
}

/// Writes a log as a blob of JSON lines.
pub(crate) fn put_log(ports: Ports<'_>, log: &[LogLine]) -> Result<Digest, Reason> {
    let mut text = Vec::new();
    for line in log {
        text.extend(to_json(line));
        text.push(b'\n');
    }
    Ok(ports.blobs.put(&text)?)
}

pub(crate) fn read_trace(ports: Ports<'_>, digest: &Digest) -> Result<Option<Trace>, Reason> {
    read_unless_lost(ports, digest)
}

fn say(changed: &Changed) -> String {
    match (changed.mount.as_str(), changed.path.as_str()) {
        ("context", question) => format!("{question} changed"),
        ("in", "") => "its input changed".into(),
        ("in", path) => format!("{path} changed"),
        (mount, "") => format!("{mount} changed"),
        (mount, path) => format!("{mount}/{path} changed"),
    }
}

fn has_output(ports: Ports<'_>, output: &Output, trust: Trust) -> Result<bool, Reason> {
    if !ports.blobs.contains(output.digest()) {
        return Ok(false);
    }
    if trust != Trust::Checked {
        return Ok(true);
    }
    let checked = match output {
        Output::Tree(tree) => ports.blobs.check_tree(tree).map_err(Reason::from),
        Output::Objects(objects) => check_objects(ports, objects),
    };
    match checked {
        Ok(()) => Ok(true),
        Err(reason) if reason.is_lost() => Ok(false),
        Err(reason) => Err(reason),
    }
}

/// Reads and checks every object of a manifest: the first thing lost or damaged is the error.
pub(crate) fn check_objects(ports: Ports<'_>, digest: &Digest) -> Result<(), Reason> {
    let objects: Vec<Object> = read_json(ports, digest)?;
    for object in objects {
        match object.body {
            Body::Blob(blob) => drop(ports.blobs.get(&blob)?),
            Body::Tree(tree) => ports.blobs.check_tree(&tree)?,
        }
    }
    Ok(())
}
