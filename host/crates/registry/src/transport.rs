//! One exchange with a registry: asked with the right credentials, led on where a redirect may
//! lead, ended when it takes too long, and read no further than it may be long.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use springline_model::reference::{Repository, is_loopback};
use springline_model::registry::RegistryError;

use crate::auth::{Action, Auth};
use crate::challenge::Challenge;

const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing at all may come.
const SILENCE: Duration = Duration::from_secs(30);
/// How long an exchange may take, and how fast what is longer has to be.
const EXCHANGE: Duration = Duration::from_secs(60);
const SLOWEST: u64 = 64 << 10;
/// The largest message of a refusal that is read, in bytes.
const MAX_REFUSAL: u64 = 64 << 10;
const MAX_REDIRECTS: usize = 5;
/// What a body is sent in.
const PIECE: usize = 64 << 10;
/// How much of a body may be on its way, taken by the operating system and not by the registry.
const UNDER_WAY: u64 = 4 << 20;

/// Where something is asked for.
#[derive(Clone)]
pub(crate) enum Place {
    /// Below the repository.
    Repository(String),
    /// Where an earlier answer said.
    Url(Url),
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) action: Action,
    pub(crate) method: Method,
    pub(crate) place: Place,
    pub(crate) accept: Option<&'static str>,
    /// What is sent, and its media type.
    pub(crate) body: Option<(Bytes, &'a str)>,
    /// What messages call it.
    pub(crate) what: &'a str,
    /// The most that is read of the answer.
    pub(crate) limit: u64,
}

impl<'a> Ask<'a> {
    /// Asks for something of at most so many bytes.
    pub(crate) fn get(repository: &'a Repository, path: String, what: &'a str, limit: u64) -> Self {
        Self {
            repository,
            action: Action::Pull,
            method: Method::GET,
            place: Place::Repository(path),
            accept: None,
            body: None,
            what,
            limit,
        }
    }
}

/// What came.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    /// Where it came from, redirects followed.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The way to registries.
pub(crate) struct Transport {
    client: Client,
    /// For this machine: never through a proxy.
    local: Client,
    /// The registries of which is said whether they are reached without TLS.
    plain: BTreeMap<String, bool>,
    auth: Auth,
    /// [`SILENCE`], or less in a test.
    silence: Duration,
    /// Bytes that went over the wire, in either direction.
    pub(crate) moved: Arc<AtomicU64>,
}

