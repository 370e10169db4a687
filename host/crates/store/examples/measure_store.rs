//! Measures the store: how long a page of a long history takes, and a run of many steps. Prints JSON.
//!
//! `measure_store history DIR RECORDS` fills a state, if there is none, and times pages; `measure_store run DIR STEPS`
//! times what is written of a run after each of its environments.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use springline_model::history::{Ended, Outcome};
use springline_model::port::{Cursor, Page, Store};
use springline_model::run::{Cause, Stage};
use springline_store::SledStore;
use springline_testkit::sample;

/// How often a page is read.
const ROUNDS: usize = 25;
/// How many records a page has.
const LIMIT: usize = 50;
const APPLICATIONS: u64 = 100;
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
/// How often what was deployed is repaired before the next release comes.
const REPAIRS: u64 = 7;
/// How often a page may look in vain, as the program asks.
const LOOKS: u64 = 2_000;
/// Of so many records one is rare.
const RARE: u64 = 10_000;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, directory, number] = arguments.as_slice() else { panic!("history|run DIR NUMBER") };
    let (directory, number) = (Path::new(directory), number.parse().unwrap());
    let measured = match what.as_str() {
        "history" => history(directory, number),
        "run" => run(directory, number),
        other => panic!("{other}"),
    };
    println!("{measured:#}");
}

fn history(directory: &Path, records: u64) -> Value {
    let began = Instant::now();
    if !directory.join("version").exists() {
        let store = SledStore::open(directory).unwrap();
        store
            .fill(records, |at| {
                let place = sample::place(&format!("app-{}", at % APPLICATIONS), ENVIRONMENTS[(at / 7 % 3) as usize]);
                let mut run = sample::run(&place.application, at as i64 * 1_000);
                // A long history is one of repairs for the most part.
                let round = at / (APPLICATIONS * ENVIRONMENTS.len() as u64);
                run.cause = if round.is_multiple_of(REPAIRS + 1) { Cause::Run } else { Cause::Drift };
                let mut finish = sample::finish(&place, &run, &format!("{place} {}", round / (REPAIRS + 1)));
                finish.touched = vec![format!("object-{}", at % 1_000)];
                // Half of all records each, and none in common.
                finish.record.actor = if at.is_multiple_of(2) { "alice@somewhere" } else { "bob@somewhere" }.into();
                if !at.is_multiple_of(2) {
                    finish.record.outcome = Outcome::Cancelled { stage: Stage::Health };
                }
                if at % RARE == 5 {
                    finish.record.actor = "rare@somewhere".into();
                    finish.record.outcome = Outcome::Failed { stage: Stage::Apply, message: "no".into() };
                    finish.touched.push("rare".into());
                }
                finish
            })
            .unwrap();
    }
    let filled = began.elapsed();
    let opening = Instant::now();
    let store = SledStore::open(directory).unwrap();
    let opened = opening.elapsed();
    let base = Page { limit: LIMIT, looks: Some(LOOKS), ..Page::default() };
    let text = |text: &str| Some(text.to_owned());
    let middle = records as i64 / 2 * 1_000;
    let in_vain = Page { actor: text("alice@somewhere"), outcome: Some(Ended::Cancelled), ..base.clone() };
    let pages = [
        ("what two filters that have nothing in common look through at once", in_vain.clone()),
        ("newest", base.clone()),
        ("in the middle", Page { after: Some(Cursor(records / 2)), ..base.clone() }),
        ("of an application", Page { application: text("app-42"), ..base.clone() }),
        ("of a place", Page { application: text("app-42"), environment: text("production"), ..base.clone() }),
        (
            "of an environment, in the middle",
            Page { environment: text("staging"), after: Some(Cursor(records / 2)), ..base.clone() },
        ),
        ("failed, which is rare", Page { outcome: Some(Ended::Failed), ..base.clone() }),
        ("of a rare actor", Page { actor: text("rare@somewhere"), ..base.clone() }),
        ("of an object", Page { object: text("object-77"), ..base.clone() }),
        ("of a rare object", Page { object: text("rare"), ..base.clone() }),
        (
            "of a rare object in an environment",
            Page { object: text("rare"), environment: text("production"), ..base.clone() },
        ),
        (
            "of an object and an application that it is not in",
            Page { object: text("object-77"), application: text("app-42"), ..base.clone() },
        ),
        ("of an hour long ago", Page { since: Some(middle), until: Some(middle + 3_600_000), ..base.clone() }),
    ];
    let mut measured = Vec::new();
    for (name, page) in pages {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            found = store.history(&page).unwrap().records.len();
            times.push(began.elapsed());
        }
        let first = times[0];
        times.sort_unstable();
        measured.push(json!({
            "page": name, "records": found, "milliseconds": milliseconds(times[ROUNDS / 2]),
            "first-milliseconds": milliseconds(first),
        }));
    }
    let began = Instant::now();
    assert!(in_vain.read(&store, |_| true).unwrap().records.is_empty());
    let vain = milliseconds(began.elapsed());
    json!({
        "records": records, "in-vain-milliseconds": vain, "filled-seconds": filled.as_secs_f64(), "open-milliseconds": milliseconds(opened),
        "pages": measured,
    })
}

fn run(directory: &Path, steps: u64) -> Value {
    let store = SledStore::open(directory).unwrap();
    let mut run = sample::run("shop", 0);
    run.number = store.begin(&run).unwrap();
    run.steps = (0..steps).map(|at| Arc::new(sample::step(&format!("artifact-{at}/step")))).collect();
    store.checkpoint(&run).unwrap();
    let mut times = Vec::new();
    for at in 0..ROUNDS {
        run.steps.push(Arc::new(sample::step(&format!("environment-{at}/render"))));
        let place = sample::place("shop", &format!("environment-{at}"));
        let mut finish = sample::finish(&place, &run, &at.to_string());
        let began = Instant::now();
        finish.run = run.clone();
        store.checkpoint(&run).unwrap();
        store.intend(&run, &place, &finish.inventory.unwrap()).unwrap();
        store.finish(finish).unwrap();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    json!({ "steps": steps, "environment-milliseconds": milliseconds(times[ROUNDS / 2]) })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
