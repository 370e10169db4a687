//! What every [`Store`] must pass: the history.

use springline_model::Digest;
use springline_model::history::{GENESIS, Outcome, Sealed, seal};
use springline_model::port::{Page, Store};
use springline_model::run::{Place, Stage};

use super::store::begin;
use crate::sample;

pub(super) fn suite(make: &impl Fn() -> Box<dyn Store>) {
    records_form_a_chain_per_place(&*make());
    history_is_paged_newest_first(&*make());
    a_chain_follows_its_own_order_whatever_the_clock_says(&*make());
    any_text_survives(&*make());
    finishing_in_parallel_leaves_whole_chains(&*make());
}

fn finish(store: &dyn Store, place: &Place, started: i64) -> Sealed {
    let run = begin(store, &place.application, started);
    store.finish(sample::finish(place, &run, &format!("{place} {started}"))).unwrap()
}

fn records_form_a_chain_per_place(store: &dyn Store) {
    let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
    let first = finish(store, &live, 1);
    let other = finish(store, &staging, 2);
    let second = finish(store, &live, 3);
    assert_eq!((first.record.sequence, first.record.previous), (1, GENESIS));
    assert_eq!((other.record.sequence, other.record.previous), (1, GENESIS));
    assert_eq!((second.record.sequence, second.record.previous), (2, first.hash));
    for sealed in [&first, &other, &second] {
        assert_eq!(seal(&sealed.record), sealed.hash);
    }

    let verified = store.verify().unwrap();
    let found: Vec<_> = verified.iter().map(|v| (v.place.clone(), v.records, v.head, v.broken.clone())).collect();
    assert_eq!(found, [(live, 2, second.hash, None), (staging, 1, other.hash, None)]);
}

fn history_is_paged_newest_first(store: &dyn Store) {
    let places = [("a", "x"), ("a", "y"), ("b", "x"), ("ab", "x")].map(|(a, e)| sample::place(a, e));
    let mut expected = Vec::new();
    for at in 0..40 {
        expected.insert(0, finish(store, &places[at * 7 % 4], at as i64));
    }
    let history = |application: Option<&str>, environment: Option<&str>, limit| {
        let page = Page {
            application: application.map(Into::into),
            environment: environment.map(Into::into),
            limit,
            ..Page::default()
        };
        store.history(&page).unwrap().records
    };
    let of = |wanted: &dyn Fn(&Place) -> bool| -> Vec<_> {
        expected.iter().filter(|sealed| wanted(&sealed.record.place)).cloned().collect()
    };
    assert_eq!(history(None, None, 0), expected);
    assert_eq!(history(None, None, 3), expected[..3]);
    assert_eq!(history(Some("a"), None, 0), of(&|place| place.application == "a"));
    assert_eq!(history(None, Some("x"), 4), of(&|place| place.environment == "x")[..4]);
    assert_eq!(history(Some("a"), Some("y"), 0), of(&|place| *place == places[1]));
    assert_eq!(history(Some("a"), Some("y"), 2), of(&|place| *place == places[1])[..2]);
    assert!(history(Some("none"), None, 0).is_empty());
    assert!(history(Some("a"), Some("none"), 0).is_empty());
}

fn a_chain_follows_its_own_order_whatever_the_clock_says(store: &dyn Store) {
    let place = sample::place("shop", "live");
    let sealed: Vec<_> = [5_000, 1_000, 3_000].into_iter().map(|started| finish(store, &place, started)).collect();
    let newest_first: Vec<_> = sealed.into_iter().rev().collect();
    assert_eq!(store.history(&Page::default()).unwrap().records, newest_first);
    assert_eq!(store.verify().unwrap()[0].broken, None);
}

fn any_text_survives(store: &dyn Store) {
    let place = sample::place("shop", "live");
    let run = begin(store, "shop", -1);
    let mut finish = sample::finish(&place, &run, "text");
    finish.record.actor = "ü\"\\\u{0}\u{1f}\u{2028}\n😀".into();
    finish.record.outcome = Outcome::Failed { stage: Stage::Apply, message: "no\n".repeat(100_000) };
    finish.record.changes = None;
    let sealed = store.finish(finish).unwrap();
    assert_eq!(store.history(&Page::default()).unwrap().records, std::slice::from_ref(&sealed));
    let verified = store.verify().unwrap();
    assert_eq!((verified[0].head, &verified[0].broken), (sealed.hash, &None));
}

fn finishing_in_parallel_leaves_whole_chains(store: &dyn Store) {
    let places = [sample::place("shop", "live"), sample::place("shop", "staging")];
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let place = &places[worker % 2];
            scope.spawn(move || {
                for at in 0..10 {
                    finish(store, place, (worker * 100 + at) as i64);
                    store.keep(&Digest::of([worker as u8]), &sample::kept(sample::key("k"), "k", 0)).unwrap();
                }
            });
        }
    });
    let verified = store.verify().unwrap();
    assert_eq!(verified.iter().map(|v| (v.records, v.broken.clone())).collect::<Vec<_>>(), [(20, None), (20, None)]);
    let mut numbers: Vec<_> = store.runs(0).unwrap().into_iter().map(|run| run.number).collect();
    numbers.reverse();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    assert!(store.unfinished().unwrap().is_empty());
}
