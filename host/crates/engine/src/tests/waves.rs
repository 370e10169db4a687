//! The order of changes, and waves that wait for each other.

use std::time::Duration;

use springline_model::history::Outcome;
use springline_model::manifest::{Action, Change, HealthStatus};
use springline_model::plugin::Fault;
use springline_model::port::Clock as _;
use springline_model::run::Stage;

use super::{World, files};
use crate::error::Reason;
use crate::event::Awaited;
use crate::plan::order;

fn change(action: Action, wave: i32, live: &str) -> Change {
    Change {
        live: live.into(),
        object: String::new(),
        action,
        wave,
        summary: String::new(),
        before: None,
        after: None,
        state: Vec::new(),
    }
}

#[test]
fn within_a_wave_the_targets_order_is_kept_and_reversed_for_deletes() {
    let mut changes = vec![
        change(Action::Delete, 0, "namespace"),
        change(Action::Delete, 0, "service"),
        change(Action::Delete, 1, "job"),
        change(Action::Create, 1, "web"),
        change(Action::Update, 0, "secret"),
        change(Action::Create, 0, "account"),
        change(Action::Adopt, -1, "kind"),
    ];
    order(&mut changes);
    let order: Vec<&str> = changes.iter().map(|change| change.live.as_str()).collect();
    assert_eq!(order, ["kind", "secret", "account", "web", "job", "service", "namespace"]);
}

/// A world with `a` in wave 0, `b` in wave 1 and `c` in wave 2.
fn three_waves() -> World {
    let world = World::new();
    world.live.set_wave("b", 1);
    world.live.set_wave("c", 2);
    world
}

const THREE: &str = "a\nb\nc";

#[test]
fn a_wave_begins_when_the_one_before_it_is_healthy() {
    let world = three_waves();
    let (live, clock) = (world.live.clone(), world.clock.clone());
    let began = clock.now();
    world.live.judge_by(move |name| {
        // b is judged only when a is healthy: it is not there before.
        assert!(name != "a" || live.get("b").is_none() || clock.now() - began >= 3_000);
        (name == "a" && clock.now() - began < 3_000).then_some(HealthStatus::Progressing)
    });
    world.run("r1", &files("x", "-", THREE)).unwrap();
    assert_eq!(world.applied(), ["create a", "create b", "create c"]);
    let waits = world.watcher.waits();
    assert!(waits.iter().all(|wait| wait.awaited == Awaited::Wave(0)), "{waits:?}");
    assert_eq!(waits[0].worst[0].to_string(), "a is Progressing: a is Progressing");
    assert!(world.inventory().objects.values().all(|owned| owned.unproven.is_none()));
}

#[test]
fn one_wave_alone_is_looked_at_once() {
    let world = World::new();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    assert_eq!((world.plugins.calls("memory", "observe"), world.plugins.calls("memory", "judge")), (1, 3));
    world.run("r1", &files("x", "-", THREE)).unwrap();
    let calls = ["identify", "plan", "hooks", "observe", "judge", "apply", "owned"];
    let calls = calls.map(|function| world.plugins.calls("memory", function));
    assert_eq!(calls, [2, 2, 1, 2, 6, 3, 1], "a sync with nothing to do asks for nothing that it needs not");
}

#[test]
fn what_is_in_the_last_wave_is_looked_at_in_the_end_only() {
    let world = three_waves();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    // One look before each of the waves 1 and 2, at what was applied before them and not seen healthy.
    assert_eq!((world.plugins.calls("memory", "observe"), world.plugins.calls("memory", "judge")), (3, 5));
}

#[test]
fn a_wave_that_does_not_get_healthy_ends_the_sync() {
    let world = three_waves();
    world.live.set_health("b", [HealthStatus::Progressing]);
    world.live.set_account("b", &["Back-off pulling image \"shop:1.2\"", "0 of 2 replicas are ready"]);
    let failure = world.run("r1", &files("x", "-", THREE)).unwrap_err();
    assert_eq!(
        failure.0.to_string(),
        "1 of 1 live objects up to wave 1 are not healthy after 10 s; the worst: b is Progressing: b is Progressing\n  \
         Back-off pulling image \"shop:1.2\"\n  0 of 2 replicas are ready"
    );
    assert_eq!(world.applied(), ["create a", "create b"]);
    let record = world.records().remove(0);
    assert!(matches!(record.outcome, Outcome::Failed { stage: Stage::Apply, .. }));
    let unproven = world.inventory().objects.into_iter().filter(|(_, owned)| owned.unproven.is_some());
    assert_eq!(unproven.map(|(live, _)| live).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn the_next_sync_still_waits_for_what_the_last_one_did_not_see_healthy() {
    let world = three_waves();
    world.live.set_health("b", [HealthStatus::Progressing]);
    world.run("r1", &files("x", "-", THREE)).unwrap_err();
    let failure = world.run("r1", &files("x", "-", THREE)).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Unhealthy { awaited: Awaited::Wave(1), .. }), "{}", failure.0);
    assert!(world.live.get("c").is_none());
    world.live.set_health("b", [HealthStatus::Healthy]);
    world.run("r1", &files("x", "-", THREE)).unwrap();
    assert_eq!(world.applied(), ["create a", "create b", "create c"]);
}

#[test]
fn a_fix_in_an_earlier_wave_does_not_wait_for_what_it_mends() {
    let world = three_waves();
    world.live.set_health("b", [HealthStatus::Progressing]);
    world.run("r1", &files("x", "-", THREE)).unwrap_err();
    let live = world.live.clone();
    world.live.before_apply(move |change| {
        if change.live == "a" {
            live.set_health("b", [HealthStatus::Healthy]);
        }
    });
    world.live.drift("a", world.body("edited"));
    world.run("r1", &files("x", "-", THREE)).unwrap();
    assert!(world.live.get("c").is_some());
}

