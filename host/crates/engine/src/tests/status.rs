//! What is told of an environment.

use springline_model::application::ConfirmPrune;
use springline_model::history::Outcome;
use springline_model::manifest::{Action, Child, Health, HealthStatus};
use springline_model::plugin::Fault;
use springline_model::run::Stage;

use super::{World, files};
use crate::remove::{What, Word, remove};

fn child(parent: &str, live: &str, status: HealthStatus) -> Child {
    Child { parent: parent.into(), live: live.into(), health: Health { status, message: String::new() } }
}

#[test]
fn objects_are_a_tree_with_the_worst_first() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb\nc\nd")).unwrap();
    world.live.drift("b", world.body("edited"));
    world.live.set_health("c", [HealthStatus::Progressing]);
    world.live.set_account("c", &["1 of 2 replicas is ready"]);
    world.live.set_health("d", [HealthStatus::Degraded]);
    world.live.set_children(vec![
        child("c", "set", HealthStatus::Progressing),
        child("set", "pod-1", HealthStatus::Healthy),
        child("set", "pod-2", HealthStatus::Degraded),
        // A plugin that says nonsense can't hold anybody up.
        child("pod-2", "c", HealthStatus::Healthy),
    ]);
    let found = world.status();
    let names: Vec<&str> = found.objects.iter().map(|node| node.live.as_str()).collect();
    assert_eq!(names, ["d", "c", "b", "a"]);
    let health = found.health();
    assert_eq!((health.status, health.message.as_str()), (HealthStatus::Degraded, "d: d is Degraded"));
    assert_eq!(found.number(), 4);
    let [_, c, b, a] = &found.objects[..] else { panic!() };
    assert_eq!(c.why, ["1 of 2 replicas is ready"]);
    let pods: Vec<&str> = c.children[0].children.iter().map(|pod| pod.live.as_str()).collect();
    assert_eq!(pods, ["pod-2", "pod-1"]);
    assert_eq!((b.change, a.change), (Some(Action::Update), None));
    assert!(found.unexplained.is_none());
}

#[test]
fn it_is_told_without_what_the_target_can_not_say() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.fail("children", "", Fault::Failed { message: "pods is forbidden".into() });
    let found = world.status();
    assert!(found.unexplained.as_ref().unwrap().contains("pods is forbidden"));
    assert_eq!(found.health().status, HealthStatus::Healthy);
}

#[test]
fn what_can_not_be_planned_is_told_as_it_is_known_without() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.fail("plan", "", Fault::Conflict { message: "a is a directory".into() });
    let found = world.status();
    assert_eq!(found.release.as_ref().unwrap().revision, "r1");
    assert_eq!(found.health().status, HealthStatus::Unknown);
    assert!(found.health().message.ends_with("a is a directory"), "{}", found.health().message);
    assert_eq!(found.failed.unwrap().stage, Stage::Plan);
    assert!(world.status().failed.is_none());
}

#[test]
fn what_is_to_go_is_in_the_tree() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.fail("apply", "b", Fault::Failed { message: "busy".into() });
    world.run("r2", &files("x", "-", "a")).unwrap_err();
    let node = world.status().objects.into_iter().find(|node| node.live == "b").unwrap();
    assert_eq!((node.change, node.health), (Some(Action::Delete), None));
}

#[test]
fn what_never_got_to_the_target_is_told_and_not_taken_for_what_is_deployed() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let deployed = world.status().release.unwrap().id;
    let same = |world: &World| {
        let found = world.status();
        assert_eq!((found.release.as_ref().unwrap().id, found.number(), found.drifted.len()), (deployed, 2, 0));
        found
    };
    remove(world.ports(), (&world.place(), &What::Deployed), ("ann@here", Word::Person(None))).unwrap_err();
    assert_eq!(same(&world).refused, None, "nobody tried to deploy anything");
    world.chain.environments[0].sync.confirm_prune = ConfirmPrune { objects: Some(0), ..ConfirmPrune::default() };
    world.run("r2", &files("y", "-", "a")).unwrap_err();
    let found = same(&world);
    assert_eq!(found.alone.unconfirmed.unwrap().removals, ["b"]);
    assert_eq!(found.refused.unwrap().revision, "r2");
    world.chain.environments[0].sync.confirm_prune = ConfirmPrune::default();
    world.live.fail("plan", "", Fault::Conflict { message: "c is a directory".into() });
    world.run("r3", &files("y", "-", "a\nc")).unwrap_err();
    let found = same(&world);
    assert_eq!(found.alone.unconfirmed, None);
    let refused = found.refused.unwrap();
    assert!(
        matches!(refused.outcome, Outcome::Failed { stage: Stage::Plan, message } if message.contains("directory"))
    );
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(same(&world).refused, None);
}
