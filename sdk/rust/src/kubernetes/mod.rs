//! Kubernetes clusters, as far as the operator grants them.
//!
//! A deploy target that asks one names the capability `kubernetes` in its description. Clusters have
//! the names that the operator's file gives them; credentials, connections, retries and caches are
//! the host's. Objects cross as JSON texts, for the plugin to read as much of as it needs.
//!
//! ```
//! use springline_sdk::kubernetes::{Cluster, Freshness, ObjectName, WriteOptions};
//!
//! # let host = springline_sdk::fake::Host::new();
//! # host.add_cluster("prod");
//! let prod = Cluster::new("prod");
//! let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"colours"}}"#;
//! prod.apply(object, &WriteOptions { manager: "springline".into(), ..WriteOptions::default() })?;
//! let name = ObjectName::new("v1", "ConfigMap", "shop", "colours");
//! assert!(prod.get(&[name], Freshness::Any)?[0].is_some());
//! # Ok::<(), springline_sdk::Error>(())
//! ```

mod error;

use crate::host::Current;

pub use error::{Cause, KubernetesError, Refusal};

/// The result of what is asked of a cluster.
pub type Result<T> = std::result::Result<T, KubernetesError>;

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cluster {
    name: String,
}

/// A type of object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// The group and version, such as `apps/v1`, or `v1` for the core group. Without a version
    /// (`apps/`, and empty for the core group) the one that the API server prefers.
    pub api_version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl ApiKind {
    /// A type of object.
    pub fn new(api_version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { api_version: api_version.into(), kind: kind.into() }
    }
}

/// A type of object, as an API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedType {
    /// The group and version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name in paths, such as `deployments`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with it, such as `get` and `patch`.
    pub verbs: Vec<String>,
    /// Its subresources, such as `status` and `scale`.
    pub subresources: Vec<String>,
}

/// The name of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its type; see [`ApiKind::api_version`].
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    /// The name of one object; the namespace is empty for one of the whole cluster.
    pub fn new(
        api_version: impl Into<String>,
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// Where an object may be read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Anywhere: a cache that follows the API server, if there is one, or for what is selected by a
    /// label a list of the last half minute. It never lags behind what this host wrote itself.
    #[default]
    Any,
    /// The API server.
    Live,
}

/// Which objects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Their type.
    pub kind: ApiKind,
    /// The namespace; empty for all in which it is granted.
    pub namespace: String,
    /// A label selector, such as `app=web,tier!=cache`; empty for all.
    pub labels: String,
    /// A field selector, such as `involvedObject.uid=…`; empty for all.
    pub fields: String,
}

impl Selection {
    /// All objects of a type in all namespaces.
    pub const fn all(kind: ApiKind) -> Self {
        Self { kind, namespace: String::new(), labels: String::new(), fields: String::new() }
    }
}

/// How an object is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The field manager that the write is done as.
    pub manager: String,
    /// Whether fields that another manager owns are taken over.
    pub force: bool,
    /// Whether the API server only says what would come of it.
    pub dry_run: bool,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How an object is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Only if it has this uid; empty for any.
    pub uid: String,
    /// Only if it has this resource version; empty for any.
    pub resource_version: String,
    /// Whether the API server only says what would come of it.
    pub dry_run: bool,
}

/// The ways to write a whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    Apply,
    Create,
    Replace,
}

