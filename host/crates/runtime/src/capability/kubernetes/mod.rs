//! `springline:host/kubernetes`: what is granted is asked of the port `Clusters`, which knows the
//! API servers. Who may ask what, and how large it may be, is decided here.

mod ask;
mod convert;
mod fingerprint;
mod gate;
mod memory;
mod named;

use std::path::PathBuf;
use std::sync::Arc;

use springline_model::Digest;
use springline_model::kubernetes::{Freshness, Write};
use springline_model::plugin::{Fault, Kind};
use springline_model::port::Clusters;

use self::fingerprint::Fingerprints;
use self::memory::Memory;
use crate::bindings::waiting::springline::host::kubernetes as wit;
use crate::capability::power::Powers;
use crate::logs::Logs;
use crate::state::CallState;

/// The largest object that crosses, in bytes.
const OBJECT: usize = 3 << 20;
/// The most that crosses at once, in bytes.
const OBJECTS: usize = 64 << 20;

type Asked<T> = wasmtime::Result<Result<T, wit::KubernetesError>>;

/// What all calls share of clusters.
pub(crate) struct Fleet {
    clusters: Option<Arc<dyn Clusters>>,
    memory: Memory,
    fingerprints: Fingerprints,
}

impl Fleet {
    /// These clusters. The key of fingerprints is in this file, or will be.
    pub(crate) fn new(clusters: Option<Arc<dyn Clusters>>, key: PathBuf) -> Self {
        Self { clusters, memory: Memory::default(), fingerprints: Fingerprints::new(key) }
    }
}

/// What a call has of clusters.
pub(crate) struct Kubernetes {
    fleet: Arc<Fleet>,
    kind: Kind,
    plugin: Digest,
    powers: Powers,
    logs: Logs,
}

impl Kubernetes {
    /// For a call with these powers of a plugin of this kind and digest.
    pub(crate) fn new(fleet: Arc<Fleet>, kind: Kind, plugin: Digest, powers: Powers, logs: Logs) -> Self {
        Self { fleet, kind, plugin, powers, logs }
    }

    fn key(&self, key: &str) -> Digest {
        memory::key(&self.plugin, &self.powers.place(), key)
    }
}

fn failed(message: impl Into<String>) -> wit::KubernetesError {
    wit::KubernetesError::Failed(message.into())
}

impl wit::Host for CallState {
    async fn types(&mut self, cluster: String, wanted: Vec<wit::ApiKind>) -> Asked<Vec<Option<wit::ServedType>>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.types(&cluster, &wanted).await)
    }

    async fn all_types(&mut self, cluster: String) -> Asked<Vec<wit::ServedType>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.all_types(&cluster).await)
    }

    async fn get(
        &mut self,
        cluster: String,
        names: Vec<wit::ObjectName>,
        freshness: wit::Freshness,
    ) -> Asked<Vec<Option<String>>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        let names: Vec<_> = names.into_iter().map(convert::name).collect();
        Ok(kubernetes.get(&cluster, &names, convert::freshness(freshness)).await)
    }

    async fn get_managed(&mut self, cluster: String, name: wit::ObjectName) -> Asked<Option<String>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        let found = kubernetes.get(&cluster, &[convert::name(name)], Freshness::LiveManaged).await;
        Ok(found.map(|mut found| found.pop().flatten()))
    }

    async fn list(
        &mut self,
        cluster: String,
        selection: wit::Selection,
        freshness: wit::Freshness,
    ) -> Asked<Vec<String>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.list(&cluster, &convert::selection(selection), convert::freshness(freshness)).await)
    }

    async fn apply(&mut self, cluster: String, object: String, options: wit::WriteOptions) -> Asked<String> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.write(&cluster, Write::Apply, &object, options).await)
    }

    async fn create(&mut self, cluster: String, object: String, options: wit::WriteOptions) -> Asked<String> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.write(&cluster, Write::Create, &object, options).await)
    }

    async fn replace(&mut self, cluster: String, object: String, options: wit::WriteOptions) -> Asked<String> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.write(&cluster, Write::Replace, &object, options).await)
    }

    async fn merge(
        &mut self,
        cluster: String,
        name: wit::ObjectName,
        patch: String,
        options: wit::WriteOptions,
    ) -> Asked<String> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.merge(&cluster, &convert::name(name), &patch, options).await)
    }

    async fn delete(
        &mut self,
        cluster: String,
        name: wit::ObjectName,
        options: wit::DeleteOptions,
    ) -> Asked<Option<String>> {
        let kubernetes = Arc::clone(&self.kubernetes);
        Ok(kubernetes.delete(&cluster, &convert::name(name), options).await)
    }

    async fn recall(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let Kubernetes { fleet, .. } = &*self.kubernetes;
        let key = self.kubernetes.has_clusters().then(|| self.kubernetes.key(&key));
        Ok(key.and_then(|key| fleet.memory.recall(&key)))
    }

    async fn remember(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        if self.kubernetes.has_clusters() {
            self.kubernetes.fleet.memory.remember(self.kubernetes.key(&key), value);
        }
        Ok(())
    }

    async fn fingerprint(&mut self, bytes: Vec<u8>) -> wasmtime::Result<String> {
        if !self.kubernetes.has_clusters() {
            let message = self.kubernetes.denied_without_clusters();
            return Err(self.verdict.stop(Fault::Denied { message }));
        }
        let made = self.kubernetes.fleet.fingerprints.of(&bytes);
        made.map_err(|message| self.verdict.stop(Fault::Host { message }))
    }
}
