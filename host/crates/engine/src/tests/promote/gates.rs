//! Gates: health over a time, and approvals.

use springline_model::run::{Standing, Suspension};

use super::*;
use crate::remove::{What, Word, remove};

#[test]
fn it_soaks_for_as_long_as_it_is_said_without_a_break() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.soak_seconds = 60;
    ways.run("r1", "one");
    let since = ways.world.store.standing(&ways.world.place()).unwrap().soak.unwrap().since;
    let soaking = |since| vec![Wait::Soaking { since, until: since + 60_000 }];
    assert_eq!(ways.pending().waits, soaking(since));
    ways.world.clock.advance(Duration::from_secs(59));
    assert_eq!(ways.pending().waits, soaking(since));
    // One bad moment, and it begins anew.
    ways.world.live.set_health("b", [HealthStatus::Degraded, HealthStatus::Healthy]);
    let [Wait::NotHealthy { why }] = &ways.pending().waits[..] else { panic!() };
    assert_eq!(why, "b is Degraded: b is Degraded");
    let again = since + 59_000;
    assert_eq!(ways.pending().waits, soaking(again));
    // Drift that is repaired is no break, and neither is the same release once more.
    ways.world.clock.advance(Duration::from_secs(30));
    ways.run("r1", "one");
    assert_eq!(ways.pending().waits, soaking(again));
    ways.world.clock.advance(Duration::from_secs(30));
    assert!(ways.pending().waits.is_empty());
    // What never got there is neither, nor is a question what would go.
    ways.world.live.fail("plan", "", Fault::Failed { message: "no".into() });
    ways.world.run("r2", &files("two", "-", "a\nb")).unwrap_err();
    remove(ways.world.ports(), (&ways.world.place(), &What::Deployed), ("ann@here", Word::Person(None))).unwrap_err();
    assert!(ways.pending().waits.is_empty());
    // Another release has to soak for itself.
    ways.run("r2", "two");
    assert!(matches!(ways.pending().waits[..], [Wait::Soaking { .. }]));
}

#[test]
fn an_approval_is_for_one_release_and_one_promotion() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.approval = true;
    ways.run("r1", "one");
    assert_eq!(ways.pending().waits, [Wait::Approval]);
    let approval = |release| Approval { release, by: "bob@here".into(), why: "looks good".into(), at: 7 };
    let first = ways.pending().release.id;
    approve(ways.world.ports(), &ways.to(), &approval(first)).unwrap();
    assert!(ways.pending().waits.is_empty());
    assert_eq!(withdraw(ways.world.ports(), &ways.to(), &first).unwrap().len(), 1);
    assert_eq!(ways.pending().waits, [Wait::Approval]);
    approve(ways.world.ports(), &ways.to(), &approval(first)).unwrap();

    ways.run("r2", "two");
    assert_eq!(ways.pending().waits, [Wait::Approval], "it was of the one before");
    let second = ways.pending().release.id;
    approve(ways.world.ports(), &ways.to(), &approval(second)).unwrap();
    ways.promote(&ways.pending(), "two").unwrap();
    let note = ways.records()[0].note.clone().unwrap();
    assert_eq!(note, "the fair is today; approved by bob@here: looks good");
    assert!(ways.world.store.standing(&ways.to()).unwrap().approvals.is_empty(), "it is used up");
}

#[test]
fn it_waits_where_what_it_comes_from_is_to_be_left_alone() {
    let ways = two();
    ways.run("r1", "one");
    let suspension = Suspension { by: "bob".into(), why: "something is odd".into(), at: 7 };
    let hold = &mut |standing: &mut Standing| standing.suspended = Some(suspension.clone());
    ways.world.store.set_standing(&ways.world.place(), hold).unwrap();
    let pending = ways.pending();
    assert_eq!(pending.waits, [Wait::SourceSuspended(suspension)]);
    assert!(pending.waits[0].yields_to_people());
    ways.promote(&pending, "one").unwrap();
}

#[test]
fn it_waits_where_somebody_holds_one_of_the_two() {
    let ways = two();
    ways.run("r1", "one");
    let pin = Pin { release: ways.pending().release.id, by: "bob".into(), why: String::new(), at: 7 };
    let set = |place: &Place, pin: Option<Pin>| {
        ways.world.store.set_standing(place, &mut |standing| standing.pin = pin.clone()).unwrap()
    };
    set(&ways.world.place(), Some(pin.clone()));
    let pending = ways.pending();
    assert_eq!(pending.waits, [Wait::SourcePinned(pin.clone())]);
    assert!(pending.waits.iter().all(Wait::yields_to_people));
    set(&ways.world.place(), None);
    set(&ways.to(), Some(pin.clone()));
    let pending = ways.pending();
    assert_eq!(pending.waits, [Wait::Pinned(pin)]);
    assert!(!pending.waits[0].yields_to_people());
    let failure = *ways.promote(&pending, "one").unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Held { .. }));
    assert!(ways.production.objects().is_empty());
}

