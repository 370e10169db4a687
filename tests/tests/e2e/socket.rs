//! Verbs while a `springline watch` owns the state directory: it executes them, and nobody can tell.

mod ends;
mod slow;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use self::slow::Slow;
use crate::code::{BUSY, DIFFERS, STATE, USAGE};
use crate::sandbox::{OPERATOR, Outcome, Sandbox, files, skip};

/// Stopped by its user.
const CANCELLED: i32 = 130;

/// A `springline watch` that owns the state and has looked at everything once.
pub struct Watch {
    child: Child,
    told: Receiver<String>,
}

impl Watch {
    /// Starts it in this sandbox's repository.
    pub fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        let watch = Self::by(sandbox.command(&[&["watch", "-o", "json", "--every", "3600"], more].concat()));
        watch.tells("\"pass\"");
        watch
    }

    fn by(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, told) = channel();
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self { child, told }
    }

    /// Waits until it tells something with this in it.
    pub fn tells(&self, word: &str) -> Value {
        let line = self.told.iter().find(|line| line.contains(word));
        serde_json::from_str(&line.unwrap_or_else(|| panic!("it ended and did not tell `{word}`"))).unwrap()
    }

    /// Asks it to end, and returns its exit code.
    pub fn end(self) -> Option<i32> {
        signal(&self.child, "INT");
        self.ended()
    }

    /// Waits for its end, and returns its exit code.
    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

fn state(sandbox: &Sandbox) -> PathBuf {
    sandbox.repo().join(".springline")
}

fn socket(sandbox: &Sandbox) -> PathBuf {
    state(sandbox).join("springline.sock")
}

/// What differs from one execution of a verb to the next: numbers of runs and records, times.
fn normal(text: &str) -> String {
    let mut normal = String::new();
    for line in text.lines() {
        // Hashes of records hold the times.
        let hash = ["\"hash\"", "\"previous\"", "\"head\": ", "records, head "].iter().any(|word| line.contains(word));
        let line = if hash { "a hash" } else { line };
        let mut number = false;
        for c in line.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
            if c.is_ascii_digit() || (number && c == '.') {
                number = true;
            } else {
                if number {
                    normal.push('#');
                }
                number = false;
                normal.push(c);
            }
        }
        normal.push_str(if number { "#\n" } else { "\n" });
    }
    normal.replace("# us", "# ms").replace("# s", "# ms")
}

#[test]
fn every_verb_says_the_same_whoever_executes_it() {
    let Some(sandbox) = Sandbox::site() else { return };
    let release = sandbox.springline(&["run", "-o", "json"]).json()["environments"][0]["release"].clone();
    let release = release.as_str().unwrap();
    sandbox.springline(&["run"]).ok();
    // Something to see.
    fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
    sandbox.write("docs/index.md", "# Not committed\n");
    let state = state(&sandbox);
    let state = state.to_str().unwrap();
    let verbs: &[&[&str]] = &[
        &["status"],
        &["status", "--all", "--color", "always"],
        &["status", "--state", ".springline"],
        &["status", "--env", "sit"],
        &["diff", "--color", "always"],
        &["render"],
        &["render", "--object", "robots.txt"],
        &["render", "--object", "no such"],
        &["build"],
        &["build", "--worktree"],
        &["build", "--revision", "no-such-branch"],
        &["verify"],
        &["history", "--limit", "2"],
        &["history", "verify"],
        &["history", "show", "site/1"],
        &["history", "show", "site/1", "--diff"],
        &["history", "show", "site/12345"],
        &["history", "diff", "site/1", "site/2"],
        &["history", "export", "--app", "nobody"],
        &["history", "--since", "2026-01-02 03:04", "--until", "2026-01-02"],
        &["diff", "--against", "site"],
        &["history", "--limit", "2", "--state", state],
        &["logs", "1"],
        &["logs", "1", "pagse"],
        &["logs", "12345"],
        &["artifact", "list"],
        &["artifact", "show", "site"],
        &["artifact", "show", "sit"],
        &["artifact", "export", "site", "--to", "docs"],
        &["plugin", "list"],
        &["plugin", "grants"],
        &["plugin", "update"],
        &["update", "step-site"],
        &["update", "no-such-plugin"],
        &["gc", "--dry-run"],
        &["redeploy", "--env", "site", "0000"],
        &["redeploy", "--env", "site", &release[..12]],
        &["sync", "--only", "robots.txt"],
        &["sync", "--env", "site"],
        &["run"],
        &["run", "--env", "nowhere"],
        &["cancel"],
        &["--repo", "/no/such/repository", "status"],
        &["--repo", "nothing-here", "--state", ".springline", "status"],
    ];
    let all = |of: &str| -> Vec<(Vec<String>, Outcome)> {
        let mut outcomes = Vec::new();
        for format in ["text", "json"] {
            fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
            for verb in verbs {
                let words: Vec<String> = verb.iter().map(ToString::to_string).collect();
                let words = [words, vec!["-o".into(), format.into()]].concat();
                outcomes.push((words.clone(), sandbox.finish(sandbox.command(&words))));
                assert!(outcomes.last().unwrap().1.code >= 0, "{of}: {:?}", outcomes.last());
            }
        }
        outcomes
    };
    sandbox.springline(&["build", "--worktree"]).ok();
    // The history is as it goes on from here.
    all("before");
    let alone = all("alone");
    let watch = Watch::start(&sandbox, &[]);
    let by_the_owner = all("by the owner");
    assert_eq!(watch.end(), Some(0));
    for ((verb, alone), (_, other)) in alone.iter().zip(&by_the_owner) {
        if verb[0] == "cancel" {
            // Without a watch there is nothing to cancel.
            assert_eq!((alone.code, other.code), (STATE, USAGE), "{alone:?} {other:?}");
            continue;
        }
        assert_eq!(alone.code, other.code, "{verb:?}: {alone:#?} {other:#?}");
        assert_eq!(normal(&alone.stdout), normal(&other.stdout), "{verb:?}");
        assert_eq!(normal(&alone.stderr), normal(&other.stderr), "{verb:?}");
    }
    assert!(by_the_owner.iter().any(|(_, outcome)| outcome.code == DIFFERS));
    assert!(!socket(&sandbox).exists());
}

