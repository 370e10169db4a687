//! The HTTP endpoint of a `springline watch`, on this machine alone: others tell it that something is new,
//! and see how it is. What they send is believed in nothing but that it is time to look.

mod connections;
mod payload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{RequestExt as _, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::cli::error::{CliError, Kind};
use crate::socket::Controls;

/// The longest body. A forge's account of a push of many commits is long.
const LONGEST: usize = 4 * 1024 * 1024;
/// How long a request may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);

/// The endpoint is there as long as this value is.
pub struct Endpoint {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Listens at an address of this machine's own.
///
/// # Errors
/// An address that others reach, or that is taken.
pub fn listen(address: SocketAddr, controls: Arc<dyn Controls>) -> Result<Endpoint, CliError> {
    listen_for(address, controls, ARRIVES)
}

/// As [`listen`], to requests that may take so long to arrive.
fn listen_for(address: SocketAddr, controls: Arc<dyn Controls>, arrives: Duration) -> Result<Endpoint, CliError> {
    if !address.ip().is_loopback() {
        let message = format!("--listen {address}: only addresses of this machine's own are listened at");
        return Err(CliError::new(Kind::Usage, message).hint(
            "whoever reaches it sees what is deployed: listen at 127.0.0.1, and let a proxy in front decide who may",
        ));
    }
    let failed = |error: std::io::Error| {
        CliError::new(Kind::Usage, format!("--listen {address}: {error}")).hint("port 0 takes one that is free")
    };
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let work = move || {
        runtime.block_on(async {
            tokio::spawn(connections::accept(listener, router((controls, arrives)), arrives));
            let _ = stopped.await;
        });
        // All that is under way ends with the runtime.
    };
    let thread = thread::Builder::new().name("springline-http".into()).spawn(work).map_err(failed)?;
    Ok(Endpoint { address, stop: Some(stop), thread: Some(thread) })
}

impl Endpoint {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What controls the loop, and how long a request may take to arrive.
type Told = (Arc<dyn Controls>, Duration);

fn router(told: Told) -> Router {
    let for_get = || async { refuse(StatusCode::METHOD_NOT_ALLOWED, "this is for GET") };
    let for_post = || async { refuse(StatusCode::METHOD_NOT_ALLOWED, "this is for POST") };
    let nothing = || async { refuse(StatusCode::NOT_FOUND, "there are /notify, /status, /healthz and /readyz") };
    Router::new()
        .route("/healthz", get(async || say(StatusCode::OK, &json!({ "alive": true }))).fallback(for_get))
        .route("/readyz", get(ready).fallback(for_get))
        .route("/status", get(status).fallback(for_get))
        .route("/notify", post(notify).fallback(for_post))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(told)
}

async fn ready(State((controls, _)): State<Told>) -> Response {
    let ready = controls.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    say(status, &json!({ "ready": ready }))
}

/// How everything is; for those who call this machine by a name of its own. A page in a browser that had
/// its name point here is none of them.
async fn status(State((controls, _)): State<Told>, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_own(host) {
        return refuse(StatusCode::FORBIDDEN, "ask 127.0.0.1, [::1] or localhost");
    }
    // It reads what is pinned of all of them.
    let applications = spawn_blocking(move || serde_json::to_value(controls.applications())).await;
    match applications.map_err(|error| error.to_string()).and_then(|value| value.map_err(|error| error.to_string())) {
        Ok(applications) => say(StatusCode::OK, &json!({ "applications": applications })),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

async fn notify(State((controls, arrives)): State<Told>, request: Request) -> Result<Response, Response> {
    // What a page in a browser may send without asking first has another type.
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let why = "the content type has to be application/json; at GitHub it is a setting of the webhook";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let body: Bytes = match timeout(arrives, request.extract()).await {
        Ok(body) => body.map_err(|error: BytesRejection| refuse(error.status(), &error.body_text()))?,
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body does not arrive")),
    };
    let notice = payload::read(&body).map_err(|why| refuse(StatusCode::BAD_REQUEST, &why))?;
    match controls.notify(&notice) {
        // Before everything was looked at once nobody knows what there is, and all of it is looked at anyway.
        0 if controls.is_ready() => {
            Err(refuse(StatusCode::NOT_FOUND, "nothing that is watched is called so or comes from there"))
        }
        number => Ok(say(StatusCode::ACCEPTED, &json!({ "applications": number }))),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    say(status, &json!({ "error": why }))
}

fn say(status: StatusCode, value: &Value) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, format!("{value}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::connections::{HEAD, MOST};
    use super::*;
    use springline_model::run::Origin;

    use crate::socket::controls::{Looked, Looking, Notice};

    #[derive(Default)]
    struct Noted {
        said: Mutex<Vec<Notice>>,
        ready: AtomicBool,
        /// Holds up whoever notifies of `slow`.
        gate: Mutex<()>,
    }

    impl Controls for Noted {
        fn notify(&self, notice: &Notice) -> usize {
            self.said.lock().unwrap().push(notice.clone());
            if notice.application.as_deref() == Some("slow") {
                drop(self.gate.lock().unwrap());
            }
            usize::from(notice.application.as_deref() != Some("nobody"))
        }

        fn is_ready(&self) -> bool {
            self.ready.load(Ordering::SeqCst)
        }

        fn looks_after(&self, _: &str, _: &str) -> bool {
            false
        }

        fn origin(&self, _: &str) -> Option<Origin> {
            None
        }

        fn applications(&self) -> Vec<Looked> {
            vec![Looked {
                application: "site".into(),
                revision: None,
                state: Looking::InSync,
                error: None,
                environments: Vec::new(),
            }]
        }
    }

    struct World {
        noted: Arc<Noted>,
        endpoint: Endpoint,
    }

    impl World {
        fn new() -> Self {
            Self::where_all_arrives_within(ARRIVES)
        }

        fn where_all_arrives_within(arrives: Duration) -> Self {
            let noted = Arc::<Noted>::default();
            let endpoint = listen_for("127.0.0.1:0".parse().unwrap(), noted.clone(), arrives).unwrap();
            Self { noted, endpoint }
        }

        fn connect(&self) -> TcpStream {
            TcpStream::connect(self.endpoint.address()).unwrap()
        }

        /// Sends bytes; returns the status line's code and all that came.
        fn send(&self, bytes: &[u8]) -> (u16, String) {
            let mut stream = self.connect();
            // It may have answered and gone already.
            let _ = stream.write_all(bytes);
            answer(stream)
        }

        fn ask(&self, method: &str, path: &str, (kind, body): (&str, &str)) -> (u16, String) {
            let length = body.len();
            self.send(
                format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n\
                     Content-Length: {length}\r\n\r\n{body}"
                )
                .as_bytes(),
            )
        }
    }

    /// The status line's code, and all that came until the connection ended.
    fn answer(mut stream: TcpStream) -> (u16, String) {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        (code, answer)
    }

    /// A notification of an application, in whose head is more.
    fn notice(application: &str, more: &str) -> Vec<u8> {
        let body = format!("{{\"application\":\"{application}\"}}");
        let head = "POST /notify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
        format!("{head}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn who_says_that_something_is_new_is_heard() {
        let world = World::new();
        assert_eq!(world.ask("POST", "/notify", (JSON, r#"{"application":"site"}"#)).0, 202);
        assert_eq!(world.ask("POST", "/notify", (JSON, r#"{"application":"nobody"}"#)).0, 202);
        world.noted.ready.store(true, Ordering::SeqCst);
        assert_eq!(world.ask("POST", "/notify", (JSON, r#"{"application":"nobody"}"#)).0, 404);
        assert_eq!(world.ask("POST", "/notify?x=y", (JSON, r#"{"repository":"/srv/site"}"#)).0, 202);
        let noted = world.noted.said.lock().unwrap();
        let said: Vec<_> = noted.iter().map(|notice| notice.application.as_deref()).collect();
        assert_eq!(said, [Some("site"), Some("nobody"), Some("nobody"), None]);
        assert_eq!(noted[3].repositories, ["/srv/site"]);
    }

    #[test]
    fn how_it_is_can_be_asked() {
        let world = World::new();
        assert_eq!(world.ask("GET", "/readyz", ("", "")).0, 503, "not before everything was looked at");
        world.noted.ready.store(true, Ordering::SeqCst);
        for (path, word) in [("/healthz", "alive"), ("/readyz", "ready"), ("/status", "\"site\"")] {
            let (code, answer) = world.ask("GET", path, ("", ""));
            assert!(code == 200 && answer.contains(word) && answer.contains("no-store"), "{path}: {answer}");
        }
        let from = |host: &str| {
            world.send(format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).0
        };
        for own in ["127.0.0.1:80", "[::1]:80", "[::1]", "LocalHost", "127.0.0.2"] {
            assert_eq!(from(own), 200, "{own}");
        }
        for other in ["attacker.example:80", "10.0.0.1", "", "localhost.example"] {
            assert_eq!(from(other), 403, "{other}");
        }
    }

    #[test]
    fn what_is_no_notice_is_refused_and_does_no_harm() {
        let world = World::new();
        let code = |method, path, body| world.ask(method, path, body).0;
        assert_eq!(code("POST", "/notify", ("text/plain", "{}")), 415);
        assert_eq!(code("POST", "/notify", ("application/x-www-form-urlencoded", "payload=%7B%7D")), 415);
        assert_eq!(code("GET", "/notify", (JSON, "")), 405);
        assert_eq!(code("DELETE", "/status", (JSON, "")), 405);
        assert_eq!(code("GET", "/", (JSON, "")), 404);
        let (deep, long) = ("[".repeat(100_000), " ".repeat(LONGEST + 1));
        for body in ["", "{", "[]", "{}", "\u{0}", r#"{"repository":7}"#, &deep] {
            assert_eq!(code("POST", "/notify", (JSON, body)), 400, "{body:.20}");
        }
        assert_eq!(code("POST", "/notify", (JSON, &long)), 413);
        for garbage in
            [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n x\r\n\r\n"]
        {
            let (code, answer) = world.send(garbage);
            assert!(matches!(code, 0 | 400 | 505), "{answer}");
        }
        let long = format!("GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * HEAD));
        assert!(matches!(world.send(long.as_bytes()).0, 0 | 431), "a head without end");
        assert_eq!(code("GET", "/healthz", (JSON, "")), 200);
        assert!(world.noted.said.lock().unwrap().is_empty());
    }

    #[test]
    fn those_who_say_nothing_keep_nobody_out() {
        let world = World::new();
        let mut silent: Vec<_> = (0..MOST).map(|_| world.connect()).collect();
        // Nor do those who go on saying nothing after they were answered.
        for stream in &mut silent[..MOST / 2] {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
        }
        for _ in 0..3 {
            assert_eq!(world.ask("GET", "/healthz", ("", "")).0, 200);
        }
        // It is the oldest that makes room.
        let newest = &mut silent[MOST - 1];
        newest.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        newest.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // It ends although somebody is still connected.
        let _waiting = world.connect();
        drop(world.endpoint);
    }

    #[test]
    fn who_was_not_heard_yet_makes_no_room() {
        let world = World::new();
        let held = world.noted.gate.lock().unwrap();
        let mut others: Vec<_> = (0..MOST).map(|_| world.connect()).collect();
        // When all are there and the last was answered, the oldest have been there for longer than they need to.
        let mut last = others.pop().unwrap();
        thread::sleep(2 * connections::GRACE);
        last.write_all(&notice("slow", "")).unwrap();
        while !world.noted.said.lock().unwrap().iter().any(|said| said.application.as_deref() == Some("slow")) {
            thread::yield_now();
        }
        // Nobody listens now. One more comes, and then the oldest says something.
        let new: Vec<_> = (0..2).map(|_| world.connect()).collect();
        others[0].write_all(&notice("site", "")).unwrap();
        drop(held);
        assert_eq!(answer(last).0, 202);
        assert_eq!(answer(others.remove(0)).0, 202);
        drop(new);
    }

    #[test]
    fn who_sends_a_byte_at_a_time_is_let_go() {
        let world = World::where_all_arrives_within(Duration::from_secs(1));
        let drip = |head: &str| {
            let mut stream = world.connect();
            stream.write_all(head.as_bytes()).unwrap();
            let mut writing = stream.try_clone().unwrap();
            let dripping = thread::spawn(move || {
                while writing.write_all(b" ").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let (code, _) = answer(stream);
            dripping.join().unwrap();
            code
        };
        let head = "POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        assert!(matches!(drip(&format!("{head}X: ")), 0 | 408));
        assert_eq!(drip(&format!("{head}Content-Length: 100000\r\n\r\n")), 408);
        assert!(world.noted.said.lock().unwrap().is_empty());
        assert_eq!(world.send(&notice("site", "")).0, 202);
    }

    #[test]
    fn ten_thousand_at_once_are_all_answered() {
        let world = World::new();
        let codes: Vec<u16> = thread::scope(|scope| {
            let client = || (0..200).map(|_| world.send(&notice("site", "")).0).collect::<Vec<_>>();
            let clients: Vec<_> = (0..50).map(|_| scope.spawn(client)).collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert_eq!((codes.len(), codes.iter().filter(|code| **code == 202).count()), (10_000, 10_000));
        assert_eq!(world.noted.said.lock().unwrap().len(), 10_000);
    }

    #[test]
    fn nothing_is_believed_of_who_it_is_and_nothing_else_is_answered() {
        let world = World::new();
        world.noted.ready.store(true, Ordering::SeqCst);
        for signature in ["X-Hub-Signature-256: sha256=00\r\n", "X-Gitlab-Token: \r\n", "Authorization: Basic !\r\n"] {
            assert_eq!(world.send(&notice("site", signature)).0, 202, "{signature}");
            assert_eq!(world.send(&notice("nobody", signature)).0, 404, "{signature}");
        }
        for (method, path, wanted, allow) in [
            ("PUT", "/notify", 405, "POST"),
            ("OPTIONS", "/notify", 405, "POST"),
            ("POST", "/healthz", 405, "GET"),
            ("BREW", "/status", 405, "GET"),
            ("POST", "/notify/", 404, ""),
            ("POST", "//notify", 404, ""),
            ("GET", "/../status", 404, ""),
            ("GET", "/%00", 404, ""),
            ("OPTIONS", "*", 404, ""),
        ] {
            let (code, answer) = world.ask(method, path, (JSON, ""));
            let allows = answer.lines().find_map(|line| line.to_lowercase().strip_prefix("allow: ").map(str::to_owned));
            assert_eq!(code, wanted, "{method} {path}: {answer}");
            assert!(wanted == 404 || allows.is_some_and(|allows| allows.contains(&allow.to_lowercase())), "{answer}");
        }
        // A body that does not say how long it is.
        let head =
            "POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let long = format!("{head}\r\n\r\n{}", chunk.repeat(LONGEST / 0x10000 + 1));
        assert_eq!(world.send(long.as_bytes()).0, 413);
    }

    #[test]
    fn addresses_that_others_reach_are_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            let error = listen(address.parse().unwrap(), Arc::<Noted>::default()).err().unwrap();
            assert!(error.kind == Kind::Usage && error.message.contains(address), "{error:?}");
        }
        let taken = World::new();
        let error = listen(taken.endpoint.address(), Arc::<Noted>::default()).err().unwrap();
        assert!(error.message.contains("in use"), "{error:?}");
    }
}
