//! Pages of the history: all combinations of filters lead to what a walk through all of it finds, however
//! little is looked at at once.

use springline_model::history::{Ended, Outcome, Retention, Sealed};
use springline_model::port::{Cursor, Finish, Page, Store};
use springline_model::run::{Cause, Place, Stage};
use springline_store::SledStore;
use springline_testkit::sample;

use crate::Random;

const RECORDS: u64 = 700;
/// What may be asked for at once: a bit each.
const FILTERS: u32 = 8;

fn finished(place: &Place, at: i64, seed: &str) -> Finish {
    sample::finish(place, &sample::run(&place.application, at), seed)
}

fn failed() -> Outcome {
    Outcome::Failed { stage: Stage::Apply, message: "no".into() }
}

fn one<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize].clone()
}

/// A record of any sort. Some sorts are rare, and some go with others only.
fn random_finish(random: &mut Random, at: i64) -> Finish {
    let place = sample::place(one(random, &["a", "a", "a", "b", "ab"]), one(random, &["x", "x", "y"]));
    let clock = if random.below(9) == 0 { random.below(RECORDS * 10) as i64 } else { at * 10 };
    let mut finish = finished(&place, clock, &random.below(5).to_string());
    finish.record.actor = one(random, &["alice", "bob", "bob", "carol"]).into();
    finish.record.cause = one(random, &[Cause::Run, Cause::Drift]);
    finish.record.outcome = match random.below(4) {
        _ if finish.record.actor == "alice" => Outcome::Succeeded,
        0 => failed(),
        1 if random.below(50) == 0 => Outcome::Cancelled { stage: Stage::Plan },
        _ => Outcome::Succeeded,
    };
    finish.touched = (0..random.below(3)).map(|_| format!("object-{}", random.below(6))).collect();
    if random.below(100) == 0 {
        finish.touched.push("rare".into());
    }
    finish
}

fn random_page(random: &mut Random, filters: u32, all: &[(Sealed, Vec<String>)]) -> Page {
    let text = |text: &str| Some(text.to_owned());
    let mut page = Page::default();
    for filter in (0..FILTERS).filter(|filter| filters & (1 << filter) != 0) {
        match filter {
            0 => page.application = text(one(random, &["a", "b", "ab", "none"])),
            1 => page.environment = text(one(random, &["x", "y"])),
            2 => page.outcome = Some(one(random, &[Ended::Succeeded, Ended::Failed, Ended::Cancelled])),
            3 => page.actor = text(one(random, &["alice", "bob", "carol"])),
            4 => page.object = text(one(random, &["object-0", "object-5", "rare"])),
            5 => page.cause = Some(one(random, &[Cause::Run, Cause::Drift])),
            6 => page.release = one(random, all).0.record.release,
            _ => {
                let since = random.below(RECORDS * 10) as i64;
                page.since = (random.below(3) > 0).then_some(since);
                page.until = (random.below(3) > 0).then_some(since + random.below(RECORDS * 5) as i64);
            }
        }
    }
    page
}

/// Checks a page, whole and piece by piece.
fn leads_to_all(store: &SledStore, page: &Page, all: &[(Sealed, Vec<String>)], random: &mut Random) {
    let is_wanted = |(sealed, touched): &&(Sealed, Vec<String>)| {
        page.wants(&sealed.record) && page.object.as_ref().is_none_or(|object| touched.contains(object))
    };
    let expected: Vec<_> = all.iter().filter(is_wanted).map(|(sealed, _)| sealed.clone()).collect();
    let whole = store.history(page).unwrap();
    assert_eq!((&whole.records, whole.next), (&expected, None), "{page:?}");

    let looks = Some(one(random, &[0, 1, 3, 40, 2_000]));
    let limit = one(random, &[1, 2, 7, 1_000]);
    let mut left = Vec::new();
    let mut next = Page { looks, limit, ..page.clone() };
    loop {
        let found = store.history(&next).unwrap();
        assert!(found.records.len() <= limit && found.cursors.len() == found.records.len());
        left.extend(found.records);
        let Some(after) = found.next else { break };
        assert!(next.after.is_none_or(|before| after < before), "{next:?} goes on to {after}");
        assert!(found.cursors.last().is_none_or(|last| after <= *last));
        next.after = Some(after);
    }
    assert_eq!(left, expected, "{limit} at once of {page:?} with {looks:?}");

    let first = Page { looks, limit, ..page.clone() }.read(store, |_| true).unwrap();
    let count = limit.min(expected.len());
    assert_eq!(first.records, expected[..count], "{limit} of {page:?} with {looks:?}");
    assert!(count == limit || first.next.is_none());
}

