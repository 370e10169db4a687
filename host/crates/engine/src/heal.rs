//! Removes drift: what was deployed last becomes live again.

use springline_model::application;
use springline_model::manifest::Change;
use springline_model::run::{Cause, Place, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::plan::Held;
use crate::restraint::{Unconfirmed, unconfirmed};
use crate::run::{Report, again};
use crate::status::{current, planned};
use crate::sync::Planned;

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
    /// It was made what it should be.
    Repaired(Box<Report>),
}

/// Looks whether what was deployed last is still what is live, and if the policy wants it, makes it
/// so. A look that finds nothing is no run and leaves no record.
///
/// # Errors
/// The stage that failed and why; a repair that failed is written down like any sync.
pub fn heal(
    ports: Ports<'_>,
    place: &Place,
    (target, policy): (&Target, &application::Sync),
    actor: &str,
) -> Result<Healed, Box<StageError>> {
    let look = || -> Result<Option<(Release, Planned<'_>)>, Reason> {
        let Some(release) = current(ports, place)? else { return Ok(None) };
        let planned = planned(ports, place, &release, (target, policy))?;
        Ok(Some((release, planned)))
    };
    let found = look().map_err(|reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))?;
    let Some((release, mut planned)) = found else { return Ok(Healed::NotDeployed) };
    // The next sync takes it off the list.
    planned.plan.take_out_going(&planned.inventory, Held::LetBe);
    if planned.plan.changes.is_empty() {
        return Ok(Healed::InSync);
    }
    if !policy.self_heal {
        return Ok(Healed::Drifted(planned.plan.changes));
    }
    if let Some(unconfirmed) = unconfirmed(&planned.plan, &planned.inventory, policy) {
        return Ok(Healed::Unconfirmed(unconfirmed));
    }
    match again(ports, &release, (target, policy), (Cause::Drift, actor), Some(planned)) {
        Ok(report) => Ok(Healed::Repaired(Box::new(report))),
        Err(failure) => Err(Box::new(failure.0)),
    }
}
