//! Decides which requests are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, Request, Response, header, uri};
use springline_model::capability::{HTTP, HttpGrant, Scheme};
use springline_model::plugin::{Fault, Level, Limit, Limits};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use super::address::{Host, Reach, Server, reach};
use super::connect::Connector;
use super::send::send;
use crate::capability::power::Powers;
use crate::fault::{Verdict, limit};
use crate::logs::Logs;

/// Connections of one call that are open at once. A further request waits for one of them.
const OPEN: usize = 16;
/// So many servers are written down by name; those beyond by the pattern that covers them.
const SERVERS: usize = 64;

impl std::fmt::Display for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.server)
    }
}

/// What stands between a call and the network.
pub(crate) struct Gate(Arc<Shared>);

/// What the requests of a call share.
pub(super) struct Shared {
    pub(super) connector: Arc<Connector>,
    pub(super) limits: Limits,
    /// A place for each open connection.
    pub(super) open: Arc<Semaphore>,
    powers: Powers,
    verdict: Verdict,
    logs: Logs,
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// A request that may be made.
pub(super) struct Admitted {
    /// Where it goes.
    pub(super) server: Server,
    /// Its method.
    method: String,
    /// The servers that its grant is for.
    pattern: String,
    /// Whether the server may be on a network that is not public.
    private: bool,
}

impl Gate {
    /// One that lets through what these powers allow.
    pub(crate) fn new(
        connector: Arc<Connector>,
        powers: Powers,
        limits: &Limits,
        verdict: Verdict,
        logs: Logs,
    ) -> Self {
        Self(Arc::new(Shared {
            connector,
            powers,
            limits: limits.clone(),
            verdict,
            logs,
            open: Arc::new(Semaphore::new(OPEN)),
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }))
    }
}

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Gate {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        // Besides what is forbidden anyway: what speaks about the connection or changes the framing.
        let ours = [header::TE, header::TRAILER, header::EXPECT, header::VIA, header::FORWARDED];
        Arc::new(move |name: &HeaderName| DEFAULT_FORBIDDEN_HEADERS.contains(name) || ours.contains(name))
    }

    /// We say it ourselves, once we know it.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let shared = Arc::clone(&self.0);
        match shared.admit(&request) {
            Ok(admitted) => Box::new(send(shared, admitted, request, options.unwrap_or_default())),
            Err(error) => Box::new(std::future::ready(Err(error))),
        }
    }
}

