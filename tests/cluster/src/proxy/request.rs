//! What was asked.

/// A request that came to the proxy.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method: `GET`, or `WATCH` for a `GET` that does not end, `PATCH`, …
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// What its body is: of a `PATCH`, which kind of patch.
    pub content_type: String,
    /// The status of the answer; none while there is none, or when it was lost.
    pub status: Option<u16>,
    /// Whether something was made to go wrong with it.
    pub failed: bool,
    pub(super) forgotten: bool,
}

impl Request {
    /// Of the first line and a header of a request.
    pub(super) fn new(method: &str, target: &str, content_type: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let watches = query.split('&').any(|part| matches!(part, "watch=true" | "watch=1" | "watch"));
        Self {
            method: if watches && method == "GET" { "WATCH" } else { method }.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            content_type: content_type.to_owned(),
            status: None,
            failed: false,
            forgotten: false,
        }
    }

    /// Whether it changes something: dry runs and questions about rights do not.
    #[must_use]
    pub fn writes(&self) -> bool {
        let asks = matches!(self.method.as_str(), "GET" | "WATCH" | "HEAD" | "OPTIONS");
        let tries = self.query.split('&').any(|part| part == "dryRun=All");
        !asks && !tries && !self.path.starts_with("/apis/authorization.k8s.io/")
    }

    /// Whether it is of this method and path; `*` as for [`Proxy::order`](super::Proxy::order).
    #[must_use]
    pub fn is(&self, method: &str, path: &str) -> bool {
        !self.forgotten && matches(method, &self.method) && matches(path, &self.path)
    }
}

/// Whether a text is like a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, like) in [
            ("*", "", true),
            ("GET", "GET", true),
            ("GET", "GETS", false),
            ("/api/v1/*/pods", "/api/v1/namespaces/a/pods", true),
            ("/api/v1/*/pods", "/api/v1/namespaces/a/pods/b", false),
            ("*/deployments/*", "/apis/apps/v1/namespaces/a/deployments/b", true),
        ] {
            assert_eq!(matches(pattern, text), like, "{pattern} and {text}");
        }
    }

    #[test]
    fn only_what_changes_something_is_a_write() {
        let writes = |method, target| Request::new(method, target, "").writes();
        assert!(writes("PATCH", "/api/v1/namespaces/a?fieldManager=x"));
        assert!(!writes("PATCH", "/api/v1/namespaces/a?dryRun=All&fieldManager=x"));
        assert!(!writes("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"));
        assert!(!writes("GET", "/api/v1/namespaces"));
        assert_eq!(Request::new("GET", "/api/v1/pods?limit=5&watch=true", "").method, "WATCH");
    }
}
