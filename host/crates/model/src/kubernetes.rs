//! Kubernetes clusters: what may be asked of an API server, and the port that answers.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::Place;

/// How a cluster is reached. Without any field: as `kubectl` would, from `KUBECONFIG` or
/// `~/.kube/config` and its current context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ClusterBinding {
    /// The kubeconfig. A relative path starts at the directory of host.yaml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig; without it, its current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Whether the service account of the Pod that Springline runs in is used instead.
    pub in_cluster: bool,
    /// The most requests that are under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<u32>,
    /// How long a request may take, in seconds; 30 if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub request_seconds: Option<u32>,
}

/// What is done with an object, as grants name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Reading one by its name.
    Get,
    /// Reading all of a kind.
    List,
    /// Making or changing one; trying it without effect as well.
    Apply,
    /// Deleting one.
    Delete,
}

impl Verb {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }
}

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a plugin may do in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KubernetesGrant {
    /// The cluster, by its name in `clusters`.
    pub cluster: String,
    /// The namespaces. None means all of them and the objects of the whole cluster as well; where
    /// some are named, objects of the whole cluster are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// The kinds: `Deployment.apps`, `Service`, `*.apps` for all of a group, `*` for all of the core
    /// group; none means all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The verbs; none means all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<Verb>,
}

/// What is asked for, as a grant has to cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The group of the kind; empty for the core group.
    pub group: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The namespace; none for an object of the whole cluster, and for a list of all namespaces.
    pub namespace: Option<&'a str>,
    /// What is done.
    pub verb: Verb,
}

impl KubernetesGrant {
    /// Whether the Namespace of this name may be read: who may do anything in one may look whether it
    /// is there, or on its way out.
    pub fn shows_namespace(&self, cluster: &str, name: &str) -> bool {
        self.cluster == cluster && (self.namespaces.is_empty() || self.namespaces.iter().any(|known| known == name))
    }

    /// Whether the grant covers it.
    pub fn covers(&self, access: &Access<'_>) -> bool {
        self.cluster == access.cluster
            && (self.namespaces.is_empty()
                || access.namespace.is_some_and(|namespace| self.namespaces.iter().any(|known| known == namespace)))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind_covers(kind, access.group, access.kind)))
            && (self.verbs.is_empty() || self.verbs.contains(&access.verb))
    }
}

/// Whether `KIND`, `KIND.GROUP`, `*` or `*.GROUP` covers a kind.
fn kind_covers(pattern: &str, group: &str, kind: &str) -> bool {
    let (wanted, of) = pattern.split_once('.').unwrap_or((pattern, ""));
    of.eq_ignore_ascii_case(group) && (wanted == "*" || wanted.eq_ignore_ascii_case(kind))
}

/// A type of object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// The group; empty for the core group.
    pub group: String,
    /// The version; empty for the one that the API server prefers.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl ApiKind {
    /// Reads `GROUP/VERSION` or `VERSION`, and `GROUP/` or nothing for the preferred version.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// The group and version, as an object states them.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// `Deployment.apps`, or `Service` of the core group.
impl std::fmt::Display for ApiKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// A type of object as an API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedType {
    /// The type, its version said.
    pub kind: ApiKind,
    /// The name in paths.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: Vec<String>,
    /// Its subresources.
    pub subresources: Vec<String>,
}

/// The name of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its type.
    pub kind: ApiKind,
    /// Its namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Where an object may be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A cache that follows the API server, if there is one.
    Any,
    /// The API server.
    Live,
    /// The API server, `metadata.managedFields` included.
    LiveManaged,
}

/// Which objects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Their type.
    pub kind: ApiKind,
    /// The namespace; empty for all.
    pub namespace: String,
    /// A label selector; empty for all.
    pub labels: String,
    /// A field selector; empty for all.
    pub fields: String,
}

/// How an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Server-side apply.
    Apply,
    /// It must not be there yet.
    Create,
    /// As a whole.
    Replace,
    /// A JSON merge patch; the text is the patch.
    Merge,
}

/// What goes with every write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The field manager.
    pub manager: String,
    /// Whether fields of other managers are taken over.
    pub force: bool,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How an object is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Only if it has this uid; empty for any.
    pub uid: String,
    /// Only if it has this resource version; empty for any.
    pub resource_version: String,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// One cause of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A word of the API's.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// The path of the field; empty where there is none.
    pub field: String,
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubernetesError {
    /// The API server has no such type.
    #[error("{0}")]
    UnknownType(String),
    /// The API server refused it.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// A word of the API's.
        reason: String,
        /// The API server's message.
        message: String,
        /// The single causes.
        causes: Vec<Cause>,
    },
    /// It can't be reached, is overloaded or failed; the request was tried again already.
    #[error("{message}")]
    Unavailable {
        /// What happened.
        message: String,
        /// How long to wait, where the API server said it.
        retry_after: Option<Duration>,
    },
    /// Anything else, such as credentials that can't be used.
    #[error("{0}")]
    Failed(String),
}

