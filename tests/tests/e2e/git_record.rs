//! What git is told of deployments: in notes, and on environment branches.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::sandbox::{APPLICATION, OPERATOR, Sandbox, files};

fn recording(how: &str) -> String {
    format!("{APPLICATION}    record: {how}\n")
}

fn site(how: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::site()?;
    sandbox.write("springline.yaml", recording(how));
    sandbox.commit("Record what is deployed");
    Some(sandbox)
}

fn note(sandbox: &Sandbox) -> String {
    sandbox.git(&["log", "-1", "--notes=springline", "--format=%N"])
}

#[test]
fn notes_tell_what_is_deployed_and_leave_the_source_alone() {
    let Some(sandbox) = site("notes") else { return };
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let run = sandbox.springline(&["run", "-o", "json"]).json();
    let record = &run["environments"][0];
    let text = note(&sandbox);
    for word in [
        "springline: handbook/site\n",
        &format!("  release: sha256:{}\n", record["release"].as_str().unwrap()),
        "  target: local\n",
        "  plugin: step-site sha256:",
        "  artifact: site sha256:",
        &format!("  history: 1 sha256:{}\n", record["hash"].as_str().unwrap().trim_start_matches("sha256:")),
    ] {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head, "the commit that is deployed stays what it is");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)"]).trim(), "refs/heads/main\nrefs/notes/springline");

    sandbox.git(&["notes", "--ref=springline", "append", "-m", "Looks good. Ann"]);
    sandbox.springline(&["run"]).ok();
    let text = note(&sandbox);
    assert!(text.contains("Looks good. Ann") && text.contains("  history: 2 sha256:"), "{text}");
    assert_eq!(text.matches("springline: handbook/site").count(), 1, "{text}");
    assert_eq!(sandbox.git(&["fsck", "--strict"]), "");
}

#[test]
fn a_redeploy_is_told_of_the_commit_that_it_brings_back() {
    let Some(sandbox) = site("notes") else { return };
    let first = sandbox.springline(&["run", "-o", "json"]).json();
    let release = first["environments"][0]["release"].as_str().unwrap().to_owned();
    let old = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("docs/guide.md", "# Guide\n\nAnother.\n");
    sandbox.commit("Change");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["redeploy", "--no-pin", "--env", "site", &release]).ok();
    let text = sandbox.git(&["log", "-1", "--notes=springline", "--format=%N", old.trim()]);
    assert!(text.contains("  history: 3 sha256:") && text.contains("cause: redeploy by"), "{text}");
}

#[test]
fn an_environment_branch_holds_what_is_deployed() {
    let Some(sandbox) = site("{ branch: env/site }") else { return };
    sandbox.springline(&["run"]).ok();
    let listed = sandbox.git(&["ls-tree", "-r", "--name-only", "env/site"]);
    assert_eq!(listed, "robots.txt\nversion.txt\nwww/guide.html\nwww/index.html\n");
    for (name, text) in files(&sandbox.live()) {
        assert_eq!(sandbox.git(&["show", &format!("env/site:{name}")]), text, "{name}");
    }
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let trailers = sandbox.git(&["log", "-1", "--format=%(trailers)", "env/site"]);
    for word in [
        &format!("Springline-Revision: {}", head.trim())[..],
        "Springline-Plugin: step-site sha256:",
        "Springline-History: 1 ",
    ] {
        assert!(trailers.contains(word), "`{word}` is not in\n{trailers}");
    }
    let first = sandbox.git(&["rev-parse", "env/site"]);
    sandbox.springline(&["run"]).ok();
    assert_eq!(sandbox.git(&["rev-parse", "env/site"]), first, "the same release again is nothing new");

    // Somebody edits the branch: kept in its history, told, and not what is there afterwards.
    let edited = sandbox.git(&["commit-tree", "-p", "env/site", "-m", "Quick fix", "HEAD^{tree}"]);
    sandbox.git(&["update-ref", "refs/heads/env/site", edited.trim()]);
    let outcome = sandbox.springline(&["run"]);
    assert!(
        outcome.stderr.contains("edited by hand") && outcome.stderr.contains("Tester <tester@example.org>"),
        "{outcome:#?}"
    );
    outcome.ok();
    assert_eq!(sandbox.git(&["rev-parse", "env/site^"]), edited, "the edit is below");
    assert_eq!(sandbox.git(&["ls-tree", "-r", "--name-only", "env/site"]), listed);
}

