//! What the history of a place says of it.

use springline_model::Digest;
use springline_model::history::{Outcome, Record};
use springline_model::port::Page;
use springline_model::run::{Cause, Place, Release, Stage};

use crate::Ports;
use crate::error::Reason;

/// How many records are looked at at once, after the newest one.
const AT_ONCE: usize = 50;

/// What is wanted of the newest record that has it.
fn newest<T>(
    ports: Ports<'_>,
    place: &Place,
    mut wanted: impl FnMut(&Record) -> Option<T>,
) -> Result<Option<T>, Reason> {
    let mut page = Page::of(place, 1);
    loop {
        let found = ports.store.history(&page)?;
        if let Some(wanted) = found.records.iter().find_map(|sealed| wanted(&sealed.record)) {
            return Ok(Some(wanted));
        }
        let Some(next) = found.next else { return Ok(None) };
        page = Page { after: Some(next), ..Page::of(place, AT_ONCE) };
    }
}

/// The release with this id.
pub(crate) fn release(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<Option<Release>, Reason> {
    Ok(ports.store.releases(Some(place), &id.hex())?.into_iter().next())
}

/// The newest record that tells of a release, whether its sync succeeded or not.
pub(crate) fn newest_release(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    newest(ports, place, |record| record.release.is_some().then(|| record.clone()))
}

/// The newest record of a release whose sync got to the target: what is live is of it, at least in part.
pub(crate) fn newest_live(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    newest(ports, place, |record| (record.release.is_some() && has_changed(record)).then(|| record.clone()))
}

/// Whether a sync succeeded or, if it did not, tried at least to change something.
pub(crate) fn has_changed(record: &Record) -> bool {
    match &record.outcome {
        Outcome::Succeeded => true,
        Outcome::Failed { stage, .. } | Outcome::Cancelled { stage } => {
            *stage == Stage::Health || (*stage == Stage::Apply && record.counts.applied() + record.counts.failed > 0)
        }
    }
}

/// Whether the last deployment of a release, repairs of it aside, succeeded.
pub(crate) fn is_deployed(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<bool, Reason> {
    let deployed = |record: &Record| record.release == Some(*id) && record.cause != Cause::Drift;
    let outcome = newest(ports, place, |record| deployed(record).then(|| record.outcome.clone()))?;
    Ok(outcome == Some(Outcome::Succeeded))
}

/// What was owned when the release was healthy last, as far as a record tells.
pub(crate) fn owned_by(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<Option<Digest>, Reason> {
    newest(ports, place, |record| record.inventory.filter(|_| record.release == Some(*id) && is_good(record)))
}

/// The newest sync that was no repair of drift, of those that got to the target or were to bring something
/// back.
pub(crate) fn last_sync(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    let counts = |record: &Record| match record.cause {
        Cause::Drift => false,
        Cause::Rollback => true,
        _ => record.release.is_some() && has_changed(record),
    };
    newest(ports, place, |record| counts(record).then(|| record.clone()))
}

/// The newest sync that was neither a repair of drift nor a rollback that somebody stopped.
pub(crate) fn last_attempt(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    let is_stopped =
        |record: &Record| record.cause == Cause::Rollback && matches!(record.outcome, Outcome::Cancelled { .. });
    newest(ports, place, |record| (record.cause != Cause::Drift && !is_stopped(record)).then(|| record.clone()))
}

/// The release, other than this one, whose sync was the last after which everything was healthy.
pub(crate) fn last_healthy(ports: Ports<'_>, place: &Place, but: &Digest) -> Result<Option<Release>, Reason> {
    let known = newest(ports, place, |record| record.release.filter(|id| id != but && is_good(record)))?;
    // Where no sync waits for health, a look may have found it.
    let seen = ports.store.standing(place)?.healthy.map(|healthy| healthy.release).filter(|id| id != but);
    match known.or(seen) {
        Some(id) => release(ports, place, &id),
        None => Ok(None),
    }
}

/// Whether the sync of a release succeeded once with everything healthy in its end.
pub(crate) fn was_healthy(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<bool, Reason> {
    let found = newest(ports, place, |record| (record.release == Some(*id) && is_good(record)).then_some(()))?;
    Ok(found.is_some())
}

/// Whether a sync succeeded with everything healthy. What failed after that, as a test in a hook may, did not.
fn is_good(record: &Record) -> bool {
    record.healthy && record.outcome == Outcome::Succeeded
}
