//! Against a real API server, and what can go wrong on the way to it.
#![allow(clippy::unwrap_used, reason = "what goes wrong in a test is a failed test")]

mod cached;
mod faults;
mod objects;
mod refused;

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use indexmap::IndexMap;
use serde_json::Value;
use springline_cluster::{KubeClusters, Options};
use springline_model::kubernetes::{
    ApiKind, ClusterBinding, Clusters, DeleteOptions, Freshness, KubernetesError, ObjectName, Propagation, Selection,
    Write, WriteOptions, Written,
};
use springline_model::run::Place;

/// What the cluster is called.
const TEST: &str = "test";

/// Clusters of one, asked one thing after the other.
struct Asking {
    clusters: KubeClusters,
    reader: Place,
}

impl Asking {
    fn by(kubeconfig: PathBuf, context: &str, options: Options) -> Self {
        Self::bound(kubeconfig, context, ClusterBinding::default(), options)
    }

    fn bound(kubeconfig: PathBuf, context: &str, binding: ClusterBinding, options: Options) -> Self {
        let binding = ClusterBinding { kubeconfig: Some(kubeconfig), context: Some(context.to_owned()), ..binding };
        let reader = Place { application: "shop".into(), environment: "prod".into() };
        Self { clusters: KubeClusters::new(IndexMap::from([(TEST.to_owned(), binding)]), options), reader }
    }

    fn new(kubeconfig: PathBuf) -> Self {
        Self::by(kubeconfig, "admin", Options::default())
    }

    fn get(&self, name: &ObjectName, freshness: Freshness) -> Result<Option<Value>, KubernetesError> {
        let found = wait(self.clusters.get(TEST, &self.reader, std::slice::from_ref(name), freshness))?;
        Ok(found[0].as_deref().map(json))
    }

    fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        labels: &str,
    ) -> Result<Vec<Value>, KubernetesError> {
        self.list_fresh(api_version, kind, namespace, labels, Freshness::Any)
    }

    fn list_fresh(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        labels: &str,
        freshness: Freshness,
    ) -> Result<Vec<Value>, KubernetesError> {
        let selection = Selection {
            kind: ApiKind::new(api_version, kind),
            namespace: namespace.into(),
            labels: labels.into(),
            fields: String::new(),
        };
        Ok(wait(self.clusters.list(TEST, &selection, freshness))?.iter().map(|text| json(text)).collect())
    }

    fn write(&self, name: &ObjectName, how: Write, text: &str, dry_run: bool) -> Result<Written, KubernetesError> {
        let options = WriteOptions { manager: "springline".into(), force: false, dry_run };
        wait(self.clusters.write(TEST, name, how, text, &options))
    }

    fn apply(&self, name: &ObjectName, text: &str) -> Result<Value, KubernetesError> {
        self.write(name, Write::Apply, text, false).map(|written| json(&written.object.unwrap()))
    }

    fn delete(&self, name: &ObjectName, uid: &str) -> Result<Written, KubernetesError> {
        let options = DeleteOptions {
            propagation: Propagation::Background,
            uid: uid.into(),
            resource_version: String::new(),
            dry_run: false,
        };
        wait(self.clusters.delete(TEST, name, &options))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn config_map(namespace: &str, name: &str) -> ObjectName {
    ObjectName { kind: ApiKind::new("v1", "ConfigMap"), namespace: namespace.into(), name: name.into() }
}

fn config_map_text(name: &str, value: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","labels":{{"app":"web"}}}},"data":{{"key":"{value}"}}}}"#
    )
}

/// Waits for an answer without any runtime: whoever asks need not have one.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