#[test]
fn branches_of_others_and_secrets_are_not_written() {
    let Some(sandbox) = site("{ branch: main }") else { return };
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let outcome = sandbox.springline(&["run"]);
    assert!(outcome.stderr.contains("Springline did not make it"), "{outcome:#?}");
    outcome.ok();
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);
    let status = sandbox.springline(&["status"]);
    assert!(status.stderr.contains("git does not tell yet"), "{status:#?}");

    let Some(sandbox) = site("{ branch: env/site }") else { return };
    sandbox.write(
        "deploy/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { password: hunter2 }\n",
    );
    sandbox.commit("Add a secret");
    let told = sandbox.springline(&["run"]).fails(3, &["secret.yaml", "env/site", "record: notes"]);
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!sandbox.live().join("secret.yaml").exists(), "nothing was deployed");
    assert!(!sandbox.git(&["for-each-ref"]).contains("env/site"));

    // In a directory, where nothing calls it a manifest, and in another encoding.
    let Some(sandbox) = site("{ branch: env/site }") else { return };
    let secret = "kind: Secret\nstringData: { password: hunter2 }\n".encode_utf16().flat_map(u16::to_le_bytes);
    fs::write(sandbox.repo().join("docs/notes.txt"), secret.collect::<Vec<u8>>()).unwrap();
    sandbox.commit("Add a file with a secret");
    let told = sandbox.springline(&["run"]).fails(3, &["www/notes.txt", "env/site", "record: notes"]);
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!sandbox.live().join("www").exists(), "nothing was deployed");
    assert!(!sandbox.git(&["for-each-ref"]).contains("env/site"));
}

#[test]
fn a_lost_state_is_found_again_in_git() {
    for (how, whole) in [("notes", false), ("{ branch: env/site }", true)] {
        let Some(sandbox) = site(how) else { return };
        let run = sandbox.springline(&["run", "-o", "json"]).json();
        let release = run["environments"][0]["release"].as_str().unwrap().to_owned();
        let live = files(&sandbox.live());
        let state = sandbox.repo().join(".springline");
        let kept = sandbox.path("live");
        fs::rename(state.join("live"), &kept).unwrap();
        fs::remove_dir_all(&state).unwrap();
        sandbox.operator(OPERATOR);
        fs::rename(&kept, state.join("live")).unwrap();

        let status = sandbox.springline(&["status", "-o", "json"]).json();
        let site = &status["environments"][0];
        assert_eq!(site["release"]["id"], format!("sha256:{release}"), "{how}: {status:#}");
        if whole {
            assert_eq!(site["in-sync"], true, "{status:#}");
            fs::write(sandbox.live().join("robots.txt"), "changed\n").unwrap();
            sandbox.springline(&["redeploy", "--no-pin", "--env", "site", &release]).ok();
        }
        let run = sandbox.springline(&["run", "-o", "json"]).json();
        assert_eq!(run["environments"][0]["release"], release.as_str(), "{run:#}");
        assert_eq!(files(&sandbox.live()), live);
        let history = sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json();
        let first = history.as_array().unwrap().last().unwrap();
        assert_eq!(first["cause"], "recovery", "{history:#}");
        sandbox.springline(&["history", "verify"]).ok();
    }
}

#[test]
fn a_branch_that_does_not_hold_what_it_says_is_not_believed() {
    let Some(sandbox) = site("{ branch: env/site }") else { return };
    sandbox.springline(&["run"]).ok();
    let message = sandbox.git(&["log", "-1", "--format=%B", "env/site"]);
    let forged = sandbox.git(&["commit-tree", "-m", message.trim(), "HEAD^{tree}"]);
    sandbox.git(&["update-ref", "refs/heads/env/site", forged.trim()]);
    fs::remove_dir_all(sandbox.repo().join(".springline")).unwrap();
    sandbox.operator(OPERATOR);
    let outcome = sandbox.springline(&["status", "-o", "json"]);
    assert!(outcome.stderr.contains("does not fit together"), "{outcome:#?}");
    assert_eq!(outcome.json()["environments"][0]["release"], Value::Null);
}

