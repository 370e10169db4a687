//! What a call used of its powers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::capability::{HTTP, KUBERNETES, SECRETS};
use crate::kubernetes::Verb;

/// Requests of one method to one server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Requests {
    /// The server, as `https://example.org` or `http://127.0.0.1:8080`.
    pub server: String,
    /// The method.
    pub method: String,
    /// How many were sent, or would have been if the server had accepted the connection; 0 if the
    /// server was not found or not allowed.
    pub count: u64,
}

/// Calls about one kind of a cluster's objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterUse {
    /// The cluster, by its name in host.yaml.
    pub cluster: String,
    /// The kind, such as `Deployment.apps`.
    pub kind: String,
    /// The verb.
    pub verb: Verb,
    /// How many calls there were: one may take several requests, or none where the answer is in memory.
    pub count: u64,
}

/// What was used of the powers that make a call observed instead of pure: what it returns depends
/// on more than its input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Used {
    /// The HTTP requests that were made, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<Requests>,
    /// The secrets that were read, by name, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What was asked of Kubernetes clusters, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubernetes: Vec<ClusterUse>,
    /// The powers that something was denied of, by name, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

impl Used {
    /// Whether nothing was used, and nothing denied: the call was pure.
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && self.secrets.is_empty() && self.kubernetes.is_empty() && self.denied.is_empty()
    }

    /// Whether anything was used of the power of that name.
    pub fn uses(&self, capability: &str) -> bool {
        match capability {
            HTTP => self.http.iter().any(|requests| requests.count > 0),
            SECRETS => !self.secrets.is_empty(),
            KUBERNETES => self.kubernetes.iter().any(|used| used.count > 0),
            _ => false,
        }
    }

    /// Adds requests.
    pub fn requests(&mut self, server: &str, method: &str, count: u64) {
        let same = |requests: &Requests| (requests.server.as_str(), requests.method.as_str()).cmp(&(server, method));
        match self.http.binary_search_by(same) {
            Ok(at) => self.http[at].count += count,
            Err(at) => self.http.insert(at, Requests { server: server.into(), method: method.into(), count }),
        }
    }

    /// Adds requests to a cluster.
    pub fn cluster(&mut self, cluster: &str, kind: &str, verb: Verb, count: u64) {
        let same =
            |used: &ClusterUse| (used.cluster.as_str(), used.kind.as_str(), used.verb).cmp(&(cluster, kind, verb));
        match self.kubernetes.binary_search_by(same) {
            Ok(at) => self.kubernetes[at].count += count,
            Err(at) => {
                self.kubernetes.insert(at, ClusterUse { cluster: cluster.into(), kind: kind.into(), verb, count });
            }
        }
    }

    /// Adds a secret.
    pub fn secret(&mut self, name: &str) {
        insert(&mut self.secrets, name);
    }

    /// Adds a power that something was denied of.
    pub fn denial(&mut self, capability: &str) {
        insert(&mut self.denied, capability);
    }

    /// Adds all that another call used.
    pub fn add(&mut self, other: &Self) {
        for requests in &other.http {
            self.requests(&requests.server, &requests.method, requests.count);
        }
        for used in &other.kubernetes {
            self.cluster(&used.cluster, &used.kind, used.verb, used.count);
        }
        other.secrets.iter().for_each(|name| self.secret(name));
        other.denied.iter().for_each(|name| self.denial(name));
    }
}

fn insert(names: &mut Vec<String>, name: &str) {
    if let Err(at) = names.binary_search_by(|known| known.as_str().cmp(name)) {
        names.insert(at, name.to_owned());
    }
}

/// `GET https://example.org 2x, secret token, prod get 3x`: of clusters, the verbs.
impl std::fmt::Display for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let requests = self.http.iter().map(|Requests { server, method, count }| match count {
            0 => format!("{method} {server} tried"),
            count => format!("{method} {server} {count}x"),
        });
        let secrets = self.secrets.iter().map(|name| format!("secret {name}"));
        let mut requests_to = BTreeMap::<(&str, Verb), u64>::new();
        for used in &self.kubernetes {
            *requests_to.entry((&used.cluster, used.verb)).or_default() += used.count;
        }
        let clusters = requests_to.iter().map(|((cluster, verb), count)| format!("{cluster} {verb} {count}x"));
        let denied = self.denied.iter().map(|name| format!("{name} denied"));
        let all: Vec<String> = requests.chain(secrets).chain(clusters).chain(denied).collect();
        f.write_str(&all.join(", "))
    }
}

/// Where a call writes down what it uses of its powers, while it uses it: it is there for a call
/// that fails as well. Clones are the same ledger.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Used>>);

impl Ledger {
    /// Writes something down.
    pub fn note(&self, note: impl FnOnce(&mut Used)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was used so far.
    pub fn used(&self) -> Used {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_add_up_and_read_well() {
        let ledger = Ledger::default();
        assert!(ledger.used().is_empty());
        ledger.note(|used| used.requests("https://example.org", "GET", 1));
        let mut sum = ledger.used();
        ledger.note(|used| used.secret("token"));
        sum.add(&ledger.used());
        sum.cluster("prod", "Service", Verb::Get, 1);
        sum.cluster("prod", "Service", Verb::Get, 2);
        sum.cluster("prod", "Secret", Verb::Get, 1);
        sum.cluster("prod", "Secret", Verb::Apply, 1);
        sum.denial("http");
        let said = "GET https://example.org 2x, secret token, prod get 4x, prod apply 1x, http denied";
        assert_eq!(sum.to_string(), said);
        assert_eq!(serde_json::to_value(Used::default()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn what_one_power_was_used_for_says_nothing_of_another() {
        let mut used = Used::default();
        used.requests("https://example.org", "GET", 0);
        assert!(!used.uses(HTTP), "it was only tried");
        used.requests("https://example.org", "GET", 1);
        assert!(used.uses(HTTP) && !used.uses(SECRETS));
        used.secret("token");
        assert!(used.uses(SECRETS) && !used.uses(KUBERNETES));
        used.cluster("prod", "Service", Verb::Get, 1);
        assert!(used.uses(KUBERNETES));
    }
}
