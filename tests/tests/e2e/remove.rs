//! What nobody declares any more is removed, and what somebody declares is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::code::{DEPLOY, UNCONFIRMED, USAGE};
use crate::sandbox::{Outcome, Sandbox, names};

const OPERATOR: &str = "\
version: 1
targets:
  one: { plugin: target-directory, grants: { directory: { path: live/one } } }
  two: { plugin: target-directory, grants: { directory: { path: live/two } } }
";

/// `files`, in environments that are deployed as they are.
fn application(environments: &[(&str, &str, &str)]) -> String {
    let environment = |(name, target, more): &(&str, &str, &str)| {
        format!("  {name}: {{ render: {{ plugin: render-template, in: deploy }}, target: {target}{more} }}\n")
    };
    let environments: String = environments.iter().map(environment).collect();
    format!("application: files\nenvironments:\n{environments}")
}

fn world(environments: &[(&str, &str, &str)]) -> Option<Sandbox> {
    let sandbox = Sandbox::empty()?;
    sandbox.operator(OPERATOR);
    for target in ["one", "two"] {
        fs::create_dir_all(sandbox.live().join(target)).unwrap();
    }
    for name in ["a", "b"] {
        sandbox.write(&format!("deploy/{name}.txt"), name);
    }
    sandbox.write("springline.yaml", application(environments));
    sandbox.springline(&["update"]).ok();
    sandbox.commit("Begin");
    sandbox.springline(&["run"]).ok();
    Some(sandbox)
}

fn live(sandbox: &Sandbox, target: &str) -> Vec<String> {
    names(&sandbox.live().join(target))
}

/// The command that a text shows in backquotes from there on.
fn command(text: &str, begin: &str) -> Vec<String> {
    let at = text.find(&format!("`springline {begin}")).unwrap_or_else(|| panic!("no `{begin}` in {text}"));
    let words = text[at..].trim_start_matches("`springline ").split('`').next().unwrap();
    words.split(' ').map(str::to_owned).collect()
}

fn run(sandbox: &Sandbox, command: &[String]) {
    sandbox.springline(&command.iter().map(String::as_str).collect::<Vec<_>>()).ok();
}

#[test]
fn what_is_declared_stays_and_what_was_removed_is_promoted_again() {
    let both = [("st", "one", ""), ("pr", "two", ", promote-from: st")];
    let Some(sandbox) = world(&both) else { return };
    sandbox.springline(&["promote", "--to", "pr", "--yes"]).ok();
    assert_eq!(live(&sandbox, "two"), ["a.txt", "b.txt"]);
    let words = ["files/pr is declared in springline.yaml of"];
    sandbox.springline(&["remove", "files", "--env", "pr"]).fails(USAGE, &words);
    sandbox.springline(&["remove", "files"]).fails(USAGE, &[]);

    sandbox.write("springline.yaml", application(&both[..1]));
    sandbox.commit("One goes");
    let told = sandbox.springline(&["remove", "files", "--env", "pr"]).fails(UNCONFIRMED, &["any removal"]);
    assert_eq!(live(&sandbox, "two").len(), 2);
    run(&sandbox, &command(&told, "remove"));
    assert!(live(&sandbox, "two").is_empty());

    sandbox.write("springline.yaml", application(&both));
    sandbox.commit("And comes back");
    let told = sandbox.springline(&["status"]).ok();
    let row = told.lines().find(|line| line.starts_with("pr ")).unwrap();
    assert!(row.contains("not deployed"), "{told}");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["promote", "--to", "pr", "--yes"]).ok();
    assert_eq!(live(&sandbox, "two"), ["a.txt", "b.txt"]);
}

#[test]
fn nothing_goes_before_all_is_agreed_on_and_commands_can_be_typed_anywhere() {
    let Some(sandbox) = world(&[("st", "one", ""), ("pr", "two", "")]) else { return };
    fs::remove_file(sandbox.repo().join("springline.yaml")).unwrap();
    sandbox.commit("All goes");
    let state = sandbox.repo().join(".springline").display().to_string();
    let told = sandbox.springline(&["remove", "files", "--state", &state]).fails(UNCONFIRMED, &[]);
    assert_eq!((live(&sandbox, "one").len(), live(&sandbox, "two").len()), (2, 2));
    for (environment, target) in [("st", "one"), ("pr", "two")] {
        let command = command(&told, &format!("remove files --state {state} --env {environment}"));
        run(&sandbox, &command);
        assert!(live(&sandbox, target).is_empty());
    }
}

