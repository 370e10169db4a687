//! Clusters in memory: the port's promises, and no API server.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use springline_model::kubernetes::{
    Answer, ApiKind, Clusters, DeleteOptions, Freshness, KubernetesError, ObjectName, Selection, ServedType, Write,
    WriteOptions, Written,
};
use springline_model::run::Place;

/// Clusters that keep objects as they are written. Every type of a known group is served; those of
/// the whole cluster are `Namespace`, and all whose kind begins with `Cluster`.
#[derive(Default)]
pub struct FakeClusters {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<(String, ObjectName), Arc<str>>,
    asked: Vec<String>,
    warnings: Vec<String>,
    answer: Option<KubernetesError>,
    hanging: Option<Sender<Hung>>,
}

/// What happens to a request that is never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hung {
    /// It was made.
    Asked,
    /// It was given up.
    GivenUp,
}

/// Tells when it is dropped.
struct Waiting(Sender<Hung>);

impl Drop for Waiting {
    fn drop(&mut self) {
        // Nobody may listen any more.
        let _ = self.0.send(Hung::GivenUp);
    }
}

impl FakeClusters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an object into a cluster.
    pub fn put(&self, cluster: &str, name: ObjectName, text: impl Into<Arc<str>>) {
        self.state().objects.insert((cluster.to_owned(), name), text.into());
    }

    /// Everything that was asked, in its order.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// Warns like this whenever something is written.
    pub fn warn(&self, warning: &str) {
        self.state().warnings.push(warning.to_owned());
    }

    /// Answers everything with this error from now on.
    pub fn fail(&self, error: KubernetesError) {
        self.state().answer = Some(error);
    }

    /// Never answers from now on, and tells what becomes of requests.
    pub fn hang(&self, told: Sender<Hung>) {
        self.state().hanging = Some(told);
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        asked: String,
        answer: impl FnOnce(&mut State) -> Result<T, KubernetesError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let hanging = {
                let mut state = self.state();
                state.asked.push(asked);
                state.hanging.clone()
            };
            if let Some(told) = hanging {
                let _waiting = Waiting(told.clone());
                told.send(Hung::Asked).unwrap();
                std::future::pending::<()>().await;
            }
            let mut state = self.state();
            match &state.answer {
                Some(error) => Err(error.clone()),
                None => answer(&mut state),
            }
        })
    }
}

/// As an API server would serve it.
fn served(kind: &ApiKind) -> Option<ServedType> {
    if kind.group.starts_with("unknown") {
        return None;
    }
    let version = if kind.version.is_empty() { "v1" } else { &kind.version };
    Some(ServedType {
        kind: ApiKind { version: version.to_owned(), ..kind.clone() },
        plural: format!("{}s", kind.kind.to_lowercase()),
        namespaced: kind.kind != "Namespace" && !kind.kind.starts_with("Cluster"),
        verbs: vec!["get".into(), "list".into(), "patch".into(), "delete".into()],
        subresources: Vec::new(),
    })
}

impl Clusters for FakeClusters {
    fn types<'a>(&'a self, cluster: &'a str, wanted: &'a [ApiKind]) -> Answer<'a, Vec<Option<ServedType>>> {
        self.answer(format!("types {cluster}"), |_| Ok(wanted.iter().map(served).collect()))
    }

    fn all_types<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<ServedType>> {
        let all = [("v1", "ConfigMap"), ("v1", "Namespace"), ("v1", "Secret"), ("apps/v1", "Deployment")];
        let all = all.into_iter().filter_map(|(api_version, kind)| served(&ApiKind::new(api_version, kind)));
        self.answer(format!("all-types {cluster}"), |_| Ok(all.collect()))
    }

    fn get<'a>(
        &'a self,
        cluster: &'a str,
        reader: &'a Place,
        names: &'a [ObjectName],
        freshness: Freshness,
    ) -> Answer<'a, Vec<Option<Arc<str>>>> {
        self.answer(format!("get {} in {cluster} for {reader}, {freshness:?}", names.len()), move |state| {
            let found = |name: &ObjectName| state.objects.get(&(cluster.to_owned(), name.clone())).cloned();
            Ok(names.iter().map(found).collect())
        })
    }

    fn list<'a>(
        &'a self,
        cluster: &'a str,
        selection: &'a Selection,
        freshness: Freshness,
    ) -> Answer<'a, Vec<Arc<str>>> {
        let asked = format!("list {} of [{}] in {cluster}, {freshness:?}", selection.kind, selection.namespace);
        self.answer(asked, move |state| {
            let selected = state.objects.iter().filter(|((of, name), _)| {
                of == cluster
                    && name.kind == selection.kind
                    && (selection.namespace.is_empty() || selection.namespace == name.namespace)
            });
            Ok(selected.map(|(_, text)| Arc::clone(text)).collect())
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
        let asked = format!("{how:?} {} {}/{} in {cluster}", name.kind, name.namespace, name.name);
        self.answer(asked, move |state| {
            let key = (cluster.to_owned(), name.clone());
            if how == Write::Create && state.objects.contains_key(&key) {
                let message = format!("{} \"{}\" already exists", name.kind, name.name);
                let reason = "AlreadyExists".to_owned();
                return Err(KubernetesError::Refused { code: 409, reason, message, causes: Vec::new() });
            }
            let object = match how {
                Write::Merge => {
                    let mut live: Value = serde_json::from_str(state.objects.get(&key).map_or("{}", |text| text))
                        .map_err(|error| KubernetesError::Failed(error.to_string()))?;
                    live["patched-with"] = Value::from(text);
                    live.to_string()
                }
                _ => text.to_owned(),
            };
            if !options.dry_run {
                state.objects.insert(key, object.as_str().into());
            }
            Ok(Written { object: Some(object), warnings: state.warnings.clone() })
        })
    }

    fn delete<'a>(&'a self, cluster: &'a str, name: &'a ObjectName, options: &'a DeleteOptions) -> Answer<'a, Written> {
        let asked = format!("delete {} {}/{} in {cluster}", name.kind, name.namespace, name.name);
        self.answer(asked, move |state| {
            if !options.dry_run {
                state.objects.remove(&(cluster.to_owned(), name.clone()));
            }
            Ok(Written { object: None, warnings: state.warnings.clone() })
        })
    }
}
