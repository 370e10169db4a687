//! How a plugin in a registry is named: `oci://REGISTRY/REPOSITORY:TAG`, with a range of versions or
//! a digest in the tag's place.

use std::fmt;
use std::str::FromStr;

use semver::{Comparator, Op, Prerelease, Version, VersionReq};

use crate::Digest;

/// What such a name starts with.
pub const SCHEME: &str = "oci://";

/// The longest tag.
const MAX_TAG: usize = 128;
/// The longest repository, registry included.
const MAX_REPOSITORY: usize = 255;

/// A text that names nothing in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidReference {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub suggestion: String,
}

/// A repository of a registry: where the versions of one plugin are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// The registry: a host, and a port unless it is the scheme's own.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A reference to something in it.
    pub fn with(&self, wanted: Wanted) -> Reference {
        Reference { repository: self.clone(), wanted }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl FromStr for Repository {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let fail = |message: &str| InvalidReference {
            message: format!("`{}` is not a repository of a registry: {message}", shown(text)),
            suggestion: "write `oci://REGISTRY/REPOSITORY`, such as `oci://registry.example.com/team/plugin`".into(),
        };
        let (registry, path) = rest.split_once('/').ok_or_else(|| fail("there is no `/` after the registry"))?;
        if !is_registry(registry) {
            return Err(fail("the registry is a host name, with `:PORT` if it needs one"));
        }
        if rest.len() > MAX_REPOSITORY || !path.split('/').all(is_component) {
            return Err(fail("the path is lower-case letters, digits and single `.`, `_`, `-`, joined by `/`"));
        }
        Ok(Self { registry: registry.to_owned(), path: path.to_owned() })
    }
}

/// What of a repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// What this tag points at.
    Tag(String),
    /// The newest version in this range, of the tags that are versions.
    Range(Range),
    /// The manifest of this digest.
    Digest(Digest),
}

/// A range of versions, such as `^1.2` or `>=1.2, <2`. It never takes in a pre-release.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Range {
    text: String,
    range: VersionReq,
}

impl Range {
    /// Whether the range takes this version in.
    pub fn matches(&self, version: &Version) -> bool {
        version.pre.is_empty() && self.range.matches(version)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Range {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| InvalidReference {
            message: format!("`{}` is no range of versions", shown(text)),
            suggestion: "a range is such as `^1.2`, `~1.2.3` or `>=1.2, <2`".into(),
        })
    }
}

impl Range {
    /// Comparators joined by a comma and at most one space; none for any other text. What can be
    /// written is exactly what [`RANGE_PATTERN`] says.
    fn parse(text: &str) -> Option<Self> {
        let comparators = text.split(',').enumerate().map(|(at, part)| {
            let part = if at == 0 { part } else { part.strip_prefix(' ').unwrap_or(part) };
            comparator(part)
        });
        let comparators = comparators.collect::<Option<Vec<_>>>()?;
        Some(Self { text: text.to_owned(), range: VersionReq { comparators } })
    }
}

fn comparator(text: &str) -> Option<Comparator> {
    let operators = [
        ("^", Op::Caret),
        ("~", Op::Tilde),
        (">=", Op::GreaterEq),
        ("<=", Op::LessEq),
        (">", Op::Greater),
        ("<", Op::Less),
        ("=", Op::Exact),
    ];
    let (op, rest) = operators.iter().find_map(|(sign, op)| text.strip_prefix(sign).map(|rest| (*op, rest)))?;
    let mut numbers = rest.split('.').map(number);
    let major = numbers.next()??;
    let minor = match numbers.next() {
        Some(minor) => Some(minor?),
        None => None,
    };
    let patch = match numbers.next() {
        Some(patch) => Some(patch?),
        None => None,
    };
    numbers.next().is_none().then_some(Comparator { op, major, minor, patch, pre: Prerelease::EMPTY })
}

fn number(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// A name of something in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// What.
    pub wanted: Wanted,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = &self.repository;
        match &self.wanted {
            Wanted::Tag(tag) => write!(f, "{SCHEME}{repository}:{tag}"),
            Wanted::Range(range) => write!(f, "{SCHEME}{repository}:{range}"),
            Wanted::Digest(digest) => write!(f, "{SCHEME}{repository}@{digest}"),
        }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    /// `oci://` may be missing: other tools write it without.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        if let Some((repository, digest)) = rest.split_once('@') {
            let repository: Repository = repository.parse()?;
            let digest = digest.parse().map_err(|_| InvalidReference {
                message: format!("`{}` ends in no digest", shown(text)),
                suggestion: format!("write `{SCHEME}{repository}@sha256:` and 64 hex digits in lower case"),
            })?;
            return Ok(Self { repository, wanted: Wanted::Digest(digest) });
        }
        let slash = rest.find('/').unwrap_or(rest.len());
        let Some(colon) = rest[slash..].find(':').map(|at| at + slash) else {
            let repository: Repository = rest.parse()?;
            return Err(InvalidReference {
                message: format!("`{}` names no version", shown(text)),
                suggestion: format!(
                    "write `{SCHEME}{repository}:TAG`, `{SCHEME}{repository}:^1.2` or `{SCHEME}{repository}@sha256:DIGEST`"
                ),
            });
        };
        let repository: Repository = rest[..colon].parse()?;
        let wanted = &rest[colon + 1..];
        let wanted = match Range::parse(wanted) {
            Some(range) => Wanted::Range(range),
            None if is_tag(wanted) => Wanted::Tag(wanted.to_owned()),
            None => {
                return Err(InvalidReference {
                    message: format!("`{}` is neither a tag nor a range of versions", shown(wanted)),
                    suggestion: "a tag is 1 to 128 letters, digits and `_.-`; a range is such as `^1.2`, `~1.2.3` or \
                                 `>=1.2, <2`"
                        .into(),
                });
            }
        };
        Ok(Self { repository, wanted })
    }
}

