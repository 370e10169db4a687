//! Powers beyond files and logs: what a plugin asks for, what an operator grants, and what a call
//! used of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubernetes::{Access, KubernetesGrant};

pub use crate::power::{ClusterUse, Ledger, Requests, Used};

/// The power to write a lent directory.
pub const DIRECTORY: &str = "directory";
/// The power to make HTTP requests.
pub const HTTP: &str = "http";
/// The power to read secrets.
pub const SECRETS: &str = "secrets";
/// The power to ask and change Kubernetes clusters.
pub const KUBERNETES: &str = "kubernetes";

/// The powers that this host knows.
pub const POWERS: [&str; 4] = [DIRECTORY, HTTP, SECRETS, KUBERNETES];

/// The power, known here or not, that a plugin can use because it imports this interface.
pub fn imported_by(import: &str) -> Option<&str> {
    let interface = import.split('@').next().unwrap_or_default();
    match interface.split_once('/')? {
        // The types alone send nothing.
        ("wasi:http", "outgoing-handler") => Some(HTTP),
        ("springline:host", power) => Some(power),
        _ => None,
    }
}

/// A power that a plugin says it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name, such as `directory`.
    pub name: String,
    /// Why, as the author says.
    pub reason: String,
}

/// The powers that an operator grants to one use of a plugin. Nothing is granted by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// A directory outside the sandbox that the target may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryGrant>,
    /// The HTTP requests that it may make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// The secrets that it may read, by the name that the plugin calls them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub secrets: IndexMap<String, SecretGrant>,
    /// What it may do in Kubernetes clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kubernetes: Vec<KubernetesGrant>,
}

/// A directory outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryGrant {
    /// The directory. A relative path starts at the directory of host.yaml. It is created if it
    /// is missing and its parent is there.
    pub path: PathBuf,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Encrypted, the server's certificate checked.
    #[default]
    Https,
    /// As plain text.
    Http,
}

impl Scheme {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that goes without saying.
    pub const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// HTTP requests that a plugin may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpGrant {
    /// How the server is spoken to.
    #[serde(default)]
    pub scheme: Scheme,
    /// The server: a name, `*.NAME` for every name below that one, or an IP address.
    pub host: String,
    /// The ports; none means the scheme's own, 443 or 80.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The methods.
    #[serde(default = "reading", skip_serializing_if = "is_reading")]
    pub methods: Vec<String>,
    /// Whether the server may have an address that is not on the public internet: a private or
    /// loopback one. Link-local addresses and those that clouds serve credentials from must be
    /// named as `host` themselves as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

fn reading() -> Vec<String> {
    vec!["GET".into(), "HEAD".into()]
}

fn is_reading(methods: &[String]) -> bool {
    methods == ["GET", "HEAD"]
}

impl HttpGrant {
    /// Whether this host, in lower case and without a trailing dot, is one of the grant's.
    pub fn covers(&self, host: &str) -> bool {
        host_covers(&self.host, host)
    }

    /// Whether this port is one of the grant's.
    pub fn has_port(&self, port: u16) -> bool {
        if self.ports.is_empty() { port == self.scheme.port() } else { self.ports.contains(&port) }
    }
}

/// Whether a pattern, a name or `*.NAME`, covers this host in lower case.
pub fn host_covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(below) => {
            let cut = host.len().checked_sub(below.len() + 1);
            cut.filter(|cut| *cut > 0 && host.is_char_boundary(*cut))
                .is_some_and(|cut| host.as_bytes()[cut] == b'.' && host[cut + 1..].eq_ignore_ascii_case(below))
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// A secret that a plugin may read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretGrant {
    /// The variable of Springline's own environment that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it; a line break at its end is left out. A relative path starts at the
    /// directory of host.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The hosts that the plugin may send requests to once it has read the secret, as in an HTTP
    /// grant; none means no host at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

impl Grants {
    /// Whether the power of that name is granted.
    pub fn allows(&self, capability: &str) -> bool {
        match capability {
            DIRECTORY => self.directory.is_some(),
            HTTP => !self.http.is_empty(),
            SECRETS => !self.secrets.is_empty(),
            KUBERNETES => !self.kubernetes.is_empty(),
            _ => false,
        }
    }

    /// The line of host.yaml, at a target, that would grant the power.
    pub fn line_for(capability: &str) -> Option<&'static str> {
        match capability {
            DIRECTORY => Some("grants: { directory: { path: PATH } }"),
            HTTP => Some("grants: { http: [ { host: HOST } ] }"),
            SECRETS => Some("grants: { secrets: { NAME: { env: VARIABLE } } }"),
            KUBERNETES => Some("grants: { kubernetes: [ { cluster: CLUSTER } ] }"),
            _ => None,
        }
    }

    /// The granted powers whose use makes a call observed instead of pure.
    pub fn observing(&self) -> Vec<&'static str> {
        [HTTP, SECRETS].into_iter().filter(|name| self.allows(name)).collect()
    }

    /// Whether what is asked of a cluster is granted.
    pub fn covers(&self, access: &Access<'_>) -> bool {
        self.kubernetes.iter().any(|grant| grant.covers(access))
    }