impl Transport {
    pub(crate) fn new(plain: BTreeMap<String, bool>, authorities: &[PathBuf]) -> Result<Self, String> {
        let certificates = certificates(authorities)?;
        let build = |local: bool| {
            let client = Client::builder()
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
                .tls_certs_merge(certificates.clone())
                .user_agent(concat!("springline/", env!("CARGO_PKG_VERSION")));
            let client = if local { client.no_proxy() } else { client };
            client.build().map_err(|error| chain(&error))
        };
        Ok(Self {
            client: build(false)?,
            local: build(true)?,
            plain,
            auth: Auth::default(),
            silence: SILENCE,
            moved: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Asks, and reads the answer.
    pub(crate) async fn send(&self, ask: Ask<'_>) -> Result<Answer, RegistryError> {
        let bytes = ask.body.as_ref().map_or(0, |(body, _)| body.len() as u64).max(ask.limit);
        let longest = EXCHANGE + Duration::from_secs(bytes / SLOWEST);
        let late = RegistryError::Unreachable {
            registry: ask.repository.registry().to_owned(),
            message: format!("{} took more than {} seconds", ask.what, longest.as_secs()),
        };
        tokio::time::timeout(longest, self.exchange(&ask)).await.unwrap_or(Err(late))
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let origin = self.origin(ask.repository)?;
        let mut url = match &ask.place {
            Place::Url(url) => url.clone(),
            Place::Repository(path) => origin
                .join(&format!("v2/{}/{path}", ask.repository.path()))
                .map_err(|error| malformed(ask.what, format!("no URL: {error}")))?,
        };
        let mut tried = false;
        for _ in 0..=MAX_REDIRECTS + 1 {
            self.check_way(&origin, &url)?;
            let ours = url.origin() == origin.origin();
            let shown = if ours { self.auth.known(ask.repository, ask.action) } else { None };
            let response = self.request(ask, &url, shown.as_ref()).send();
            let response = match &ask.body {
                None => self.heard(&url, response).await?,
                Some((body, _)) => self.heard_of(&url, body, response).await?,
            };
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED && ours && !tried {
                tried = true;
                if let Some(challenge) = Challenge::of(response.headers())
                    && self.auth.answer(self, ask.repository, ask.action, challenge).await?
                {
                    continue;
                }
                return Err(self.refusal(ask, response).await);
            }
            if status.is_redirection() && matches!(ask.method, Method::GET | Method::HEAD) {
                url = location(ask.what, response.headers(), &url)?;
                continue;
            }
            if !status.is_success() {
                return Err(self.refusal(ask, response).await);
            }
            let headers = response.headers().clone();
            let body = self.read(response, ask.what, ask.limit).await?;
            return Ok(Answer { headers, url, body });
        }
        Err(malformed(ask.what, format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Where a registry is.
    fn origin(&self, repository: &Repository) -> Result<Url, RegistryError> {
        let registry = repository.registry();
        let plain = self.plain.get(registry).copied().unwrap_or_else(|| is_loopback(registry));
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        let scheme = if plain { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{host}/")).map_err(|error| RegistryError::Unreachable {
            registry: registry.to_owned(),
            message: format!("its name is no host: {error}"),
        })
    }

    /// A way without TLS is gone only where the registry itself is reached so, and then only to the
    /// registry or this machine.
    fn check_way(&self, origin: &Url, url: &Url) -> Result<(), RegistryError> {
        let allowed = match url.scheme() {
            "https" => true,
            "http" => origin.scheme() == "http" && (url.host() == origin.host() || is_local(url)),
            _ => false,
        };
        if allowed { Ok(()) } else { Err(RegistryError::Insecure { what: place(url) }) }
    }

    /// Credentials are shown to the service that gives tokens under the same condition.
    pub(crate) fn check_realm(&self, repository: &Repository, realm: &Url) -> Result<(), RegistryError> {
        self.check_way(&self.origin(repository)?, realm)
    }

    fn request(&self, ask: &Ask<'_>, url: &Url, shown: Option<&HeaderValue>) -> RequestBuilder {
        let mut request = self.client_for(url).request(ask.method.clone(), url.clone());
        if let Some(accept) = ask.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(shown) = shown {
            request = request.header(AUTHORIZATION, shown.clone());
        }
        if let Some((body, media_type)) = &ask.body {
            let counted = Counted { left: body.clone(), moved: self.moved.clone() };
            request = request.header(CONTENT_TYPE, *media_type).body(reqwest::Body::wrap(counted));
        }
        request
    }

    pub(crate) fn client_for(&self, url: &Url) -> &Client {
        if is_local(url) { &self.local } else { &self.client }
    }

    /// Waits for what comes next, as long as nothing at all may come.
    pub(crate) async fn heard<T>(
        &self,
        url: &Url,
        next: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, RegistryError> {
        match tokio::time::timeout(self.silence, next).await {
            Ok(came) => came.map_err(|error| unreachable(url, &error)),
            Err(_) => Err(silent(url)),
        }
    }

    /// Waits for the answer to a body: nothing comes until all is sent, so only when nothing is sent
    /// either it is silent. The last of it arrives some time after it was sent.
    async fn heard_of<T>(
        &self,
        url: &Url,
        body: &Bytes,
        answer: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, RegistryError> {
        let silence = self.silence + Duration::from_secs((body.len() as u64).min(UNDER_WAY) / SLOWEST);
        let mut answer = pin!(answer);
        loop {
            let before = self.moved.load(Ordering::Relaxed);
            match tokio::time::timeout(silence, &mut answer).await {
                Ok(came) => return came.map_err(|error| unreachable(url, &error)),
                Err(_) if self.moved.load(Ordering::Relaxed) == before => return Err(silent(url)),
                Err(_) => {}
            }
        }
    }

    /// Reads a body that is no longer than it may be.
    pub(crate) async fn read(&self, mut response: Response, what: &str, limit: u64) -> Result<Bytes, RegistryError> {
        let too_large = || RegistryError::TooLarge { what: what.to_owned(), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        let url = response.url().clone();
        while let Some(piece) = self.heard(&url, response.chunk()).await? {
            if (body.len() + piece.len()) as u64 > limit {
                return Err(too_large());
            }
            self.moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    async fn refusal(&self, ask: &Ask<'_>, response: Response) -> RegistryError {
        let status = response.status();
        let message = self.read(response, ask.what, MAX_REFUSAL).await.unwrap_or_default();
        let what = ask.what.to_owned();
        match status {
            StatusCode::NOT_FOUND => RegistryError::NotFound { what },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Unauthorized {
                registry: ask.repository.registry().to_owned(),
                what: format!("{} {what}", if ask.action == Action::Push { "write" } else { "read" }),
                anonymous: self.auth.is_anonymous(ask.repository),
            },
            _ => RegistryError::Refused { what, message: format!("{status}{}", said(&message)) },
        }
    }
}

/// The certificates of authorities that are trusted besides the system's.
fn certificates(authorities: &[PathBuf]) -> Result<Vec<Certificate>, String> {
    let mut all = Vec::new();
    for file in authorities {
        let failed = |error: String| format!("the certificates in {} can't be read: {error}", file.display());
        let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|error| failed(chain(&error)))?;
        if found.is_empty() {
            return Err(failed("there are none in it".into()));
        }
        all.extend(found);
    }
    Ok(all)
}

/// The messages of a refusal as the protocol writes them; what is no such thing is not shown.
fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    let errors = body.get("errors").and_then(|errors| errors.as_array()).into_iter().flatten();
    let messages = errors.filter_map(|error| {
        let text = |key: &str| error.get(key).and_then(|text| text.as_str()).filter(|text| !text.is_empty());
        text("message").or_else(|| text("code"))
    });
    let text = messages.take(3).collect::<Vec<_>>().join(", ");
    let text: String = text.chars().take(300).flat_map(char::escape_debug).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// Where an answer leads.
pub(crate) fn location(what: &str, headers: &HeaderMap, from: &Url) -> Result<Url, RegistryError> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| malformed(what, "it leads on and does not say where".into()))?;
    from.join(location).map_err(|error| malformed(what, format!("it leads on to what is no URL: {error}")))
}

pub(crate) fn malformed(what: &str, message: String) -> RegistryError {
    RegistryError::Malformed { what: what.to_owned(), message }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> RegistryError {
    match error.is_timeout() {
        true => silent(url),
        false => RegistryError::Unreachable { registry: place(url), message: chain(error) },
    }
}

fn silent(url: &Url) -> RegistryError {
    RegistryError::Unreachable { registry: place(url), message: "it does not answer".to_owned() }
}

/// The host and port of a URL, for messages.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_local(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback)
}

/// An error with what caused it. The URL is left out: it may hold what is nobody's business.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    // The innermost says what happened, those around it only where.
    causes.pop().unwrap_or_else(|| "the connection failed".into())
}

/// A body that counts what is sent of it.
struct Counted {
    left: Bytes,
    moved: Arc<AtomicU64>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = PIECE.min(self.left.len());
        let piece = self.left.split_to(length);
        self.moved.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;

    use super::*;
    use crate::fake::{registry, whole};

    /// Sends what is asked for, to a registry that may be silent no longer than a moment.
    fn send(ask: Ask<'_>) -> Result<Answer, RegistryError> {
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transport = Transport { silence: Duration::from_millis(40), ..transport() };
        executor.block_on(transport.send(ask))
    }

    #[test]
    fn an_upload_may_take_longer_than_a_registry_may_be_silent() {
        let name = registry(|asked, stream| {
            let mut length = 0;
            asked.pieces(64 << 10, |piece| {
                length += piece.len();
                thread::sleep(Duration::from_millis(10));
            });
            whole(stream, "201 Created", &format!("X-Length: {length}\r\n"), b"");
        });
        let repository = format!("{name}/a/b").parse().unwrap();
        let body = Some((Bytes::from(vec![7; 1 << 20]), "application/octet-stream"));
        let ask = Ask::get(&repository, "blobs/uploads/1".into(), "a blob", 0);
        let answer = send(Ask { method: Method::PUT, body, ..ask }).unwrap();
        assert_eq!(answer.header("x-length"), Some("1048576"));
    }

    #[test]
    fn a_registry_that_falls_silent_is_given_up() {
        let name = registry(|asked, stream| {
            if asked.what.ends_with("begun") {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{").unwrap();
            }
            // Until the other side is gone.
            asked.wait();
        });
        let repository = format!("{name}/a/b").parse().unwrap();
        for path in ["never", "begun"] {
            for body in [None, Some((Bytes::from_static(b"{}"), "application/json"))] {
                let method = if body.is_some() { Method::PUT } else { Method::GET };
                let ask = Ask { method: method.clone(), body, ..Ask::get(&repository, path.into(), "a blob", 10) };
                let error = send(ask).err().unwrap();
                let silent =
                    RegistryError::Unreachable { registry: name.clone(), message: "it does not answer".into() };
                assert_eq!(error.to_string(), silent.to_string(), "{method} {path}");
            }
        }
    }

    fn transport() -> Transport {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Transport::new(BTreeMap::from([("lan.example.com:5000".into(), true), ("localhost:1".into(), false)]), &[])
            .unwrap()
    }

    #[test]
    fn only_this_machine_and_what_the_operator_says_go_without_tls() {
        let transport = transport();
        let scheme = |name: &str| {
            let repository = format!("{name}/x").parse().unwrap();
            transport.origin(&repository).unwrap().scheme().to_owned()
        };
        assert_eq!(scheme("localhost:5000"), "http");
        assert_eq!(scheme("[::1]:5000"), "http");
        assert_eq!(scheme("lan.example.com:5000"), "http");
        assert_eq!(scheme("localhost:1"), "https");
        assert_eq!(scheme("example.com"), "https");
        assert_eq!(scheme("10.0.0.1:5000"), "https");
    }

    #[test]
    fn a_redirect_leads_nowhere_without_tls() {
        let transport = transport();
        let goes =
            |from: &str, to: &str| transport.check_way(&Url::parse(from).unwrap(), &Url::parse(to).unwrap()).is_ok();
        assert!(goes("https://r.io", "https://cdn.example.com/x"));
        assert!(!goes("https://r.io", "http://r.io/x"));
        assert!(!goes("https://r.io", "http://127.0.0.1/x"));
        assert!(!goes("http://localhost:5000", "http://169.254.169.254/latest"));
        assert!(goes("http://localhost:5000", "http://127.0.0.1:6000/x"));
        assert!(!goes("http://localhost:5000", "file:///etc/passwd"));
    }

    #[test]
    fn a_refusal_is_quoted_without_control_characters() {
        assert_eq!(said(br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J"}]}"#), ": no\\u{1b}[2J");
        assert_eq!(said(br#"{"errors":[{"code":"DENIED"}]}"#), ": DENIED");
        for nonsense in [&b"<html>"[..], b"{}", b"[]", b"{\"errors\":3}"] {
            assert_eq!(said(nonsense), "");
        }
    }
}
