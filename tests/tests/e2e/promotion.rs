//! Releases that move from one environment to the next, by the real program.

use std::fs;

use serde_json::{Value, json};

use crate::code::{DEPLOY, DIFFERS, STATE, USAGE};
use crate::sandbox::{Sandbox, files};

const OPERATOR: &str = "\
version: 1
targets:
  staging: { plugin: target-directory, grants: { directory: { path: staging } } }
  production: { plugin: target-directory, grants: { directory: { path: production } } }
";

fn application(gates: &str) -> String {
    let environment = |name: &str, more: &str| {
        format!(
            "  {name}:\n    render: {{ plugin: render-template, in: deploy, with: {{ place: {{ www: site }} }} }}\n    \
             target: {name}\n    values: {{ host: {name}.example.org }}\n{more}"
        )
    };
    let staging = environment("staging", "");
    let production = environment("production", &format!("    promote-from: staging\n    gates: {{ {gates} }}\n"));
    format!(
        "application: handbook\nartifacts:\n  site:\n    steps:\n      - {{ name: pages, plugin: step-site, in: docs }}\n\
         environments:\n{staging}{production}"
    )
}

/// Two environments, and a first revision in the first one.
fn world(gates: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::empty()?;
    sandbox.write("docs/index.md", "# One\n");
    sandbox.write("deploy/host.txt", "{{ host }} {{ artifacts.site.digest }}\n");
    sandbox.write("springline.yaml", application(gates));
    sandbox.operator(OPERATOR);
    sandbox.springline(&["update"]).ok();
    sandbox.commit("One");
    sandbox.springline(&["run"]).ok();
    Some(sandbox)
}

fn revise(sandbox: &Sandbox, word: &str) {
    sandbox.write("docs/index.md", format!("# {word}\n"));
    sandbox.commit(word);
    sandbox.springline(&["run"]).ok();
}

fn text(sandbox: &Sandbox, path: &str) -> String {
    fs::read_to_string(sandbox.repo().join(".springline").join(path)).unwrap_or_default()
}

fn history(sandbox: &Sandbox, environment: &str) -> Vec<Value> {
    sandbox.springline(&["history", "--env", environment, "-o", "json"]).json().as_array().unwrap().clone()
}

fn pending(sandbox: &Sandbox) -> Value {
    let status = sandbox.springline(&["status", "-o", "json"]).json();
    let rows = status["environments"].as_array().unwrap();
    rows.iter().find(|row| row["environment"] == "production").unwrap()["promotion"].clone()
}

fn shown(sandbox: &Sandbox) -> Value {
    sandbox.springline(&["promote", "--from", "staging", "--to", "production", "--dry-run", "-o", "json"]).json()
}

#[test]
fn what_was_shown_is_promoted_and_nothing_is_built() {
    let Some(sandbox) = world("") else { return };
    let run = sandbox.springline(&["run"]);
    assert!(run.stderr.contains("left alone production: waits for promotion from staging"), "{}", run.stderr);
    for verb in ["run", "sync"] {
        sandbox.springline(&[verb, "--env", "production"]).fails(DEPLOY, &["springline promote --from staging"]);
    }
    assert!(files(&sandbox.repo().join(".springline/production")).is_empty());

    let plan = shown(&sandbox);
    assert_eq!((&plan["promotion"]["ready"], &plan["promotion"]["waits"]), (&json!(true), &json!([])));
    assert_eq!(plan["difference"]["changes"].as_array().unwrap().len(), 2, "{plan:#}");
    let release = plan["release"].as_str().unwrap();
    let diff = sandbox.springline(&["promote", "--to", "production", "--dry-run"]).ok();
    assert!(diff.contains("+production.example.org sha256:") && diff.contains("+ create www/index.html"), "{diff}");
    // Nobody is there to be asked.
    sandbox
        .springline(&["promote", "--to", "production"])
        .fails(USAGE, &["--yes", &format!("--expect {}", &release[..12])]);
    assert!(history(&sandbox, "production").is_empty());

    // Even without the means to build.
    let why = ["promote", "--to", "production", "--expect", release, "--why", "the fair", "-o", "json"];
    let report = sandbox.springline(&why).json();
    let record = &report["environments"][0];
    assert_eq!((&record["release"], &record["cause"]), (&json!(release), &json!("promotion")));
    assert_eq!((&record["from"], &record["note"]), (&plan["promotion"]["release"], &json!("the fair")));
    assert_eq!(report["artifacts"], plan["artifacts"]);
    let built =
        report["steps"].as_array().unwrap().iter().filter(|step| step["name"].as_str().unwrap().starts_with("site/"));
    assert_eq!(built.count(), 0, "{report:#}");
    let digest = |path: &str| text(&sandbox, path).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(digest("staging/host.txt"), digest("production/host.txt"));
    assert!(text(&sandbox, "production/host.txt").starts_with("production.example.org"));
    let said = sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
    assert!(said.contains("nothing to promote: production has what staging has"), "{said}");
    sandbox.springline(&["promote", "--to", "production", "--expect", release]).fails(DIFFERS, &["any more"]);
    sandbox.springline(&["history", "verify"]).ok();
}

