//! Registries that lie: each answer is refused, bounded in bytes and memory, and nothing of it is
//! used.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::{DENIED, PLUGIN};
use crate::sandbox::{Outcome, Sandbox};

/// What is answered to a request: `METHOD PATH`.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// A registry on a port of this machine that answers as a test says.
fn registry(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    let answer: Arc<Answer> = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || serve(stream, answer.as_ref()));
        }
    });
    host
}

/// One request of one connection.
fn serve(mut stream: TcpStream, answer: &Answer) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let asked: Vec<&str> = first.split(' ').take(2).collect();
    answer(&asked.join(" "), &mut stream);
}

fn whole(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Bytes without end.
fn endless(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    let piece = [b'{'; 64 << 10];
    while stream.write_all(&piece).is_ok() {}
}

const NOT_FOUND: &str = "404 Not Found";

/// The digest of something else than what is given for it.
const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn manifest(size: u64) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{DIGEST}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"{DIGEST}","size":{size}}}]}}"#
    )
}

/// Pulls from a registry with little memory: what is not bounded does not end well.
fn pull(sandbox: &Sandbox, host: &str, reference: &str) -> Outcome {
    let mut command = std::process::Command::new("prlimit");
    command.arg("--data=1073741824").arg(sandbox.program()).args([
        "plugin",
        "pull",
        &format!("oci://{host}/{reference}"),
    ]);
    command.args(["-O", "pulled.wasm"]);
    let outcome = sandbox.finish(command);
    assert!(!Path::new(&sandbox.repo().join("pulled.wasm")).exists());
    outcome
}

#[test]
fn bytes_that_are_not_the_digests_are_refused() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let host = registry(|asked, stream| match asked {
        _ if asked.contains("/manifests/") => whole(stream, "200 OK", "", manifest(4).as_bytes()),
        _ => whole(stream, "200 OK", "", b"\0asm"),
    });
    pull(&sandbox, &host, "a/b:1").fails(DENIED, &["the digest", "ba7816bf", "nothing of it was used"]);
    pull(&sandbox, &host, &format!("a/b@{DIGEST}")).fails(DENIED, &["the digest", "was asked for"]);
}

#[test]
fn answers_without_end_are_cut_off() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let host = registry(|asked, stream| match asked {
        _ if asked.contains("/manifests/blob") => whole(stream, "200 OK", "", manifest(4).as_bytes()),
        _ => endless(stream),
    });
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["a/b:1 has more than 4194304 bytes"]);
    pull(&sandbox, &host, "a/b:blob").fails(PLUGIN, &["has more than 4 bytes"]);
    pull(&sandbox, &host, "a/b:^1").fails(PLUGIN, &["the tags of", "has more than 4194304 bytes"]);
    let host = registry(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 64 << 10]).is_ok() {}
    });
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["500"]);
}

#[test]
fn sizes_that_are_claimed_are_held_against_the_bounds() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let host = registry(|asked, stream| match asked {
        _ if asked.contains("/manifests/") => whole(stream, "200 OK", "", manifest(1 << 40).as_bytes()),
        _ => whole(stream, NOT_FOUND, "", b""),
    });
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["has more than 268435456 bytes"]);
    let host = registry(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
    });
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["has more than 4194304 bytes"]);
}

#[test]
fn redirects_end_and_lead_nowhere_without_tls() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let circle = registry(|asked, stream| {
        let path = asked.split(' ').nth(1).unwrap();
        whole(stream, "302 Found", &format!("Location: {path}\r\n"), b"");
    });
    pull(&sandbox, &circle, "a/b:1").fails(PLUGIN, &["redirects"]);
    let away = registry(|_, stream| whole(stream, "307 Away", "Location: http://169.254.169.254/latest\r\n", b""));
    pull(&sandbox, &away, "a/b:1").fails(DENIED, &["169.254.169.254 would be reached without TLS", "plain-http"]);
    let file = registry(|_, stream| whole(stream, "302 Away", "Location: file:///etc/passwd\r\n", b""));
    pull(&sandbox, &file, "a/b:1").fails(DENIED, &["without TLS"]);
    let nowhere = registry(|_, stream| whole(stream, "302 Away", "", b""));
    pull(&sandbox, &nowhere, "a/b:1").fails(PLUGIN, &["does not say where"]);
}

#[test]
fn credentials_are_not_shown_to_whom_a_registry_leads_on_to() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let seen = sandbox.path("seen");
    let log = seen.clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let thief = format!("http://127.0.0.1:{}/steal", listener.local_addr().unwrap().port());
    let caught = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        fs::write(log, head.join("\n")).unwrap();
        whole(&mut stream, NOT_FOUND, "", b"");
    });
    let location = format!("Location: {thief}\r\n");
    let asked_twice = std::sync::atomic::AtomicBool::new(false);
    let host = registry(move |_, stream| {
        if asked_twice.swap(true, std::sync::atomic::Ordering::SeqCst) {
            whole(stream, "307 Away", &location, b"");
        } else {
            whole(stream, "401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", b"");
        }
    });
    fs::create_dir_all(sandbox.path("home/.docker")).unwrap();
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"dGVzdGVyOnNlY3JldA=="}}}}}}"#);
    fs::write(sandbox.path("home/.docker/config.json"), config).unwrap();
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["does not exist"]);
    caught.join().unwrap();
    let head = fs::read_to_string(seen).unwrap();
    assert!(head.starts_with("GET /steal") && !head.to_lowercase().contains("authorization"), "{head}");
}

#[test]
fn a_token_is_asked_for_only_where_it_may_be() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let host = registry(|_, stream| {
        whole(stream, "401 Who", "WWW-Authenticate: Bearer realm=\"http://example.com/token\"\r\n", b"");
    });
    pull(&sandbox, &host, "a/b:1").fails(DENIED, &["example.com would be reached without TLS"]);
    let host = registry(|asked, stream| match asked {
        "GET /token?scope=repository%3Aa%2Fb%3Apull" => endless(stream),
        _ => {
            // The realm is this registry itself.
            let local = stream.local_addr().unwrap();
            let header = format!("WWW-Authenticate: Bearer realm=\"http://{local}/token\"\r\n");
            whole(stream, "401 Who", &header, b"");
        }
    });
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["a token for", "has more than 262144 bytes"]);
}

#[test]
fn garbage_is_told_from_an_answer() {
    let Some(sandbox) = Sandbox::empty() else { return };
    for (body, words) in [
        ("", "its manifest is not JSON"),
        ("<html>", "its manifest is not JSON"),
        ("[]", "not one of OCI"),
        (r#"{"schemaVersion":2,"manifests":[]}"#, "it is an index"),
        (r#"{"schemaVersion":2,"config":{"digest":"x","size":-1}}"#, "not one of OCI"),
    ] {
        let host = registry(move |_, stream| whole(stream, "200 OK", "", body.as_bytes()));
        pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &[words]);
    }
    let host = registry(|_, stream| drop(stream.write_all(b"220 mail.example.com ESMTP\r\n")));
    pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["can't be reached", "help: "]);
    // Messages of a registry reach the terminal without what a terminal obeys.
    let host = registry(|_, stream| {
        whole(stream, "400 Bad", "", b"{\"errors\":[{\"code\":\"X\",\"message\":\"no\\u001b[2J\\nok\"}]}");
    });
    let stderr = pull(&sandbox, &host, "a/b:1").fails(PLUGIN, &["no\\u{1b}[2J\\nok"]);
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}
