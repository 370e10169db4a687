//! What becomes of a sync that failed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use springline_model::application::OnFailure;
use springline_model::history::Outcome;
use springline_model::manifest::{Cleanup, HealthStatus, Phase};
use springline_model::plugin::Fault;
use springline_model::port::Store as _;
use springline_model::run::{Cause, RunState, Stage};

use super::{World, files};
use crate::error::Reason;
use crate::event::Point;
use crate::heal::Healed;
use crate::redeploy::{Order, redeploy};
use crate::rollback::Aftermath;
use crate::run::{Failure, Report};
use crate::standing::{Obstacle, rolled_back};

/// One that rolls back, with a first release that is healthy.
fn world() -> World {
    let world = World::rolling_back();
    world.run("r1", &files("good", "-", "a\nb")).unwrap();
    world
}

fn fail(world: &World) -> Result<Report, Failure> {
    world.run("r2", &files("bad", "-", "a\nb\nc"))
}

fn push(world: &World, revision: &str, page: &str) -> Report {
    world.run_with(revision, &files(page, "-", "a\nb\nc"), |request| request.cause = &Cause::Push).unwrap()
}

fn causes(world: &World) -> Vec<Cause> {
    world.records().into_iter().map(|record| record.cause).collect()
}

fn is_back(world: &World) -> bool {
    let names: Vec<String> = world.live.objects().into_keys().collect();
    names == ["a", "b"] && world.text("a").unwrap() == "a: <GOOD>"
}

#[test]
fn what_was_healthy_comes_back_in_a_sync_of_its_own_in_the_same_run() {
    let world = world();
    let failure = *fail(&world).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Unhealthy { .. }), "{}", failure.0);
    assert!(is_back(&world));
    let Some(Aftermath::RolledBack { to }) = &failure.1.aftermath else { panic!("{:?}", failure.1.aftermath) };
    assert_eq!(to.revision, "r1");
    let [back, failed, first] = &world.records()[..] else { panic!() };
    assert!(first.is_good() && !failed.is_good() && back.is_good());
    assert!(matches!(failed.outcome, Outcome::Failed { stage: Stage::Health, .. }));
    assert_eq!((&back.cause, &back.outcome), (&Cause::Rollback, &Outcome::Succeeded));
    assert_eq!((back.run, failed.run, back.from, back.release), (2, 2, failed.release, first.release));
    assert_eq!(back.revision, "r1");
    let note = back.note.as_deref().unwrap();
    assert!(note.contains("failed at health: 1 of 3 live objects"), "{note}");
    let run = world.store.run(2).unwrap().unwrap();
    assert_eq!((run.state, run.error), (RunState::Failed, Some(failure.0.to_string())));
    assert!(world.store.unfinished().unwrap().is_empty());
    assert!(world.store.verify().unwrap().iter().all(|chain| chain.broken.is_none()));
}

#[test]
fn to_hold_is_to_leave_it_as_far_as_it_came() {
    let mut world = world();
    world.chain.environments[0].sync.on_failure = OnFailure::Hold;
    let failure = *fail(&world).unwrap_err();
    assert!(failure.1.aftermath.is_none());
    assert_eq!(world.text("a").unwrap(), "a: <BAD>");
    assert_eq!(causes(&world), [Cause::Run, Cause::Run]);
}

#[test]
fn without_anything_healthy_before_it_is_held() {
    let mut world = World::new();
    world.chain.environments[0].sync.on_failure = OnFailure::Rollback;
    world.live.judge_by(|_| Some(HealthStatus::Progressing));
    for revision in ["r1", "r2"] {
        let failure = *world.run(revision, &files(revision, "-", "a")).unwrap_err();
        assert!(matches!(failure.1.aftermath, Some(Aftermath::NothingBefore)));
        assert!(failure.1.run.ended.is_some());
    }
    assert_eq!(world.text("a").unwrap(), "a: <R2>");
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert_eq!(world.records().len(), 2);
}

