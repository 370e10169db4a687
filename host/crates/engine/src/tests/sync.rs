//! Plan, apply, prune, health and history.

use std::time::Duration;

use springline_model::history::Outcome;
use springline_model::manifest::{Cleanup, HealthStatus, Phase};
use springline_model::plugin::Fault;
use springline_model::port::Store as _;
use springline_model::run::Stage;
use springline_testkit::LiveObject;

use super::{World, files};
use crate::error::Reason;
use crate::redeploy::{Order, redeploy};

fn inventory(world: &World) -> Vec<String> {
    world.inventory().objects.into_keys().collect()
}

#[test]
fn what_leaves_the_source_is_pruned_and_nothing_else() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let stranger = LiveObject { body: world.body("mine"), owner: String::new() };
    world.live.set("stranger", Some(stranger.clone()));
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert!(world.live.get("b").is_none());
    assert_eq!(world.live.get("stranger"), Some(stranger));
    assert_eq!(inventory(&world), ["a"]);
}

#[test]
fn without_pruning_it_stays_and_is_named() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.chain.environments[0].sync.prune = false;
    let report = world.run("r2", &files("x", "-", "a")).unwrap();
    assert!(world.live.get("b").is_some());
    assert_eq!(report.synced[0].left, ["b"]);
    assert_eq!(inventory(&world), ["a", "b"]);
}

#[test]
fn an_empty_render_never_prunes() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let failure = world.run("r2", &files("x", "-", "")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::EmptyRender { owned: 2 }));
    assert_eq!(world.live.objects().len(), 2);
    world.run_with("r2", &files("x", "-", ""), |request| request.prune_all = true).unwrap();
    assert!(world.live.objects().is_empty());
}

#[test]
fn a_render_of_hooks_alone_never_prunes() {
    let world = World::new();
    world.live.set_hook("test", Phase::After, 0, Cleanup::default());
    // Where nothing is owned, there is nothing to lose.
    world.run("r0", &files("x", "-", "test")).unwrap();
    world.run("r1", &files("x", "-", "a\nb\ntest")).unwrap();
    let failure = world.run("r2", &files("x", "-", "test")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::EmptyRender { owned: 2 }), "{}", failure.0);
    assert_eq!(inventory(&world), ["a", "b"]);
    world.run_with("r2", &files("x", "-", "test"), |request| request.prune_all = true).unwrap();
    assert_eq!(inventory(&world), Vec::<String>::new());
}

#[test]
fn drift_is_repaired() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.drift("a", world.body("edited"));
    world.live.set("b", None);
    assert_eq!(world.status().drifted.len(), 2);
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <X>");
    assert_eq!(world.text("b").unwrap(), "b: <X>");
}

#[test]
fn only_one_object_is_synced_if_asked() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.run_with("r2", &files("y", "-", "a\nb"), |request| request.only = Some("a")).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <Y>");
    assert_eq!(world.text("b").unwrap(), "b: <X>");
    let unknown = world.run_with("r2", &files("y", "-", "a\nb"), |request| request.only = Some("c")).unwrap_err();
    assert!(matches!(unknown.0.reason, Reason::UnknownObject { .. }));
}

#[test]
fn one_object_is_synced_though_another_one_is_not_healthy() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.set("b", None);
    world.live.drift("a", world.body("edited"));
    world.run_with("r1", &files("x", "-", "a\nb"), |request| request.only = Some("a")).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn what_is_lost_while_it_is_applied_is_made_again_and_recorded_once() {
    let world = World::new();
    world.live.fail("apply", "a", Fault::Lost { message: "a blob is damaged".into() });
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.records().len(), 1);
    assert_eq!(world.live.objects().len(), 2);
}

#[test]
fn nothing_is_said_to_be_healthy_where_nothing_is() {
    let world = World::new();
    world.run("r1", &files("x", "-", "")).unwrap();
    let details = world.watcher.details();
    assert!(
        details.iter().any(|detail| detail == "no objects") && !details.iter().any(|detail| detail.contains("healthy")),
        "{details:?}"
    );
}

#[test]
fn a_lost_state_is_found_again_by_the_marks() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert!(world.status().marked.is_none());
    world.store = std::sync::Arc::default();
    let status = world.status();
    assert!(status.release.is_none(), "no release is made up");
    assert_eq!(status.marked.as_ref().unwrap().live, ["a", "b"]);
    assert_eq!((status.number(), status.health().status), (2, HealthStatus::Unknown));
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert!(world.status().marked.is_none());
    assert!(world.live.get("b").is_none(), "b was ours and is no longer desired");
}

#[test]
fn a_failed_prune_stays_in_the_inventory_and_is_tried_again() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.fail("apply", "b", Fault::Failed { message: "busy".into() });
    let failure = world.run("r2", &files("x", "-", "a")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Apply { failed: 1, .. }), "{}", failure.0);
    assert_eq!(inventory(&world), ["a", "b"]);
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert!(world.live.get("b").is_none());
    assert_eq!(inventory(&world), ["a"]);
}