#[test]
fn a_watch_tells_of_an_edit_by_hand_as_well() {
    let Some(sandbox) = site("{ branch: env/site }") else { return };
    sandbox.springline(&["run"]).ok();
    let edited = sandbox.git(&["commit-tree", "-p", "env/site", "-m", "Quick fix", "HEAD^{tree}"]);
    sandbox.git(&["update-ref", "refs/heads/env/site", edited.trim()]);
    sandbox.write("docs/guide.md", "# Guide\n\nAnother one.\n");
    sandbox.commit("Another guide");
    let outcome = sandbox.springline(&["watch", "--passes", "1"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("edited by hand") && outcome.stderr.contains("Tester <tester@example.org>"),
        "{outcome:#?}"
    );
}

#[test]
fn a_kill_on_the_way_to_git_loses_nothing() {
    for how in ["notes", "{ branch: env/site }"] {
        let Some(sandbox) = site(how) else { return };
        let mut version = 0;
        for point in ["recorded", "telling", "told", "settled"] {
            version += 1;
            sandbox.write("docs/guide.md", format!("# Guide\n\nVersion {version}.\n"));
            sandbox.commit(&format!("Version {version}"));
            let mut command = sandbox.command(&["run", "-o", "json"]);
            command.env("SPRINGLINE_CRASH_AT", point);
            let outcome = sandbox.finish(command);
            assert_eq!(outcome.code, -1, "{point} was not reached: {outcome:#?}");
            let before = sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json();
            let of_this = before.as_array().unwrap().len();
            sandbox.springline(&["run"]).ok();
            let text = match how {
                "notes" => note(&sandbox),
                _ => sandbox.git(&["log", "-1", "--format=%B", "env/site"]),
            };
            let revision = sandbox.git(&["rev-parse", "HEAD"]);
            assert!(text.contains(revision.trim()), "{how} {point}: {text}");
            let after = sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json();
            assert_eq!(after.as_array().unwrap().len(), of_this + 1, "the cut sync is there once: {after:#}");
            let told =
                sandbox.git(&["log", "--format=%H", if how == "notes" { "refs/notes/springline" } else { "env/site" }]);
            let wanted = if how == "notes" { 2 * version } else { version };
            assert_eq!(told.lines().count(), wanted, "{how} {point}: told once for each sync");
        }
        assert_eq!(sandbox.git(&["fsck", "--strict"]), "");
    }
}

/// Several hosts, each with a state of its own, write notes of one repository at once.
#[test]
fn hosts_at_once_lose_no_note() {
    let Some(sandbox) = Sandbox::site() else { return };
    const HOSTS: usize = 4;
    let environments: String = (0..HOSTS)
        .map(|at| {
            format!(
                "  site-{at}:\n    render: {{ plugin: render-template, in: deploy, with: {{ place: {{ www: site }} }} }}\n    \
                 target: local\n    record: notes\n"
            )
        })
        .collect();
    let (head, _) = APPLICATION.split_once("  site:\n    render").unwrap();
    sandbox.write("springline.yaml", format!("{head}{environments}"));
    sandbox.commit("Four environments");
    let origin = sandbox.path("origin.git");
    sandbox.git(&["clone", "-q", "--bare", ".", origin.to_str().unwrap()]);
    let url = format!("file://{}", origin.display());
    let mut running = Vec::new();
    for at in 0..HOSTS {
        let state = sandbox.path(&format!("state-{at}"));
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("host.yaml"), OPERATOR).unwrap();
        let environment = format!("site-{at}");
        let mut command =
            sandbox.command(&["run", "--env", &environment, "--repo", &url, "--state", state.to_str().unwrap()]);
        running.push(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let text =
        sandbox.git(&["--git-dir", origin.to_str().unwrap(), "log", "-1", "--notes=springline", "--format=%N", "main"]);
    for at in 0..HOSTS {
        assert!(text.contains(&format!("springline: handbook/site-{at}\n")), "{text}");
    }
}

#[test]
fn what_git_can_not_be_told_is_kept_and_told_later() {
    let Some(sandbox) = site("notes") else { return };
    sandbox.operator(&format!("{OPERATOR}git: {{ push: origin, timeout-seconds: 2 }}\n"));
    let origin = sandbox.path("origin.git");
    sandbox.git(&["remote", "add", "origin", origin.to_str().unwrap()]);
    let outcome = sandbox.springline(&["run"]);
    assert!(
        outcome.stderr.contains("git does not tell yet") && outcome.stderr.contains("the deployment stands"),
        "{outcome:#?}"
    );
    outcome.ok();
    let status = sandbox.springline(&["status", "-o", "json"]).json();
    let waiting: &Value = &status["outgoing"][0];
    assert_eq!((&waiting["sequence"], &waiting["attempts"]), (&1.into(), &1.into()), "{status:#}");
    sandbox.git(&["init", "-q", "--bare", origin.to_str().unwrap()]);
    sandbox.springline(&["run"]).ok();
    let there = sandbox.git(&["--git-dir", origin.to_str().unwrap(), "rev-parse", "refs/notes/springline"]);
    assert_eq!(there, sandbox.git(&["rev-parse", "refs/notes/springline"]));
    let status = sandbox.springline(&["status", "-o", "json"]).json();
    assert_eq!(status["outgoing"].as_array().map(Vec::len), Some(0), "{status:#}");
    let log = sandbox.git(&["log", "--format=%H", "refs/notes/springline"]);
    assert_eq!(log.lines().count(), 2, "each sync was told once");
}
