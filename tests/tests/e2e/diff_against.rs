//! What merging a revision would change: as text, as JSON, and as a comment on a pull request.

use std::fs;

use serde_json::{Value, json};

use crate::code::{CONFIG, DIFFERS, SOURCE, USAGE};
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox, files, skip};
use crate::socket::Watch;

/// A site that is deployed, on a branch of its own.
fn deployed() -> Option<Sandbox> {
    let sandbox = Sandbox::site()?;
    sandbox.springline(&["run"]).ok();
    sandbox.git(&["switch", "-q", "-c", "feature"]);
    Some(sandbox)
}

/// Commits on the branch, and goes back to what is deployed.
fn propose(sandbox: &Sandbox) {
    sandbox.commit("Propose");
    sandbox.git(&["switch", "-q", "main"]);
}

const AGAINST: [&str; 5] = ["diff", "--revision", "feature", "--against", "site"];

fn as_json(sandbox: &Sandbox) -> Value {
    let outcome = sandbox.springline(&[&AGAINST[..], &["-o", "json"]].concat());
    assert!(outcome.code <= 1, "{outcome:#?}");
    let all: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(all[0]["in-sync"] == json!(true), outcome.code == 0, "{all:#}");
    all[0].clone()
}

fn markdown(sandbox: &Sandbox) -> String {
    let outcome = sandbox.springline(&[&AGAINST[..], &["--format", "markdown"]].concat());
    assert!(outcome.code <= 1, "{outcome:#?}");
    assert!(outcome.stdout.len() <= 65_536, "{}", outcome.stdout.len());
    outcome.stdout
}

