//! What goes wrong with one application or repository holds up no other, and ends when it is mended.

use std::fs;

use serde_json::{Value, json};

use crate::code::{BUSY, CONFIG, DEPLOY, SOURCE, USAGE};
use crate::sandbox::guests;
use crate::watching::{Loop, Origin};

/// Two applications in one repository.
fn two() -> Option<Origin> {
    let origin = Origin::new()?;
    for name in ["blog", "shop"] {
        origin.application(&format!("apps/{name}"), name);
    }
    origin.targets(&["blog", "shop"]);
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/blog }, { repo: ORIGIN, path: apps/shop }]\n");
    Some(origin)
}

/// Both deployed, and the loop that looks after them until it is dropped.
fn watched() -> Option<(Origin, Loop)> {
    let origin = two()?;
    origin.push("Both");
    let mut watch = origin.watch(&[]);
    watch.passes();
    Some((origin, watch))
}

/// A step that sleeps till it is stopped.
fn sleeping(origin: &Origin, directory: &str) -> Option<()> {
    let guest = fs::read(guests()?.join("hostile-c.wasm")).unwrap();
    origin.sandbox.write(&format!("{directory}/slow.wasm"), guest);
    let path = format!("{directory}/springline.yaml");
    let yaml = fs::read_to_string(origin.sandbox.repo().join(&path)).unwrap();
    let slow =
        "artifacts:\n  slow:\n    steps: [{ name: sleep, plugin: ./slow.wasm, in: deploy, with: { attack: sleep } }]\n";
    origin.sandbox.write(&path, yaml.replace("environments:\n", &format!("{slow}environments:\n")));
    Some(())
}

#[test]
fn one_that_is_stuck_holds_up_no_other_and_what_is_newer_supersedes_it() {
    let Some(origin) = two() else { return };
    origin.push("Both");
    origin.run(&["watch", "--passes", "1"]).ok();
    let host = fs::read_to_string(origin.state().join("host.yaml")).unwrap();
    fs::write(origin.state().join("host.yaml"), host + "limits: { wall-seconds: 600 }\n").unwrap();
    let good = fs::read_to_string(origin.sandbox.repo().join("apps/blog/springline.yaml")).unwrap();
    let Some(()) = sleeping(&origin, "apps/blog") else { return };
    let stuck = origin.push("Sleep");
    let mut watch = origin.watch(&["--workers", "2"]);
    // The other one is deployed while this one sleeps.
    origin.sandbox.write("apps/shop/deploy/name.txt", "awake\n");
    let awake = origin.push("Awake");
    origin.notify();
    watch.deploys("shop", &awake);
    // What is newer stops it, and is deployed at once.
    origin.sandbox.write("apps/blog/springline.yaml", good);
    origin.sandbox.write("apps/blog/deploy/name.txt", "mended\n");
    let mended = origin.push("Mend");
    origin.notify();
    watch.deploys("blog", &mended);
    // It may have begun with either.
    let superseded = |line: &serde_json::Value| {
        line["application"] == "blog" && [&stuck, &awake].iter().any(|commit| line["superseded"] == **commit)
    };
    assert!(watch.heard().iter().any(superseded), "{:#?}", watch.heard());
    assert_eq!(origin.deployed("blog", "name.txt"), "mended\n");
}

#[test]
fn what_fails_is_tried_again_with_pauses_until_something_newer_comes() {
    let Some(origin) = two() else { return };
    origin.push("Both");
    // A file where the directory should be.
    fs::write(origin.live("blog"), "in the way").unwrap();
    let mut watch = origin.watch(&[]);
    let told = watch.tells(|line| !line["error"].is_null());
    assert_eq!((&told["application"], &told["environment"]), (&"blog".into(), &"live".into()), "{told:#}");
    let first = told["again-after-milliseconds"].as_u64().unwrap();
    let again = watch.tells(|line| !line["error"].is_null())["again-after-milliseconds"].as_u64().unwrap();
    assert!(again > first, "{first} {again}");
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    fs::remove_file(origin.live("blog")).unwrap();
    origin.sandbox.write("apps/blog/deploy/name.txt", "newer\n");
    let newer = origin.push("Newer");
    origin.notify();
    watch.deploys("blog", &newer);
    assert_eq!(origin.deployed("blog", "name.txt"), "newer\n");
}

