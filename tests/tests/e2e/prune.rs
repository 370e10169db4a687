//! What is removed, what is not, and what waits for a yes.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::code::{CONFIG, UNCONFIRMED, USAGE};
use crate::sandbox::{OPERATOR, Outcome, Sandbox, names, skip};
use crate::socket::Watch;

/// A repository whose files below `deploy` are deployed as they are.
fn files(sync: &str, count: usize) -> Option<Sandbox> {
    let sandbox = Sandbox::empty()?;
    sandbox.operator(OPERATOR);
    policy(&sandbox, sync);
    for at in 0..count {
        sandbox.write(&format!("deploy/{at}.txt"), format!("file {at}\n"));
    }
    sandbox.springline(&["update"]).ok();
    sandbox.commit("Begin");
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()).len(), count);
    Some(sandbox)
}

fn policy(sandbox: &Sandbox, sync: &str) {
    let text = format!(
        "application: files\nenvironments:\n  site:\n    render: {{ plugin: render-template, in: deploy }}\n    \
         target: local\n    sync: {{ {sync} }}\n"
    );
    sandbox.write("springline.yaml", text);
}

/// Takes files out of git.
fn remove(sandbox: &Sandbox, files: std::ops::Range<usize>) {
    for at in files {
        fs::remove_file(sandbox.repo().join(format!("deploy/{at}.txt"))).unwrap();
    }
    sandbox.commit("Remove");
}

fn status(sandbox: &Sandbox) -> Value {
    sandbox.springline(&["status", "-o", "json"]).json()["environments"][0].clone()
}

fn history(sandbox: &Sandbox) -> usize {
    sandbox.springline(&["history", "verify"]).ok();
    sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json().as_array().unwrap().len()
}

#[test]
fn many_removals_wait_until_they_are_confirmed() {
    let Some(sandbox) = files("confirm-prune: { percent: 50, objects: 20 }", 10) else { return };
    remove(&sandbox, 0..5);
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()).len(), 5, "half of them is not more than half of them");
    remove(&sandbox, 5..8);
    sandbox.write("deploy/new.txt", "new\n");
    sandbox.commit("More");
    let words = ["plan of site", "3 of 5 live objects would be removed", "more than 50 percent", "--confirm-prune 3"];
    for verb in ["run", "sync"] {
        let way_out = format!("if 7.txt, 6.txt, 5.txt are to go: `springline {verb} --env site --confirm-prune 3-");
        sandbox.springline(&[verb]).fails(UNCONFIRMED, &[&words[..], &[&way_out]].concat());
    }
    assert_eq!(names(&sandbox.live()).len(), 5, "nothing else is done either");
    let told = sandbox.springline(&["sync", "-o", "json"]);
    let error: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&error["error"]["kind"], &error["exit-code"]), (&json!("unconfirmed"), &json!(11)));

    // Who watches holds it, and tells; trying again and again leaves one line in the history.
    let before = history(&sandbox);
    let watched = sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert!(watched.contains("3 of 5 live objects would be removed"), "{watched}");
    sandbox.springline(&["sync"]).fails(UNCONFIRMED, &[]);
    assert_eq!(history(&sandbox), before);
    assert_eq!(names(&sandbox.live()).len(), 5);
    let found = status(&sandbox);
    assert_eq!(found["unconfirmed"]["removals"], json!(["7.txt", "6.txt", "5.txt"]), "{found:#}");
    let text = sandbox.springline(&["status", "--color", "never"]).ok();
    assert!(text.contains("springline sync --env site --confirm-prune 3"), "{text}");
    let diff = sandbox.springline(&["diff", "--color", "never"]);
    assert!(diff.code == 1 && diff.stdout.contains("3 of 5 live objects wait to be removed"), "{diff:#?}");

    // The yes is to what was shown: not to as many others, and not to what is below every limit.
    let shown = found["unconfirmed"]["confirmation"].as_str().unwrap().to_owned();
    for other in ["4-00000000", "3-00000000"] {
        let words = [&format!("`{other}` confirms other removals, and 3 of 5")[..]];
        sandbox.springline(&["sync", "--confirm-prune", other]).fails(UNCONFIRMED, &words);
    }
    for nothing in ["0", "3", "3-", "3-xyz"] {
        sandbox.springline(&["sync", "--confirm-prune", nothing]).fails(USAGE, &["--confirm-prune"]);
    }
    sandbox.springline(&["sync", "--env", "site", "--confirm-prune", &shown]).ok();
    assert_eq!(names(&sandbox.live()), ["8.txt", "9.txt", "new.txt"]);
    assert_eq!(status(&sandbox)["unconfirmed"], Value::Null);
    assert_eq!(sandbox.springline(&["diff"]).code, 0);
}

