//! Releases that move on from one environment to the next.

mod gates;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use springline_model::application::OnFailure;
use springline_model::history::{Outcome, Record};
use springline_model::manifest::HealthStatus;
use springline_model::plugin::Fault;
use springline_model::port::{Page, Revision, Store as _};
use springline_model::run::{Approval, Cause, Pin, Place, Release, RunState};
use springline_testkit::{Live, MemoryTree};

use super::{PLAIN, World, files, uses};
use crate::build::Source;
use crate::chain::Environment;
use crate::error::Reason;
use crate::event::Point;
use crate::promote::{Decision, Pending, Preview, Route, Wait, decide, preview, promote};
use crate::redeploy::{Order, redeploy};
use crate::remove::{What, Word, remove};
use crate::run::{Failure, Moved, Report, Request};
use crate::standing::{Obstacle, approve, withdraw};

/// `site`, and `production` that is promoted from it, with a target and a page of its own.
struct Ways {
    world: World,
    production: Live,
}

fn two() -> Ways {
    let mut world = World::new();
    let production = Live::new();
    world.plugins.deploy_target("far", &production);
    let mut next = world.chain.environments[0].clone();
    next.name = "production".into();
    next.promote_from = Some("site".into());
    next.target.uses = uses(&world.plugins, "far", "/targets/far");
    next.values = r#"{"host":"example.org"}"#.into();
    world.chain.environments.push(next);
    Ways { world, production }
}

impl Ways {
    fn to(&self) -> Place {
        Place { environment: "production".into(), ..self.world.place() }
    }

    fn decide(&self) -> Decision {
        self.decide_on(None).unwrap()
    }

    fn decide_on(&self, named: Option<&Release>) -> Result<Decision, Reason> {
        let (from, to) = (self.world.place(), self.to());
        let gates = &self.world.chain.environments[1].gates;
        decide(self.world.ports(), Route { from: &from, to: &to, gates }, named)
    }

    #[track_caller]
    fn pending(&self) -> Pending {
        match self.decide() {
            Decision::Pending(pending) => *pending,
            Decision::Nothing => panic!("there is nothing to promote"),
        }
    }

