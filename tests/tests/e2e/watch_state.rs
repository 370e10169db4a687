//! What changes beside the sources: the operator's file, what git was not told, what the state has lost.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::code::{BUSY, CONFIG, STATE};
use crate::sandbox::with_text;
use crate::watching::{Loop, Origin};

/// An application in a directory of a repository, with more of its one environment, and a fleet of it.
pub fn shop(more: &str) -> Option<Origin> {
    let origin = Origin::new()?;
    origin.application("apps/shop", "shop");
    let path = "apps/shop/springline.yaml";
    let yaml = fs::read_to_string(origin.sandbox.repo().join(path)).unwrap();
    origin.sandbox.write(path, yaml + more);
    origin.targets(&["shop"]);
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/shop }]\n");
    Some(origin)
}

#[test]
fn who_reads_the_history_keeps_no_watch_from_starting() {
    let Some(origin) = shop("") else { return };
    let first = origin.push("First");
    // As a verb that takes a moment has it.
    let lock = origin.state().join("lock");
    fs::write(&lock, r#"{"pid":1,"verb":"history","since":0}"#).unwrap();
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let mut watch = origin.command(&["watch", "--passes", "1"]);
    let mut watch = watch.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(watch.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(said.contains("waiting for `springline history` (pid 1"), "{said}");
    drop(held);
    assert!(watch.wait().unwrap().success());
    assert_eq!(origin.history()[0].2, first);
    // Another watch is another matter.
    let mut watch = origin.watch(&[]);
    watch.passes();
    origin.run(&["watch"]).fails(BUSY, &["`springline watch` (pid"]);
}

#[test]
fn a_commit_that_can_not_be_read_takes_nothing_away_from_who_looks_after_what_is_live() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["shop"]);
    origin.application("", "shop");
    let first = origin.push("First");
    origin.run(&["watch", "--passes", "1"]).ok();
    origin.sandbox.write("springline.yaml", "application: shop\nenvironments: {\n");
    let broken = origin.push("Broken");
    for verb in ["status", "suspend --why wait", "resume --env live"] {
        let outcome = origin.run(&verb.split(' ').collect::<Vec<_>>());
        let said = &outcome.stderr;
        assert!(said.contains("springline.yaml:") && said.contains(&first[..7]), "{verb}: {said}");
        outcome.ok();
    }
    let status = origin.run(&["status", "-o", "json"]).json();
    assert_eq!((&status["head"], &status["environments"][0]["in-sync"]), (&broken.into(), &true.into()), "{status:#}");
    assert!(status["wrong"]["message"].as_str().unwrap().contains("springline.yaml:"), "{status:#}");
    // What is deployed is kept.
    let mut watch = Loop::start(origin.command(&["watch", "-o", "json", "--every", "1"]));
    watch.passes();
    fs::write(origin.live("shop").join("name.txt"), "by hand\n").unwrap();
    watch.tells(|line| line["repaired"].is_array());
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    origin.run(&["render"]).fails(CONFIG, &["springline.yaml:"]);
    origin.sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    origin.sandbox.write("deploy/name.txt", "second\n");
    let second = origin.push("Mended");
    origin.notify();
    watch.deploys("shop", &second);
}

#[test]
fn another_operators_file_is_taken_over_and_one_that_is_wrong_is_told() {
    let Some(origin) = shop("") else { return };
    origin.push("First");
    let mut watch = origin.watch(&[]);
    watch.passes();
    let file = origin.state().join("host.yaml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "version: 1\ntargest: {}\n").unwrap();
    let told = watch.tells(|line| line["error"]["kind"] == "config");
    assert!(told["error"]["message"].as_str().unwrap().contains("host.yaml:2:1"), "{told:#}");
    // All goes on as it was.
    origin.sandbox.write("apps/shop/deploy/name.txt", "second\n");
    let second = origin.push("Second");
    origin.notify();
    watch.deploys("shop", &second);
    fs::write(&file, good.replace("live-shop", "moved-shop")).unwrap();
    watch.tells(|line| line["operator"] == "host.yaml");
    watch.tells(|line| line["application"] == "shop" && line["repaired"].is_array());
    assert_eq!(fs::read_to_string(origin.sandbox.path("moved-shop/name.txt")).unwrap(), "second\n");
}

#[test]
fn what_git_was_not_told_is_told_though_nothing_else_happens() {
    let Some(origin) = shop("    record: notes\n") else { return };
    origin.push("First");
    let hook = origin.sandbox.path("origin.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let mut watch = origin.watch(&[]);
    watch.passes();
    let bare = origin.sandbox.path("origin.git");
    let notes = || origin.sandbox.git(&["--git-dir", bare.to_str().unwrap(), "for-each-ref", "refs/notes/springline"]);
    assert_eq!(notes(), "");
    fs::remove_file(hook).unwrap();
    // No pass and no notification.
    crate::watch_stuck::until(|| !notes().is_empty());
    assert_eq!(origin.history().len(), 1);
}

#[test]
fn what_is_lost_of_a_release_is_told_by_a_pass_that_takes_nothing_for_known() {
    let Some(origin) = shop("") else { return };
    origin.push("First");
    let pass = |more: &[&str]| origin.run(&[&["watch", "--passes", "1", "-o", "json"], more].concat());
    pass(&[]).ok();
    let blob = with_text(&origin.state().join("blobs"), "shop\n").unwrap();
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&blob, "evil\n").unwrap();
    let told = pass(&[]);
    assert!(told.code == STATE && !told.stdout.contains("\"lost\""), "{told:#?}");
    let told = pass(&["--thorough"]).stdout;
    assert!(told.contains("\"lost\":\"release ") && told.contains("damaged"), "{told}");
    // A run makes it again.
    origin.run(&["run", "--path", "apps/shop"]).ok();
    assert!(!pass(&["--thorough"]).ok().contains("\"lost\""));
}
