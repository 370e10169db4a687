//! Repositories that hang, lie, drop, refuse or change under one's hands.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::git_deliver::{bind, there, two};
use crate::git_server::{Fault, HttpServer, SshServer};
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox};

const VALUE: &str = "\
deliver:
  id:
    repository: deployments
    values:
      - { file: handbook/production.yaml, pointer: /site/digest, value: artifact site }
";

#[test]
fn a_server_that_fails_in_every_way_is_told_apart() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let server = HttpServer::start(other.parent().unwrap());
    let operator = |who: &str, seconds: u64| {
        let url = server.url(who, "deployments.git");
        sandbox.operator(&format!(
            "{OPERATOR}repositories: {{ deployments: {{ url: \"{url}\" }} }}\ngit: {{ timeout-seconds: {seconds} }}\n"
        ));
    };
    let tip = there(&sandbox, &other, &["rev-parse", "main"]);
    operator("", 2);
    server.set(Fault::Hang);
    sandbox.springline(&["run"]).fails(4, &["gives no answer: git was stopped after 2 s", "timeout-seconds"]);
    operator("", 20);
    server.set(Fault::Garbage);
    sandbox.springline(&["run"]).fails(4, &["deployments.git"]);
    for bytes in [0, 10, 60] {
        server.set(Fault::DropAfter(bytes));
        sandbox.springline(&["run"]).fails(4, &["deployments.git"]);
    }
    operator("me:s3cr3t@", 20);
    server.set(Fault::Password("another"));
    let told = sandbox.springline(&["run"]).fails(4, &["Authentication failed", "credential helper"]);
    assert!(!told.contains("s3cr3t"), "{told}");
    let history = sandbox.springline(&["history", "--limit", "0", "-o", "json"]).ok();
    assert!(!history.contains("s3cr3t"), "no password in what is remembered");
    operator("", 20);
    sandbox.springline(&["run"]).fails(4, &["could not read Username"]);
    assert_eq!(there(&sandbox, &other, &["rev-parse", "main"]), tip);

    // The right one is let in, and what was not possible is done.
    operator("me:s3cr3t@", 20);
    server.set(Fault::Password("s3cr3t"));
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "2");
    let kept =
        Command::new("grep").args(["-r", "s3cr3t", ".springline/pushes"]).current_dir(sandbox.repo()).output().unwrap();
    assert!(!kept.status.success(), "no password below the state: {}", String::from_utf8_lossy(&kept.stdout));
}

#[test]
fn a_push_whose_answer_is_lost_is_done_once() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let server = HttpServer::start(other.parent().unwrap());
    bind(&sandbox, &server.url("", "deployments.git"));
    server.set(Fault::LoseAnswer);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "2");
    server.set(Fault::None);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "2");
}

#[test]
fn a_host_that_nobody_knows_and_a_key_that_it_does_not_are_refused() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let Some(server) = SshServer::start(&sandbox.path("sshd")) else { return };
    bind(&sandbox, &server.url(&other));
    let home = sandbox.path("home");
    let run = |ssh: String| {
        let mut command = sandbox.command(&["run"]);
        sandbox.finish({
            command.env("GIT_SSH_COMMAND", ssh);
            command
        })
    };
    server.let_in(&home, false);
    run(server.command(&home)).fails(4, &["Host key verification failed", "known_hosts"]);
    server.let_in(&home, true);
    run(server.command(&home).replace("/user ", "/nobody ")).fails(4, &["Permission denied", "a key"]);
    run(server.command(&home)).ok();
}

#[test]
fn rewritten_and_deleted_branches_of_a_source_are_followed() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.write("springline.yaml", format!("{APPLICATION}    record: {{ branch: env/site }}\n"));
    sandbox.commit("Record");
    let origin = sandbox.path("origin.git");
    let at = origin.to_str().unwrap();
    sandbox.git(&["clone", "-q", "--bare", ".", at]);
    let url = format!("file://{}", origin.display());
    let state = sandbox.path("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("host.yaml"), OPERATOR).unwrap();
    let run = |more: &[&str]| {
        sandbox.springline(&[&["run", "--repo", &url, "--state", state.to_str().unwrap()], more].concat())
    };
    run(&[]).ok();

    // The source's history is written anew.
    sandbox.write("docs/guide.md", "# Guide\n\nAnother past.\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "Rewritten"]);
    sandbox.git(&["push", "-q", "--force", at, "main"]);
    run(&[]).ok();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let told = there(&sandbox, &origin, &["log", "-1", "--format=%B", "env/site"]);
    assert!(told.contains(&format!("Springline-Revision: {}", head.trim())), "{told}");

    // Somebody takes the last commit of the environment's branch away.
    there(&sandbox, &origin, &["update-ref", "refs/heads/env/site", "refs/heads/env/site^"]);
    sandbox.write("docs/guide.md", "# Guide\n\nMore.\n");
    sandbox.commit("More");
    sandbox.git(&["push", "-q", at, "main"]);
    let outcome = run(&[]);
    assert!(outcome.stderr.contains("was rewritten"), "{outcome:#?}");
    outcome.ok();

    // The branch of the environment is deleted: it is made anew. The source's own is missed.
    there(&sandbox, &origin, &["update-ref", "-d", "refs/heads/env/site"]);
    run(&[]).ok();
    assert_eq!(there(&sandbox, &origin, &["rev-list", "--count", "env/site"]).trim(), "1");
    there(&sandbox, &origin, &["update-ref", "-d", "refs/heads/main"]);
    run(&["--revision", "main"]).fails(4, &["main"]);
}

/// Feeds `git fast-import`.
pub fn import(sandbox: &Sandbox, repository: &std::path::Path, stream: &[u8]) {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository).args(["fast-import", "--quiet", "--force"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream).unwrap();
    assert!(child.wait().unwrap().success());
    there(sandbox, repository, &["symbolic-ref", "HEAD", "refs/heads/main"]);
}

/// Adds a hundred thousand files to the commit that a stream ends with, all of the blob with the mark 1, and
/// fifty thousand commits after it.
pub fn much(stream: &mut Vec<u8>) {
    for at in 0..100_000 {
        stream.extend(format!("M 100644 :1 many/{}/{}/{at}\n", at % 100, at / 100 % 10).into_bytes());
    }
    stream.extend(b"\n");
    for at in 0..50_000 {
        let commit = format!("commit refs/heads/main\ncommitter A <a@b> {} +0000\ndata 1\nx\n\n", 1_700_000_001 + at);
        stream.extend(commit.into_bytes());
    }
}

#[test]
fn repositories_of_a_hundred_thousand_files_and_fifty_thousand_commits() {
    let Some((sandbox, other)) = two(VALUE) else { return };
    let mut stream = b"blob\nmark :1\ndata 18\nsite:\n  digest: x\n\n".to_vec();
    stream.extend(b"commit refs/heads/main\nmark :2\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n");
    stream.extend(b"M 100644 :1 handbook/production.yaml\n");
    much(&mut stream);
    import(&sandbox, &other, &stream);
    sandbox.springline(&["run"]).ok();
    assert_eq!(there(&sandbox, &other, &["rev-list", "--count", "main"]).trim(), "50002");
    let changed = there(&sandbox, &other, &["diff", "--name-only", "main^", "main"]);
    assert_eq!(changed, "handbook/production.yaml\n");
    assert_eq!(there(&sandbox, &other, &["ls-tree", "-r", "--name-only", "main", "many"]).lines().count(), 100_000);
}
