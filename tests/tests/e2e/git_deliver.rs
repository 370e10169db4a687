//! Two repositories: what the first one makes is handed over to the second.

use std::path::PathBuf;

use crate::code::DEPLOY;
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox};

/// The file of the second repository in which one value is set.
pub const VALUES: &str = "\
# Who runs what. Ask before you change the order!
image:   \"nginx:1.27\"   # not ours

site: &site
  digest: 'sha256:none'   # set by the pipeline
  replicas: 3
list: [ a,  b ]  # kept as it is
";

const WHOLE: &str = "\
deliver:
  production:
    repository: deployments
    directory: handbook/production
    render: { plugin: render-template, in: deploy, with: { place: { www: site } } }
";

pub const VALUE: &str = "\
deliver:
  id:
    repository: deployments
    values:
      - { file: handbook/production.yaml, pointer: /site/digest, value: artifact site }
";

/// A site whose environments are elsewhere, and the second repository, a bare one.
pub fn two(deliver: &str) -> Option<(Sandbox, PathBuf)> {
    let sandbox = Sandbox::site()?;
    let (artifacts, _) = APPLICATION.split_once("environments:").unwrap();
    sandbox.write("springline.yaml", format!("{artifacts}{deliver}"));
    let other = sandbox.path("deployments.git");
    bind(&sandbox, &format!("file://{}", other.display()));
    sandbox.commit("Hand it over");
    sandbox.git(&["init", "-q", "--bare", "-b", "main", other.to_str().unwrap()]);
    push(&sandbox, &other, "handbook/production.yaml", VALUES, "Begin");
    Some((sandbox, other))
}

pub fn bind(sandbox: &Sandbox, url: &str) {
    let git = "git: { name: Robot, email: robot@example.org, timeout-seconds: 20 }\n";
    sandbox.operator(&format!("{OPERATOR}repositories: {{ deployments: {{ url: \"{url}\" }} }}\n{git}"));
}

/// Somebody pushes a file to the second repository.
pub fn push(sandbox: &Sandbox, other: &std::path::Path, path: &str, text: &str, message: &str) {
    let clone = tempfile::tempdir().unwrap();
    let at = clone.path().to_str().unwrap();
    sandbox.git(&["clone", "-q", other.to_str().unwrap(), at]);
    let file = clone.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    sandbox.git(&["-C", at, "add", "--all"]);
    sandbox.git(&["-C", at, "commit", "-q", "-m", message]);
    sandbox.git(&["-C", at, "push", "-q", "origin", "HEAD:main"]);
}

pub fn there(sandbox: &Sandbox, other: &std::path::Path, arguments: &[&str]) -> String {
    sandbox.git(&[&["--git-dir", other.to_str().unwrap()], arguments].concat())
}

#[test]
fn the_rendered_result_replaces_a_directory_of_the_other_repository() {
    let Some((sandbox, other)) = two(WHOLE) else { return };
    push(&sandbox, &other, "handbook/production/old.txt", "from before", "By hand");
    sandbox.springline(&["run"]).ok();
    let listed = there(&sandbox, &other, &["ls-tree", "-r", "--name-only", "main"]);
    let expected = [
        "production.yaml",
        "production/robots.txt",
        "production/version.txt",
        "production/www/guide.html",
        "production/www/index.html",
    ];
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected.map(|name| format!("handbook/{name}")));
    let log = there(&sandbox, &other, &["log", "-1", "--format=%an <%ae>%n%B", "main"]);
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    for word in
        ["Robot <robot@example.org>", "Update handbook/production to", &format!("Springline-Revision: {}", head.trim())]
    {
        assert!(log.contains(word), "`{word}` is not in\n{log}");
    }
    let tip = there(&sandbox, &other, &["rev-parse", "main"]);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), tip, "nothing new is nothing pushed");
    assert_eq!(there(&sandbox, &other, &["fsck", "--strict"]), "");
}

