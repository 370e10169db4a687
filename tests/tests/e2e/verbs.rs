//! What each verb does when all is well.

use std::fs;

use serde_json::Value;

use crate::code::{CONFIG, USAGE};
use crate::sandbox::{APPLICATION, Sandbox, files, names};

#[test]
fn run_builds_deploys_and_records() {
    let Some(sandbox) = Sandbox::site() else { return };
    let first = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(names(&sandbox.live()), ["robots.txt", "version.txt", "www/guide.html", "www/index.html"]);
    let version = fs::read_to_string(sandbox.live().join("version.txt")).unwrap();
    assert_eq!(version, format!("site {}\n", first["artifacts"]["site"].as_str().unwrap()));
    assert_eq!(first["environments"][0]["counts"]["created"], 4);
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(history[0]["outcome"]["is"], "succeeded");
    assert_eq!(history[0]["release"], first["environments"][0]["release"]);
    sandbox.springline(&["history", "verify"]).ok();
}

#[test]
fn the_second_run_executes_nothing() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let again = sandbox.springline(&["run", "-o", "json"]).json();
    assert!(how(&again).iter().all(|how| how == "reused"), "{again:#}");
    assert_eq!(again["environments"][0]["changes"], serde_json::json!([]));
}

#[test]
fn a_commit_that_touches_unread_files_executes_nothing() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    sandbox.write("notes.txt", "still nobody\n");
    sandbox.write("src/main.rs", "fn main() {}\n");
    sandbox.commit("Touch what nobody reads");
    let again = sandbox.springline(&["run", "-o", "json"]).json();
    assert!(how(&again).iter().all(|how| how == "reused"), "{again:#}");
}

#[test]
fn a_changed_page_is_built_and_deployed_and_it_says_why() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    sandbox.write("docs/guide.md", "# Guide\n\nTwo steps at once.\n");
    sandbox.commit("Hurry");
    let outcome = sandbox.springline(&["run"]);
    assert!(outcome.stderr.contains("guide.md changed"), "{}", outcome.stderr);
    outcome.ok();
    assert!(fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap().contains("Two steps at once."));
}

#[test]
fn diff_tells_drift_and_sync_repairs_it() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let deployed = files(&sandbox.live());
    assert_eq!(sandbox.springline(&["diff", "--env", "site"]).code, 0);
    fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
    fs::remove_file(sandbox.live().join("www/guide.html")).unwrap();
    let diff = sandbox.springline(&["diff", "--env", "site"]);
    assert_eq!(diff.code, 1);
    for words in ["~ update robots.txt", "-Disallow: /", "+User-agent: *", "+ create www/guide.html"] {
        assert!(diff.stdout.contains(words), "{}", diff.stdout);
    }
    let status = sandbox.springline(&["status", "-o", "json"]).json();
    assert_eq!(status["environments"][0]["in-sync"], false);
    assert_eq!(status["environments"][0]["health"]["status"], "missing");

    sandbox.springline(&["sync", "--env", "site", "--only", "robots.txt"]).ok();
    assert!(!sandbox.live().join("www/guide.html").exists());
    sandbox.springline(&["sync", "--env", "site"]).ok();
    assert_eq!(files(&sandbox.live()), deployed);
    assert_eq!(sandbox.springline(&["diff", "--env", "site"]).code, 0);
}

#[test]
fn what_leaves_git_is_pruned_and_nothing_else() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    fs::write(sandbox.live().join("mine.txt"), "not Springline's\n").unwrap();
    fs::write(sandbox.live().join("www/mine.html"), "neither\n").unwrap();
    sandbox.git(&["rm", "-q", "deploy/robots.txt"]);
    sandbox.commit("Let the robots in");
    sandbox.springline(&["run"]).ok();
    assert_eq!(
        names(&sandbox.live()),
        ["mine.txt", "version.txt", "www/guide.html", "www/index.html", "www/mine.html"]
    );
}

#[test]
fn a_release_is_deployed_again_exactly_as_it_was() {
    let Some(sandbox) = Sandbox::site() else { return };
    let first = sandbox.springline(&["run", "-o", "json"]).json();
    let deployed = files(&sandbox.live());
    sandbox.write("docs/guide.md", "# Guide\n\nAll new.\n");
    sandbox.write("deploy/extra.txt", "more\n");
    sandbox.commit("Change");
    sandbox.springline(&["run"]).ok();
    assert_ne!(files(&sandbox.live()), deployed);

    let release = first["environments"][0]["release"].as_str().unwrap();
    let before = sandbox.git(&["rev-parse", "HEAD"]);
    // Not even the source is needed.
    fs::rename(sandbox.repo().join(".git"), sandbox.path("git-away")).unwrap();
    let state = sandbox.repo().join(".springline");
    let arguments = ["redeploy", "--state", state.to_str().unwrap(), "--env", "site", &release[..12], "-o", "json"];
    let report = sandbox.springline(&arguments).json();
    fs::rename(sandbox.path("git-away"), sandbox.repo().join(".git")).unwrap();
    assert_eq!(files(&sandbox.live()), deployed);
    assert!(how(&report).is_empty(), "nothing is built or rendered: {report:#}");
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), before);
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(history[0]["cause"], "redeploy");
    assert_eq!(history.as_array().unwrap().len(), 3);
}

