//! Requests to one API server: a connection made when it is needed, a bound on what is under way,
//! and further tries where the server, the network or old credentials are the trouble.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WARNING};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::{AuthError, Body};
use springline_model::kubernetes::{ClusterBinding, KubernetesError};
use tokio::sync::{Mutex, Semaphore};

use crate::connect::{self, Connection};
use crate::plugin;
use crate::retry::{self, Outcome, Repeat};
use crate::status::{Status, refusal};
use crate::warning;

/// The most that one answer may hold.
pub const MOST_BYTES: usize = 64 << 20;

const IN_FLIGHT: u32 = 64;
const REQUEST: Duration = Duration::from_secs(30);
/// How long a connection may take to come about: longer than a credential plugin, which is ended then.
const CONNECTION: Duration = plugin::LIMIT.saturating_add(Duration::from_secs(10));
/// How long a connection that failed is not tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// How old credentials must be before refused ones are asked for again.
const RENEWABLE: Duration = Duration::from_secs(5);
/// How long before their end credentials are no longer used.
const EARLY: Duration = Duration::from_secs(20);

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path and query.
    pub target: String,
    /// What kind of body, and the body.
    pub body: Option<(&'static str, Bytes)>,
    /// What is wanted.
    pub accept: &'static str,
    /// Whether it may be sent twice.
    pub repeat: Repeat,
}

impl Ask {
    /// A reading request.
    pub fn get(target: String) -> Self {
        let (method, accept, repeat) = (Method::GET, "application/json", Repeat::Harmless);
        Self { method, target, body: None, accept, repeat }
    }

    fn request(&self, connection: &Connection) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.target).header(ACCEPT, self.accept);
        if let Some(token) = &connection.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        match &self.body {
            Some((kind, body)) => request.header(CONTENT_TYPE, *kind).body(Body::from(body.clone())),
            None => request.body(Body::empty()),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub code: u16,
    /// What the API server warns of.
    pub warnings: Vec<String>,
    /// What kind of body.
    pub content_type: String,
    /// The body.
    pub text: String,
    retry_after: Option<Duration>,
}

impl Reply {
    fn new(code: u16, headers: &HeaderMap, text: String) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let warnings = headers.get_all(WARNING).iter().filter_map(|value| value.to_str().ok());
        Self {
            code,
            warnings: warnings.filter_map(warning::text).collect(),
            content_type: header(CONTENT_TYPE).unwrap_or_default().to_owned(),
            retry_after: header(RETRY_AFTER).and_then(retry::retry_after),
            text,
        }
    }

    /// The answer, if it is no refusal.
    pub fn granted(self) -> Result<Self, KubernetesError> {
        if self.code < 400 { Ok(self) } else { Err(refusal(self.code, &self.text)) }
    }
}

/// Why a try came to nothing.
enum Trouble {
    /// Another one may go better.
    Passing { outcome: Outcome, message: String, retry_after: Option<Duration> },
    /// Another one may go better as somebody else, or after another look at the kubeconfig.
    Credentials(String),
    /// It won't.
    Lasting(String),
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    failed: Option<(Instant, String)>,
}

/// The way to one API server.
pub struct Link {
    name: String,
    binding: ClusterBinding,
    permits: Semaphore,
    limit: Duration,
    state: Mutex<State>,
}

impl Link {
    /// A way that nothing was sent over yet.
    pub fn new(name: &str, binding: ClusterBinding) -> Self {
        let permits = binding.max_in_flight.unwrap_or(IN_FLIGHT).max(1);
        let limit = binding.request_seconds.map_or(REQUEST, |seconds| Duration::from_secs(u64::from(seconds.max(1))));
        Self {
            name: name.to_owned(),
            binding,
            permits: Semaphore::new(usize::try_from(permits).unwrap_or(1)),
            limit,
            state: Mutex::default(),
        }
    }

    /// The name of the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request until there is an answer that is worth having; a refusal is one.
    pub async fn send(&self, ask: &Ask) -> Result<Reply, KubernetesError> {
        self.persist(Some(&self.permits), ask.repeat, |connection| async move {
            self.in_time(async {
                let response = open(&connection, ask).await?;
                judged(collect(response).await?)
            })
            .await
        })
        .await
    }

