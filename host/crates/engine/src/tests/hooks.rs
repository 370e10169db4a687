//! Hooks: when they run, what they wait for, and what becomes of what they make.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use springline_model::history::Done;
use springline_model::manifest::{Action, Cleanup, HealthStatus, Phase};
use springline_model::plugin::Fault;

use super::{World, files};
use crate::error::Reason;
use crate::event::{Awaited, Point};
use crate::keep::read_json;
use crate::run::{Failure, Report};

const BEFORE_CREATION: Cleanup = Cleanup { before_creation: true, success: false, failure: false };

/// A world with two objects in two waves and a hook for each phase.
fn hooked() -> World {
    let world = World::new();
    world.live.set_wave("b", 2);
    world.live.set_hook("migrate", Phase::Before, 0, BEFORE_CREATION);
    world.live.set_hook("warm", Phase::During, 1, BEFORE_CREATION);
    world.live.set_hook("smoke", Phase::After, 0, BEFORE_CREATION);
    world.live.set_hook("alarm", Phase::Failure, 0, BEFORE_CREATION);
    world
}

const ALL: &str = "a\nalarm\nb\nmigrate\nsmoke\nwarm";

fn run(world: &World, revision: &str) -> Result<Report, Failure> {
    world.run(revision, &files(revision, "-", ALL))
}

fn done(world: &World) -> Vec<Done> {
    let record = world.records().remove(0);
    record.changes.map(|changes| read_json(world.ports(), &changes).unwrap()).unwrap_or_default()
}

#[test]
fn hooks_run_around_and_among_the_changes_and_are_kept_nowhere() {
    let world = hooked();
    run(&world, "r1").unwrap();
    assert_eq!(world.applied(), ["create migrate", "create a", "create warm", "create b", "create smoke"]);
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a", "b"]);
    let hooks: Vec<_> = done(&world).into_iter().map(|done| (done.live, done.hook)).collect();
    let expected = [("migrate", Some(Phase::Before)), ("a", None), ("warm", Some(Phase::During)), ("b", None)];
    let expected = expected.into_iter().chain([("smoke", Some(Phase::After))]);
    assert_eq!(hooks, expected.map(|(live, hook)| (live.to_owned(), hook)).collect::<Vec<_>>());
    assert_eq!(world.records()[0].counts.created, 2);
    let found = world.status();
    assert_eq!((found.number(), found.drifted.len()), (2, 0));
}

#[test]
fn hooks_run_only_if_there_is_something_else_to_do() {
    let world = hooked();
    run(&world, "r1").unwrap();
    world.applied();
    run(&world, "r1").unwrap();
    assert!(world.applied().is_empty());
    run(&world, "r2").unwrap();
    let again = ["delete migrate", "create migrate", "update a", "delete warm", "create warm", "update b"];
    assert_eq!(world.applied(), again.into_iter().chain(["delete smoke", "create smoke"]).collect::<Vec<_>>());
}

#[test]
fn a_hook_before_that_fails_lets_nothing_be_applied() {
    let world = hooked();
    world.live.set_health("migrate", [HealthStatus::Progressing, HealthStatus::Degraded]);
    world.live.set_account("migrate", &["exit code 3: relation exists"]);
    let failure = run(&world, "r1").unwrap_err();
    assert_eq!(
        failure.0.to_string(),
        "the before hook `migrate` failed: migrate is Degraded\n  exit code 3: relation exists"
    );
    assert_eq!(world.applied(), ["create migrate", "create alarm"]);
    assert!(world.live.get("a").is_none());
    assert!(world.inventory().objects.is_empty());
    assert!(done(&world)[0].error.is_some());
    assert_eq!(world.watcher.waits()[0].awaited, Awaited::Hooks(Phase::Before));
}

#[test]
fn a_hook_that_never_ends_is_given_up() {
    let world = hooked();
    world.live.set_health("warm", [HealthStatus::Suspended]);
    let failure = run(&world, "r1").unwrap_err();
    assert!(failure.0.to_string().starts_with("the during hook `warm` is not done after 10 s: it is Suspended"));
    assert!(world.live.get("b").is_none(), "its wave was not done");
}