#[test]
fn every_combination_of_filters_leads_to_all_that_fit() {
    let mut random = Random::seeded("pages");
    let root = tempfile::tempdir().unwrap();
    let store = SledStore::open(root.path()).unwrap();
    let finishes: Vec<_> = (0..RECORDS).map(|at| random_finish(&mut random, at as i64)).collect();
    store.fill(RECORDS, |at| finishes[at as usize].clone()).unwrap();
    let records = store.history(&Page::default()).unwrap().records;
    let touched = finishes.into_iter().rev().map(|finish| finish.touched);
    let mut all: Vec<_> = records.into_iter().zip(touched).collect();
    assert_eq!(all.len() as u64, RECORDS);
    for round in 0..2 {
        for filters in 0..1 << FILTERS {
            let page = random_page(&mut random, filters, &all);
            leads_to_all(&store, &page, &all, &mut random);
        }
        if round == 0 {
            let policy = Retention { keep_records: Some(20), keep_days: None };
            assert!(!store.compact(policy, 0, false).unwrap().is_empty());
            let left = store.history(&Page::default()).unwrap().records;
            all.retain(|(sealed, _)| left.contains(sealed));
            assert_eq!(all.len(), left.len());
        }
    }
}

#[test]
fn a_look_in_vain_is_cut_short_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let store = SledStore::open(root.path()).unwrap();
    let place = sample::place("a", "x");
    let make = |at: u64| {
        let mut finish = finished(&place, at as i64, "one");
        finish.record.actor = if at.is_multiple_of(2) { "alice" } else { "bob" }.into();
        // The oldest is the only one of alice that failed.
        finish.record.outcome = if at % 2 == 1 || at == 0 { failed() } else { Outcome::Succeeded };
        // The clock runs back and forth, so that every block may have any time.
        finish.record.started = if at % 2 == 1 { i64::MAX / 2 } else { 0 };
        finish
    };
    store.fill(RECORDS, make).unwrap();
    let looks = 50;
    let base = Page { limit: 5, looks: Some(looks), ..Page::default() };
    let actor = Some("alice".to_owned());
    let in_vain = Page { actor, outcome: Some(Ended::Failed), ..base.clone() };
    let first = store.history(&in_vain).unwrap();
    assert!(first.records.is_empty());
    assert_eq!(first.next, Some(Cursor(RECORDS - looks + 1)), "what was looked at is told, and no more");

    let mut pieces = 0;
    let found = in_vain.clone().read(&store, |_| {
        pieces += 1;
        true
    });
    let found = found.unwrap();
    assert_eq!((found.records.len(), found.next, pieces), (1, None, RECORDS / looks - 1));
    assert_eq!(found.records[0].record.sequence, 1);
    let mut pieces = 0;
    let stopped = in_vain.clone().read(&store, |_| {
        pieces += 1;
        pieces < 3
    });
    let stopped = stopped.unwrap();
    assert_eq!((stopped.records.len(), stopped.next), (0, Some(Cursor(RECORDS - 3 * looks + 1))));
    let rest = Page { after: stopped.next, ..in_vain }.read(&store, |_| true).unwrap();
    assert_eq!(rest.records, found.records);

    // What is read and does not fit counts for more.
    let unfit = Page { since: Some(1), until: Some(2), ..base };
    let Some(Cursor(next)) = store.history(&unfit).unwrap().next else { panic!("it is not cut short") };
    assert!(next < RECORDS && next > RECORDS - looks / 4, "{next}");
    assert_eq!(unfit.read(&store, |_| true).unwrap(), Default::default());
}
