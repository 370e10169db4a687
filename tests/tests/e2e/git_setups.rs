//! The set-ups with one and with two repositories, by file, by HTTP and by ssh.

use std::path::Path;

use crate::git_deliver::{bind, there, two};
use crate::git_server::{HttpServer, SshServer};
use crate::sandbox::{APPLICATION, OPERATOR, Outcome, Sandbox};

const BOTH: &str = "\
deliver:
  production:
    repository: deployments
    directory: rendered/production
    render: { plugin: render-template, in: deploy, with: { place: { www: site } } }
  id:
    repository: deployments
    values:
      - { file: handbook/production.yaml, pointer: /site/digest, value: artifact site }
      - { file: handbook/production.yaml, pointer: /image, value: revision }
";

/// Runs the program with what ssh takes.
fn run(sandbox: &Sandbox, arguments: &[&str], ssh: Option<&SshServer>) -> Outcome {
    let mut command = sandbox.command(arguments);
    if let Some(ssh) = ssh {
        command.env("GIT_SSH_COMMAND", ssh.command(&sandbox.path("home")));
    }
    sandbox.finish(command)
}

/// Set-up 1: a push to the one repository is deployed, and recorded there without a commit on its branch.
fn linear(sandbox: &Sandbox, origin: &Path, url: &str, ssh: Option<&SshServer>) {
    let state = sandbox.path("state");
    std::fs::create_dir_all(&state).unwrap();
    let copies = "  copies:\n    plugin: target-directory\n    grants: { directory: { path: copies } }\n";
    std::fs::write(state.join("host.yaml"), format!("{OPERATOR}{copies}")).unwrap();
    let arguments = ["run", "-o", "json", "--repo", url, "--state", state.to_str().unwrap()];
    for round in 1..=2 {
        sandbox.write("docs/guide.md", format!("# Guide\n\nRound {round}.\n"));
        let head = sandbox.commit(&format!("Round {round}"));
        sandbox.git(&["push", "-q", origin.to_str().unwrap(), "main"]);
        let report = run(sandbox, &arguments, ssh).json();
        assert_eq!(report["revision"], head.as_str());
        let note = there(sandbox, origin, &["log", "-1", "--notes=springline", "--format=%N", "main"]);
        assert!(note.contains(&format!("  history: {round} sha256:")), "{url}: {note}");
        assert_eq!(there(sandbox, origin, &["rev-parse", "main"]).trim(), head, "the branch is what was pushed");
        let branch = there(sandbox, origin, &["log", "--format=%s", "env/copy"]);
        assert_eq!(branch.lines().count(), round, "{branch}");
    }
    assert_eq!(there(sandbox, origin, &["fsck", "--strict"]), "");
}

fn recorded() -> Option<Sandbox> {
    let sandbox = Sandbox::site()?;
    let copy = "  copy:\n    render: { plugin: render-template, in: deploy, with: { place: { www: site } } }\n    target: copies\n    \
                record: { branch: env/copy }\n";
    sandbox.write("springline.yaml", format!("{APPLICATION}    record: notes\n{}", copy));
    sandbox.commit("Record what is deployed");
    Some(sandbox)
}

/// A bare clone in a directory of servers.
fn origin(sandbox: &Sandbox) -> std::path::PathBuf {
    let origin = sandbox.path("served/origin.git");
    sandbox.git(&["clone", "-q", "--bare", ".", origin.to_str().unwrap()]);
    origin
}

#[test]
fn one_repository_by_file() {
    let Some(sandbox) = recorded() else { return };
    let origin = origin(&sandbox);
    linear(&sandbox, &origin, &format!("file://{}", origin.display()), None);
}

#[test]
fn one_repository_by_http() {
    let Some(sandbox) = recorded() else { return };
    let origin = origin(&sandbox);
    let server = HttpServer::start(&sandbox.path("served"));
    linear(&sandbox, &origin, &server.url("", "origin.git"), None);
}

#[test]
fn one_repository_by_ssh() {
    let Some(sandbox) = recorded() else { return };
    let origin = origin(&sandbox);
    let Some(server) = SshServer::start(&sandbox.path("sshd")) else { return };
    server.let_in(&sandbox.path("home"), true);
    linear(&sandbox, &origin, &server.url(&origin), Some(&server));
}

/// Set-ups 2a and 2b: the rendered result and the ids of artifacts go to the second repository.
fn handed_over(sandbox: &Sandbox, other: &Path, url: &str, ssh: Option<&SshServer>) {
    bind(sandbox, url);
    for round in 1..=2 {
        sandbox.write("docs/guide.md", format!("# Guide\n\nRound {round}.\n"));
        let head = sandbox.commit(&format!("Round {round}"));
        let report = run(sandbox, &["run", "-o", "json"], ssh).json();
        let digest = report["artifacts"]["site"].as_str().unwrap();
        let page = there(sandbox, other, &["show", "main:rendered/production/www/guide.html"]);
        assert!(page.contains(&format!("Round {round}.")), "{url}: {page}");
        let values = there(sandbox, other, &["show", "main:handbook/production.yaml"]);
        assert!(values.contains(&format!("  digest: '{digest}'   # set by the pipeline\n")), "{values}");
        assert!(values.contains(&format!("image:   \"{head}\"   # not ours\n")), "{values}");
        assert_eq!(there(sandbox, other, &["rev-list", "--count", "main"]).trim(), (1 + 2 * round).to_string());
    }
}

#[test]
fn two_repositories_by_file() {
    let Some((sandbox, other)) = two(BOTH) else { return };
    handed_over(&sandbox, &other, &format!("file://{}", other.display()), None);
}

#[test]
fn two_repositories_by_http() {
    let Some((sandbox, other)) = two(BOTH) else { return };
    let server = HttpServer::start(other.parent().unwrap());
    handed_over(&sandbox, &other, &server.url("", "deployments.git"), None);
}

#[test]
fn two_repositories_by_ssh() {
    let Some((sandbox, other)) = two(BOTH) else { return };
    let Some(server) = SshServer::start(&sandbox.path("sshd")) else { return };
    server.let_in(&sandbox.path("home"), true);
    handed_over(&sandbox, &other, &server.url(&other), Some(&server));
}