/// Whether a text can be a tag.
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= MAX_TAG
        && bytes.first().is_some_and(|byte| word(*byte))
        && bytes.iter().all(|byte| word(*byte) || matches!(byte, b'.' | b'-'))
}

/// The version that a tag is, with or without a `v` in front; a `+`, which no tag can have, stands
/// there as `_`.
pub fn version_of(tag: &str) -> Option<Version> {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    Version::parse(&tag.replacen('_', "+", 1)).ok()
}

/// Whether a registry is this machine.
pub fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if is_ipv6(host) => {
                return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            }
            _ => return false,
        },
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_ipv6(text: &str) -> bool {
    (2..=39).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or hyphens.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let mut last = None;
    for byte in text.bytes() {
        if alphanumeric(byte) {
            let joined = matches!(separator.as_str(), "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
            if !joined || (last.is_none() && !separator.is_empty()) {
                return false;
            }
            separator.clear();
            last = Some(byte);
        } else if matches!(byte, b'.' | b'_' | b'-') {
            separator.push(char::from(byte));
        } else {
            return false;
        }
    }
    last.is_some() && separator.is_empty()
}

/// What [`Repository`] takes, `oci://` left out, as a regular expression without anchors.
pub const REPOSITORY_PATTERN: &str = concat!(
    r"(\[[0-9A-Fa-f:]{2,39}\]|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)(:[0-9]{1,5})?",
    r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+"
);
/// What a range of versions is, as a regular expression without anchors.
pub const RANGE_PATTERN: &str = concat!(
    r"(\^|~|>=|<=|>|<|=)(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}",
    r"(, ?(\^|~|>=|<=|>|<|=)(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2})*"
);
/// What a tag is, as a regular expression without anchors.
pub const TAG_PATTERN: &str = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";

/// A text of somebody's, short enough for a message and without control characters.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().count() > 80 { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_being_written_and_read() {
        let digest = Digest::of("x");
        for text in [
            "oci://registry.example.com/team/step:1.2.3".to_owned(),
            "oci://localhost:5000/step:latest".to_owned(),
            "oci://[::1]:5000/a/b-c/d__e:v1".to_owned(),
            "oci://127.0.0.1:5000/step:^1.2".to_owned(),
            "oci://r.io/step:>=1.2, <2".to_owned(),
            format!("oci://r.io/a.b/c@{digest}"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(text.trim_start_matches("oci://").parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_a_way_out() {
        for text in [
            "",
            "oci://",
            "oci://r.io",
            "oci://r.io/",
            "oci://r.io/a",
            "oci://r.io/A:1",
            "oci://r.io/a:",
            "oci://r.io/a:^x",
            "oci://r.io/a:1:2",
            "oci://r.io/a@sha256:00",
            "oci://r.io/../a:1",
            "oci://r.io/a//b:1",
            "oci://r.io/a-:1",
            "oci://user@r.io/a:1",
            "oci://r.io:x/a:1",
            "oci://r.io/a:^01",
            "oci://r.io/a:^1.2.3.4",
            "oci://r.io/a._b:1",
            "https://r.io/a:1",
            "oci://r.io/a:1.2.3\n",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(!error.suggestion.is_empty() && !error.message.contains('\n'), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn a_range_takes_in_versions_and_no_pre_releases() {
        let range = Range::parse(">=1.2, <2").unwrap();
        let takes = |version: &str| range.matches(&version.parse().unwrap());
        assert!(takes("1.2.0") && takes("1.99.3"));
        assert!(!takes("1.1.9") && !takes("2.0.0") && !takes("1.3.0-rc.1"));
        assert!(Range::parse("^0.3").unwrap().matches(&"0.3.9".parse().unwrap()));
        assert!(Range::parse("1.2").is_none(), "a tag, not a range");
    }

    #[test]
    fn versions_are_read_from_tags() {
        assert_eq!(version_of("v1.2.3"), version_of("1.2.3"));
        assert_eq!(version_of("1.2.3_build").unwrap().to_string(), "1.2.3+build");
        assert!(version_of("1.2").is_none() && version_of("latest").is_none());
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for local in ["localhost", "localhost:5000", "127.0.0.1:1", "127.8.9.1", "[::1]:5000"] {
            assert!(is_loopback(local), "{local}");
        }
        for remote in ["localhost.example.com", "10.0.0.1", "[::2]", "example.com:80"] {
            assert!(!is_loopback(remote), "{remote}");
        }
    }
}
