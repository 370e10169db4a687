//! Reads live objects.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use springline_sdk::kubernetes::{ApiKind, Cluster, Freshness, KubernetesError, ObjectName};
use springline_sdk::prelude::*;
use springline_sdk::serde_json::from_str;

use crate::reference::{Kind, Ref};
use crate::refusal::reading;

/// The objects of these names, in their order; none for one that is absent.
pub fn get(cluster: &Cluster, names: &[ObjectName], freshness: Freshness) -> Result<Vec<Option<Value>>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let texts = cluster.get(names, freshness).map_err(reading)?;
    texts.into_iter().map(|text| text.map(|text| object(&text)).transpose()).collect()
}

/// One object; none if it is absent.
pub fn get_one(live: &Ref, freshness: Freshness) -> Result<Option<Value>> {
    Ok(get(&Cluster::new(&live.cluster), &[live.object_name()], freshness)?.pop().flatten())
}

/// An object as a cluster gave it.
pub fn object(text: &str) -> Result<Value> {
    from_str(text).map_err(|error| Error::failed(format!("the cluster's answer is no object: {error}")))
}

/// The objects of these refs, wherever they are, in their order.
pub fn get_refs(refs: &[Ref], freshness: Freshness) -> Result<Vec<Option<Value>>> {
    let mut clusters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, live) in refs.iter().enumerate() {
        clusters.entry(&live.cluster).or_default().push(at);
    }
    let mut found: Vec<Option<Value>> = refs.iter().map(|_| None).collect();
    for (cluster, places) in clusters {
        let names: Vec<_> = places.iter().map(|at| refs[*at].object_name()).collect();
        for (at, object) in places.into_iter().zip(get(&Cluster::new(cluster), &names, freshness)?) {
            found[at] = object;
        }
    }
    Ok(found)
}

/// Whether there can be such an object.
pub fn is_possible(live: &Ref) -> bool {
    scopes(slice::from_ref(live)).admit(live)
}

/// Which kinds are in namespaces.
struct Scopes<'r>(BTreeMap<(&'r str, &'r Kind), bool>);

/// Asks every cluster once for the kinds of these refs.
fn scopes(refs: &[Ref]) -> Scopes<'_> {
    let mut kinds: BTreeMap<&str, BTreeSet<&Kind>> = BTreeMap::new();
    for live in refs {
        kinds.entry(&live.cluster).or_default().insert(&live.kind);
    }
    let mut scopes = BTreeMap::new();
    for (cluster, kinds) in kinds {
        let wanted: Vec<_> = kinds.iter().map(|kind| ApiKind::new(kind.any_version(), &kind.kind)).collect();
        // What can't be asked is told when the object itself is asked for.
        let Ok(types) = Cluster::new(cluster).types(&wanted) else { continue };
        let known = kinds.into_iter().zip(types);
        scopes.extend(known.filter_map(|(kind, served)| Some(((cluster, kind), served?.namespaced))));
    }
    Scopes(scopes)
}

impl Scopes<'_> {
    /// Whether there can be such an object: not where its kind is in no namespace and it names one, or
    /// the other way round. Such refs are left of objects whose kind was not known when they were first
    /// planned.
    fn admit(&self, live: &Ref) -> bool {
        self.0
            .get(&(live.cluster.as_str(), &live.kind))
            .is_none_or(|namespaced| *namespaced != live.namespace.is_empty())
    }
}

/// What is to be removed may lie where the grants don't reach any more: then it is left there.
pub fn get_reachable(refs: Vec<Ref>) -> Result<Vec<(Ref, Option<Value>)>> {
    let mut places: BTreeMap<(String, String), Vec<Ref>> = BTreeMap::new();
    let mut found = Vec::new();
    let scopes = scopes(&refs);
    for live in &refs {
        if scopes.admit(live) {
            places.entry((live.cluster.clone(), live.namespace.clone())).or_default().push(live.clone());
        } else {
            found.push((live.clone(), None));
        }
    }
    for ((cluster, _), refs) in places {
        let names: Vec<_> = refs.iter().map(Ref::object_name).collect();
        match Cluster::new(cluster).get(&names, Freshness::Any) {
            Ok(texts) => {
                for (live, text) in refs.into_iter().zip(texts) {
                    found.push((live, text.map(|text| object(&text)).transpose()?));
                }
            }
            Err(KubernetesError::Denied(message)) => {
                for live in refs {
                    warn!("`{live}` is no longer desired and can't be removed: {message}");
                }
            }
            Err(other) => return Err(reading(other)),
        }
    }
    Ok(found)
}
