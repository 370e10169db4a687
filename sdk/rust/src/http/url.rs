//! As much of URLs as following a redirect takes. Whether a host is one, the host judges.

use std::fmt;

use crate::error::{Error, Result};

/// An absolute URL without its fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// `https` or `http`.
    pub scheme: String,
    /// The host, and the port if it is named.
    pub authority: String,
    /// The path and the query; it starts with `/`.
    pub path: String,
}

impl Url {
    /// Reads an absolute URL.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = || Error::failed(format!("`{url}` is no absolute URL of http or https"));
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !matches!(scheme.as_str(), "http" | "https") || authority.is_empty() {
            return Err(wrong());
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { scheme, authority: authority.to_owned(), path: format!("{slash}{path}") })
    }

    /// What a reference leads to from here.
    pub fn join(&self, reference: &str) -> Result<Self> {
        let reference = reference.split('#').next().unwrap_or_default();
        if reference.split_once("://").is_some_and(|(before, _)| is_scheme(before)) {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme));
        }
        let here = self.path.split('?').next().unwrap_or_default();
        let path = match reference.chars().next() {
            None => self.path.clone(),
            Some('/') => reference.to_owned(),
            Some('?') => format!("{here}{reference}"),
            Some(_) => format!("{}/{reference}", here.rsplit_once('/').map_or("", |(directory, _)| directory)),
        };
        Ok(Self { path: plain(&path), ..self.clone() })
    }

    /// Whether both are of one server.
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority.eq_ignore_ascii_case(&other.authority)
    }
}

/// Whether this is a scheme, by RFC 3986, section 3.1; `://` may stand in a query too.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A path without `.` and `..`.
fn plain(path: &str) -> String {
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let mut parts: Vec<&str> = Vec::new();
    let mut all = path.split('/').skip(1).peekable();
    while let Some(part) = all.next() {
        let last = all.peek().is_none();
        match part {
            "." if last => parts.push(""),
            "." => {}
            ".." => {
                parts.pop();
                if last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_joined() {
        let base = Url::parse("HTTPS://Example.org/a/b?c#d").unwrap();
        assert_eq!(base.to_string(), "https://Example.org/a/b?c");
        for (reference, joined) in [
            ("x", "https://Example.org/a/x"),
            ("../x?y=://z", "https://Example.org/x?y=://z"),
            ("/x/./y/../z", "https://Example.org/x/z"),
            ("..", "https://Example.org/"),
            ("?x", "https://Example.org/a/b?x"),
            ("", "https://Example.org/a/b?c"),
            ("//b.example", "https://b.example/"),
            ("http://b.example?q", "http://b.example/?q"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), joined, "{reference}");
        }
        for wrong in ["", "example.org", "/a", "ftp://example.org/", "https:///a"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }
}