    /// Adds what another grant gives. Where both name a secret, the one that is there stays.
    pub fn add(&mut self, http: &[HttpGrant], secrets: &IndexMap<String, SecretGrant>) {
        self.http.extend_from_slice(http);
        for (name, secret) in secrets {
            self.secrets.entry(name.clone()).or_insert_with(|| secret.clone());
        }
    }
}

/// Whose calls a grant is for: what a line of host.yaml has to name.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// The plugin, as springline.yaml or host.yaml names it.
    pub plugin: &'a str,
    /// The application.
    pub application: &'a str,
    /// The environment; none in a build.
    pub environment: Option<&'a str>,
}

/// The entry of `grants`, at a target of host.yaml, that would cover an access.
pub fn kubernetes_line(access: &Access<'_>) -> String {
    let Access { cluster, group, kind, namespace, verb } = access;
    let kind = if group.is_empty() { (*kind).to_owned() } else { format!("{kind}.{group}") };
    let namespaces = namespace.map(|name| format!("namespaces: [{}], ", scalar(name))).unwrap_or_default();
    format!(
        "grants: {{ kubernetes: [ {{ cluster: {}, {namespaces}kinds: [{}], verbs: [{verb}] }} ] }}",
        scalar(cluster),
        scalar(&kind)
    )
}

impl Whose<'_> {
    /// The entry of `grants` in host.yaml that would allow such requests.
    pub fn http_line(&self, scheme: Scheme, host: &str, port: u16, method: &str) -> String {
        let mut grant = BTreeMap::from([("host", scalar(host))]);
        if scheme != Scheme::Https {
            grant.insert("scheme", scheme.to_string());
        }
        if port != scheme.port() {
            grant.insert("ports", format!("[{port}]"));
        }
        if !reading().iter().any(|reading| reading == method) {
            grant.insert("methods", format!("[{method}]"));
        }
        let grant: Vec<_> = grant.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        self.line(&format!("http: [ {{ {} }} ]", grant.join(", ")))
    }

    /// The entry of `grants` in host.yaml that would give such a secret.
    pub fn secret_line(&self, name: &str) -> String {
        let variable: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        self.line(&format!("secrets: {{ {}: {{ env: {variable} }} }}", scalar(name)))
    }

    fn line(&self, power: &str) -> String {
        let mut line = format!("grants: [ {{ plugin: {}, applications: [{}]", scalar(self.plugin), self.application);
        if let Some(environment) = self.environment {
            line.push_str(&format!(", environments: [{environment}]"));
        }
        line.push_str(&format!(", {power} }} ]"));
        line
    }
}

/// A word as YAML reads it back in a flow.
fn scalar(word: &str) -> String {
    let plain = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if plain { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_what_is_below_and_nothing_else() {
        for (pattern, host, covered) in [
            ("example.org", "example.org", true),
            ("Example.ORG", "example.org", true),
            ("example.org", "www.example.org", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "notexample.org", false),
            ("*.example.org", ".example.org", false),
            ("*.example.org", "example.org.evil.net", false),
        ] {
            assert_eq!(host_covers(pattern, host), covered, "{pattern} {host}");
        }
    }

    #[test]
    fn the_line_that_would_grant_an_access_covers_it() {
        let access = Access {
            cluster: "prod",
            group: "apps",
            kind: "Deployment",
            namespace: Some("shop"),
            verb: crate::kubernetes::Verb::Apply,
        };
        assert_eq!(
            kubernetes_line(&access),
            "grants: { kubernetes: [ { cluster: prod, namespaces: [shop], kinds: [Deployment.apps], verbs: [apply] } ] }"
        );
        let whole = Access { group: "", kind: "Namespace", namespace: None, ..access };
        assert!(kubernetes_line(&whole).contains("{ cluster: prod, kinds: [Namespace], verbs: [apply] }"));
    }

    #[test]
    fn a_power_is_imported_by_the_interface_that_uses_it() {
        for (import, power) in [
            ("wasi:http/outgoing-handler@0.2.4", Some(HTTP)),
            ("wasi:http/types@0.2.4", None),
            ("springline:host/directory@0.1.0", Some(DIRECTORY)),
            ("springline:host/secrets", Some(SECRETS)),
            ("springline:host/kubernetes@0.1.0", Some(KUBERNETES)),
            ("springline:host/sockets@0.2.0", Some("sockets")),
            ("wasi:io/streams@0.2.4", None),
            ("directory", None),
        ] {
            assert_eq!(imported_by(import), power, "{import}");
        }
    }

    #[test]
    fn the_line_that_would_grant_is_complete() {
        let whose = Whose { plugin: "step-fetch", application: "handbook", environment: Some("production") };
        assert_eq!(
            whose.http_line(Scheme::Http, "127.0.0.1", 8080, "POST"),
            "grants: [ { plugin: step-fetch, applications: [handbook], environments: [production], \
             http: [ { host: \"127.0.0.1\", methods: [POST], ports: [8080], scheme: http } ] } ]"
        );
        let whose = Whose { environment: None, ..whose };
        assert_eq!(
            whose.secret_line("api-token"),
            "grants: [ { plugin: step-fetch, applications: [handbook], secrets: { api-token: { env: API_TOKEN } } } ]"
        );
    }
}
