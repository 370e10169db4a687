//! An environment that goes from one target to another.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use springline_model::application::ConfirmPrune;
use springline_model::manifest::Action;
use springline_model::plugin::Fault;
use springline_model::port::{Blobs as _, Store as _};
use springline_testkit::Live;

use super::{World, files, uses};
use crate::error::Reason;
use crate::event::Point;
use crate::heal::Healed;
use crate::owned::Stays;
use crate::redeploy::{Order, redeploy};
use crate::remove::{What, Word, ask, is_removal, remove, stayed};
use crate::status::current;

/// A world whose environment is on `next` now; what is there.
fn moved() -> (World, Live) {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let next = Live::new();
    world.plugins.deploy_target("next", &next);
    world.before.push(world.chain.environments[0].target.clone());
    let target = &mut world.chain.environments[0].target;
    target.name = "next".into();
    target.uses = uses(&world.plugins, "next", "/targets/next");
    (world, next)
}

fn stays(live: &[&str]) -> Vec<Stays> {
    vec![Stays { target: "memory".into(), live: live.iter().map(|live| (*live).to_owned()).collect() }]
}

#[test]
fn what_is_on_the_old_target_is_not_deleted_but_told_until_it_is_removed() {
    let (world, next) = moved();
    let found = world.status();
    assert!(found.drifted.is_empty() && found.alone.stays.is_empty(), "it is still where it was");
    let report = world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!((next.objects().len(), world.live.objects().len()), (1, 2));
    let synced = &report.synced[0];
    assert_eq!((synced.sealed.record.counts.deleted, synced.sealed.record.counts.created), (0, 1));
    assert!(synced.done.iter().all(|done| done.action == Action::Create));
    assert_eq!(synced.stays, stays(&["a", "b"]));
    assert_eq!(synced.sealed.record.note.as_deref(), Some("stays: a, b on target `memory`"));
    assert_eq!(world.status().alone.stays, stays(&["a", "b"]));
    let report = world.run("r3", &files("y", "-", "a")).unwrap();
    assert_eq!((&report.synced[0].stays, &report.synced[0].sealed.record.note), (&stays(&["a", "b"]), &None));

    // It goes by itself, and what is deployed stays as it is.
    let (place, before) = (world.place(), current(world.ports(), &world.place()).unwrap());
    let what = stayed(world.ports(), &place).unwrap().remove(0);
    let confirmed = ask(world.ports(), (&place, &what), None).unwrap().unwrap().whole_confirmation();
    let word = Word::Person(Some(&confirmed));
    remove(world.ports(), (&place, &what), ("ann@here", word)).unwrap().unwrap();
    assert!(world.live.objects().is_empty());
    assert_eq!((next.objects().len(), current(world.ports(), &place).unwrap()), (1, before));
    assert!(world.status().alone.stays.is_empty() && stayed(world.ports(), &place).unwrap().is_empty());
    assert_eq!(world.inventory().objects.into_keys().collect::<Vec<_>>(), ["a"]);
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
}

#[test]
fn what_is_removed_from_the_old_target_hides_nothing_that_waits() {
    let (mut world, _) = moved();
    world.run("r2", &files("x", "-", "a\nb")).unwrap();
    world.chain.environments[0].sync.confirm_prune = ConfirmPrune { objects: Some(0), ..ConfirmPrune::default() };
    world.run("r3", &files("y", "-", "a")).unwrap_err();
    let place = world.place();
    let waits = || {
        assert!(matches!(world.heal().unwrap(), Healed::Unconfirmed(_)));
        let found = world.status();
        assert_eq!(found.alone.unconfirmed.unwrap().removals, ["b"]);
        assert_eq!(found.refused.unwrap().revision, "r3");
        found.alone.stays
    };
    assert_eq!(waits(), stays(&["a", "b"]));
    let removed = |fails: Option<(&'static str, &str)>| {
        let what = stayed(world.ports(), &place).unwrap().remove(0);
        // What was said yes to and failed is not asked again.
        let confirmed = ask(world.ports(), (&place, &what), None).unwrap().map(|waits| waits.whole_confirmation());
        if let Some((function, name)) = fails {
            world.live.fail(function, name, Fault::Failed { message: "busy".into() });
        }
        remove(world.ports(), (&place, &what), ("ann@here", Word::Person(confirmed.as_deref())))
    };
    removed(Some(("plan", ""))).unwrap_err();
    assert_eq!(waits(), stays(&["a", "b"]));
    removed(Some(("apply", "b"))).unwrap_err();
    assert_eq!(waits(), stays(&["b"]));
    removed(None).unwrap().unwrap();
    assert!(waits().is_empty() && world.live.objects().is_empty());
}

