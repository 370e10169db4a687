//! `springline health`: verdicts on files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::sandbox::{Sandbox, fixtures};

const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, generation: 1 }
spec: { replicas: 2 }
status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }
---
apiVersion: v1
kind: List
items:
  - apiVersion: example.com/v1
    kind: Widget
    metadata: { name: one }
    status: { phase: Lost }
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }
";

const RULES: &str = "\
health:
  - kinds: [Widget.example.com]
    rules:
      - when: status.phase == 'Lost'
        status: Degraded
        message: nobody knows where ${metadata.name} is
";

#[test]
fn objects_of_files_directories_and_standard_input_are_judged() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.write("live/a/objects.yaml", OBJECTS);
    sandbox.write("live/b.json", r#"{ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" } }"#);
    sandbox.write("live/notes.txt", "not an object");
    let told = sandbox.springline(&["health", "-f", "live"]).ok();
    for words in
        ["live/a/objects.yaml", "Deployment.apps/shop/web", "Progressing", "1 of 2 updated replicas are available"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    let judged = sandbox.springline(&["health", "-f", "live", "-o", "json"]).json();
    let rows: Vec<_> =
        judged["objects"].as_array().unwrap().iter().map(|row| (&row["document"], &row["status"])).collect();
    let expected = [(1, "progressing"), (2, "healthy"), (2, "healthy"), (1, "healthy")];
    let expected: Vec<_> = expected.map(|(document, status)| (Value::from(document), Value::from(status))).into();
    assert_eq!(rows, expected.iter().map(|(document, status)| (document, status)).collect::<Vec<_>>());
    let piped = sandbox.answer(sandbox.command(&["health", "-f", "-", "-o", "json"]), OBJECTS).json();
    assert_eq!(piped["objects"][0]["message"], judged["objects"][0]["message"]);
}

#[test]
fn names_and_mistakes_in_files_are_no_commands_for_the_terminal() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let named = r#"{ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a\u001b[2Jb" } }"#;
    let told = sandbox.answer(sandbox.command(&["health", "-f", "-", "--color", "never"]), named).ok();
    assert!(told.contains(r"Secret/a\u{1b}[2Jb") && !told.contains('\u{1b}'), "{told:?}");
    let wrong = "a: 1\n\"\\e[2J\": 1\n\"\\e[2J\": 2\n";
    let wrong = sandbox.answer(sandbox.command(&["health", "-f", "-", "--color", "never"]), wrong);
    assert!(wrong.code != 0 && wrong.stderr.contains("error: -: ") && !wrong.stderr.contains('\u{1b}'), "{wrong:?}");
}

#[test]
fn rules_of_ones_own_are_followed_and_their_mistakes_shown_in_place() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.write("objects.yaml", OBJECTS);
    sandbox.write("rules.yaml", RULES);
    let judged = sandbox.springline(&["health", "-f", "objects.yaml", "--rules", "rules.yaml", "-o", "json"]).json();
    assert_eq!(judged["objects"][1]["status"], "degraded");
    assert_eq!(judged["objects"][1]["message"], "nobody knows where one is");
    sandbox.write("rules.yaml", RULES.replace("status.phase ==", "state.phase =="));
    let wrong = sandbox.springline(&["health", "-f", "objects.yaml", "--rules", "rules.yaml"]);
    wrong.fails(3, &["rules.yaml:4", "nothing is called `state`"]);
    sandbox.write("rules.yaml", "health: yes");
    sandbox
        .springline(&["health", "-f", "objects.yaml", "--rules", "rules.yaml"])
        .fails(3, &["rules.yaml:1", "a list"]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_judged() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.write("live/bad.yaml", "a: [\n");
    sandbox.write("live/good.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\nname: nothing\n");
    sandbox.write("live/odd.yaml", b"\xff\xfe");
    let outcome = sandbox.springline(&["health", "-f", "live", "none.yaml", "-o", "json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let judged: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(judged["objects"].as_array().unwrap().len(), 1);
    let unreadable: Vec<_> =
        judged["unreadable"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(unreadable, ["live/bad.yaml", "live/good.yaml", "live/odd.yaml", "none.yaml"]);
    sandbox.springline(&["health", "-f", "live"]).fails(2, &["live/good.yaml: line 5", "`kind`"]);
}

/// Through the program that is deployed with, as others would compare it: the crate's own test lists
/// what differs and why.
#[test]
fn argo_cds_verdicts_agree() {
    let (Some(sandbox), Some(fixtures)) = (Sandbox::empty(), fixtures()) else { return };
    let root = fixtures.join("argo-health");
    let arguments = ["health", "-o", "json", "-f", root.to_str().unwrap()];
    // The lists of cases are no objects, so something could not be read.
    let outcome = sandbox.springline(&arguments);
    let judged: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let rows = judged["objects"].as_array().unwrap().iter();
    let statuses: BTreeMap<_, _> = rows.map(|row| (row["file"].as_str().unwrap(), &row["status"])).collect();
    let (mut right, mut all) = (0, 0);
    for case in cases(&root) {
        all += 1;
        right += u32::from(statuses.get(case.0.as_str()).is_some_and(|status| **status == case.1.to_lowercase()));
    }
    assert!(all >= 700 && right * 100 >= all * 99, "{right} of {all} statuses agree");
}

/// The input and the status of every case.
fn cases(root: &Path) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for kind in fs::read_dir(root).unwrap().flat_map(|group| fs::read_dir(group.unwrap().path()).into_iter().flatten())
    {
        let kind = kind.unwrap().path();
        let Ok(list) = fs::read_to_string(kind.join("cases.yaml")) else { continue };
        let mut input = None;
        for line in list.lines() {
            match line.trim_start_matches(['-', ' ']).split_once(": ") {
                Some(("input", path)) => input = Some(kind.join(path)),
                Some(("status", status)) => {
                    let input = input.take().map(|input| input.display().to_string());
                    cases.extend(input.map(|input| (input, status.to_owned())));
                }
                _ => {}
            }
        }
    }
    cases
}