    /// Asks for something with the tree of this page and the production environment alone.
    fn with<T>(&self, revision: &str, page: &str, act: impl FnOnce(Request<'_>) -> T) -> T {
        let files = files(page, "-", "a\nb");
        let tree = MemoryTree::of_files(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
        let revision = Revision { id: revision.into(), time: 1_700_000_000, subject: "A change".into() };
        let environments: Vec<&Environment> = vec![&self.world.chain.environments[1]];
        let source = Source::chosen(&revision, &tree);
        let request = Request::new(&self.world.chain, source, &Cause::Promotion, "ann@here");
        act(Request { environments: &environments, ..request })
    }

    fn promote(&self, pending: &Pending, page: &str) -> Result<Report, Failure> {
        let moved = Some(moved(pending));
        let note = pending.note(Some("the fair is today"));
        self.with(&pending.release.revision, page, |request| {
            promote(self.world.ports(), Request { note: note.as_deref(), moved, ..request })
        })
    }

    fn records(&self) -> Vec<Record> {
        let page = Page { environment: Some("production".into()), ..Page::default() };
        self.world.store.history(&page).unwrap().records.into_iter().map(|sealed| sealed.record).collect()
    }

    fn production(&self, name: &str) -> Option<String> {
        let springline_model::manifest::Body::Blob(digest) = self.production.get(name)?.body else { return None };
        let bytes = springline_model::port::Blobs::get(self.world.blobs.as_ref(), &digest).unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn run(&self, revision: &str, page: &str) -> Report {
        self.world.run(revision, &files(page, "-", "a\nb")).unwrap()
    }
}

#[test]
fn a_run_leaves_it_to_a_promotion() {
    let ways = two();
    for cause in [&Cause::Run, &Cause::Push] {
        let report = ways.world.run_with("r1", &files("one", "-", "a\nb"), |request| request.cause = cause).unwrap();
        assert_eq!(report.synced.len(), 1);
        assert_eq!(report.skipped, [("production".into(), Obstacle::Promoted { from: "site".into() })]);
        assert_eq!(report.skipped[0].1.to_string(), "waits for promotion from site");
    }
    assert!(ways.production.objects().is_empty());
}

#[test]
fn the_same_artifacts_move_on_and_nothing_is_built_again() {
    let ways = two();
    assert!(matches!(ways.decide(), Decision::Nothing));
    ways.run("r1", "one");
    let pending = ways.pending();
    assert!(pending.waits.is_empty() && pending.current);
    let executed = ways.world.executions();
    let shown = ways.with("r1", "one", |request| {
        preview(ways.world.ports(), Request { moved: Some(moved(&pending)), ..request }).unwrap()
    });
    let Preview { release, differences } = shown;
    assert_eq!(differences.changes.len(), 2);
    assert!(ways.production.objects().is_empty() && ways.records().is_empty());

    let report = ways.promote(&pending, "one").unwrap();
    let [upper, wrap, _] = ways.world.executions();
    assert_eq!([upper, wrap], executed[..2], "nothing is built");
    assert_eq!(ways.production("a").unwrap(), "a: <ONE>");
    let [record] = &ways.records()[..] else { panic!() };
    assert_eq!((&record.cause, record.from), (&Cause::Promotion, Some(pending.release.id)));
    assert_eq!(record.note.as_deref(), Some("the fair is today"));
    assert_eq!(record.release, Some(release.id), "it is what was shown");
    assert_eq!(report.artifacts.digests, pending.release.artifacts);
    assert!(matches!(ways.decide(), Decision::Nothing));
    // A revision that changes nothing of it is a release as well.
    ways.run("r2", "one");
    assert_eq!(ways.pending().release.revision, "r2");
}

fn moved(pending: &Pending) -> Moved<'_> {
    pending.moved()
}

#[test]
fn nothing_is_said_of_artifacts_where_there_are_none() {
    let mut ways = two();
    ways.world.chain.artifacts.clear();
    let plain = ways.world.plugins.renderer("plain", |_| Ok(vec![("a".to_owned(), "a".into())]));
    for environment in &mut ways.world.chain.environments {
        environment.render.plugin = plain.clone();
    }
    ways.run("r1", "one");
    let before = ways.world.watcher.details().len();
    ways.promote(&ways.pending(), "one").unwrap();
    let details = ways.world.watcher.details().split_off(before);
    assert!(!details.is_empty() && details.iter().all(|detail| !detail.contains("artifact")), "{details:?}");
}

#[test]
fn what_is_lost_is_not_built_again() {
    let ways = two();
    let report = ways.run("r1", "one");
    let pending = ways.pending();
    let executed = ways.world.executions();
    ways.world.blobs.damage(&report.artifacts.digests["site"]);
    let failure = *ways.promote(&pending, "one").unwrap_err();
    assert!(matches!(&failure.0.reason, Reason::ArtifactLost { artifact, .. } if artifact == "site"), "{}", failure.0);
    assert_eq!(ways.world.executions(), executed);
    assert!(ways.production.objects().is_empty());
    assert!(ways.world.store.unfinished().unwrap().is_empty());
}

#[test]
fn a_plugin_that_is_another_one_now_is_refused() {
    let mut ways = two();
    ways.run("r1", "one");
    let pending = ways.pending();
    ways.world.chain.environments[1].render.plugin.digest = super::digest("another");
    let failure = *ways.promote(&pending, "one").unwrap_err();
    assert!(matches!(failure.0.reason, Reason::OtherPlugin { .. }), "{}", failure.0);
    assert!(ways.production.objects().is_empty());
}

#[test]
fn what_did_not_get_live_where_it_comes_from_does_not_move_on() {
    let ways = two();
    ways.run("r1", "one");
    ways.world.live.fail("apply", "a", Fault::Failed { message: "no".into() });
    ways.world.run("r2", &files("two", "-", "a\nb")).unwrap_err();
    let [Wait::NotHealthy { why }] = &ways.pending().waits[..] else { panic!() };
    assert_eq!(why, "its last sync there did not get past apply");
    ways.run("r2", "two");
    assert!(ways.pending().waits.is_empty());
}

#[test]
fn an_earlier_release_is_promoted_if_it_was_healthy_once() {
    let mut ways = two();
    ways.run("r1", "one");
    let first = ways.pending().release;
    ways.run("r2", "two");
    let named = |ways: &Ways| match ways.decide_on(Some(&first)).unwrap() {
        Decision::Pending(pending) => *pending,
        Decision::Nothing => panic!(),
    };
    let pending = named(&ways);
    assert!(pending.waits.is_empty() && !pending.current);
    ways.promote(&pending, "one").unwrap();
    assert_eq!(ways.production("a").unwrap(), "a: <ONE>");
    ways.promote(&ways.pending(), "two").unwrap();
    ways.world.chain.environments[1].gates.soak_seconds = 1;
    assert!(matches!(named(&ways).waits[..], [Wait::NotHealthy { .. }]), "it can't soak where it is not deployed");
}

#[test]
fn a_source_that_moves_meanwhile_is_not_promoted() {
    for point in [None, Some(Point::Begun), Some(Point::Rendered)] {
        let ways = two();
        ways.run("r1", "one");
        let pending = ways.pending();
        let store = &ways.world.store;
        match point {
            None => drop(ways.run("r2", "two")),
            Some(point) => {
                // Another worker of the same process: it writes what it deployed.
                let newest = store.history(&Page::default()).unwrap().records.remove(0).record;
                let mut release = pending.release.clone();
                (release.id, release.revision) = (super::digest("r2"), "r2".into());
                let mut run = store.run(1).unwrap().unwrap();
                run.number = store.begin(&run).unwrap();
                let record = Record { release: Some(release.id), revision: "r2".into(), ..newest };
                let finish = springline_model::port::Finish {
                    run,
                    record,
                    release: Some(release),
                    inventory: None,
                    touched: Vec::new(),
                    tells: None,
                    at: 0,
                };
                let finish = std::sync::Mutex::new(Some(finish));
                let other = store.clone();
                ways.world.watcher.act_at(point, move || {
                    if let Some(finish) = finish.lock().unwrap().take() {
                        other.finish(finish).unwrap();
                    }
                });
            }
        }
        let failure = *ways.promote(&pending, "one").unwrap_err();
        assert!(matches!(failure.0.reason, Reason::SourceMoved { .. }), "{point:?}: {}", failure.0);
        assert!(ways.production.objects().is_empty());
        assert!(ways.world.store.unfinished().unwrap().is_empty());
    }
}

#[test]
fn a_promotion_that_was_cut_off_goes_on_and_is_recorded_once() {
    for point in PLAIN {
        let ways = two();
        ways.run("r1", "one");
        let pending = ways.pending();
        ways.world.watcher.act_at(point, || resume_unwind(Box::new("a crash")));
        assert!(catch_unwind(AssertUnwindSafe(|| ways.promote(&pending, "one"))).is_err(), "{point:?} was not passed");
        ways.world.watcher.calm();
        if point == Point::Recorded {
            assert!(matches!(ways.decide(), Decision::Nothing));
        } else {
            let report = ways.promote(&ways.pending(), "one").unwrap();
            assert_eq!(report.run.number, 2, "{point:?}");
        }
        assert_eq!(ways.production.writes(), ["a", "b"], "nothing is written twice: {point:?}");
        assert_eq!(ways.records().len(), 1, "{point:?}");
        assert!(ways.world.store.unfinished().unwrap().is_empty());
    }
}

#[test]
fn a_promotion_that_was_cut_off_is_closed_when_something_else_is_promoted() {
    let ways = two();
    ways.run("r1", "one");
    ways.world.watcher.act_at(Point::AppliedOne, || resume_unwind(Box::new("a crash")));
    assert!(catch_unwind(AssertUnwindSafe(|| ways.promote(&ways.pending(), "one"))).is_err());
    ways.world.watcher.calm();
    ways.run("r2", "two");
    assert_eq!(ways.world.store.run(2).unwrap().unwrap().state, RunState::Interrupted);
    ways.promote(&ways.pending(), "two").unwrap();
    assert_eq!(ways.production("a").unwrap(), "a: <TWO>");
    assert_eq!(ways.records().len(), 1);
}

#[test]
fn a_promotion_that_fails_is_rolled_back_and_moves_on_when_somebody_asks() {
    let mut ways = two();
    ways.world.chain.environments[1].sync.on_failure = OnFailure::Rollback;
    ways.run("r1", "one");
    ways.promote(&ways.pending(), "one").unwrap();
    ways.run("r2", "two");
    ways.production.judge_by(|_| Some(HealthStatus::Progressing));
    ways.promote(&ways.pending(), "two").unwrap_err();
    assert_eq!(ways.production("a").unwrap(), "a: <ONE>");
    let [back, failed, _] = &ways.records()[..] else { panic!() };
    assert_eq!((&back.cause, &failed.cause), (&Cause::Rollback, &Cause::Promotion));
    assert!(matches!(&back.outcome, Outcome::Failed { .. }), "it is not healthy either");
    let pending = ways.pending();
    let [Wait::RolledBack(_)] = &pending.waits[..] else { panic!("{:?}", pending.waits) };
    assert!(pending.waits[0].yields_to_people());
    ways.production.judge_by(|_| None);
    ways.promote(&pending, "two").unwrap();
    assert_eq!(ways.production("a").unwrap(), "a: <TWO>");
    // What is deployed where it comes from may go back; then this goes back too.
    let first = ways.world.store.releases(Some(&ways.world.place()), "").unwrap().pop().unwrap();
    let environment = &ways.world.chain.environments[0];
    let order = Order { actor: "ann@here", why: None, pin: false };
    redeploy(ways.world.ports(), &first, (&environment.target, &environment.sync), order).unwrap();
    assert_eq!(ways.pending().release.revision, "r1");
}

#[test]
fn a_target_that_fails_every_third_apply_is_brought_there_by_trying_again() {
    let ways = two();
    let names: Vec<String> = (0..9).map(|number| format!("object-{number}")).collect();
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let live = ways.world.live.clone();
    ways.world.live.before_apply(move |change| {
        if calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 == 2 {
            live.fail("apply", &change.live, Fault::Failed { message: "the third".into() });
        }
    });
    let mut tries = 0;
    loop {
        tries += 1;
        let result = ways.world.run("r1", &files("x", "-", &names.join("\n")));
        assert_eq!(ways.world.store.history(&Page::default()).unwrap().records.len(), tries, "one entry a sync");
        if result.is_ok() {
            break;
        }
    }
    // Of nine three fail, then one of three, and then none.
    assert_eq!(tries, 3);
    let mut written = ways.world.live.writes();
    written.sort();
    assert_eq!(written, names, "each is written once");
}

#[test]
fn a_promotion_that_failed_or_was_stopped_is_still_to_be_made() {
    let ways = two();
    ways.run("r1", "one");
    ways.production.fail("plan", "", Fault::Failed { message: "away".into() });
    ways.promote(&ways.pending(), "one").unwrap_err();
    assert_eq!(ways.records().len(), 1);
    assert!(ways.pending().waits.is_empty());
    ways.production.fail("apply", "b", Fault::Failed { message: "no".into() });
    ways.promote(&ways.pending(), "one").unwrap_err();
    ways.promote(&ways.pending(), "one").unwrap();
    assert_eq!(ways.production("b").unwrap(), "b: <ONE>");
    assert!(matches!(ways.decide(), Decision::Nothing));
}

#[test]
fn a_promotion_that_waited_for_a_yes_is_made_with_it() {
    let mut ways = two();
    ways.world.chain.environments[1].sync.confirm_prune.objects = Some(1);
    ways.run("r1", "one");
    ways.with("r1", "one", |request| {
        let pending = ways.pending();
        promote(ways.world.ports(), Request { moved: Some(moved(&pending)), ..request }).unwrap();
    });
    ways.world.run("r2", &files("two", "-", "c")).unwrap();
    let fewer = |ways: &Ways| {
        let pending = ways.pending();
        let files = files("two", "-", "c");
        let tree = MemoryTree::of_files(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
        let revision = Revision { id: "r2".into(), time: 1_700_000_000, subject: "A change".into() };
        let source = Source::chosen(&revision, &tree);
        ways.with("r2", "two", |request| {
            promote(ways.world.ports(), Request { source, moved: Some(moved(&pending)), ..request })
        })
    };
    let failure = *fewer(&ways).unwrap_err();
    let Reason::Unconfirmed(waits) = &failure.0.reason else { panic!("{}", failure.0) };
    ways.world.chain.environments[1].sync.confirm_prune.confirmed = Some(waits.confirmation.clone());
    fewer(&ways).unwrap();
    assert_eq!(ways.production.objects().into_keys().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn what_failed_after_it_was_healthy_was_not_healthy() {
    let ways = two();
    let files_of = |page| files(page, "-", "a\nb\nsmoke");
    ways.world.live.set_hook("smoke", springline_model::manifest::Phase::After, 0, Default::default());
    ways.world.live.fail("apply", "smoke", Fault::Failed { message: "no".into() });
    ways.world.run("r1", &files_of("one")).unwrap_err();
    let first = ways.world.store.releases(Some(&ways.world.place()), "").unwrap().remove(0);
    ways.world.run("r2", &files_of("two")).unwrap();
    let Decision::Pending(pending) = ways.decide_on(Some(&first)).unwrap() else { panic!() };
    assert_eq!(pending.waits, [Wait::NotHealthy { why: "it was never seen healthy".into() }]);
}

#[test]
fn a_source_that_can_not_be_looked_at_is_waited_for() {
    let ways = two();
    ways.run("r1", "one");
    ways.world.live.fail("identify", "", Fault::Failed { message: "away".into() });
    ways.world.live.fail("health", "", Fault::Failed { message: "away".into() });
    let [Wait::NotHealthy { why }] = &ways.pending().waits[..] else { panic!("{:?}", ways.pending().waits) };
    assert!(why.starts_with("it can't be looked at: "), "{why}");
}

#[test]
fn what_git_tells_does_not_move_on_before_it_is_deployed_from_here() {
    let ways = two();
    let from_git = |request: &mut Request<'_>| {
        request.cause = &Cause::Recovery;
        request.environments = &request.environments[..1];
    };
    ways.world.run_with("r1", &files("one", "-", "a\nb"), from_git).unwrap();
    let [Wait::NotHealthy { why }] = &ways.pending().waits[..] else { panic!("{:?}", ways.pending().waits) };
    assert!(why.contains("is what git tells"), "{why}");
    ways.run("r1", "one");
    assert_eq!(ways.pending().waits, []);
}

#[test]
fn what_was_removed_is_promoted_again() {
    let ways = two();
    ways.run("r1", "one");
    ways.promote(&ways.pending(), "one").unwrap();
    assert!(matches!(ways.decide(), Decision::Nothing));
    remove(ways.world.ports(), (&ways.to(), &What::Deployed), ("ann@here", Word::Rule)).unwrap().unwrap();
    assert!(ways.production.objects().is_empty());
    ways.promote(&ways.pending(), "one").unwrap();
    assert_eq!(ways.production.objects().len(), 2);
    assert!(matches!(ways.decide(), Decision::Nothing));
}
