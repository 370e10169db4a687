//! One sync of a deploy target on a directory of the desk: what may be changed, and in which order, is
//! the engine's; nothing is tried again, and nothing waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use springline_engine::plan::{due, not_allowed, order};
use springline_model::call::{Call, Called, TargetCall};
use springline_model::manifest::{Action, Body, Change, Object};
use springline_model::plugin::CallError;
use springline_model::port::Target;

use super::Desk;
use super::case::Case;
use super::error::Failure;
use super::perform::Outcome;
use super::snapshot::{self, Leaf};
use crate::app;
use crate::cli::error::{CliError, Kind};

/// Why a sync ended early.
enum Ended {
    /// By the plugin.
    Call(CallError),
    /// By the plugin, against the contract.
    Contract(String),
}

impl From<CallError> for Ended {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// Brings the case's `live` to its `desired`.
///
/// # Errors
/// What has nothing to do with the plugin.
pub fn sync(desk: &Desk, call: Call, case: &Case, outcome: &mut Outcome) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::new(Kind::State, format!("no directory to lend: {error}"));
    let lent = tempfile::tempdir_in(desk.scratch()).map_err(failed)?;
    let live = if case.places.live_itself { case.places.live.clone() } else { lent.path().join("live") };
    if !case.places.live_itself {
        snapshot::write(&live, &snapshot::read(&case.places.live)?)?;
    }
    let ours = format!("{}/{}", call.context.application, call.context.environment.as_deref().unwrap_or_default());
    let mut owners: BTreeMap<String, String> = case.given.owners.clone();
    owners.extend(case.given.owned.iter().map(|path| (path.clone(), ours.clone())));
    if !owners.is_empty() {
        app::mark_owned(&live, &owners)?;
    }
    let desired: Arc<[Object]> = desired(desk, case)?.into();
    let call = Call { grants: case.grants(Some(&live))?, ..call };
    let target = TargetCall { call, desired };
    let result = match desk.plugins.target(target) {
        Ok(target) => Driven { target: target.as_ref(), owned: &case.given.owned, outcome }.drive(),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => {}
        Err(Ended::Call(error)) => outcome.fail(error)?,
        Err(Ended::Contract(message)) => outcome.failure = Some(Failure::contract(message)),
    }
    let mut after = snapshot::read(&live)?;
    after.retain(|path, _| !path.starts_with(".springline-"));
    outcome.live = Some(after);
    Ok(())
}

/// The desired objects: a file each, or a directory where the case says so.
fn desired(desk: &Desk, case: &Case) -> Result<Vec<Object>, CliError> {
    let files = snapshot::read(&case.places.desired)?;
    let mut objects = Vec::new();
    for id in &case.given.trees {
        let digest = snapshot::store(desk.blobs.as_ref(), &snapshot::below(&files, id))?;
        objects.push(Object { id: id.clone(), body: Body::Tree(digest) });
    }
    let in_tree = |path: &str| {
        case.given.trees.iter().any(|tree| path.strip_prefix(tree.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    for (id, Leaf { bytes, .. }) in files.iter().filter(|(path, _)| !in_tree(path)) {
        objects.push(Object { id: id.clone(), body: Body::Blob(desk.blobs.put(bytes)?) });
    }
    objects.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(objects)
}

struct Driven<'d> {
    target: &'d dyn Target,
    owned: &'d [String],
    outcome: &'d mut Outcome,
}

impl Driven<'_> {
    fn drive(mut self) -> Result<(), Ended> {
        let identities = self.target.identify();
        let wanted: BTreeSet<String> = self.keep(identities)?.into_iter().map(|identity| identity.live).collect();
        let marked = self.target.owned();
        let mut owned: BTreeSet<String> = self.keep(marked)?.into_iter().collect();
        owned.extend(self.owned.iter().cloned());
        let mut lines = Vec::new();
        let mut deferred = usize::MAX;
        while deferred > 0 {
            let mut changes = self.plan(&owned)?;
            if let Some(what) = not_allowed(&changes, |live| wanted.contains(live), |live| owned.contains(live)) {
                return Err(Ended::Contract(format!("it plans to {what}")));
            }
            order(&mut changes);
            let waiting = changes.iter().filter(|change| change.action == Action::Deferred).count();
            for change in due(&changes) {
                lines.push(line(change));
                let applied = self.target.apply(change);
                self.keep(applied)?;
                match change.action {
                    Action::Delete => owned.remove(&change.live),
                    _ => owned.insert(change.live.clone()),
                };
            }
            if waiting >= deferred {
                return Err(Ended::Contract(format!("{waiting} changes stay deferred, however often is planned")));
            }
            deferred = waiting;
        }
        self.outcome.plan = Some(lines);
        self.health(&wanted)?;
        match self.plan(&owned)?.first() {
            None => Ok(()),
            Some(change) => Err(Ended::Contract(format!(
                "not converged: planned again after the sync, there is still `{}`",
                line(change)
            ))),
        }
    }

    fn plan(&mut self, owned: &BTreeSet<String>) -> Result<Vec<Change>, Ended> {
        let owned: Vec<String> = owned.iter().cloned().collect();
        let planned = self.target.plan(&owned);
        self.keep(planned)
    }

    fn health(&mut self, wanted: &BTreeSet<String>) -> Result<(), Ended> {
        let live: Vec<String> = wanted.iter().cloned().collect();
        let observed = self.target.observe(&live);
        let mut lines = Vec::new();
        for object in self.keep(observed)? {
            let judged = self.target.judge(&object);
            let health = self.keep(judged)?;
            let status = health.status.to_string().to_lowercase();
            lines.push(format!("{status} {} {}", object.live, health.message).trim_end().to_owned());
        }
        self.outcome.health = Some(lines);
        Ok(())
    }

    /// The value of a call; its log and time are kept.
    fn keep<T>(&mut self, called: Result<Called<T>, CallError>) -> Result<T, Ended> {
        let called = called?;
        self.outcome.log.extend(called.log);
        self.outcome.took += called.usage.wall;
        Ok(called.value)
    }
}

fn line(change: &Change) -> String {
    let action = serde_json::to_value(change.action).ok();
    let action = action.as_ref().and_then(|action| action.as_str()).unwrap_or_default();
    format!("{action} {} {}", change.live, change.summary).trim_end().to_owned()
}
