//! A watch hands over what it deploys.

use std::fs;

use serde_json::Value;

use crate::git_deliver::{VALUE, VALUES, push, there};
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox};
use crate::watching::Loop;

/// A site in two environments, whose artifact is named in another repository; that is at this path.
fn site() -> Option<(Sandbox, std::path::PathBuf)> {
    let sandbox = Sandbox::site()?;
    let (artifacts, environments) = APPLICATION.split_once("environments:\n").unwrap();
    let second = environments.replace("  site:", "  second:").replace("target: local", "target: second");
    sandbox.write("springline.yaml", format!("{artifacts}environments:\n{environments}{second}{VALUE}"));
    let other = sandbox.path("deployments.git");
    let url = format!("file://{}", other.display());
    let target = "  second: { plugin: target-directory, grants: { directory: { path: live-2 } } }\n";
    let git = "git: { name: Robot, email: robot@example.org, timeout-seconds: 20 }\n";
    sandbox.operator(&format!("{OPERATOR}{target}repositories: {{ deployments: {{ url: \"{url}\" }} }}\n{git}"));
    sandbox.commit("Hand it over");
    Some((sandbox, other))
}

fn begin(sandbox: &Sandbox, other: &std::path::Path) {
    sandbox.git(&["init", "-q", "--bare", "-b", "main", other.to_str().unwrap()]);
    push(sandbox, other, "handbook/production.yaml", VALUES, "Begin");
}

/// How often things were handed over, and how that ended.
fn handed(sandbox: &Sandbox) -> Vec<String> {
    let history = sandbox.springline(&["history", "--env", "deliver/id", "-o", "json"]).json();
    history.as_array().unwrap().iter().map(|record| record["outcome"]["is"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_commit_is_handed_over_once_however_many_environments_there_are() {
    let Some((sandbox, other)) = site() else { return };
    begin(&sandbox, &other);
    let told = sandbox.springline(&["watch", "--passes", "1", "-o", "json"]).ok();
    assert!(told.contains("\"delivered\"") && told.contains("deliver/id"), "{told}");
    let first = there(&sandbox, &other, &["show", "main:handbook/production.yaml"]);
    assert!(first.contains("digest: 'sha256:") && !first.contains("sha256:none"), "{first}");
    sandbox.springline(&["watch", "--passes", "2", "--every", "1", "--thorough"]).ok();
    assert_eq!(handed(&sandbox), ["succeeded"]);
    sandbox.write("docs/guide.md", "# Guide\n\nAnother one.\n");
    sandbox.commit("Another");
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert_ne!(there(&sandbox, &other, &["show", "main:handbook/production.yaml"]), first);
    assert_eq!(handed(&sandbox).len(), 2);
}

#[test]
fn a_repository_that_is_away_holds_up_no_deployment_and_gets_it_when_it_is_back() {
    let Some((sandbox, other)) = site() else { return };
    let mut watch = Loop::start(sandbox.command(&["watch", "-o", "json", "--every", "3600"]));
    let fails = |line: &Value| line["environment"] == "deliver/id" && line["error"].is_object();
    watch.tells(fails);
    let deployed = |line: &&Value| line["deployed"].is_array();
    assert_eq!(watch.heard().iter().filter(deployed).count(), 2, "{:#?}", watch.heard());
    let apps = sandbox.springline(&["apps", "-o", "json"]).json();
    assert_eq!(apps[0]["state"], "failed", "{apps:#}");
    watch.tells(fails);
    sandbox.write("docs/guide.md", "# Guide\n\nAnother one.\n");
    let second = sandbox.commit("Another");
    watch.deploys("handbook", &second);
    assert!(fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap().contains("Another one."));
    begin(&sandbox, &other);
    let told = watch.tells(|line| line["delivered"].is_array());
    assert_eq!((&told["environment"], &told["revision"]), (&"deliver/id".into(), &second.as_str().into()));
    let named = there(&sandbox, &other, &["show", "main:handbook/production.yaml"]);
    assert!(!named.contains("sha256:none"), "{named}");
}
