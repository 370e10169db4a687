//! Retention on disk: kills in the middle of it, damage, and states of an earlier Springline.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use springline_model::history::Retention;
use springline_model::port::{Page, Store};
use springline_store::SledStore;
use springline_testkit::sample;

use crate::Random;

/// Where the victim has its state.
const DIRECTORY: &str = "SPRINGLINE_STORE_COMPACT_IN";
const VICTIM: [&str; 4] = ["retention::compact_until_killed", "--exact", "--nocapture", "--test-threads=1"];
const ROUNDS: usize = 12;
/// More than are removed at once.
const RECORDS: i64 = 1_400;

fn fill(store: &SledStore, from: i64, count: i64) {
    let places = [sample::place("shop", "live"), sample::place("shop", "staging")];
    for at in from..from + count {
        let place = &places[at as usize % 2];
        let mut run = sample::run("shop", at);
        run.number = store.begin(&run).unwrap();
        let mut finish = sample::finish(place, &run, &format!("{place} {at}"));
        finish.touched = vec!["everywhere".into(), format!("object-{}", at % 10)];
        store.finish(finish).unwrap();
    }
}

fn keep(keep_records: u64) -> Retention {
    Retention { keep_records: Some(keep_records), keep_days: None }
}

/// Checks that every way through the history leads to the same records.
fn is_consistent(store: &SledStore, what: &str) -> usize {
    for chain in store.verify().unwrap() {
        assert_eq!(chain.broken, None, "{what}: {}", chain.place);
    }
    let all = store.history(&Page::default()).unwrap().records;
    let mut chains = Vec::new();
    for place in store.places().unwrap() {
        let chain = store.chain(&place, 0, 0).unwrap();
        let begins = store.anchor(&place).unwrap().map_or(1, |anchor| anchor.sequence + 1);
        assert_eq!(chain.first().map(|first| first.record.sequence), Some(begins), "{what}");
        chains.extend(chain);
    }
    assert_eq!(chains.len(), all.len(), "{what}");
    let page = Page { object: Some("everywhere".into()), ..Page::default() };
    assert_eq!(store.history(&page).unwrap().records, all, "{what}");
    for sealed in all.iter().step_by(50) {
        assert_eq!(store.sealed(&sealed.hash.hex()).unwrap().len(), 1, "{what}");
        let release = sealed.record.release.unwrap();
        assert_eq!(store.releases(None, &release.hex()).unwrap().len(), 1, "{what}: a release that is named is there");
    }
    all.len()
}

/// The victim: without the variable it does nothing.
#[test]
fn compact_until_killed() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let store = SledStore::open(&directory).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "ready").unwrap();
    out.flush().unwrap();
    store.compact(keep(3), 0, false).unwrap();
    writeln!(out, "done").unwrap();
}

#[test]
fn a_compaction_that_is_killed_leaves_a_history_that_holds() {
    let mut random = Random::seeded("killed compactions");
    let root = tempfile::tempdir().unwrap();
    let (mut cut_off, mut filled) = (0, 0);
    for round in 0..ROUNDS {
        let store = SledStore::open(root.path()).unwrap();
        let before = store.history(&Page::default()).unwrap().records.len() as i64;
        fill(&store, filled, (RECORDS - before).max(0));
        filled += (RECORDS - before).max(0);
        drop(store);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(VICTIM)
            .env(DIRECTORY, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.by_ref().any(|line| line.contains("ready")));
        thread::sleep(Duration::from_micros(random.below(150_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let left = is_consistent(&store, &format!("round {round}"));
        cut_off += usize::from(left > 6 && (left as i64) < RECORDS);
    }
    println!("{cut_off} of {ROUNDS} were cut off in the middle");
    let store = SledStore::open(root.path()).unwrap();
    store.compact(keep(3), 0, false).unwrap();
    assert_eq!(is_consistent(&store, "at last"), 6);
}

#[test]
fn a_compacted_history_goes_on_after_opening_it_again() {
    let root = tempfile::tempdir().unwrap();
    let store = SledStore::open(root.path()).unwrap();
    fill(&store, 0, 700);
    assert_eq!(store.compact(keep(5), 7, false).unwrap().len(), 2);
    drop(store);
    let store = SledStore::open(root.path()).unwrap();
    assert_eq!(is_consistent(&store, "opened again"), 10);
    fill(&store, 700, 20);
    assert_eq!(is_consistent(&store, "gone on"), 30);
    let page = Page { object: Some("object-3".into()), ..Page::default() };
    let numbers: Vec<_> =
        store.history(&page).unwrap().records.into_iter().map(|sealed| sealed.record.started).collect();
    assert_eq!(numbers, [713, 703, 693], "those that were removed are in no index");
    let database = root.path().join("db/blobs");
    assert_eq!(database.read_dir().unwrap().count(), 0, "nothing is in files that are never synced");
}

#[test]
fn runs_go_with_the_last_record_that_names_them() {
    let root = tempfile::tempdir().unwrap();
    let store = SledStore::open(root.path()).unwrap();
    let place = sample::place("shop", "live");
    let log = |at: i64| sample::step(&at.to_string()).log.unwrap();
    let mut numbers = Vec::new();
    for at in 0..6 {
        let mut run = sample::run("shop", at);
        run.number = store.begin(&run).unwrap();
        numbers.push(run.number);
        run.steps.push(std::sync::Arc::new(sample::step(&at.to_string())));
        match at {
            // One that is under way, and one that only built.
            1 => store.checkpoint(&run).unwrap(),
            2 => store.close(&sample::ended(run, at)).unwrap(),
            _ => drop(store.finish(sample::finish(&place, &run, &at.to_string())).unwrap()),
        }
    }
    // It is named by a record that stays as well.
    let mut again = sample::finish(&place, &store.run(numbers[3]).unwrap().unwrap(), "again");
    again.record.started = 9;
    store.finish(again).unwrap();
    store.compact(keep(2), 99, false).unwrap();
    let left: Vec<_> = store.runs(0).unwrap().into_iter().map(|run| run.number).collect();
    assert_eq!(left, [numbers[5], numbers[3], numbers[1]]);
    assert_eq!((store.run(numbers[0]).unwrap(), store.unfinished().unwrap().len()), (None, 1));
    let logs = store.roots().unwrap().blobs;
    assert!(!logs.contains(&log(0)) && !logs.contains(&log(2)) && logs.contains(&log(1)) && logs.contains(&log(3)));
    drop(store);
    let store = SledStore::open(root.path()).unwrap();
    assert_eq!(store.runs(2).unwrap().len(), 2);
    assert_eq!(store.runs(0).unwrap().len(), 3);
    assert_eq!(store.begin(&sample::run("shop", 9)).unwrap(), 7);
}
