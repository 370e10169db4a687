//! host.yaml: where things go and with which powers, as the operator says. A repository never
//! writes it.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Digest;
use crate::capability::{Grants, HttpGrant, SecretGrant};
use crate::history::Retention;
use crate::kubernetes::ClusterBinding;
use crate::plugin::{Limits, Pinned};
use crate::trust::{RegistrySettings, Trust};

/// The operator's file, `host.yaml` in the state directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Operator {
    /// The version of this file's format. There is one, 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The targets that environments name.
    pub targets: IndexMap<String, TargetBinding>,
    /// The Kubernetes clusters that grants name.
    pub clusters: IndexMap<String, ClusterBinding>,
    /// Limits for every plugin; what is not set keeps its default.
    pub limits: Limits,
    /// Settings for single plugins, by the name that springline.yaml calls them.
    pub plugins: IndexMap<String, PluginSettings>,
    /// Powers of plugins beyond files and logs.
    pub grants: Vec<Grant>,
    /// Files of certificates (PEM) whose authorities are trusted besides those that the system
    /// trusts, in plugins' encrypted requests and in those to registries. A relative path starts
    /// at the directory of host.yaml.
    pub certificate_authorities: Vec<PathBuf>,
    /// Directories with `*.wasm` files, searched for plugins that are named by digest or pinned.
    /// A relative path starts at the directory of host.yaml.
    pub plugin_directories: Vec<PathBuf>,
    /// How single registries are reached, by their names.
    pub registries: IndexMap<String, RegistrySettings>,
    /// Whose plugins are taken from registries. Without it, all are, pinned by their digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Trust")]
    pub trust: Option<Trust>,
    /// The repositories that `deliver` names.
    pub repositories: IndexMap<String, RepositoryBinding>,
    /// How Springline talks to git.
    pub git: GitSettings,
    /// For how long history is kept. Without it, all of it is.
    pub history: Retention,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            version: 1,
            targets: IndexMap::new(),
            clusters: IndexMap::new(),
            limits: Limits::default(),
            plugins: IndexMap::new(),
            grants: Vec::new(),
            certificate_authorities: Vec::new(),
            plugin_directories: Vec::new(),
            registries: IndexMap::new(),
            trust: None,
            repositories: IndexMap::new(),
            git: GitSettings::default(),
            history: Retention::default(),
        }
    }
}

/// A repository that applications may hand over to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepositoryBinding {
    /// Its address, or its path (from the directory of host.yaml). Credentials are git's own.
    #[schemars(length(min = 1))]
    pub url: String,
}

/// How Springline talks to git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GitSettings {
    /// The remote that records of a repository on this machine are pushed to as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub push: Option<String>,
    /// Who the commits are by: the name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Who the commits are by: the address.
    pub email: String,
    /// How long a repository elsewhere may be silent during a fetch or a push, in seconds.
    #[schemars(range(min = 1))]
    pub timeout_seconds: u64,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self { push: None, name: "Springline".into(), email: "springline@localhost".into(), timeout_seconds: 60 }
    }
}

impl GitSettings {
    /// How long a repository elsewhere may be silent.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

/// A target: a plugin, its config and its powers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetBinding {
    /// The deploy-target plugin: the name of a built-in one, `./PATH` of a component (from the
    /// directory of host.yaml), its digest, or `oci://REGISTRY/REPOSITORY:TAG`.
    pub plugin: String,
    /// The plugin's config.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The powers it gets here.
    #[serde(default)]
    pub grants: Grants,
}

/// Powers of one plugin, in some applications and environments or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// The plugin: the name that springline.yaml or a target calls it, or its digest.
    pub plugin: String,
    /// The applications; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// The environments; none means all, and the build as well. A build serves every environment,
    /// so a grant that names some is none for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The HTTP requests that it may make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// The secrets that it may read, by the name that the plugin calls them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub secrets: IndexMap<String, SecretGrant>,
}

impl Grant {
    /// Whether it is for calls of this plugin, in this application and environment (none for the
    /// build).
    pub fn is_for(&self, plugin: &Pinned, application: &str, environment: Option<&str>) -> bool {
        let all_or = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        (self.plugin == plugin.name || self.plugin.parse().is_ok_and(|digest: Digest| digest == plugin.digest))
            && all_or(&self.applications, application)
            && environment.map_or(self.environments.is_empty(), |name| all_or(&self.environments, name))
    }
}

/// Settings for one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PluginSettings {
    /// Its limits, instead of the general ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Limits")]
    pub limits: Option<Limits>,
    /// The plugin that is taken in its stead: `oci://REGISTRY/REPOSITORY:TAG`, `./PATH` from the directory of
    /// host.yaml, or a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub source: Option<String>,
}

impl Operator {
    /// The powers of this plugin in this application and environment (none for the build), as
    /// `grants` gives them.
    pub fn grants_of(&self, plugin: &Pinned, application: &str, environment: Option<&str>) -> Grants {
        let mut granted = Grants::default();
        for grant in self.grants.iter().filter(|grant| grant.is_for(plugin, application, environment)) {
            granted.add(&grant.http, &grant.secrets);
        }
        granted
    }

    /// The limits of the plugin of that name.
    pub fn limits_of(&self, plugin: &str) -> &Limits {
        self.plugins.get(plugin).and_then(|settings| settings.limits.as_ref()).unwrap_or(&self.limits)
    }

    /// The plugin that is taken in the stead of the one of that name.
    pub fn source_of(&self, plugin: &str) -> Option<&str> {
        self.plugins.get(plugin)?.source.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_for_a_plugin_where_it_says() {
        let plugin = Pinned { name: "step-fetch".into(), digest: Digest::of("p") };
        let grant = Grant { plugin: "step-fetch".into(), ..Grant::default() };
        assert!(grant.is_for(&plugin, "a", None) && grant.is_for(&plugin, "b", Some("live")));
        let by_digest = Grant { plugin: plugin.digest.to_string(), ..Grant::default() };
        assert!(by_digest.is_for(&plugin, "a", None));
        let narrow = Grant { applications: vec!["a".into()], environments: vec!["live".into()], ..grant.clone() };
        assert!(narrow.is_for(&plugin, "a", Some("live")));
        for (application, environment) in [("b", Some("live")), ("a", Some("test")), ("a", None)] {
            assert!(!narrow.is_for(&plugin, application, environment), "{application} {environment:?}");
        }
        let other = Pinned { name: "step-other".into(), digest: Digest::of("q") };
        assert!(!grant.is_for(&other, "a", None) && !by_digest.is_for(&other, "a", None));
    }
}
