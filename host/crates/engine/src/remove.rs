//! Removes what is deployed of an application that nothing declares any more.

use springline_model::application::{OnFailure, Sync};
use springline_model::history::Record;
use springline_model::manifest::manifest_digest;
use springline_model::run::{Cause, Place, Release, Stage};

use crate::Ports;
use crate::error::{Reason, StageError};
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

/// Removes all that is deployed in a place, as its last release said it is to be synced: what that protects
/// stays, and many removals need a confirmation. None if there is nothing to remove.
///
/// # Errors
/// The stage that failed and why; what was done is written down like any sync.
pub fn remove(ports: Ports<'_>, place: &Place, actor: &str) -> Result<Option<Report>, Box<StageError>> {
    let at = |reason: Reason| Box::new(reason.at(Stage::Plan, Some(&place.environment)));
    let nothing = manifest_digest(&[]);
    let found = current(ports, place).map_err(at)?.filter(|release| release.manifest != nothing);
    let Some(last) = found else { return Ok(None) };
    let target = ports.targets.of(&last).map_err(at)?;
    let objects = ports.blobs.put(b"[]").map_err(|error| at(error.into()))?;
    let policy = Sync { on_failure: OnFailure::Hold, ..last.sync.clone() };
    let mut empty = Release { objects, manifest: nothing, at: ports.clock.now(), ..last };
    empty.id = release::id(&empty);
    let because = Because { note: Some(WHY.to_owned()), ..Because::of(Cause::Push) };
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
