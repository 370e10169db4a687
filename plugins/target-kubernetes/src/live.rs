//! Reads live objects.

use std::collections::BTreeMap;

use springline_sdk::kubernetes::{ApiKind, Cluster, Freshness, KubernetesError, ObjectName};
use springline_sdk::prelude::*;
use springline_sdk::serde_json::from_str;

use crate::reference::Ref;
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

/// Whether there can be such an object: not where its kind is in no namespace and it names one, or the
/// other way round. Such refs are left of objects whose kind was not known when they were first planned.
pub fn is_possible(live: &Ref) -> bool {
    let kind = ApiKind::new(live.kind.any_version(), &live.kind.kind);
    let served = Cluster::new(&live.cluster).types(&[kind]);
    // What can't be asked is told when the object itself is asked for.
    let Ok([Some(served)]) = served.as_deref() else { return true };
    served.namespaced != live.namespace.is_empty()
}

/// What is to be removed may lie where the grants don't reach any more: then it is left there.
pub fn get_reachable(refs: Vec<Ref>) -> Result<Vec<(Ref, Option<Value>)>> {
    let mut places: BTreeMap<(String, String), Vec<Ref>> = BTreeMap::new();
    for live in refs {
        places.entry((live.cluster.clone(), live.namespace.clone())).or_default().push(live);
    }
    let mut found = Vec::new();
    for ((cluster, _), refs) in places {
        let (refs, impossible): (Vec<_>, Vec<_>) = refs.into_iter().partition(is_possible);
        found.extend(impossible.into_iter().map(|live| (live, None)));
        if refs.is_empty() {
            continue;
        }
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