/// An answer to wait for. Dropping it gives the request up.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, KubernetesError>> + Send + 'a>>;

/// What came of a request that the API server may have warned about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The object as it is now, JSON without `metadata.managedFields`; none if it is gone.
    pub object: Option<String>,
    /// Warnings of the API server.
    pub warnings: Vec<String>,
}

/// API servers by their names in host.yaml. Objects are JSON texts.
///
/// Nothing here asks for grants: whoever calls it has.
pub trait Clusters: Send + Sync {
    /// The types that the API server has, in the order asked for.
    fn types<'a>(&'a self, cluster: &'a str, wanted: &'a [ApiKind]) -> Answer<'a, Vec<Option<ServedType>>>;
    /// Every type that can be listed, each once, in its preferred version.
    fn all_types<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<ServedType>>;
    /// The objects of these names, in their order. `reader` is woken when one of them changes, if
    /// the clusters are watched.
    fn get<'a>(
        &'a self,
        cluster: &'a str,
        reader: &'a Place,
        names: &'a [ObjectName],
        freshness: Freshness,
    ) -> Answer<'a, Vec<Option<Arc<str>>>>;
    /// The objects that are selected, by namespace and name.
    fn list<'a>(
        &'a self,
        cluster: &'a str,
        selection: &'a Selection,
        freshness: Freshness,
    ) -> Answer<'a, Vec<Arc<str>>>;
    /// Writes an object, or with [`Write::Merge`] a patch of the one of that name. The object's own
    /// type and name must be those of `name`.
    fn write<'a>(
        &'a self,
        cluster: &'a str,
        name: &'a ObjectName,
        how: Write,
        text: &'a str,
        options: &'a WriteOptions,
    ) -> Answer<'a, Written>;
    /// Deletes an object; one that is not there is a success.
    fn delete<'a>(&'a self, cluster: &'a str, name: &'a ObjectName, options: &'a DeleteOptions) -> Answer<'a, Written>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(namespaces: &[&str], kinds: &[&str], verbs: &[Verb]) -> KubernetesGrant {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        KubernetesGrant {
            cluster: "prod".into(),
            namespaces: owned(namespaces),
            kinds: owned(kinds),
            verbs: verbs.into(),
        }
    }

    #[test]
    fn a_grant_covers_what_it_names_and_no_more() {
        let deployment =
            Access { cluster: "prod", group: "apps", kind: "Deployment", namespace: Some("shop"), verb: Verb::Apply };
        let namespace = Access { group: "", kind: "Namespace", namespace: None, ..deployment };
        assert!(grant(&[], &[], &[]).covers(&deployment) && grant(&[], &[], &[]).covers(&namespace));
        assert!(!grant(&[], &[], &[]).covers(&Access { cluster: "test", ..deployment }));
        assert!(grant(&["shop"], &[], &[]).covers(&deployment));
        assert!(!grant(&["shop"], &[], &[]).covers(&namespace));
        assert!(!grant(&["other"], &[], &[]).covers(&deployment));
        for (kind, covered) in
            [("Deployment.apps", true), ("*.apps", true), ("*", false), ("Deployment", false), ("Service", false)]
        {
            assert_eq!(grant(&[], &[kind], &[]).covers(&deployment), covered, "{kind}");
        }
        assert!(grant(&[], &["*"], &[]).covers(&namespace));
        assert!(grant(&[], &[], &[Verb::Get, Verb::Apply]).covers(&deployment));
        assert!(!grant(&[], &[], &[Verb::Get]).covers(&deployment));
    }

    #[test]
    fn a_namespace_shows_itself_to_those_who_work_in_it() {
        let narrow = grant(&["shop"], &["Service"], &[Verb::Apply]);
        assert!(narrow.shows_namespace("prod", "shop") && grant(&[], &[], &[]).shows_namespace("prod", "shop"));
        assert!(!narrow.shows_namespace("prod", "other") && !narrow.shows_namespace("test", "shop"));
    }

    #[test]
    fn an_api_version_reads_both_ways() {
        for text in ["v1", "apps/v1", "apps/", ""] {
            assert_eq!(ApiKind::new(text, "X").api_version(), text);
        }
        assert_eq!(ApiKind::new("apps/v1", "Deployment").to_string(), "Deployment.apps");
        assert_eq!(ApiKind::new("v1", "Service").to_string(), "Service");
    }
}
