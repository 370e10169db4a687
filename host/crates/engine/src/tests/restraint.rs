//! What of a plan is not done: ignored updates, protected objects, removals that nobody has confirmed.

use springline_model::application::{ConfirmPrune, Ignore, Sync};
use springline_model::capability::DirectoryGrant;
use springline_model::history::Outcome;
use springline_model::manifest::{Action, Change};
use springline_model::plugin::Fault;
use springline_model::run::{Inventory, Owned};

use super::{World, files};
use crate::error::Reason;
use crate::heal::Healed;
use crate::plan::Plan;
use crate::redeploy::{Order, redeploy};
use crate::restraint::{self, Unconfirmed};
use crate::run::Failure;
use crate::status::current;

const FOUR: &str = "a\nb\nc\nd";

fn policy(world: &mut World) -> &mut Sync {
    &mut world.chain.environments[0].sync
}

fn ignoring(objects: &str) -> Vec<Ignore> {
    vec![Ignore { objects: objects.into(), ..Ignore::default() }]
}

fn unconfirmed(failure: Failure) -> Unconfirmed {
    match failure.0.reason {
        Reason::Unconfirmed(unconfirmed) => *unconfirmed,
        other => panic!("{other}"),
    }
}

/// Says yes to the removal of these, in any order.
fn yes(to: &[&str]) -> Option<String> {
    let removals = to.iter().map(|&live| live.to_owned()).collect();
    let (owned, limit, confirmation, confirmed) = (0, String::new(), String::new(), None);
    Some(Unconfirmed { removals, owned, limit, confirmation, confirmed }.whole_confirmation())
}