#[test]
fn a_look_starts_no_soak_of_what_is_not_live() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.soak_seconds = 60;
    ways.run("r1", "one");
    ways.world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    ways.world.run("r2", &files("two", "-", "a\nb")).unwrap_err();
    let healthy = || {
        let environment = &ways.world.chain.environments[0];
        let (target, policy) = (&environment.target, &environment.sync);
        crate::status::status(ways.world.ports(), &ways.world.place(), target, policy).unwrap();
        ways.world.store.standing(&ways.world.place()).unwrap().healthy.map(|healthy| healthy.release)
    };
    let second = ways.world.store.releases(Some(&ways.world.place()), "").unwrap();
    let second = second.into_iter().find(|release| release.revision == "r2").unwrap().id;
    assert_ne!(healthy(), Some(second));
    ways.run("r2", "two");
    ways.world.live.drift("b", ways.world.body("edited"));
    ways.world.store.set_standing(&ways.world.place(), &mut |standing| standing.healthy = None).unwrap();
    assert_eq!(healthy(), None, "what drifted is not what is to soak");
}

#[test]
fn gates_hold_up_to_the_plan() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.approval = true;
    ways.run("r1", "one");
    let release = ways.pending().release.id;
    let approval = |by: &str| Approval { release, by: by.into(), why: String::new(), at: 7 };
    approve(ways.world.ports(), &ways.to(), &approval("bob@here")).unwrap();
    let shown = ways.pending();
    withdraw(ways.world.ports(), &ways.to(), &release).unwrap();
    let refused = |ways: &Ways, shown: &Pending| {
        let failure = *ways.promote(shown, "one").unwrap_err();
        assert!(matches!(failure.0.reason, Reason::NotAsShown { .. }), "{}", failure.0);
        assert!(ways.production.objects().is_empty() && ways.records().is_empty());
        failure.0.to_string()
    };
    assert!(refused(&ways, &shown).contains("nobody approves of it"));
    // Who did not approve is not said to have.
    approve(ways.world.ports(), &ways.to(), &approval("eve@here")).unwrap();
    assert!(refused(&ways, &shown).contains("others have approved of it"));
    let shown = ways.pending();
    ways.world.live.set_health("a", [HealthStatus::Degraded, HealthStatus::Healthy]);
    assert!(refused(&ways, &shown).contains("it is not healthy where it comes from"));
    ways.promote(&ways.pending(), "one").unwrap();
}

#[test]
fn an_approval_is_used_up_with_the_record_of_its_promotion() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.approval = true;
    ways.run("r1", "one");
    let pending = ways.pending();
    let approval = Approval { release: pending.release.id, by: "bob".into(), why: String::new(), at: 7 };
    approve(ways.world.ports(), &ways.to(), &approval).unwrap();
    let approved = ways.pending();
    ways.world.watcher.act_at(Point::Recorded, || resume_unwind(Box::new("a crash")));
    assert!(catch_unwind(AssertUnwindSafe(|| ways.promote(&approved, "one"))).is_err());
    ways.world.watcher.calm();
    assert!(ways.world.store.standing(&ways.to()).unwrap().approvals.is_empty());
}

#[test]
fn what_got_there_by_a_promotion_or_came_back_soaks_from_then_on() {
    let mut ways = two();
    ways.world.chain.environments[1].gates.soak_seconds = 60;
    let soak = |ways: &Ways| ways.world.store.standing(&ways.world.place()).unwrap().soak;
    ways.run("r1", "one");
    let first = soak(&ways).unwrap();
    ways.world.clock.advance(Duration::from_secs(50));
    ways.run("r2", "two");
    ways.world.clock.advance(Duration::from_secs(50));
    // Back again: what it soaked before it went away does not count.
    let environment = &ways.world.chain.environments[0];
    let releases = ways.world.store.releases(Some(&ways.world.place()), "").unwrap();
    let one = releases.into_iter().find(|release| release.id == first.release).unwrap();
    let order = Order { actor: "ann", why: None, pin: false };
    redeploy(ways.world.ports(), &one, (&environment.target, &environment.sync), order).unwrap();
    let again = soak(&ways).unwrap();
    assert_eq!((again.release, again.since - first.since), (first.release, 100_000));
    // What is not healthy ends it, whoever finds that.
    ways.world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    ways.world.run("r3", &files("three", "-", "a\nb")).unwrap_err();
    assert_eq!(soak(&ways), None);
    let pending = ways.pending();
    assert!(matches!(pending.waits[..], [Wait::NotHealthy { .. }]), "{:?}", pending.waits);
    ways.world.chain.environments[1].gates.soak_seconds = 0;
    ways.run("r3", "three");
    ways.promote(&ways.pending(), "three").unwrap();
    assert!(ways.world.store.standing(&ways.to()).unwrap().soak.is_some());
}

#[test]
fn who_approves_of_one_release_takes_back_nothing_of_others() {
    let ways = two();
    let approval = |by: &str, release: &str| Approval {
        release: crate::tests::digest(release),
        by: by.into(),
        why: String::new(),
        at: 7,
    };
    for (by, release) in [("bob", "r1"), ("ann", "r0"), ("ann", "r2")] {
        approve(ways.world.ports(), &ways.to(), &approval(by, release)).unwrap();
    }
    let left = ways.world.store.standing(&ways.to()).unwrap().approvals;
    assert_eq!(left, [approval("bob", "r1"), approval("ann", "r2")]);
}
