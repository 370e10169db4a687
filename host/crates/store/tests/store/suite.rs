//! The shared suite, and what has to be the same after opening the state again.

use springline_model::Digest;
use springline_model::port::Store;
use springline_store::SledStore;
use springline_testkit::{sample, store_suite};

use crate::run_once;

#[test]
fn a_store_on_disk_passes_the_suite() {
    let root = tempfile::tempdir().unwrap();
    let made = std::cell::Cell::new(0);
    let directory = |number: i32| root.path().join(number.to_string());
    store_suite(|| {
        made.set(made.get() + 1);
        Box::new(SledStore::open(&directory(made.get())).unwrap())
    });
    for number in 1..=made.get() {
        let spilled = directory(number).join("db/blobs").read_dir().unwrap().count();
        assert_eq!(spilled, 0, "the engine put something into files that it never syncs");
    }
}

#[test]
fn everything_is_there_again_after_opening_it_again() {
    let root = tempfile::tempdir().unwrap();
    let places = [sample::place("shop", "live"), sample::place("shop", "staging")];
    let mut store = SledStore::open(root.path()).unwrap();
    let mut history = Vec::new();
    let mut before = String::new();
    for at in 0..30 {
        history.insert(0, run_once(&store, &places[at as usize % 2], at));
        let kept = sample::kept(sample::key("step"), &at.to_string(), at);
        store.keep(&Digest::of([at as u8]), &kept).unwrap();
        if at % 7 == 0 {
            before = everything(&store);
            drop(store);
            store = SledStore::open(root.path()).unwrap();
            assert_eq!(everything(&store), before);
        }
    }
    assert_eq!(store.history(&Default::default()).unwrap().records, history);
    assert!(!before.is_empty());
    assert!(store.verify().unwrap().iter().all(|chain| chain.records == 15 && chain.broken.is_none()));
}

/// All that a store gives out, as one text.
pub fn everything(store: &dyn Store) -> String {
    try_everything(store).unwrap()
}

/// As [`everything`], or why it can't be given.
pub fn try_everything(store: &dyn Store) -> Result<String, springline_model::port::StoreError> {
    let mut kept = store.all_kept()?;
    kept.sort_by_key(|kept| kept.at);
    Ok(format!(
        "{:#?}",
        (
            store.runs(0)?,
            store.unfinished()?,
            store.places()?.iter().map(|place| store.inventory(place)).collect::<Result<Vec<_>, _>>()?,
            store.releases(None, "")?,
            store.history(&Default::default())?.records,
            store.verify()?,
            kept,
            store.kept(&sample::key("step"))?,
        )
    ))
}
