//! The network and secrets, from host.yaml to the history.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::code::{CONFIG, DENIED, PLUGIN};
use crate::sandbox::{OPERATOR, Sandbox, guests};

/// A server on this machine that answers everything with how often it was asked.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut head) = (stream.unwrap(), Vec::new());
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let body = counted.fetch_add(1, Ordering::SeqCst).to_string();
                let length = body.len();
                let _ =
                    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes());
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

const STEP: &str = "./plugins/probe-net.wasm";

fn world(ops: &str) -> Option<Sandbox> {
    let (sandbox, guests) = (Sandbox::site()?, guests()?);
    sandbox.write("plugins/probe-net.wasm", fs::read(guests.join("probe-net.wasm")).unwrap());
    sandbox.write(
        "springline.yaml",
        format!(
            "\
application: handbook
artifacts:
  fetched:
    steps:
      - {{ name: fetch, plugin: {STEP}, in: docs, with: {{ ops: {ops} }} }}
environments:
  site:
    render: {{ plugin: render-template, in: deploy }}
    target: local
"
        ),
    );
    sandbox.write("deploy/version.txt", "{{ artifacts.fetched.digest }}\n");
    sandbox.commit("Fetch");
    Some(sandbox)
}

#[test]
fn a_granted_request_is_observed_and_told_of_everywhere() {
    let server = Server::start();
    let ops = format!("[ {{ request: {{ url: 'http://127.0.0.1:{}/' }} }} ]", server.port);
    let Some(sandbox) = world(&ops) else { return };
    let grant = format!(
        "plugin: {STEP}, applications: [handbook], http: [ {{ host: \"127.0.0.1\", ports: [{}], scheme: http",
        server.port
    );
    let line = format!("grants: [ {{ {grant} }} ] }} ]");
    sandbox.springline(&["run"]).fails(DENIED, &["not granted", &line]);
    // The very line helps, as far as it says what is meant: an address of this machine takes more.
    sandbox.operator(&format!("{OPERATOR}{line}\n"));
    sandbox.springline(&["run"]).fails(DENIED, &["a loopback address", "private: true"]);
    assert_eq!(server.asked(), 0);
    sandbox.operator(&format!("{OPERATOR}grants: [ {{ {grant}, private: true }}, {{ host: example.org }} ] }} ]\n"));

    let before = sandbox.springline(&["plugin", "grants"]).ok();
    let table: Vec<&str> = before.lines().collect();
    assert!(table[1].contains("fetch") || table[1].contains(STEP), "{before}");
    for word in ["build", "http", "the tests are about it", "private", "never"] {
        assert!(before.contains(word), "`{word}` is not in\n{before}");
    }
    let first = sandbox.springline(&["run"]);
    assert!(first.stderr.contains("may use http") && first.stderr.contains("line 6 of host.yaml"), "{first:#?}");
    assert!(first.stderr.contains(&format!("used powers: GET http://127.0.0.1:{} 1x", server.port)), "{first:#?}");
    first.ok();
    let again = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(server.asked(), 2, "what was observed is never kept");
    let step = &again["steps"][0];
    assert_eq!(step["how"], "executed");
    assert!(step["why"].as_str().unwrap().contains("uses http"), "{step}");
    assert_eq!(step["used"]["http"][0]["method"], "GET");
    assert_eq!(again["environments"][0]["used"]["http"][0]["count"], 1);
    let third = sandbox.springline(&["run"]);
    assert!(!third.stderr.contains("may use"), "it is told once: {third:#?}");
    third.ok();
    assert!(sandbox.springline(&["history"]).ok().contains("POWERS"));
    let logs = sandbox.springline(&["logs", "4", "fetch"]).ok();
    assert!(logs.contains("used GET http://127.0.0.1"), "{logs}");

    let asked = server.asked();
    let verified = sandbox.springline(&["verify"]).ok();
    assert!(verified.contains("skipped fetched/fetch") && verified.contains("equal"), "{verified}");
    assert_eq!(server.asked(), asked + 1, "once, and not again to compare");
    let report = sandbox.springline(&["plugin", "grants", "-o", "json"]).json();
    let granted = report.as_array().unwrap().iter().find(|power| power["capability"] == "http").unwrap();
    assert!(granted["granted"][0]["used"].as_u64().unwrap() >= 3, "{granted}");
    assert_eq!(granted["granted"][1]["used"], 0, "{granted}");
    let secrets = report.as_array().unwrap().iter().find(|power| power["capability"] == "secrets").unwrap();
    assert!(secrets["remark"].as_str().unwrap().contains("would grant it"), "{secrets}");

    // That requests were made before says nothing of secrets.
    sandbox.operator(&format!(
        "{OPERATOR}grants: [ {{ {grant}, private: true }} ], secrets: {{ token: {{ env: TOKEN }} }} }} ]\n"
    ));
    let more = sandbox.springline(&["run"]);
    assert!(more.stderr.contains("may use secrets") && !more.stderr.contains("may use http"), "{more:#?}");
}

#[test]
fn a_secret_is_nowhere_in_what_is_kept() {
    const VALUE: &str = "correct-horse-battery";
    let Some(sandbox) =
        world("[ { secret: token }, { log: 'it is {secret}' }, { write: { path: a.txt, text: fine } } ]")
    else {
        return;
    };
    sandbox.operator(&format!("{OPERATOR}grants: [ {{ plugin: {STEP}, secrets: {{ token: {{ env: TOKEN }} }} }} ]\n"));
    sandbox.springline(&["run"]).fails(PLUGIN, &["no variable `TOKEN`"]);
    let mut command = sandbox.command(&["run"]);
    command.env("TOKEN", VALUE);
    let run = sandbox.finish(command);
    assert!(run.stderr.contains("secret token"), "{run:#?}");
    run.ok();
    assert!(sandbox.springline(&["logs", "2", "fetch"]).ok().contains("it is [secret token]"));
    assert_nowhere(&sandbox.repo().join(".springline"), VALUE.as_bytes());

    let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    sandbox.write("springline.yaml", application.replace("text: fine", "text: '{secret}'"));
    sandbox.commit("Leak");
    let mut command = sandbox.command(&["run"]);
    command.env("TOKEN", VALUE);
    let words = sandbox.finish(command).fails(PLUGIN, &["the secret `token`", "`/out/a.txt`"]);
    assert!(!words.contains(VALUE), "{words}");
    assert_nowhere(&sandbox.repo().join(".springline"), VALUE.as_bytes());
}

fn assert_nowhere(directory: &Path, value: &[u8]) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, value);
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(value.len()).any(|window| window == value), "{}", path.display());
        }
    }
}

#[test]
fn grants_that_can_not_be_meant_are_refused_with_their_line() {
    let Some(sandbox) = world("[]") else { return };
    for (grant, words) in [
        ("http: [ { host: 'https://example.org' } ]", "/host"),
        ("http: [ { host: 'example.org.' } ]", "/host"),
        ("http: [ { host: example.org, methods: [CONNECT] } ]", "methods"),
        ("http: [ { host: example.org, port: 443 } ]", "did you mean `ports`?"),
        ("http: [ { host: example.org, ports: [0] } ]", "ports"),
        ("secrets: { token: { env: A, file: b } }", "token"),
        ("secrets: { token: {} }", "token"),
        ("directory: { path: x }", "directory"),
    ] {
        sandbox.operator(&format!("{OPERATOR}grants:\n  - plugin: step-fetch\n    {grant}\n"));
        let words = words.trim_start_matches('/');
        sandbox.springline(&["run"]).fails(CONFIG, &["host.yaml:8:", words]);
    }
}
