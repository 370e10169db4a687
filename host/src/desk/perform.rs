//! Calls a plugin as a case says, and keeps everything that came of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use springline_model::call::{Call, Context, canonical_json};
use springline_model::capability::Ledger;
use springline_model::manifest::{Body, Object};
use springline_model::plugin::{CallError, Kind, LogLine};
use springline_model::port::Tree;
use springline_model::tree::EntryKind;
use springline_model::{Cancel, Digest};

use super::case::Case;
use super::error::Failure;
use super::snapshot::{self, Leaf, Snapshot};
use super::{Desk, OnDesk, sync};
use crate::cli::error::CliError;

/// What came of a case.
#[derive(Debug, Default)]
pub struct Outcome {
    /// A step's one line.
    pub summary: Option<String>,
    /// A step's output.
    pub out: Option<Snapshot>,
    /// A renderer's objects with bytes, by id.
    pub objects: Option<Snapshot>,
    /// A renderer's objects that are trees, by id.
    pub trees: Option<BTreeMap<String, Digest>>,
    /// A target's changes, `ACTION REF SUMMARY` each.
    pub plan: Option<Vec<String>>,
    /// The lent directory afterwards.
    pub live: Option<Snapshot>,
    /// The health of each live object, `STATUS REF MESSAGE` each.
    pub health: Option<Vec<String>>,
    /// What was logged.
    pub log: Vec<LogLine>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// The failure in full, as people read it.
    pub error: Option<CallError>,
    /// How long the plugin ran.
    pub took: Duration,
}

impl Outcome {
    /// Keeps how a call failed.
    ///
    /// # Errors
    /// A failure that says nothing about the plugin.
    pub fn fail(&mut self, error: CallError) -> Result<(), CliError> {
        let Some(failure) = Failure::of_call(&error) else { return Err(error.into()) };
        self.log.extend(error.log.iter().cloned());
        self.failure = Some(failure);
        self.error = Some(error);
        Ok(())
    }
}

/// Calls the plugin. That the call fails is an outcome like any other.
///
/// # Errors
/// What has nothing to do with the plugin: unreadable input, a host that can't do its part.
pub fn perform(desk: &Desk, plugin: &OnDesk, case: &Case, cancel: &Cancel) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::default();
    let config = Value::Object(case.given.config.clone());
    if let Err(error) = plugin.schema.check(&case.document, "/config", &config, None, None) {
        outcome.failure = Some(Failure::of_config(&error, "/config"));
        return Ok(outcome);
    }
    let artifacts = artifacts(desk, &case.places.artifacts)?;
    let call = call(plugin, case, &artifacts, cancel)?;
    match plugin.description.kind {
        Kind::BuildStep => build(desk, &call, case, &mut outcome)?,
        Kind::Renderer => render(desk, &call, case, &artifacts, &mut outcome)?,
        Kind::DeployTarget => sync::sync(desk, call, case, &mut outcome)?,
    }
    Ok(outcome)
}

fn call(plugin: &OnDesk, case: &Case, artifacts: &BTreeMap<String, Digest>, cancel: &Cancel) -> Result<Call, CliError> {
    let given = &case.given.context;
    let is_build = plugin.description.kind == Kind::BuildStep;
    let context = Context {
        application: given.application.clone(),
        environment: (!is_build).then(|| given.environment.clone()),
        revision: given.revision.clone(),
        commit_time: given.commit_time,
        values: canonical_json(&Value::Object(given.values.clone())),
        artifacts: if is_build { BTreeMap::new() } else { artifacts.clone() },
    };
    Ok(Call {
        plugin: plugin.pinned.clone(),
        config: canonical_json(&Value::Object(case.given.config.clone())).into(),
        context: Arc::new(context),
        limits: case.given.limits.clone(),
        grants: case.grants(None)?,
        ledger: Ledger::default(),
        cancel: cancel.clone(),
    })
}

/// A directory of the disk as a tree.
fn tree(desk: &Desk, directory: &Path) -> Result<Arc<dyn Tree>, CliError> {
    let digest = snapshot::store(desk.blobs.as_ref(), &snapshot::read(directory)?)?;
    Ok(desk.blobs.tree(&digest)?)
}

/// The artifacts, in the blob store.
fn artifacts(desk: &Desk, directories: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, Digest>, CliError> {
    let mut artifacts = BTreeMap::new();
    for (name, directory) in directories {
        artifacts.insert(name.clone(), snapshot::store(desk.blobs.as_ref(), &snapshot::read(directory)?)?);
    }
    Ok(artifacts)
}

fn build(desk: &Desk, call: &Call, case: &Case, outcome: &mut Outcome) -> Result<(), CliError> {
    match desk.plugins.build(call, tree(desk, &case.places.input)?) {
        Ok(called) => {
            let built = called.value;
            outcome.summary = Some(built.summary);
            outcome.out = Some(snapshot::of_tree(desk.blobs.tree(&built.tree)?.as_ref())?);
            (outcome.log, outcome.took) = (called.log, called.usage.wall);
            Ok(())
        }
        Err(error) => outcome.fail(error),
    }
}

fn render(
    desk: &Desk,
    call: &Call,
    case: &Case,
    artifacts: &BTreeMap<String, Digest>,
    outcome: &mut Outcome,
) -> Result<(), CliError> {
    let mut mounted = BTreeMap::new();
    for (name, digest) in artifacts {
        mounted.insert(name.clone(), desk.blobs.tree(digest)?);
    }
    match desk.plugins.render(call, tree(desk, &case.places.input)?, &mounted) {
        Ok(called) => {
            let (mut objects, mut trees) = (Snapshot::new(), BTreeMap::new());
            for Object { id, body } in called.value.objects {
                match body {
                    Body::Blob(digest) => {
                        let bytes = desk.blobs.get(&digest)?.to_vec();
                        objects.insert(id, Leaf { kind: EntryKind::File, bytes });
                    }
                    Body::Tree(digest) => drop(trees.insert(id, digest)),
                }
            }
            (outcome.objects, outcome.trees) = (Some(objects), Some(trees));
            (outcome.log, outcome.took) = (called.log, called.usage.wall);
            Ok(())
        }
        Err(error) => outcome.fail(error),
    }
}
