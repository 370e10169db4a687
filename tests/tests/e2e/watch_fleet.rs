//! Applications that come and go with directories and branches, and commits that concern some of them.

use std::fs;

use crate::code::{CONFIG, DEPLOY, USAGE};
use crate::watching::Origin;

#[test]
fn directories_that_match_are_applications_and_orphans_when_they_go() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["blog", "shop", "wiki"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/* } }]\n");
    origin.application("apps/blog", "blog");
    origin.application("apps/shop", "shop");
    origin.sandbox.write("apps/library/readme.md", "no application\n");
    let first = origin.push("Two");
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 2);
    origin.application("apps/wiki", "wiki");
    fs::remove_dir_all(origin.sandbox.repo().join("apps/blog")).unwrap();
    let second = origin.push("One comes, one goes");
    origin.notify();
    watch.deploys("wiki", &second);
    let heard = watch.heard().to_vec();
    let orphaned: Vec<_> = heard.iter().filter(|line| line["orphaned"] == true).collect();
    assert_eq!(orphaned.len(), 1, "{heard:#?}");
    assert_eq!(orphaned[0]["application"], "blog");
    // What is deployed of it stays.
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
    let history = origin.history();
    let of = |name: &str| history.iter().filter(|record| record.0 == name).map(|record| &record.2).collect::<Vec<_>>();
    assert_eq!((of("blog"), of("shop"), of("wiki")), (vec![&first], vec![&first], vec![&second]));
}

#[test]
fn branches_that_match_are_applications_of_their_own() {
    let Some(origin) = Origin::new() else { return };
    origin.fleet("generators: [{ branches: { repo: ORIGIN, match: feature/* } }]\n");
    origin.application("", "site");
    origin.push("Main");
    let mut host = String::from("version: 1\ntargets:\n");
    for branch in ["a", "b"] {
        origin.sandbox.git(&["checkout", "-q", "-b", &format!("feature/{branch}"), "main"]);
        let yaml = fs::read_to_string(origin.sandbox.repo().join("springline.yaml")).unwrap();
        let own = format!("target: {branch}\n    record: {{ branch: 'env/{{application}}/{{environment}}' }}");
        origin.sandbox.write("springline.yaml", yaml.replace("target: site", &own));
        origin.sandbox.write("deploy/name.txt", format!("{branch}\n"));
        host.push_str(&format!(
            "  {branch}: {{ plugin: target-directory, grants: {{ directory: {{ path: {} }} }} }}\n",
            origin.live(branch).display()
        ));
        origin.push("Branch");
    }
    fs::write(origin.state().join("host.yaml"), host).unwrap();
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 2);
    assert_eq!((origin.deployed("a", "name.txt"), origin.deployed("b", "name.txt")), ("a\n".into(), "b\n".into()));
    let names: Vec<_> = origin.history().into_iter().map(|record| record.0).collect();
    assert!(names.contains(&"site-feature-a".to_owned()) && names.contains(&"site-feature-b".to_owned()), "{names:?}");
    let records = origin.sandbox.git(&["ls-remote", "origin", "refs/heads/env/*"]);
    let records: Vec<_> = records.lines().filter_map(|line| line.split_once('\t')).map(|(_, name)| name).collect();
    assert_eq!(records, ["refs/heads/env/site-feature-a/live", "refs/heads/env/site-feature-b/live"]);
    origin.sandbox.git(&["push", "-q", "origin", "--delete", "feature/a"]);
    origin.notify();
    let told = watch.tells(|line| line["orphaned"] == true);
    assert_eq!(told["application"], "site-feature-a");
    assert_eq!(origin.deployed("a", "name.txt"), "a\n");
}

#[test]
fn what_is_gone_is_removed_where_its_rule_says_so_and_comes_back_with_it() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["blog", "shop"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/*, prune: true } }]\n");
    origin.application("apps/blog", "blog");
    origin.application("apps/shop", "shop");
    origin.push("Two");
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 2);
    fs::remove_dir_all(origin.sandbox.repo().join("apps/blog")).unwrap();
    origin.push("One goes");
    origin.notify();
    let told = watch.tells(|line| line["removed"].is_array());
    assert_eq!((&told["application"], &told["removed"][0]["live"]), (&"blog".into(), &"name.txt".into()));
    assert!(!origin.live("blog").join("name.txt").exists());
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
    // As it was, commit and all.
    origin.sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let back = origin.push("Back");
    origin.notify();
    watch.deploys("blog", &back);
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
    // A rule that finds nothing at all any more may be wrong.
    fs::remove_dir_all(origin.sandbox.repo().join("apps")).unwrap();
    origin.push("All go");
    origin.notify();
    for _ in 0..2 {
        let told = watch.tells(|line| line["orphaned"] == true);
        assert_eq!(told["prune"], false);
    }
    assert_eq!(watch.stop(), Some(0));
    assert_eq!(
        (origin.deployed("blog", "name.txt"), origin.deployed("shop", "name.txt")),
        ("blog\n".into(), "shop\n".into())
    );
}

#[test]
fn who_has_a_name_keeps_it() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["shop"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/* } }]\n");
    origin.application("apps/shop", "shop");
    origin.push("The shop");
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 1);
    // A copy, its name forgotten, that is found before it.
    origin.application("apps/beta", "shop");
    origin.sandbox.write("apps/beta/deploy/name.txt", "beta\n");
    origin.push("A copy");
    origin.notify();
    let told = watch.tells(|line| line["error"]["kind"] == "config");
    assert_eq!(told["application"], "shop");
    assert!(told["error"]["place"].as_str().unwrap().starts_with("apps/beta of "), "{told:#}");
    origin.sandbox.write("apps/shop/deploy/name.txt", "next\n");
    let next = origin.push("Next");
    origin.notify();
    watch.deploys("shop", &next);
    assert_eq!(origin.deployed("shop", "name.txt"), "next\n");
    // Also the next time.
    assert_eq!(watch.stop(), Some(0));
    let mut watch = origin.watch(&[]);
    let told = watch.tells(|line| line["error"]["kind"] == "config");
    assert!(told["error"]["place"].as_str().unwrap().starts_with("apps/beta of "), "{told:#}");
    assert_eq!(watch.passes()["in-sync"], 1);
    assert_eq!((origin.history().len(), origin.deployed("shop", "name.txt")), (2, "next\n".to_owned()));
}

#[test]
fn the_last_one_that_a_rule_finds_stays_and_it_is_said_why_and_what_removes_it() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["shop"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/*, prune: true } }]\n");
    origin.application("apps/shop", "shop");
    origin.push("One");
    origin.run(&["watch", "--passes", "1"]).ok();
    fs::remove_dir_all(origin.sandbox.repo().join("apps/shop")).unwrap();
    origin.sandbox.write("notes.txt", "empty\n");
    origin.push("None");
    let told = origin.run(&["watch", "--passes", "1"]).ok();
    let why = "what is deployed of it stays, as its rule finds nothing at all any more, which may be a slip\n";
    assert!(told.contains(&format!("{why}  springline remove shop\nno environments ")), "{told}");
    assert_eq!(origin.deployed("shop", "name.txt"), "shop\n");
}

#[test]
fn what_went_while_nobody_watched_is_removed_until_it_is_gone() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["blog", "shop", "wiki"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/*, prune: true } }]\n");
    for name in ["blog", "shop", "wiki"] {
        origin.application(&format!("apps/{name}"), name);
    }
    let yaml = fs::read_to_string(origin.sandbox.repo().join("apps/wiki/springline.yaml")).unwrap();
    origin
        .sandbox
        .write("apps/wiki/springline.yaml", format!("{yaml}    sync: {{ confirm-prune: {{ objects: 0 }} }}\n"));
    origin.push("Three");
    origin.run(&["watch", "--passes", "1"]).ok();
    for name in ["blog", "wiki"] {
        fs::remove_dir_all(origin.sandbox.repo().join("apps").join(name)).unwrap();
    }
    origin.push("Two go");
    // It can't be removed for now: something is where its directory was.
    let live = origin.live("blog");
    fs::rename(&live, origin.sandbox.path("aside")).unwrap();
    fs::write(&live, "in the way").unwrap();
    let failed = origin.run(&["watch", "--passes", "1"]);
    assert!(failed.code == DEPLOY && failed.stdout.contains("blog: failed"), "{failed:#?}");
    fs::remove_file(&live).unwrap();
    fs::rename(origin.sandbox.path("aside"), &live).unwrap();
    let told = origin.run(&["watch", "--passes", "1"]).ok();
    assert!(told.contains("blog/live: removed") && !live.join("name.txt").exists(), "{told}");
    // The way out of what waits.
    assert_eq!(origin.deployed("wiki", "name.txt"), "wiki\n");
    let way = told.lines().find_map(|line| line.trim().strip_prefix("springline remove ")).unwrap().to_owned();
    let way: Vec<&str> = std::iter::once("remove").chain(way.split(' ')).collect();
    origin.run(&way).ok();
    assert!(!origin.live("wiki").join("name.txt").exists());
    let told = origin.run(&["watch", "--passes", "1"]).ok();
    assert!(!told.contains("blog") && !told.contains("wiki"), "{told}");
    // A person may remove what no rule does, and nothing that would come back.
    let mut watch = origin.watch(&[]);
    watch.passes();
    origin.run(&["remove", "shop"]).fails(USAGE, &["is looked after"]);
}

#[test]
fn a_fleet_file_that_changes_is_read_again() {
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["blog", "shop"]);
    origin.application("apps/blog", "blog");
    origin.application("apps/shop", "shop");
    let commit = origin.push("Two");
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/blog }]\n");
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 1);
    origin.fleet("applications:\n  - { repository: ORIGIN }\n");
    let told = watch.tells(|line| line["fleet"].is_string());
    assert!(told["error"]["message"].as_str().unwrap().contains("fleet.yaml:2:"), "{told:#}");
    origin.fleet("applications: [{ repo: ORIGIN, path: apps/shop }]\n");
    assert_eq!(watch.tells(|line| line["fleet"].is_string())["read"], true);
    watch.tells(|line| line["orphaned"] == true && line["application"] == "blog");
    watch.deploys("shop", &commit);
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
    // A commit is about what is looked after now.
    origin.sandbox.write("apps/blog/deploy/name.txt", "next\n");
    origin.sandbox.write("apps/shop/deploy/name.txt", "next\n");
    let next = origin.push("Both");
    origin.notify();
    let told = watch.tells(|line| line["commit"] == next);
    assert_eq!((&told["concerned"], &told["unchanged"]), (&1.into(), &0.into()));
    watch.deploys("shop", &next);
    assert_eq!(origin.deployed("blog", "name.txt"), "blog\n");
}

#[test]
fn a_shared_file_concerns_those_who_read_it() {
    let Some(origin) = Origin::new() else { return };
    let names: Vec<String> = (0..6).map(|at| format!("app-{at}")).collect();
    origin.targets(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for (at, name) in names.iter().enumerate() {
        origin.application(&format!("apps/{name}"), name);
        if at % 2 == 0 {
            let path = format!("apps/{name}/springline.yaml");
            let yaml = fs::read_to_string(origin.sandbox.repo().join(&path)).unwrap();
            origin.sandbox.write(&path, yaml.replace("in: deploy", "in: /shared"));
        }
    }
    origin.sandbox.write("shared/text.txt", "one\n");
    origin.push("Six");
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/* } }]\n");
    let mut watch = origin.watch(&[]);
    assert_eq!(watch.passes()["deployed"], 6);
    origin.sandbox.write("shared/text.txt", "two\n");
    let shared = origin.push("Shared");
    origin.notify();
    let told = watch.tells(|line| line["commit"] == shared);
    assert_eq!((&told["concerned"], &told["unchanged"]), (&3.into(), &3.into()));
    for name in names.iter().step_by(2) {
        while origin.deployed(name, "text.txt") != "two\n" {
            watch.tells(|line| line["deployed"].is_array());
        }
    }
}

#[test]
fn a_fleet_file_that_is_wrong_is_told_with_its_line() {
    let Some(origin) = Origin::new() else { return };
    origin.fleet("applications:\n  - { repository: ORIGIN }\n");
    origin.run(&["watch", "--passes", "1"]).fails(CONFIG, &["fleet.yaml:2:", "repo"]);
    origin.run(&["watch", "--fleet", "nowhere.yaml"]).fails(CONFIG, &["nowhere.yaml"]);
}

/// With glibc, memory that threads free stays in their heaps: see the program's `heaps`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_watch_has_as_many_heaps_as_processors_or_as_it_is_told() {
    const HEAPS: &str = "MALLOC_ARENA_MAX";
    let Some(origin) = Origin::new() else { return };
    origin.targets(&["blog"]);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, match: apps/* } }]\n");
    origin.application("apps/blog", "blog");
    origin.push("One");
    let processors = std::thread::available_parallelism().unwrap().get().max(2).to_string();
    for (told, heaps) in [(None, &*processors), (Some("7"), "7")] {
        let mut command = origin.command(&["watch", "-o", "json", "--every", "3600"]);
        command.env_remove(HEAPS).envs(told.map(|told| (HEAPS, told)));
        let mut watch = crate::watching::Loop::start(command);
        watch.passes();
        assert_eq!(watch.variable(HEAPS).as_deref(), Some(heaps), "told {told:?}");
        assert_eq!(watch.stop(), Some(0));
    }
}