#[test]
fn what_was_rolled_back_is_not_tried_again_by_itself_until_something_newer_comes() {
    let world = world();
    fail(&world).unwrap_err();
    for _ in 0..2 {
        let report = push(&world, "r2", "bad");
        let [(_, Obstacle::RolledBack(back))] = &report.skipped[..] else { panic!("{:?}", report.skipped) };
        assert_eq!((back.revision.as_str(), back.release), ("r2", world.release_of("r2").id));
        assert!(matches!(world.heal().unwrap(), Healed::InSync));
    }
    assert_eq!(world.records().len(), 3);
    // Somebody who asks is not kept from it.
    world.run_with("r2", &files("bad", "-", "a\nb\nc"), |request| request.cause = &Cause::Sync).unwrap_err();
    assert_eq!(causes(&world)[..2], [Cause::Rollback, Cause::Sync]);
    assert!(is_back(&world));
    // A repair in between lets nobody forget it.
    world.live.drift("b", world.body("edited"));
    world.heal().unwrap();
    assert_eq!(push(&world, "r2", "bad").skipped.len(), 1);
    assert_eq!(push(&world, "r3", "better").synced.len(), 1);
    assert_eq!(world.text("a").unwrap(), "a: <BETTER>");
    assert_eq!(rolled_back(world.ports(), &world.place()).unwrap(), None);
}

#[test]
fn an_apply_that_changed_something_is_rolled_back_and_one_that_did_not_is_not() {
    let world = world();
    world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    let failure = *world.run("r2", &files("other", "-", "a")).unwrap_err();
    assert!(failure.1.aftermath.is_none(), "{:?}", failure.1.aftermath);
    assert_eq!(causes(&world), [Cause::Run, Cause::Run]);
    world.live.fail("apply", "c", Fault::Failed { message: "no".into() });
    let failure = *world.run("r3", &files("third", "-", "a\nb\nc")).unwrap_err();
    assert!(matches!(failure.1.aftermath, Some(Aftermath::RolledBack { .. })));
    assert!(is_back(&world));
}

#[test]
fn one_that_was_stopped_is_not_rolled_back() {
    let world = world();
    let cancel = world.cancel.clone();
    world.watcher.act_at(Point::Applied, move || cancel.cancel());
    let failure = *fail(&world).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Cancelled) && failure.1.aftermath.is_none());
    assert_eq!(causes(&world), [Cause::Run, Cause::Run]);
}

#[test]
fn a_rollback_runs_no_hooks() {
    let world = world();
    for (name, phase) in [("before", Phase::Before), ("after", Phase::After), ("fails", Phase::Failure)] {
        world.live.set_hook(name, phase, 0, Cleanup { before_creation: true, ..Cleanup::default() });
    }
    world.run("r1", &files("good", "-", "a\nb\nbefore\nafter\nfails")).unwrap();
    world.run("r1b", &files("fine", "-", "a\nb\nbefore\nafter\nfails")).unwrap();
    world.applied();
    world.run("r2", &files("bad", "-", "a\nb\nbefore\nafter\nfails")).unwrap_err();
    let applied = world.applied();
    let made: Vec<&str> = applied.iter().map(String::as_str).collect();
    assert_eq!(
        made,
        ["delete before", "create before", "update a", "update b", "create fails", "update a", "update b"]
    );
    // And leaves none to be run.
    world.run("r1b", &files("fine", "-", "a\nb\nbefore\nafter\nfails")).unwrap();
    assert!(world.applied().is_empty());
}

