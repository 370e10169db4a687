//! What belongs to live objects: by their owner references.

use std::collections::{BTreeMap, BTreeSet};

use springline_sdk::kubernetes::{ApiKind, Cluster, Freshness, Selection};
use springline_sdk::prelude::*;

use crate::content::metadata;
use crate::live;
use crate::reference::{Kind, Ref};
use crate::scope::is_own;

/// The kinds that controllers make, as `apiVersion` and kind.
const MADE: &[(&str, &str)] = &[
    ("", "Pod"),
    ("apps/", "ReplicaSet"),
    ("batch/", "Job"),
    ("", "PersistentVolumeClaim"),
    ("apps/", "Deployment"),
    ("apps/", "StatefulSet"),
    ("apps/", "DaemonSet"),
    ("batch/", "CronJob"),
    ("", "Service"),
];

/// A live object that belongs to another one.
#[derive(Debug)]
pub struct Member {
    /// What it belongs to.
    pub parent: Ref,
    /// Its name.
    pub live: Ref,
    /// As it is.
    pub object: Value,
}

/// What belongs to these objects, parents before children.
pub fn members(roots: &[(Ref, Value)]) -> Vec<Member> {
    let mut by_owner: BTreeMap<String, Vec<(Ref, Value)>> = BTreeMap::new();
    for ((cluster, namespace), kinds) in wanted(roots) {
        for (api_version, kind) in kinds {
            for (live, object) in list(&cluster, &namespace, api_version, kind) {
                for owner in owners(&object, &live, roots) {
                    by_owner.entry(owner).or_default().push((live.clone(), object.clone()));
                }
            }
        }
    }
    let mut seen: BTreeSet<String> = roots.iter().map(|(_, object)| metadata(object, "uid").to_owned()).collect();
    let mut members = Vec::new();
    for (root, object) in roots {
        descend(root, metadata(object, "uid"), &by_owner, &mut seen, &mut members);
    }
    members
}

fn descend(
    parent: &Ref,
    uid: &str,
    by_owner: &BTreeMap<String, Vec<(Ref, Value)>>,
    seen: &mut BTreeSet<String>,
    members: &mut Vec<Member>,
) {
    for (live, object) in by_owner.get(uid).into_iter().flatten() {
        let own = metadata(object, "uid");
        if is_retired(object) && !by_owner.contains_key(own) || !seen.insert(own.to_owned()) {
            continue;
        }
        members.push(Member { parent: parent.clone(), live: live.clone(), object: object.clone() });
        descend(live, own, by_owner, seen, members);
    }
}

/// Whether a ReplicaSet is one of an earlier rollout.
fn is_retired(object: &Value) -> bool {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_i64);
    Kind::of(object).is("apps", "ReplicaSet")
        && number("/spec/replicas") == Some(0)
        && number("/status/replicas").unwrap_or(0) == 0
}

/// By cluster and namespace, the kinds that may belong to the objects.
fn wanted(roots: &[(Ref, Value)]) -> BTreeMap<(String, String), BTreeSet<(&'static str, &'static str)>> {
    let mut wanted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (root, _) in roots.iter().filter(|(root, _)| !root.namespace.is_empty()) {
        let place = (root.cluster.clone(), root.namespace.clone());
        wanted.entry(place).or_default().extend(MADE.iter().filter(|(_, made)| may_make(&root.kind, made)).copied());
    }
    wanted
}

/// Whether objects of a kind may come of another kind, also by way of others.
fn may_make(kind: &Kind, made: &str) -> bool {
    let kinds: &[&str] = match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => &["ReplicaSet", "Pod"],
        ("apps", "StatefulSet") => &["Pod", "PersistentVolumeClaim"],
        ("apps", "DaemonSet" | "ReplicaSet") | ("batch", "Job") | ("", "ReplicationController") => &["Pod"],
        ("batch", "CronJob") => &["Job", "Pod"],
        _ if is_own(kind) => &[],
        // A custom kind may make anything.
        _ => return true,
    };
    kinds.contains(&made)
}

