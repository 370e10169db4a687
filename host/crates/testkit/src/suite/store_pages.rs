//! What every [`Store`] must pass: parts of the history, and what retention leaves of it.

use std::collections::BTreeSet;

use springline_model::Digest;
use springline_model::application::RecordIn;
use springline_model::history::{Compacted, Ended, GENESIS, Outcome, Record, Retention, Sealed};
use springline_model::newest::Newest;
use springline_model::port::{Cursor, Finish, Page, Store};
use springline_model::run::{Approval, Cause, Pin, Place, Stage};

use super::store::begin;
use crate::sample;

pub(super) fn suite(make: &impl Fn() -> Box<dyn Store>) {
    pages_are_what_is_asked_for(&*make());
    a_cursor_stays_good(&*make());
    the_newest_of_each_sort_is_what_a_walk_finds(&*make());
    records_are_found_by_place_and_hash(&*make());
    retention_is_off_unless_it_is_set(&*make());
    retention_removes_the_oldest_records_only(&*make());
    a_release_goes_with_the_last_record_that_names_it(&*make());
    a_release_that_git_is_to_be_told_of_stays(&*make());
    days_and_records_both_have_to_let_go(&*make());
    the_newest_success_is_never_removed(&*make());
}

fn the_newest_of_each_sort_is_what_a_walk_finds(store: &dyn Store) {
    let place = sample::place("shop", "live");
    let outcomes = |stage| Outcome::Failed { stage, message: "no".into() };
    for at in 0..120_usize {
        let mut run = begin(store, "shop", at as i64);
        run.cause = [Cause::Run, Cause::Drift, Cause::Drift, Cause::Rollback, Cause::Push][at * 7 % 5].clone();
        let mut finish = sample::finish(&place, &run, &format!("{}", at % 7));
        finish.record.outcome = match at * 5 % 11 {
            0 => outcomes(Stage::Plan),
            1 => outcomes(Stage::Apply),
            2 => outcomes(Stage::Health),
            3 => Outcome::Cancelled { stage: Stage::Health },
            4 => Outcome::Cancelled { stage: Stage::Plan },
            6 => outcomes(Stage::Render),
            _ => Outcome::Succeeded,
        };
        finish.record.healthy = [Some(true), Some(false), None][at % 3];
        if at % 13 == 0 {
            (finish.record.release, finish.release) = (None, None);
        }
        store.finish(finish).unwrap();
        let all = store.history(&Page::of(&place, 0)).unwrap().records;
        let find = |wanted: &dyn Fn(&Record) -> bool| all.iter().find(|sealed| wanted(&sealed.record)).cloned();
        let newest = |wanted| store.newest(&place, wanted).unwrap();
        let is_repair = |record: &Record| record.cause == Cause::Drift;
        let is_back = |record: &Record| record.cause == Cause::Rollback;
        let is_live = |record: &Record| record.release.is_some() && record.reached_the_target();
        let is_stopped = |record: &Record| is_back(record) && matches!(record.outcome, Outcome::Cancelled { .. });
        assert_eq!(newest(Newest::Live), find(&is_live));
        let is_aside = |record: &Record| {
            let is_early = matches!(record.outcome, Outcome::Failed { stage: Stage::Render, .. });
            record.release.is_none() && !is_early
        };
        let is_attempt = |record: &Record| !is_repair(record) && !is_stopped(record) && !is_aside(record);
        assert_eq!(newest(Newest::Attempt), find(&is_attempt));
        assert_eq!(newest(Newest::Sync), find(&|record| is_back(record) || is_live(record) && !is_repair(record)));
        let is_good = |record: &Record| record.is_good() && record.release.is_some();
        let healthy = find(&is_good);
        let release = healthy.as_ref().and_then(|sealed| sealed.record.release);
        assert_eq!(newest(Newest::Healthy), healthy);
        assert_eq!(newest(Newest::HealthyBefore), find(&|record| is_good(record) && record.release != release));
    }
    assert_eq!(store.newest(&sample::place("shop", "none"), Newest::Live).unwrap(), None);
}

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Records of every sort, newest first, and the objects that each is found by.
fn fill(store: &dyn Store, count: usize) -> Vec<(Sealed, Vec<String>)> {
    let places = [("a", "x"), ("a", "y"), ("b", "x"), ("ab", "x")].map(|(a, e)| sample::place(a, e));
    let mut all = Vec::new();
    for at in 0..count {
        let place = &places[at * 7 % 4];
        // The clock jumps back now and then.
        let started = if at % 11 == 3 { at as i64 * 10 - 200 } else { at as i64 * 10 };
        let mut run = begin(store, &place.application, started);
        run.actor = format!("actor-{}", at % 5);
        run.cause = if at % 3 == 0 { Cause::Drift } else { Cause::Run };
        let mut finish = sample::finish(place, &run, &format!("{place} {}", at / 32));
        finish.release.as_mut().unwrap().environment.clone_from(&place.environment);
        finish.record.outcome = match at % 7 {
            2 => Outcome::Failed { stage: Stage::Apply, message: "no".into() },
            5 => Outcome::Cancelled { stage: Stage::Health },
            _ => Outcome::Succeeded,
        };
        finish.touched = (0..at % 4).map(|object| format!("object-{}", (at + object * object) % 13)).collect();
        finish.touched.extend(finish.touched.clone());
        let touched = finish.touched.clone();
        all.insert(0, (store.finish(finish).unwrap(), touched));
    }
    all
}

