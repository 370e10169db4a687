//! Whose plugins are taken from registries: the section `trust` of host.yaml.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::reference::{Repository, SCHEME};

/// Whose plugins are taken from registries. What no rule lets in is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Trust {
    /// The public keys of publishers, by the names that rules call them.
    pub keys: IndexMap<String, KeySource>,
    /// The rules. The first one whose `match` fits a repository decides.
    pub rules: Vec<Rule>,
}

/// Where a public key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeySource {
    /// The key itself, in PEM.
    Pem(String),
    /// A file with the key.
    File(KeyFile),
}

/// A file with a public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyFile {
    /// The file, in PEM. A relative path starts at the directory of host.yaml.
    pub file: PathBuf,
}

/// Which plugins of some repositories are taken: those that one of `signed-by` signed, those whose
/// digest is listed, or, with `unsigned`, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The repositories: `REGISTRY/PATH`, where `*` stands for one part of the path and a last `**` for all the
    /// rest.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The keys of which one must have signed.
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// Digests of components that are taken whoever signed them.
    #[serde(default)]
    pub digests: Vec<DigestText>,
    /// Whether plugins are taken that nobody signed.
    #[serde(default)]
    pub unsigned: bool,
}

/// The digest of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestText(pub Digest);

impl JsonSchema for DigestText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })
    }
}

impl Trust {
    /// The rule that decides about a repository, and which one it is, from 0.
    pub fn rule(&self, repository: &Repository) -> Option<(usize, &Rule)> {
        self.rules.iter().enumerate().find(|(_, rule)| rule.fits(repository))
    }
}

impl Rule {
    /// Whether it is about this repository.
    pub fn fits(&self, repository: &Repository) -> bool {
        let pattern = self.pattern.strip_prefix(SCHEME).unwrap_or(&self.pattern);
        let name = repository.to_string();
        let mut parts = name.split('/');
        let mut wanted = pattern.split('/').peekable();
        while let Some(want) = wanted.next() {
            if want == "**" && wanted.peek().is_none() {
                return parts.next().is_some();
            }
            match parts.next() {
                Some(part) if want == "*" || want == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

/// How one registry is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RegistrySettings {
    /// Whether it is reached without TLS. By default only a registry on this machine is.
    pub plain_http: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_parts_only() {
        let fits = |pattern: &str, name: &str| {
            Rule { pattern: pattern.into(), ..Rule::default() }.fits(&name.parse().unwrap())
        };
        assert!(fits("r.io/team/step", "r.io/team/step"));
        assert!(fits("oci://r.io/team/*", "r.io/team/step"));
        assert!(fits("r.io/**", "r.io/team/deep/step"));
        assert!(fits("**", "r.io/a"));
        assert!(!fits("r.io/team/*", "r.io/team/deep/step"));
        assert!(!fits("r.io/team/**", "r.io/team"));
        assert!(!fits("r.io/team", "r.io/team2"));
        assert!(!fits("r.io/**", "r.io.evil.com/a"));
        assert!(!fits("r.io/team", "r.io/team/step"));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |pattern: &str, unsigned| Rule { pattern: pattern.into(), unsigned, ..Rule::default() };
        let trust = Trust { rules: vec![rule("r.io/dev/**", true), rule("r.io/**", false)], ..Trust::default() };
        assert_eq!(trust.rule(&"r.io/dev/x".parse().unwrap()).unwrap().0, 0);
        assert_eq!(trust.rule(&"r.io/x".parse().unwrap()).unwrap().0, 1);
        assert!(trust.rule(&"other.io/x".parse().unwrap()).is_none());
    }
}
