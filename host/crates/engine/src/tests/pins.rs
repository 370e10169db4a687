//! Environments that are held at a release.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use springline_model::history::Outcome;
use springline_model::manifest::{Cleanup, Phase};
use springline_model::plugin::Fault;
use springline_model::port::{Blobs as _, Store as _, StoreError};
use springline_model::run::{Cause, Pin};

use super::{World, files};
use crate::error::Reason;
use crate::event::Point;
use crate::heal::Healed;
use crate::redeploy::{Order, redeploy};
use crate::run::{Failure, Report};
use crate::standing::{Obstacle, unpin};

fn go_back(world: &World, revision: &str, pin: bool) -> Result<Report, Failure> {
    let environment = &world.chain.environments[0];
    let order = Order { actor: "ann@here", why: Some("r2 is slow"), pin };
    redeploy(world.ports(), &world.release_of(revision), (&environment.target, &environment.sync), order)
}

fn pin(world: &World) -> Option<Pin> {
    world.store.standing(&world.place()).unwrap().pin
}

fn causes(world: &World) -> Vec<Cause> {
    world.records().into_iter().map(|record| record.cause).collect()
}

/// Two revisions, the second one live.
fn two() -> World {
    let world = World::new();
    world.run("r1", &files("one", "-", "a")).unwrap();
    world.run("r2", &files("two", "-", "a\nb")).unwrap();
    world
}

/// Two revisions, and back to the first.
fn pinned() -> World {
    let world = two();
    go_back(&world, "r1", true).unwrap();
    world
}

#[test]
fn a_pinned_release_is_held_and_not_replaced() {
    let world = pinned();
    let held = pin(&world).unwrap();
    assert_eq!((held.by.as_str(), held.why.as_str()), ("ann@here", "r2 is slow"));
    assert_eq!(held.release, world.release_of("r1").id);
    let newest = world.records().remove(0);
    assert_eq!((newest.cause, newest.note.as_deref()), (Cause::Redeploy, Some("r2 is slow")));
    // Drift is repaired towards it.
    world.live.drift("a", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.text("a").unwrap(), "a: <ONE>");
    // Nobody deploys over it.
    for cause in [&Cause::Run, &Cause::Sync, &Cause::Push] {
        let report = world.run_with("r3", &files("three", "-", "a"), |request| request.cause = cause).unwrap();
        assert!(report.synced.is_empty());
        let [(environment, Obstacle::Pinned(pin))] = &report.skipped[..] else { panic!("{:?}", report.skipped) };
        assert_eq!((environment.as_str(), pin), ("site", &held));
        assert!(report.run.ended.is_some());
    }
    assert_eq!(world.text("a").unwrap(), "a: <ONE>");
    let failure = world.run_with("r3", &files("three", "-", "a"), |request| request.cause = &Cause::Promotion);
    assert!(matches!(failure.unwrap_err().0.reason, Reason::Held { .. }));
    assert!(world.store.unfinished().unwrap().is_empty());
    // What only looks may look.
    world.run_with("r3", &files("three", "-", "a"), |request| request.until = crate::run::Until::Render).unwrap();

    let by = ("bob@here", Some("r3 is fast"));
    assert_eq!(unpin(world.ports(), &world.place(), by).unwrap(), Some(held.clone()));
    assert_eq!(unpin(world.ports(), &world.place(), by).unwrap(), None);
    world.run_with("r3", &files("three", "-", "a"), |request| request.cause = &Cause::Push).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <THREE>");
    let note = || world.records().remove(0).note;
    let told = format!("unpinned from release {} by bob@here: r3 is fast", held.release.short());
    assert_eq!(note(), Some(told));
    assert_eq!(causes(&world), [Cause::Push, Cause::Drift, Cause::Redeploy, Cause::Run, Cause::Run]);
    world.run("r3", &files("three", "-", "a")).unwrap();
    assert_eq!(note(), None);
}

#[test]
fn another_release_may_be_pinned_in_its_stead_but_none_deployed_past_it() {
    let world = pinned();
    let failure = *go_back(&world, "r2", false).unwrap_err();
    let expected = format!(
        "`site` is left alone: pinned to release {} by ann@here: r2 is slow",
        world.release_of("r1").id.short()
    );
    assert_eq!(failure.0.to_string(), expected);
    go_back(&world, "r1", false).unwrap();
    go_back(&world, "r2", true).unwrap();
    assert_eq!(pin(&world).unwrap().release, world.release_of("r2").id);
    assert_eq!(world.text("a").unwrap(), "a: <TWO>");
}

#[test]
fn without_a_pin_the_next_revision_is_deployed() {
    let world = World::new();
    world.run("r1", &files("one", "-", "a")).unwrap();
    world.run("r2", &files("two", "-", "a")).unwrap();
    go_back(&world, "r1", false).unwrap();
    assert_eq!(pin(&world), None);
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    world.run_with("r2", &files("two", "-", "a"), |request| request.cause = &Cause::Push).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <TWO>");
}

#[test]
fn it_is_pinned_before_anything_changes() {
    let world = World::new();
    world.run("r1", &files("one", "-", "a")).unwrap();
    world.run("r2", &files("two", "-", "a")).unwrap();
    world.store.fail_next("set_standing", StoreError::NoSpace("/state".into()));
    let failure = *go_back(&world, "r1", true).unwrap_err();
    assert_eq!(failure.0.to_string(), "no space left for the state in /state");
    assert_eq!(world.text("a").unwrap(), "a: <TWO>");
    assert_eq!(causes(&world).len(), 2);
}

