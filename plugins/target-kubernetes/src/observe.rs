//! Looks at live objects, and judges them.

use springline_health::{Rules, Status, Verdict};
use springline_sdk::HealthStatus;
use springline_sdk::kubernetes::{Cluster, Freshness, KubernetesError, Selection};
use springline_sdk::prelude::*;
use springline_sdk::serde_json::from_slice;

use crate::config::Config;
use crate::content::{meaningful, version};
use crate::live;
use crate::options::Options;
use crate::owner::{MARK, Owner, owner_of};
use crate::reference::{Kind, Ref};
use crate::refusal::reading;

/// Kinds whose labels are copied from other objects, and that nobody deploys.
const COPIES: &[(&str, &str)] =
    &[("Event", ""), ("Event", "events.k8s.io"), ("Endpoints", ""), ("EndpointSlice", "discovery.k8s.io")];

/// Live objects as they are.
pub fn observe(refs: &[String]) -> Result<Vec<Observed>> {
    let parsed = refs.iter().map(|text| Ref::parse(text)).collect::<Result<Vec<_>>>()?;
    let found = live::get_refs(&parsed, Freshness::Any)?;
    let observed = |(live, there): (&String, Option<Value>)| Observed {
        live: live.clone(),
        version: there.as_ref().map(|there| version(&meaningful(there))),
        state: there.map(|there| judged(there).to_string().into_bytes()).unwrap_or_default(),
    };
    Ok(refs.iter().zip(found).map(observed).collect())
}

/// What an object is judged by: not what it holds for others to read.
fn judged(mut object: Value) -> Value {
    let kind = Kind::of(&object);
    if let (true, Some(map)) = (kind.is_secret() || kind.is("", "ConfigMap"), object.as_object_mut()) {
        for key in ["data", "binaryData", "stringData"] {
            map.shift_remove(key);
        }
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.shift_remove("annotations");
        }
    }
    object
}

/// Judges one observed object.
pub fn judge(config: &Config, observed: &Observed) -> Result<Health> {
    if observed.version.is_none() {
        return Ok(Health::new(HealthStatus::Missing, "it is not there"));
    }
    let object: Value = from_slice(&observed.state)
        .map_err(|error| Error::failed(format!("`{}` was not observed: {error}", observed.live)))?;
    Ok(health(&config.rules_for(&object)?, &object))
}

/// How an object is.
pub fn health(rules: &Rules, object: &Value) -> Health {
    if Options::of(object).ignore_health {
        return Health::healthy();
    }
    let Verdict { status, message } = rules.judge(object);
    let status = match status {
        Status::Healthy => HealthStatus::Healthy,
        Status::Progressing => HealthStatus::Progressing,
        Status::Degraded => HealthStatus::Degraded,
        Status::Missing => HealthStatus::Missing,
        Status::Suspended => HealthStatus::Suspended,
        Status::Unknown => HealthStatus::Unknown,
    };
    Health::new(status, message)
}

/// What carries this application's mark: by the label, of every kind that may be listed.
pub fn owned(config: &Config, owner: &Owner) -> Result<Vec<String>> {
    let cluster = Cluster::new(&config.cluster);
    let mut owned = Vec::new();
    for served in cluster.all_types().map_err(reading)? {
        let kind = Kind::new(&served.api_version, &served.kind);
        if COPIES.iter().any(|(name, group)| kind.is(group, name)) {
            continue;
        }
        let mut selection = Selection {
            labels: format!("{MARK}={}", owner.label()),
            ..Selection::all(springline_sdk::kubernetes::ApiKind::new(&served.api_version, &served.kind))
        };
        let mut listed = cluster.list(&selection, Freshness::Any);
        if served.namespaced && listed.as_ref().is_err_and(is_narrow) {
            // All that is granted may be more than what this user may see.
            config.default_namespace().clone_into(&mut selection.namespace);
            listed = cluster.list(&selection, Freshness::Any);
        }
        let texts = match listed {
            Ok(texts) => texts,
            Err(error) if is_narrow(&error) => {
                debug!("{kind} can't be listed: {error}");
                continue;
            }
            Err(error) => return Err(reading(error)),
        };
        for text in texts {
            let object = live::object(&text)?;
            if owner_of(&object) == Some(&owner.name) && !is_controlled(&object) {
                owned.push(Ref { kind: kind.clone(), ..Ref::of(&config.cluster, &object) }.to_string());
            }
        }
    }
    owned.sort_unstable();
    owned.dedup();
    Ok(owned)
}

/// Whether something else made it, and gave it its own labels.
fn is_controlled(object: &Value) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    owners.into_iter().any(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

fn is_narrow(error: &KubernetesError) -> bool {
    match error {
        KubernetesError::Denied(_) | KubernetesError::UnknownType(_) => true,
        KubernetesError::Refused(refusal) => matches!(refusal.code, 403..=405),
        _ => false,
    }
}