#[test]
fn a_rollback_that_fails_holds_and_is_not_tried_again() {
    let world = world();
    let live = world.live.clone();
    let good = world.body("a: <GOOD>").digest().to_string();
    world.live.before_apply(move |change| {
        if change.after.as_ref() == Some(&good) {
            live.fail("apply", "a", Fault::Failed { message: "not again".into() });
        }
    });
    let failure = *fail(&world).unwrap_err();
    let Some(Aftermath::Failed { error, .. }) = &failure.1.aftermath else { panic!("{:?}", failure.1.aftermath) };
    assert!(error.to_string().contains("not again"), "{error}");
    assert!(matches!(failure.0.reason, Reason::Unhealthy { .. }), "what failed first is told: {}", failure.0);
    assert_eq!(causes(&world), [Cause::Rollback, Cause::Run, Cause::Run]);
    assert_eq!(push(&world, "r2", "bad").skipped.len(), 1);
    assert!(world.store.unfinished().unwrap().is_empty());
}

#[test]
fn a_release_that_can_not_come_back_is_told_and_recorded() {
    let world = world();
    world.blobs.damage(&world.release_of("r1").objects);
    let failure = *fail(&world).unwrap_err();
    assert!(matches!(failure.1.aftermath, Some(Aftermath::Failed { .. })), "{:?}", failure.1.aftermath);
    let [back, ..] = &world.records()[..] else { panic!() };
    assert_eq!(back.cause, Cause::Rollback);
    assert!(matches!(back.outcome, Outcome::Failed { stage: Stage::Plan, .. }));
    assert_eq!(push(&world, "r2", "bad").skipped.len(), 1);
}

#[test]
fn a_redeployment_is_rolled_back_unless_it_is_pinned() {
    for pin in [false, true] {
        let mut world = world();
        world.chain.environments[0].sync.on_failure = OnFailure::Hold;
        fail(&world).unwrap_err();
        world.run("r3", &files("better", "-", "a")).unwrap();
        world.chain.environments[0].sync.on_failure = OnFailure::Rollback;
        let environment = &world.chain.environments[0];
        let order = Order { actor: "ann@here", why: None, pin };
        let way = (&environment.target, &environment.sync);
        let failure = *redeploy(world.ports(), &world.release_of("r2"), way, order).unwrap_err();
        assert!(matches!(world.heal().unwrap(), Healed::InSync));
        match pin {
            true => assert!(matches!(failure.1.aftermath, Some(Aftermath::Pinned))),
            false => assert!(matches!(failure.1.aftermath, Some(Aftermath::RolledBack { .. }))),
        }
        assert_eq!(world.text("a").unwrap(), if pin { "a: <BAD>" } else { "a: <BETTER>" });
        assert!(world.store.unfinished().unwrap().is_empty());
    }
}

/// Lets the process die when it passes a point for the second time: in the rollback.
fn die_at_second(world: &World, point: Point, first: usize) {
    let passed = Arc::new(AtomicUsize::new(0));
    world.watcher.act_at(point, move || {
        if passed.fetch_add(1, Ordering::Relaxed) + 1 == first {
            resume_unwind(Box::new("a crash"));
        }
    });
}

#[test]
fn a_rollback_that_was_cut_off_is_finished_by_who_comes_next() {
    use Point::{Applied, AppliedOne, Healthy, Intended, Planned, Recorded};
    // The sync that fails passes each point but the last two ones for itself.
    let points =
        [(Recorded, 1), (Planned, 2), (Intended, 2), (AppliedOne, 2), (Applied, 2), (Healthy, 1), (Recorded, 2)];
    for (point, time) in points {
        for by_run in [true, false] {
            let world = world();
            die_at_second(&world, point, time);
            let crashed = catch_unwind(AssertUnwindSafe(|| fail(&world)));
            assert!(crashed.is_err(), "{point:?} was not passed");
            world.watcher.calm();
            if by_run && (point, time) != (Recorded, 2) {
                let failure = *fail(&world).unwrap_err();
                assert!(failure.0.to_string().contains("not healthy"), "{}", failure.0);
                assert_eq!(failure.1.run.number, 2, "it goes on with the run: {point:?}");
                assert_eq!(world.store.run(2).unwrap().unwrap().state, RunState::Failed);
            } else {
                let finished = matches!(world.heal().unwrap(), Healed::Finished(_));
                assert_eq!(finished, (point, time) != (Recorded, 2), "{point:?}");
            }
            assert!(is_back(&world), "{point:?}");
            assert_eq!(causes(&world), [Cause::Rollback, Cause::Run, Cause::Run], "{point:?}");
            // Two, then three, then the two again and the third one goes: none of it twice.
            assert_eq!(world.live.writes().len(), 2 + 3 + 3, "{point:?}: {:?}", world.live.writes());
            assert!(world.store.unfinished().unwrap().is_empty());
            assert!(world.store.verify().unwrap().iter().all(|chain| chain.broken.is_none()));
        }
    }
}

