//! Kubernetes clusters as the fake host has them: objects by name, and no API server. What is applied
//! or replaced is stored as it is: nothing is merged, defaulted or validated. What a real server makes
//! of objects is tested against a real one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Host, LAST, State};
use crate::kubernetes::{
    ApiKind, Clusters, DeleteOptions, Freshness, KubernetesError, ObjectName, Refusal, Result, Selection, ServedType,
    Write, WriteOptions,
};

/// Clusters by name, and what plugins have remembered.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    clusters: RefCell<BTreeMap<String, Contents>>,
    remembered: RefCell<BTreeMap<String, Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Contents {
    types: Vec<ServedType>,
    objects: BTreeMap<Key, String>,
}

/// Group, kind, namespace, name.
type Key = (String, String, String, String);

impl Host {
    /// Grants a cluster, an empty one. Every other is denied.
    pub fn add_cluster(&self, cluster: &str) -> &Self {
        self.0.fleet.clusters.borrow_mut().entry(cluster.to_owned()).or_default();
        self
    }

    /// Lets a cluster serve a type.
    pub fn serve(&self, cluster: &str, served: ServedType) -> &Self {
        self.add_cluster(cluster);
        let mut clusters = self.0.fleet.clusters.borrow_mut();
        clusters.entry(cluster.to_owned()).or_default().types.push(served);
        self
    }

    /// Puts an object into a cluster, over whatever is there.
    pub fn put_object(&self, cluster: &str, object: &Value) -> &Self {
        let text = object.to_string();
        let key = key(&text).expect("the object states its type and name");
        self.add_cluster(cluster);
        self.0.fleet.clusters.borrow_mut().entry(cluster.to_owned()).or_default().objects.insert(key, text);
        self
    }

    /// An object of a cluster; none if there is none.
    pub fn object(&self, cluster: &str, name: &ObjectName) -> Option<Value> {
        let clusters = self.0.fleet.clusters.borrow();
        let text = clusters.get(cluster)?.objects.get(&key_of(name))?;
        Some(serde_json::from_str(text).expect("it was read before"))
    }
}

impl Clusters for Host {
    fn types(cluster: &str, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>> {
        within(cluster, |contents| {
            let is = |served: &&ServedType, kind: &ApiKind| {
                let prefers = kind.api_version.is_empty() && !served.api_version.contains('/')
                    || kind.api_version.ends_with('/') && served.api_version.starts_with(&kind.api_version);
                served.kind == kind.kind && (prefers || served.api_version == kind.api_version)
            };
            Ok(wanted.iter().map(|kind| contents.types.iter().find(|served| is(served, kind)).cloned()).collect())
        })
    }

    fn all_types(cluster: &str) -> Result<Vec<ServedType>> {
        within(cluster, |contents| Ok(contents.types.clone()))
    }

    fn get(cluster: &str, names: &[ObjectName], _: Freshness) -> Result<Vec<Option<String>>> {
        within(cluster, |contents| Ok(names.iter().map(|name| contents.objects.get(&key_of(name)).cloned()).collect()))
    }

    fn get_managed(cluster: &str, name: &ObjectName) -> Result<Option<String>> {
        within(cluster, |contents| Ok(contents.objects.get(&key_of(name)).cloned()))
    }

    /// By type, namespace and labels of the form `KEY=VALUE`.
    fn list(cluster: &str, selection: &Selection, _: Freshness) -> Result<Vec<String>> {
        let labels: BTreeSet<_> = selection.labels.split(',').filter_map(|label| label.split_once('=')).collect();
        within(cluster, |contents| {
            let group = group(&selection.kind.api_version);
            let selected = contents.objects.iter().filter(|((of, kind, namespace, _), text)| {
                let object: Value = serde_json::from_str(text).unwrap_or_default();
                let has = |(key, value): &(&str, &str)| object["metadata"]["labels"][key] == *value;
                of == group
                    && *kind == selection.kind.kind
                    && (selection.namespace.is_empty() || *namespace == selection.namespace)
                    && labels.iter().all(has)
            });
            Ok(selected.map(|(_, text)| text.clone()).collect())
        })
    }

    fn write(cluster: &str, how: Write, object: &str, options: &WriteOptions) -> Result<String> {
        let key = key(object)?;
        within(cluster, |contents| {
            match (how, contents.objects.contains_key(&key)) {
                (Write::Create, true) => return Err(refused(409, "AlreadyExists", &key)),
                (Write::Replace, false) => return Err(refused(404, "NotFound", &key)),
                _ => {}
            }
            if !options.dry_run {
                contents.objects.insert(key, object.to_owned());
            }
            Ok(object.to_owned())
        })
    }

    fn merge(_: &str, _: &ObjectName, _: &str, _: &WriteOptions) -> Result<String> {
        Err(KubernetesError::Failed("the fake host merges nothing".to_owned()))
    }

    fn delete(cluster: &str, name: &ObjectName, options: &DeleteOptions) -> Result<Option<String>> {
        within(cluster, |contents| {
            if !options.dry_run {
                contents.objects.remove(&key_of(name));
            }
            Ok(None)
        })
    }

    fn recall(key: &str) -> Option<Vec<u8>> {
        last()?.fleet.remembered.borrow().get(key).cloned()
    }

    fn remember(key: &str, value: &[u8]) {
        if let Some(state) = last() {
            state.fleet.remembered.borrow_mut().insert(key.to_owned(), value.to_vec());
        }
    }

    fn fingerprint(bytes: &[u8]) -> String {
        super::digest(bytes)["sha256:".len()..][..16].to_owned()
    }
}

fn last() -> Option<std::rc::Rc<State>> {
    LAST.with(|last| last.borrow().upgrade())
}

fn within<T>(cluster: &str, ask: impl FnOnce(&mut Contents) -> Result<T>) -> Result<T> {
    let denied = || KubernetesError::Denied(format!("the cluster `{cluster}` is not granted"));
    let state = last().ok_or_else(denied)?;
    let mut clusters = state.fleet.clusters.borrow_mut();
    ask(clusters.get_mut(cluster).ok_or_else(denied)?)
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn key_of(name: &ObjectName) -> Key {
    (group(&name.api_version).to_owned(), name.kind.clone(), name.namespace.clone(), name.name.clone())
}

fn key(object: &str) -> Result<Key> {
    let object: Value = serde_json::from_str(object).map_err(|error| KubernetesError::Failed(error.to_string()))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, name) = (text(&object["kind"]), text(&metadata["name"]));
    if kind.is_empty() || name.is_empty() {
        return Err(KubernetesError::Failed("the object has no kind or no name".to_owned()));
    }
    Ok((group(&text(&object["apiVersion"])).to_owned(), kind, text(&metadata["namespace"]), name))
}

fn refused(code: u16, reason: &str, (_, kind, _, name): &Key) -> KubernetesError {
    let message = format!("{kind} {name}: {reason}");
    KubernetesError::Refused(Refusal { code, reason: reason.to_owned(), message, causes: Vec::new() })
}
