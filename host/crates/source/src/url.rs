//! Addresses of repositories.

use gix::url::Scheme;
use springline_model::Digest;
use springline_model::repository::{RepositoryError, Trouble};

use crate::message;

/// How much of an address is kept readable in the name of its mirror.
const READABLE: usize = 60;

/// Where a repository elsewhere is.
pub(crate) struct Address {
    /// The address without any secret. By HTTP, that is without the user, too: many a token stands there.
    pub(crate) shown: String,
    pub(crate) credentials: Option<Credentials>,
}

/// What an address has of credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The beginning of the address: whom they are for.
    pub(crate) host: String,
    pub(crate) user: String,
    /// None if git is to find one by itself.
    pub(crate) password: Option<String>,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, RepositoryError> {
        let mut url = gix::url::parse(text.as_bytes()).map_err(|error| {
            let message = format!("this is no address of a repository: {}", message(&error));
            RepositoryError::new(Trouble::Unknown, message)
        })?;
        let (user, password) = (url.user().map(str::to_owned), url.password().map(str::to_owned));
        url.set_password(None);
        let is_http = matches!(url.scheme, Scheme::Http | Scheme::Https);
        if is_http {
            url.set_user(None);
        }
        let shown = url.to_bstring().to_string();
        let host = shown.match_indices('/').nth(2).map_or(shown.as_str(), |(end, _)| &shown[..end]).to_owned();
        let credentials = (is_http && (user.is_some() || password.is_some())).then(|| Credentials {
            host,
            user: user.unwrap_or_default(),
            password,
        });
        Ok(Self { shown, credentials })
    }
}

/// A name of a file for an address or a path that no other has: a readable part, and a digest.
pub(crate) fn file_name(shown: &str) -> String {
    let readable = shown.split_once("://").map_or(shown, |(_, rest)| rest).trim_end_matches(".git");
    let start = readable.char_indices().rev().nth(READABLE - 1).map_or(0, |(at, _)| at);
    let readable: String = readable[start..]
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .collect();
    format!("{}-{}", readable.trim_matches('-'), Digest::of(shown).short())
}

/// Whether this is an address, and not a path on this machine.
pub(crate) fn is_address(text: &str) -> bool {
    text.contains("://") || gix::url::parse(text.as_bytes()).is_ok_and(|url| url.scheme != Scheme::File)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in [
            "https://example.org/a/b",
            "ssh://git@example.org/a",
            "git://example.org/a",
            "file:///srv/a.git",
            "git@example.org:a/b.git",
        ] {
            assert!(is_address(address), "{address}");
        }
        for path in ["", ".", "/srv/a.git", "../a", "a/b", "./host:path", "/a:b"] {
            assert!(!is_address(path), "{path}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_shown_nowhere() {
        let parsed = |text: &str| Address::parse(text).unwrap();
        let credentials = |user: &str, password: Option<&str>| {
            let (user, password) = (user.to_owned(), password.map(str::to_owned));
            Some(Credentials { host: "https://example.org:8443".into(), user, password })
        };
        let address = parsed("https://me:s%40cret@example.org:8443/team/app.git");
        assert_eq!(address.shown, "https://example.org:8443/team/app.git");
        assert_eq!(address.credentials, credentials("me", Some("s@cret")));
        let token = parsed("https://ghp_TOKEN@example.org:8443/team/app.git");
        assert_eq!(token.shown, address.shown, "a user alone may be a token");
        assert_eq!(token.credentials, credentials("ghp_TOKEN", None));
        assert_eq!(parsed("https://example.org/app").credentials, None);
        for (text, shown) in [
            ("ssh://git:s3cret@example.org/app", "ssh://git@example.org/app"),
            ("git@example.org:team/app.git", "git@example.org:team/app.git"),
        ] {
            let address = parsed(text);
            assert_eq!((address.shown.as_str(), address.credentials), (shown, None));
        }
    }

    #[test]
    fn names_of_mirrors_are_short_and_plain() {
        let name = file_name("https://example.org/team/app.git");
        assert!(name.starts_with("example-org-team-app-"), "{name}");
        assert_ne!(name, file_name("https://example.org/team/app2.git"));
        let name = file_name(&format!("file:///srv/{}/ü b.git", "x".repeat(300)));
        assert!(name.len() <= READABLE + 13, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "{name}");
    }
}
