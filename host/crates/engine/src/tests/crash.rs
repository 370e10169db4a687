//! Crashes, cancelling and full disks at every point.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use springline_model::history::Outcome;
use springline_model::port::{Store as _, StoreError};
use springline_model::run::RunState;

use super::{PLAIN, World, files};
use crate::event::Point;

/// A crash, in a test.
struct Crash;

#[test]
fn after_a_crash_at_any_point_the_next_run_goes_on_and_the_history_has_one_entry() {
    for point in PLAIN {
        let world = World::new();
        world.watcher.act_at(point, || resume_unwind(Box::new(Crash)));
        let crashed = catch_unwind(AssertUnwindSafe(|| world.run("r1", &files("x", "-", "a\nb"))));
        assert!(crashed.is_err(), "{point:?} was not passed");
        let executed = world.executions();
        world.watcher.calm();
        let report = world.run("r1", &files("x", "-", "a\nb")).unwrap();
        // Once the sync is recorded, the run has ended with it.
        let (number, records) = if point == Point::Recorded { (2, 2) } else { (1, 1) };
        assert_eq!(report.run.number, number, "{point:?}");
        let goes_on = point >= Point::Built && point < Point::Recorded;
        assert_eq!(world.watcher.resumed(), if goes_on { vec![1] } else { vec![] }, "{point:?}");
        assert_eq!(world.live.objects().len(), 2, "{point:?}");
        assert_eq!(world.live.writes(), ["a", "b"], "nothing is written twice: {point:?}");
        if point >= Point::Rendered {
            assert_eq!(world.executions(), executed, "nothing is executed twice: {point:?}");
        }
        assert_eq!(world.records().len(), records, "{point:?}");
        assert!(world.store.verify().unwrap().iter().all(|chain| chain.broken.is_none()));
        assert!(world.store.unfinished().unwrap().is_empty());
    }
}

#[test]
fn a_run_that_was_cut_off_is_closed_by_one_of_another_revision() {
    let world = World::new();
    world.watcher.act_at(Point::AppliedOne, || resume_unwind(Box::new(Crash)));
    let crashed = catch_unwind(AssertUnwindSafe(|| world.run("r1", &files("x", "-", "a\nb"))));
    assert!(crashed.is_err());
    world.watcher.calm();
    // b was never applied, and a was: what was intended is owned, so a is pruned.
    let report = world.run("r2", &files("x", "-", "c")).unwrap();
    assert_eq!(report.run.number, 2);
    assert_eq!(world.store.run(1).unwrap().unwrap().state, RunState::Interrupted);
    assert_eq!(world.live.objects().into_keys().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn asked_to_stop_it_records_what_was_done() {
    for point in [Point::Begun, Point::Built, Point::Rendered, Point::Planned, Point::AppliedOne, Point::Applied] {
        let world = World::new();
        let cancel = world.cancel.clone();
        world.watcher.act_at(point, move || cancel.cancel());
        let failure = *world.run("r1", &files("x", "-", "a\nb")).unwrap_err();
        assert_eq!(failure.0.to_string(), "cancelled", "{point:?}");
        assert_eq!(failure.1.run.state, RunState::Cancelled, "{point:?}");
        let records = world.records();
        if point >= Point::Rendered {
            assert!(matches!(records[0].outcome, Outcome::Cancelled { .. }), "{point:?}");
            assert_eq!(records[0].counts.created as usize, world.live.objects().len(), "{point:?}");
        }
        assert!(world.store.unfinished().unwrap().is_empty());
    }
}

#[test]
fn a_record_that_can_not_be_written_is_an_error_and_the_next_run_writes_it() {
    let world = World::new();
    world.store.fail_next("finish", StoreError::NoSpace("/state".into()));
    let failure = *world.run("r1", &files("x", "-", "a")).unwrap_err();
    assert_eq!(failure.0.to_string(), "no space left for the state in /state");
    assert!(world.records().is_empty());
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert_eq!(world.records().len(), 1);
    assert_eq!(world.live.writes(), ["a"]);
}

#[test]
fn blobs_are_durable_before_the_record() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert!(!world.blobs.is_unsynced());
    assert!(world.blobs.syncs() >= 2, "before the first apply and before the record");
}