#[test]
fn an_empty_render_needs_prune_all_and_the_number_as_well() {
    let Some(sandbox) = files("confirm-prune: { objects: 2 }", 3) else { return };
    remove(&sandbox, 0..3);
    sandbox.write("deploy/.keep", "");
    policy(&sandbox, "confirm-prune: { objects: 2 }");
    let exclude = "render: { plugin: render-template, in: deploy, with: { exclude: ['.keep'] } }";
    let text = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    sandbox.write("springline.yaml", text.replace("render: { plugin: render-template, in: deploy }", exclude));
    sandbox.commit("Nothing is left");
    sandbox.springline(&["sync", "--confirm-prune", "3-3553e070"]).fails(6, &["nothing was rendered", "--prune-all"]);
    sandbox.springline(&["sync", "--prune-all"]).fails(UNCONFIRMED, &["3 of 3", "more than 2 objects"]);
    assert_eq!(names(&sandbox.live()).len(), 3);
    sandbox.springline(&["sync", "--prune-all", "--confirm-prune", "3-3553e070"]).ok();
    assert!(names(&sandbox.live()).is_empty());
}

#[test]
fn a_yes_is_for_one_environment() {
    let Some(sandbox) = files("confirm-prune: { objects: 1 }", 3) else { return };
    let text = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    let other = text.split_once("environments:\n").unwrap().1.replace("site:", "other:").replace("local", "second");
    sandbox.write("springline.yaml", text + &other);
    sandbox.operator(
        &(OPERATOR.to_owned()
            + "  second:\n    plugin: target-directory\n    grants: { directory: { path: second } }\n"),
    );
    sandbox.commit("Another environment");
    sandbox.springline(&["run"]).ok();
    remove(&sandbox, 0..2);
    sandbox.springline(&["sync", "--confirm-prune", "2-3b5bf6f3"]).fails(USAGE, &["for one environment", "--env"]);
    sandbox.springline(&["sync", "--env", "other", "--confirm-prune", "2-3b5bf6f3"]).ok();
    assert_eq!(names(&sandbox.live()).len(), 3);
    assert_eq!(names(&sandbox.repo().join(".springline/second")).len(), 1);
}

/// The program in a terminal, with an answer.
fn in_a_terminal(sandbox: &Sandbox, script: &Path, arguments: &str, answer: &str) -> Outcome {
    let mut command = Command::new(script);
    command.args(["-qec", &format!("{} {arguments}", sandbox.program().display()), "/dev/null"]);
    sandbox.answer(command, answer)
}

#[test]
fn in_a_terminal_it_is_asked_for() {
    // Every Debian has it.
    let script = Path::new("/usr/bin/script");
    if !script.exists() {
        return skip("there is no /usr/bin/script, which gives a program a terminal");
    }
    let Some(sandbox) = files("confirm-prune: { objects: 1 }", 4) else { return };
    remove(&sandbox, 1..4);
    for answer in ["2\n", "y\n", "\n"] {
        let outcome = in_a_terminal(&sandbox, script, "sync", answer);
        assert_eq!(outcome.code, UNCONFIRMED, "{outcome:#?}");
        assert!(outcome.stdout.contains("2.txt") && outcome.stdout.contains("Type 3 to remove them"), "{outcome:#?}");
        assert_eq!(names(&sandbox.live()).len(), 4);
    }
    // Nor is it another's terminal: who calls is asked, whoever does it.
    let watch = Watch::start(&sandbox, &[]);
    let outcome = in_a_terminal(&sandbox, script, "run", "2\n");
    assert!(outcome.code == UNCONFIRMED && outcome.stdout.contains("Type 3 to remove them"), "{outcome:#?}");
    sandbox.springline(&["sync"]).fails(UNCONFIRMED, &["--confirm-prune 3"]);
    let outcome = in_a_terminal(&sandbox, script, "run", "3\n");
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(names(&sandbox.live()), ["0.txt"]);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn what_is_protected_stays_and_is_told() {
    let Some(sandbox) = files("protect: ['1*', keep.txt]", 3) else { return };
    sandbox.write("deploy/keep.txt", "kept\n");
    sandbox.commit("One more");
    sandbox.springline(&["run"]).ok();
    remove(&sandbox, 1..3);
    fs::remove_file(sandbox.repo().join("deploy/keep.txt")).unwrap();
    sandbox.commit("Less");
    let outcome = sandbox.springline(&["run"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stderr.contains("1.txt is no longer desired and stays: `protect` says `1*`"), "{outcome:#?}");
    assert_eq!(names(&sandbox.live()), ["0.txt", "1.txt", "keep.txt"]);
    let found = status(&sandbox);
    assert_eq!((&found["in-sync"], &found["protected"][0]), (&json!(true), &json!({ "live": "1.txt", "by": "1*" })));
    let text = sandbox.springline(&["status", "--color", "never"]).ok();
    assert!(text.contains("site not removed") && text.contains("`protect` says `keep.txt`"), "{text}");
    // It is still ours: when nothing protects it any more, it goes.
    policy(&sandbox, "protect: ['1*']");
    sandbox.commit("Protect less");
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()), ["0.txt", "1.txt"]);
    // An old release knows nothing of what was protected after it, and removes it no more than any other.
    policy(&sandbox, "");
    sandbox.commit("Protect nothing");
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()), ["0.txt"]);
}

