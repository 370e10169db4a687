//! What the history of a place says of it.

use springline_model::Digest;
use springline_model::history::{Ended, Outcome, Record};
use springline_model::newest::Newest;
use springline_model::port::Page;
use springline_model::run::{Cause, Place, Release};

use crate::Ports;
use crate::error::Reason;

/// How many records are looked at at once.
const AT_ONCE: usize = 50;

/// What is wanted of the newest record of a page that has it.
fn newest_of<T>(ports: Ports<'_>, mut page: Page, wanted: impl Fn(&Record) -> Option<T>) -> Result<Option<T>, Reason> {
    page.limit = AT_ONCE;
    loop {
        let found = ports.store.history(&page)?;
        if let Some(wanted) = found.records.iter().find_map(|sealed| wanted(&sealed.record)) {
            return Ok(Some(wanted));
        }
        let Some(next) = found.next else { return Ok(None) };
        page.after = Some(next);
    }
}

/// The release with this id.
pub(crate) fn release(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<Option<Release>, Reason> {
    Ok(ports.store.releases(Some(place), &id.hex())?.into_iter().next())
}

/// The newest record of a place that is so.
pub(crate) fn newest(ports: Ports<'_>, place: &Place, wanted: Newest) -> Result<Option<Record>, Reason> {
    Ok(ports.store.newest(place, wanted)?.map(|sealed| sealed.record))
}

/// The newest record that tells of a release, whether its sync succeeded or not.
pub(crate) fn newest_release(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    newest(ports, place, Newest::Release)
}

/// The newest record of a release whose sync got to the target: what is live is of it, at least in part.
pub(crate) fn newest_live(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    newest(ports, place, Newest::Live)
}

/// Whether the last deployment of a release, repairs of it aside, succeeded.
pub(crate) fn is_deployed(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<bool, Reason> {
    if let Some(record) = newest(ports, place, Newest::Sync)?.filter(|record| record.release == Some(*id)) {
        return Ok(record.outcome == Outcome::Succeeded);
    }
    let outcome = newest_of(ports, Page { release: Some(*id), ..Page::of(place, 0) }, |record| {
        (record.cause != Cause::Drift).then(|| record.outcome.clone())
    })?;
    Ok(outcome == Some(Outcome::Succeeded))
}

/// What was owned when the release was healthy last, as far as a record tells.
pub(crate) fn owned_by(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<Option<Digest>, Reason> {
    newest_of(ports, succeeded(place, id), |record| record.inventory.filter(|_| record.is_good()))
}

/// Whether a sync was cut off: what it was about to own is written down, and no record of it.
pub(crate) fn is_cut_off(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let owned = ports.store.inventory(place)?;
    let recorded = newest_of(ports, Page::of(place, 0), |record| record.inventory)?;
    Ok(owned.is_some() && owned != recorded)
}

/// The release, other than this one, whose sync was the last after which everything was healthy.
pub(crate) fn last_healthy(ports: Ports<'_>, place: &Place, but: &Digest) -> Result<Option<Release>, Reason> {
    for wanted in [Newest::Healthy, Newest::HealthyBefore] {
        let known = newest(ports, place, wanted)?.and_then(|record| record.release).filter(|id| id != but);
        if let Some(id) = known {
            return release(ports, place, &id);
        }
    }
    // Where no sync waits for health, a look may have found it.
    match ports.store.standing(place)?.healthy.map(|healthy| healthy.release).filter(|id| id != but) {
        Some(id) => release(ports, place, &id),
        None => Ok(None),
    }
}

/// Whether the sync of a release succeeded once with everything healthy in its end.
pub(crate) fn was_healthy(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<bool, Reason> {
    Ok(newest_of(ports, succeeded(place, id), |record| record.is_good().then_some(()))?.is_some())
}

fn succeeded(place: &Place, id: &Digest) -> Page {
    Page { release: Some(*id), outcome: Some(Ended::Succeeded), ..Page::of(place, 0) }
}
