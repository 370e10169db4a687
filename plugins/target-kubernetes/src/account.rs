//! Why live objects are not healthy: what they say, what their children complain of, and what
//! happened to them.

use std::collections::BTreeMap;

use springline_health::Rules;
use springline_sdk::kubernetes::{ApiKind, Cluster, Freshness, Selection};
use springline_sdk::prelude::*;
use springline_sdk::{Account, HealthStatus};

use crate::content::{self, held_by, metadata, text};
use crate::family::{Member, members};
use crate::live;
use crate::observe::health;
use crate::reference::{Kind, Ref};

/// How many children of one object are heard.
const CHILDREN: usize = 10;
/// How many events of one object are told.
const EVENTS: usize = 5;
/// How many lines an account has.
const LINES: usize = 20;

/// Conditions that are bad when they hold; all others when they do not.
const BAD: &[&str] = &[
    "Degraded",
    "DisruptionTarget",
    "Failed",
    "FailureTarget",
    "NonStructuralSchema",
    "ReplicaFailure",
    "Stalled",
    "Suspended",
    "Terminating",
];

/// Why these objects are as they are.
pub fn accounts(rules: &Rules, refs: &[Ref]) -> Result<Vec<Account>> {
    let found = live::get_refs(refs, Freshness::Any)?;
    let roots: Vec<(Ref, Value)> =
        refs.iter().zip(&found).filter_map(|(live, there)| Some((live.clone(), there.clone()?))).collect();
    let family = members(&roots);
    let account = |(live, there): (&Ref, &Option<Value>)| Account {
        live: live.to_string(),
        lines: there.as_ref().map(|there| lines(rules, live, there, &family)).unwrap_or_default(),
    };
    Ok(refs.iter().zip(&found).map(account).collect())
}

fn lines(rules: &Rules, live: &Ref, there: &Value, family: &[Member]) -> Vec<String> {
    let unhealthy: Vec<&Member> = descendants(live, family)
        .into_iter()
        .filter(|member| {
            let status = health(rules, &member.object).status;
            !matches!(status, HealthStatus::Healthy | HealthStatus::Suspended)
        })
        .take(CHILDREN)
        .collect();
    let mut lines: Vec<String> = held_by(there).into_iter().collect();
    lines.extend(complaints(there));
    for member in &unhealthy {
        let name = format!("{} {}", member.live.kind.kind, member.live.name);
        let own = held_by(&member.object).into_iter().chain(complaints(&member.object));
        lines.extend(own.map(|line| format!("{name}: {line}")));
    }
    lines.extend(conditions(there));
    lines.extend(events(live, there));
    for member in &unhealthy {
        let name = format!("{} {}", member.live.kind.kind, member.live.name);
        lines.extend(conditions(&member.object).into_iter().map(|line| format!("{name}: {line}")));
        lines.extend(events(&member.live, &member.object).into_iter().map(|line| format!("{name}: {line}")));
    }
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        if told.len() < LINES && !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

fn descendants<'f>(live: &Ref, family: &'f [Member]) -> Vec<&'f Member> {
    let mut known: Vec<&Ref> = vec![live];
    let mut found = Vec::new();
    // Parents come before their children.
    for member in family {
        if known.contains(&&member.parent) {
            known.push(&member.live);
            found.push(member);
        }
    }
    found
}

/// What the containers of a Pod complain of.
fn complaints(object: &Value) -> Vec<String> {
    if !Kind::of(object).is("", "Pod") {
        return Vec::new();
    }
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let containers = statuses.iter().filter_map(|pointer| object.pointer(pointer)?.as_array()).flatten();
    let mut lines: Vec<String> = containers.filter_map(container).collect();
    let reason = text(&object["status"], "reason");
    if !reason.is_empty() {
        lines.push(sentence(reason, text(&object["status"], "message")));
    }
    lines
}

fn container(status: &Value) -> Option<String> {
    let name = text(status, "name");
    let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
    let ended = |state: &Value| {
        let code = state.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
        let message = text(state, "message");
        format!("exit code {code}, {}", sentence(text(state, "reason"), message.trim()))
    };
    let last = status.pointer("/lastState/terminated").map(ended);
    let last =
        last.map(|last| format!("; it ended before with {last}; restarted {restarts} times")).unwrap_or_default();
    if let Some(waiting) = status.pointer("/state/waiting") {
        let reason = text(waiting, "reason");
        if !matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            return Some(format!("container {name} waits: {}{last}", sentence(reason, text(waiting, "message"))));
        }
    }
    let terminated = status.pointer("/state/terminated")?;
    let failed = terminated.get("exitCode").and_then(Value::as_i64) != Some(0);
    failed.then(|| format!("container {name} ended with {}", ended(terminated)))
}