#[test]
fn an_ignored_object_keeps_its_drift_and_is_told() {
    let mut world = World::new();
    policy(&mut world).ignore = ignoring("a*");
    world.run("r1", &files("x", "-", "a\nab\nb")).unwrap();
    world.live.drift("a", world.body("edited"));
    world.live.drift("b", world.body("edited"));
    world.applied();
    let report = world.run("r1", &files("x", "-", "a\nab\nb")).unwrap();
    assert_eq!(world.applied(), ["update b"]);
    assert_eq!(report.synced[0].ignored.iter().map(|change| change.live.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(world.text("a").unwrap(), "edited");
    // A revision that says something else of it leaves it as well.
    world.run("r2", &files("y", "-", "a\nab\nb")).unwrap();
    assert_eq!(world.applied(), ["update b"]);
    let found = world.status();
    assert!(found.drifted.is_empty());
    assert_eq!(found.alone.ignored.iter().map(|change| change.live.as_str()).collect::<Vec<_>>(), ["a", "ab"]);
    assert!(matches!(world.heal().unwrap(), Healed::InSync));
    // What is missing is made, and what is no longer desired goes.
    world.live.set("a", None);
    assert!(matches!(world.heal().unwrap(), Healed::Repaired(_)));
    assert_eq!(world.applied(), ["create a"]);
    world.run("r3", &files("y", "-", "ab\nb")).unwrap();
    assert_eq!(world.applied(), ["delete a"]);
}

#[test]
fn what_the_target_tells_of_ignored_fields_is_told_once() {
    let mut world = World::new();
    policy(&mut world).ignore = ignoring("a");
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.drift("a", world.body("edited"));
    world.chain.environments[0].target.leaves = true;
    policy(&mut world).ignore.push(Ignore { objects: "b".into(), pointers: vec!["/x".into()], ..Ignore::default() });
    let found = world.status();
    assert_eq!(found.alone.ignored.len(), 1);
    assert_eq!(found.alone.untold, None);
}

#[test]
fn a_rule_of_fields_is_the_target_s_and_ignores_no_object() {
    let mut world = World::new();
    let rule = Ignore { objects: "*".into(), pointers: vec!["/x".into()], ..Ignore::default() };
    policy(&mut world).ignore = vec![rule];
    world.chain.environments[0].target.leaves = true;
    world.run("r1", &files("x", "-", "a")).unwrap();
    world.live.drift("a", world.body("edited"));
    world.run("r1", &files("x", "-", "a")).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn what_is_protected_stays_and_stays_ours() {
    let mut world = World::new();
    policy(&mut world).protect = vec!["keep-*".into(), "b".into()];
    world.run("r1", &files("x", "-", "a\nb\nkeep-c\nd")).unwrap();
    let report = world.run("r2", &files("x", "-", "a")).unwrap();
    let protected = &report.synced[0].protected;
    assert_eq!(protected.iter().map(|kept| kept.live.as_str()).collect::<Vec<_>>(), ["b", "keep-c"]);
    assert_eq!(protected[1].by.as_deref(), Some("keep-*"));
    assert!(world.live.get("d").is_none() && world.live.get("b").is_some());
    assert_eq!(world.inventory().objects.keys().collect::<Vec<_>>(), ["a", "b", "keep-c"]);
    let found = world.status();
    assert!(found.drifted.is_empty());
    assert_eq!(found.alone.protected.len(), 2);
    // Nor do they go when nothing is desired any more.
    world.run_with("r3", &files("x", "-", ""), |request| request.prune_all = true).unwrap();
    assert_eq!(world.live.objects().len(), 2);
    policy(&mut world).protect.clear();
    world.run_with("r3", &files("x", "-", ""), |request| request.prune_all = true).unwrap();
    assert!(world.live.objects().is_empty());
}

#[test]
fn a_release_is_deployed_again_with_what_it_left_alone_and_protected() {
    let mut world = World::new();
    policy(&mut world).ignore = ignoring("a");
    policy(&mut world).protect = vec!["b".into()];
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    world.live.drift("a", world.body("edited"));
    *policy(&mut world) = Sync { ignore: ignoring("c"), ..Sync::default() };
    let release = current(world.ports(), &world.place()).unwrap().unwrap();
    let target = &world.chain.environments[0].target;
    let order = Order { actor: "somebody@somewhere", why: None, pin: false };
    redeploy(world.ports(), &release, (target, &Sync::default()), order).unwrap();
    assert_eq!(world.text("a").unwrap(), "edited");
    assert!(world.status().drifted.is_empty());
    // What comes from the source is as the source says now.
    world.run("r2", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.text("a").unwrap(), "a: <X>");
}

#[test]
fn too_many_removals_wait_for_a_yes_to_what_they_are() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", FOUR)).unwrap();
    policy(&mut world).confirm_prune = ConfirmPrune { percent: Some(50), objects: None, confirmed: None };
    // Half of them is not more than half of them.
    world.run("r2", &files("x", "-", "a\nb")).unwrap();
    world.run("r3", &files("x", "-", FOUR)).unwrap();
    world.applied();
    let what = unconfirmed(world.run("r4", &files("y", "-", "a")).unwrap_err());
    assert_eq!((&what.removals[..], what.owned), (&["d".to_owned(), "c".into(), "b".into()][..], 4));
    assert!(what.to_string().contains("3 of 4 live objects would be removed, and more than 50 percent"), "{what}");
    assert!(world.applied().is_empty(), "what would be written waits as well");
    // Self-heal waits, and trying again fills no history.
    let before = world.records().len();
    assert!(matches!(world.heal().unwrap(), Healed::Unconfirmed(found) if found.removals == what.removals));
    unconfirmed(world.run("r4", &files("y", "-", "a")).unwrap_err());
    assert_eq!(world.records().len(), before);
    assert_eq!(world.status().alone.unconfirmed.unwrap().removals.len(), 3);
    // A yes to something else is none, be it as many; nor is a bare number.
    let three = what.confirmation.clone();
    for confirmed in [format!("2-{}", &three[2..]), "3-00000000".into(), "3".into(), "3-".into()] {
        policy(&mut world).confirm_prune.confirmed = Some(confirmed.clone());
        let other = unconfirmed(world.run("r4", &files("y", "-", "a")).unwrap_err());
        assert!(
            other.to_string().starts_with(&format!("`{confirmed}` confirms other removals, and 3 of 4")),
            "{other}"
        );
        assert_eq!(other.confirmation, three);
    }
    policy(&mut world).confirm_prune.confirmed = Some(three.clone());
    // Another revision removes as many others.
    let other = unconfirmed(world.run("r5", &files("y", "-", "b")).unwrap_err());
    assert_eq!((other.removals.len(), other.confirmation == three), (3, false));
    // So many would pass without any, and are something else than what was said yes to.
    let few = unconfirmed(world.run("r5", &files("y", "-", "a\nb\nc")).unwrap_err());
    assert_eq!((few.removals.len(), few.limit.as_str()), (1, ""));
    assert!(world.applied().is_empty());
    world.run("r4", &files("y", "-", "a")).unwrap();
    assert_eq!(world.applied(), ["update a", "delete d", "delete c", "delete b"]);
    let record = world.records().remove(0);
    assert_eq!(record.outcome, Outcome::Succeeded);
}

#[test]
fn a_confirmed_prune_that_failed_in_part_is_tried_again_without_another_yes() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", FOUR)).unwrap();
    policy(&mut world).confirm_prune =
        ConfirmPrune { percent: None, objects: Some(1), confirmed: yes(&["b", "c", "d"]) };
    for name in ["b", "c"] {
        world.live.fail("apply", name, Fault::Failed { message: "busy".into() });
    }
    world.run("r2", &files("x", "-", "a")).unwrap_err();
    assert_eq!(world.inventory().objects.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    policy(&mut world).confirm_prune.confirmed = None;
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(world.live.objects().keys().collect::<Vec<_>>(), ["a"]);
    // Two others are two too many again.
    world.run("r3", &files("x", "-", FOUR)).unwrap();
    assert_eq!(unconfirmed(world.run("r4", &files("x", "-", "a\nb")).unwrap_err()).removals, ["d", "c"]);
}

#[test]
fn a_confirmed_prune_that_is_planned_again_midway_goes_on() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", FOUR)).unwrap();
    policy(&mut world).confirm_prune =
        ConfirmPrune { percent: None, objects: Some(1), confirmed: yes(&["b", "c", "d"]) };
    world.live.fail("apply", "c", Fault::Conflict { message: "it has changed".into() });
    world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(world.live.objects().keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_is_gone_already_is_no_removal_and_is_not_kept() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", FOUR)).unwrap();
    policy(&mut world).confirm_prune = ConfirmPrune { percent: None, objects: Some(1), confirmed: None };
    policy(&mut world).protect = vec!["b".into(), "c".into()];
    for gone in ["b", "d"] {
        world.live.set(gone, None);
    }
    let report = world.run("r2", &files("x", "-", "a")).unwrap();
    assert_eq!(report.synced[0].protected.iter().map(|kept| kept.live.as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(world.inventory().objects.keys().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn what_goes_already_is_in_neither_number() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a\nb\nc\nd\ne\nf")).unwrap();
    for held in ["c", "d", "e", "f"] {
        world.live.hold(held);
    }
    world.run("r2", &files("x", "-", "a\nb")).unwrap();
    assert_eq!(world.inventory().objects.len(), 6, "they are held");
    policy(&mut world).confirm_prune = ConfirmPrune { percent: Some(50), objects: None, confirmed: None };
    let all = |request: &mut crate::run::Request<'_>| request.prune_all = true;
    let what = unconfirmed(world.run_with("r3", &files("x", "-", ""), all).unwrap_err());
    assert_eq!((what.removals.len(), what.owned), (2, 2));
}

#[test]
fn a_target_that_can_not_leave_fields_alone_is_refused() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    let fields = Ignore { objects: "a".into(), pointers: vec!["/spec/replicas".into()], managers: Vec::new() };
    policy(&mut world).ignore = vec![fields];
    world.live.drift("a", world.body("scaled"));
    world.applied();
    let failure = world.run("r2", &files("y", "-", "a")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::LeavesNothing { .. }), "{}", failure.0);
    world.heal().unwrap_err();
    assert!(world.applied().is_empty());
    assert_eq!(world.text("a").unwrap(), "scaled");
}

#[test]
fn nothing_is_made_in_a_directory_over_what_stays() {
    let mut world = World::new();
    world.chain.environments[0].target.uses.grants.directory = Some(DirectoryGrant { path: "live".into() });
    world.run("r1", &files("x", "-", "a/kept\na/gone\nb\nc/d")).unwrap();
    policy(&mut world).protect = vec!["a/kept".into(), "b".into()];
    for (list, told) in
        [("a\nb\nc/d", "`a` can't be made, as `a/kept`"), ("b/new\nc/d", "`b/new` can't be made, as `b`")]
    {
        world.applied();
        let failure = world.run("r2", &files("x", "-", list)).unwrap_err();
        assert!(failure.0.reason.to_string().starts_with(told), "{}", failure.0);
        assert!(world.applied().is_empty());
    }
    // What goes is in nobody's way, and what does not go for another reason is.
    world.run("r3", &files("x", "-", "c\nd")).unwrap();
    policy(&mut world).prune = false;
    world.run("r4", &files("x", "-", "c/d")).unwrap_err();
}

#[test]
fn an_empty_render_needs_its_own_word_besides() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", FOUR)).unwrap();
    policy(&mut world).confirm_prune =
        ConfirmPrune { percent: None, objects: Some(3), confirmed: yes(&["a", "b", "c", "d"]) };
    let failure = world.run("r2", &files("x", "-", "")).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::EmptyRender { owned: 4 }));
    policy(&mut world).confirm_prune.confirmed = None;
    let all = |world: &World| world.run_with("r2", &files("x", "-", ""), |request| request.prune_all = true);
    assert_eq!(unconfirmed(all(&world).unwrap_err()).removals.len(), 4);
    policy(&mut world).confirm_prune.confirmed = yes(&["a", "b", "c", "d"]);
    all(&world).unwrap();
    assert!(world.live.objects().is_empty());
}

