//! What people hold back stays so, what comes meanwhile is told, and all of it comes when they let go.

use serde_json::Value;

use crate::sandbox::Outcome;
use crate::watching::{Loop, Origin};

/// Two applications in one repository, deployed.
fn two() -> Option<Origin> {
    let origin = Origin::new()?;
    for name in ["blog", "shop"] {
        origin.application(&format!("apps/{name}"), name);
    }
    origin.targets(&["blog", "shop"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, revision: main, match: apps/* } }]\n");
    origin.push("First");
    origin.run(&["watch", "--passes", "1"]).ok();
    Some(origin)
}

/// A loop that looks all the time.
fn looking(origin: &Origin) -> Loop {
    Loop::start(origin.command(&["watch", "-o", "json", "--every", "1"]))
}

/// Pushes a text for an application, and waits until the loop has looked at what that concerns.
fn push_and_wait(origin: &Origin, watch: &mut Loop, name: &str, text: &str) -> String {
    origin.sandbox.write(&format!("apps/{name}/deploy/name.txt"), text);
    let commit = origin.push(text);
    origin.notify();
    watch.tells(|line| line["commit"] == commit);
    // The one under way may have begun before.
    (0..2).for_each(|_| drop(watch.passes()));
    commit
}

fn app(origin: &Origin, name: &str) -> Value {
    let apps = origin.run(&["apps", "-o", "json"]).json();
    apps.as_array().unwrap().iter().find(|app| app["application"] == name).unwrap().clone()
}

#[test]
fn a_commit_that_comes_while_an_application_is_suspended_is_deployed_when_it_is_resumed() {
    let Some(origin) = two() else { return };
    let mut watch = looking(&origin);
    watch.passes();
    origin.run(&["suspend", "--app", "shop", "--why", "freeze"]).ok();
    watch.tells(|line| line["left"] == "suspended" && line["application"] == "shop");
    push_and_wait(&origin, &mut watch, "shop", "second\n");
    assert_eq!(app(&origin, "shop")["state"], "suspended");
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    // The others of the fleet go on.
    origin.sandbox.write("apps/blog/deploy/name.txt", "news\n");
    let news = origin.push("News");
    origin.notify();
    watch.deploys("blog", &news);
    origin.run(&["resume", "--app", "shop"]).ok();
    watch.tells(|line| line["application"] == "shop" && line["deployed"].is_array());
    assert_eq!(origin.deployed("shop", "name.txt"), "second\n");
    assert_eq!(app(&origin, "shop")["state"], "in-sync");
}

#[test]
fn a_fleet_that_is_suspended_as_a_whole_is_left_alone_and_catches_up() {
    let Some(origin) = two() else { return };
    let mut watch = looking(&origin);
    watch.passes();
    for name in ["blog", "shop"] {
        origin.run(&["suspend", "--app", name, "--why", "the network is rebuilt"]).ok();
    }
    for name in ["blog", "shop"] {
        origin.sandbox.write(&format!("apps/{name}/deploy/name.txt"), "next\n");
    }
    push_and_wait(&origin, &mut watch, "shop", "next\n");
    assert_eq!(watch.passes()["suspended"], 2);
    std::fs::write(origin.live("blog").join("name.txt"), "by hand\n").unwrap();
    watch.passes();
    watch.passes();
    assert_eq!(
        (origin.deployed("blog", "name.txt"), origin.deployed("shop", "name.txt")),
        ("by hand\n".into(), "shop\n".into())
    );
    assert_eq!(origin.history().len(), 2);
    for name in ["blog", "shop"] {
        origin.run(&["resume", "--app", name]).ok();
        watch.tells(|line| line["application"] == name && line["deployed"].is_array());
        assert_eq!(origin.deployed(name, "name.txt"), "next\n");
    }
}

#[test]
fn what_is_pinned_gets_the_newest_commit_when_it_is_let_go_of() {
    let Some(origin) = two() else { return };
    let history = origin.run(&["history", "--app", "shop", "-o", "json"]).json();
    let release = history[0]["release"].as_str().unwrap().to_owned();
    let mut watch = looking(&origin);
    watch.passes();
    push_and_wait(&origin, &mut watch, "shop", "second\n");
    let pin = ["redeploy", "--path", "apps/shop", "--env", "live", "--why", "second is slow", release.as_str()];
    origin.run(&pin).ok();
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    let third = push_and_wait(&origin, &mut watch, "shop", "third\n");
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    origin.run(&["unpin", "--app", "shop", "--env", "live"]).ok();
    watch.deploys("shop", &third);
    // The same where nothing came meanwhile.
    origin.run(&pin).ok();
    origin.run(&["unpin", "--app", "shop", "--env", "live"]).ok();
    watch.deploys("shop", &third);
    assert_eq!(origin.deployed("shop", "name.txt"), "third\n");
}

#[test]
fn git_is_told_in_the_repository_of_the_application_wherever_the_verb_is_called() {
    let Some(origin) = crate::watch_state::shop("    record: notes\n") else { return };
    let commit = origin.push("First");
    let mut watch = origin.watch(&[]);
    watch.deploys("shop", &commit);
    assert_eq!(watch.stop(), Some(0));
    let bare = origin.sandbox.path("origin.git");
    let tells =
        || origin.sandbox.git(&["--git-dir", bare.to_str().unwrap(), "notes", "--ref=springline", "show", &commit]);
    let release = origin.run(&["history", "-o", "json"]).json()[0]["release"].as_str().unwrap().to_owned();
    let elsewhere = origin.sandbox.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let from_elsewhere = |arguments: &[&str]| {
        let mut command = origin.command(arguments);
        command.current_dir(&elsewhere);
        origin.sandbox.finish(command)
    };
    let quietly = |outcome: Outcome| {
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        outcome.ok()
    };
    assert!(!tells().contains("redeploy"), "{}", tells());
    quietly(from_elsewhere(&["redeploy", "--env", "live", &release]));
    assert!(tells().contains("redeploy"), "{}", tells());
    quietly(from_elsewhere(&["unpin", "--env", "live"]));
    let before = tells();
    origin.fleet("generators: [{ directories: { repo: ORIGIN, revision: main, match: none/* } }]\n");
    let way = from_elsewhere(&["remove", "shop"]);
    let confirmation =
        way.stderr.split("--confirm-prune ").nth(1).unwrap().split('`').next().unwrap().trim().to_owned();
    quietly(from_elsewhere(&["remove", "shop", "--confirm-prune", &confirmation]));
    assert_ne!(tells(), before);
}

#[test]
fn what_waits_for_a_person_is_out_of_sync_as_long_as_it_waits() {
    let Some(origin) = two() else { return };
    let path = "apps/shop/springline.yaml";
    let yaml = std::fs::read_to_string(origin.sandbox.repo().join(path)).unwrap();
    origin.sandbox.write(path, yaml + "    sync: { automated: false }\n");
    let mut watch = looking(&origin);
    watch.passes();
    push_and_wait(&origin, &mut watch, "shop", "second\n");
    for _ in 0..2 {
        let pass = watch.passes();
        assert_eq!((&pass["out-of-sync"], &pass["in-sync"]), (&1.into(), &1.into()), "{pass:#}");
    }
    assert_eq!(app(&origin, "shop")["state"], "out-of-sync");
    // What is live is kept meanwhile.
    std::fs::write(origin.live("shop").join("name.txt"), "by hand\n").unwrap();
    watch.tells(|line| line["repaired"].is_array());
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    let told = |line: &&Value| line["left"] == "out-of-sync";
    assert_eq!(watch.heard().iter().filter(told).count(), 1);
}

#[test]
fn what_is_live_is_kept_while_the_newest_commit_can_not_be_deployed() {
    let Some(origin) = two() else { return };
    let mut watch = looking(&origin);
    watch.passes();
    let path = "apps/shop/springline.yaml";
    let good = std::fs::read_to_string(origin.sandbox.repo().join(path)).unwrap();
    let missing = good.replace("in: apps/shop/deploy", "in: gone").replace("in: deploy", "in: gone");
    for bad in ["application: shop\nenvironment: {}\n".to_owned(), missing] {
        origin.sandbox.write(path, bad);
        origin.push("Bad");
        origin.notify();
        watch.tells(|line| line["application"] == "shop" && !line["error"].is_null());
        std::fs::write(origin.live("shop").join("name.txt"), "by hand\n").unwrap();
        watch.tells(|line| line["application"] == "shop" && line["repaired"].is_array());
        assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
        assert_eq!(
            (watch.passes()["failed"].clone(), app(&origin, "shop")["state"].clone()),
            (1.into(), "failed".into())
        );
    }
    origin.sandbox.write(path, good);
    origin.sandbox.write("apps/shop/deploy/name.txt", "mended\n");
    let mended = origin.push("Mended");
    origin.notify();
    watch.deploys("shop", &mended);
    assert_eq!(origin.deployed("shop", "name.txt"), "mended\n");
}

#[test]
fn pins_and_what_waits_for_a_confirmation_are_listed_with_all_that_is_looked_after() {
    let Some(origin) = two() else { return };
    let release = |name: &str| {
        origin.run(&["history", "--app", name, "-o", "json"]).json()[0]["release"].as_str().unwrap().to_owned()
    };
    let (pinned, path) = (release("blog"), "apps/shop/springline.yaml");
    let yaml = std::fs::read_to_string(origin.sandbox.repo().join(path)).unwrap();
    origin.sandbox.write(path, yaml + "    sync: { confirm-prune: { objects: 0 } }\n");
    origin.sandbox.write("apps/shop/deploy/more.txt", "more\n");
    origin.push("More");
    let mut watch = looking(&origin);
    watch.tells(|line| line["application"] == "shop" && line["deployed"].is_array());
    origin.run(&["redeploy", "--env", "live", &pinned, "--why", "calm"]).ok();
    std::fs::remove_file(origin.sandbox.repo().join("apps/shop/deploy/more.txt")).unwrap();
    origin.push("Less");
    origin.notify();
    watch.tells(|line| line["pass"].is_u64() && line["unconfirmed"] == 1);
    let (blog, shop) = (app(&origin, "blog"), app(&origin, "shop"));
    let seen = &blog["environments"][0];
    assert_eq!((&seen["environment"], &seen["state"]), (&"live".into(), &"in-sync".into()), "{blog:#}");
    assert_eq!((&seen["pin"]["release"], &seen["pin"]["why"]), (&pinned.as_str().into(), &"calm".into()), "{blog:#}");
    assert_eq!((&shop["state"], &shop["environments"][0]["state"]), (&"unconfirmed".into(), &"unconfirmed".into()));
    assert!(shop["environments"][0]["why"].as_str().unwrap().contains("1 of 2 live objects"), "{shop:#}");
    let text = origin.run(&["apps"]).ok();
    let told = format!("blog/live: pinned to release {} by tester@", &pinned[..12]);
    assert!(text.contains("live (pinned)") && text.contains(&told) && text.contains(": calm"), "{text}");
    assert!(text.contains("live (unconfirmed)") && text.contains("shop/live: waits 1 of 2 live objects"), "{text}");
}