#[test]
fn a_revision_that_is_not_there_may_declare_it() {
    let Some(sandbox) = world(&[("st", "one", ""), ("pr", "two", "")]) else { return };
    fs::remove_file(sandbox.repo().join("springline.yaml")).unwrap();
    sandbox.commit("All goes");
    let fleet = format!("applications: [{{ repo: {}, revision: nowhere }}]\n", sandbox.repo().display());
    sandbox.write(".springline/fleet.yaml", fleet);
    let told =
        sandbox.springline(&["remove", "files"]).fails(UNCONFIRMED, &["may be declared where nothing can be read"]);
    assert_eq!(told.matches("may be declared").count(), 1, "{told}");
    // Without it, and where everything can be read, nothing is warned of.
    fs::remove_file(sandbox.repo().join(".springline/fleet.yaml")).unwrap();
    let told = sandbox.springline(&["remove", "files"]).fails(UNCONFIRMED, &[]);
    assert!(!told.contains("may be declared"), "{told}");
}

#[test]
fn what_stays_on_another_target_is_told_until_it_is_removed() {
    let Some(sandbox) = world(&[("site", "one", "")]) else { return };
    let first = sandbox.springline(&["status", "-o", "json"]).json()["environments"][0]["release"]["id"].clone();
    let first = first.as_str().unwrap().trim_start_matches("sha256:");
    sandbox.write("springline.yaml", application(&[("site", "two", "")]));
    fs::remove_file(sandbox.repo().join("deploy/b.txt")).unwrap();
    sandbox.commit("Elsewhere");
    let stays = "what is there stays: a.txt, b.txt on target `one`";
    let told = sandbox.springline(&["diff"]);
    assert!(told.stderr.contains(stays) && !told.stdout.contains("delete"), "{told:#?}");
    let told = sandbox.springline(&["run"]);
    assert!(told.stderr.contains(stays) && told.stdout.contains("1 change applied"), "{told:#?}");
    assert_eq!((live(&sandbox, "one").len(), live(&sandbox, "two").len()), (2, 1));
    let record = &sandbox.springline(&["history", "-o", "json"]).json()[0];
    assert_eq!(record["note"], "stays: a.txt, b.txt on target `one`", "{record:#}");
    let status = &sandbox.springline(&["status", "-o", "json"]).json()["environments"][0];
    assert_eq!(status["stays"][0]["live"], serde_json::json!(["a.txt", "b.txt"]), "{status:#}");

    let words = ["was deployed to target `one`, and `site` is on `two` now"];
    sandbox.springline(&["redeploy", "--env", "site", first]).fails(DEPLOY, &words);
    let told = sandbox.springline(&["remove", "files", "--env", "site"]).fails(UNCONFIRMED, &[]);
    run(&sandbox, &command(&told, "remove"));
    assert_eq!((live(&sandbox, "one").len(), live(&sandbox, "two").len()), (0, 1));
    let told = sandbox.springline(&["status"]);
    assert!(told.stdout.contains("in sync") && !told.stderr.contains("stays"), "{told:#?}");
    sandbox.springline(&["remove", "files", "--env", "site"]).fails(USAGE, &["is declared in"]);
}

#[test]
fn an_environment_by_another_name_is_told_with_its_way_out() {
    let Some(sandbox) = world(&[("site", "one", "")]) else { return };
    sandbox.write("springline.yaml", application(&[("prod", "one", "")]));
    sandbox.commit("Another name");
    let told = sandbox.springline(&["run"]).fails(DEPLOY, &["belongs to files/site", "site is declared no more"]);
    let watched = sandbox.springline(&["watch", "--passes", "1"]);
    assert!(watched.code == DEPLOY && watched.stdout.contains("site: orphaned"), "{watched:#?}");
    assert_eq!(live(&sandbox, "one").len(), 2);
    let known = sandbox.springline(&["status", "-o", "json"]).json();
    assert_eq!(known["undeclared"], serde_json::json!(["site"]), "{known:#}");
    // What another revision declares says nothing of today.
    let told_of = |told: &Outcome| told.stderr.contains("declared no more");
    let earlier = sandbox.springline(&["run", "--revision", "HEAD~1"]);
    assert!(earlier.code == 0 && !told_of(&earlier), "{earlier:#?}");
    let told = sandbox.springline(&command(&told, "remove").iter().map(String::as_str).collect::<Vec<_>>());
    let told = told.fails(UNCONFIRMED, &[]);
    run(&sandbox, &command(&told, "remove"));
    let told = sandbox.springline(&["run"]);
    assert!(told.code == 0 && !told_of(&told), "{told:#?}");
    assert_eq!(live(&sandbox, "one").len(), 2);
}