/// All pages of so many, one after the other.
fn leaf(store: &dyn Store, page: &Page, limit: usize) -> Vec<Sealed> {
    let mut all = Vec::new();
    let mut page = Page { limit, ..page.clone() };
    loop {
        let found = store.history(&page).unwrap();
        assert!(found.records.len() <= limit && found.cursors.len() == found.records.len());
        assert!(found.next.is_none_or(|next| found.cursors.last() == Some(&next)));
        all.extend(found.records);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

fn pages_are_what_is_asked_for(store: &dyn Store) {
    let all = fill(store, 120);
    let base = Page::default();
    let text = |text: &str| Some(text.to_owned());
    let release = Some(Digest::of("release a/x 1"));
    let pages = [
        base.clone(),
        Page { application: text("a"), ..base.clone() },
        Page { environment: text("x"), outcome: Some(Ended::Failed), ..base.clone() },
        Page { application: text("a"), environment: text("x"), actor: text("actor-2"), ..base.clone() },
        Page { outcome: Some(Ended::Cancelled), ..base.clone() },
        Page { cause: Some(Cause::Drift), actor: text("actor-4"), ..base.clone() },
        Page { cause: Some(Cause::Redeploy), ..base.clone() },
        Page { actor: text("nobody"), ..base.clone() },
        Page { object: text("object-7"), ..base.clone() },
        Page { object: text("object-7"), environment: text("x"), since: Some(200), ..base.clone() },
        Page { object: text("none"), ..base.clone() },
        Page { release, ..base.clone() },
        Page { release, outcome: Some(Ended::Succeeded), ..base.clone() },
        Page { since: Some(300), until: Some(600), ..base.clone() },
        Page { until: Some(0), ..base.clone() },
        Page { since: Some(1_190), ..base.clone() },
        Page { since: Some(5_000), ..base.clone() },
        Page { application: text("b"), since: Some(100), until: Some(900), cause: Some(Cause::Run), ..base.clone() },
    ];
    for page in pages {
        let is_wanted = |(sealed, touched): &&(Sealed, Vec<String>)| {
            page.wants(&sealed.record) && page.object.as_ref().is_none_or(|object| touched.contains(object))
        };
        let expected: Vec<_> = all.iter().filter(is_wanted).map(|(sealed, _)| sealed.clone()).collect();
        assert_eq!(store.history(&page).unwrap().records, expected, "{page:?}");
        for limit in [1, 3, 50, 1_000] {
            assert_eq!(leaf(store, &page, limit), expected, "{limit} of {page:?}");
        }
    }
}

fn a_cursor_stays_good(store: &dyn Store) {
    let all: Vec<_> = fill(store, 20).into_iter().map(|(sealed, _)| sealed).collect();
    let first = store.history(&Page { limit: 5, ..Page::default() }).unwrap();
    assert_eq!(first.records, all[..5]);
    fill(store, 3);
    let next = Page { after: first.next, limit: 5, ..Page::default() };
    assert_eq!(store.history(&next).unwrap().records, all[5..10]);
    let exact = store.history(&Page { limit: 23, ..Page::default() }).unwrap();
    assert_eq!((exact.records.len(), exact.next), (23, None), "nothing is left");
    for (after, count) in [(0, 0), (1, 0), (2, 1), (u64::MAX, 23)] {
        let page = Page { after: Some(Cursor(after)), ..Page::default() };
        assert_eq!(store.history(&page).unwrap().records.len(), count, "after {after}");
    }
}

fn records_are_found_by_place_and_hash(store: &dyn Store) {
    let all = fill(store, 60);
    let place = sample::place("a", "x");
    let mut chain: Vec<_> =
        all.iter().map(|(sealed, _)| sealed).filter(|sealed| sealed.record.place == place).cloned().collect();
    chain.reverse();
    assert_eq!(store.chain(&place, 1, 0).unwrap(), chain);
    assert_eq!(store.chain(&place, 0, 2).unwrap(), chain[..2]);
    assert_eq!(store.chain(&place, 4, 3).unwrap(), chain[3..6]);
    assert!(store.chain(&place, chain.len() as u64 + 1, 1).unwrap().is_empty());
    assert!(store.chain(&sample::place("none", "x"), 1, 0).unwrap().is_empty());
    for (sealed, _) in &all {
        let hex = sealed.hash.hex();
        assert_eq!(store.sealed(&hex).unwrap(), std::slice::from_ref(sealed));
        for length in [0, 1, 3] {
            let starts = |(other, _): &&(Sealed, _)| other.hash.hex().starts_with(&hex[..length]);
            let expected: Vec<_> = all.iter().filter(starts).map(|(sealed, _)| sealed.clone()).collect();
            assert_eq!(store.sealed(&hex[..length]).unwrap(), expected);
        }
    }
    assert!(store.sealed("x").unwrap().is_empty());
}

fn finish(store: &dyn Store, place: &Place, started: i64, seed: &str, outcome: Outcome) -> Sealed {
    let run = begin(store, &place.application, started);
    let mut finish = sample::finish(place, &run, seed);
    finish.record.outcome = outcome;
    finish.touched = vec![format!("object-{seed}")];
    store.finish(finish).unwrap()
}

fn failed() -> Outcome {
    Outcome::Failed { stage: Stage::Apply, message: "no".into() }
}

fn records(keep_records: u64) -> Retention {
    Retention { keep_records: Some(keep_records), keep_days: None }
}

fn holds(store: &dyn Store) {
    for chain in store.verify().unwrap() {
        assert_eq!(chain.broken, None, "{}", chain.place);
        assert_eq!(chain.anchor, store.anchor(&chain.place).unwrap());
    }
}

fn retention_is_off_unless_it_is_set(store: &dyn Store) {
    let all = fill(store, 30);
    assert!(store.compact(Retention::default(), i64::MAX, false).unwrap().is_empty());
    assert_eq!(store.history(&Page::default()).unwrap().records.len(), all.len());
}

fn retention_removes_the_oldest_records_only(store: &dyn Store) {
    let all = fill(store, 150);
    let would = store.compact(records(5), 99, true).unwrap();
    assert_eq!(store.history(&Page::default()).unwrap().records.len(), all.len(), "it only said so");
    let done = store.compact(records(5), 99, false).unwrap();
    assert_eq!(done, would);
    let left: Vec<_> = store.history(&Page::default()).unwrap().records;
    let gone: BTreeSet<_> = done.iter().map(|one| one.place.clone()).collect();
    assert_eq!(gone.len(), 4);
    let mut expected = Vec::new();
    for (sealed, _) in &all {
        let anchor = &done.iter().find(|one| one.place == sealed.record.place).unwrap().anchor;
        if sealed.record.sequence > anchor.sequence {
            expected.push(sealed.clone());
        } else if sealed.record.sequence == anchor.sequence {
            assert_eq!((anchor.hash, anchor.at, anchor.policy), (sealed.hash, 99, records(5)));
        }
    }
    assert_eq!(left, expected);
    assert!(left.len() < 40, "{}", left.len());
    assert_eq!(done.iter().map(|one| one.records).sum::<u64>() as usize + left.len(), all.len());
    holds(store);
    // Every way to a record leads to those that are left, and to no other.
    for (sealed, touched) in &all {
        let is_left = expected.contains(sealed);
        assert_eq!(store.sealed(&sealed.hash.hex()).unwrap().len(), usize::from(is_left));
        for object in touched {
            let page = Page { object: Some(object.clone()), ..Page::default() };
            assert_eq!(store.history(&page).unwrap().records.contains(sealed), is_left, "{object}");
        }
    }
    assert_eq!(leaf(store, &Page::default(), 7), expected);
    assert!(store.compact(records(5), 100, false).unwrap().is_empty(), "nothing is left to do");

    let more: Vec<_> = fill(store, 40).into_iter().map(|(sealed, _)| sealed).collect();
    assert_eq!(store.history(&Page { limit: 40, ..Page::default() }).unwrap().records, more);
    let again = store.compact(records(5), 101, false).unwrap();
    assert_eq!(again.len(), 4);
    holds(store);
    assert!(store.history(&Page::default()).unwrap().records.len() < 40);
    let place = sample::place("a", "x");
    let anchor = store.anchor(&place).unwrap().unwrap();
    assert_eq!(store.chain(&place, 0, 1).unwrap()[0].record.previous, anchor.hash);
}

fn a_release_goes_with_the_last_record_that_names_it(store: &dyn Store) {
    let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
    for (at, seed) in ["old", "again", "pinned", "approved", "again", "last"].into_iter().enumerate() {
        finish(store, &live, at as i64, seed, Outcome::Succeeded);
    }
    let run = begin(store, "shop", 9);
    let mut promoted = sample::finish(&staging, &run, "promoted");
    promoted.record.from = Some(Digest::of("release old"));
    store.finish(promoted.clone()).unwrap();
    let said = || ("somebody".to_owned(), String::new());
    store
        .set_standing(&live, &mut |standing| {
            let (by, why) = said();
            standing.pin = Some(Pin { release: Digest::of("release pinned"), by, why, at: 0 });
        })
        .unwrap();
    store
        .set_standing(&staging, &mut |standing| {
            let (by, why) = said();
            standing.approvals = vec![Approval { release: Digest::of("release approved"), by, why, at: 0 }];
        })
        .unwrap();
    let known = |seed: &str| store.releases(None, &Digest::of(format!("release {seed}")).hex()).unwrap().len();

    let done = store.compact(records(2), 99, false).unwrap();
    assert_eq!(done.iter().map(|one| (one.records, one.releases)).collect::<Vec<_>>(), [(4, 0)]);
    for seed in ["old", "again", "pinned", "approved", "last", "promoted"] {
        assert_eq!(known(seed), 1, "{seed} is named");
    }
    store.compact(records(1), 99, false).unwrap();
    assert_eq!((known("again"), known("last")), (0, 1));

    // The record that came of it goes.
    store.finish(sample::finish(&staging, &begin(store, "shop", 10), "next")).unwrap();
    let done = store.compact(records(1), 99, false).unwrap();
    assert_eq!(done.iter().map(|one| one.releases).sum::<u64>(), 2);
    assert_eq!((known("old"), known("promoted"), known("next")), (0, 0, 1));
    let roots = store.roots().unwrap();
    assert!(!roots.objects.contains(&Digest::of("objects old")));
    assert!(roots.objects.contains(&Digest::of("objects pinned")));
    holds(store);
}

fn a_release_that_git_is_to_be_told_of_stays(store: &dyn Store) {
    let live = sample::place("shop", "live");
    let untold = sample::finish(&live, &begin(store, "shop", 0), "untold");
    store.finish(Finish { tells: Some(RecordIn::Notes), ..untold }).unwrap();
    for (at, seed) in ["next", "last"].into_iter().enumerate() {
        finish(store, &live, 1 + at as i64, seed, Outcome::Succeeded);
    }
    let done = store.compact(records(1), 99, false).unwrap();
    assert_eq!(done.iter().map(|one| (one.records, one.releases)).collect::<Vec<_>>(), [(2, 1)]);
    let release = store.outgoing(None).unwrap()[0].release;
    assert_eq!(store.releases(None, &release.hex()).unwrap().len(), 1);
}

fn days_and_records_both_have_to_let_go(store: &dyn Store) {
    let place = sample::place("shop", "live");
    // The third began before the second, by its clock: what comes before a new one may go, no more.
    for (at, day) in [0, 10, 1, 11, 12, 13].into_iter().enumerate() {
        finish(store, &place, day * DAY, &at.to_string(), Outcome::Succeeded);
    }
    finish(store, &sample::place("shop", "other"), 20 * DAY, "newest", Outcome::Succeeded);
    // A clock that is years ahead makes nothing older than it is to the newest record.
    let left = |policy: Retention| {
        let [done, ahead] = [20, 2_000].map(|day| store.compact(policy, day * DAY, true).unwrap());
        let records = |done: &[Compacted]| done.first().map_or(0, |one| one.records);
        assert_eq!(records(&done), records(&ahead));
        6 - records(&done)
    };
    let days = |days| Retention { keep_days: Some(days), keep_records: None };
    assert_eq!(left(days(30)), 6);
    assert_eq!(left(days(15)), 5);
    assert_eq!(left(days(9)), 3, "what began when it may just stay, stays");
    assert_eq!(left(days(0)), 1);
    assert_eq!(left(Retention { keep_days: Some(0), keep_records: Some(4) }), 4);
    assert_eq!(left(Retention { keep_days: Some(15), keep_records: Some(1) }), 5);
    assert_eq!(left(days(u32::MAX)), 6);
}

fn the_newest_success_is_never_removed(store: &dyn Store) {
    let (live, never) = (sample::place("shop", "live"), sample::place("shop", "never"));
    finish(store, &live, 0, "old", Outcome::Succeeded);
    finish(store, &live, 1, "good", Outcome::Succeeded);
    for at in 2..9 {
        finish(store, &live, at, &format!("bad {at}"), failed());
        finish(store, &never, at, &format!("never {at}"), failed());
    }
    let policy = Retention { keep_days: Some(0), keep_records: Some(0) };
    let done = store.compact(policy, i64::MAX, false).unwrap();
    assert_eq!(done.iter().map(|one| (one.place.clone(), one.records)).collect::<Vec<_>>(), [(live.clone(), 1)]);
    let left = store.chain(&live, 0, 0).unwrap();
    assert_eq!((left[0].record.sequence, left.len()), (2, 8));
    assert_ne!(left[0].record.previous, GENESIS);
    assert_eq!(store.chain(&never, 0, 0).unwrap().len(), 7);
    // What comes back when a sync fails is the newest after which everything was healthy.
    let run = begin(store, "shop", 10);
    let mut healthy = sample::finish(&live, &run, "healthy");
    healthy.record.healthy = Some(true);
    let healthy = store.finish(healthy).unwrap();
    for at in 11..14 {
        finish(store, &live, at, &format!("not waited for {at}"), Outcome::Succeeded);
    }
    store.compact(policy, i64::MAX, false).unwrap();
    assert_eq!(store.chain(&live, 0, 0).unwrap()[0], healthy);
    holds(store);
}
