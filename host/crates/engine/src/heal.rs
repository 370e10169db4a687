//! Removes drift: what was deployed last becomes live again.

use springline_model::application;
use springline_model::manifest::Change;
use springline_model::run::{Cause, Pin, Place, Release, Run, RunState, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::event::Event;
use crate::intact;
use crate::owned::target_of;
use crate::past;
use crate::plan::Held;
use crate::record;
use crate::redeploy::{Stored, again};
use crate::remove;
use crate::restraint::{Unconfirmed, unconfirmed};
use crate::rollback;
use crate::run::{Failure, Report};
use crate::status::{planned, waits};
use crate::sync::{Because, Manner};

/// What became of the drift of an environment.
#[derive(Debug)]
pub enum Healed {
    /// Nothing was ever deployed here.
    NotDeployed,
    /// Nothing differs.
    InSync,
    /// It differs, and is left as it is.
    Drifted(Vec<Change>),
    /// It differs, and to make it what it should be would remove more than is removed without a
    /// confirmation: it waits for one.
    Unconfirmed(Unconfirmed),
    /// It is to be held at a release of which something is lost, the plugin of its target perhaps: what is live is
    /// kept, and nothing of it differs. Why the other is not deployed.
    Lost(Reason),
    /// It was made what it should be.
    Repaired(Box<Report>),
    /// What was begun before and cut off was carried to its end: a rollback, or the deployment of a release
    /// that is pinned.
    Finished(Box<Report>),
}

/// Looks whether what was deployed last is still what is live, and if the policy wants it, makes it
/// so. Where a release is pinned, it is the one. A look that finds nothing is no run and leaves no record.
///
/// # Errors
/// The stage that failed and why; a repair that failed is written down like any sync.
pub fn heal(
    ports: Ports<'_>,
    place: &Place,
    (target, policy): (&Target, &application::Sync),
    actor: &str,
) -> Result<Healed, Box<StageError>> {
    let at = |reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment)));
    let told = |failed: Failed| match failed {
        Failed::Look(reason) => at(reason),
        Failed::Sync(failure) => Box::new(failure.0),
    };
    record::settle_when_due(ports, &place.application).map_err(at)?;
    let pin = ports.store.standing(place).map_err(|error| at(error.into()))?.pin;
    if let Some(pin) = pin {
        return hold(ports, place, &pin, (policy, actor)).map_err(told);
    }
    if let Some(due) = rollback::due(ports, place, policy).map_err(at)? {
        return match rollback::roll_back(ports, due, policy, actor) {
            Ok(report) => Ok(Healed::Finished(Box::new(report))),
            Err(failure) => Err(Box::new(failure.0)),
        };
    }
    keep(ports, place, (target, policy), actor).map_err(told)
}

/// As [`heal`], by what was declared of the release that is live, where what is declared now is not deployed
/// yet or can't be read.
///
/// # Errors
/// As [`heal`].
pub fn heal_as_deployed(ports: Ports<'_>, place: &Place, actor: &str) -> Result<Healed, Box<StageError>> {
    let at = |reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment)));
    let newest = past::newest_live(ports, place).map_err(at)?;
    let Some(id) = newest else { return Ok(Healed::NotDeployed) };
    let release = past::release(ports, place, &id).map_err(at)?.ok_or_else(|| at(Reason::NoRelease(id)))?;
    let target = ports.targets.of(&release).map_err(at)?;
    heal(ports, place, (&target, &release.sync), actor)
}

/// Keeps what got live last. What never got there is for a sync to try again, with its hooks; whether it
/// waits for a confirmation is told.
fn keep(
    ports: Ports<'_>,
    place: &Place,
    (target, policy): (&Target, &application::Sync),
    actor: &str,
) -> Result<Healed, Failed> {
    let newest = remove::live(ports, place)?.and_then(|record| record.release);
    let Some(id) = newest else { return Ok(Healed::NotDeployed) };
    let live = past::release(ports, place, &id)?.ok_or(Reason::NoRelease(id))?;
    let kept = repair(ports, place, &live, (target, policy), actor)?;
    let refused = past::refused(ports, place)?.filter(|last| last.release != Some(id));
    match refused.filter(|_| matches!(kept, Healed::InSync)) {
        Some(refused) => Ok(waits(ports, place, &refused, (target, policy))?.map_or(kept, Healed::Unconfirmed)),
        None => Ok(kept),
    }
}

/// Why a look ended early.
enum Failed {
    Look(Reason),
    Sync(Failure),
}

impl<E: Into<Reason>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Look(error.into())
    }
}

