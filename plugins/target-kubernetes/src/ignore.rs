//! Fields that are left to somebody else: they are no drift, and applying does not touch them.

use springline_sdk::prelude::*;

use crate::owner::{HOOK_MARK, MARK};
use crate::reference::Ref;

/// Fields of some objects that are left as they are in the cluster.
#[config]
pub struct Ignore {
    /// The kind: `Deployment.apps`, `Service`; `*` stands for any kind, `*.apps` for any of a group.
    pub kind: String,
    /// The name; a `*` at its end stands for anything. Without it, every object of the kind.
    #[serde(default)]
    pub name: Option<String>,
    /// The namespace. Without it, every one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The fields, as JSON pointers such as `/spec/replicas`; a part that is `*` stands for every key
    /// or item.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Every field that one of these field managers owns, such as `kube-controller-manager`.
    #[serde(default)]
    pub managers: Vec<String>,
}

impl Ignore {
    /// Whether it is about this object.
    pub fn covers(&self, live: &Ref) -> bool {
        let (kind, group) = self.kind.split_once('.').unwrap_or((&self.kind, ""));
        let any = self.kind == "*";
        let is_kind = any || (kind == "*" || kind == live.kind.kind) && group == live.kind.group;
        let is_name = self.name.as_deref().is_none_or(|name| match name.strip_suffix('*') {
            Some(start) => live.name.starts_with(start),
            None => name == live.name,
        });
        is_kind && is_name && self.namespace.as_deref().is_none_or(|namespace| namespace == live.namespace)
    }

    /// What is wrong with it.
    pub fn check(&self, place: &str, violations: &mut Vec<Violation>) {
        if self.pointers.is_empty() && self.managers.is_empty() {
            let message = "this ignores nothing: it needs `pointers` or `managers`";
            violations.push(Violation::new(message).pointer(place));
        }
        for (at, pointer) in self.pointers.iter().enumerate() {
            let parts = parts(pointer);
            let problem = if parts.is_empty() || !pointer.starts_with('/') {
                Some("a JSON pointer begins with `/`, such as `/spec/replicas`")
            } else if is_identity(&parts) {
                Some("what an object is can't be ignored")
            } else {
                None
            };
            if let Some(problem) = problem {
                violations.push(Violation::new(problem).pointer(format!("{place}/pointers/{at}")));
            }
        }
    }
}

/// Whether a field is what an object is, or holds it: what it is called, and whose it is.
fn is_identity(parts: &[String]) -> bool {
    let mut parts = parts.iter().map(String::as_str);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("apiVersion" | "kind" | "*"), ..) | (Some("metadata"), None, _) => true,
        (Some("metadata"), Some("labels" | "annotations"), key) => matches!(key, Some(MARK | HOOK_MARK)),
        (Some("metadata"), Some(field), _) => matches!(field, "*" | "name" | "namespace"),
        _ => false,
    }
}

/// What is ignored of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    /// The fields, as pointers in their parts.
    pub fields: Vec<Vec<String>>,
    /// The managers.
    pub managers: Vec<String>,
}

impl Ignored {
    /// What the rules say of an object.
    pub fn of(live: &Ref, rules: &[Ignore]) -> Self {
        let mut ignored = Self::default();
        for rule in rules.iter().filter(|rule| rule.covers(live)) {
            ignored.fields.extend(rule.pointers.iter().map(|pointer| parts(pointer)));
            ignored.managers.extend(rule.managers.iter().cloned());
        }
        ignored
    }

    /// Puts the values that ignored fields have in the cluster into what is to be applied, so that
    /// applying changes none of them. A field that is not applied is left alone.
    pub fn keep(&self, applied: &mut Value, live: &Value) {
        for field in &self.fields {
            keep(applied, Some(live), field);
        }
    }

    /// The same for the fields that ignored managers own, by the live object's `managedFields`.
    pub fn keep_managed(&self, applied: &mut Value, live: &Value) {
        let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
        let is_ignored = |entry: &&Value| {
            let manager = entry.get("manager").and_then(Value::as_str).unwrap_or_default();
            self.managers.iter().any(|ignored| ignored == manager)
        };
        for fields in entries.filter(is_ignored).filter_map(|entry| entry.get("fieldsV1")) {
            keep_owned(applied, live, fields);
        }
    }

