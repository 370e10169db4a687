//! Kills at random times: nothing acknowledged is lost.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use springline_model::Digest;
use springline_model::port::Store;
use springline_store::SledStore;
use springline_testkit::sample;

use crate::{Random, run_once};

/// Where the victim has its state.
const DIRECTORY: &str = "SPRINGLINE_STORE_CRASH_IN";
/// After how many runs it ends by itself.
const RUNS: &str = "SPRINGLINE_STORE_CRASH_AFTER";
const VICTIM: [&str; 4] = ["crash::finish_until_killed", "--exact", "--nocapture", "--test-threads=1"];
const ROUNDS: usize = 20;

/// The victim: without the variable it does nothing.
#[test]
fn finish_until_killed() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let store = SledStore::open_as(&directory, "run").unwrap();
    let places = [sample::place("shop", "live"), sample::place("shop", "staging")];
    let before = store.runs(1).unwrap().first().map_or(0, |run| run.number as i64);
    let runs = env::var(RUNS).map_or(i64::MAX, |runs| runs.parse().unwrap());
    for at in before..before.saturating_add(runs) {
        let sealed = run_once(&store, &places[at as usize % 2], at);
        store.keep(&Digest::of(at.to_le_bytes()), &sample::kept(sample::key("step"), &at.to_string(), at)).unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "done {} {} {}", sealed.record.place, sealed.record.sequence, sealed.hash).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let mut random = Random::seeded("kills");
    let mut total = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(VICTIM)
            .env(DIRECTORY, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut done = Vec::new();
        // Every other one from the start on, which is while it opens the state; the others from the
        // end of its first run on.
        if round % 2 == 1 {
            done.extend(lines.by_ref().find(|line| line.contains("done ")));
        }
        thread::sleep(Duration::from_micros(random.below(60_000)));
        child.kill().unwrap();
        done.extend(lines);
        child.wait().unwrap();

        let store = SledStore::open(root.path()).unwrap();
        let history = store.history(&Default::default()).unwrap().records;
        assert!(store.verify().unwrap().iter().all(|chain| chain.broken.is_none()), "round {round}");
        for line in &done {
            // The test harness writes its own words in front of the first line.
            let Some((_, done)) = line.split_once("done ") else { continue };
            let is_it = |sealed: &&springline_model::history::Sealed| {
                format!("{} {} {}", sealed.record.place, sealed.record.sequence, sealed.hash) == done
            };
            let sealed = history.iter().find(is_it).unwrap_or_else(|| panic!("round {round}: {done} is lost"));
            let run = store.run(sealed.record.run).unwrap().unwrap();
            assert!(run.ended.is_some() && run.steps.len() == 1, "round {round}: {run:?}");
            let release = sealed.record.release.unwrap();
            assert_eq!(store.releases(None, &release.hex()).unwrap().len(), 1, "round {round}");
            total += 1;
        }
        for (place, chain) in store.places().unwrap().iter().zip(store.verify().unwrap()) {
            let last = history.iter().find(|sealed| sealed.record.place == *place).unwrap();
            assert_eq!((last.record.sequence, last.hash), (chain.records, chain.head), "round {round}");
            assert!(store.inventory(place).unwrap().is_some(), "round {round}");
        }
        let unfinished = store.unfinished().unwrap();
        assert!(unfinished.len() <= round + 1, "round {round}: one a kill at most");
        println!("round {round}: {} records, {} unfinished", history.len(), unfinished.len());
    }
    assert!(total >= ROUNDS / 2, "every other round finishes a run at least");
}

/// Kills never test the disk: what a dead process wrote, the operating system still has. That it is
/// forced out before it is acknowledged shows in the system calls alone.
#[test]
fn the_database_is_synced_before_a_write_is_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let trace = root.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,write", "-o"])
        .arg(&trace)
        .arg(env::current_exe().unwrap())
        .args(VICTIM)
        .env(DIRECTORY, root.path().join("state"))
        .env(RUNS, "5")
        .output();
    if !traced.is_ok_and(|output| output.status.success()) {
        println!("skipped: system calls can't be traced here");
        return;
    }
    let (mut synced, mut acknowledged) = (0, 0);
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        if line.contains("fdatasync(") && line.contains("/db/db>") {
            synced += 1;
        } else if line.contains("\"done ") {
            assert!(synced >= 2, "an intent and a finish are a sync each: {line}");
            synced = 0;
            acknowledged += 1;
        }
    }
    assert_eq!(acknowledged, 5);
}