fn list(cluster: &str, namespace: &str, api_version: &str, kind: &str) -> Vec<(Ref, Value)> {
    let selection = Selection { namespace: namespace.to_owned(), ..Selection::all(ApiKind::new(api_version, kind)) };
    let texts = match Cluster::new(cluster).list(&selection, Freshness::Any) {
        Ok(texts) => texts,
        Err(error) => {
            debug!("{kind} can't be listed in `{namespace}`: {error}");
            return Vec::new();
        }
    };
    let objects = texts.iter().filter_map(|text| live::object(text).ok());
    objects.map(|object| (Ref::of(cluster, &object), object)).collect()
}

/// The uids of what an object belongs to.
fn owners(object: &Value, live: &Ref, roots: &[(Ref, Value)]) -> Vec<String> {
    let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let mut owners: Vec<String> =
        references.filter_map(|reference| Some(reference.get("uid")?.as_str()?.to_owned())).collect();
    if owners.is_empty() && live.kind.is("", "PersistentVolumeClaim") {
        owners.extend(roots.iter().filter(|root| claims(root, live)).map(|(_, set)| metadata(set, "uid").to_owned()));
    }
    owners
}

/// Whether a StatefulSet made a claim: claims know it by their names alone, `TEMPLATE-SET-NUMBER`.
fn claims((root, set): &(Ref, Value), claim: &Ref) -> bool {
    if !root.kind.is("apps", "StatefulSet") || root.namespace != claim.namespace || root.cluster != claim.cluster {
        return false;
    }
    let templates = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
    templates.into_iter().any(|template| {
        let start = format!("{}-{}-", metadata(template, "name"), root.name);
        let number = claim.name.strip_prefix(&start);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;

    use super::*;

    fn object(api_version: &str, kind: &str, name: &str, owner: &str) -> Value {
        let owners = if owner.is_empty() { json!([]) } else { json!([{ "uid": owner }]) };
        json!({ "apiVersion": api_version, "kind": kind,
            "metadata": { "namespace": "shop", "name": name, "uid": name, "ownerReferences": owners } })
    }

    fn tree(host: &Host, root: &Value) -> Vec<String> {
        let _ = host;
        let members = members(&[(Ref::of("prod", root), root.clone())]);
        members.iter().map(|member| format!("{} > {}", member.parent.name, member.live.name)).collect()
    }

    #[test]
    fn children_follow_their_parents() {
        let host = Host::new();
        let mut old = object("apps/v1", "ReplicaSet", "web-old", "web");
        old["spec"] = json!({ "replicas": 0 });
        for object in [
            object("apps/v1", "ReplicaSet", "web-1", "web"),
            object("v1", "Pod", "web-1-a", "web-1"),
            object("v1", "Pod", "web-1-b", "web-1"),
            object("v1", "Pod", "other", ""),
            old,
        ] {
            host.put_object("prod", &object);
        }
        let web = object("apps/v1", "Deployment", "web", "");
        assert_eq!(tree(&host, &web), ["web > web-1", "web-1 > web-1-a", "web-1 > web-1-b"]);
        assert!(tree(&host, &object("v1", "Service", "web", "")).is_empty());
        let custom = object("x.io/v1", "Web", "web", "");
        assert_eq!(tree(&host, &custom).len(), 3);
    }

    #[test]
    fn a_stateful_set_s_claims_are_known_by_their_names() {
        let host = Host::new();
        for name in ["data-db-0", "data-db-x", "data-dbx-0", "log-db-0"] {
            host.put_object("prod", &object("v1", "PersistentVolumeClaim", name, ""));
        }
        let mut set = object("apps/v1", "StatefulSet", "db", "");
        set["spec"] = json!({ "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] });
        assert_eq!(tree(&host, &set), ["db > data-db-0"]);
    }
}