/// Holds a release that is pinned. One whose deployment was cut off is deployed: it was pinned for that.
fn hold(
    ports: Ports<'_>,
    place: &Place,
    pin: &Pin,
    (policy, actor): (&application::Sync, &str),
) -> Result<Healed, Failed> {
    let release = past::release(ports, place, &pin.release)?.ok_or(Reason::NoRelease(pin.release))?;
    if past::newest_live(ports, place)? == Some(pin.release) {
        let target = ports.targets.of(&release)?;
        return repair(ports, place, &release, (&target, policy), actor);
    }
    let target = match intact::check(ports, &release).and_then(|()| ports.targets.of(&release)) {
        Ok(target) => target,
        Err(lost) if lost.is_lost() || matches!(lost, Reason::NoTarget { .. }) => {
            return keep_instead(ports, place, lost, (policy, actor));
        }
        Err(reason) => return Err(reason.into()),
    };
    if let Some(refused) = past::refused(ports, place)?.filter(|last| last.release == Some(pin.release))
        && let Some(unconfirmed) = waits(ports, place, &refused, (&target, policy))?
    {
        return Ok(Healed::Unconfirmed(unconfirmed));
    }
    let note = Some(pin.why.clone()).filter(|why| !why.is_empty());
    let because = Because { note, ..Because::of(Cause::Redeploy) };
    let stored = Stored {
        release: &release,
        target: &target,
        policy,
        manner: Manner::New,
        because,
        planned: None,
        prune_all: false,
    };
    let report = again(ports, stored, &pin.by).map_err(Failed::Sync)?;
    Ok(Healed::Finished(Box::new(report)))
}

/// Keeps what is live, where what is pinned can't be deployed.
fn keep_instead(
    ports: Ports<'_>,
    place: &Place,
    lost: Reason,
    (policy, actor): (&application::Sync, &str),
) -> Result<Healed, Failed> {
    let Some(id) = past::newest_live(ports, place)? else { return Ok(Healed::Lost(lost)) };
    let live = past::release(ports, place, &id)?.ok_or(Reason::NoRelease(id))?;
    let target = ports.targets.of(&live)?;
    match repair(ports, place, &live, (&target, policy), actor)? {
        Healed::InSync => Ok(Healed::Lost(lost)),
        kept => Ok(kept),
    }
}

/// Whether a repair was cut off here when all of it was done but to write it down. One that was cut off
/// elsewhere is left to a look there, and one that changed nothing is over.
fn is_to_be_recorded(ports: Ports<'_>, place: &Place, release: &Release) -> Result<bool, Reason> {
    let is_it = |run: &Run| {
        let of = (&run.application, &run.revision, &run.cause);
        of == (&release.application, &release.revision, &Cause::Drift)
    };
    let Some(mut run) = ports.store.unfinished()?.into_iter().find(is_it) else { return Ok(false) };
    if past::is_cut_off(ports, place)? {
        return Ok(true);
    }
    for other in ports.store.places()?.iter().filter(|other| other.application == place.application) {
        if past::is_cut_off(ports, other)? {
            return Ok(false);
        }
    }
    (run.state, run.ended) = (RunState::Interrupted, Some(ports.clock.now()));
    ports.store.close(&run)?;
    Ok(false)
}

fn repair(
    ports: Ports<'_>,
    place: &Place,
    release: &Release,
    (target, policy): (&Target, &application::Sync),
    actor: &str,
) -> Result<Healed, Failed> {
    let target = &*target_of(ports, release, target)?;
    let mut planned = planned(ports, place, release, (target, policy))?;
    // The next sync takes it off the list.
    planned.plan.take_out_going(&planned.inventory, Held::LetBe);
    if planned.plan.changes.is_empty() && !is_to_be_recorded(ports, place, release)? {
        if let Some(seen) = planned.target.seen() {
            ports.observer.event(&Event::Unchanged(&seen));
        }
        return Ok(Healed::InSync);
    }
    if !policy.self_heal && !planned.plan.changes.is_empty() {
        return Ok(Healed::Drifted(planned.plan.changes));
    }
    if let Some(unconfirmed) = unconfirmed(&planned.plan, &planned.inventory, policy) {
        return Ok(Healed::Unconfirmed(unconfirmed));
    }
    let (manner, because) = (Manner::Repair, Because::of(Cause::Drift));
    let stored = Stored { release, target, policy, manner, because, planned: Some(planned), prune_all: false };
    let report = again(ports, stored, actor).map_err(Failed::Sync)?;
    Ok(Healed::Repaired(Box::new(report)))
}
