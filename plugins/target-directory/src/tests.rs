use springline_sdk::fake::{Host, Leaf, Synced};
use springline_sdk::plugin::Describe as _;
use springline_sdk::prelude::*;
use springline_sdk::{HealthStatus, NodeKind};

use crate::{Config, Plugin};

const ME: &str = "example/test";

fn config(config: Value) -> Config {
    springline_sdk::serde_json::from_value(config).unwrap()
}

fn plain() -> Config {
    config(json!({}))
}

/// The actions of a sync and what they were on.
fn actions(synced: &Synced) -> Vec<(Action, &str)> {
    synced.changes.iter().map(|change| (change.action, change.live.as_str())).collect()
}

fn message(error: Error) -> String {
    error.to_string()
}

fn site(host: &Host) -> Vec<Object> {
    let tree = host.add_tree(&[
        ("index.html", Leaf::from("<h1>")),
        ("bin/run", Leaf::Executable(b"#!/bin/sh\n".to_vec())),
        ("latest", Leaf::Symlink("bin/run".to_owned())),
    ]);
    vec![Object::tree("site", tree), Object::blob("robots.txt", host.add_blob("none\n"))]
}

#[test]
fn objects_become_files_links_and_modes() {
    let host = Host::new();
    let synced = host.sync(&plain(), &site(&host), &[]).unwrap();
    let paths = ["robots.txt", "site/bin/run", "site/index.html", "site/latest"];
    assert_eq!(actions(&synced), paths.map(|path| (Action::Create, path)));
    assert_eq!(host.live_paths(), paths);
    assert_eq!(host.live("site/index.html").unwrap(), b"<h1>");
    assert_eq!(host.live_node("site/bin/run").unwrap().kind, NodeKind::Executable);
    assert_eq!(host.live_node("site/latest").unwrap().link, "bin/run");
    assert!(paths.iter().all(|path| host.live_node(path).unwrap().owner == ME));
    assert_eq!(plain().owned(&mut host.deploy()).unwrap(), paths);
}

#[test]
fn a_second_sync_does_nothing_and_what_left_git_is_pruned() {
    let host = Host::new();
    let first = host.sync(&plain(), &site(&host), &[]).unwrap();
    let second = host.sync(&plain(), &site(&host), &first.owned).unwrap();
    assert!(second.changes.is_empty());

    host.put_live("foreign.txt", "not ours");
    let third = host.sync(&plain(), &site(&host)[1..], &first.owned).unwrap();
    let gone = ["site/bin/run", "site/index.html", "site/latest"];
    assert_eq!(actions(&third), gone.map(|path| (Action::Delete, path)));
    assert_eq!(host.live_paths(), ["foreign.txt", "robots.txt"]);
}

#[test]
fn drift_is_shown_and_repaired() {
    let host = Host::new();
    let owned = host.sync(&plain(), &site(&host), &[]).unwrap().owned;
    host.edit_live("site/index.html", "<h1>hacked</h1>").remove_live("robots.txt");

    let plan = plain().plan(&site(&host), &owned, &mut host.deploy()).unwrap();
    assert_eq!(plan[0].action, Action::Create);
    assert_eq!((plan[1].action, plan[1].summary.as_str()), (Action::Update, "content: 15 -> 4 bytes"));
    let explained = plain().explain(&plan[1], &mut host.deploy()).unwrap();
    assert_eq!(explained.live.as_deref(), Some("<h1>hacked</h1>"));
    assert_eq!(explained.desired.as_deref(), Some("<h1>"));

    host.sync(&plain(), &site(&host), &owned).unwrap();
    assert_eq!(host.live("site/index.html").unwrap(), b"<h1>");
    assert_eq!(host.live("robots.txt").unwrap(), b"none\n");
}

#[test]
fn a_mode_a_link_and_a_kind_are_changes() {
    let host = Host::new();
    let before =
        host.add_tree(&[("run", Leaf::from("x")), ("link", Leaf::Symlink("run".into())), ("kind", Leaf::from("run"))]);
    let after = host.add_tree(&[
        ("run", Leaf::Executable(b"x".to_vec())),
        ("link", Leaf::Symlink("kind".into())),
        ("kind", Leaf::Symlink("run".into())),
    ]);
    let owned = host.sync(&plain(), &[Object::tree("a", before)], &[]).unwrap().owned;
    let synced = host.sync(&plain(), &[Object::tree("a", after)], &owned).unwrap();
    let summaries: Vec<_> = synced.changes.iter().map(|change| change.summary.as_str()).collect();
    assert_eq!(summaries, ["a file -> a link", "link: run -> kind", "mode: 644 -> 755"]);
    assert_eq!(host.live_node("a/run").unwrap().kind, NodeKind::Executable);

    let link = &synced.changes[1];
    let explained = plain().explain(link, &mut host.deploy()).unwrap();
    assert_eq!(explained.desired.as_deref(), Some("-> kind\n"));
}