#[test]
fn what_follows_another_branch_is_not_missed_in_the_newest_revision() {
    let Some(sandbox) = world(&[("st", "one", "")]) else { return };
    sandbox.git(&["checkout", "-qb", "live"]);
    sandbox.write("springline.yaml", application(&[("st", "one", ""), ("pr", "two", "")]));
    sandbox.commit("One more");
    sandbox.git(&["checkout", "-q", "-"]);
    let fleet = format!("applications: [{{ repo: {}, revision: live }}]\n", sandbox.repo().display());
    sandbox.write(".springline/fleet.yaml", fleet);
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert_eq!(live(&sandbox, "two").len(), 2);
    let known = sandbox.springline(&["status", "-o", "json"]).json();
    assert_eq!(known["undeclared"], serde_json::json!([]), "{known:#}");
}

#[test]
fn a_name_is_not_taken_over_by_another_repository() {
    let Some(sandbox) = world(&[("site", "one", "")]) else { return };
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    let other = sandbox.path("other");
    fs::create_dir_all(other.join("deploy")).unwrap();
    fs::write(other.join("deploy/other.txt"), "other").unwrap();
    for file in ["springline.yaml", "springline.lock"] {
        fs::copy(sandbox.repo().join(file), other.join(file)).unwrap();
    }
    let git = |directory: &Path, arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(directory);
        assert_eq!(sandbox.finish(git).code, 0);
    };
    git(&other, &["init", "-q"]);
    git(&other, &["add", "."]);
    git(&other, &["commit", "-qm", "Other"]);
    let state = sandbox.repo().join(".springline").display().to_string();
    let run = |repo: &str| sandbox.springline(&["run", "--repo", repo, "--state", &state]);
    run(&other.display().to_string()).fails(USAGE, &["files/site comes from", "is not in", "another name"]);
    assert_eq!(live(&sandbox, "one"), ["a.txt", "b.txt"]);
    // The same one in another place is the same one.
    git(&sandbox.repo(), &["clone", "-q", ".", "../moved"]);
    run(&sandbox.path("moved").display().to_string()).ok();
}

#[test]
fn a_removal_that_goes_half_of_the_way_is_one_answer_that_can_be_gone_on_with_anywhere() {
    let Some(sandbox) = world(&[("site", "one", "")]) else { return };
    sandbox.write("springline.yaml", application(&[("site", "two", "")]));
    fs::remove_file(sandbox.repo().join("deploy/b.txt")).unwrap();
    sandbox.commit("Elsewhere");
    sandbox.springline(&["run"]).ok();
    sandbox.write("springline.yaml", "application: files\nenvironments: {}\n");
    sandbox.commit("Nowhere");
    let (repo, state) =
        (sandbox.repo().display().to_string(), sandbox.repo().join(".springline").display().to_string());
    let elsewhere = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.current_dir(sandbox.path("."));
        sandbox.finish(command)
    };
    let told = elsewhere(&["remove", "files", "--env", "site", "--repo", &repo, "--state", &state, "--path", "."]);
    let way = format!("remove files --repo {repo} --path . --state {state} --env site --confirm-prune ");
    let told = told.fails(UNCONFIRMED, &[&way]);
    let first = command(&told, "remove");
    let rest = command(told.split_once("--confirm-prune").unwrap().1, "remove");
    assert_ne!(first, rest);

    let words: Vec<&str> = first.iter().map(String::as_str).chain(["-o", "json"]).collect();
    let half = elsewhere(&words);
    assert_eq!((half.code, live(&sandbox, "one").len() + live(&sandbox, "two").len()), (UNCONFIRMED, 2));
    let answer: Value = serde_json::from_str(&half.stdout).unwrap();
    assert_eq!(answer["answer"]["removed"][0]["deleted"], 1, "{answer:#}");
    assert_eq!((&answer["error"]["kind"], &answer["exit-code"]), (&"unconfirmed".into(), &UNCONFIRMED.into()));
    elsewhere(&rest.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    assert_eq!(live(&sandbox, "one").len() + live(&sandbox, "two").len(), 0);
    let removals = sandbox.springline(&["history", "--cause", "removal", "-o", "json"]).json();
    let causes: Vec<&Value> = removals.as_array().unwrap().iter().map(|record| &record["cause"]).collect();
    assert_eq!(causes, ["removal", "removal"]);
}
