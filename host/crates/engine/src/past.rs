//! What the history of a place says of it.

use springline_model::Digest;
use springline_model::history::{Ended, Outcome, Record};
use springline_model::newest::Newest;
use springline_model::port::Page;
use springline_model::run::{Place, Release};

use crate::Ports;
use crate::error::Reason;
use crate::remove::is_removal;

/// How many records are looked at at once, where the newest is not it.
const AT_ONCE: usize = 50;

/// What is wanted of the newest record that has it, from a page on.
fn newest_of<T>(ports: Ports<'_>, mut page: Page, wanted: impl Fn(&Record) -> Option<T>) -> Result<Option<T>, Reason> {
    loop {
        let found = ports.store.history(&page)?;
        if let Some(wanted) = found.records.iter().find_map(|sealed| wanted(&sealed.record)) {
            return Ok(Some(wanted));
        }
        let Some(next) = found.next else { return Ok(None) };
        (page.after, page.limit) = (Some(next), AT_ONCE);
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

/// The newest release whose sync got to the target: what is live is of it, at least in part.
pub(crate) fn newest_live(ports: Ports<'_>, place: &Place) -> Result<Option<Digest>, Reason> {
    Ok(newest(ports, place, Newest::Live)?.and_then(|record| record.release))
}

/// The last try to deploy a release, if it never got to the target. What was only asked is none.
pub(crate) fn refused(ports: Ports<'_>, place: &Place) -> Result<Option<Record>, Reason> {
    let is_refused = |last: &Record| last.release.is_some() && !last.reached_the_target() && !is_removal(last);
    Ok(newest(ports, place, Newest::Attempt)?.filter(is_refused))
}

/// The record of a release with this number in the chain of its place.
pub(crate) fn numbered(
    ports: Ports<'_>,
    place: &Place,
    (release, sequence): (&Digest, u64),
) -> Result<Option<Record>, Reason> {
    let page = Page { release: Some(*release), ..Page::of(place, AT_ONCE) };
    newest_of(ports, page, |record| (record.sequence == sequence).then(|| record.clone()))
}

/// Whether the last deployment of a release succeeded: repairs of it, and what never got to the target, aside.
pub(crate) fn is_deployed(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<bool, Reason> {
    if let Some(record) = newest(ports, place, Newest::Sync)?.filter(|record| record.release == Some(*id)) {
        return Ok(record.outcome == Outcome::Succeeded);
    }
    let outcome = newest_of(ports, Page { release: Some(*id), ..Page::of(place, 1) }, |record| {
        record.is_deployment().then(|| record.outcome.clone())
    })?;
    Ok(outcome == Some(Outcome::Succeeded))
}

/// What was owned when the release was healthy last, as far as a record tells.
pub(crate) fn owned_by(ports: Ports<'_>, place: &Place, id: &Digest) -> Result<Option<Digest>, Reason> {
    newest_of(ports, succeeded(place, id), |record| record.inventory.filter(|_| record.is_good()))
}

/// Whether a sync was cut off: what it was about to own is written down, and no record of it.
pub(crate) fn is_cut_off(ports: Ports<'_>, place: &Place) -> Result<bool, Reason> {
    let Some(owned) = ports.store.inventory(place)? else { return Ok(false) };
    let recorded = newest_of(ports, Page::of(place, 1), |record| record.inventory)?;
    Ok(recorded != Some(owned))
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
    Page { release: Some(*id), outcome: Some(Ended::Succeeded), ..Page::of(place, 1) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use springline_model::history::Counts;
    use springline_model::port::Store as _;
    use springline_model::run::{Run, Stage};
    use springline_testkit::sample;

    use super::*;
    use crate::tests::World;

    /// Writes down a sync of the release of that name; whether everything was healthy is not said.
    fn sync(world: &World, seed: &str, outcome: Outcome) -> Digest {
        let place = world.place();
        let run = sample::run(&place.application, 0);
        let run = Run { number: world.store.begin(&run).unwrap(), ..run };
        let mut finish = sample::finish(&place, &run, seed);
        finish.record.counts = Counts::default();
        finish.record.outcome = outcome;
        finish.record.stages.push((Stage::Health, Duration::ZERO));
        finish.record.healthy = None;
        world.store.finish(finish).unwrap().record.release.unwrap()
    }

    #[test]
    fn what_an_earlier_springline_did_not_say_is_not_healthy() {
        let world = World::new();
        let release = sync(&world, "a", Outcome::Succeeded);
        assert!(!was_healthy(world.ports(), &world.place(), &release).unwrap());
        assert_eq!(newest(world.ports(), &world.place(), Newest::Healthy).unwrap(), None);
    }

    #[test]
    fn an_attempt_that_never_got_to_the_target_says_nothing_of_what_is_deployed() {
        let world = World::new();
        let failed = |stage| Outcome::Failed { stage, message: "no".into() };
        let is_deployed = |release| is_deployed(world.ports(), &world.place(), &release).unwrap();
        let release = sync(&world, "a", Outcome::Succeeded);
        for other in [false, true] {
            if other {
                sync(&world, "b", Outcome::Succeeded);
            }
            sync(&world, "a", failed(Stage::Plan));
            assert!(is_deployed(release), "the newest one is another: {other}");
        }
        sync(&world, "a", failed(Stage::Health));
        assert!(!is_deployed(release));
        sync(&world, "b", Outcome::Succeeded);
        assert!(!is_deployed(release));
    }
}
