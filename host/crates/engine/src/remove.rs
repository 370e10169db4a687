//! Removes what is deployed of an application that nothing declares any more.

use springline_model::application::{ConfirmPrune, OnFailure, Sync};
use springline_model::history::{Outcome, Record};
use springline_model::manifest::manifest_digest;
use springline_model::newest::Newest;
use springline_model::run::{Cause, Inventory, Place, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::keep::read_json;
use crate::past;
use crate::redeploy::{Stored, again};
use crate::release;
use crate::restraint::{Unconfirmed, unconfirmed};
use crate::run::Report;
use crate::status::{current, planned};
use crate::sync::{Because, Manner};

/// What the history says of why.
const WHY: &str = "nothing declares the application any more";

/// Whether a record is of such a removal.
pub fn is_removal(record: &Record) -> bool {
    record.note.as_deref() == Some(WHY)
}

/// Whether what was deployed in a place was removed, and nothing came there since.
pub(crate) fn is_removed(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let newest = past::newest(ports, place, Newest::Live)?;
    Ok(newest.is_some_and(|record| is_removal(&record) && record.outcome == Outcome::Succeeded))
}

/// On whose word everything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// Of a rule that says so: many removals need a confirmation, as the last release said.
    Rule,
    /// Of a person, who confirms these removals; with none, it is told what there is to confirm.
    Person(Option<&'a str>),
}

/// A release of nothing, in the stead of what is deployed, and how it is synced.
struct Emptied {
    release: Release,
    target: Target,
    policy: Sync,
}

/// What removes all that is deployed in a place; none if there is nothing to remove.
fn emptied(ports: Ports<'_>, place: &Place, word: Word<'_>) -> Result<Option<Emptied>, Reason> {
    let nothing = manifest_digest(&[]);
    let Some(last) = current(ports, place)? else { return Ok(None) };
    // A release of nothing that did not come to its end leaves something.
    if last.manifest == nothing && owns_nothing(ports, place)? {
        return Ok(None);
    }
    let target = ports.targets.of(&last)?;
    let objects = ports.blobs.put(b"[]")?;
    let mut policy = Sync { on_failure: OnFailure::Hold, ..last.sync.clone() };
    if let Word::Person(confirmed) = word {
        let confirmed = confirmed.map(str::to_owned);
        policy.prune = true;
        policy.confirm_prune = ConfirmPrune { percent: None, objects: Some(0), confirmed };
    }
    let mut release = Release { objects, manifest: nothing, at: ports.clock.now(), ..last };
    release.id = release::id(&release);
    Ok(Some(Emptied { release, target, policy }))
}

/// What a person has to say yes to before all that is deployed in a place is removed; none if nothing would
/// go. Changes nothing.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn ask(ports: Ports<'_>, place: &Place, confirmed: Option<&str>) -> Result<Option<Unconfirmed>, Box<StageError>> {
    let ask = || {
        let Some(emptied) = emptied(ports, place, Word::Person(confirmed))? else { return Ok(None) };
        let Emptied { release, target, policy } = &emptied;
        let planned = planned(ports, place, release, (target, policy))?;
        Ok(unconfirmed(&planned.plan, &planned.inventory, policy))
    };
    ask().map_err(|reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))
}

/// Removes all that is deployed in a place, as its last release said it is to be synced: what that protects
/// stays. None if there is nothing to remove.
///
/// # Errors
/// The stage that failed and why; what was done is written down like any sync.
pub fn remove(
    ports: Ports<'_>,
    place: &Place,
    (actor, word): (&str, Word<'_>),
) -> Result<Option<Report>, Box<StageError>> {
    let emptied = emptied(ports, place, word);
    let emptied = emptied.map_err(|reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))?;
    let Some(Emptied { release, target, policy }) = emptied else { return Ok(None) };
    let cause = if word == Word::Rule { Cause::Push } else { Cause::Sync };
    let because = Because { note: Some(WHY.to_owned()), ..Because::of(cause) };
    let stored = Stored {
        release: &release,
        target: &target,
        policy: &policy,
        manner: Manner::New,
        because,
        planned: None,
        prune_all: true,
    };
    again(ports, stored, actor).map(Some).map_err(|failure| Box::new(failure.0))
}

/// Whether nothing on a target is this place's, as far as is written down.
pub(crate) fn owns_nothing(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let Some(digest) = ports.store.inventory(place)? else { return Ok(true) };
    Ok(read_json::<Inventory>(ports, &digest)?.objects.is_empty())
}
