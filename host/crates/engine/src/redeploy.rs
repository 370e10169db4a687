//! Deploys what was deployed before: exactly as it was, without its source.

use std::sync::Arc;

use springline_model::application;
use springline_model::call::Context;
use springline_model::capability::Used;
use springline_model::manifest::Object;
use springline_model::run::{Cause, Pin, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::intact;
use crate::keep::read_json;
use crate::owned::written;
use crate::rollback;
use crate::run::{Failure, Report, begin, end, fresh, not_begun, take};
use crate::standing::{self, Obstacle};
use crate::sync::{Because, Job, Manner, Planned, sync};

/// Who wants a release back, and how.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Who.
    pub actor: &'a str,
    /// Why, if they said.
    pub why: Option<&'a str>,
    /// Whether the environment is held at it from now on.
    pub pin: bool,
}

/// Deploys a release exactly as it was: nothing is built or rendered, and the source is not
/// needed. Where it is to be pinned, it is so before anything changes, but not before all that it deploys is
/// known to be here.
///
/// # Errors
/// As [`run`](crate::run::run); an environment that is pinned, if this is not to be pinned in its stead.
pub fn redeploy(
    ports: Ports<'_>,
    release: &Release,
    (target, policy): (&Target, &application::Sync),
    order: Order<'_>,
) -> Result<Report, Failure> {
    let pinned = intact::check(ports, release).and_then(|()| pin(ports, release, order));
    if let Err(reason) = pinned {
        let run = fresh(ports, &Cause::Redeploy, (&release.application, &release.revision), order.actor);
        return Err(not_begun((reason, run)));
    }
    let place = release.place();
    let because = Because { note: standing::told(ports, &place, order.why), ..Because::of(Cause::Redeploy) };
    let stored = Stored { release, target, policy, manner: Manner::New, because, planned: None, prune_all: false };
    let redeployed = again(ports, stored, order.actor);
    let report = redeployed.as_ref().unwrap_or_else(|failure| &failure.1);
    if !report.synced.is_empty() {
        standing::unpinned_is_told(ports, &place);
    }
    redeployed
}

fn pin(ports: Ports<'_>, release: &Release, order: Order<'_>) -> Result<(), Reason> {
    let place = release.place();
    let known = written(ports, &place)?.filter(|known| !known.objects.is_empty());
    if let Some(now) = known.and_then(|known| known.target).filter(|now| *now != release.target) {
        let targets = Box::new([release.target.clone(), now]);
        return Err(Reason::OtherTarget { environment: place.environment, release: release.id, targets });
    }
    if order.pin {
        let (by, why) = (order.actor.to_owned(), order.why.unwrap_or_default().to_owned());
        let pin = Pin { release: release.id, by, why, at: ports.clock.now() };
        ports.store.set_standing(&place, &mut |standing| standing.pin = Some(pin.clone()))?;
        return Ok(());
    }
    match ports.store.standing(&place)?.pin {
        Some(pin) if pin.release != release.id => {
            Err(Reason::Held { environment: place.environment, obstacle: Box::new(Obstacle::Pinned(pin)) })
        }
        _ => Ok(()),
    }
}

/// A release that is made live again.
pub(crate) struct Stored<'a> {
    pub release: &'a Release,
    pub target: &'a Target,
    pub policy: &'a application::Sync,
    pub manner: Manner,
    pub because: Because,
    /// What was planned already, with nothing done since.
    pub planned: Option<Planned<'a>>,
    /// Whether it may remove everything.
    pub prune_all: bool,
}

/// Makes live what a release holds, in a run of its own.
pub(crate) fn again(ports: Ports<'_>, stored: Stored<'_>, actor: &str) -> Result<Report, Failure> {
    let release = stored.release;
    let run = match begin(ports, &stored.because.cause, (&release.application, &release.revision), actor) {
        Ok(run) => run,
        Err(failed) => return Err(not_begun(*failed)),
    };
    let mut report = Report::of(run);
    let (place, policy) = (release.place(), stored.policy);
    let is_new = stored.manner == Manner::New;
    let mut result = deploy(ports, stored, None, &mut report);
    if is_new {
        result = result.map_err(|failed| rollback::after(ports, (&place, policy), failed, &mut report));
    }
    end(ports, report, result)
}

/// The sync of a stored release, the last one of its run. `failed` is what the run failed with before.
pub(crate) fn deploy(
    ports: Ports<'_>,
    stored: Stored<'_>,
    failed: Option<&StageError>,
    report: &mut Report,
) -> Result<(), StageError> {
    let Stored { release, target, policy, manner, because, planned, prune_all } = stored;
    let at = |reason: Reason| reason.at(Stage::Plan, Some(&release.environment));
    let desired = match &planned {
        Some(planned) => planned.desired.clone(),
        None => read_json::<Vec<Object>>(ports, &release.objects)
            .map_err(|reason| at(intact::lost_of(release, reason)))?
            .into(),
    };
    let job = Job {
        release: release.clone(),
        desired,
        input: None,
        target,
        context: Arc::new(context(release)),
        policy,
        only: None,
        prune_all,
        manner,
        because,
        failed,
        planned,
        began: ports.clock.now(),
        last: true,
        remakes: false,
        used: Used::default(),
        stages: Vec::new(),
    };
    take(report, |run| sync(ports, run, job))
}

/// What a target may ask when a release is deployed without its source. The time of the commit
/// and the values are not kept: they went into the objects.
pub(crate) fn context(release: &Release) -> Context {
    Context {
        application: release.application.clone(),
        environment: Some(release.environment.clone()),
        revision: release.revision.clone(),
        commit_time: 0,
        values: "{}".into(),
        artifacts: release.artifacts.clone(),
    }
}
