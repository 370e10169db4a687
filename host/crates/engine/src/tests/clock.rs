//! Clocks that jump, forward and backward, at any time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use springline_model::history::Retention;
use springline_model::manifest::HealthStatus;
use springline_model::port::{Clock as _, Page, Store as _};
use springline_model::run::Timestamp;

use super::{World, files};
use crate::heal::Healed;

const HOUR: Timestamp = 3_600_000;
const DAY: Timestamp = 24 * HOUR;
/// By how much the clock is set: years ahead, and back before all that was written down.
const JUMPS: [Timestamp; 4] = [3_650 * DAY, HOUR, -HOUR, -3_650 * DAY];

fn jump(world: &World, by: Timestamp) {
    world.clock.set(world.clock.now() + by);
}

#[test]
fn what_is_synced_repaired_and_rolled_back_follows_the_order_in_which_it_happened() {
    for by in JUMPS {
        let world = World::rolling_back();
        world.run("r1", &files("one", "-", "a")).unwrap();
        jump(&world, by);
        world.run("r2", &files("two", "-", "a")).unwrap();
        jump(&world, -2 * by);
        world.live.drift("a", world.body("edited"));
        assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)), "{by}");
        assert_eq!(world.text("a").unwrap(), "a: <TWO>", "{by}");
        jump(&world, by);
        world.run("r3", &files("bad", "-", "a")).unwrap_err();
        assert_eq!(world.text("a").unwrap(), "a: <TWO>", "what was healthy last is live again: {by}");
        assert!(matches!(world.heal().unwrap(), Healed::InSync), "{by}");

        // Pages follow the chain, whatever their times are.
        let all = world.store.history(&Page::default()).unwrap().records;
        let sequences: Vec<_> = all.iter().map(|sealed| sealed.record.sequence).collect();
        assert_eq!(sequences, [5, 4, 3, 2, 1], "{by}");
        let mut leafed = Vec::new();
        let mut page = Page { limit: 2, ..Page::default() };
        loop {
            let found = world.store.history(&page).unwrap();
            leafed.extend(found.records);
            let Some(next) = found.next else { break };
            jump(&world, by);
            page.after = Some(next);
        }
        assert_eq!(leafed, all, "{by}");
        assert!(world.store.verify().unwrap().iter().all(|chain| chain.broken.is_none()), "{by}");
        assert!(world.store.runs(0).unwrap().iter().all(|run| run.ended.is_some()), "{by}");
    }
}

#[test]
fn a_clock_that_is_ahead_lets_nothing_go_that_is_kept_for_days() {
    for by in JUMPS {
        let world = World::new();
        for at in 0..4 {
            world.run(&format!("r{at}"), &files(&at.to_string(), "-", "a")).unwrap();
            jump(&world, HOUR);
        }
        jump(&world, by);
        let policy = Retention { keep_days: Some(2), keep_records: None };
        assert!(world.store.compact(policy, world.clock.now(), false).unwrap().is_empty(), "{by}");
        assert_eq!(world.store.history(&Page::default()).unwrap().records.len(), 4, "{by}");
    }
}

#[test]
fn no_jump_makes_a_wait_for_health_longer_or_shorter() {
    for by in JUMPS {
        let mut world = World::new();
        world.chain.environments[0].sync.health_seconds = 60;
        let (clock, live) = (world.clock.clone(), world.live.clone());
        // It is set after the first look, and what is waited for comes 40 seconds later.
        let looks = AtomicUsize::new(0);
        live.judge_by(move |_| {
            if looks.fetch_add(1, Ordering::Relaxed) == 1 {
                clock.set(clock.now() + by);
            }
            (clock.going() < Duration::from_secs(40)).then_some(HealthStatus::Progressing)
        });
        world.run("r1", &files("one", "-", "a")).unwrap();
        let began = world.clock.going();
        live.judge_by(|_| Some(HealthStatus::Progressing));
        jump(&world, by);
        let failure = world.run("r2", &files("two", "-", "a")).unwrap_err();
        assert!(failure.0.to_string().contains("not healthy after 60 s"), "{by}: {}", failure.0);
        assert_eq!(world.clock.going() - began, Duration::from_secs(60), "{by}");
    }
}

#[test]
fn no_jump_opens_a_gate_and_none_closes_it_for_ever() {
    for by in JUMPS {
        let world = World::new();
        world.run("r1", &files("one", "-", "a")).unwrap();
        let soaked = || {
            assert!(world.status().unhealthy.is_empty());
            world.store.standing(&world.place()).unwrap().soak.unwrap().at(world.clock.now())
        };
        jump(&world, by);
        assert!(soaked() <= HOUR / 12, "{by}: {}", soaked());
        jump(&world, -by);
        assert!(soaked() <= HOUR / 6, "{by}: {}", soaked());
        for _ in 0..60 {
            jump(&world, HOUR / 60);
            soaked();
        }
        assert!(soaked() >= HOUR, "{by}: {}", soaked());
    }
}
