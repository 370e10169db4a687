//! Looks at reality without touching it: what differs, and how it is.

use std::sync::Arc;

use springline_model::call::Context;
use springline_model::capability::Ledger;
use springline_model::manifest::{Action, Change, Difference, Health, HealthStatus, Hook, Object};
use springline_model::port::Page;
use springline_model::run::{Place, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::health::On;
use crate::keep::read_json;
use crate::plan::{Scope, failed, plan};
use crate::run::release_context;
use crate::sync::{inventory, open};

/// A change that would be made, and what it would do as text.
#[derive(Debug)]
pub struct Explained {
    /// The change.
    pub change: Change,
    /// What it would do.
    pub difference: Difference,
}

/// What live and desired differ in.
#[derive(Debug)]
pub struct Differences {
    /// The changes, in the order in which they would be applied.
    pub changes: Vec<Explained>,
    /// Live objects that are no longer desired and stay, because pruning is off.
    pub left: Vec<String>,
    /// The hooks that would be run, in their order.
    pub hooks: Vec<Hook>,
    /// How many live objects are desired.
    pub desired: usize,
}

/// What is compared.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Where.
    pub place: &'a Place,
    /// The target.
    pub target: &'a Target,
    /// What its calls may ask.
    pub context: Arc<Context>,
    /// The desired objects.
    pub desired: Arc<[Object]>,
    /// Whether what is no longer desired is removed.
    pub prune: bool,
    /// Only this object.
    pub only: Option<&'a str>,
}

/// Compares desired objects with live ones. Changes nothing.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn compare(ports: Ports<'_>, comparison: &Comparison<'_>) -> Result<Differences, StageError> {
    let Comparison { place, target: uses, prune, only, .. } = comparison;
    let work = || -> Result<Differences, Reason> {
        let target = open(ports, uses, comparison.context.clone(), comparison.desired.clone(), &Ledger::default())?;
        let inventory = inventory(ports, place, target.as_ref(), uses)?;
        // An empty render is shown for what it would do; only a sync refuses it.
        let scope = Scope { environment: &place.environment, only: *only, prune: *prune, prune_all: true };
        let plan = plan(target.as_ref(), uses, &comparison.desired, &inventory, scope)?;
        let mut changes = Vec::with_capacity(plan.changes.len());
        for change in plan.changes {
            if ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
            let difference = match change.action {
                Action::Adopt | Action::Deferred => Difference::default(),
                _ => target.explain(&change).map_err(|error| failed(uses, error))?.value,
            };
            changes.push(Explained { change, difference });
        }
        Ok(Differences { changes, left: plan.left, hooks: plan.hooks, desired: plan.identities.len() })
    };
    work().map_err(|reason| reason.at(Stage::Plan, Some(&place.environment)))
}

/// How an environment is.
#[derive(Debug)]
pub struct Status {
    /// What is deployed; none if nothing ever was.
    pub release: Option<Release>,
    /// How many live objects differ from the release.
    pub drifted: Vec<Change>,
    /// How many live objects there should be.
    pub desired: usize,
    /// The worst health of all, and why.
    pub health: Health,
    /// The live objects that are not healthy, worst first.
    pub unhealthy: Vec<(String, Health)>,
}

/// The release that was deployed last in this place, whether its sync succeeded or not.
///
/// # Errors
/// What the store reports.
pub fn current(ports: Ports<'_>, place: &Place) -> Result<Option<Release>, Reason> {
    let page =
        Page { application: Some(place.application.clone()), environment: Some(place.environment.clone()), limit: 0 };
    let id = ports.store.history(&page)?.into_iter().find_map(|sealed| sealed.record.release);
    let Some(id) = id else { return Ok(None) };
    Ok(ports.store.releases(Some(place), &id.hex())?.into_iter().next())
}

/// Looks at an environment: what is deployed, whether it drifted, and how healthy it is.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn status(ports: Ports<'_>, place: &Place, target: &Target, prune: bool) -> Result<Status, StageError> {
    let work = || -> Result<Status, Reason> {
        let Some(release) = current(ports, place)? else {
            let health = Health { status: HealthStatus::Missing, message: "nothing was deployed yet".into() };
            return Ok(Status { release: None, drifted: Vec::new(), desired: 0, health, unhealthy: Vec::new() });
        };
        let desired: Vec<Object> = read_json(ports, &release.objects)?;
        let desired: Arc<[Object]> = desired.into();
        let opened = open(ports, target, Arc::new(release_context(&release)), desired.clone(), &Ledger::default())?;
        let inventory = inventory(ports, place, opened.as_ref(), target)?;
        let scope = Scope { environment: &place.environment, only: None, prune, prune_all: true };
        let plan = plan(opened.as_ref(), target, &desired, &inventory, scope)?;
        let live: Vec<String> = plan.identities.into_keys().collect();
        let look = On { ports, target: opened.as_ref(), uses: target }.look(&live)?;
        let health = look.unhealthy.first().map_or(
            Health { status: HealthStatus::Healthy, message: String::new() },
            |(name, health)| Health { status: health.status, message: format!("{name}: {}", health.message) },
        );
        let drifted = plan.changes;
        Ok(Status { release: Some(release), drifted, desired: live.len(), health, unhealthy: look.unhealthy })
    };
    work().map_err(|reason| reason.at(Stage::Plan, Some(&place.environment)))
}