#[test]
fn a_file_that_is_wrong_is_told_with_its_line_and_the_others_go_on() {
    let Some(origin) = two() else { return };
    origin.push("Both");
    origin.run(&["watch", "--passes", "1"]).ok();
    origin.sandbox.write("apps/blog/springline.yaml", "application: blog\nenvironment: {}\n");
    origin.sandbox.write("apps/shop/deploy/name.txt", "next\n");
    let next = origin.push("Break one");
    let mut watch = origin.watch(&[]);
    let told = watch.tells(|line| line["error"]["kind"] == "config");
    assert!(told["error"]["message"].as_str().unwrap().contains("apps/blog/springline.yaml:2:1"), "{told:#}");
    watch.deploys("shop", &next);
    // What is deployed of it stays.
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
}

#[test]
fn a_branch_that_is_forced_is_followed_and_one_that_is_gone_is_told() {
    let Some(origin) = two() else { return };
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/blog, revision: next }]\n");
    origin.push("Main");
    origin.sandbox.git(&["checkout", "-q", "-b", "next"]);
    origin.push("Both");
    origin.sandbox.write("apps/blog/deploy/name.txt", "second\n");
    let second = origin.push("Second");
    let mut watch = origin.watch(&[]);
    watch.deploys("blog", &second);
    // History is written anew: the commit that is deployed is gone.
    origin.sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    origin.sandbox.write("apps/blog/deploy/name.txt", "rewritten\n");
    let rewritten = origin.push("Rewritten");
    origin.notify();
    watch.deploys("blog", &rewritten);
    assert_eq!(origin.deployed("blog", "name.txt"), "rewritten\n");
    origin.sandbox.git(&["push", "-q", "origin", "--delete", "next"]);
    origin.notify();
    let told = watch.tells(|line| line["error"]["kind"] == "source");
    assert!(told["error"]["message"].as_str().unwrap().contains("next"), "{told:#}");
    assert_eq!(origin.deployed("blog", "name.txt"), "rewritten\n");
    // It is back.
    let back = origin.push("Back");
    origin.notify();
    watch.tells(|line| line["commit"] == back);
}

#[test]
fn a_repository_that_is_away_holds_up_no_other() {
    let Some(origin) = two() else { return };
    let missing = format!("file://{}", origin.sandbox.path("missing.git").display());
    origin
        .fleet(&format!("applications: [{{ name: gone, repo: '{missing}' }}, {{ repo: ORIGIN, path: apps/shop }}]\n"));
    let commit = origin.push("Both");
    let mut watch = origin.watch(&[]);
    watch.deploys("shop", &commit);
    let heard = watch.heard().to_vec();
    let told = heard.iter().find(|line| line["error"]["kind"] == "source");
    assert!(told.is_some_and(|line| line["repository"] == *missing), "{heard:#?}");
}

#[test]
fn a_second_host_is_told_of_the_first() {
    let Some((origin, watch)) = watched() else { return };
    origin.run(&["watch", "--passes", "1"]).fails(BUSY, &["`springline watch`"]);
    assert_eq!(watch.stop(), Some(0));
}

#[test]
fn who_names_an_application_that_does_not_exist_is_told() {
    let Some((origin, _watch)) = watched() else { return };
    for verb in ["notify", "cancel"] {
        origin.run(&[verb, "--app", "shpo"]).fails(USAGE, &["is called `shpo`", "did you mean `shop`?"]);
        origin.run(&[verb, "--app", "zoo"]).fails(USAGE, &["is called `zoo`", "springline apps"]);
    }
    origin.run(&["cancel", "--app", "shop"]).fails(USAGE, &["nothing of `shop` is under way"]);
}