#[test]
fn a_failing_hook_after_is_run_again_though_nothing_else_is_left_to_do() {
    let world = hooked();
    world.live.set_health("smoke", [HealthStatus::Degraded]);
    run(&world, "r1").unwrap_err();
    assert_eq!(world.applied().last().unwrap(), "create alarm");
    world.live.set_health("smoke", [HealthStatus::Healthy]);
    run(&world, "r1").unwrap();
    assert!(world.applied().contains(&"create smoke".to_owned()), "only then the sync has succeeded");
    run(&world, "r1").unwrap();
    assert!(world.applied().is_empty());
}

#[test]
fn hooks_for_failure_run_once_it_failed_and_hide_nothing() {
    let world = hooked();
    world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    world.live.fail("apply", "alarm", Fault::Failed { message: "nor this".into() });
    let failure = run(&world, "r1").unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Apply { .. }), "{}", failure.0);
    let alarm = done(&world).pop().unwrap();
    assert_eq!((alarm.live.as_str(), alarm.error.as_deref()), ("alarm", Some("nor this")));
}

#[test]
fn what_hooks_made_is_removed_as_they_say() {
    let world = World::new();
    let cleanup = Cleanup { before_creation: false, success: true, failure: true };
    world.live.set_hook("good", Phase::Before, -1, cleanup);
    world.live.set_hook("bad", Phase::Before, 0, cleanup);
    world.live.set_hook("kept", Phase::Before, -1, Cleanup { success: false, failure: true, ..cleanup });
    world.live.set_health("bad", [HealthStatus::Degraded]);
    world.run("r1", &files("x", "-", "a\nbad\ngood\nkept")).unwrap_err();
    // The later one might have needed what the earlier one made.
    assert_eq!(world.applied(), ["create good", "create kept", "create bad", "delete bad", "delete good"]);
    assert_eq!(world.live.objects().into_keys().collect::<Vec<_>>(), ["kept"]);
    // That one can't be removed that is done is noted, and fails nothing.
    world.live.set_health("bad", [HealthStatus::Healthy]);
    world.live.before_apply({
        let live = world.live.clone();
        move |change| {
            if change.action == Action::Delete && change.live == "bad" {
                live.fail("apply", "bad", Fault::Failed { message: "it stays".into() });
            }
        }
    });
    world.run("r1", &files("x", "-", "a\nbad\ngood\nkept")).unwrap();
    assert!(done(&world).iter().any(|done| done.error.as_deref() == Some("it stays")));
}

#[test]
fn what_hooks_made_goes_when_their_phase_is_through_the_last_one_first() {
    let world = World::new();
    let cleanup = Cleanup { before_creation: false, success: true, failure: false };
    for (phase, names) in [(Phase::Before, ["b1", "b2"]), (Phase::During, ["d1", "d2"]), (Phase::After, ["s1", "s2"])] {
        world.live.set_hook(names[0], phase, 0, cleanup);
        world.live.set_hook(names[1], phase, 1, cleanup);
    }
    world.live.set_wave("z", 2);
    world.run("r1", &files("x", "-", "a\nb1\nb2\nd1\nd2\ns1\ns2\nz")).unwrap();
    let before = ["create b1", "create b2", "delete b2", "delete b1"];
    let during = ["create a", "create d1", "create d2", "create z", "delete d2", "delete d1"];
    let after = ["create s1", "create s2", "delete s2", "delete s1"];
    assert_eq!(world.applied(), [&before[..], &during, &after].concat());
    assert_eq!(world.live.objects().into_keys().collect::<Vec<_>>(), ["a", "z"]);

    // Nor does it stay when something else fails.
    world.live.fail("apply", "z", Fault::Failed { message: "no".into() });
    world.run("r2", &files("y", "-", "a\nb1\nb2\nd1\nd2\ns1\ns2\nz")).unwrap_err();
    assert_eq!(world.live.objects().into_keys().collect::<Vec<_>>(), ["a", "z"]);
}