#[test]
fn binary_and_huge_files_have_no_text() {
    let host = Host::new();
    let desired = [
        Object::blob("binary", host.add_blob(b"\xff\xfe")),
        Object::blob("huge", host.add_blob("x".repeat(256 * 1024 + 1))),
        Object::blob("large", host.add_blob("x".repeat(256 * 1024))),
    ];
    let plan = plain().plan(&desired, &[], &mut host.deploy()).unwrap();
    let texts: Vec<_> = plan
        .iter()
        .map(|change| plain().explain(change, &mut host.deploy()).unwrap().desired.map(|text| text.len()))
        .collect();
    assert_eq!(texts, [None, None, Some(256 * 1024)]);
}

#[test]
fn what_is_there_and_differs_is_never_overwritten() {
    let host = Host::new();
    host.put_live("robots.txt", "mine").put_live("site/index.html", "mine too");
    let error = message(host.sync(&plain(), &site(&host), &[]).unwrap_err());
    assert!(error.contains("`robots.txt` is there already") && error.contains("`site/index.html` is there"), "{error}");
    assert!(error.contains("`adopt: true`"), "{error}");
    assert_eq!(host.live("robots.txt").unwrap(), b"mine");
    assert_eq!(host.live_paths().len(), 2);

    host.sync(&config(json!({ "adopt": true })), &site(&host), &[]).unwrap();
    assert_eq!(host.live("robots.txt").unwrap(), b"none\n");
}

#[test]
fn what_is_another_applications_is_not_even_adopted() {
    let host = Host::new();
    host.put_live_owned("robots.txt", "none\n", "other/prod");
    for target in [plain(), config(json!({ "adopt": true }))] {
        let error = message(host.sync(&target, &site(&host), &[]).unwrap_err());
        assert_eq!(error, "`robots.txt` belongs to other/prod");
    }
    // Nor pruned, whatever the inventory says.
    let synced = host.sync(&plain(), &site(&host)[..1], &["robots.txt".to_owned()]).unwrap();
    assert!(actions(&synced).contains(&(Action::Delete, "robots.txt")));
    assert_eq!(host.live("robots.txt").unwrap(), b"none\n");
}

#[test]
fn what_is_there_and_equal_is_adopted_without_a_write() {
    let host = Host::new();
    host.put_live("robots.txt", "none\n");
    let synced = host.sync(&plain(), &site(&host)[1..], &[]).unwrap();
    assert_eq!(actions(&synced), [(Action::Adopt, "robots.txt")]);
    assert_eq!(host.live_node("robots.txt").unwrap().owner, ME);
}

#[test]
fn a_lost_mark_is_found_by_the_inventory() {
    let host = Host::new();
    let owned = host.sync(&plain(), &site(&host), &[]).unwrap().owned;
    host.put_live("robots.txt", "edited").put_live("site/index.html", "<h1>");
    let synced = host.sync(&plain(), &site(&host), &owned).unwrap();
    assert_eq!(actions(&synced), [(Action::Update, "robots.txt"), (Action::Adopt, "site/index.html")]);

    host.put_live("robots.txt", "edited again");
    let synced = host.sync(&plain(), &site(&host)[..1], &owned).unwrap();
    assert_eq!(actions(&synced), [(Action::Delete, "robots.txt")]);
    assert!(host.live("robots.txt").is_none());
}

#[test]
fn a_stale_plan_is_a_conflict_and_a_repeated_apply_is_none() {
    let host = Host::new();
    let owned = host.sync(&plain(), &site(&host), &[]).unwrap().owned;
    host.edit_live("robots.txt", "one");
    let plan = plain().plan(&site(&host), &owned, &mut host.deploy()).unwrap();
    host.edit_live("robots.txt", "two");
    let stale = plain().apply(&plan[0], &mut host.deploy()).unwrap_err();
    assert!(matches!(stale, Error::Conflict(_)), "{stale}");

    host.edit_live("robots.txt", "one");
    for message in ["", "already done"] {
        assert_eq!(plain().apply(&plan[0], &mut host.deploy()).unwrap().message, message);
    }
    let prune = plain().plan(&site(&host)[..1], &owned, &mut host.deploy()).unwrap();
    for message in ["", "gone already"] {
        assert_eq!(plain().apply(&prune[0], &mut host.deploy()).unwrap().message, message);
    }
}