/// The functions of `springline:host/kubernetes`, as `wit/deps/host/kubernetes.wit` documents them.
pub(crate) trait Clusters {
    fn types(cluster: &str, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>>;
    fn all_types(cluster: &str) -> Result<Vec<ServedType>>;
    fn get(cluster: &str, names: &[ObjectName], freshness: Freshness) -> Result<Vec<Option<String>>>;
    fn get_managed(cluster: &str, name: &ObjectName) -> Result<Option<String>>;
    fn list(cluster: &str, selection: &Selection, freshness: Freshness) -> Result<Vec<String>>;
    fn write(cluster: &str, how: Write, object: &str, options: &WriteOptions) -> Result<String>;
    fn merge(cluster: &str, name: &ObjectName, patch: &str, options: &WriteOptions) -> Result<String>;
    fn delete(cluster: &str, name: &ObjectName, options: &DeleteOptions) -> Result<Option<String>>;
    fn recall(key: &str) -> Option<Vec<u8>>;
    fn remember(key: &str, value: &[u8]);
    fn fingerprint(bytes: &[u8]) -> String;
}

/// Every function fails with [`KubernetesError`], which [`Error`](crate::Error) takes up with `?`.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Cluster {
    /// The cluster that the operator's file gives this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The types that the API server has, in the order asked for; none for one that it lacks.
    pub fn types(&self, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>> {
        <Current as Clusters>::types(&self.name, wanted)
    }

    /// Every type that the API server can list and that the grants cover, each once, in its
    /// preferred version.
    pub fn all_types(&self) -> Result<Vec<ServedType>> {
        <Current as Clusters>::all_types(&self.name)
    }

    /// The objects of these names, in their order; none for one that is absent, or whose type is.
    pub fn get(&self, names: &[ObjectName], freshness: Freshness) -> Result<Vec<Option<String>>> {
        <Current as Clusters>::get(&self.name, names, freshness)
    }

    /// The object of this name from the API server, `metadata.managedFields` included.
    pub fn get_managed(&self, name: &ObjectName) -> Result<Option<String>> {
        <Current as Clusters>::get_managed(&self.name, name)
    }

    /// The objects that are selected, by namespace and name; at most 64 MiB of them.
    pub fn list(&self, selection: &Selection, freshness: Freshness) -> Result<Vec<String>> {
        <Current as Clusters>::list(&self.name, selection, freshness)
    }

    /// Server-side apply: makes the fields of this object those of the live one, and gives what
    /// came of it. What the same manager applied before and is not there any more is removed.
    pub fn apply(&self, object: &str, options: &WriteOptions) -> Result<String> {
        <Current as Clusters>::write(&self.name, Write::Apply, object, options)
    }

    /// Creates an object; one that is there already is a refusal with the code 409.
    pub fn create(&self, object: &str, options: &WriteOptions) -> Result<String> {
        <Current as Clusters>::write(&self.name, Write::Create, object, options)
    }

    /// Replaces an object as a whole; `metadata.resourceVersion`, if it is set, must be the live one.
    pub fn replace(&self, object: &str, options: &WriteOptions) -> Result<String> {
        <Current as Clusters>::write(&self.name, Write::Replace, object, options)
    }

    /// A JSON merge patch (RFC 7396) of an object.
    pub fn merge(&self, name: &ObjectName, patch: &str, options: &WriteOptions) -> Result<String> {
        <Current as Clusters>::merge(&self.name, name, patch, options)
    }

    /// Deletes an object and gives it as it is then: with a time of deletion while finalizers hold
    /// it; none if it is gone or was not there.
    pub fn delete(&self, name: &ObjectName, options: &DeleteOptions) -> Result<Option<String>> {
        <Current as Clusters>::delete(&self.name, name, options)
    }
}

/// What was remembered under this key by the same plugin for the same application and environment.
/// It may be forgotten at any time.
pub fn recall(key: &str) -> Option<Vec<u8>> {
    <Current as Clusters>::recall(key)
}

/// Remembers something, at most 64 KiB, for as long as the host runs.
pub fn remember(key: &str, value: &[u8]) {
    <Current as Clusters>::remember(key, value);
}

/// A keyed hash, 16 hex digits: equal for equal bytes within one state directory, and of no use to
/// whoever wants to guess them. For values that must not be shown but told apart.
pub fn fingerprint(bytes: &[u8]) -> String {
    <Current as Clusters>::fingerprint(bytes)
}