#[test]
fn a_source_that_moved_meanwhile_is_shown_again() {
    let Some(sandbox) = world("") else { return };
    let before = shown(&sandbox)["release"].as_str().unwrap().to_owned();
    revise(&sandbox, "Two");
    let outcome = sandbox.springline(&["promote", "--to", "production", "--expect", &before]);
    assert!(outcome.stdout.contains("+<title>Two"), "{}", outcome.stdout);
    outcome.fails(DIFFERS, &["was expected: nothing was done", "--expect "]);
    assert!(history(&sandbox, "production").is_empty());
    // The earlier one is still there for who wants it.
    let first = history(&sandbox, "staging").last().unwrap()["release"].as_str().unwrap().to_owned();
    sandbox.springline(&["promote", "--to", "production", "--release", &first[..12], "--expect", &before]).ok();
    assert!(text(&sandbox, "production/www/index.html").contains("One"));
}

#[test]
fn an_approval_is_for_this_release_and_recorded() {
    let Some(sandbox) = world("approval: true") else { return };
    let promote = || sandbox.springline(&["promote", "--to", "production", "--yes"]);
    promote().fails(DEPLOY, &["it waits for approval", "springline approve --env production"]);
    sandbox.springline(&["approve", "--env", "production"]).fails(USAGE, &["--why"]);
    sandbox
        .springline(&["approve", "--env", "staging", "--why", "x"])
        .fails(USAGE, &["nothing is promoted to `staging`"]);
    sandbox.springline(&["approve", "--env", "production", "--withdraw"]).fails(USAGE, &["nobody has approved"]);
    sandbox.springline(&["approve", "--env", "production", "--why", "looks good"]).ok();
    let found = pending(&sandbox);
    assert_eq!((&found["ready"], &found["approvals"][0]["why"]), (&json!(true), &json!("looks good")));
    sandbox.springline(&["approve", "--env", "production", "--withdraw"]).ok();
    assert_eq!(pending(&sandbox)["waits"], json!([{ "is": "approval" }]));
    sandbox.springline(&["approve", "--env", "production", "--why", "looks good"]).ok();
    let first = history(&sandbox, "staging")[0]["release"].clone();
    revise(&sandbox, "Two");
    promote().fails(DEPLOY, &["it waits for approval"]);
    let second = history(&sandbox, "staging")[0]["release"].as_str().unwrap().to_owned();
    let approve = |expect: &str| {
        sandbox.springline(&["approve", "--env", "production", "--expect", expect, "--why", "even better"])
    };
    approve(first.as_str().unwrap()).fails(DIFFERS, &["was expected: nothing was approved", &second[..12]]);
    approve("").fails(USAGE, &["at least 8 hexadecimal digits"]);
    approve(&second[..12]).ok();
    // What is approved of moves on by itself where somebody watches.
    let watched = sandbox.springline(&["watch", "--passes", "1", "-o", "json"]).ok();
    assert!(watched.contains("\"promoted\""), "{watched}");
    let record = &history(&sandbox, "production")[0];
    let note = record["note"].as_str().unwrap();
    assert!(note.starts_with("approved by tester@") && note.ends_with(": even better"), "{note}");
    assert_eq!(record["cause"], "promotion");
    assert!(text(&sandbox, "production/www/index.html").contains("Two"));
}

#[test]
fn what_has_to_soak_waits_and_says_until_when() {
    let Some(sandbox) = world("soak-seconds: 3600") else { return };
    sandbox
        .springline(&["promote", "--to", "production", "--yes"])
        .fails(DEPLOY, &["has to stay healthy in staging until"]);
    let waits = pending(&sandbox)["waits"].clone();
    assert_eq!(waits[0]["is"], "soaking");
    assert!(waits[0]["until"].as_str().unwrap() > waits[0]["since"].as_str().unwrap(), "{waits:#}");
    // What is not healthy begins anew.
    fs::remove_file(sandbox.repo().join(".springline/staging/host.txt")).unwrap();
    let waits = pending(&sandbox)["waits"].clone();
    assert_eq!((&waits[0]["is"], &waits[0]["why"]), (&json!("not-healthy"), &json!("host.txt is Missing")));
    assert_eq!(sandbox.springline(&["watch", "--passes", "1"]).code, 0);
    assert_eq!(pending(&sandbox)["waits"][0]["is"], "soaking");
    // The newest word on gates counts.
    sandbox.write("springline.yaml", application("soak-seconds: 0"));
    sandbox.commit("No soaking");
    sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
}

#[test]
fn what_is_lost_is_never_built_again() {
    let Some(sandbox) = world("") else { return };
    // Nothing else than the promotion itself looks at it.
    sandbox.write("springline.yaml", application("").replace(", with: { place: { www: site } }", ""));
    sandbox.commit("Place nothing");
    sandbox.springline(&["run"]).ok();
    let artifact = shown(&sandbox)["artifacts"]["site"].as_str().unwrap().to_owned();
    let hex = artifact.strip_prefix("sha256:").unwrap();
    let blobs = sandbox.repo().join(".springline/blobs");
    let lost = find(&blobs, hex).expect("the artifact is among the blobs");
    fs::remove_file(lost).unwrap();
    sandbox
        .springline(&["promote", "--to", "production", "--yes"])
        .fails(STATE, &["artifact `site`", "never built again"]);
    assert!(history(&sandbox, "production").is_empty());
}

