//! Objects that carry a label: listed once for all who select among them within a short time, such as
//! applications that each look for what is theirs.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use springline_model::kubernetes::ServedType;
use tokio::sync::OnceCell;

use super::lock;
use super::store::Store;
use crate::cluster::Cluster;
use crate::link::MOST_BYTES;

/// How long a list is good for. What others write meanwhile is not in it; what this process writes is.
const GOOD: Duration = Duration::from_secs(30);

/// The objects of one type and namespace, or all namespaces, that carry a label.
pub struct Labelled {
    served: ServedType,
    namespace: String,
    label: String,
    /// The first selector that was asked for. While it is the only one, its objects alone are asked for.
    first: String,
    since: Instant,
    store: Mutex<Store>,
    /// Whether all of them are in the store, once that was tried.
    listed: OnceCell<bool>,
}

impl Labelled {
    /// Nothing is known yet.
    pub fn new(served: &ServedType, namespace: &str, label: &str, first: &str) -> Arc<Self> {
        Arc::new(Self {
            served: served.clone(),
            namespace: namespace.to_owned(),
            label: label.to_owned(),
            first: first.to_owned(),
            since: Instant::now(),
            store: Mutex::default(),
            listed: OnceCell::new(),
        })
    }

    /// Whether it is too old.
    pub fn is_stale(&self) -> bool {
        self.since.elapsed() > GOOD
    }

    /// Whether an object of a type and namespace may be among them.
    pub fn is_about(&self, served: &ServedType, namespace: &str) -> bool {
        self.served.kind.group == served.kind.group
            && self.served.plural == served.plural
            && (self.namespace.is_empty() || self.namespace == namespace)
    }

    /// Whether its texts are in this version of the type.
    pub fn is_in_version(&self, served: &ServedType) -> bool {
        self.served.kind.version == served.kind.version
    }

    /// Whether all of them are known. They are listed if that pays: for a second selector.
    pub async fn is_listed(&self, cluster: &Cluster, selector: &str) -> bool {
        if selector == self.first && !self.listed.initialized() {
            return false;
        }
        let list =
            async || match cluster.list_of(&self.served, &self.namespace, &self.label, "", false, MOST_BYTES).await {
                Ok(listed) => {
                    self.store().replace(listed.items, &listed.version);
                    true
                }
                // Those that are too many, or can't be had: whoever asks for fewer is told why.
                Err(_) => false,
            };
        *self.listed.get_or_init(list).await
    }

    /// What is known.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}
