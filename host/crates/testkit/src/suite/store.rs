//! What every [`Store`] must pass: runs, inventories, releases, descriptions and roots.

use std::sync::Arc;

use serde_json::json;
use springline_model::Digest;
use springline_model::application::RecordIn;
use springline_model::capability::Capability;
use springline_model::outbox::{Outgoing, Settled};
use springline_model::plugin::{Description, Kind};
use springline_model::port::{Finish, Store, StoreError};
use springline_model::run::{How, Pin, Run, RunState, Stage, Standing, Suspension};

use super::{store_history, store_kept, store_pages};
use crate::sample;

/// Checks all that a store promises. `make` gives an empty store each time it is called.
///
/// # Panics
/// Where the store breaks a promise.
pub fn store_suite(make: impl Fn() -> Box<dyn Store>) {
    an_empty_store_has_nothing(&*make());
    runs_are_numbered_and_remembered(&*make());
    a_run_of_a_thousand_steps_is_kept_whole(&*make());
    a_run_that_was_never_begun_is_refused(&*make());
    a_run_is_unfinished_until_it_ends(&*make());
    an_intent_sets_the_inventory(&*make());
    standing_orders_are_kept_until_others_are_given(&*make());
    what_git_has_to_be_told_is_kept_until_it_is(&*make());
    releases_are_found_by_prefix_and_never_change(&*make());
    a_release_of_many_artifacts_is_kept_whole(&*make());
    descriptions_are_kept(&*make());
    roots_are_all_that_is_referred_to(&*make());
    store_history::suite(&make);
    store_pages::suite(&make);
    store_kept::suite(&make);
}

pub(super) fn begin(store: &dyn Store, application: &str, started: i64) -> Run {
    let mut run = sample::run(application, started);
    run.number = store.begin(&run).unwrap();
    run
}

fn an_empty_store_has_nothing(store: &dyn Store) {
    assert!(store.run(1).unwrap().is_none());
    assert!(store.runs(0).unwrap().is_empty());
    assert!(store.unfinished().unwrap().is_empty());
    assert!(store.places().unwrap().is_empty());
    assert!(store.releases(None, "").unwrap().is_empty());
    assert!(store.history(&Default::default()).unwrap().records.is_empty());
    assert!(store.verify().unwrap().is_empty());
    assert!(store.all_kept().unwrap().is_empty());
    assert!(store.kept_exact(&Digest::of("x")).unwrap().is_none());
    assert!(store.kept(&sample::key("x")).unwrap().is_empty());
    assert!(store.description(&Digest::of("x")).unwrap().is_none());
    assert!(store.inventory(&sample::place("a", "b")).unwrap().is_none());
    let roots = store.roots().unwrap();
    assert!(roots.blobs.is_empty() && roots.trees.is_empty() && roots.objects.is_empty());
}

