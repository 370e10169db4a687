//! The history: found, shown, compared, exported, proven, and let go.

use std::fs;

use serde_json::Value;

use crate::code::{CONFIG, DIFFERS, USAGE};
use crate::sandbox::{OPERATOR, Sandbox};
use crate::socket::Watch;

/// Four syncs: a first one, one that changed `robots.txt`, one that failed to render, and a redeployment
/// of the first release.
fn past() -> Option<Sandbox> {
    let sandbox = Sandbox::site()?;
    sandbox.springline(&["run"]).ok();
    sandbox.write("deploy/robots.txt", "User-agent: *\nDisallow: /drafts\n");
    sandbox.commit("Keep drafts to ourselves");
    sandbox.springline(&["run"]).ok();
    sandbox.write("deploy/version.txt", "site {{ artifacts.none.digest }}\n");
    sandbox.commit("A mistake");
    assert_ne!(sandbox.springline(&["run"]).code, 0);
    let first = history(&sandbox, &["--outcome", "succeeded"])[1]["release"].as_str().unwrap().to_owned();
    sandbox.springline(&["redeploy", "--env", "site", &first]).ok();
    Some(sandbox)
}

#[track_caller]
fn history(sandbox: &Sandbox, filters: &[&str]) -> Vec<Value> {
    let arguments = [&["history", "-o", "json"], filters].concat();
    sandbox.springline(&arguments).json().as_array().unwrap().clone()
}