#[test]
fn what_merging_would_change_is_told_and_nothing_is_changed() {
    let Some(sandbox) = deployed() else { return };
    sandbox.write("docs/guide.md", "# Guide\n\nTwo steps at once.\n");
    sandbox.write("deploy/robots.txt", "User-agent: *\nDisallow: /\n");
    sandbox.write("deploy/extra.txt", "more\n");
    propose(&sandbox);
    let live = files(&sandbox.live());
    let before = sandbox.git(&["rev-parse", "HEAD"]);
    // What is live plays no part.
    fs::write(sandbox.live().join("robots.txt"), "edited by hand\n").unwrap();

    let outcome = sandbox.springline(&[&AGAINST[..], &["--color", "never"]].concat());
    assert_eq!(outcome.code, DIFFERS, "{outcome:#?}");
    for word in [
        "against release",
        "1 to create, 3 to update",
        "+ create extra.txt",
        "~ update robots.txt",
        "+Disallow: /",
        "(built)",
        "~ update www/guide.html",
        "Two steps at once.",
    ] {
        assert!(outcome.stdout.contains(word), "`{word}` is not in:\n{}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains("edited by hand"), "{}", outcome.stdout);
    let coloured = sandbox.springline(&[&AGAINST[..], &["--color", "always"]].concat());
    assert!(coloured.stdout.contains("\u{1b}["), "{coloured:#?}");

    let found = as_json(&sandbox);
    let release = sandbox.springline(&["status", "-o", "json"]).json()["environments"][0]["release"]["id"].clone();
    assert_eq!(found["against"]["release"], release);
    let names: Vec<&str> = found["objects"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["extra.txt", "robots.txt", "version.txt", "www/guide.html"]);
    assert_eq!(found["objects"][1]["after"], "User-agent: *\nDisallow: /\n");
    let artifact = &found["artifacts"][0];
    assert_eq!(artifact["name"], "site");
    assert_ne!(artifact["before"], artifact["after"]);
    assert_eq!(found["plugins"], json!([]));

    // With what is live, what was done by hand is seen as well.
    let live_too = sandbox.springline(&[&AGAINST[..], &["--live", "--color", "never"]].concat());
    assert!(live_too.stdout.contains("-edited by hand"), "{live_too:#?}");
    let only = sandbox.springline(&[&AGAINST[..], &["--only", "www", "-o", "json"]].concat());
    let only: Value = serde_json::from_str(&only.stdout).unwrap();
    assert_eq!(only[0]["objects"].as_array().unwrap().len(), 1, "{only:#}");
    sandbox.springline(&[&AGAINST[..], &["--only", "wwww"]].concat()).fails(USAGE, &["no object `wwww`"]);
    sandbox.springline(&["suspend", "--why", "freeze"]).ok();
    let notes = as_json(&sandbox)["notes"].to_string();
    assert!(notes.contains("it is suspended by tester@") && notes.contains("freeze"), "{notes}");
    sandbox.springline(&["resume"]).ok();

    // Nothing was deployed, recorded or checked out by all that.
    fs::write(sandbox.live().join("robots.txt"), "User-agent: *\n").unwrap();
    assert_eq!(files(&sandbox.live()), live);
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(sandbox.springline(&["history", "-o", "json"]).json().as_array().unwrap().len(), 1);
    // What is deployed itself changes nothing.
    let same = sandbox.springline(&["diff", "--revision", "main", "--against", "site", "--color", "never"]).ok();
    assert!(same.contains("nothing changes, 3 objects stay as they are"), "{same}");
}

#[test]
fn a_comment_is_safe_and_fits() {
    let Some(sandbox) = deployed() else { return };
    let nasty = "```\n</details><script>alert(1)</script>\n@everyone look at https://example.org, #1\n````\n";
    sandbox.write("deploy/robots.txt", nasty);
    sandbox.write("deploy/a `b` | @team.txt", "x\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "-q", "-m", "Ask @boss <b>now</b> [x](https://example.org)"]);
    sandbox.git(&["switch", "-q", "main"]);
    let text = markdown(&sandbox);
    assert!(text.starts_with("### <code>site</code>: 1 to create, 1 to update"), "{text}");
    assert!(text.contains("`````diff\n") && text.contains("+```\n"), "{text}");
    let outside: String = text.split("`````").step_by(2).collect();
    for word in ["@boss", "@team", "@everyone", "<b>", "<script", "https:", "[x]"] {
        assert!(!outside.contains(word), "`{word}` acts in:\n{text}");
    }
    assert_eq!(outside.matches("<details>").count(), outside.matches("</details>").count());

    // Far more than a comment holds.
    sandbox.git(&["switch", "-q", "feature"]);
    for at in 0..400 {
        let line = format!("{at}: some words that are different in each of the lines\n");
        sandbox.write(&format!("deploy/many/{at}.txt"), line.repeat(40));
    }
    propose(&sandbox);
    let text = markdown(&sandbox);
    assert!(text.contains("402 to create") || text.contains("401 to create"), "{text}");
    assert!(text.contains("are left out**, as a comment holds 65,536 characters"), "{text}");
    assert!(text.len() > 30_000, "{}", text.len());
    // Two environments share one comment.
    let both = sandbox.springline(&[
        "diff",
        "--revision",
        "feature",
        "--against",
        "site",
        "--against",
        "site",
        "--format",
        "markdown",
    ]);
    assert!(both.stdout.len() <= 65_536 && both.stdout.matches("### ").count() == 2, "{}", both.stdout.len());
    sandbox
        .springline(&[&AGAINST[..], &["--format", "markdown", "-o", "json"]].concat())
        .fails(USAGE, &["either JSON or Markdown"]);
}

#[test]
fn values_of_secrets_are_in_no_review() {
    let Some(sandbox) = deployed() else { return };
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: token }}\nstringData:\n  key: {value}\n")
    };
    sandbox.write("deploy/token.yaml", secret("correct-horse-battery"));
    sandbox.commit("A secret");
    sandbox.springline(&["run"]).ok();
    sandbox.write("deploy/token.yaml", secret("incorrect-donkey-accumulator"));
    sandbox.write("deploy/list.json", r#"{"kind":"List","items":[{"kind":"Secret","data":{"a":"c2VjcmV0LXZhbHVl"}}]}"#);
    propose(&sandbox);
    let text = sandbox.springline(&[&AGAINST[..], &["--color", "never"]].concat()).stdout;
    for seen in [markdown(&sandbox), as_json(&sandbox).to_string(), text] {
        for word in ["<hidden, value 1>", "<hidden, value 2>"] {
            assert!(seen.contains(word), "`{word}` is not in:\n{seen}");
        }
        for value in ["horse", "donkey", "c2VjcmV0LXZhbHVl"] {
            assert!(!seen.contains(value), "`{value}` is shown:\n{seen}");
        }
    }
}

#[test]
fn an_environment_that_goes_comes_or_moves_is_told() {
    let Some(sandbox) = deployed() else { return };
    // It goes, by the name that the branch gives it.
    sandbox.write("springline.yaml", APPLICATION.replace("  site:\n    render", "  stage:\n    render"));
    propose(&sandbox);
    let found = as_json(&sandbox);
    assert_eq!((&found["gone"], &found["in-sync"]), (&json!(true), &json!(false)));
    assert!(markdown(&sandbox).contains("declares no such environment"));
    // The other one comes: nothing is deployed there yet.
    let new = sandbox.springline(&["diff", "--revision", "feature", "--against", "stage", "--color", "never"]);
    assert_eq!(new.code, DIFFERS, "{new:#?}");
    assert!(
        new.stdout.contains("nothing was deployed there yet") && new.stdout.contains("+ create robots.txt"),
        "{new:#?}"
    );
    // One that neither knows.
    let unknown = sandbox.springline(&["diff", "--revision", "feature", "--against", "sight"]);
    unknown.fails(USAGE, &["no environment `sight`", "stage"]);

    // It moves to another target, with another policy.
    sandbox.git(&["switch", "-q", "feature"]);
    sandbox.write("springline.yaml", APPLICATION.replace("target: local", "target: other\n    sync: { prune: false }"));
    sandbox.write("deploy/robots.txt", "User-agent: x\n");
    propose(&sandbox);
    sandbox.springline(&AGAINST).fails(CONFIG, &["binds no target `other`"]);
    sandbox.operator(
        &(OPERATOR.to_owned() + "  other:\n    plugin: target-directory\n    grants: { directory: { path: other } }\n"),
    );
    let found = as_json(&sandbox);
    assert_eq!(found["moves"], json!({ "from": "local", "to": "other" }));
    assert_eq!(found["notes"], json!(["how it is synced (`sync`) changes"]), "{found:#}");
    let text = markdown(&sandbox);
    assert!(text.contains("goes to the target") && text.contains("stays"), "{text}");
    // What is wrong with another environment is no concern of this one.
    sandbox.git(&["switch", "-q", "feature"]);
    let broken = "  broken: { render: { plugin: ./nowhere.wasm }, target: nowhere }\n";
    sandbox.write("springline.yaml", APPLICATION.to_owned() + broken);
    propose(&sandbox);
    assert_eq!(as_json(&sandbox)["objects"].as_array().unwrap().len(), 1);
    sandbox.springline(&["diff", "--revision", "nowhere", "--against", "site"]).fails(SOURCE, &["nowhere"]);
}

#[test]
fn plugins_with_other_bytes_are_told() {
    let Some(sandbox) = deployed() else { return };
    let path = sandbox.path("home/own.wasm");
    let Some(plugins) = std::env::var_os("SPRINGLINE_PLUGINS") else {
        return skip("SPRINGLINE_PLUGINS names no directory of plugins: `cargo xtask test` sets it");
    };
    fs::copy(std::path::Path::new(&plugins).join("render-template.wasm"), &path).unwrap();
    sandbox.write("own.wasm", fs::read(&path).unwrap());
    sandbox.write("springline.yaml", APPLICATION.replace("plugin: render-template", "plugin: ./own.wasm"));
    propose(&sandbox);
    let grants = "grants:\n  - { plugin: ./own.wasm, http: [ { host: example.org } ] }\n";
    sandbox.operator(&(OPERATOR.to_owned() + grants));
    let found = as_json(&sandbox);
    // What nobody has deployed yet gets no powers by its name.
    let told = found["notes"][0].as_str().unwrap_or_default();
    assert!(
        told.starts_with("plugin `./own.wasm`") && told.contains("none of its powers") && told.contains("http"),
        "{found:#}"
    );
    assert_eq!((&found["in-sync"], &found["plugins"][0]["name"]), (&json!(true), &json!("./own.wasm")), "{found:#}");
    assert_eq!(found["plugins"][0]["before"], Value::Null);
    assert!(markdown(&sandbox).contains("| plugin <code>./own.wasm</code> | none |"));
    // When it is what is deployed, it has them.
    sandbox.git(&["merge", "-q", "feature"]);
    sandbox.springline(&["run"]).ok();
    assert_eq!(as_json(&sandbox)["notes"], json!([]));
}

#[test]
fn a_branch_is_no_other_application_and_looks_at_no_other_target() {
    let Some(sandbox) = deployed() else { return };
    sandbox.write("springline.yaml", APPLICATION.replacen("application: ", "application: other-", 1));
    propose(&sandbox);
    sandbox.springline(&AGAINST).fails(USAGE, &["calls the application `other-", "the repository calls it"]);
    sandbox.git(&["switch", "-q", "feature"]);
    sandbox.write("springline.yaml", APPLICATION.replace("target: local", "target: other"));
    propose(&sandbox);
    sandbox.operator(
        &(OPERATOR.to_owned() + "  other:\n    plugin: target-directory\n    grants: { directory: { path: other } }\n"),
    );
    let words = ["`site` is not deployed to the target `other`"];
    sandbox.springline(&[&AGAINST[..], &["--live"]].concat()).fails(USAGE, &words);
    assert_eq!(as_json(&sandbox)["moves"]["to"], "other");
}

#[test]
fn a_pipeline_reviews_from_a_bare_clone_with_the_state_of_the_host() {
    let Some(sandbox) = deployed() else { return };
    sandbox.write("deploy/robots.txt", "User-agent: x\n");
    propose(&sandbox);
    let bare = sandbox.path("bare.git");
    sandbox.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let state = sandbox.repo().join(".springline");
    let place = ["--repo", bare.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let outcome = sandbox.springline(&[&AGAINST[..], &place].concat());
    assert_eq!(outcome.code, DIFFERS, "{outcome:#?}");
    assert!(outcome.stdout.contains("+User-agent: x") && outcome.stdout.contains("1 to update"), "{outcome:#?}");
    // Where somebody watches, the state is his, and he does it.
    let watch = Watch::start(&sandbox, &[]);
    let by_the_owner = sandbox.springline(&[&AGAINST[..], &place].concat());
    assert_eq!((by_the_owner.code, by_the_owner.stdout), (DIFFERS, outcome.stdout));
    let comment = sandbox.springline(&[&AGAINST[..], &place, &["--format", "markdown"]].concat());
    assert!(comment.stdout.contains("```diff") && comment.stdout.contains("+User-agent: x"), "{comment:#?}");
    assert_eq!(watch.end(), Some(0));
}