#[test]
fn what_may_be_protected_by_where_it_comes_from_stays_where_that_is_not_known() {
    let delete = |live: &str| Change {
        live: live.into(),
        object: String::new(),
        action: Action::Delete,
        wave: 0,
        summary: String::new(),
        before: Some("1".into()),
        after: None,
        state: Vec::new(),
    };
    let protected = |patterns: &[&str], object: &str| -> Vec<(String, bool)> {
        let owned = |object: &str| Owned { object: object.into(), ..Owned::default() };
        let objects = [("ns/PVC/db", owned(object)), ("ns/Job/a", owned("jobs/a.yaml"))];
        let objects = objects.map(|(live, owned)| (live.to_owned(), owned)).into();
        let mut plan = Plan { changes: vec![delete("ns/PVC/db"), delete("ns/Job/a")], ..Plan::default() };
        let protect = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        restraint::protect(
            &mut plan,
            &Inventory { objects, ..Inventory::default() },
            &Sync { protect, ..Sync::default() },
        );
        plan.protected.into_iter().map(|kept| (kept.live, kept.unsure)).collect()
    };
    let db = |unsure| vec![("ns/PVC/db".to_owned(), unsure)];
    assert_eq!(protected(&["db/*"], "db/pvc.yaml"), db(false));
    assert_eq!(protected(&["db/*"], "other/pvc.yaml"), []);
    assert_eq!(protected(&["db/*"], ""), db(true), "after a loss of the state");
    assert_eq!(protected(&["*/PVC/*"], ""), db(false));
    assert_eq!(protected(&["*/Job/*"], ""), [("ns/Job/a".to_owned(), false)], "it is about live objects");
}