#[test]
fn a_render_of_nothing_removes_nothing_there() {
    let Some((sandbox, other)) = two(WHOLE) else { return };
    sandbox.springline(&["run"]).ok();
    let tip = there(&sandbox, &other, &["rev-parse", "main"]);
    let text = std::fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    sandbox.write("springline.yaml", text.replace("in: deploy, with: { place: { www: site } }", "in: nothing"));
    sandbox.write("nothing/_part.txt", "x");
    sandbox.commit("Nothing is left");
    sandbox.springline(&["run"]).fails(DEPLOY, &["all in `handbook/production` would be removed"]);
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), tip);
}

#[test]
fn one_value_is_set_and_every_other_byte_stays() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let run = sandbox.springline(&["run", "-o", "json"]).json();
    let digest = run["artifacts"]["site"].as_str().unwrap();
    let text = there(&sandbox, &other, &["show", "main:handbook/production.yaml"]);
    assert_eq!(text, VALUES.replace("sha256:none", digest));
    let status = sandbox.springline(&["status"]).ok();
    assert!(status.contains("deployments") && status.contains("pushed to main"), "{status}");
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(history[0]["environment"], "deliver/id", "{history:#}");

    // Somebody else pushes, also while this runs: both are there afterwards.
    push(&sandbox, &other, "README.md", "By hand.\n", "Write a readme");
    sandbox.write("docs/guide.md", "# Guide\n\nNew.\n");
    sandbox.commit("Change");
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "4");
    assert_eq!(there(&sandbox, &other, &["show", "main:README.md"]), "By hand.\n");
}

#[test]
fn a_value_that_is_not_there_is_named_with_the_nearest() {
    let deliver = VALUE.replace("/site/digest", "/site/digets");
    let Some((sandbox, other)) = two(&deliver) else { return };
    let tip = there(&sandbox, &other, &["rev-parse", "main"]);
    sandbox.springline(&["run"]).fails(3, &["handbook/production.yaml", "/site/digets", "the nearest key is `digest`"]);
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), tip);
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    assert!(history[0]["outcome"].to_string().contains("failed"), "{history:#}");
}

#[test]
fn a_proposal_is_renewed_kept_for_review_and_goes_when_it_is_void() {
    let Some((sandbox, other)) =
        two(&VALUE.replace("    repository: deployments\n", "    repository: deployments\n    propose: true\n"))
    else {
        return;
    };
    let branch = "springline/update-handbook-id";
    let main = there(&sandbox, &other, &["rev-parse", "main"]);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), main, "nobody asked for main");
    let message = there(&sandbox, &other, &["log", "-1", "--format=%B", branch]);
    assert!(message.contains("  -  digest: 'sha256:none'") && message.contains("  +  digest: 'sha256:"), "{message}");
    let first = there(&sandbox, &other, &["rev-parse", branch]);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-parse", branch]), first);

    sandbox.write("docs/guide.md", "# Guide\n\nNew.\n");
    sandbox.commit("Change");
    sandbox.springline(&["run"]).ok();
    assert_ne!(there(&sandbox, &other, &["rev-parse", branch]), first);
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", &format!("main..{branch}")]).trim(), "1");

    // A reviewer adds a commit: it is kept, below the next update.
    let edit = there(&sandbox, &other, &["commit-tree", "-p", branch, "-m", "Reviewed", &format!("{branch}^{{tree}}")]);
    there(&sandbox, &other, &["update-ref", &format!("refs/heads/{branch}"), edit.trim()]);
    sandbox.write("docs/guide.md", "# Guide\n\nNewer.\n");
    sandbox.commit("Change again");
    let outcome = sandbox.springline(&["run"]);
    assert!(outcome.stderr.contains("added commit"), "{outcome:#?}");
    outcome.ok();
    assert_eq!(there(&sandbox, &other, &["rev-parse", &format!("{branch}^")]), edit);
    // And below every one after that.
    sandbox.write("docs/guide.md", "# Guide\n\nNewest.\n");
    sandbox.commit("Change once more");
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-parse", &format!("{branch}^^")]), edit);

    // It is merged: there is nothing to propose any more.
    there(&sandbox, &other, &["update-ref", "refs/heads/main", branch]);
    sandbox.springline(&["run"]).ok();
    let refs = there(&sandbox, &other, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs.trim(), "refs/heads/main", "the branch went with the proposal");
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    let (last, first) = (&history[0], history.as_array().unwrap().last().unwrap());
    assert_eq!((&first["counts"]["created"], &last["counts"]["deleted"]), (&1.into(), &1.into()), "{history:#}");
    let status = sandbox.springline(&["status"]).ok();
    assert!(!status.contains("ENVIRONMENT") && status.contains("DELIVERY"), "{status}");
}