#[test]
fn what_ends_by_itself_says_by_its_code_what_failed_in_its_last_pass() {
    let Some(origin) = two() else { return };
    origin.push("Both");
    let pass = |more: &[&str]| origin.run(&[&["watch", "--passes", "1"], more].concat());
    // A file where the directory should be.
    fs::write(origin.live("blog"), "in the way").unwrap();
    let failed = pass(&[]);
    assert_eq!(failed.code, DEPLOY, "{failed:#?}");
    assert!(failed.stdout.contains("\n1 deployed, 1 failed "), "{failed:#?}");
    fs::remove_file(origin.live("blog")).unwrap();
    pass(&[]).ok();
    // One source is away, and the other is not.
    let missing = origin.sandbox.path("missing.git").display().to_string();
    origin.fleet(&format!("applications: [{{ name: gone, repo: {missing} }}, {{ repo: ORIGIN, path: apps/shop }}]\n"));
    let failed = pass(&["-o", "json"]);
    assert_eq!(failed.code, SOURCE, "{failed:#?}");
    assert!(failed.stdout.contains("\"in-sync\":1") && failed.stdout.contains("\"unreadable\":1"), "{failed:#?}");
    origin.fleet(&format!("applications: [{{ name: gone, repo: {missing} }}]\n"));
    let failed = pass(&[]);
    assert_eq!(failed.code, SOURCE, "{failed:#?}");
    assert!(failed.stdout.lines().last().unwrap().starts_with("1 unreadable "), "{failed:#?}");
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: none/* } }]\n");
    let nothing = pass(&[]).ok();
    assert!(nothing.starts_with("no environments "), "{nothing}");
}

#[test]
fn an_environment_without_a_target_takes_no_other_away() {
    let Some(origin) = Origin::new() else { return };
    origin.application("apps/blog", "blog");
    let environment = |(name, target)| {
        format!("  {name}: {{ render: {{ plugin: render-template, in: deploy }}, target: {target} }}\n")
    };
    let environments = [("live", "blog"), ("old", "old"), ("new", "new")].map(environment).concat();
    origin.sandbox.write("apps/blog/springline.yaml", format!("application: blog\nenvironments:\n{environments}"));
    origin.targets(&["blog", "old", "new"]);
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/blog }]\n");
    origin.push("Three");
    origin.run(&["watch", "--passes", "1", "--env", "live", "--env", "old"]).ok();

    origin.targets(&["blog"]);
    let status = ["status", "--path", "apps/blog"];
    let told = origin.run(&status);
    for (row, words) in
        [("live", ["in sync", "Healthy"]), ("old", ["failed", "Unknown"]), ("new", ["failed", "Unknown"])]
    {
        let row = told.stdout.lines().find(|line| line.starts_with(row)).unwrap();
        assert!(words.iter().all(|word| row.contains(word)), "{told:#?}");
    }
    told.fails(CONFIG, &["binds no target `old`", "binds no target `new`", "add it to"]);
    let told = origin.run(&[&status[..], &["-o", "json"]].concat());
    assert_eq!(told.code, CONFIG);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let row = |at: usize| &told["environments"][at];
    assert_eq!((&row(0)["error"], &row(0)["in-sync"]), (&Value::Null, &json!(true)));
    assert!(row(1)["release"].is_object() && row(1)["in-sync"].is_null() && row(2)["release"].is_null(), "{told:#}");
    assert!((1..=2).all(|at| row(at)["error"]["kind"] == "config"), "{told:#}");

    // What is bound is deployed and kept, and the others are told each by itself.
    fs::write(origin.live("blog").join("name.txt"), "by hand\n").unwrap();
    let told = origin.run(&["watch", "--passes", "1", "-o", "json"]);
    assert_eq!((told.code, origin.deployed("blog", "name.txt")), (CONFIG, "blog\n".into()), "{told:#?}");
    let mut watch = origin.watch(&[]);
    let pass = watch.passes();
    assert_eq!((&pass["failed"], &pass["in-sync"]), (&json!(2), &json!(1)), "{pass:#}");
    let apps = origin.run(&["apps", "-o", "json"]).json();
    let states: Vec<&str> =
        apps[0]["environments"].as_array().unwrap().iter().map(|known| known["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["in-sync", "failed", "failed"], "{apps:#}");
    origin.sandbox.write("apps/blog/deploy/name.txt", "news\n");
    let news = origin.push("News");
    origin.notify();
    watch.deploys("blog", &news);
    // It is bound again.
    origin.targets(&["blog", "old", "new"]);
    watch.tells(|line| line["environment"] == "new" && line["deployed"].is_array());
    assert_eq!(origin.deployed("new", "name.txt"), "news\n");
}

#[test]
fn a_loop_of_one_application_begins_with_what_has_a_target() {
    let Some(origin) = Origin::new() else { return };
    origin.application("", "blog");
    let yaml = fs::read_to_string(origin.sandbox.repo().join("springline.yaml")).unwrap();
    let (head, live) = yaml.split_once("  live:").unwrap();
    let other = live.replace("target: blog", "target: nowhere");
    origin.sandbox.write("springline.yaml", format!("{head}  other:{other}  live:{live}"));
    origin.targets(&["blog"]);
    origin.push("Two");
    let told = origin.run(&["watch", "--passes", "1"]);
    assert!(told.code == CONFIG && told.stdout.contains("binds no target `nowhere`"), "{told:#?}");
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
    // Where there is nothing to look after, it does not begin.
    origin.targets(&["unused"]);
    origin.run(&["watch"]).fails(CONFIG, &["binds no target `blog`"]);
}