/// The file below a directory whose path ends in this name, wherever its separators are.
fn find(directory: &std::path::Path, hex: &str) -> Option<std::path::PathBuf> {
    fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path, hex);
        }
        let joined: String = path.to_str()?.chars().filter(|c| *c != '/').collect();
        joined.ends_with(hex).then_some(path)
    })
}

#[test]
fn bad_ways_are_refused() {
    let Some(sandbox) = world("") else { return };
    for (arguments, words) in [
        (&["promote", "--to", "staging"][..], "nothing is promoted to `staging`"),
        (&["promote", "--to", "productoin"], "did you mean `production`?"),
        (&["promote", "--from", "production", "--to", "production"], "from `staging`, not from `production`"),
        (&["promote", "--to", "production", "--release", "ffff"], "`staging` has no release `ffff`"),
        (&["promote", "--to", "production", "--yes", "--dry-run"], "cannot be used with"),
    ] {
        sandbox.springline(arguments).fails(USAGE, &[words]);
    }
    let release = history(&sandbox, "staging")[0]["release"].as_str().unwrap().to_owned();
    sandbox
        .springline(&["redeploy", "--env", "production", &release])
        .fails(USAGE, &["springline promote --from staging"]);
    // What was made of uncommitted state is nowhere to be found again.
    sandbox.write("docs/index.md", "# Not committed\n");
    sandbox.springline(&["run", "--worktree"]).ok();
    sandbox.springline(&["promote", "--to", "production", "--yes"]).fails(USAGE, &["uncommitted state"]);
}

#[test]
fn killed_at_any_point_a_promotion_goes_on_and_is_recorded_once() {
    for point in ["begun", "built", "rendered", "planned", "intended", "applied-one", "applied", "healthy", "recorded"]
    {
        let Some(sandbox) = world("") else { return };
        let mut command = sandbox.command(&["promote", "--to", "production", "--yes", "-o", "json"]);
        command.env("SPRINGLINE_CRASH_AT", point);
        let killed = sandbox.finish(command);
        assert_eq!(killed.code, -1, "{point}: {killed:#?}");
        sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
        assert!(text(&sandbox, "production/www/index.html").contains("One"), "{point}");
        assert_eq!(history(&sandbox, "production").len(), 1, "{point}");
        sandbox.springline(&["history", "verify"]).ok();
    }
}

#[test]
fn removals_that_wait_are_told_once_with_a_command_that_makes_them() {
    let Some(sandbox) = world("") else { return };
    let limit = "promote-from: staging\n    sync: { confirm-prune: { objects: 1 } }\n";
    sandbox.write("springline.yaml", application("").replace("promote-from: staging\n", limit));
    for name in ["a", "b"] {
        sandbox.write(&format!("deploy/{name}.txt"), "text\n");
    }
    revise(&sandbox, "Two");
    sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
    for name in ["a", "b"] {
        fs::remove_file(sandbox.repo().join(format!("deploy/{name}.txt"))).unwrap();
    }
    revise(&sandbox, "Three");
    let said = sandbox.springline(&["watch", "--passes", "3", "--every", "1"]).ok();
    assert_eq!((said.matches("would be removed").count(), said.contains("failed")), (1, false), "{said}");
    let status = sandbox.springline(&["status", "--color", "never"]).ok();
    assert!(status.contains("waits production: release "), "{status}");
    let way = |text: &str| {
        let way = text.lines().find_map(|line| line.split_once("springline promote ")).unwrap().1.trim().to_owned();
        format!("promote {way}")
    };
    assert_eq!(way(&said), way(&status));
    let way = way(&status);
    sandbox.springline(&way.split(' ').collect::<Vec<_>>()).ok();
    assert_eq!(text(&sandbox, "production/a.txt"), "");
}

#[test]
fn what_can_not_be_compared_hides_no_other_environment() {
    let Some(sandbox) = world("") else { return };
    sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
    let live = sandbox.repo().join(".springline/production/host.txt");
    fs::remove_file(&live).unwrap();
    fs::create_dir(&live).unwrap();
    fs::write(live.join("mine"), "mine").unwrap();
    let told = sandbox.springline(&["status", "-o", "json"]);
    let status: Value = serde_json::from_str(&told.stdout).unwrap();
    let rows = &status["environments"];
    assert_eq!((&rows[0]["in-sync"], &rows[0]["error"]), (&json!(true), &Value::Null), "{status:#}");
    assert_eq!((&rows[1]["in-sync"], &rows[1]["error"]["kind"]), (&Value::Null, &json!("deploy")), "{status:#}");
    let told = sandbox.springline(&["status", "--color", "never"]);
    let line = |name: &str| told.stdout.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("staging").contains("in sync") && line("production").contains("failed"), "{}", told.stdout);
    told.fails(DEPLOY, &["`host.txt` is a directory", "help: move what is there away"]);
}