#[test]
fn what_came_with_the_failure_goes_without_a_yes_and_nothing_else_does() {
    let mut world = world();
    let policy = &mut world.chain.environments[0].sync;
    policy.confirm_prune.objects = Some(1);
    let failure = *world.run("r2", &files("bad", "-", "a\nb\nc\nd\ne")).unwrap_err();
    assert!(matches!(failure.1.aftermath, Some(Aftermath::RolledBack { .. })), "{:?}", failure.1.aftermath);
    assert!(is_back(&world));
}

#[test]
fn what_was_rolled_back_stays_so_when_its_own_record_is_gone() {
    let back = crate::standing::RolledBack {
        release: super::digest("r2"),
        revision: String::new(),
        at: 0,
        why: String::new(),
    };
    assert!(back.is_of("r2"), "what nobody knows may be it");
    let back = crate::standing::RolledBack { revision: "r2".into(), ..back };
    assert!(back.is_of("r2") && !back.is_of("r3"));
}

#[test]
fn what_changed_nothing_makes_nobody_forget_a_rollback() {
    let world = world();
    fail(&world).unwrap_err();
    world.live.fail("plan", "", Fault::Failed { message: "away".into() });
    world.run_with("r3", &files("better", "-", "a"), |request| request.cause = &Cause::Push).unwrap_err();
    let [(_, Obstacle::RolledBack(back))] = &push(&world, "r2", "bad").skipped[..] else { panic!() };
    assert_eq!(back.revision, "r2");
    assert!(is_back(&world));
}

#[test]
fn what_an_earlier_springline_deployed_whole_comes_back() {
    let world = world();
    // Its records do not say whether all was healthy.
    world.store.tamper(&world.place(), 1, |sealed| sealed.record.healthy = None);
    let failure = *fail(&world).unwrap_err();
    assert!(matches!(failure.1.aftermath, Some(Aftermath::RolledBack { .. })), "{:?}", failure.1.aftermath);
    assert!(is_back(&world));
}

#[test]
fn a_sync_that_goes_on_after_a_crash_and_changes_no_more_is_rolled_back_as_well() {
    let world = world();
    world.watcher.act_at(Point::AppliedOne, || resume_unwind(Box::new("a crash")));
    assert!(catch_unwind(AssertUnwindSafe(|| world.run("r3", &files("third", "-", "a\nb\nc")))).is_err());
    world.watcher.calm();
    for name in ["b", "c"] {
        world.live.fail("apply", name, Fault::Failed { message: "no".into() });
    }
    let failure = *world.run("r3", &files("third", "-", "a\nb\nc")).unwrap_err();
    assert!(world.records().iter().any(|record| record.resumed && record.counts.applied() == 0));
    assert!(matches!(failure.1.aftermath, Some(Aftermath::RolledBack { .. })), "{:?}", failure.1.aftermath);
    assert!(is_back(&world));
    // What failed before and was recorded is nothing that was cut off.
    for _ in 0..2 {
        for name in ["a", "b"] {
            world.live.fail("apply", name, Fault::Failed { message: "no".into() });
        }
        let failure = *world.run("r4", &files("fourth", "-", "a\nb")).unwrap_err();
        assert!(failure.1.aftermath.is_none(), "{:?}", failure.1.aftermath);
    }
}
