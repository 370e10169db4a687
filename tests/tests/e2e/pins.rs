//! Environments that are held at a release, by the real program.

use std::fs;

use serde_json::Value;

use crate::code::{DEPLOY, STATE, USAGE};
use crate::sandbox::{Sandbox, with_text};

/// A site with two releases, and the first one deployed again; the releases.
fn pinned() -> Option<(Sandbox, [String; 2])> {
    let sandbox = Sandbox::site()?;
    let first = deploy(&sandbox);
    sandbox.write("docs/guide.md", "# Guide\n\nVersion two.\n");
    sandbox.commit("Two");
    let second = deploy(&sandbox);
    let report =
        sandbox.springline(&["redeploy", "--env", "site", &first[..12], "--why", "two is slow", "-o", "json"]).json();
    assert_eq!((&report["pin"]["release"], &report["pin"]["why"]), (&first.as_str().into(), &"two is slow".into()));
    Some((sandbox, [first, second]))
}

fn deploy(sandbox: &Sandbox) -> String {
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    report["environments"][0]["release"].as_str().unwrap().to_owned()
}

fn guide(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap()
}

fn history(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.springline(&["history", "-o", "json"]).json().as_array().unwrap().clone()
}

#[test]
fn what_is_redeployed_stays_until_it_is_let_go_of() {
    let Some((sandbox, [first, second])) = pinned() else { return };
    assert!(guide(&sandbox).contains("One step after the other."));
    // A run tells of it and goes on; who asks for this environment is told how to get there.
    let run = sandbox.springline(&["run"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let said = format!("left alone site: pinned to release {} by tester@", &first[..12]);
    assert!(run.stderr.contains(&said) && run.stderr.contains("two is slow"), "{}", run.stderr);
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["environments"], serde_json::json!([]));
    let skipped = &report["skipped"][0];
    assert_eq!((&skipped["environment"], &skipped["obstacle"]["is"]), (&"site".into(), &"pinned".into()));
    sandbox.springline(&["run", "--env", "site"]).fails(DEPLOY, &["pinned to release", "springline unpin --env site"]);
    sandbox.springline(&["redeploy", "--env", "site", ""]).fails(USAGE, &["not enough of an id"]);
    sandbox.springline(&["history", "show", ""]).fails(USAGE, &["not enough of an id"]);
    sandbox.springline(&["sync", "--env", "site"]).fails(DEPLOY, &["pinned to release", "springline unpin --env site"]);
    sandbox.springline(&["redeploy", "--env", "site", "--no-pin", &second]).fails(DEPLOY, &["pinned to release"]);
    // Watch holds it.
    fs::write(sandbox.live().join("www/guide.html"), "edited").unwrap();
    let watched = sandbox.springline(&["watch", "--passes", "1"]);
    assert_eq!(watched.code, 0, "{watched:#?}");
    assert!(guide(&sandbox).contains("One step after the other."));
    let status = sandbox.springline(&["status"]).ok();
    assert!(status.contains(&format!("pinned site to release {}, by tester@", &first[..12])), "{status}");
    let status = sandbox.springline(&["status", "-o", "json"]).json();
    assert_eq!(status["environments"][0]["pin"]["release"], first.as_str());

    sandbox.springline(&["unpin", "--env", "site", "--why", "two is fast now"]).ok();
    sandbox.springline(&["unpin", "--env", "site"]).fails(USAGE, &["`site` is not pinned"]);
    sandbox.springline(&["run"]).ok();
    assert!(guide(&sandbox).contains("Version two."));
    let history = history(&sandbox);
    let causes: Vec<&str> = history.iter().map(|record| record["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["run", "drift", "redeploy", "run", "run"]);
    let note = history[0]["note"].as_str().unwrap();
    assert!(note.starts_with("unpinned from release") && note.ends_with("two is fast now"), "{note}");
    assert_eq!(history[2]["note"], "two is slow");
    sandbox.springline(&["history", "verify"]).ok();
}

#[test]
fn a_run_may_let_go_first() {
    let Some((sandbox, _)) = pinned() else { return };
    sandbox.springline(&["run", "--why", "x"]).fails(USAGE, &["--unpin"]);
    sandbox.springline(&["run", "--env", "site", "--unpin", "--why", "enough"]).ok();
    assert!(guide(&sandbox).contains("Version two."));
    assert!(history(&sandbox)[0]["note"].as_str().unwrap().ends_with("enough"));
}

#[test]
fn without_a_pin_the_next_run_deploys_over_it() {
    let Some((sandbox, [first, _])) = pinned() else { return };
    sandbox.springline(&["unpin", "--env", "site"]).ok();
    sandbox.springline(&["redeploy", "--env", "site", "--no-pin", &first]).ok();
    assert_eq!(sandbox.springline(&["status", "-o", "json"]).json()["environments"][0]["pin"], Value::Null);
    sandbox.springline(&["run"]).ok();
    assert!(guide(&sandbox).contains("Version two."));
}

#[test]
fn killed_at_any_point_it_is_pinned_and_the_next_look_deploys_it() {
    for point in ["begun", "planned", "intended", "applied-one", "applied", "healthy", "recorded"] {
        let Some(sandbox) = Sandbox::site() else { return };
        let first = deploy(&sandbox);
        sandbox.write("docs/guide.md", "# Guide\n\nVersion two.\n");
        sandbox.commit("Two");
        deploy(&sandbox);
        let mut command = sandbox.command(&["redeploy", "--env", "site", &first]);
        command.env("SPRINGLINE_CRASH_AT", point);
        let killed = sandbox.finish(command);
        assert_eq!(killed.code, -1, "{point}: {killed:#?}");
        let watched = sandbox.springline(&["watch", "--passes", "1"]);
        assert_eq!(watched.code, 0, "{point}: {watched:#?}");
        assert!(guide(&sandbox).contains("One step after the other."), "{point}");
        let history = history(&sandbox);
        let causes: Vec<&str> = history.iter().map(|record| record["cause"].as_str().unwrap()).collect();
        assert_eq!(causes, ["redeploy", "run", "run"], "{point}");
        sandbox.springline(&["history", "verify"]).ok();
    }
}

#[test]
fn what_is_lost_is_not_pinned_and_can_be_made_again() {
    let Some(sandbox) = Sandbox::site() else { return };
    let first = deploy(&sandbox);
    let (of_first, revision) = (guide(&sandbox), sandbox.git(&["rev-parse", "HEAD"]));
    let lose = || fs::remove_file(with_text(&sandbox.repo().join(".springline/blobs"), &of_first).unwrap()).unwrap();
    sandbox.write("docs/guide.md", "# Guide\n\nVersion two.\n");
    sandbox.commit("Two");
    deploy(&sandbox);
    let redeploy = ["redeploy", "--env", "site", &first];
    lose();
    let again = ["render", "--env", "site", "--revision", revision.trim()];
    let way_out = format!("springline {}", again.join(" "));
    let told = sandbox.springline(&redeploy).fails(STATE, &["what release ", "is lost", &way_out]);
    assert!(!told.contains("pinned"), "{told}");
    let environment = || sandbox.springline(&["status", "-o", "json"]).json()["environments"][0].take();
    assert_eq!(environment()["pin"], Value::Null);
    sandbox.springline(&again).ok();
    // Pinned, and lost before it was deployed.
    let mut command = sandbox.command(&redeploy);
    command.env("SPRINGLINE_CRASH_AT", "begun");
    assert_eq!(sandbox.finish(command).code, -1);
    lose();
    let status = sandbox.springline(&["status"]).ok();
    assert!(status.contains("which is not deployed yet") && status.contains(&way_out), "{status}");
    assert!(environment()["pin-lost"]["message"].as_str().unwrap().starts_with("what release "));
    fs::write(sandbox.live().join("www/guide.html"), "edited").unwrap();
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert!(guide(&sandbox).contains("Version two."));
    let told = sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert!(told.contains("what is pinned can't be deployed"), "{told}");
    sandbox.springline(&again).ok();
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert!(guide(&sandbox).contains("One step after the other."));
    assert_eq!(environment()["pin-lost"], Value::Null);
}