    /// Takes the ignored fields out of an object that is compared.
    pub fn strip(&self, object: &mut Value) {
        for field in &self.fields {
            strip(object, field);
        }
    }
}

/// The parts of a JSON pointer.
fn parts(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

fn keep(applied: &mut Value, live: Option<&Value>, field: &[String]) {
    let Some((part, rest)) = field.split_first() else { return };
    for key in keys(applied, part) {
        let live = live.and_then(|live| get(live, &key));
        match (rest.is_empty(), live) {
            (true, Some(value)) => {
                if let Some(place) = get_mut(applied, &key) {
                    *place = value.clone();
                }
            }
            (true, None) => remove(applied, &key),
            (false, live) => {
                if let Some(below) = get_mut(applied, &key) {
                    keep(below, live, rest);
                }
            }
        }
    }
}

fn strip(object: &mut Value, field: &[String]) {
    let Some((part, rest)) = field.split_first() else { return };
    for key in keys(object, part) {
        if rest.is_empty() {
            remove(object, &key);
        } else if let Some(below) = get_mut(object, &key) {
            strip(below, rest);
        }
    }
}

/// The keys of a value that a part stands for, those of a list from its end, so that removing one
/// does not move the next.
fn keys(value: &Value, part: &str) -> Vec<String> {
    match value {
        Value::Object(map) if part == "*" => map.keys().cloned().collect(),
        Value::Array(items) if part == "*" => (0..items.len()).rev().map(|at| at.to_string()).collect(),
        _ if get(value, part).is_some() => vec![part.to_owned()],
        _ => Vec::new(),
    }
}

fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn get_mut<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn remove(value: &mut Value, key: &str) {
    match value {
        Value::Object(map) => drop(map.shift_remove(key)),
        Value::Array(items) => {
            if let Some(at) = key.parse().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// Puts the live values of the fields that `fields` names into `applied`. `fields` is a `FieldsV1`:
/// `f:NAME` is a field, `k:{…}` the item of a list that has these keys; an empty one is all there is.
fn keep_owned(applied: &mut Value, live: &Value, fields: &Value) {
    let Some(fields) = fields.as_object() else { return };
    for (key, below) in fields {
        let is_leaf = below.as_object().is_none_or(springline_sdk::serde_json::Map::is_empty);
        if let Some(name) = key.strip_prefix("f:") {
            let (Some(place), live) = (applied.get_mut(name), live.get(name)) else { continue };
            match live {
                Some(value) if is_leaf => *place = value.clone(),
                Some(value) => keep_owned(place, value, below),
                None => {}
            }
        } else if let Some(item) = key.strip_prefix("k:") {
            let Ok(keys) = springline_sdk::serde_json::from_str::<Value>(item) else { continue };
            let live = live.as_array().and_then(|items| items.iter().find(|item| has(item, &keys)));
            let place = applied.as_array_mut().and_then(|items| items.iter_mut().find(|item| has(item, &keys)));
            if let (Some(live), Some(place)) = (live, place) {
                keep_owned(place, live, below);
            }
        }
    }
}

fn has(item: &Value, keys: &Value) -> bool {
    keys.as_object().is_some_and(|keys| keys.iter().all(|(key, value)| item.get(key) == Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignore(rule: Value) -> Ignore {
        springline_sdk::serde_json::from_value(rule).unwrap()
    }

    fn web() -> Ref {
        Ref::parse("prod/Deployment.apps/shop/web").unwrap()
    }

    #[test]
    fn rules_cover_kinds_names_and_namespaces() {
        for (rule, covered) in [
            (json!({ "kind": "Deployment.apps" }), true),
            (json!({ "kind": "*.apps", "name": "w*" }), true),
            (json!({ "kind": "*", "namespace": "shop" }), true),
            (json!({ "kind": "Deployment" }), false),
            (json!({ "kind": "Deployment.apps", "name": "we" }), false),
            (json!({ "kind": "Deployment.apps", "namespace": "other" }), false),
        ] {
            assert_eq!(ignore(rule.clone()).covers(&web()), covered, "{rule}");
        }
    }

    #[test]
    fn ignored_fields_keep_their_live_values() {
        let rule = ignore(json!({ "kind": "Deployment.apps",
            "pointers": ["/spec/replicas", "/metadata/annotations/a~1b", "/spec/list/*/x", "/spec/gone"] }));
        let ignored = Ignored::of(&web(), &[rule]);
        let live = json!({ "metadata": { "annotations": { "a/b": "live" } },
            "spec": { "replicas": 7, "list": [{ "x": 1, "y": 1 }, { "y": 2 }] } });
        let mut applied = json!({ "metadata": { "annotations": { "a/b": "git" } },
            "spec": { "replicas": 2, "gone": true, "list": [{ "x": 9, "y": 9 }, { "x": 9, "y": 9 }] } });
        ignored.keep(&mut applied, &live);
        assert_eq!(
            applied,
            json!({ "metadata": { "annotations": { "a/b": "live" } },
                "spec": { "replicas": 7, "list": [{ "x": 1, "y": 9 }, { "y": 9 }] } })
        );
        let mut bare = json!({ "spec": { "x": 1 } });
        ignored.keep(&mut bare, &live);
        assert_eq!(bare, json!({ "spec": { "x": 1 } }));
        let mut compared = live.clone();
        ignored.strip(&mut compared);
        assert_eq!(
            compared,
            json!({ "metadata": { "annotations": {} }, "spec": { "list": [{ "y": 1 }, { "y": 2 }] } })
        );
    }

    #[test]
    fn fields_of_ignored_managers_keep_their_live_values() {
        let rule = ignore(json!({ "kind": "*", "managers": ["scaler"] }));
        let live = json!({
            "metadata": { "managedFields": [
                { "manager": "scaler", "fieldsV1": { "f:spec": { "f:replicas": {},
                    "f:containers": { "k:{\"name\":\"c\"}": { ".": {}, "f:image": {}, "f:new": {} } } } } },
                { "manager": "other", "fieldsV1": { "f:spec": { "f:paused": {} } } },
            ] },
            "spec": { "replicas": 7, "paused": true, "containers": [{ "name": "b", "image": "b" }, { "name": "c", "image": "live", "new": 1 }] },
        });
        let mut applied =
            json!({ "spec": { "replicas": 2, "paused": false, "containers": [{ "name": "c", "image": "git" }] } });
        Ignored::of(&web(), &[rule]).keep_managed(&mut applied, &live);
        assert_eq!(
            applied,
            json!({ "spec": { "replicas": 7, "paused": false, "containers": [{ "name": "c", "image": "live" }] } })
        );
    }

    #[test]
    fn rules_that_can_t_be_meant_are_refused() {
        let told = |rule: Value| {
            let mut violations = Vec::new();
            ignore(rule).check("/application/ignore/0", &mut violations);
            violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        for pointer in ["/spec", "/metadata/labels", "/metadata/annotations/a"] {
            assert_eq!(told(json!({ "kind": "*", "pointers": [pointer] })), "");
        }
        assert!(told(json!({ "kind": "*" })).starts_with("/application/ignore/0: this ignores nothing"));
        assert!(
            told(json!({ "kind": "*", "pointers": ["spec.replicas"] }))
                .starts_with("/application/ignore/0/pointers/0: a JSON pointer begins with")
        );
        let marks =
            ["annotations/springline.dev~1owner", "annotations/springline.dev~1hook", "labels/springline.dev~1owner"]
                .map(|mark| format!("/metadata/{mark}"));
        let others =
            ["/kind", "/*", "/metadata", "/metadata/*", "/metadata/*/*", "/metadata/name", "/metadata/namespace"];
        for pointer in others.map(str::to_owned).into_iter().chain(marks) {
            assert!(told(json!({ "kind": "*", "pointers": [pointer] })).contains("what an object is"), "{pointer}");
        }
    }
}
