//! Addresses of repositories.

use gix::url::Scheme;
use springline_model::Digest;
use springline_model::port::SourceError;

use crate::message;

/// How much of an address is kept readable in the name of its mirror.
const READABLE: usize = 60;

/// Where a repository elsewhere is.
pub(crate) struct Address {
    pub(crate) url: gix::Url,
    /// The password, as it is and as the address has it (percent-encoded).
    secrets: Vec<String>,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, SourceError> {
        let invalid = |why: String| SourceError::Git(format!("this is no address of a repository: {why}"));
        let url = gix::url::parse(text.as_bytes()).map_err(|error| invalid(message(&error)))?;
        let encoded = text
            .split_once("://")
            .and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@')?.0.split_once(':'))
            .map(|(_, password)| password);
        let secrets = [url.password(), encoded].into_iter().flatten().filter(|secret| !secret.is_empty());
        let secrets = secrets.map(str::to_owned).collect();
        Ok(Self { url, secrets })
    }

    /// The address without its password.
    pub(crate) fn display(&self) -> String {
        let mut url = self.url.clone();
        url.set_password(None);
        url.to_bstring().to_string()
    }

    /// Takes the password out of a message.
    pub(crate) fn without_password(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }

    /// A file name that no other address has: a readable part, and a digest without any secret.
    pub(crate) fn file_name(&self) -> String {
        let display = self.display();
        let readable = display.split_once("://").map_or(display.as_str(), |(_, rest)| rest).trim_end_matches(".git");
        let start = readable.char_indices().rev().nth(READABLE - 1).map_or(0, |(at, _)| at);
        let readable: String = readable[start..]
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
            .collect();
        format!("{}-{}", readable.trim_matches('-'), Digest::of(&display).short())
    }
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
    fn passwords_are_shown_nowhere() {
        let address = Address::parse("https://me:s3cret@example.org/team/app.git").unwrap();
        assert_eq!(address.display(), "https://me@example.org/team/app.git");
        assert_eq!(address.without_password("no access to me:s3cret@example.org"), "no access to me:…@example.org");
        let encoded = Address::parse("https://me:a%40b@example.org/app").unwrap();
        assert_eq!(encoded.without_password("a%40b a@b"), "… …");
        let name = address.file_name();
        assert!(name.starts_with("me-example-org-team-app-"), "{name}");
        assert_eq!(name, Address::parse("https://me:other@example.org/team/app.git").unwrap().file_name());
        assert_ne!(name, Address::parse("https://me@example.org/team/app2.git").unwrap().file_name());
    }

    #[test]
    fn names_of_mirrors_are_short_and_plain() {
        let address = Address::parse(&format!("file:///srv/{}/ü b.git", "x".repeat(300))).unwrap();
        let name = address.file_name();
        assert!(name.len() <= READABLE + 13, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "{name}");
    }
}