#[test]
fn uncommitted_edits_are_warned_of_and_taken_in_if_asked() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    sandbox.write("docs/guide.md", "# Guide\n\nNot committed.\n");
    let outcome = sandbox.springline(&["run"]);
    assert!(outcome.stderr.contains("uncommitted edits are left out: docs/guide.md"), "{}", outcome.stderr);
    let guide = || fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap();
    assert!(!guide().contains("Not committed."));
    sandbox.springline(&["run", "--worktree"]).ok();
    assert!(guide().contains("Not committed."));
    // Committed, it is the same state of the same files: nothing is built again.
    sandbox.commit("Commit it");
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert!(how(&report).iter().all(|how| how == "reused"), "{report:#}");
}

#[test]
fn any_revision_can_be_run() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.git(&["tag", "v1"]);
    sandbox.write("docs/guide.md", "# Guide\n\nVersion two.\n");
    sandbox.commit("Two");
    sandbox.springline(&["run"]).ok();
    for revision in ["v1", "HEAD~1", "main~1"] {
        let report = sandbox.springline(&["run", "--revision", revision, "-o", "json"]).json();
        assert_eq!(report["revision"], sandbox.git(&["rev-parse", "v1"]).trim());
    }
    assert!(!fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap().contains("Version two."));
}

#[test]
fn a_bare_repository_and_a_url_serve_as_well() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let state = sandbox.path("state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("host.yaml"), crate::sandbox::OPERATOR).unwrap();
    let state = state.to_str().unwrap();
    for repo in ["../bare.git".to_owned(), format!("file://{}", sandbox.path("bare.git").display())] {
        sandbox.springline(&["run", "--repo", &repo, "--state", state]).ok();
        assert!(sandbox.path("state/live/www/index.html").exists(), "{repo}");
        fs::remove_dir_all(sandbox.path("state/live")).unwrap();
    }
}

#[test]
fn init_writes_files_that_work() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.write("docs/index.md", "# Hello\n");
    sandbox.springline(&["init", "--name", "hello"]).ok();
    sandbox.commit("Begin");
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()), ["version.txt", "www/index.html"]);
    assert_eq!(sandbox.git(&["status", "--porcelain", "--", ".springline"]), "");
    let again = sandbox.springline(&["init", "-o", "json"]).json();
    assert_eq!(again["written"], serde_json::json!([]));
}

#[test]
fn logs_artifacts_and_render_show_what_there_is() {
    let Some(sandbox) = Sandbox::site() else { return };
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    let run = report["run"].to_string();
    assert!(sandbox.springline(&["logs", &run]).ok().contains("site/pages"));
    sandbox.springline(&["logs", &run, "nope"]).fails(2, &["has no call `nope`"]);
    assert!(sandbox.springline(&["artifact", "show", "site"]).ok().contains("guide.html"));
    sandbox.springline(&["artifact", "export", "site", "--to", "../exported"]).ok();
    assert_eq!(names(&sandbox.path("exported")), ["guide.html", "index.html"]);
    sandbox.springline(&["artifact", "export", "site", "--to", "../exported"]).fails(2, &["is not empty"]);
    let list = sandbox.springline(&["artifact", "list", "-o", "json"]).json();
    assert!(list.as_array().unwrap().iter().any(|artifact| artifact["name"] == "site"));
    let objects = sandbox.springline(&["render", "-o", "json"]).json();
    assert_eq!(objects[0]["objects"].as_array().unwrap().len(), 3);
    assert_eq!(sandbox.springline(&["render", "--object", "robots.txt"]).ok(), "User-agent: *\n");
}

#[test]
fn gc_removes_what_nothing_refers_to_and_no_more() {
    let Some(sandbox) = Sandbox::site() else { return };
    let first = sandbox.springline(&["run", "-o", "json"]).json();
    sandbox.write("docs/guide.md", "# Guide\n\nOnly rendered.\n");
    sandbox.commit("Two");
    sandbox.springline(&["build"]).ok();
    let pretended = sandbox.springline(&["gc", "--dry-run", "--keep-results", "0", "-o", "json"]).json();
    assert_eq!(pretended["dry-run"], true);
    let collected = sandbox.springline(&["gc", "--keep-results", "0", "-o", "json"]).json();
    assert!(collected["removed"].as_u64().unwrap() > 0, "{collected:#}");
    let release = first["environments"][0]["release"].as_str().unwrap();
    fs::remove_dir_all(sandbox.live()).unwrap();
    sandbox.springline(&["redeploy", "--env", "site", release]).ok();
    assert!(sandbox.live().join("www/guide.html").exists());
    sandbox.springline(&["history", "verify"]).ok();
    // What a sync was about to own is of no use once it has ended.
    assert!(sandbox.springline(&["gc", "-o", "json"]).json()["removed"].as_u64().unwrap() <= 1);
    assert_eq!(sandbox.springline(&["gc", "-o", "json"]).json()["removed"], 0);
}