/// The conditions that speak against an object.
fn conditions(object: &Value) -> Vec<String> {
    let line = |condition: &Value| {
        let (kind, status) = (text(condition, "type"), text(condition, "status"));
        let bad = if BAD.contains(&kind) { status == "True" } else { status == "False" || status == "Unknown" };
        let reason = sentence(text(condition, "reason"), text(condition, "message"));
        bad.then(|| format!("{kind} is {status}{}{reason}", if reason.is_empty() { "" } else { ": " }))
    };
    content::conditions(object).filter_map(line).collect()
}

/// The warnings about an object, the last first.
fn events(live: &Ref, object: &Value) -> Vec<String> {
    let uid = metadata(object, "uid");
    if uid.is_empty() {
        return Vec::new();
    }
    // Events about objects of the whole cluster are in the default namespace.
    let namespace = if live.namespace.is_empty() { "default" } else { &live.namespace };
    let selection = Selection {
        namespace: namespace.to_owned(),
        fields: format!("involvedObject.uid={uid},type=Warning"),
        ..Selection::all(ApiKind::new("v1", "Event"))
    };
    match Cluster::new(&live.cluster).list(&selection, Freshness::Live) {
        Ok(texts) => warnings(texts.iter().filter_map(|text| live::object(text).ok()).collect()),
        Err(error) => {
            debug!("the events of `{live}` can't be listed: {error}");
            Vec::new()
        }
    }
}

fn warnings(events: Vec<Value>) -> Vec<String> {
    let mut said: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for event in &events {
        let line = sentence(text(event, "reason"), text(event, "message").trim());
        let series = event.get("series");
        let times =
            [text(&event["series"], "lastObservedTime"), text(event, "lastTimestamp"), text(event, "eventTime")];
        let time = times.into_iter().find(|time| !time.is_empty()).unwrap_or_default();
        let count = series.unwrap_or(event).get("count").and_then(Value::as_u64).unwrap_or(1);
        let (last, total) = said.entry(line).or_default();
        if time > last.as_str() {
            time.clone_into(last);
        }
        *total += count;
    }
    let mut said: Vec<_> = said.into_iter().collect();
    said.sort_by(|a, b| b.1.0.cmp(&a.1.0));
    let line = |(line, (_, count)): (String, (String, u64))| {
        if count > 1 { format!("warning: {line} ({count} times)") } else { format!("warning: {line}") }
    };
    said.into_iter().take(EVENTS).map(line).collect()
}

fn sentence(reason: &str, message: &str) -> String {
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        _ => format!("{reason}{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(container: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "status": { "containerStatuses": [container] } })
    }

    #[test]
    fn containers_complain() {
        let waiting = pod(json!({ "name": "web", "restartCount": 4,
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s" } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } } }));
        assert_eq!(
            complaints(&waiting),
            [
                "container web waits: CrashLoopBackOff: back-off 5m0s; it ended before with exit code 1, Error; restarted 4 times"
            ]
        );
        let ended =
            pod(json!({ "name": "job", "state": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } } }));
        assert_eq!(complaints(&ended), ["container job ended with exit code 137, OOMKilled"]);
        let fine = pod(json!({ "name": "web", "state": { "running": {} } }));
        assert!(complaints(&fine).is_empty());
        let starting = pod(json!({ "name": "web", "state": { "waiting": { "reason": "ContainerCreating" } } }));
        assert!(complaints(&starting).is_empty());
    }

    #[test]
    fn conditions_that_speak_against_it_are_told() {
        let object = json!({ "status": { "conditions": [
            { "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "too few" },
            { "type": "Progressing", "status": "True" },
            { "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate" },
            { "type": "Stalled", "status": "False" },
        ] } });
        assert_eq!(
            conditions(&object),
            ["Available is False: MinimumReplicasUnavailable: too few", "ReplicaFailure is True: FailedCreate"]
        );
    }

    #[test]
    fn the_last_warning_comes_first_and_each_once() {
        let event = |reason: &str, time: &str, count: u64| json!({ "reason": reason, "message": "m", "lastTimestamp": time, "count": count });
        assert_eq!(
            warnings(vec![event("A", "2026-01-01", 1), event("B", "2026-01-02", 2), event("B", "2026-01-03", 3)]),
            ["warning: B: m (5 times)", "warning: A: m"]
        );
    }
}