#[test]
fn the_slower_of_two_pipelines_undoes_nothing() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let first = sandbox.git(&["rev-parse", "HEAD"]);
    let slow = sandbox.path("slow");
    sandbox.git(&["clone", "-q", ".", slow.to_str().unwrap()]);
    sandbox.write("docs/guide.md", "# Guide\n\nNew.\n");
    sandbox.commit("Change");
    sandbox.springline(&["run"]).ok();
    let tip = there(&sandbox, &other, &["rev-parse", "main"]);

    let state = sandbox.path("slow-state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::copy(sandbox.repo().join(".springline/host.yaml"), state.join("host.yaml")).unwrap();
    sandbox.git(&["-C", slow.to_str().unwrap(), "fetch", "-q"]);
    let run = ["run", "--repo", slow.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let told = sandbox.springline(&run).ok();
    assert!(told.contains("comes after this revision: it stays"), "{told}");
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), tip);

    // Somebody who names it wants it.
    sandbox.springline(&["run", "--revision", first.trim()]).ok();
    assert_ne!(there(&sandbox, &other, &["rev-parse", "main"]), tip);
}

#[test]
fn the_other_side_takes_what_was_built() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let state = sandbox.repo().join(".springline");
    sandbox.springline(&["run"]).ok();
    let second = sandbox.path("second");
    sandbox.git(&["clone", "-q", other.to_str().unwrap(), second.to_str().unwrap()]);
    std::fs::write(
        second.join("springline.yaml"),
        "application: shelf\nartifacts:\n  site: { taken: { file: handbook/production.yaml, pointer: /site/digest } }\nenvironments:\n  \
         production:\n    render: { plugin: render-template, in: pages, with: { place: { www: site } } }\n    target: local\n",
    )
    .unwrap();
    std::fs::create_dir(second.join("pages")).unwrap();
    std::fs::write(second.join("pages/robots.txt"), "User-agent: *\n").unwrap();
    let at = second.to_str().unwrap();
    sandbox.git(&["-C", at, "add", "--all"]);
    sandbox.git(&["-C", at, "commit", "-q", "-m", "Deploy"]);
    sandbox.springline(&["run", "--repo", at, "--state", state.to_str().unwrap()]).ok();
    assert!(sandbox.live().join("www/guide.html").exists());

    // The file with the digest is what made a page what it is.
    sandbox.write("docs/guide.md", "# Guide\n\nTwo steps at once.\n");
    sandbox.commit("Hurry");
    sandbox.springline(&["run"]).ok();
    sandbox.git(&["-C", at, "pull", "-q", "--no-rebase", "--no-edit"]);
    sandbox.springline(&["run", "--repo", at, "--state", state.to_str().unwrap()]).ok();
    let page = std::fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap();
    let line = (page.lines().position(|line| line.contains("Two steps")).unwrap() + 1).to_string();
    let why = ["why", "production", "www/guide.html", &line, "--repo", at, "--state", state.to_str().unwrap()];
    let found = sandbox.springline(&[&why[..], &["-o", "json"]].concat()).json();
    let file = &found["findings"][0]["files"][0];
    assert_eq!(
        (found["findings"][0]["state"].as_str(), file["path"].as_str()),
        (Some("proven"), Some("handbook/production.yaml")),
        "{found:#}"
    );
    assert!(file["plugin"].is_null(), "no plugin reads it: {file}");

    let elsewhere = sandbox.path("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("host.yaml"), OPERATOR).unwrap();
    let alone = ["run", "--repo", at, "--state", elsewhere.to_str().unwrap()];
    sandbox.springline(&alone).fails(7, &["artifact `site`", "/site/digest", "same state directory"]);
}

#[test]
fn a_kill_between_the_push_and_its_record_leaves_one_of_each() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let mut command = sandbox.command(&["run"]);
    command.env("SPRINGLINE_CRASH_AT", "delivered");
    assert_eq!(sandbox.finish(command).code, -1);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "2");
    let history = sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history:#}");
}
