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
            tokio::spawn(connections::accept(listener, router(controls)));
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

type Told = Arc<dyn Controls>;

fn router(controls: Told) -> Router {
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
        .with_state(controls)
}

async fn ready(State(controls): State<Told>) -> Response {
    let ready = controls.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    say(status, &json!({ "ready": ready }))
}

/// How everything is; for those who call this machine by a name of its own. A page in a browser that had
/// its name point here is none of them.
async fn status(State(controls): State<Told>, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_own(host) {
        return refuse(StatusCode::FORBIDDEN, "ask 127.0.0.1, [::1] or localhost");
    }
    match serde_json::to_value(controls.applications()) {
        Ok(applications) => say(StatusCode::OK, &json!({ "applications": applications })),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
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

async fn notify(State(controls): State<Told>, request: Request) -> Result<Response, Response> {
    // What a page in a browser may send without asking first has another type.
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let why = "the content type has to be application/json; at GitHub it is a setting of the webhook";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let body: Bytes = match timeout(ARRIVES, request.extract()).await {
        Ok(body) => body.map_err(|error: BytesRejection| refuse(error.status(), &error.body_text()))?,
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body does not arrive")),
    };
    let notice = payload::read(&body).map_err(|why| refuse(StatusCode::BAD_REQUEST, &why))?;
    match controls.notify(&notice) {
        0 => Err(refuse(StatusCode::NOT_FOUND, "nothing that is watched is called so or comes from there")),
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::connections::{HEAD, MOST};
    use super::*;
    use crate::socket::controls::{Looked, Looking, Notice};

    #[derive(Default)]
    struct Noted {
        said: Mutex<Vec<Notice>>,
        ready: AtomicBool,
    }

    impl Controls for Noted {
        fn notify(&self, notice: &Notice) -> usize {
            self.said.lock().unwrap().push(notice.clone());
            usize::from(notice.application.as_deref() != Some("nobody"))
        }

        fn is_ready(&self) -> bool {
            self.ready.load(Ordering::SeqCst)
        }

        fn looks_after(&self, _: &str, _: &str) -> bool {
            false
        }

        fn applications(&self) -> Vec<Looked> {
            vec![Looked { application: "site".into(), revision: None, state: Looking::InSync, error: None }]
        }
    }

    struct World {
        noted: Arc<Noted>,
        endpoint: Endpoint,
    }

    impl World {
        fn new() -> Self {
            let noted = Arc::<Noted>::default();
            let endpoint = listen("127.0.0.1:0".parse().unwrap(), noted.clone()).unwrap();
            Self { noted, endpoint }
        }

        /// Sends bytes; returns the status line's code and all that came.
        fn send(&self, bytes: &[u8]) -> (u16, String) {
            let mut stream = std::net::TcpStream::connect(self.endpoint.address()).unwrap();
            // It may have answered and gone already.
            let _ = stream.write_all(bytes);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
            (code, answer)
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

    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn who_says_that_something_is_new_is_heard() {
        let world = World::new();
        assert_eq!(world.ask("POST", "/notify", (JSON, r#"{"application":"site"}"#)).0, 202);
        assert_eq!(world.ask("POST", "/notify", (JSON, r#"{"application":"nobody"}"#)).0, 404);
        assert_eq!(world.ask("POST", "/notify?x=y", (JSON, r#"{"repository":"/srv/site"}"#)).0, 202);
        let noted = world.noted.said.lock().unwrap();
        let said: Vec<_> = noted.iter().map(|notice| notice.application.as_deref()).collect();
        assert_eq!(said, [Some("site"), Some("nobody"), None]);
        assert_eq!(noted[2].repositories, ["/srv/site"]);
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
        let connect = || std::net::TcpStream::connect(world.endpoint.address()).unwrap();
        let mut silent: Vec<_> = (0..MOST).map(|_| connect()).collect();
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
        let _waiting = std::net::TcpStream::connect(world.endpoint.address()).unwrap();
        drop(world.endpoint);
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
