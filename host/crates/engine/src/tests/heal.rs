//! Drift: found without a trace, repaired with one.

use springline_model::history::Outcome;
use springline_model::manifest::{Action, Cleanup, HealthStatus, Phase};
use springline_model::plugin::Fault;
use springline_model::port::Store as _;
use springline_model::run::Cause;

use super::{World, files};
use crate::heal::{Healed, heal, heal_as_deployed};
use crate::redeploy::{Order, redeploy};

#[test]
fn a_look_that_finds_nothing_leaves_no_trace() {
    let world = World::new();
    assert!(matches!(world.heal().unwrap(), Healed::NotDeployed));
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let runs = world.store.runs(0).unwrap().len();
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert_eq!((world.records().len(), world.store.runs(0).unwrap().len()), (1, runs));
}

#[test]
fn drift_is_repaired_from_the_release_and_recorded() {
    let world = World::new();
    world.live.set_hook("migrate", Phase::Before, 0, Cleanup { before_creation: true, ..Cleanup::default() });
    let report = world.run("r1", &files("x", "-", "a\nb\nmigrate")).unwrap();
    world.applied();
    world.live.drift("a", world.body("edited"));
    world.live.set("b", None);
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    // Hooks are for what is new.
    assert_eq!(world.applied(), ["update a", "create b"]);
    assert_eq!(world.text("a").unwrap(), "a: <X>");
    let record = world.records().remove(0);
    assert_eq!((&record.cause, &record.outcome), (&Cause::Drift, &Outcome::Succeeded));
    assert_eq!(record.release, report.synced[0].sealed.record.release);
    assert_eq!(record.actor, "watcher@somewhere");
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    world.applied();
    world.run("r1", &files("x", "-", "a\nb\nmigrate")).unwrap();
    assert!(world.applied().is_empty(), "nor for what finds nothing to do after a repair");
}