#[test]
fn a_deployment_of_a_pinned_release_that_was_cut_off_is_finished_by_the_next_look() {
    for point in [Point::Begun, Point::Planned, Point::Intended, Point::AppliedOne, Point::Applied, Point::Healthy] {
        let world = World::new();
        world.live.set_hook("migrate", Phase::Before, 0, Cleanup { before_creation: true, ..Cleanup::default() });
        world.run("r1", &files("one", "-", "a\nb\nmigrate")).unwrap();
        world.run("r2", &files("two", "-", "a\nb\nmigrate")).unwrap();
        world.watcher.act_at(point, || resume_unwind(Box::new("a crash")));
        assert!(catch_unwind(AssertUnwindSafe(|| go_back(&world, "r1", true))).is_err(), "{point:?} was not passed");
        world.watcher.calm();
        let Healed::Finished(report) = world.heal().unwrap() else { panic!("{point:?}") };
        assert_eq!(report.run.number, 3, "it goes on with the run: {point:?}");
        assert_eq!(world.text("b").unwrap(), "b: <ONE>");
        let newest = world.records();
        assert_eq!(newest.len(), 3, "{point:?}");
        assert_eq!((newest[0].cause.clone(), newest[0].note.as_deref()), (Cause::Redeploy, Some("r2 is slow")));
        assert!(matches!(world.heal().unwrap(), Healed::InSync), "{point:?}");
        assert!(world.store.unfinished().unwrap().is_empty());
    }
}

#[test]
fn a_deployment_of_a_pinned_release_that_failed_is_repaired_like_any() {
    let world = World::new();
    world.run("r1", &files("one", "-", "a")).unwrap();
    world.run("r2", &files("two", "-", "a")).unwrap();
    world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    go_back(&world, "r1", true).unwrap_err();
    assert!(pin(&world).is_some());
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.text("a").unwrap(), "a: <ONE>");
    let records = world.records();
    assert!(matches!(records[1].outcome, Outcome::Failed { .. }));
}

#[test]
fn of_several_environments_the_others_are_deployed() {
    let mut world = pinned();
    let mut other = world.chain.environments[0].clone();
    other.name = "other".into();
    let elsewhere = springline_testkit::Live::new();
    world.plugins.deploy_target("elsewhere", &elsewhere);
    other.target.uses = super::uses(&world.plugins, "elsewhere", "/targets/elsewhere");
    for at in [0, 1] {
        world.chain.environments.retain(|environment| environment.name == "site");
        world.chain.environments.insert(at, other.clone());
        let report = world.run("r4", &files(if at == 0 { "four" } else { "five" }, "-", "a")).unwrap();
        assert_eq!((report.synced.len(), report.skipped.len()), (1, 1));
        // The run ends with its last sync, in one write.
        assert_eq!(world.store.writes().last(), Some(&"finish"));
    }
    assert_eq!(elsewhere.objects().len(), 1);
    assert_eq!(world.text("a").unwrap(), "a: <ONE>");
}

#[test]
fn a_pin_hides_nothing_that_stands_in_the_way_besides() {
    let mut world = World::new();
    world.chain.environments[0].promote_from = Some("staging".into());
    let pin = Pin { release: super::digest("r1"), by: "bob".into(), why: String::new(), at: 7 };
    world.store.set_standing(&world.place(), &mut |standing| standing.pin = Some(pin.clone())).unwrap();
    let (environment, of) = (&world.chain.environments[0], (&Cause::Run, "r1"));
    let found = crate::standing::obstacle(world.ports(), &world.place(), environment, of).unwrap();
    assert_eq!(found, Some(Obstacle::Pinned(pin)));
    let found = crate::standing::beneath_pin(world.ports(), &world.place(), environment, of).unwrap();
    assert_eq!(found, Some(Obstacle::Promoted { from: "staging".into() }));
}

/// A look repairs towards what is live.
fn r2_is_kept(world: &World) {
    world.live.drift("a", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.text("a").unwrap(), "a: <TWO>");
}

/// Loses every object of what r1 deployed, or its list of them.
fn lose(world: &World, list: bool) {
    let release = world.release_of("r1");
    let lost = if list { release.objects } else { world.blobs.put(b"a: <ONE>").unwrap() };
    world.blobs.remove(&lost).unwrap();
}

#[test]
fn what_is_lost_is_not_pinned() {
    for list in [true, false] {
        let world = two();
        lose(&world, list);
        for to_be_pinned in [true, false] {
            let failure = *go_back(&world, "r1", to_be_pinned).unwrap_err();
            assert!(matches!(failure.0.reason, Reason::ReleaseLost(_)), "{}", failure.0);
            assert_eq!(pin(&world), None);
        }
        r2_is_kept(&world);
        assert_eq!(causes(&world), [Cause::Drift, Cause::Run, Cause::Run]);
    }
}

#[test]
fn where_what_is_pinned_got_lost_what_is_live_is_kept() {
    for list in [true, false] {
        let world = two();
        let held = Pin { release: world.release_of("r1").id, by: "ann".into(), why: String::new(), at: 7 };
        world.store.set_standing(&world.place(), &mut |standing| standing.pin = Some(held.clone())).unwrap();
        lose(&world, list);
        let Healed::Lost(lost) = world.heal().unwrap() else { panic!("{list}") };
        assert!(lost.to_string().starts_with("what release "), "{lost}");
        r2_is_kept(&world);
        assert!(matches!(world.heal().unwrap(), Healed::Lost(_)));
        assert_eq!(pin(&world), Some(held));
        // Made again, it is deployed.
        world
            .run_with("r1", &files("one", "-", "a"), |request| {
                request.until = crate::run::Until::Render;
                request.trust = crate::run::Trust::Checked;
            })
            .unwrap();
        assert!(matches!(world.heal().unwrap(), Healed::Finished(_)));
        assert_eq!(world.text("a").unwrap(), "a: <ONE>");
    }
}