#[test]
fn a_verb_is_its_callers_whoever_executes_it() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let watch = Watch::start(&sandbox, &[]);
    assert_eq!(fs::metadata(socket(&sandbox)).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.write("docs/guide.md", "# Guide\n\nAll new.\n");
    sandbox.commit("Change");
    // Another user, in another directory and time zone.
    let called = |words: &[&str]| {
        let mut command = sandbox.command(words);
        command.current_dir(sandbox.repo().join("docs")).env("USER", "alice").env("TZ", "Asia/Kathmandu");
        sandbox.finish(command)
    };
    called(&["run"]).ok();
    assert!(fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap().contains("All new."));
    let history = called(&["history", "-o", "json", "--limit", "1"]).json();
    assert!(history[0]["actor"].as_str().unwrap().starts_with("alice@"), "{history:#}");
    let here = sandbox.springline(&["history", "--limit", "1"]).ok();
    let there = called(&["history", "--limit", "1"]).ok();
    assert_ne!(here, there, "the local time is that of whoever reads");
    assert!(called(&["artifact", "export", "site", "--to", "here"]).ok().ends_with("to here\n"));
    assert!(sandbox.repo().join("docs/here/index.html").is_file());
    called(&["--repo", "..", "status"]).ok();
    called(&["--state", "../.springline", "history"]).ok();
    // What the operator's file says now.
    sandbox.operator(&OPERATOR.replace("path: live", "path: elsewhere"));
    called(&["sync"]).ok();
    assert_eq!(files(&state(&sandbox).join("elsewhere")), files(&sandbox.live()));
    sandbox.operator("version: 1\ntargets: { locale: { plugin: target-directory } }\n");
    called(&["sync"]).fails(3, &["target `local`"]);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn the_time_zone_of_the_system_is_the_callers_as_well() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let called = || {
        let mut command = sandbox.command(&["history"]);
        command.env_remove("TZ");
        sandbox.finish(command).ok()
    };
    let here = called();
    let mut command = sandbox.command(&["watch", "-o", "json", "--every", "3600"]);
    command.env("TZ", "Asia/Kathmandu");
    let watch = Watch::by(command);
    watch.tells("\"pass\"");
    assert_eq!(called(), here);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn an_owner_that_died_is_in_nobodys_way_and_a_second_watch_is_told_of_the_first() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let watch = Watch::start(&sandbox, &[]);
    let pid = format!("(pid {}", watch.child.id());
    sandbox.springline(&["watch", "--passes", "1"]).fails(BUSY, &["`springline watch`", &pid]);
    watch.kill();
    assert!(socket(&sandbox).exists(), "it had no time to remove it");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["apps"]).fails(STATE, &["no `springline watch` runs", "start one"]);
    let watch = Watch::start(&sandbox, &[]);
    sandbox.springline(&["apps"]).ok();
    assert_eq!(watch.end(), Some(0));
    // What is there and no socket is replaced as well.
    fs::write(socket(&sandbox), "").unwrap();
    sandbox.springline(&["run"]).ok();
    let _watch = Watch::start(&sandbox, &[]);
    sandbox.springline(&["apps"]).ok();
}

