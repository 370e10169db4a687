//! Removes what is deployed of an application that nothing declares any more.

use springline_model::application::{ConfirmPrune, OnFailure, Sync};
use springline_model::history::{Outcome, Record};
use springline_model::manifest::manifest_digest;
use springline_model::newest::Newest;
use springline_model::run::{Cause, Place, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::deliver::delivery;
use crate::error::{Reason, StageError};
use crate::owned::written;
use crate::past;
use crate::redeploy::{Stored, again};
use crate::release;
use crate::restraint::{Unconfirmed, unconfirmed};
use crate::run::Report;
use crate::status::{current, planned};
use crate::sync::{BETWEEN, Because, Manner};

/// What the history says of why.
const WHY: &str = "nothing declares the application any more";

/// Whether a record is of such a removal. What stays on another target may be told behind that.
pub fn is_removal(record: &Record) -> bool {
    record.note.as_deref().is_some_and(|note| note.split(BETWEEN).next() == Some(WHY))
}

/// Whether what was deployed in a place was removed, and nothing came there since.
pub(crate) fn is_removed(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    Ok(past::newest(ports, place, Newest::Live)?.is_some_and(|record| has_removed(&record)))
}

fn has_removed(record: &Record) -> bool {
    is_removal(record) && record.outcome == Outcome::Succeeded
}

/// The newest record of what is live in a place; none if all of it was removed since.
pub(crate) fn live(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    match past::newest(ports, place, Newest::Live)? {
        Some(record) if has_removed(&record) && owns_nothing(ports, place)? => Ok(None),
        newest => Ok(newest),
    }
}

/// The places of an application where something is deployed, besides those of the environments that are declared.
///
/// # Errors
/// What the store reports.
pub fn undeclared(ports: Ports<'_>, application: &str, declared: &[&str]) -> Result<Vec<Place>, Reason> {
    let mut places = ports.store.places()?;
    places.retain(|place| {
        place.application == application && !declared.contains(&place.environment.as_str()) && delivery(place).is_none()
    });
    let mut deployed = Vec::new();
    for place in places {
        if current(ports, &place)?.is_some() {
            deployed.push(place);
        }
    }
    Ok(deployed)
}

/// What the history says of why something is removed that is not what is deployed.
const ASIDE: &str = "the environment is on another target now";

/// What is removed of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// All that is deployed.
    Deployed,
    /// What stayed on this target when the place went to another.
    Stayed(String),
}

/// The targets that something stayed on when a place went to another.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn stayed(ports: Ports<'_>, place: &Place) -> Result<Vec<What>, Box<StageError>> {
    let written = written(ports, place).map_err(|reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))?;
    Ok(written.into_iter().flat_map(|known| known.elsewhere.into_keys()).map(What::Stayed).collect())
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

/// What removes what is meant of a place; none if there is nothing to remove.
fn emptied(ports: Ports<'_>, place: &Place, what: &What, word: Word<'_>) -> Result<Option<Emptied>, Reason> {
    let nothing = manifest_digest(&[]);
    let current = current(ports, place)?;
    let last = match what {
        // A release of nothing that did not come to its end leaves something.
        What::Deployed => {
            let is_over = owns_nothing(ports, place)?;
            current.filter(|last| last.manifest != nothing || !is_over)
        }
        What::Stayed(on) => {
            let mut releases = ports.store.releases(Some(place), "")?.into_iter();
            let there = releases.find(|release| release.target == *on);
            // The revision that the environment is at does not change by it.
            there.map(|there| match current {
                Some(Release { revision, .. }) => Release { revision, ..there },
                None => there,
            })
        }
    };
    let Some(last) = last else { return Ok(None) };
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

/// What a person has to say yes to before it is removed; none if nothing would
/// go. Changes nothing.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn ask(
    ports: Ports<'_>,
    (place, what): (&Place, &What),
    confirmed: Option<&str>,
) -> Result<Option<Unconfirmed>, Box<StageError>> {
    let ask = || {
        let Some(emptied) = emptied(ports, place, what, Word::Person(confirmed))? else { return Ok(None) };
        let Emptied { release, target, policy } = &emptied;
        let planned = planned(ports, place, release, (target, policy))?;
        Ok(unconfirmed(&planned.plan, &planned.inventory, policy))
    };
    ask().map_err(|reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))
}

/// Removes what is meant of a place, as its last release there said it is to be synced: what that protects
/// stays. None if there is nothing to remove.
///
/// # Errors
/// The stage that failed and why; what was done is written down like any sync.
pub fn remove(
    ports: Ports<'_>,
    (place, what): (&Place, &What),
    (actor, word): (&str, Word<'_>),
) -> Result<Option<Report>, Box<StageError>> {
    let emptied = emptied(ports, place, what, word);
    let emptied = emptied.map_err(|reason| Box::new(reason.at(Stage::Plan, Some(&place.environment))))?;
    let Some(Emptied { release, target, policy }) = emptied else { return Ok(None) };
    let (manner, why) = match what {
        What::Deployed => (Manner::New, WHY),
        What::Stayed(_) => (Manner::Aside, ASIDE),
    };
    let because = Because { note: Some(why.to_owned()), ..Because::of(Cause::Removal) };
    let stored =
        Stored { release: &release, target: &target, policy: &policy, manner, because, planned: None, prune_all: true };
    again(ports, stored, actor).map(Some).map_err(|failure| Box::new(failure.0))
}

/// Whether nothing on a target is this place's, as far as is written down.
fn owns_nothing(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let is_written = ports.store.inventory(place)?.is_some();
    Ok(!is_written || written(ports, place)?.is_some_and(|known| known.objects.is_empty()))
}
