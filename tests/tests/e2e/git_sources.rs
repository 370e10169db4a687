//! Sources elsewhere that hang, drop, lie or refuse, and records whose push is taken and never
//! answered.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::git_deliver::there;
use crate::git_faults::{import, much};
use crate::git_server::{Fault, HttpServer, SshServer};
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox};

/// A site that is served, and a state directory whose operator waits for so many seconds.
fn served(record: &str, seconds: u64) -> Option<(Sandbox, PathBuf, PathBuf)> {
    let sandbox = Sandbox::site()?;
    sandbox.write("springline.yaml", format!("{APPLICATION}    record: {record}\n"));
    sandbox.commit("Record what is deployed");
    let origin = sandbox.path("served/origin.git");
    sandbox.git(&["clone", "-q", "--bare", ".", origin.to_str().unwrap()]);
    let state = sandbox.path("state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("host.yaml"), format!("{OPERATOR}git: {{ timeout-seconds: {seconds} }}\n")).unwrap();
    Some((sandbox, origin, state))
}

fn run(sandbox: &Sandbox, url: &str, state: &Path) -> Command {
    sandbox.command(&["run", "--repo", url, "--state", state.to_str().unwrap()])
}

/// Whether anything below the mirrors is not whole.
fn is_whole(state: &Path) -> bool {
    let found =
        Command::new("find").arg(state.join("sources")).args(["-name", "tmp_*", "-o", "-name", "*.new"]).output();
    let mut locks = Command::new("find");
    locks.arg(state.join("sources")).args(["-mindepth", "2", "-name", "*.lock"]);
    found.unwrap().stdout.is_empty() && locks.output().unwrap().stdout.is_empty()
}

#[test]
fn a_source_that_fails_in_every_way_is_given_up_and_comes_back() {
    let Some((sandbox, origin, state)) = served("none", 2) else { return };
    let server = HttpServer::start(origin.parent().unwrap());
    let url = server.url("", "origin.git");
    for (fault, words) in [
        (Fault::Hang, &["origin.git gives no answer: git was stopped after 2 s of silence", "timeout-seconds"][..]),
        (Fault::Garbage, &["origin.git can't be read", "something else than a git server"]),
        (Fault::DropAfter(0), &["origin.git can't be read", "tried again"]),
        (Fault::DropAfter(60), &["origin.git can't be read", "tried again"]),
        (Fault::DropAfter(400), &["origin.git can't be fetched"]),
    ] {
        server.set(fault);
        sandbox.finish(run(&sandbox, &url, &state)).fails(4, words);
        assert!(is_whole(&state), "{fault:?}");
    }
    let secret = server.url("me:s3cr3t@", "origin.git");
    server.set(Fault::Password("another"));
    let told = sandbox.finish(run(&sandbox, &secret, &state)).fails(4, &["Authentication failed"]);
    assert!(!told.contains("s3cr3t") && !told.contains("me@"), "{told}");
    server.set(Fault::Password("s3cr3t"));
    sandbox.finish(run(&sandbox, &secret, &state)).ok();
    let kept = Command::new("grep").args(["-r", "s3cr3t"]).arg(&state).output().unwrap();
    assert!(!kept.status.success(), "no password in the state: {}", String::from_utf8_lossy(&kept.stdout));
}

#[test]
fn a_fetch_that_hangs_ends_when_somebody_stops_it() {
    let Some((sandbox, origin, state)) = served("none", 3_600) else { return };
    let server = HttpServer::start(origin.parent().unwrap());
    server.set(Fault::Hang);
    for signal in ["-INT", "-TERM"] {
        let mut command = run(&sandbox, &server.url("", "origin.git"), &state);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        server.wait_until_it_hangs();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(is_whole(&state));
    }
}

#[test]
fn an_ssh_that_hangs_is_stopped_with_all_that_it_started() {
    let Some((sandbox, origin, state)) = served("none", 2) else { return };
    let (ssh, mark) = (sandbox.path("hangs"), sandbox.path("started"));
    fs::write(&ssh, format!("#!/bin/sh\nsleep 3600 &\necho $! >{}\nwait\n", mark.display())).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let url = format!("ssh://nobody@host.invalid{}", origin.display());
    let mut command = run(&sandbox, &url, &state);
    command.env("GIT_SSH_COMMAND", &ssh);
    sandbox.finish(command).fails(4, &["gives no answer"]);
    let started = fs::read_to_string(mark).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/stat", started.trim()));
    assert!(status.is_err() || status.is_ok_and(|status| status.contains(" Z ")), "what ssh started is gone");

    let Some(server) = SshServer::start(&sandbox.path("sshd")) else { return };
    let home = sandbox.path("home");
    let ask = |knows: bool, ssh: &dyn Fn(String) -> String| {
        server.let_in(&home, knows);
        let mut command = run(&sandbox, &server.url(&origin), &state);
        command.env("GIT_SSH_COMMAND", ssh(server.command(&home)));
        sandbox.finish(command)
    };
    ask(false, &|ssh| ssh).fails(4, &["Host key verification failed", "known_hosts"]);
    ask(true, &|ssh| ssh.replace("/user ", "/nobody ")).fails(4, &["Permission denied", "a key"]);
    ask(true, &|ssh| ssh).ok();
}

/// The other side takes the push of a record and never says so: it is told once.
fn told_once(record: &str, reference: &str) {
    let Some((sandbox, origin, state)) = served(record, 20) else { return };
    let server = HttpServer::start(origin.parent().unwrap());
    server.set(Fault::LoseAnswer);
    let url = server.url("", "origin.git");
    for count in ["1", "2"] {
        let outcome = sandbox.finish(run(&sandbox, &url, &state));
        assert!(!outcome.stderr.contains("warning"), "{outcome:#?}");
        outcome.ok();
        assert_eq!(there(&sandbox, &origin, &["rev-list", "--count", reference]).trim(), count);
        sandbox.write("docs/guide.md", format!("# Guide\n\nMore than {count}.\n"));
        sandbox.commit("More");
        sandbox.git(&["push", "-q", origin.to_str().unwrap(), "main"]);
    }
    let status = sandbox.springline(&["status", "-o", "json", "--repo", &url, "--state", state.to_str().unwrap()]);
    assert_eq!(status.json()["outgoing"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_note_whose_push_is_never_answered_is_told_once() {
    told_once("notes", "refs/notes/springline");
}

#[test]
fn a_branch_whose_push_is_never_answered_is_told_once() {
    told_once("{ branch: env/site }", "env/site");
}

#[test]
fn a_source_of_a_hundred_thousand_files_and_fifty_thousand_commits_is_deployed_and_explained() {
    let Some((sandbox, origin, state)) = served("none", 60) else { return };
    let web = |replicas: u32| {
        let text = format!("spec:\n  replicas: {replicas}\n");
        format!("M 100644 inline deploy/web.yaml\ndata {}\n{text}\n", text.len())
    };
    let commit = "commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n";
    let mut stream = format!("blob\nmark :1\ndata 2\nx\n\n{commit}from refs/heads/main^0\n{}", web(2)).into_bytes();
    much(&mut stream);
    stream.extend(format!("{commit}{}", web(3)).into_bytes());
    import(&sandbox, &origin, &stream);
    let commits = there(&sandbox, &origin, &["rev-list", "--count", "main"]);
    assert!(commits.trim().parse::<u32>().unwrap() > 50_000, "{commits}");
    let url = format!("file://{}", origin.display());
    sandbox.finish(run(&sandbox, &url, &state)).ok();
    let why = ["why", "site", "web.yaml", "/spec/replicas", "-o", "json", "--repo", &url, "--state"];
    let found = sandbox.springline(&[&why[..], &[state.to_str().unwrap()]].concat()).json();
    let newest = there(&sandbox, &origin, &["rev-parse", "main"]);
    let first = &found["findings"][0];
    assert_eq!((first["state"].as_str(), first["commit"].as_str()), (Some("proven"), Some(newest.trim())), "{found:#}");
}
