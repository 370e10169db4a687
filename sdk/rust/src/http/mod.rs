//! HTTP requests, as far as the operator grants them.
//!
//! A plugin that makes some names the capability `http` in its description. The result of a call
//! that made one is never kept for another: it depends on more than its input.
//!
//! ```
//! use springline_sdk::http::{Request, Response};
//!
//! # let host = springline_sdk::fake::Host::new();
//! # host.answer("GET", "https://example.org/new", Response::new(200, "hello"));
//! # host.answer("GET", "https://example.org/old", Response::new(302, "").header("location", "/new"));
//! let answer = Request::get("https://example.org/old").header("accept", "text/plain").send()?;
//! assert_eq!((answer.status, answer.text()?), (200, "hello"));
//! # Ok::<(), springline_sdk::Error>(())
//! ```

#[cfg(target_family = "wasm")]
pub(crate) mod exchange;
mod url;

use std::time::Duration;

use self::url::Url;
use crate::error::{Error, Result};
use crate::host::{Current, Host as _};

/// How many redirects are followed, where a request says nothing else.
const REDIRECTS: u32 = 5;
/// The longest body of an answer, in bytes, where a request says nothing else.
const LIMIT: usize = 16 << 20;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    redirects: u32,
    limit: usize,
    timeout: Option<Duration>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Where it came from, which differs from what was asked for after a redirect.
    pub url: String,
}

/// One request as it is made: what follows a redirect is another.
#[derive(Debug)]
pub(crate) struct Single<'r> {
    pub method: &'r str,
    pub url: &'r Url,
    pub headers: &'r [(String, String)],
    pub body: &'r [u8],
    pub limit: usize,
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "the fake web answers at once"))]
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request of this method, such as `GET`, for an absolute URL.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            redirects: REDIRECTS,
            limit: LIMIT,
            timeout: None,
        }
    }

    /// Reads what is there.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// Sends something.
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how many redirects are followed; 0 for none: the redirect itself is the answer then.
    #[must_use]
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Sets the longest body of an answer that is read, in bytes. A longer one is an error.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sets how long the server may take to answer, and to pause. The operator's limits hold as
    /// well.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Makes the request, and follows redirects. Each of them is a request of its own that must be
    /// granted. At another server it has of the headers only `accept`, `accept-*`, `content-*` and
    /// `user-agent`: the others may identify the caller.
    ///
    /// # Errors
    /// [`Error::Denied`] if it, or one that it is redirected to, is not granted;
    /// [`Error::Transient`] if the server can't be reached or takes too long; [`Error::Failed`] for
    /// anything else. An answer of any status is none.
    pub fn send(&self) -> Result<Response> {
        let mut url = Url::parse(&self.url)?;
        let (mut method, mut body, mut headers) = (self.method.clone(), self.body.as_slice(), self.headers.clone());
        for redirected in 0.. {
            let (limit, timeout) = (self.limit, self.timeout);
            let single = Single { method: &method, url: &url, headers: &headers, body, limit, timeout };
            let mut answer = Current::exchange(&single)?;
            url.to_string().clone_into(&mut answer.url);
            let location = answer.location().filter(|_| self.redirects > 0).map(str::to_owned);
            let Some(location) = location else { return Ok(answer) };
            if redirected >= self.redirects {
                return Err(Error::failed(format!("{} redirects more than {} times", self.url, self.redirects)));
            }
            let next = url.join(&location)?;
            if answer.status == 303 || (answer.status < 303 && method == "POST") {
                (method, body) = (if method == "HEAD" { "HEAD" } else { "GET" }.to_owned(), &[]);
                headers.retain(|(name, _)| !name.starts_with("content-"));
            }
            if !next.is_same_server(&url) {
                headers.retain(|(name, _)| says_nothing_of_the_caller(name));
            }
            url = next;
        }
        unreachable!("the loop ends by returning")
    }
}

/// Whether a header may go to a server that the caller did not name: any other may hold a key.
fn says_nothing_of_the_caller(name: &str) -> bool {
    matches!(name, "accept" | "user-agent") || name.starts_with("accept-") || name.starts_with("content-")
}

impl Response {
    /// An answer to give in a test.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), url: String::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        self
    }

    /// The first header of that name that is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.filter_map(|(_, value)| std::str::from_utf8(value).ok()).next()
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// This answer, if its status is one of success.
    ///
    /// # Errors
    /// [`Error::Transient`] for a status that passes (429, 502, 503, 504), else [`Error::Failed`].
    pub fn success(self) -> Result<Self> {
        let message = format!("{} answered {}", self.url, self.status);
        match self.status {
            200..300 => Ok(self),
            429 | 502..=504 => Err(Error::transient(message)),
            _ => Err(Error::failed(message)),
        }
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`Error::Failed`] if it is no UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body).map_err(|_| Error::failed(format!("the answer of {} is no UTF-8", self.url)))
    }

    fn location(&self) -> Option<&str> {
        matches!(self.status, 301 | 302 | 303 | 307 | 308).then(|| self.get("location"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    #[test]
    fn redirects_are_followed_as_requests_of_their_own() {
        let host = fake::Host::new();
        host.answer(
            "POST",
            "https://a.example/form",
            Response::new(303, "").header("Location", "//b.example/done?x#y"),
        );
        host.answer("GET", "https://b.example/done?x", Response::new(200, "done"));
        let request = Request::post("https://a.example/form", "name=x").header("Authorization", "Bearer x");
        let answer = request.send().unwrap();
        assert_eq!((answer.status, answer.text().unwrap()), (200, "done"));
        assert_eq!(answer.url, "https://b.example/done?x");
        let requests = host.requests();
        assert_eq!(requests[0].headers, [("authorization".to_owned(), "Bearer x".to_owned())]);
        assert_eq!((requests[1].method.as_str(), requests[1].headers.len(), requests[1].body.len()), ("GET", 0, 0));
        assert_eq!(request.redirects(0).send().unwrap().status, 303);
    }

    #[test]
    fn another_server_gets_no_header_that_may_identify_the_caller() {
        let host = fake::Host::new();
        let to = |location: &str| Response::new(307, "").header("location", location);
        host.answer("PUT", "https://a.example/1", to("/2"));
        host.answer("PUT", "https://a.example/2", to("https://b.example/3"));
        host.answer("PUT", "https://b.example/3", Response::new(200, ""));
        let names = [
            "accept",
            "accept-language",
            "content-type",
            "user-agent",
            "authorization",
            "cookie",
            "private-token",
            "x-api-key",
            "acceptance",
        ];
        let request = Request::new("PUT", "https://a.example/1").body("text");
        names.iter().fold(request, |request, name| request.header(name, "x")).send().unwrap();
        let sent: Vec<Vec<String>> = host
            .requests()
            .into_iter()
            .map(|request| request.headers.into_iter().map(|(name, _)| name).collect())
            .collect();
        assert_eq!(sent, [&names[..], &names[..], &names[..4]]);
    }

    #[test]
    fn what_is_not_granted_is_denied_and_loops_end() {
        let host = fake::Host::new();
        assert!(matches!(Request::get("https://a.example/").send(), Err(Error::Denied(_))));
        host.answer("GET", "https://a.example/", Response::new(302, "").header("location", "/"));
        let error = Request::get("https://a.example/").redirects(3).send().unwrap_err();
        assert!(error.to_string().contains("more than 3 times"), "{error}");
        host.answer("GET", "https://b.example/", Response::new(200, "12345"));
        assert!(Request::get("https://b.example/").limit(4).send().is_err());
        assert!(matches!(Response::new(503, "").success(), Err(Error::Transient { .. })));
    }
}