#[test]
fn a_state_directory_may_have_a_path_longer_than_an_address() {
    let Some(sandbox) = Sandbox::site() else { return };
    let long = sandbox.path(&format!("{}/{}", "deep-".repeat(20), "deeper-".repeat(20)));
    fs::create_dir_all(&long).unwrap();
    fs::copy(state(&sandbox).join("host.yaml"), long.join("host.yaml")).unwrap();
    let long = long.to_str().unwrap();
    sandbox.springline(&["run", "--state", long]).ok();
    let watch = Watch::start(&sandbox, &["--state", long]);
    assert_eq!(sandbox.springline(&["apps", "--state", long, "-o", "json"]).json()[0]["application"], "handbook");
    sandbox.springline(&["run", "--state", long]).ok();
    assert_eq!(watch.end(), Some(0));
    assert!(!Path::new(long).join("springline.sock").exists());
}

/// Somebody at the socket who says this to everyone.
fn impostor(sandbox: &Sandbox, says: Vec<u8>) -> PathBuf {
    let path = socket(sandbox);
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(&says);
        }
    });
    path
}

fn frame(letter: u8, body: &str) -> Vec<u8> {
    [&[letter][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body.as_bytes()].concat()
}

#[test]
fn an_owner_of_another_version_and_one_that_is_none_are_told() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let own = env!("CARGO_PKG_VERSION");
    impostor(&sandbox, frame(b'H', r#"{"protocol":2,"version":"9.8.7","pid":4711}"#));
    sandbox.springline(&["status"]).fails(BUSY, &["Springline 9.8.7 (pid 4711)", own]);
    impostor(&sandbox, frame(b'H', &format!(r#"{{"protocol":3,"version":"{own}","pid":4711}}"#)));
    sandbox.springline(&["status"]).fails(BUSY, &["version 3 of the protocol", "pid 4711"]);
    for garbage in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &frame(b'H', "{}"), &frame(b'X', "0"), b"H\0\0"] {
        impostor(&sandbox, garbage.to_vec());
        sandbox.springline(&["status"]).fails(STATE, &["can't be understood", "springline.sock"]);
    }
    // One that ends midway, and one that says what it should not.
    let hello = frame(b'H', &format!(r#"{{"protocol":2,"version":"{own}","pid":4711}}"#));
    impostor(&sandbox, hello.clone());
    sandbox.springline(&["status"]).fails(STATE, &["(pid 4711) ended before this verb did"]);
    impostor(&sandbox, [hello.clone(), frame(b'R', "{}")].concat());
    sandbox.springline(&["status"]).fails(STATE, &["says what it should not"]);
    let answer = [hello, frame(b'O', "data\n"), frame(b'E', "note\n"), frame(b'X', "42")].concat();
    let path = impostor(&sandbox, answer);
    let outcome = sandbox.springline(&["status"]);
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (42, "data\n", "note\n"));
    // Nobody listens any more.
    fs::remove_file(&path).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    sandbox.springline(&["status"]).ok();
}

fn outcome(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_client_that_is_stopped_or_dies_ends_its_verb_and_no_other() {
    let Some(slow) = Slow::new() else { return };
    let sandbox = &slow.0;
    let watch = Watch::start(sandbox, &[]);
    let (child, run) = slow.run();
    // Those that only look need not wait for it.
    assert!(sandbox.springline(&["status"]).stderr.contains(&format!("run {run} is under way")));
    sandbox.springline(&["history"]).ok();
    signal(&child, "INT");
    outcome(child).fails(CANCELLED, &["run again"]);
    assert_eq!(slow.ended(run), "cancelled");
    let (mut child, run) = slow.run();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(slow.ended(run), "cancelled");
    sandbox.springline(&["status"]).ok();
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_run_is_cancelled_by_its_number_and_what_waits_for_it_goes_on() {
    let Some(slow) = Slow::new() else { return };
    let sandbox = &slow.0;
    let watch = Watch::start(sandbox, &[]);
    sandbox.springline(&["cancel", "--app", "handbook"]).fails(USAGE, &["nothing of `handbook` is under way"]);
    let (child, run) = slow.run();
    // What removes garbage waits for it.
    let mut collects = sandbox.command(&["gc", "-o", "json"]);
    let mut collects = collects.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(collects.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("waiting for `springline run` of tester@") && told.contains(&format!("run {run}")), "{told}");
    sandbox.springline(&["cancel", "99"]).fails(USAGE, &["run 99 is not under way"]);
    let cancelled = sandbox.springline(&["cancel", &run.to_string(), "-o", "json"]).json();
    assert_eq!(cancelled["cancelled"][0]["run"], run);
    outcome(child).fails(CANCELLED, &["cancelled"]);
    outcome(collects).ok();
    assert_eq!(slow.ended(run), "cancelled");
    // Two of one application come one after the other.
    let (first, run) = slow.run();
    let mut second = sandbox.command(&["sync"]);
    let mut second = second.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(second.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("waiting for `springline run` of tester@"), "{told}");
    assert_eq!(sandbox.springline(&["apps", "-o", "json"]).json()[0]["run"], run);
    signal(&second, "INT");
    assert_eq!(second.wait().unwrap().code(), Some(CANCELLED));
    sandbox.springline(&["cancel"]).ok();
    outcome(first).fails(CANCELLED, &[]);
    assert_eq!(watch.end(), Some(0));
}

/// Posts a body to a path; returns the answer's code.
fn post(address: &str, path: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn who_is_notified_looks_at_once() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["watch", "--listen", "0.0.0.0:0"]).fails(USAGE, &["0.0.0.0:0", "this machine's own"]);
    let watch = Watch::by(sandbox.command(&["watch", "-o", "json", "--every", "3600", "--listen", "127.0.0.1:0"]));
    let address = watch.tells("listening")["listening"].as_str().unwrap().to_owned();
    watch.tells("\"pass\"");
    let deployed = files(&sandbox.live());
    let drift = || fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
    let repaired = || {
        watch.tells("repaired");
        assert_eq!(files(&sandbox.live()), deployed);
    };
    // By its name, by its repository as a forge names it, and through the socket.
    drift();
    assert_eq!(post(&address, "/notify", r#"{"application":"handbook"}"#), 202);
    repaired();
    drift();
    let repository =
        format!(r#"{{"ref":"refs/heads/main","repository":{{"clone_url":"file://{}"}}}}"#, sandbox.repo().display());
    assert_eq!(post(&address, "/notify", &repository), 202);
    repaired();
    drift();
    sandbox.springline(&["notify", "--app", "handbook"]).ok();
    repaired();
    assert_eq!(post(&address, "/notify", r#"{"repository":"https://example.com/other.git"}"#), 404);
    sandbox.springline(&["notify", "--app", "handbok"]).fails(USAGE, &["handbook"]);
    assert_eq!(watch.end(), Some(0));
    assert!(TcpStream::connect(&address).is_err());
    sandbox.springline(&["notify"]).fails(STATE, &["no `springline watch` runs"]);
}

#[test]
fn what_is_suspended_is_left_alone_until_it_is_resumed() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let deployed = files(&sandbox.live());
    fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
    sandbox.springline(&["suspend", "--why", " "]).fails(USAGE, &["--why"]);
    sandbox.springline(&["suspend", "--app", "hand", "--why", "x"]).fails(USAGE, &["`hand`"]);
    sandbox.springline(&["suspend", "--env", "sit", "--why", "x"]).fails(USAGE, &["did you mean `site`?"]);
    // Without an owner; it is not forgotten.
    sandbox.springline(&["suspend", "--why", "for now"]).ok();
    let again = sandbox.springline(&["suspend", "--why", "robots are welcome"]).ok();
    assert!(again.contains("handbook/site was suspended by tester@") && again.contains(": for now"), "{again}");
    sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert_ne!(files(&sandbox.live()), deployed);
    let status = sandbox.springline(&["status"]);
    assert!(
        status.stderr.contains("site is suspended by tester@")
            && status.stderr.contains("robots are welcome (`springline resume --env site` ends it)"),
        "{status:?}"
    );
    let watch = Watch::start(&sandbox, &[]);
    assert_eq!(
        sandbox.springline(&["status", "-o", "json"]).json()["environments"][0]["suspended"]["why"],
        "robots are welcome"
    );
    assert_ne!(files(&sandbox.live()), deployed);
    // By the owner, which looks at once.
    sandbox.springline(&["resume", "--app", "handbook", "--env", "site"]).ok();
    watch.tells("repaired");
    assert_eq!(files(&sandbox.live()), deployed);
    assert_eq!(sandbox.springline(&["resume", "-o", "json"]).json()["resumed"], serde_json::json!([]));
    sandbox.springline(&["suspend", "--why", "again", "-o", "json"]).ok();
    watch.tells("suspended");
    let apps = sandbox.springline(&["apps"]).ok();
    assert!(apps.contains("suspended by tester@") && !apps.contains("suspended by :"), "{apps}");
    assert_eq!(watch.end(), Some(0));
    // Whoever deploys by hand means it.
    fs::write(sandbox.live().join("robots.txt"), "Disallow: /\n").unwrap();
    sandbox.springline(&["sync"]).ok();
    assert_eq!(files(&sandbox.live()), deployed);
}

#[test]
fn hostile_clients_harm_nobody() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let watch = Watch::start(&sandbox, &[]);
    let request = |version: &str, arguments: &str| {
        let body = format!(
            r#"{{"protocol":2,"version":"{version}","arguments":{arguments},"directory":"/","actor":"x","out":
            {{"terminal":false,"colors":false}},"err":{{"terminal":true,"colors":true}},"width":0,"answers":true,"zone":"?"}}"#
        );
        frame(b'R', &body)
    };
    let own = env!("CARGO_PKG_VERSION");
    let state = format!("[\"--state\",{:?},\"history\"]", state(&sandbox));
    let says = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(socket(&sandbox)).unwrap();
        // It says who it is before it hears anything. Who is hung up on may lose what was said after that.
        let mut answer = vec![0];
        stream.read_exact(&mut answer).unwrap();
        let _ = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(says(&request(own, &state)).contains("succeeded"));
    assert!(says(&request("0.0.0", &state)).contains("0.0.0 asks"));
    assert!(says(&request(own, r#"["watch"]"#)).contains("not executed by another process"));
    assert!(says(&request(own, r#"["no-such-verb"]"#)).contains("no-such-verb"));
    assert!(says(&request(own, r#"["--help"]"#)).contains("Usage"));
    assert!(says(&request(own, r#"[[0,255],"history"]"#)).contains("error"));
    let long = "x".repeat(1_000_000);
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"R\xff\xff\xff\xff",
        &frame(b'R', "{}"),
        &frame(b'R', &"[".repeat(100_000)),
        &frame(b'C', ""),
        &frame(b'X', "0"),
        &frame(b'Z', &long),
        &[request(own, &state), frame(b'Z', "")].concat(),
    ] {
        assert!(says(garbage).starts_with('H'), "{garbage:?}");
    }
    // Those who say nothing take a place, for a while.
    let silent: Vec<_> = (0..63).map(|_| UnixStream::connect(socket(&sandbox)).unwrap()).collect();
    sandbox.springline(&["history"]).ok();
    drop(silent);
    sandbox.springline(&["run"]).ok();
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn another_user_is_not_let_in_even_where_the_socket_lets_everybody() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let watch = Watch::start(&sandbox, &[]);
    if fs::metadata(socket(&sandbox)).unwrap().uid() != 0 {
        return skip("only root can call as another user");
    }
    for open in ["", "repo", "repo/.springline", "repo/.springline/springline.sock"] {
        fs::set_permissions(sandbox.path(open), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let program = sandbox.path("springline");
    fs::copy(sandbox.program(), &program).unwrap();
    let state = state(&sandbox);
    let arguments = ["history", "--state", state.to_str().unwrap()];
    let mut command = Command::new(&program);
    command.args(arguments).uid(65_534).gid(65_534);
    let outcome = sandbox.finish(command);
    assert!(outcome.code != 0 && !outcome.stdout.contains("succeeded"), "{outcome:#?}");
    let mut command = Command::new(&program);
    command.args(arguments);
    assert!(sandbox.finish(command).ok().contains("succeeded"));
    assert_eq!(watch.end(), Some(0));
}