fn runs_are_numbered_and_remembered(store: &dyn Store) {
    let mut first = begin(store, "shop", 1_000);
    assert_eq!(first.number, 1);
    assert_eq!(store.run(1).unwrap().unwrap(), first);
    first.steps = vec![Arc::new(sample::step("site/pages"))];
    first.reached = Some((None, Stage::Build));
    store.checkpoint(&first).unwrap();
    assert_eq!(store.run(1).unwrap().unwrap(), first);
    // What was written before may have been mended, and there may be less of it.
    Arc::make_mut(&mut first.steps[0]).how = How::Reused(1);
    first.steps.push(Arc::new(sample::step("site/bundle")));
    store.checkpoint(&first).unwrap();
    assert_eq!(store.run(1).unwrap().unwrap(), first);
    first.steps.pop();
    store.checkpoint(&first).unwrap();
    assert_eq!(store.run(1).unwrap().unwrap(), first);

    let second = begin(store, "blog", 900);
    let third = begin(store, "shop", 2_000);
    assert_eq!((second.number, third.number), (2, 3));
    assert_eq!(store.runs(0).unwrap(), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(store.runs(2).unwrap(), [third, second]);
    assert!(store.run(4).unwrap().is_none());
    assert!(store.run(0).unwrap().is_none());
}

fn a_run_of_a_thousand_steps_is_kept_whole(store: &dyn Store) {
    let mut run = begin(store, "shop", 0);
    for at in 0..1_000 {
        run.steps.push(Arc::new(sample::step(&format!("artifact-{at}/step"))));
        if at % 300 == 0 {
            store.checkpoint(&run).unwrap();
        }
    }
    Arc::make_mut(&mut run.steps[500]).summary = "long ".repeat(50_000);
    store.checkpoint(&run).unwrap();
    assert_eq!(store.run(run.number).unwrap().unwrap(), run);
    let run = sample::ended(run, 10);
    store.close(&run).unwrap();
    assert_eq!(store.runs(1).unwrap(), [run]);
}

fn a_run_that_was_never_begun_is_refused(store: &dyn Store) {
    let mut run = sample::run("shop", 0);
    let place = sample::place("shop", "live");
    for number in [0, 7] {
        run.number = number;
        assert!(matches!(store.checkpoint(&run), Err(StoreError::Io(_))));
        assert!(matches!(store.close(&run), Err(StoreError::Io(_))));
        assert!(matches!(store.intend(&run, &place, &Digest::of("i")), Err(StoreError::Io(_))));
        assert!(matches!(store.finish(sample::finish(&place, &run, "x")), Err(StoreError::Io(_))));
    }
    assert!(store.places().unwrap().is_empty(), "a refused write writes nothing");
    assert!(store.releases(None, "").unwrap().is_empty());
}

fn a_run_is_unfinished_until_it_ends(store: &dyn Store) {
    let runs: Vec<_> = (0..5).map(|at| begin(store, "shop", at)).collect();
    assert_eq!(store.unfinished().unwrap(), runs, "oldest first");
    store.checkpoint(&runs[0]).unwrap();
    store.close(&sample::ended(runs[1].clone(), 9)).unwrap();
    store.finish(sample::finish(&sample::place("shop", "live"), &runs[2], "2")).unwrap();
    // One environment of several is done: the run goes on.
    let mut going_on = sample::finish(&sample::place("shop", "staging"), &runs[3], "3");
    going_on.run = runs[3].clone();
    store.finish(going_on).unwrap();
    let mut interrupted = runs[4].clone();
    interrupted.state = RunState::Interrupted;
    store.close(&interrupted).unwrap();
    assert_eq!(store.unfinished().unwrap(), [runs[0].clone(), runs[3].clone()]);
    assert_eq!(store.run(5).unwrap().unwrap().state, RunState::Interrupted);
}

fn an_intent_sets_the_inventory(store: &dyn Store) {
    let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
    let mut run = begin(store, "shop", 0);
    run.reached = Some((Some("live".into()), Stage::Plan));
    store.intend(&run, &live, &Digest::of("intended")).unwrap();
    assert_eq!(store.run(1).unwrap().unwrap(), run);
    assert_eq!(store.inventory(&live).unwrap(), Some(Digest::of("intended")));
    assert_eq!(store.inventory(&staging).unwrap(), None);
    assert_eq!(store.places().unwrap(), std::slice::from_ref(&live));

    let mut finish = sample::finish(&live, &run, "1");
    store.finish(finish.clone()).unwrap();
    assert_eq!(store.inventory(&live).unwrap(), finish.inventory);
    let kept = finish.inventory.take();
    store.finish(finish).unwrap();
    assert_eq!(store.inventory(&live).unwrap(), kept, "none leaves it as it was");

    let mut without = sample::finish(&staging, &run, "2");
    without.inventory = None;
    store.finish(without).unwrap();
    assert_eq!(store.inventory(&staging).unwrap(), None);
    assert_eq!(store.places().unwrap(), [live, staging], "a history is enough");
}

fn standing_orders_are_kept_until_others_are_given(store: &dyn Store) {
    let (here, there) = (sample::place("shop", "site"), sample::place("shop", "other"));
    assert_eq!(store.standing(&here).unwrap(), Standing::default());
    let by = |by: &str| Suspension { by: by.into(), why: "a freeze".into(), at: 7 };
    let given = store.set_standing(&here, &mut |standing| standing.suspended = Some(by("ann"))).unwrap();
    assert_eq!(given.suspended, Some(by("ann")));
    let pin = Pin { release: Digest::of("r"), by: "bob".into(), why: String::new(), at: 8 };
    store.set_standing(&here, &mut |standing| standing.pin = Some(pin.clone())).unwrap();
    let both = store.standing(&here).unwrap();
    assert_eq!((both.suspended, both.pin), (Some(by("ann")), Some(pin)));
    assert_eq!(store.standing(&there).unwrap(), Standing::default());
    store.set_standing(&here, &mut |standing| *standing = Standing::default()).unwrap();
    assert_eq!(store.standing(&here).unwrap(), Standing::default());
}

fn what_git_has_to_be_told_is_kept_until_it_is(store: &dyn Store) {
    let (here, there) = (sample::place("shop", "site"), sample::place("other", "site"));
    let mut sealed = Vec::new();
    for (at, place) in [&here, &there, &here].into_iter().enumerate() {
        let run = begin(store, &place.application, at as i64);
        let tells = Some(RecordIn::Branch(format!("env/{at}")));
        sealed.push(store.finish(Finish { tells, ..sample::finish(place, &run, &at.to_string()) }).unwrap());
    }
    let told = store.outgoing(Some("shop")).unwrap();
    let known: Vec<_> = told.iter().map(|outgoing| (outgoing.sequence, outgoing.hash)).collect();
    assert_eq!(known, [(1, sealed[0].hash), (2, sealed[2].hash)], "in the order of the chain");
    assert_eq!(told[0].to, RecordIn::Branch("env/0".into()));
    assert_eq!(Some(told[0].release), sealed[0].record.release);
    assert_eq!(store.outgoing(None).unwrap().len(), 3);
    let tried = Outgoing { attempts: 1, error: Some("no answer".into()), ..told[0].clone() };
    store.attempted(&tried).unwrap();
    assert_eq!(store.outgoing(Some("shop")).unwrap()[0], tried);
    let settled = Settled {
        sequence: 1,
        hash: told[0].hash,
        reference: "refs/heads/env/0".into(),
        commit: Some("c".into()),
        at: 9,
        error: None,
    };
    store.settle(&here, &settled).unwrap();
    store.attempted(&tried).unwrap();
    assert_eq!(store.outgoing(Some("shop")).unwrap(), [told[1].clone()], "what is settled stays so");
    assert_eq!(store.settled(&here).unwrap(), Some(settled));
    assert_eq!(store.settled(&there).unwrap(), None);
}

fn releases_are_found_by_prefix_and_never_change(store: &dyn Store) {
    let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
    let mut releases = Vec::new();
    for at in 0..20 {
        let run = begin(store, "shop", at);
        let finish = sample::finish(if at % 2 == 0 { &live } else { &staging }, &run, &at.to_string());
        releases.insert(0, finish.release.clone().unwrap());
        store.finish(finish).unwrap();
    }
    assert_eq!(store.releases(None, "").unwrap(), releases, "newest first");
    let at_live: Vec<_> = releases.iter().filter(|release| release.environment == "live").cloned().collect();
    assert_eq!(store.releases(Some(&live), "").unwrap(), at_live);
    for release in &releases {
        let hex = release.id.hex();
        assert_eq!(store.releases(None, &hex).unwrap(), std::slice::from_ref(release));
        for length in [1, 2, 5] {
            let prefix = &hex[..length];
            let expected: Vec<_> = releases.iter().filter(|r| r.id.hex().starts_with(prefix)).cloned().collect();
            assert_eq!(store.releases(None, prefix).unwrap(), expected, "{prefix}");
        }
    }
    for none in ["g", "sha256:", "ABCDEF", &"0".repeat(65)] {
        assert!(store.releases(None, none).unwrap().is_empty(), "{none}");
    }

    let run = begin(store, "shop", 99);
    store.finish(sample::finish(&live, &run, "0")).unwrap();
    let id = Digest::of("release 0").hex();
    assert_eq!(store.releases(None, &id).unwrap(), releases[19..], "made again it is the same one");
}

fn a_release_of_many_artifacts_is_kept_whole(store: &dyn Store) {
    let place = sample::place("shop", "live");
    let run = begin(store, "shop", 0);
    let mut finish = sample::finish(&place, &run, "many");
    let release = finish.release.as_mut().unwrap();
    release.artifacts = (0..2_000).map(|at| (format!("artifact-{at}"), Digest::of(at.to_string()))).collect();
    finish.record.plugins = (0..2_000).map(|at| sample::plugin(&at.to_string())).collect();
    let sealed = store.finish(finish.clone()).unwrap();
    assert_eq!(store.releases(None, "").unwrap(), [finish.release.unwrap()]);
    assert_eq!(store.history(&Default::default()).unwrap().records, [sealed]);
    assert_eq!(store.verify().unwrap()[0].broken, None);
}

fn descriptions_are_kept(store: &dyn Store) {
    let mut description = Description {
        name: "step-site".into(),
        version: "1.2.3".into(),
        summary: "Makes a site.".into(),
        kind: Kind::BuildStep,
        config_schema: json!({ "type": "object", "properties": { "b": {}, "a": { "enum": [1, 2.5, null] } } }),
        capabilities: vec![Capability { name: "directory".into(), reason: "to write".into() }],
        track: "0.1".into(),
        imports: vec!["wasi:filesystem/types@0.2.12".into()],
    };
    let plugin = Digest::of("component");
    store.keep_description(&plugin, &description).unwrap();
    assert_eq!(store.description(&plugin).unwrap().as_ref(), Some(&description));
    for length in [300_000, 3] {
        description.summary = "s".repeat(length);
        store.keep_description(&plugin, &description).unwrap();
        assert_eq!(store.description(&plugin).unwrap().as_ref(), Some(&description));
    }
    assert_eq!(store.description(&Digest::of("another")).unwrap(), None);
}

fn roots_are_all_that_is_referred_to(store: &dyn Store) {
    let place = sample::place("shop", "live");
    let mut run = begin(store, "shop", 0);
    run.steps = vec![Arc::new(sample::step("site/pages"))];
    store.finish(sample::finish(&place, &run, "1")).unwrap();
    let mut next = begin(store, "shop", 1);
    next.steps = vec![Arc::new(sample::step("site/bundle"))];
    store.checkpoint(&next).unwrap();
    store.intend(&next, &place, &Digest::of("intended")).unwrap();
    let kept = sample::kept(sample::key("step"), "k", 0);
    store.keep(&Digest::of("exact"), &kept).unwrap();

    let roots = store.roots().unwrap();
    let blobs = [
        "plugin render-sample",
        "plugin step-sample",
        "plugin target-sample",
        "inventory 1",
        "intended",
        "changes of 1 at shop/live",
        "log of site/pages",
        "log of site/bundle",
        "trace k",
        "log k",
    ];
    for text in blobs {
        assert!(roots.blobs.contains(&Digest::of(text)), "{text}");
    }
    for text in ["artifact 1", "output k"] {
        assert!(roots.trees.contains(&Digest::of(text)), "{text}");
    }
    assert_eq!(roots.objects, [Digest::of("objects 1")]);
    store.forget_kept(i64::MAX).unwrap();
    let roots = store.roots().unwrap();
    assert!(!roots.trees.contains(&Digest::of("output k")), "what is forgotten may go");
}
