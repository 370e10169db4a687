//! One cluster: its types, its objects read and written.

use springline_model::kubernetes::{ApiKind, ClusterBinding, KubernetesError, ServedType};

use crate::cache::Cache;
use crate::discovery::Discovery;
use crate::link::{Link, Reply};
use crate::status::Status;

/// A cluster.
pub struct Cluster {
    /// The way to its API server.
    pub link: Link,
    /// Its types.
    pub discovery: Discovery,
    /// Its objects in memory, if it is followed.
    pub cache: Option<Cache>,
}

impl Cluster {
    /// A cluster that was not asked for anything yet.
    pub fn new(name: &str, binding: ClusterBinding, cache: Option<Cache>) -> Self {
        Self { link: Link::new(name, binding), discovery: Discovery::default(), cache }
    }

    /// The types, in the order asked for.
    pub async fn types(&self, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>, KubernetesError> {
        self.discovery.find(&self.link, wanted).await
    }

    /// A type that has to be there.
    pub async fn served(&self, kind: &ApiKind) -> Result<ServedType, KubernetesError> {
        let found = self.types(std::slice::from_ref(kind)).await?.pop().flatten();
        found.ok_or_else(|| self.unknown(kind))
    }

    /// That a type is not there.
    pub fn unknown(&self, kind: &ApiKind) -> KubernetesError {
        let version = if kind.version.is_empty() { String::new() } else { format!(" of {}", kind.api_version()) };
        KubernetesError::UnknownType(format!(
            "cluster {} has no type {kind}{version}; if it is a custom one, its CustomResourceDefinition has to be there",
            self.link.name()
        ))
    }

    /// Whether an answer says that the type is not there any more; then types are asked for again.
    pub async fn lacks_type(&self, reply: &Reply) -> bool {
        let lacks = reply.code == 404 && Status::read(&reply.text).is_none_or(|status| status.is_of_type());
        if lacks {
            self.discovery.forget().await;
        }
        lacks
    }
}