#[test]
fn what_stays_is_told_where_nothing_can_be_compared() {
    let (world, next) = moved();
    world.run("r2", &files("x", "-", "a")).unwrap();
    next.fail("plan", "", Fault::Failed { message: "busy".into() });
    let found = world.status();
    assert!(found.failed.is_some());
    assert_eq!(found.alone.stays, stays(&["a", "b"]));
    world.blobs.remove(&world.release_of("r2").objects).unwrap();
    let found = world.status();
    assert!(found.unexplained.is_some());
    assert_eq!(found.alone.stays, stays(&["a", "b"]));
}

#[test]
fn a_removal_on_the_old_target_is_one_though_something_stays_on_the_next() {
    let (world, _) = moved();
    world.watcher.act_at(Point::Intended, || resume_unwind(Box::new("a crash")));
    assert!(catch_unwind(AssertUnwindSafe(|| world.run("r2", &files("x", "-", "a")))).is_err());
    world.watcher.calm();
    let gone = remove(world.ports(), (&world.place(), &What::Deployed), ("ann@here", Word::Rule)).unwrap().unwrap();
    let record = &gone.synced[0].sealed.record;
    assert!(record.note.as_ref().unwrap().ends_with("; stays: a on target `next`"), "{:?}", record.note);
    assert!(world.live.objects().is_empty() && is_removal(record));
    assert_eq!(current(world.ports(), &world.place()).unwrap(), None);
    assert!(matches!(world.heal().unwrap(), Healed::NotDeployed));
}

#[test]
fn who_goes_back_owns_what_was_there() {
    let (mut world, next) = moved();
    world.run("r2", &files("x", "-", "a")).unwrap();
    let target = world.before.remove(0);
    world.before.push(std::mem::replace(&mut world.chain.environments[0].target, target));
    let report = world.run("r3", &files("x", "-", "a")).unwrap();
    assert_eq!(report.synced[0].sealed.record.counts.deleted, 1);
    assert_eq!((world.live.objects().len(), next.objects().len()), (1, 1));
    assert_eq!(report.synced[0].stays[0].to_string(), "a on target `next`");
}

#[test]
fn a_move_that_did_not_begin_is_none() {
    let (world, next) = moved();
    next.fail("plan", "", Fault::Failed { message: "busy".into() });
    world.run("r2", &files("x", "-", "a")).unwrap_err();
    assert_eq!(world.inventory().target.as_deref(), Some("memory"));
    assert!(world.inventory().elsewhere.is_empty());
    // What is live is looked after where it is.
    world.live.drift("b", world.body("edited"));
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert!(next.objects().is_empty() && world.text("b").unwrap().starts_with("b: "));
}

#[test]
fn a_release_of_the_old_target_is_not_deployed_beside_the_new_one() {
    let (world, _) = moved();
    let release = current(world.ports(), &world.place()).unwrap().unwrap();
    world.run("r2", &files("x", "-", "a")).unwrap();
    let order = Order { actor: "ann@here", why: None, pin: true };
    let policy = &world.chain.environments[0].sync;
    let failed = redeploy(world.ports(), &release, (&world.before[0], policy), order).unwrap_err();
    assert!(matches!(&failed.0.reason, Reason::OtherTarget { targets, .. } if **targets == ["memory", "next"]));
    assert_eq!(world.store.standing(&world.place()).unwrap().pin, None);
    assert_eq!(world.records().len(), 2);
}