#[test]
fn a_failed_wave_ends_before_the_next_one_begins() {
    let world = World::new();
    world.live.set_wave("late", 1);
    world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    let failure = world.run("r1", &files("x", "-", "a\nb\nlate")).unwrap_err();
    assert_eq!(failure.0.stage, Stage::Apply);
    assert_eq!(world.live.writes(), ["b"]);
    let history = world.records();
    assert!(matches!(history[0].outcome, Outcome::Failed { stage: Stage::Apply, .. }));
    assert_eq!((history[0].counts.created, history[0].counts.failed), (1, 1));
}

#[test]
fn what_passes_is_tried_again_after_a_pause() {
    let world = World::new();
    let retry_after = Some(Duration::from_millis(300));
    world.live.fail("apply", "a", Fault::Transient { message: "later".into(), retry_after });
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert_eq!(world.clock.slept().iter().sum::<Duration>(), Duration::from_millis(300));
    assert!(world.live.get("a").is_some());
}

#[test]
fn a_server_that_is_away_is_not_waited_for_at_every_object() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    for name in names.iter().filter(|name| **name != "b") {
        for _ in 0..4 {
            world.live.fail("apply", name, Fault::Transient { message: "it is away".into(), retry_after: None });
        }
    }
    let failure = world.run("r1", &files("x", "-", &names.join("\n"))).unwrap_err();
    // `a` alone was no reason to give up; `c` and `d` were.
    assert!(matches!(failure.0.reason, Reason::Apply { failed: 3, all: 4, .. }), "{}", failure.0);
    assert_eq!(world.live.objects().len(), 1);
}

#[test]
fn a_stale_plan_is_made_again() {
    let world = World::new();
    world.live.fail("apply", "a", Fault::Conflict { message: "it moved".into() });
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.plugins.calls("memory", "plan"), 2);
    assert_eq!(world.live.objects().len(), 2);
}

#[test]
fn live_that_never_settles_is_given_up() {
    let world = World::new();
    for _ in 0..10 {
        world.live.fail("apply", "a", Fault::Conflict { message: "it moved".into() });
    }
    let failure = world.run("r1", &files("x", "-", "a")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Unsettled(_)), "{}", failure.0);
}

#[test]
fn deferred_objects_are_planned_when_their_wave_has_landed() {
    let world = World::new();
    world.live.wait_for("b", "a");
    world.live.set_wave("b", 1);
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.live.writes(), ["a", "b"]);
}

#[test]
fn what_is_deferred_for_ever_is_given_up() {
    let world = World::new();
    world.live.wait_for("b", "never");
    world.live.set_wave("b", 1);
    let failure = world.run("r1", &files("x", "-", "a\nb")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Stuck(1)), "{}", failure.0);
}

#[test]
fn it_waits_until_everything_is_healthy() {
    let world = World::new();
    world.live.set_health("a", [HealthStatus::Progressing, HealthStatus::Progressing, HealthStatus::Healthy]);
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert_eq!(world.plugins.calls("memory", "judge"), 3);
}

#[test]
fn what_stays_unhealthy_fails_and_is_recorded() {
    let world = World::new();
    world.live.set_health("a", [HealthStatus::Degraded]);
    let failure = world.run("r1", &files("x", "-", "a\nb")).unwrap_err();
    assert!(failure.0.to_string().contains("a is Degraded"), "{}", failure.0);
    let history = world.records();
    assert!(matches!(history[0].outcome, Outcome::Failed { stage: Stage::Health, .. }));
    assert_eq!(inventory(&world), ["a", "b"]);
}

#[test]
fn a_release_is_deployed_again_without_building_or_rendering() {
    let world = World::new();
    let first = world.run("r1", &files("one", "-", "a\nb")).unwrap();
    world.run("r2", &files("two", "-", "a")).unwrap();
    let executed = world.executions();
    let id = first.synced[0].sealed.record.release.unwrap();
    let release = world.store.releases(None, &id.hex()).unwrap().remove(0);
    let environment = &world.chain.environments[0];
    let order = Order { actor: "me", why: None, pin: false };
    redeploy(world.ports(), &release, (&environment.target, &environment.sync), order).unwrap();
    assert_eq!(world.executions(), executed);
    assert_eq!(world.text("a").unwrap(), "a: <ONE>");
    assert_eq!(world.text("b").unwrap(), "b: <ONE>");
}

#[test]
fn the_same_things_are_the_same_release() {
    let world = World::new();
    let release = |report: crate::run::Report| report.synced[0].sealed.record.release.unwrap();
    let first = release(world.run("r1", &files("one", "-", "a")).unwrap());
    let again = release(world.run("r1", &files("one", "-", "a")).unwrap());
    let other = release(world.run("r2", &files("two", "-", "a")).unwrap());
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn another_applications_object_is_left_alone() {
    let world = World::new();
    let theirs = LiveObject { body: world.body("theirs"), owner: "shop/site".into() };
    world.live.set("a", Some(theirs.clone()));
    let failure = world.run("r1", &files("x", "-", "a")).unwrap_err();
    assert!(failure.0.to_string().contains("shop/site"), "{}", failure.0);
    assert_eq!(world.live.get("a"), Some(theirs));
}