#[test]
fn a_repair_goes_on_from_the_plan_of_the_look() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let plans = || world.plugins.calls("memory", "plan");
    let before = plans();
    world.live.drift("a", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(plans() - before, 1);
    // Only the first round may: what is stale is planned anew.
    world.live.drift("a", world.body("edited"));
    world.live.fail("apply", "a", Fault::Conflict { message: "it changed".into() });
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(plans() - before, 3);
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn a_repair_does_not_wait_until_all_is_healthy() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.judge_by(|_| Some(HealthStatus::Progressing));
    world.live.drift("a", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert!(world.watcher.waits().is_empty());
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn a_repair_does_not_remove_everything() {
    for nothing in ["", "test"] {
        let world = World::new();
        world.live.set_hook("test", Phase::After, 0, Cleanup::default());
        world.run("r1", &files("x", "-", "a")).unwrap();
        world.run_with("r2", &files("x", "-", nothing), |request| request.prune_all = true).unwrap();
        world.run("r1", &files("x", "-", "a")).unwrap();
        let releases = world.store.releases(None, "").unwrap();
        let emptied = releases.into_iter().find(|release| release.revision == "r2").unwrap();
        let environment = &world.chain.environments[0];
        let (target, actor) = (&environment.target, "watcher@somewhere");
        let order = Order { actor, why: None, pin: false };
        redeploy(world.ports(), &emptied, (target, &environment.sync), order).unwrap_err();
        assert!(matches!(world.heal().unwrap(), Healed::InSync), "{nothing}");
        assert_eq!(world.text("a").unwrap(), "a: <X>");
    }
}

#[test]
fn drift_may_be_left_as_it_is() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.chain.environments[0].sync.self_heal = false;
    world.live.drift("a", world.body("edited"));
    let Healed::Drifted(changes) = world.heal().unwrap() else { panic!("it is told of") };
    assert_eq!(changes.iter().map(|change| change.live.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!((world.text("a").unwrap().as_str(), world.records().len()), ("edited", 1));
}

#[test]
fn a_repair_that_fails_is_recorded_and_tried_again() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.set("a", None);
    world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    world.heal().unwrap_err();
    let newest = world.records().remove(0);
    assert!(matches!(newest.outcome, Outcome::Failed { .. }));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn without_a_time_to_wait_health_fails_nothing() {
    let mut world = World::new();
    world.live.set_wave("b", 2);
    world.live.judge_by(|_| Some(HealthStatus::Progressing));
    world.chain.environments[0].sync.health_seconds = 0;
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.applied(), ["create a", "create b"]);
    assert!(world.watcher.waits().is_empty());
}

#[test]
fn what_was_deleted_and_is_held_is_ours_and_told_until_it_is_gone() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.hold("b");
    let pruned = || world.run("r2", &files("x", "-", "a")).unwrap();
    for _ in 0..2 {
        pruned();
        let owned = world.inventory().objects.remove("b").unwrap();
        assert_eq!((owned.going, owned.prune_failed.as_deref()), (true, Some("it is held")));
        assert_eq!(
            world.status().drifted.into_iter().map(|change| change.action).collect::<Vec<_>>(),
            [Action::Delete]
        );
    }
    // It was deleted: there is nothing to repair.
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert_eq!(world.records().len(), 3);
    world.live.set("b", None);
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert!(world.status().drifted.is_empty());
    pruned();
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_was_deleted_and_is_held_is_no_part_of_a_repair() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.hold("b");
    world.run("r2", &files("x", "-", "a")).unwrap();
    world.applied();
    world.live.drift("a", world.body("edited"));
    // Planned by the look, and anew.
    world.live.fail("apply", "a", Fault::Conflict { message: "it changed".into() });
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert!(world.applied().iter().all(|applied| applied == "update a"));
    assert!(world.inventory().objects["b"].going);
    world.chain.environments[0].sync.self_heal = false;
    world.live.drift("a", world.body("edited"));
    for _ in ["held", "gone"] {
        let Healed::Drifted(changes) = world.heal().unwrap() else { panic!("it is told of") };
        assert_eq!(changes.iter().map(|change| change.live.as_str()).collect::<Vec<_>>(), ["a"]);
        world.live.set("b", None);
    }
}

#[test]
fn what_never_got_to_the_target_is_not_repaired_towards() {
    let world = World::new();
    world.live.set_hook("migrate", Phase::Before, 0, Cleanup { before_creation: true, ..Cleanup::default() });
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.fail("plan", "", Fault::Failed { message: "the target is away".into() });
    world.run("r2", &files("y", "-", "a\nb\nmigrate")).unwrap_err();
    world.applied();
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert!(world.applied().is_empty());
    // What is live is still looked after.
    world.live.drift("a", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.text("a").unwrap(), "a: <X>");
    // So it is where somebody stops it.
    let cancel = world.cancel.clone();
    world.watcher.act_at(crate::event::Point::Planned, move || cancel.cancel());
    world.run("r2", &files("y", "-", "a\nb")).unwrap_err();
    world.watcher.calm();
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn a_pinned_release_that_never_got_to_the_target_is_deployed_with_its_hooks() {
    let world = World::new();
    world.live.set_hook("migrate", Phase::Before, 0, Cleanup { before_creation: true, ..Cleanup::default() });
    world.run("r1", &files("x", "-", "a\nmigrate")).unwrap();
    let first = world.store.releases(Some(&world.place()), "").unwrap().remove(0);
    world.run("r2", &files("y", "-", "a")).unwrap();
    let environment = &world.chain.environments[0];
    world.live.fail("plan", "", Fault::Failed { message: "the target is away".into() });
    let order = Order { actor: "ann@here", why: None, pin: true };
    redeploy(world.ports(), &first, (&environment.target, &environment.sync), order).unwrap_err();
    world.applied();
    assert!(matches!(world.heal().unwrap(), Healed::Finished(_)));
    assert!(world.applied().iter().any(|applied| applied.ends_with("migrate")), "its hooks are run");
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
}

#[test]
fn a_repair_that_was_cut_off_is_recorded_once_and_keeps_nothing_waiting() {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use crate::event::Point;
    for point in [Point::Begun, Point::Intended, Point::AppliedOne, Point::Applied] {
        let mut world = World::new();
        let mut other = world.chain.environments[0].clone();
        other.name = "other".into();
        let elsewhere = springline_testkit::Live::new();
        world.plugins.deploy_target("elsewhere", &elsewhere);
        other.target.uses = super::uses(&world.plugins, "elsewhere", "/targets/elsewhere");
        world.chain.environments.push(other);
        world.run("r1", &files("x", "-", "a")).unwrap();
        world.live.drift("a", world.body("edited"));
        world.watcher.act_at(point, || resume_unwind(Box::new("a crash")));
        assert!(catch_unwind(AssertUnwindSafe(|| world.heal())).is_err(), "{point:?} was not passed");
        world.watcher.calm();
        // A look elsewhere takes it for nothing of its own.
        let other = &world.chain.environments[1];
        let place = springline_model::run::Place { environment: "other".into(), ..world.place() };
        let elsewhere = || heal(world.ports(), &place, (&other.target, &other.sync), "watcher@somewhere").unwrap();
        assert!(matches!(elsewhere(), Healed::InSync), "{point:?}");
        assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)), "{point:?}");
        assert_eq!((world.records().len(), world.text("a").unwrap()), (3, "a: <X>".into()), "{point:?}");
        for _ in 0..2 {
            assert!(matches!(world.heal().unwrap(), Healed::InSync), "{point:?}");
            assert!(matches!(elsewhere(), Healed::InSync), "{point:?}");
        }
        assert_eq!(world.records().len(), 3, "{point:?}");
        assert!(world.store.unfinished().unwrap().is_empty(), "{point:?}");
    }
}

#[test]
fn a_repair_that_changed_nothing_before_it_was_cut_off_is_over_when_nothing_differs_any_more() {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    let a = world.live.get("a").unwrap().body;
    world.live.drift("a", world.body("edited"));
    world.watcher.act_at(crate::event::Point::Begun, || resume_unwind(Box::new("a crash")));
    assert!(catch_unwind(AssertUnwindSafe(|| world.heal())).is_err());
    world.watcher.calm();
    world.live.drift("a", a);
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert!(world.store.unfinished().unwrap().is_empty() && world.records().len() == 1);
}

/// What a look asks the store for does not grow with the history.
#[test]
fn a_quiet_look_walks_no_history() {
    let mut world = World::new();
    world.chain.environments[0].sync.on_failure = springline_model::application::OnFailure::Rollback;
    world.live.judge_by(|_| Some(HealthStatus::Progressing));
    world.run("r1", &files("x", "-", "a")).unwrap_err();
    for at in 0..100 {
        world.live.drift("a", world.body(&format!("edited {at}")));
        assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    }
    let before = world.store.read_records();
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    assert!(world.store.read_records() - before < 4, "{}", world.store.read_records() - before);
}

#[test]
fn what_is_live_is_kept_by_what_was_declared_of_it() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    // The next one can't be rendered, and wants no repairs.
    world.run("r2", &[("docs/page.md", "y")]).unwrap_err();
    world.chain.environments[0].sync.self_heal = false;
    world.live.drift("a", world.body("edited"));
    world.applied();
    assert!(matches!(world.heal().unwrap(), Healed::Drifted(_)));
    let kept = heal_as_deployed(world.ports(), &world.place(), "watcher@somewhere").unwrap();
    assert!(matches!(kept, Healed::Repaired(_)), "{kept:?}");
    assert_eq!(world.applied(), ["update a"]);
}