#[test]
fn a_release_that_knows_nothing_of_it_removes_neither_what_is_protected_nor_too_much() {
    let Some(sandbox) = files("", 1) else { return };
    let first = status(&sandbox)["release"]["id"].as_str().unwrap().to_owned();
    for name in ["keep", "a", "b"] {
        sandbox.write(&format!("deploy/{name}.txt"), "new\n");
    }
    policy(&sandbox, "protect: ['keep.*'], confirm-prune: { objects: 1 }");
    sandbox.commit("More");
    sandbox.springline(&["run"]).ok();
    // What waits for a yes is not deployed yet.
    fs::remove_file(sandbox.repo().join("deploy/a.txt")).unwrap();
    policy(&sandbox, "confirm-prune: { objects: 0 }");
    sandbox.commit("Less");
    sandbox.springline(&["run"]).fails(UNCONFIRMED, &["1 of 4 live objects"]);
    // Without the source, what is deployed says how it is synced.
    fs::rename(sandbox.repo().join(".git"), sandbox.path("git-away")).unwrap();
    let state = sandbox.repo().join(".springline");
    let redeploy = ["redeploy", "--state", state.to_str().unwrap(), "--env", "site", &first];
    sandbox.springline(&redeploy).fails(
        UNCONFIRMED,
        &[
            "2 of 4 live objects",
            "`site` is pinned to it",
            "`springline redeploy --env site",
            "--confirm-prune 2-f750eff1",
        ],
    );
    assert_eq!(names(&sandbox.live()).len(), 4);
    sandbox.springline(&[&redeploy[..], &["--confirm-prune", "2-f750eff1"]].concat()).ok();
    assert_eq!(names(&sandbox.live()), ["0.txt", "keep.txt"]);
}

#[test]
fn the_way_to_confirm_a_redeployment_that_pins_nothing_is_told_by_status() {
    let Some(sandbox) = files("confirm-prune: { objects: 1 }", 1) else { return };
    let first = status(&sandbox)["release"]["id"].as_str().unwrap().to_owned();
    for name in ["a", "b"] {
        sandbox.write(&format!("deploy/{name}.txt"), "new\n");
    }
    sandbox.commit("More");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["redeploy", "--env", "site", "--no-pin", &first]).fails(UNCONFIRMED, &[]);
    let told = sandbox.springline(&["status"]);
    let told = told.stdout + &told.stderr;
    let at = told.find("springline redeploy --env site").unwrap_or_else(|| panic!("{told}"));
    let command = told[at..].split(['`', '\n']).next().unwrap();
    assert!(command.contains("--no-pin"), "{command}");
    sandbox.springline(&command.split(' ').skip(1).collect::<Vec<_>>()).ok();
    assert_eq!(names(&sandbox.live()), ["0.txt"]);
}

#[test]
fn whole_objects_are_ignored_and_single_fields_are_not_for_files() {
    let Some(sandbox) = files("ignore: [{ objects: '0.*' }]", 2) else { return };
    for name in ["0.txt", "1.txt"] {
        fs::write(sandbox.live().join(name), "edited\n").unwrap();
    }
    let diff = sandbox.springline(&["diff", "--color", "never"]);
    let (real, ignored) = diff.stdout.split_once("| ignored").unwrap_or_else(|| panic!("{diff:#?}"));
    assert!(diff.code == 1 && real.contains("1.txt") && !real.contains("0.txt"), "{diff:#?}");
    assert!(ignored.contains("0.txt") && ignored.contains("-edited") && ignored.contains("+file 0"), "{diff:#?}");
    let synced = sandbox.springline(&["sync", "-o", "json"]).json();
    assert_eq!(synced["environments"][0]["ignored"][0]["live"], "0.txt", "{synced:#}");
    assert_eq!(fs::read_to_string(sandbox.live().join("0.txt")).unwrap(), "edited\n");
    assert_eq!(fs::read_to_string(sandbox.live().join("1.txt")).unwrap(), "file 1\n");
    assert_eq!(status(&sandbox)["in-sync"], true);
    policy(&sandbox, "ignore: [{ objects: 'x' }, { objects: '*', pointers: [/a] }]");
    sandbox.commit("Fields");
    sandbox
        .springline(&["sync"])
        .fails(CONFIG, &["springline.yaml:6:", "can't leave single fields alone", "as a whole"]);
}

#[test]
fn what_goes_goes_in_the_reverse_order() {
    let Some(sandbox) = files("confirm-prune: { objects: 2 }", 4) else { return };
    remove(&sandbox, 1..4);
    let order = |report: &Value| -> Vec<String> {
        let changes = report["environments"][0]["changes"].as_array().unwrap();
        changes.iter().map(|change| change["live"].as_str().unwrap().to_owned()).collect()
    };
    let report = sandbox.springline(&["sync", "--confirm-prune", "3-40dd02db", "-o", "json"]).json();
    assert_eq!(order(&report), ["3.txt", "2.txt", "1.txt"]);
}