#[test]
fn a_lost_state_directory_loses_no_ownership() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.operator(
        "version: 1\ntargets:\n  local: { plugin: target-directory, grants: { directory: { path: ../../out } } }\n",
    );
    sandbox.springline(&["run"]).ok();
    let operator = fs::read_to_string(sandbox.repo().join(".springline/host.yaml")).unwrap();
    fs::remove_dir_all(sandbox.repo().join(".springline")).unwrap();
    sandbox.operator(&operator);
    let site = &sandbox.springline(&["status", "-o", "json"]).json()["environments"][0];
    assert_eq!(
        (&site["release"], &site["in-sync"], &site["objects"]),
        (&Value::Null, &Value::Null, &4.into()),
        "{site:#}"
    );
    assert_eq!(site["marked"]["live"][0], "robots.txt", "{site:#}");
    let told = sandbox.springline(&["status"]).stderr;
    assert!(
        told.contains("of a release that is not known here: robots.txt, ") && told.contains("sync --env site"),
        "{told}"
    );
    sandbox.git(&["rm", "-q", "deploy/robots.txt"]);
    sandbox.commit("Less");
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.path("out")), ["version.txt", "www/guide.html", "www/index.html"]);
}

#[test]
fn two_applications_share_a_directory_and_not_their_files() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    sandbox.write("springline.yaml", APPLICATION.replace("handbook", "other"));
    sandbox.commit("Another application");
    let stderr = sandbox.springline(&["run"]).fails(6, &["handbook/site"]);
    assert!(stderr.contains("robots.txt") || stderr.contains("version.txt"), "{stderr}");
    assert_eq!(sandbox.springline(&["history", "verify"]).code, 0);
}

#[test]
fn who_names_environments_needs_no_target_of_another_host() {
    let Some(sandbox) = Sandbox::site() else { return };
    let elsewhere = "  elsewhere:\n    render: { plugin: render-template, in: deploy }\n    target: theirs\n";
    sandbox.write("springline.yaml", APPLICATION.replace("environments:\n", &format!("environments:\n{elsewhere}")));
    sandbox.commit("Declare what another host deploys");
    sandbox.springline(&["build"]).ok();
    let place = "springline.yaml:9:13: the operator's file binds no target `theirs`";
    for verb in ["run", "sync", "render", "diff"] {
        sandbox.springline(&[verb, "--env", "site"]).ok();
        for all in [&[verb][..], &[verb, "--env", "elsewhere"], &[verb, "--env", "site", "--env", "elsewhere"]] {
            sandbox.springline(all).fails(CONFIG, &[place]);
        }
    }
    sandbox.springline(&["render", "--env", "elsewere"]).fails(USAGE, &["did you mean `elsewhere`?"]);
    assert_eq!(names(&sandbox.live()).len(), 4);
    let why = sandbox.springline(&["why", "site", "robots.txt", "1"]).ok();
    assert!(why.contains("deploy/robots.txt"), "{why}");
}

#[test]
fn every_verb_has_help_with_an_example_and_completion_works() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let help = sandbox.springline(&["--help"]).ok();
    let verbs = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let verbs: Vec<&str> = verbs
        .take_while(|line| line.starts_with("  "))
        .filter(|line| line.chars().nth(2).is_some_and(|c| c != ' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.len() >= 15, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        let help = sandbox.springline(&[verb, "--help"]).ok();
        assert!(help.contains("Example"), "`springline {verb} --help` shows no example:\n{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(sandbox.springline(&["completion", shell]).ok().contains("springline"));
    }
}

#[test]
fn colours_are_off_when_piped_and_on_when_asked() {
    let Some(sandbox) = Sandbox::site() else { return };
    let plain = sandbox.springline(&["run"]);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'));
    let coloured = sandbox.springline(&["history", "--color", "always"]).ok();
    assert!(coloured.contains('\u{1b}'));
}

/// How each build step and renderer of a run was done.
fn how(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().unwrap().iter();
    let pure = steps.filter(|step| !step["name"].as_str().unwrap().ends_with("/target"));
    pure.map(|step| step["how"].as_str().unwrap().to_owned()).collect()
}