    /// Sends a request whose answer goes on, and gives that as soon as it begins. A refusal is the other
    /// result. It is not one of those whose number is bounded: it would keep others from being sent.
    pub async fn stream(&self, ask: &Ask) -> Result<Result<Body, Reply>, KubernetesError> {
        self.persist(None, ask.repeat, |connection| async move {
            self.in_time(async {
                let response = open(&connection, ask).await?;
                if response.status().is_success() {
                    return Ok(Ok(response.into_body()));
                }
                judged(collect(response).await?).map(Err)
            })
            .await
        })
        .await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        tokio::time::timeout(self.limit, work).await.unwrap_or_else(|_| {
            Err(Trouble::Passing {
                outcome: Outcome::NoAnswer,
                message: format!("there was no answer within {} s", self.limit.as_secs()),
                retry_after: None,
            })
        })
    }

    /// Tries until there is an answer, or no sense in another try.
    async fn persist<T, F>(
        &self,
        permits: Option<&Semaphore>,
        repeat: Repeat,
        attempt: impl Fn(Arc<Connection>) -> F,
    ) -> Result<T, KubernetesError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        // Without the time in which others were sent.
        let mut spent = Duration::ZERO;
        let (mut number, mut renewed) = (1, false);
        loop {
            let permit = match permits {
                Some(permits) => permits.acquire().await.ok(),
                None => None,
            };
            let began = Instant::now();
            let connection = self.connection().await?;
            let tried = attempt(Arc::clone(&connection)).await;
            drop(permit);
            let (outcome, message, asked) = match tried {
                Ok(answer) => {
                    connection.worked.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Trouble::Passing { outcome, message, retry_after }) => (outcome, message, retry_after),
                Err(Trouble::Credentials(_)) if !renewed && self.renew(&connection).await => {
                    renewed = true;
                    continue;
                }
                Err(Trouble::Credentials(message) | Trouble::Lasting(message)) => {
                    return Err(KubernetesError::Failed(self.about(&connection, &message)));
                }
            };
            spent += began.elapsed();
            let wait = retry::wait(number, spent, asked, retry::chance());
            let Some(wait) = wait.filter(|_| outcome.passes(repeat)) else {
                let tried = if number == 1 { String::new() } else { format!("; it was tried {number} times") };
                let message = self.about(&connection, &format!("{message}{tried}"));
                return Err(KubernetesError::Unavailable { message, retry_after: asked });
            };
            tokio::time::sleep(wait).await;
            spent += wait;
            number += 1;
        }
    }

    /// The connection, made if there is none or its credentials have expired.
    async fn connection(&self) -> Result<Arc<Connection>, KubernetesError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = state.connection.as_ref().filter(|connection| !is_expired(connection)) {
            return Ok(Arc::clone(connection));
        }
        if let Some((at, message)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return Err(KubernetesError::Failed(message.clone()));
        }
        let binding = self.binding.clone();
        let made = tokio::task::spawn_blocking(move || connect::connect(&binding));
        let made = match tokio::time::timeout(CONNECTION, made).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "no connection came about within {} s; the command of an auth-provider may be waiting",
                CONNECTION.as_secs()
            )),
        };
        match made {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *state = State { connection: Some(Arc::clone(&connection)), failed: None };
                Ok(connection)
            }
            Err(error) => {
                let message = format!("cluster {}: {error}", self.name);
                *state = State { connection: None, failed: Some((Instant::now(), message.clone())) };
                Err(KubernetesError::Failed(message))
            }
        }
    }

    /// Gives up a connection whose credentials were refused; whether another one may do better. One
    /// that never did any better is not given up at once: each look at it may cost a credential plugin.
    async fn renew(&self, refused: &Arc<Connection>) -> bool {
        let mut state = self.state.lock().await;
        match &state.connection {
            Some(connection) if Arc::ptr_eq(connection, refused) => {
                let renewable = refused.worked.load(Ordering::Relaxed) || refused.made.elapsed() > RENEWABLE;
                if renewable {
                    state.connection = None;
                }
                renewable
            }
            // Somebody else did already.
            _ => true,
        }
    }

    fn about(&self, connection: &Connection, message: &str) -> String {
        format!("cluster {} ({}): {message}", self.name, connection.identity)
    }
}