#[test]
fn a_file_becomes_a_directory_and_back() {
    let with_objects = || {
        let host = Host::new();
        let file = [Object::blob("docs", host.add_blob("one file"))];
        let tree = [Object::tree("docs", host.add_tree(&[("a/b.md", "b"), ("c.md", "c")]))];
        (host, file, tree)
    };
    let (host, file, tree) = with_objects();
    let mut owned = Vec::new();
    for (desired, paths) in [(&file, vec!["docs"]), (&tree, vec!["docs/a/b.md", "docs/c.md"]), (&file, vec!["docs"])] {
        owned = host.sync(&plain(), desired, &owned).unwrap().owned;
        assert_eq!(host.live_paths(), paths);
    }

    // But not over what is not ours.
    host.remove_live("docs").put_live("docs", "foreign");
    let error = message(host.sync(&plain(), &tree, &[]).unwrap_err());
    assert!(error.contains("`docs` is a file, where `docs/a/b.md` needs a directory"), "{error}");
    let (host, file, tree) = with_objects();
    host.sync(&plain(), &tree, &[]).unwrap();
    host.put_live("docs/foreign", "x");
    let owned = plain().owned(&mut host.deploy()).unwrap();
    let error = message(host.sync(&plain(), &file, &owned).unwrap_err());
    assert!(error.contains("files in it that are not ours"), "{error}");
    assert_eq!(host.live("docs/foreign").unwrap(), b"x");
}

#[test]
fn objects_that_claim_one_path_are_refused() {
    let host = Host::new();
    let blob = host.add_blob("x");
    let tree = host.add_tree(&[("b", "1"), ("c", "2")]);
    let desired = [Object::blob("a/b", &blob), Object::tree("a", tree), Object::blob("a/c/d", &blob)];
    let Error::Invalid(violations) = plain().identify(&desired, &mut host.deploy()).unwrap_err() else { panic!() };
    let messages: Vec<_> = violations.iter().map(|violation| violation.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "objects `a/b` and `a` both become `a/b`",
            "`a/c` of object `a` is a file, where `a/c/d` of object `a/c/d` needs a directory",
        ]
    );
}

#[test]
fn nothing_leads_out() {
    let host = Host::new();
    for target in ["../../etc/passwd", "/etc/passwd", "x/../../.."] {
        let desired = [Object::tree("a", host.add_tree(&[("link", Leaf::Symlink(target.to_owned()))]))];
        let error = message(plain().identify(&desired, &mut host.deploy()).unwrap_err());
        assert!(error.contains("leads out"), "{error}");
    }
    let up = [Object::blob("../x", host.add_blob("x"))];
    assert!(matches!(plain().identify(&up, &mut host.deploy()), Err(Error::Invalid(_))));
    let bad_prefix = config(json!({ "prefix": "../x" })).identify(&[], &mut host.deploy()).unwrap_err();
    assert_eq!(message(bad_prefix), "/prefix: this is no path below the lent directory");
}

#[test]
fn the_prefix_and_the_root_object_say_where_things_go() {
    let host = Host::new();
    let target = config(json!({ "prefix": "www/", "root-object": "site" }));
    host.sync(&target, &site(&host), &[]).unwrap();
    assert_eq!(host.live_paths(), ["www/bin/run", "www/index.html", "www/latest", "www/robots.txt"]);

    let missing = config(json!({ "root-object": "sight" })).identify(&site(&host), &mut host.deploy()).unwrap_err();
    assert_eq!(message(missing), "/root-object: there is no object `sight`; there are: site, robots.txt");
    let blob = config(json!({ "root-object": "robots.txt" })).identify(&site(&host), &mut host.deploy()).unwrap_err();
    assert_eq!(message(blob), "/root-object: the object `robots.txt` is a file and no tree");
}

#[test]
fn live_objects_are_observed_and_judged() {
    let host = Host::new();
    host.sync(&plain(), &site(&host), &[]).unwrap();
    let live = ["robots.txt", "site/bin/run", "gone", "site"].map(str::to_owned);
    let observed = plain().observe(&live, &mut host.deploy()).unwrap();
    assert!(observed[1].version.as_deref().unwrap().ends_with(" x"));
    let health: Vec<_> = observed.iter().map(|observed| plain().judge(observed).unwrap().status).collect();
    assert_eq!(health, [HealthStatus::Healthy, HealthStatus::Healthy, HealthStatus::Missing, HealthStatus::Degraded]);
}

#[test]
fn without_a_lent_directory_everything_is_denied() {
    let host = Host::new();
    host.deny_directory();
    let denied = plain().plan(&site(&host), &[], &mut host.deploy()).unwrap_err();
    assert!(matches!(denied, Error::Denied(_)), "{denied}");
}

#[test]
fn it_says_what_it_needs() {
    let description = Plugin::describe();
    assert_eq!(description.name, "target-directory");
    assert_eq!(description.capabilities[0].0, "directory");
}
