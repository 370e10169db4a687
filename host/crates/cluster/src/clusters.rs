//! The clusters of host.yaml, as the port that the host asks.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use springline_model::kubernetes::{
    Answer, ApiKind, ClusterBinding, Clusters, DeleteOptions, Freshness, KubernetesError, ObjectName, Selection,
    ServedType, Write, WriteOptions, Written,
};
use springline_model::run::Place;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;

use crate::cache::Cache;
use crate::cluster::Cluster;

/// How long changes are gathered after the first ones were told, so that each is told once.
const GATHER: Duration = Duration::from_millis(25);

/// Told of a change, with who has read the object. It must not block.
pub type OnChange = Arc<dyn Fn(&Place) + Send + Sync>;

/// How clusters are read.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether API servers are followed, so that most reads are answered from memory. It pays where
    /// the process stays.
    pub watch: bool,
    /// Told when an object changes that was read, if clusters are watched.
    pub on_change: Option<OnChange>,
    /// How long a watch may be silent before its connection is taken for dead; if it is not said,
    /// longer than servers are.
    pub silence: Option<Duration>,
}

/// API servers, each connected to when it is first asked.
pub struct KubeClusters {
    clusters: IndexMap<String, Arc<Cluster>>,
    runtime: OnceLock<Result<Runtime, String>>,
    /// Who is told of what, until the threads are there that tell it.
    listening: Mutex<Option<(OnChange, UnboundedReceiver<Place>)>>,
}

impl KubeClusters {
    /// The clusters by their names. The paths in the bindings have to be absolute, or are from the
    /// working directory.
    pub fn new(bindings: IndexMap<String, ClusterBinding>, options: Options) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sender = options.on_change.is_some().then_some(sender);
        let clusters = bindings.into_iter().map(|(name, binding)| {
            let cache = options.watch.then(|| Cache::new(sender.clone(), options.silence));
            let cluster = Arc::new(Cluster::new(&name, binding, cache));
            (name, cluster)
        });
        let listening = options.on_change.map(|told| (told, receiver));
        Self { clusters: clusters.collect(), runtime: OnceLock::new(), listening: Mutex::new(listening) }
    }

    /// Does work for a cluster on the threads here, whoever waits for it.
    fn ask<'a, T, F>(&'a self, name: &'a str, work: impl FnOnce(Arc<Cluster>) -> F + Send + 'a) -> Answer<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, KubernetesError>> + Send + 'static,
    {
        Box::pin(async move {
            let cluster = self.clusters.get(name).ok_or_else(|| self.nameless(name))?;
            let runtime = self.runtime.get_or_init(|| self.start().map_err(|error| error.to_string()));
            let runtime = runtime.as_ref().map_err(|error| {
                KubernetesError::Failed(format!("the threads that speak to clusters can't be started: {error}"))
            })?;
            let mut task = Task(runtime.spawn(work(Arc::clone(cluster))));
            (&mut task.0).await.unwrap_or_else(|error| {
                Err(KubernetesError::Failed(format!("cluster {name}: the request was given up: {error}")))
            })
        })
    }

    fn start(&self) -> std::io::Result<Runtime> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("clusters")
            .enable_all()
            .build()?;
        if let Some((told, changes)) = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take() {
            threads.spawn(tell(told, changes));
        }
        Ok(threads)
    }

    fn nameless(&self, name: &str) -> KubernetesError {
        let known = self.clusters.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "there are none".to_owned() } else { format!("there are {known}") };
        KubernetesError::Failed(format!("`clusters` of host.yaml has no {name:?}; {known}"))
    }
}

/// Tells of changes, each once in a while.
async fn tell(told: OnChange, mut changes: UnboundedReceiver<Place>) {
    while let Some(first) = changes.recv().await {
        let mut gathered = IndexSet::from([first]);
        while let Ok(next) = changes.try_recv() {
            gathered.insert(next);
        }
        for reader in gathered {
            told(&reader);
        }
        tokio::time::sleep(GATHER).await;
    }
}

impl Drop for KubeClusters {
    fn drop(&mut self) {
        if let Some(Ok(runtime)) = self.runtime.take() {
            // Without waiting: this may be a thread that must not block.
            runtime.shutdown_background();
        }
    }
}

/// Work that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Clusters for KubeClusters {
    fn types<'a>(&'a self, cluster: &'a str, wanted: &'a [ApiKind]) -> Answer<'a, Vec<Option<ServedType>>> {
        self.ask(cluster, |cluster| {
            let wanted = wanted.to_vec();
            async move { cluster.types(&wanted).await }
        })
    }

    fn all_types<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<ServedType>> {
        self.ask(cluster, |cluster| async move { cluster.discovery.all(&cluster.link).await })
    }

    fn get<'a>(
        &'a self,
        cluster: &'a str,
        reader: &'a Place,
        names: &'a [ObjectName],
        freshness: Freshness,
    ) -> Answer<'a, Vec<Option<Arc<str>>>> {
        self.ask(cluster, move |cluster| {
            let (reader, names) = (reader.clone(), names.to_vec());
            async move { cluster.get(&reader, &names, freshness).await }
        })
    }

    fn list<'a>(
        &'a self,
        cluster: &'a str,
        selection: &'a Selection,
        freshness: Freshness,
    ) -> Answer<'a, Vec<Arc<str>>> {
        self.ask(cluster, move |cluster| {
            let selection = selection.clone();
            async move { cluster.list(&selection, freshness).await }
        })
    }

    fn write<'a>(
        &'a self,
        cluster: &'a str,
        name: &'a ObjectName,
        how: Write,
        text: &'a str,
        options: &'a WriteOptions,
    ) -> Answer<'a, Written> {
        self.ask(cluster, move |cluster| {
            let (name, text, options) = (name.clone(), text.to_owned(), options.clone());
            async move { cluster.write(&name, &how, &text, &options).await }
        })
    }

    fn delete<'a>(&'a self, cluster: &'a str, name: &'a ObjectName, options: &'a DeleteOptions) -> Answer<'a, Written> {
        self.ask(cluster, move |cluster| {
            let (name, options) = (name.clone(), options.clone());
            async move { cluster.delete(&name, &options).await }
        })
    }
}