#[test]
fn what_is_degraded_is_given_some_time_and_not_all_of_it() {
    let mut world = World::new();
    world.chain.environments[0].sync.health_seconds = 300;
    let (clock, began) = (world.clock.clone(), world.clock.now());
    world.live.judge_by(move |_| (clock.now() - began < 20_000).then_some(HealthStatus::Degraded));
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.judge_by(|name| (name == "a").then_some(HealthStatus::Degraded));
    let (before, failure) = (world.clock.now(), world.run("r1", &files("x", "-", "a\nb")).unwrap_err());
    assert!(failure.0.to_string().contains("1 of 2 live objects are not healthy after 3"), "{}", failure.0);
    let passed = world.clock.now() - before;
    assert!((30_000..40_000).contains(&passed), "{passed}");
}

#[test]
fn nothing_is_removed_before_what_was_applied_is_healthy() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.applied();
    world.live.set_health("c", [HealthStatus::Progressing]);
    let failure = world.run("r2", &files("x", "-", "b\nc")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Unhealthy { awaited: Awaited::Applied, .. }), "{}", failure.0);
    assert_eq!(world.applied(), ["create c"]);
    world.live.set_health("c", [HealthStatus::Progressing, HealthStatus::Healthy]);
    world.run("r2", &files("x", "-", "b\nc")).unwrap();
    assert_eq!(world.applied(), ["delete a"]);
}

#[test]
fn deletes_of_an_earlier_wave_wait_until_the_later_ones_are_gone() {
    let world = three_waves();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    world.applied();
    world.live.linger("c", 3);
    let (clock, began) = (world.clock.clone(), world.clock.now());
    world.live.before_apply(move |change| assert!(change.live != "b" || clock.now() - began >= 1_000));
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(world.applied(), ["delete c", "delete b"]);
}

#[test]
fn nobody_waits_until_that_is_gone_which_stays() {
    let world = three_waves();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    world.live.keep("c");
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(world.live.objects().into_keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a"], "it is owned no more");
    assert!(world.clock.slept().is_empty());
}

#[test]
fn what_is_never_gone_ends_the_sync() {
    let world = three_waves();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    world.live.linger("c", usize::MAX);
    let failure = world.run("r2", &files("x", "-", "a")).unwrap_err();
    assert_eq!(failure.0.to_string(), "`c` is still there 10 s after it was deleted");
    assert!(world.live.get("b").is_some());
}

#[test]
fn why_something_is_not_healthy_is_asked_for_seldom() {
    let mut world = World::new();
    world.chain.environments[0].sync.health_seconds = 100;
    world.live.set_health("a", [HealthStatus::Progressing]);
    world.live.set_account("a", &["no node has room"]);
    world.run("r1", &files("x", "-", "a")).unwrap_err();
    let waits = world.watcher.waits();
    assert!(waits[0].worst[0].why.is_empty());
    assert_eq!(waits.last().unwrap().worst[0].why, ["no node has room"]);
    let asked = world.plugins.calls("memory", "explain-health");
    assert!((3..=5).contains(&asked), "{asked} times in 100 s");
}

#[test]
fn a_wait_is_not_failed_by_an_account_that_fails() {
    let world = World::new();
    world.live.set_health("a", [HealthStatus::Progressing]);
    for _ in 0..9 {
        world.live.fail("explain-health", "", Fault::Failed { message: "no".into() });
    }
    let failure = world.run("r1", &files("x", "-", "a")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Unhealthy { .. }), "{}", failure.0);
}

#[test]
fn many_objects_are_judged_in_their_order() {
    let world = World::new();
    let names: Vec<String> = (0..300).map(|at| format!("o{at:03}")).collect();
    world.live.set_health("o123", [HealthStatus::Progressing, HealthStatus::Healthy]);
    world.run("r1", &files("x", "-", &names.join("\n"))).unwrap();
    let waits = world.watcher.waits();
    assert_eq!((waits[0].unhealthy, waits[0].all, waits[0].worst[0].live.as_str()), (1, 300, "o123"));
    assert_eq!(world.plugins.calls("memory", "judge"), 300 + 1 + 300, "in the end all are healthy in one look");
}

#[test]
fn every_call_is_made_again_when_it_fails_in_a_way_that_passes() {
    let world = World::new();
    let later = || Fault::Transient { message: "later".into(), retry_after: Some(Duration::from_millis(100)) };
    for (function, name) in
        [("identify", ""), ("plan", ""), ("hooks", ""), ("observe", ""), ("judge", "a"), ("owned", "")]
    {
        world.live.fail(function, name, later());
        world.live.fail(function, name, later());
    }
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert_eq!(world.clock.slept().iter().sum::<Duration>(), Duration::from_millis(1200));
    for _ in 0..4 {
        world.live.fail("plan", "", later());
    }
    let failure = world.run("r1", &files("x", "-", "a")).unwrap_err();
    assert_eq!((failure.0.stage, failure.0.to_string().contains("later")), (Stage::Plan, true), "{}", failure.0);
}

#[test]
fn what_holds_up_a_wave_of_deletes_is_still_ours() {
    let world = three_waves();
    world.run("r1", &files("x", "-", THREE)).unwrap();
    world.live.hold("c");
    let failure = world.run("r2", &files("x", "-", "a")).unwrap_err();
    assert!(matches!(&failure.0.reason, Reason::StillThere { live, more: 0, .. } if live == "c"), "{}", failure.0);
    let owned = world.inventory().objects;
    assert_eq!(
        owned.iter().map(|(live, owned)| (live.as_str(), owned.going)).collect::<Vec<_>>(),
        [("a", false), ("b", false), ("c", true)]
    );
    world.live.set("c", None);
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a"]);
}