fn numbers(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn records_are_found_by_what_they_say() {
    let Some(sandbox) = past() else { return };
    let found = |filters: &[&str]| numbers(&history(&sandbox, filters));
    assert_eq!(found(&[]), [4, 3, 2, 1]);
    assert_eq!(found(&["--outcome", "failed"]), [3]);
    assert_eq!(found(&["--cause", "redeploy"]), [4]);
    assert_eq!(found(&["--cause", "run", "--outcome", "succeeded"]), [2, 1]);
    assert_eq!(found(&["--object", "robots.txt"]), [4, 2, 1]);
    assert_eq!(found(&["--object", "www/index.html"]), [1], "its bytes stayed the same");
    assert_eq!(found(&["--object", "nothing"]), [0; 0]);
    let actor = history(&sandbox, &["--limit", "1"])[0]["actor"].as_str().unwrap().to_owned();
    assert_eq!(found(&["--actor", &actor, "--app", "handbook", "--env", "site"]), [4, 3, 2, 1]);
    assert_eq!(found(&["--actor", "nobody@nowhere"]), [0; 0]);
    assert_eq!(found(&["--since", "1h"]), [4, 3, 2, 1]);
    assert_eq!(found(&["--until", "1h"]), [0; 0]);
    let all = history(&sandbox, &[]);
    let second = all[2]["started"].as_str().unwrap();
    assert_eq!(found(&["--until", second]), [1]);
    let release = &all[3]["release"].as_str().unwrap()[..10];
    assert_eq!(found(&["--release", release]), [4, 1]);

    let page = history(&sandbox, &["--limit", "3"]);
    let cursor = page[2]["cursor"].as_str().unwrap();
    assert_eq!(found(&["--limit", "3", "--after", cursor]), [1]);
    let text = sandbox.springline(&["history", "--limit", "3"]);
    assert!(text.stderr.contains(&format!("--after {cursor}")), "{text:#?}");

    sandbox.springline(&["history", "--since", "soon"]).fails(USAGE, &["no moment"]);
    sandbox.springline(&["history", "--cause", "boredom"]).fails(USAGE, &["no sync has this cause"]);
    sandbox.springline(&["history", "--after", "x"]).fails(USAGE, &["no cursor"]);
    sandbox.springline(&["history", "--release", "ffff"]).fails(USAGE, &["there is no release"]);
}

#[test]
fn a_record_shows_every_change_with_before_and_after() {
    let Some(sandbox) = past() else { return };
    let shown = sandbox.springline(&["history", "show", "site/2", "-o", "json"]).json();
    let robots = &shown["changes"][0];
    assert_eq!((robots["live"].as_str(), robots["action"].as_str()), (Some("robots.txt"), Some("update")));
    assert!(robots["before"].is_string() && robots["after"].is_string() && robots["before"] != robots["after"]);
    let text = sandbox.springline(&["history", "show", "site/2", "--diff"]).ok();
    let back = sandbox.springline(&["history", "show", "site/4", "--diff"]).ok();
    assert!(back.contains("-Disallow: /drafts"), "against the release before, not the one that failed: {back}");
    for words in
        ["succeeded", "cause     run", "plugin    render-template sha256:", "stage     apply", "+Disallow: /drafts"]
    {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let hash = shown["hash"].as_str().unwrap();
    let again = sandbox.springline(&["history", "show", &hash[..15], "-o", "json"]).json();
    assert_eq!(again, shown, "by the start of its hash");
    let named = sandbox.springline(&["history", "show", "handbook/site/2", "-o", "json"]).json();
    assert_eq!(named, shown, "with the application in front");
    let failed = sandbox.springline(&["history", "show", "site/3"]).ok();
    assert!(failed.contains("failed at render") && failed.contains("none"), "{failed}");
    assert_eq!(shown["healthy"], true);
    sandbox.springline(&["history", "show", "2"]).fails(USAGE, &["not enough of an id", "ENVIRONMENT/NUMBER"]);
    for none in ["site/9", "elsewhere/1", "abcdefabcdef", "site/", "site/-1"] {
        sandbox.springline(&["history", "show", none]).fails(USAGE, &["there is no record", none]);
    }
}

#[test]
fn a_history_without_a_record_holds_and_says_so() {
    let Some(sandbox) = Sandbox::site() else { return };
    let verified = sandbox.springline(&["history", "verify"]);
    assert!(verified.code == 0 && verified.stderr.contains("there is no record"), "{verified:#?}");
    let file = sandbox.path("none.jsonl");
    fs::write(&file, sandbox.springline(&["history", "export"]).ok()).unwrap();
    let verified = sandbox.springline(&["history", "verify", "--file", file.to_str().unwrap()]);
    assert!(verified.code == 0 && verified.stderr.contains("there is no record"), "{verified:#?}");
}

#[test]
fn two_syncs_are_compared_by_their_releases() {
    let Some(sandbox) = past() else { return };
    let text = sandbox.springline(&["history", "diff", "site/1", "site/2"]).ok();
    assert!(text.contains("+Disallow: /drafts") && text.contains("revision"), "{text}");
    assert!(!text.contains("artifact site") && !text.contains("version.txt"), "these are the same:\n{text}");
    let same = sandbox.springline(&["history", "diff", "site/1", "site/4"]).ok();
    assert!(same.contains("the desired objects are the same"), "{same}");
    let value = sandbox.springline(&["history", "diff", "site/2", "site/1", "-o", "json"]).json();
    let object = &value["difference"]["objects"][0];
    assert_eq!(object["object"], "robots.txt");
    assert_eq!(object["after"]["text"], "User-agent: *\n");
    sandbox.springline(&["history", "diff", "site/1", "site/3"]).fails(USAGE, &["it failed before it had a release"]);
}

#[test]
fn an_exported_history_is_proven_without_the_state() {
    let Some(sandbox) = past() else { return };
    let export = sandbox.springline(&["history", "export"]).ok();
    assert_eq!(export, sandbox.springline(&["history", "export"]).ok(), "it is stable");
    let lines: Vec<&str> = export.lines().collect();
    assert_eq!(lines.len(), 5);
    let end = lines[4];
    let file = sandbox.path("history.jsonl");
    let verify = |text: &str| {
        fs::write(&file, text).unwrap();
        let state = sandbox.path("home");
        sandbox.springline(&["history", "verify", "--file", file.to_str().unwrap(), "--state", state.to_str().unwrap()])
    };
    assert!(verify(&export).ok().contains("holds handbook/site: 4 records"));
    let mut value: Value = serde_json::from_str(lines[1]).unwrap();
    value["record"]["actor"] = "somebody@else".into();
    let forged = value.to_string();
    value = serde_json::from_str(lines[1]).unwrap();
    value["record"]["added"] = 1.into();
    let added = value.to_string();
    value = serde_json::from_str(lines[1]).unwrap();
    value["changes"][0]["summary"] = "nothing much".into();
    let other_changes = value.to_string();
    value["changes"] = Value::Null;
    let lost_changes = value.to_string();
    value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(value["record"]["changes"], Value::Null, "it failed before it changed anything");
    value["changes"] = serde_json::json!([{ "live": "invented" }]);
    let invented = value.to_string();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let cases = [
        (join(&[lines[0], &forged, lines[2], lines[3]]), ":2:", "not what was sealed"),
        (join(&[lines[0], &added, lines[2], lines[3]]), ":2:", "not what was sealed"),
        (join(&[lines[0], &other_changes, lines[2], lines[3]]), ":2:", "not those that were sealed"),
        (join(&[lines[0], lines[2], lines[3]]), ":2:", "missing"),
        (join(&[lines[0], lines[1], lines[1]]), ":3:", "follows record 2"),
        (join(&[lines[1], lines[2]]), ":1:", "missing"),
        (join(&[lines[0], "{}"]), ":2:", "no record"),
        (join(&[lines[0], &lines[1][..50]]), ":2:", "no record"),
        (join(&[lines[0], lines[1], &invented, lines[3], end]), ":3:", "not those that were sealed"),
        (join(&lines[..4]), "history.jsonl:", "cut off after 4 lines"),
        (join(&[lines[0], lines[1], lines[2], end]), ":4:", "4 records of handbook/site were exported"),
        (join(&[lines[0], lines[1], lines[2], lines[3], end, lines[0]]), ":6:", "the last line"),
        (String::new(), "history.jsonl:", "cut off after 0 lines"),
    ];
    for (text, place, why) in cases {
        verify(&text).fails(DIFFERS, &[place, why]);
    }
    let lost = verify(&join(&[lines[0], &lost_changes, lines[2], lines[3], end])).ok();
    assert!(lost.contains("4 records") && lost.contains("the changes of 1 are lost"), "{lost}");
}

#[test]
fn an_export_that_can_not_be_written_fails_and_a_reader_that_went_away_is_none_of_its_concern() {
    let Some(sandbox) = past() else { return };
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let export = |out: std::process::Stdio| sandbox.command(&["history", "export"]).stdout(out).output().unwrap();
    let failed = export(full.into());
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("the history can't be written"), "{failed:?}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = export(writer.into());
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    // So it is where the owner of the state executes it.
    let watch = Watch::start(&sandbox, &[]);
    let failed = export(fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    assert!(!failed.status.success(), "{failed:?}");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn retention_lets_old_records_and_their_blobs_go() {
    let Some(sandbox) = past() else { return };
    sandbox.springline(&["history", "compact"]).fails(CONFIG, &["host.yaml says nothing", "keep-days"]);
    sandbox.operator(&format!("{OPERATOR}history: {{ keep-records: 1 }}\n"));
    let mut blobs = blobs(&sandbox);
    sandbox.springline(&["history", "compact", "--dry-run"]).ok();
    assert_eq!(history(&sandbox, &[]).len(), 4, "it only said so");
    let text = sandbox.springline(&["history", "compact"]).ok();
    assert!(text.contains("3 records and 1 releases"), "{text}");
    assert_eq!(numbers(&history(&sandbox, &[])), [4]);
    let verified = sandbox.springline(&["history", "verify"]).ok();
    assert!(verified.contains("1 records after record 3"), "{verified}");
    sandbox.springline(&["history", "show", "site/2"]).fails(USAGE, &["was removed"]);
    let export = sandbox.springline(&["history", "export"]).ok();
    let file = sandbox.path("history.jsonl");
    fs::write(&file, export).unwrap();
    let checked = sandbox.springline(&["history", "verify", "--file", file.to_str().unwrap()]).ok();
    assert!(checked.contains("1 records after record 3"), "{checked}");

    // The next syncs go on from there, and `gc` does as the policy says, too.
    sandbox.write("deploy/version.txt", "site {{ artifacts.site.digest }}\n");
    sandbox.commit("Mended");
    sandbox.springline(&["run", "--unpin"]).ok();
    sandbox.springline(&["gc", "--keep-results", "0"]).ok();
    assert_eq!(numbers(&history(&sandbox, &[])), [5]);
    let left = self::blobs(&sandbox);
    blobs.retain(|blob| !left.contains(blob));
    assert!(!blobs.is_empty(), "what only the removed records referred to is gone");
    sandbox.springline(&["history", "verify"]).ok();
    let status = sandbox.springline(&["status", "-o", "json"]);
    assert_eq!(status.code, 0, "what is deployed is all there: {status:#?}");
    sandbox.operator(&format!("{OPERATOR}history: {{ keep-weeks: 1 }}\n"));
    sandbox.springline(&["history"]).fails(CONFIG, &["keep-weeks"]);
}

fn blobs(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let directories = fs::read_dir(sandbox.repo().join(".springline/blobs")).unwrap().flatten();
    let files = directories.filter_map(|directory| fs::read_dir(directory.path()).ok()).flatten().flatten();
    files.map(|file| file.path()).collect()
}
