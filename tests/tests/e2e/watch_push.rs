//! New commits are deployed as they come.

use std::fs;

use crate::sandbox::Sandbox;
use crate::watching::{Loop, Origin};

/// An application at the root of a repository, and a fleet of it.
fn site() -> Option<Origin> {
    let origin = Origin::new()?;
    origin.application("", "site");
    origin.targets(&["site"]);
    origin.fleet("applications: [{ repo: ORIGIN }]\n");
    Some(origin)
}

#[test]
fn a_push_is_deployed_once_and_told() {
    let Some(origin) = site() else { return };
    let first = origin.push("First");
    let mut watch = origin.watch(&[]);
    watch.deploys("site", &first);
    assert_eq!(watch.passes()["deployed"], 1);
    assert_eq!(origin.deployed("site", "name.txt"), "site\n");

    origin.sandbox.write("deploy/name.txt", "second\n");
    let second = origin.push("Second");
    origin.notify();
    let told = watch.deploys("site", &second);
    assert_eq!(told["deployed"][0]["live"], "name.txt");
    assert_eq!(origin.deployed("site", "name.txt"), "second\n");
    assert_eq!(watch.stop(), Some(0));
    let site = |commit: &str| ("site".to_owned(), "push".to_owned(), commit.to_owned(), "succeeded".to_owned());
    assert_eq!(origin.history(), [site(&first), site(&second)]);
}

#[test]
fn a_commit_that_changes_nothing_for_an_application_deploys_nothing() {
    let Some(origin) = site() else { return };
    let first = origin.push("First");
    let mut watch = origin.watch(&[]);
    watch.deploys("site", &first);
    watch.passes();
    origin.sandbox.write("notes.txt", "nobody reads this\n");
    let second = origin.push("Notes");
    origin.notify();
    let told = watch.tells(|line| line["commit"] == second);
    assert_eq!((&told["concerned"], &told["unchanged"]), (&0.into(), &1.into()));
    let apps = origin.run(&["apps", "-o", "json"]).json();
    assert_eq!(apps[0]["revision"], second, "{apps:#}");
    drop(watch);
    // One that begins anew knows as much.
    let outcome = origin.run(&["watch", "--passes", "1", "-o", "json"]).ok();
    assert!(outcome.contains("\"in-sync\":1") && !outcome.contains("\"revision\""), "{outcome}");
    assert_eq!(origin.history().len(), 1);
}

#[test]
fn drift_is_removed_with_the_release_that_is_deployed() {
    let Some(origin) = site() else { return };
    origin.push("First");
    origin.run(&["watch", "--passes", "1"]).ok();
    fs::write(origin.live("site").join("name.txt"), "other\n").unwrap();
    let outcome = origin.run(&["watch", "--passes", "1"]).ok();
    assert!(outcome.starts_with("site/live: repaired"), "{outcome}");
    assert_eq!(origin.deployed("site", "name.txt"), "site\n");
    let causes: Vec<_> = origin.history().into_iter().map(|(_, cause, ..)| cause).collect();
    assert_eq!(causes, ["push", "drift"]);
}

#[test]
fn the_application_of_the_repository_itself_is_followed_as_well() {
    let Some(sandbox) = Sandbox::site() else { return };
    let mut watch = Loop::start(sandbox.command(&["watch", "-o", "json", "--every", "3600"]));
    watch.passes();
    sandbox.write("deploy/robots.txt", "Disallow: /\n");
    let commit = sandbox.commit("Nobody may");
    // Nobody tells: what is on this machine is looked at all the time.
    watch.deploys("handbook", &commit);
    assert_eq!(fs::read_to_string(sandbox.live().join("robots.txt")).unwrap(), "Disallow: /\n");
}

#[test]
fn what_is_not_automated_is_told_and_left_to_people() {
    let Some(origin) = site() else { return };
    let first = origin.push("First");
    origin.run(&["watch", "--passes", "1"]).ok();
    let yaml = fs::read_to_string(origin.sandbox.repo().join("springline.yaml")).unwrap();
    origin.sandbox.write("springline.yaml", yaml + "    sync: { automated: false }\n");
    origin.sandbox.write("deploy/name.txt", "second\n");
    let second = origin.push("Second");
    let mut watch = origin.watch(&[]);
    let told = watch.tells(|line| line["left"] == "out-of-sync");
    assert!(told["why"].as_str().unwrap().contains(&second[..7]), "{told:#}");
    assert_eq!(watch.passes()["out-of-sync"], 1);
    drop(watch);
    assert_eq!(origin.deployed("site", "name.txt"), "site\n");
    assert_eq!(origin.history().len(), 1);
    assert_eq!(origin.history()[0].2, first);
}

#[test]
fn a_kill_at_any_point_leaves_one_record_of_a_push() {
    let Some(origin) = site() else { return };
    let points = ["begun", "built", "rendered", "planned", "intended", "applied-one", "applied", "healthy", "recorded"];
    let mut commits = Vec::new();
    for point in points {
        origin.sandbox.write("deploy/name.txt", format!("{point}\n"));
        commits.push(origin.push(point));
        let mut command = origin.command(&["watch", "--passes", "1"]);
        command.env("SPRINGLINE_CRASH_AT", point);
        let outcome = origin.sandbox.finish(command);
        assert_eq!(outcome.code, -1, "{point} was not reached: {outcome:#?}");
        origin.run(&["watch", "--passes", "1"]).ok();
        assert_eq!(origin.deployed("site", "name.txt"), format!("{point}\n"));
        // It was written once: nothing is left to be done.
        let again = origin.run(&["watch", "--passes", "1"]).ok();
        assert!(again.starts_with("1 in sync"), "{point}: {again}");
    }
    let history: Vec<_> = origin.history().into_iter().map(|(_, cause, commit, how)| (cause, commit, how)).collect();
    let wanted: Vec<_> =
        commits.into_iter().map(|commit| ("push".to_owned(), commit, "succeeded".to_owned())).collect();
    assert_eq!(history, wanted);
}