/// An answer, unless it tells of credentials or of the API server's state rather than of the request.
fn judged(reply: Reply) -> Result<Reply, Trouble> {
    if reply.code < 400 {
        return Ok(reply);
    }
    let status = Status::read(&reply.text);
    if reply.code == 401 {
        return Err(Trouble::Credentials(format!(
            "the API server does not know these credentials (HTTP 401 {:?}): they are wrong or have expired; log in \
             again, or name another `context` or `kubeconfig` in `clusters` of host.yaml",
            status.and_then(|status| status.message).unwrap_or_default()
        )));
    }
    let outcome = Outcome::Answered(reply.code);
    if !outcome.is_trouble() || status.as_ref().is_some_and(Status::is_of_request) {
        // Of a path that it does not know, an API server may say so without a Status.
        let foreign = status.is_none() && reply.code != 404;
        return if foreign { Err(Trouble::Lasting(said(&reply))) } else { Ok(reply) };
    }
    let asked = status.and_then(|status| status.retry_after_seconds()).map(Duration::from_secs);
    Err(Trouble::Passing { outcome, message: said(&reply), retry_after: reply.retry_after.or(asked) })
}

fn said(reply: &Reply) -> String {
    match refusal(reply.code, &reply.text) {
        KubernetesError::Refused { message, .. } if Status::read(&reply.text).is_some() => {
            format!("the API server answered HTTP {}: {message}", reply.code)
        }
        other => other.to_string(),
    }
}

async fn collect(response: Response<Body>) -> Result<Reply, Trouble> {
    let (head, body) = response.into_parts();
    let read = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| Trouble::Passing {
        outcome: Outcome::NoAnswer,
        message: format!("the answer broke off: {}", connect::causes(&*error)),
        retry_after: None,
    })?;
    let text = String::from_utf8(read.to_bytes().into())
        .map_err(|_| Trouble::Lasting("the answer is not UTF-8".to_owned()))?;
    Ok(Reply::new(head.status.as_u16(), &head.headers, text))
}

async fn open(connection: &Connection, ask: &Ask) -> Result<Response<Body>, Trouble> {
    let request = ask.request(connection).map_err(|error| Trouble::Lasting(connect::causes(&error)))?;
    connection.client.send(request).await.map_err(trouble)
}

fn trouble(error: kube::Error) -> Trouble {
    let error = match error {
        kube::Error::Service(error) => match error.downcast::<AuthError>() {
            Ok(error) => kube::Error::Auth(*error),
            Err(error) => kube::Error::Service(error),
        },
        other => other,
    };
    let message = match &error {
        kube::Error::Service(error) => connect::causes(&**error),
        error => connect::causes(error),
    };
    let outcome = match &error {
        kube::Error::Auth(_) => return Trouble::Credentials(connect::unusable(&error)),
        kube::Error::HyperError(_) => Outcome::NoAnswer,
        kube::Error::Service(error) => match error.downcast_ref::<hyper_util::client::legacy::Error>() {
            Some(error) if error.is_connect() => Outcome::NoConnection,
            _ => Outcome::NoAnswer,
        },
        _ => return Trouble::Lasting(message),
    };
    if message.contains("invalid peer certificate") {
        return Trouble::Credentials(format!(
            "the API server's certificate is not trusted ({message}); `certificate-authority` in the kubeconfig has \
             to name who signed it"
        ));
    }
    let begin = if outcome == Outcome::NoConnection { "it can't be reached" } else { "the connection broke" };
    Trouble::Passing { outcome, message: format!("{begin}: {message}"), retry_after: None }
}

/// Whether credentials of a plugin have run out.
fn is_expired(connection: &Connection) -> bool {
    let soon = Timestamp::now() + EARLY;
    connection.until.is_some_and(|until| until <= soon) && connection.made.elapsed() > RENEWABLE
}
