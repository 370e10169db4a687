//! Removes what is deployed of an application that nothing declares any more.

use springline_model::application::{ConfirmPrune, OnFailure, Sync};
use springline_model::history::Record;
use springline_model::manifest::manifest_digest;
use springline_model::run::{Cause, Inventory, Place, Release, Stage};

use crate::Ports;
use crate::error::{Reason, StageError};
use crate::keep::read_json;
use crate::redeploy::{Stored, again};
use crate::release;
use crate::run::Report;
use crate::status::current;
use crate::sync::{Because, Manner};

/// What the history says of why.
const WHY: &str = "nothing declares the application any more";

/// Whether a record is of such a removal.
pub fn is_removal(record: &Record) -> bool {
    record.note.as_deref() == Some(WHY)
}

/// On whose word everything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// Of a rule that says so: many removals need a confirmation, as the last release said.
    Rule,
    /// Of a person, who confirms these removals; with none, it is told what there is to confirm.
    Person(Option<&'a str>),
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
    let at = |reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment)));
    let nothing = manifest_digest(&[]);
    let Some(last) = current(ports, place).map_err(at)? else { return Ok(None) };
    // A release of nothing that did not come to its end leaves something.
    if last.manifest == nothing && owns_nothing(ports, place).map_err(at)? {
        return Ok(None);
    }
    let target = ports.targets.of(&last).map_err(at)?;
    let objects = ports.blobs.put(b"[]").map_err(|error| at(error.into()))?;
    let mut policy = Sync { on_failure: OnFailure::Hold, ..last.sync.clone() };
    let cause = match word {
        Word::Rule => Cause::Push,
        Word::Person(confirmed) => {
            let confirmed = confirmed.map(str::to_owned);
            policy.prune = true;
            policy.confirm_prune = ConfirmPrune { percent: None, objects: Some(0), confirmed };
            Cause::Sync
        }
    };
    let mut empty = Release { objects, manifest: nothing, at: ports.clock.now(), ..last };
    empty.id = release::id(&empty);
    let because = Because { note: Some(WHY.to_owned()), ..Because::of(cause) };
    let stored = Stored {
        release: &empty,
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
fn owns_nothing(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let Some(digest) = ports.store.inventory(place)? else { return Ok(true) };
    Ok(read_json::<Inventory>(ports, &digest)?.objects.is_empty())
}