#[test]
fn after_a_crash_anywhere_the_hooks_run_again() {
    for point in [Point::Intended, Point::AppliedOne, Point::Applied, Point::Healthy] {
        let world = hooked();
        world.watcher.act_at(point, || resume_unwind(Box::new(())));
        assert!(catch_unwind(AssertUnwindSafe(|| run(&world, "r1"))).is_err(), "{point:?}");
        world.watcher.calm();
        run(&world, "r1").unwrap();
        let applied = world.applied();
        let ran = |name: &str| applied.iter().any(|done| *done == format!("create {name}"));
        assert!(["migrate", "warm", "smoke"].into_iter().all(ran), "{point:?}: {applied:?}");
        assert!(!ran("alarm"));
        assert_eq!(applied.iter().filter(|done| *done == "create a").count(), 1, "{point:?}: {applied:?}");
        run(&world, "r1").unwrap();
        assert!(world.applied().is_empty(), "{point:?}");
    }
}

#[test]
fn a_hook_that_stays_is_not_made_over() {
    let world = hooked();
    run(&world, "r1").unwrap();
    world.live.keep("migrate");
    let failure = run(&world, "r2").unwrap_err();
    assert_eq!(failure.0.to_string(), "the before hook `migrate` can't be made anew: it is to be kept");
    assert_eq!(world.text("a").unwrap(), "a: <R1>");
}

#[test]
fn one_object_may_be_run_in_several_phases() {
    let world = World::new();
    world.live.set_hook("check", Phase::Before, 0, BEFORE_CREATION);
    world.live.set_hook("check", Phase::After, 0, BEFORE_CREATION);
    world.run("r1", &files("x", "-", "a\ncheck")).unwrap();
    assert_eq!(world.applied(), ["create check", "create a", "delete check", "create check"]);
    world.live.set_hook("check", Phase::After, 1, BEFORE_CREATION);
    let failure = world.run("r2", &files("y", "-", "a\ncheck")).unwrap_err();
    assert!(failure.0.to_string().contains("run the after hook `check` twice"), "{}", failure.0);
}

#[test]
fn one_object_is_synced_without_hooks() {
    let world = hooked();
    run(&world, "r1").unwrap();
    world.applied();
    world.run_with("r2", &files("r2", "-", ALL), |request| request.only = Some("a")).unwrap();
    assert_eq!(world.applied(), ["update a"]);
}

#[test]
fn what_becomes_a_hook_is_neither_removed_nor_owned() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\njob")).unwrap();
    world.live.set_hook("job", Phase::After, 0, Cleanup::default());
    world.run("r2", &files("x", "-", "a\njob")).unwrap();
    assert_eq!(world.applied(), ["create a", "create job"], "nothing else was to be done");
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a"]);
    assert!(world.live.get("job").is_some());
}

#[test]
fn stopped_in_a_hook_nothing_else_is_made() {
    let world = hooked();
    let cancel = world.cancel.clone();
    world.live.before_apply(move |change| {
        if change.live == "migrate" {
            cancel.cancel();
        }
    });
    let failure = run(&world, "r1").unwrap_err();
    assert_eq!(failure.0.to_string(), "cancelled");
    assert!(world.live.get("a").is_none() && world.live.get("alarm").is_none());
}

#[test]
fn what_was_deleted_and_is_held_runs_no_hooks_again() {
    let world = hooked();
    world.run("r1", &files("x", "-", &format!("{ALL}\nheld"))).unwrap();
    world.live.hold("held");
    let mut deleted = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..3 {
        world.applied();
        world.run("r2", &files("x", "-", ALL)).unwrap();
        deleted.push(world.records().remove(0).counts.deleted);
        runs.push(world.applied().iter().filter(|applied| applied.starts_with("create ")).count());
    }
    assert_eq!((deleted, runs), (vec![1, 0, 0], vec![3, 0, 0]));
    // One that fails is no sync that began to change something.
    world.live.fail("apply", "held", Fault::Failed { message: "no".into() });
    world.run("r2", &files("x", "-", ALL)).unwrap_err();
    world.applied();
    world.run("r2", &files("x", "-", ALL)).unwrap();
    assert_eq!(world.applied(), ["delete held"]);
}
