//! The HTTP endpoint of a `springline watch`, on this machine alone: others tell it that something is new,
//! and see how it is. What they send is believed in nothing but that it is time to look.

mod payload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use crate::cli::error::{CliError, Kind};
use crate::socket::Controls;

/// The longest body. A forge's account of a push of many commits is long.
const LONGEST: usize = 4 * 1024 * 1024;
/// The most that a request may say before its body.
const HEAD: usize = 64 * 1024;
/// How long a request may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);
/// How long a connection may be there.
const STAYS: Duration = Duration::from_secs(60);
/// So many connections at once. Others wait.
const MOST: usize = 64;
/// How long to wait when no connection can be taken.
const PAUSE: Duration = Duration::from_millis(100);

type Answer = Response<Full<Bytes>>;

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
            tokio::spawn(accept(listener, controls));
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

async fn accept(listener: std::net::TcpListener, controls: Arc<dyn Controls>) {
    // It was made for this and is not blocking.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let controls = Arc::clone(&controls);
                tokio::spawn(async move {
                    let _permit = permit;
                    // One that takes longer is nobody who has something to say.
                    let _ = timeout(STAYS, serve(stream, controls)).await;
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, controls: Arc<dyn Controls>) {
    let service = service_fn(move |request| {
        let controls = Arc::clone(&controls);
        async move { Ok::<_, std::convert::Infallible>(answer(request, controls.as_ref()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVES)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A client that went away is nobody's trouble.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, controls: &dyn Controls) -> Answer {
    let path = request.uri().path();
    match (request.method(), path) {
        (&Method::GET | &Method::HEAD, "/healthz") => say(StatusCode::OK, &json!({ "alive": true })),
        (&Method::GET | &Method::HEAD, "/readyz") => {
            let ready = controls.is_ready();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            say(status, &json!({ "ready": ready }))
        }
        (&Method::GET | &Method::HEAD, "/status") => status(&request, controls),
        (&Method::POST, "/notify") => match notify(request, controls).await {
            Ok(number) => say(StatusCode::ACCEPTED, &json!({ "applications": number })),
            Err((status, why)) => refuse(status, &why),
        },
        (_, "/healthz" | "/readyz" | "/status") => refuse(StatusCode::METHOD_NOT_ALLOWED, "this is for GET"),
        (_, "/notify") => refuse(StatusCode::METHOD_NOT_ALLOWED, "this is for POST"),
        _ => refuse(StatusCode::NOT_FOUND, "there are /notify, /status, /healthz and /readyz"),
    }
}

/// How everything is; for those who call this machine by a name of its own. A page in a browser that had
/// its name point here is none of them.
fn status(request: &Request<Incoming>, controls: &dyn Controls) -> Answer {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
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

async fn notify(request: Request<Incoming>, controls: &dyn Controls) -> Result<usize, (StatusCode, String)> {
    // What a page in a browser may send without asking first has another type.
    let is_json =
        request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
            kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
        });
    if !is_json {
        let why = "the content type has to be application/json; at GitHub it is a setting of the webhook";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why.into()));
    }
    let body = timeout(ARRIVES, Limited::new(request.into_body(), LONGEST).collect()).await;
    let body = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {LONGEST} bytes")));
        }
        Ok(Err(error)) => return Err((StatusCode::BAD_REQUEST, format!("the body does not arrive: {error}"))),
        Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body does not arrive".into())),
    };
    let notice = payload::read(&body).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    match controls.notify(&notice) {
        0 => Err((StatusCode::NOT_FOUND, "nothing that is watched is called so or comes from there".into())),
        number => Ok(number),
    }
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    say(status, &json!({ "error": why }))
}

fn say(status: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *answer.status_mut() = status;
    let headers =
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::sync::Mutex;

    use super::*;
    use crate::socket::controls::{Looked, Looking, Notice};

    #[derive(Default)]
    struct Noted(Mutex<Vec<Notice>>);

    impl Controls for Noted {
        fn notify(&self, notice: &Notice) -> usize {
            self.0.lock().unwrap().push(notice.clone());
            usize::from(notice.application.as_deref() != Some("nobody"))
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
        let noted = world.noted.0.lock().unwrap();
        let said: Vec<_> = noted.iter().map(|notice| notice.application.as_deref()).collect();
        assert_eq!(said, [Some("site"), Some("nobody"), None]);
        assert_eq!(noted[2].repositories, ["/srv/site"]);
    }

    #[test]
    fn how_it_is_can_be_asked() {
        let world = World::new();
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
        assert!(world.noted.0.lock().unwrap().is_empty());
    }

    #[test]
    fn those_who_say_nothing_keep_nobody_out() {
        let world = World::new();
        let silent: Vec<_> =
            (0..MOST - 1).map(|_| std::net::TcpStream::connect(world.endpoint.address()).unwrap()).collect();
        assert_eq!(world.ask("GET", "/healthz", ("", "")).0, 200);
        drop(silent);
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
