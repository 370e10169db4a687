//! Plain data to test with, made from a few words.

use std::collections::BTreeMap;
use std::time::Duration;

use springline_model::Digest;
use springline_model::call::CallKey;
use springline_model::capability::Used;
use springline_model::history::{Counts, GENESIS, Outcome, Record};
use springline_model::plugin::{Kind, Pinned};
use springline_model::port::Finish;
use springline_model::run::{Cause, How, Kept, Output, Place, Release, Run, RunState, Stage, StepRecord, Timestamp};

/// A place.
pub fn place(application: &str, environment: &str) -> Place {
    Place { application: application.into(), environment: environment.into() }
}

/// A plugin of this name, with a digest of its own.
pub fn plugin(name: &str) -> Pinned {
    Pinned { name: name.into(), digest: Digest::of(format!("plugin {name}")) }
}

/// A run of this application that has just begun; its number is the store's to give.
pub fn run(application: &str, started: Timestamp) -> Run {
    Run {
        number: 0,
        application: application.into(),
        cause: Cause::Run,
        actor: "somebody@somewhere".into(),
        revision: "0123456789abcdef0123456789abcdef01234567".into(),
        started,
        ended: None,
        state: RunState::Running,
        reached: None,
        error: None,
        steps: Vec::new(),
    }
}

/// An executed step, with a log of its own.
pub fn step(name: &str) -> StepRecord {
    StepRecord {
        name: name.into(),
        plugin: plugin("step-sample"),
        how: How::Executed("not made before with this plugin and config".into()),
        summary: "3 pages".into(),
        took: Duration::from_micros(1_234),
        log: Some(Digest::of(format!("log of {name}"))),
        used: Used::default(),
        output: None,
    }
}

/// How a run ended well.
pub fn ended(mut run: Run, at: Timestamp) -> Run {
    run.ended = Some(at);
    run.state = RunState::Succeeded;
    run.reached = Some((None, Stage::Record));
    run
}

/// What happened in a run at a place, as it is before the store seals it.
pub fn record(place: &Place, run: &Run) -> Record {
    Record {
        sequence: 0,
        previous: GENESIS,
        place: place.clone(),
        run: run.number,
        started: run.started,
        took: Duration::from_millis(1_500),
        cause: run.cause.clone(),
        actor: run.actor.clone(),
        revision: run.revision.clone(),
        release: None,
        plugins: vec![plugin("render-sample"), plugin("target-sample")],
        used: Used::default(),
        counts: Counts { created: 2, ..Counts::default() },
        changes: Some(Digest::of(format!("changes of {} at {place}", run.number))),
        inventory: None,
        outcome: Outcome::Succeeded,
        stages: vec![(Stage::Plan, Duration::from_millis(3)), (Stage::Apply, Duration::from_millis(7))],
        note: None,
        from: None,
        healthy: Some(false),
        resumed: false,
    }
}

/// A release of a run at a place; `seed` tells it from others.
pub fn release(place: &Place, run: &Run, seed: &str) -> Release {
    Release {
        id: Digest::of(format!("release {seed}")),
        application: place.application.clone(),
        environment: place.environment.clone(),
        revision: run.revision.clone(),
        artifacts: BTreeMap::from([("site".into(), Digest::of(format!("artifact {seed}")))]),
        manifest: Digest::of(format!("manifest {seed}")),
        objects: Digest::of(format!("objects {seed}")),
        plugins: vec![plugin("render-sample"), plugin("step-sample")],
        target: "somewhere".into(),
        target_plugin: plugin("target-sample"),
        target_with: serde_json::Map::new(),
        sync: springline_model::application::Sync::default(),
        used: Used::default(),
        run: run.number,
        at: run.started,
    }
}

/// The end of a run that made a release and an inventory of its own.
pub fn finish(place: &Place, run: &Run, seed: &str) -> Finish {
    let release = release(place, run, seed);
    let inventory = Digest::of(format!("inventory {seed}"));
    let mut record = record(place, run);
    record.release = Some(release.id);
    record.inventory = Some(inventory);
    let run = ended(run.clone(), run.started + 1_500);
    let at = run.started + 1_500;
    Finish { run, record, release: Some(release), inventory: Some(inventory), touched: Vec::new(), tells: None, at }
}

/// The key of a call of a plugin.
pub fn key(name: &str) -> CallKey {
    CallKey::new(Kind::BuildStep, "0.1", &plugin(name).digest, "{}")
}

/// A kept result; `seed` tells it from others of the same key.
pub fn kept(key: CallKey, seed: &str, at: Timestamp) -> Kept {
    Kept {
        key,
        context: BTreeMap::from([("revision".into(), Digest::of("r"))]),
        trace: Digest::of(format!("trace {seed}")),
        output: Output::Tree(Digest::of(format!("output {seed}"))),
        summary: "3 pages".into(),
        log: Digest::of(format!("log {seed}")),
        run: 1,
        at,
        took: Duration::from_millis(12),
    }
}