impl Shared {
    fn admit(&self, request: &Request<WasiBody>) -> Result<Admitted, Error> {
        let uri = request.uri();
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == uri::Scheme::HTTP => Scheme::Http,
            _ => Scheme::Https,
        };
        let method = request.method().as_str();
        let authority = uri.authority().map_or("", uri::Authority::as_str);
        let server = Server::parse(scheme, authority)
            .map_err(|why| self.deny(&format!("a request to `{scheme}://{authority}` is refused: {why}")))?;
        let grant = self.grant(&server, method)?;
        if let Some(secret) = self.powers.kept_from(&server.host()) {
            return Err(self.deny(&leaving(&secret, &server)));
        }
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.limits.http_requests {
            return Err(self.past(Limit::HttpRequests, format!("{} HTTP requests", self.limits.http_requests)));
        }
        let pattern = format!("{}://{}", grant.scheme, grant.host);
        let admitted = Admitted { server, method: method.to_owned(), pattern, private: grant.private };
        self.note(&admitted, false);
        Ok(admitted)
    }

    /// The grant that allows a request; of several the one that allows most.
    fn grant(&self, server: &Server, method: &str) -> Result<HttpGrant, Error> {
        if let Some(refusal) = self.powers.refusal(HTTP) {
            return Err(self.deny(&refusal));
        }
        let covers = |grant: &&HttpGrant| {
            grant.scheme == server.scheme
                && covers_host(grant, server)
                && grant.has_port(server.port)
                && grant.methods.iter().any(|known| known == method)
        };
        // CONNECT is a tunnel to anywhere, and TRACE an echo of what others put into the request.
        let granted = match method {
            "CONNECT" | "TRACE" => return Err(self.deny(&format!("`{method}` is never allowed"))),
            _ => self.powers.grants().http.iter().filter(covers).max_by_key(|grant| grant.private),
        };
        granted.cloned().ok_or_else(|| {
            let line = self.powers.line(|whose| whose.http_line(server.scheme, &server.host(), server.port, method));
            self.deny(&format!(
                "{method} {server} is not granted to {}; this in host.yaml would: `{line}`",
                self.powers.whose()
            ))
        })
    }

    /// Writes down a request, which counts for nothing, but is there, as long as its server is not judged.
    pub(super) fn note(&self, admitted: &Admitted, counts: bool) {
        let Admitted { server, method, pattern, .. } = admitted;
        let name = self.powers.masks().mask(&server.to_string()).into_owned();
        self.powers.note(|used| {
            let known = used.http.len() < SERVERS || used.http.iter().any(|requests| requests.server == name);
            used.requests(if known { &name } else { pattern }, method, u64::from(counts));
        });
    }

    /// Denies a request.
    fn deny(&self, message: &str) -> Error {
        let message = self.powers.deny(HTTP, message);
        self.logs.message(Level::Warn, "denied", &message);
        Error::HttpRequestDenied
    }

    /// Fails the call for a limit.
    pub(super) fn past(&self, hit: Limit, most: String) -> Error {
        let fault: Fault = limit(hit, most);
        self.verdict.record(fault);
        match hit {
            Limit::HttpSent => Error::HttpRequestBodySize(None),
            Limit::HttpReceived => Error::HttpResponseBodySize(None),
            Limit::HttpHeaders => Error::HttpResponseHeaderSectionSize(None),
            _ => Error::ConnectionLimitReached,
        }
    }

    /// Says in the call's log why a request failed: the guest gets a code only.
    pub(super) fn failed(&self, admitted: &Admitted, error: Error) -> Error {
        self.logs.message(Level::Warn, "http", &format!("{admitted}: {error}"));
        error
    }

    /// Whether every address of a server may be reached.
    pub(super) fn judge(&self, admitted: &Admitted, addresses: &[std::net::IpAddr]) -> Result<(), Error> {
        for address in addresses {
            let literal = matches!(&admitted.server.host, Host::Address(_));
            let (what, curable) = match reach(*address) {
                Reach::Public => continue,
                Reach::Private(_) if admitted.private => continue,
                Reach::Named(_) if admitted.private && literal => continue,
                Reach::Private(what) => (what, true),
                Reach::Named(what) => (what, literal),
                Reach::Never(what) => (what, false),
            };
            let cure = match curable {
                true => "a grant with `private: true` in host.yaml would allow it".to_owned(),
                false if literal => "which no grant allows".to_owned(),
                false => format!("which no name may lead to; `host: \"{address}\"` would have to be granted itself"),
            };
            return Err(self.deny(&format!("{admitted} leads to {address}, {what}: {cure}")));
        }
        Ok(())
    }

    /// Counts bytes of a request's body, which may not hold what was read since it was begun.
    pub(super) fn count_sent(&self, server: &Server, bytes: usize) -> Result<(), Error> {
        if let Some(secret) = self.powers.kept_from(&server.host()) {
            return Err(self.deny(&leaving(&secret, server)));
        }
        let most = self.limits.http_sent_mib;
        let sum = self.sent.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if sum > most.saturating_mul(1 << 20) {
            return Err(self.past(Limit::HttpSent, format!("{most} MiB sent by HTTP")));
        }
        Ok(())
    }

    /// Counts bytes of an answer's body.
    pub(super) fn count_received(&self, bytes: usize) -> Result<(), Error> {
        let most = self.limits.http_received_mib;
        let sum = self.received.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if sum > most.saturating_mul(1 << 20) {
            return Err(self.past(Limit::HttpReceived, format!("{most} MiB got by HTTP")));
        }
        Ok(())
    }
}

fn covers_host(grant: &HttpGrant, server: &Server) -> bool {
    match &server.host {
        Host::Name(name) => grant.covers(name),
        Host::Address(address) => grant.host.parse() == Ok(*address),
    }
}

fn leaving(secret: &str, server: &Server) -> String {
    format!(
        "{server} is refused after the secret `{secret}` was read: name it in host.yaml among the `hosts` of that secret if it may go there"
    )
}
