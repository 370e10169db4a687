//! Fields that are left to somebody else: they are no drift, and applying does not touch them.

use springline_health::matches;
use springline_sdk::prelude::*;

use crate::config::Application;
use crate::owner::{HOOK_MARK, MARK};
use crate::reference::Ref;
use crate::trial::MANAGER;

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
        check(&self.pointers, place, violations);
    }
}

/// Fields of some objects that are left as they are in the cluster, as `sync.ignore` of springline.yaml
/// says it.
#[config]
pub struct Leave {
    /// A pattern of live names or of desired ids, in which `*` stands for any number of characters.
    pub objects: String,
    /// The fields, as JSON pointers such as `/spec/replicas`; a part that is `*` stands for every key
    /// or item.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Every field that one of these field managers owns.
    #[serde(default)]
    pub managers: Vec<String>,
}

impl Leave {
    /// Whether it is about this object.
    pub fn covers(&self, live: &Ref, id: &str) -> bool {
        matches(&self.objects, &live.to_string()) || matches(&self.objects, id)
    }

    /// Whether it is about whole objects.
    pub fn is_whole(&self) -> bool {
        self.pointers.is_empty() && self.managers.is_empty()
    }

    /// What is wrong with it. One without fields is about whole objects, and for the host alone.
    pub fn check(&self, place: &str, violations: &mut Vec<Violation>) {
        check(&self.pointers, place, violations);
    }
}

/// What is wrong with the fields of a rule.
fn check(pointers: &[String], place: &str, violations: &mut Vec<Violation>) {
    for (at, pointer) in pointers.iter().enumerate() {
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
    /// What the rules say of an object that is made from the desired one of this id.
    pub fn of(live: &Ref, id: &str, said: &Application) -> Self {
        let mut ignored = Self::default();
        let here = said.ignore.iter().filter(|rule| rule.covers(live)).map(|rule| (&rule.pointers, &rule.managers));
        let left = said.sync.ignore.iter().filter(|rule| rule.covers(live, id));
        for (pointers, managers) in here.chain(left.map(|rule| (&rule.pointers, &rule.managers))) {
            ignored.fields.extend(pointers.iter().map(|pointer| parts(pointer)));
            ignored.managers.extend(managers.iter().cloned());
        }
        ignored
    }

    /// Whether nothing is ignored.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.managers.is_empty()
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
        for (manager, fields) in managed(live) {
            if self.managers.iter().any(|ignored| ignored == manager) {
                keep_owned(applied, live, fields);
            }
        }
    }

    /// Whether an ignored field is there and is not to be applied: if it is ours from before, it would
    /// go, and what it is in the cluster would be overwritten with nothing.
    pub fn lets_go(&self, applied: &Value, live: &Value) -> bool {
        self.fields.iter().any(|field| lets_go(applied, live, field))
    }

    /// Puts those fields into what is to be applied that would go otherwise, by the live object's
    /// `managedFields`.
    pub fn hold(&self, applied: &mut Value, live: &Value) {
        for (_, ours) in managed(live).filter(|(manager, _)| *manager == MANAGER) {
            self.fields.iter().for_each(|field| hold(applied, live, ours, field));
        }
    }

    /// Takes the ignored fields out of an object that is compared. The items of its lists are those that
    /// are called alike in the desired object.
    pub fn strip(&self, object: &mut Value, desired: &Value) {
        for field in &self.fields {
            strip(object, Some(desired), field);
        }
    }
}

/// The managers of a live object and the fields that each owns, as `FieldsV1`.
fn managed(live: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| Some((entry.get("manager")?.as_str()?, entry.get("fieldsV1")?)))
}

/// The parts of a JSON pointer.
fn parts(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

fn keep(applied: &mut Value, live: Option<&Value>, field: &[String]) {
    let Some((part, rest)) = field.split_first() else { return };
    for key in keys(applied, part) {
        let live = live.and_then(|live| get(live, &twin(applied, live, &key)?));
        match (rest.is_empty(), live) {
            (true, Some(value)) => {
                if let Some(place) = get_mut(applied, &key) {
                    *place = value.clone();
                }
            }
            (true, None) => remove(applied, &key),
            // A new item of a list gets what is desired, as a new object does.
            (false, None) if applied.is_array() => {}
            (false, live) => {
                if let Some(below) = get_mut(applied, &key) {
                    keep(below, live, rest);
                }
            }
        }
    }
}

fn strip(object: &mut Value, desired: Option<&Value>, field: &[String]) {
    let Some((part, rest)) = field.split_first() else { return };
    let is_any = part == "*";
    let meant = if is_any { None } else { desired.and_then(|desired| twin(desired, object, part)) };
    for key in meant.map_or_else(|| keys(object, part), |key| vec![key]) {
        if rest.is_empty() {
            remove(object, &key);
        } else {
            let same = desired.and_then(|desired| get(desired, if is_any { &key } else { part }));
            if let Some(below) = get_mut(object, &key) {
                strip(below, same, rest);
            }
        }
    }
}

/// The key in `other` of what has this key in `one`: of an item of a list that has a name, that of the
/// item called alike, wherever it stands; none if there is none.
fn twin(one: &Value, other: &Value, key: &str) -> Option<String> {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    match (one, other) {
        (Value::Array(_), Value::Array(others)) => match get(one, key).and_then(name) {
            Some(called) => {
                others.iter().position(|item| name(item).as_ref() == Some(&called)).map(|at| at.to_string())
            }
            None => Some(key.to_owned()),
        },
        _ => Some(key.to_owned()),
    }
}

fn lets_go(applied: &Value, live: &Value, field: &[String]) -> bool {
    let Some((part, rest)) = field.split_first() else { return false };
    if rest.is_empty() {
        return applied.is_object() && get(applied, part).is_none() && get(live, part).is_some();
    }
    keys(applied, part).iter().any(|key| {
        let live = twin(applied, live, key).and_then(|twin| get(live, &twin));
        get(applied, key).zip(live).is_some_and(|(applied, live)| lets_go(applied, live, rest))
    })
}

fn hold(applied: &mut Value, live: &Value, ours: &Value, field: &[String]) {
    let Some((part, rest)) = field.split_first() else { return };
    if rest.is_empty() {
        if let (Value::Object(map), Some(value), true) = (applied, get(live, part), owns(ours, part, live).is_some()) {
            map.entry(part).or_insert_with(|| value.clone());
        }
        return;
    }
    for key in keys(applied, part) {
        let Some(there) = twin(applied, live, &key).and_then(|twin| get(live, &twin)) else { continue };
        if let (Some(ours), Some(below)) = (owns(ours, &key, there), get_mut(applied, &key)) {
            hold(below, there, ours, rest);
        }
    }
}

/// What of a field a `FieldsV1` owns: of a map by its key, of a list by the item that is there.
fn owns<'f>(fields: &'f Value, key: &str, there: &Value) -> Option<&'f Value> {
    let fields = fields.as_object()?;
    fields.get(&format!("f:{key}")).or_else(|| {
        let keys = |entry: &str| springline_sdk::serde_json::from_str::<Value>(entry.strip_prefix("k:")?).ok();
        fields.iter().find(|(entry, _)| keys(entry).is_some_and(|keys| has(there, &keys))).map(|(_, below)| below)
    })
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

    fn of(rule: Value) -> Ignored {
        Ignored::of(&web(), "web.yaml", &Application { ignore: vec![ignore(rule)], ..Application::default() })
    }

    fn leave(rule: Value) -> Ignored {
        let rule = springline_sdk::serde_json::from_value(rule).unwrap();
        let sync = crate::config::Sync { ignore: vec![rule], ..Default::default() };
        Ignored::of(&web(), "web.yaml", &Application { sync, ..Application::default() })
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
        let ignored = of(json!({ "kind": "Deployment.apps",
            "pointers": ["/spec/replicas", "/metadata/annotations/a~1b", "/spec/list/*/x", "/spec/gone"] }));
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
        ignored.strip(&mut compared, &bare);
        assert_eq!(
            compared,
            json!({ "metadata": { "annotations": {} }, "spec": { "list": [{ "y": 1 }, { "y": 2 }] } })
        );
    }

    #[test]
    fn fields_of_ignored_managers_keep_their_live_values() {
        let ignored = of(json!({ "kind": "*", "managers": ["scaler"] }));
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
        ignored.keep_managed(&mut applied, &live);
        assert_eq!(
            applied,
            json!({ "spec": { "replicas": 7, "paused": false, "containers": [{ "name": "c", "image": "live" }] } })
        );
    }

    #[test]
    fn patterns_stand_for_live_names_and_desired_ids() {
        for (objects, covered) in [
            ("prod/Deployment.apps/*", true),
            ("*/Deployment.apps/*/web", true),
            ("*.yaml", true),
            ("web.yaml", true),
            ("*", true),
            ("*eb*", true),
            ("prod/Deployment.apps/shop/web*", true),
            ("Deployment.apps/*", false),
            ("*/StatefulSet.apps/*", false),
            ("web", false),
            ("*web*web*web*", false),
        ] {
            let ignored = leave(json!({ "objects": objects, "pointers": ["/spec/replicas"] }));
            assert_eq!(!ignored.is_empty(), covered, "{objects}");
        }
    }

    #[test]
    fn an_index_means_the_item_that_is_called_so_wherever_it_is_in_the_cluster() {
        let ignored = leave(json!({ "objects": "*", "pointers": ["/spec/containers/0/image"] }));
        let git = json!({ "spec": { "containers": [{ "name": "web", "image": "git" }] } });
        let live =
            json!({ "spec": { "containers": [{ "name": "mesh", "image": "m" }, { "name": "web", "image": "live" }] } });
        let mut applied = git.clone();
        ignored.keep(&mut applied, &live);
        assert_eq!(applied["spec"]["containers"], json!([{ "name": "web", "image": "live" }]));
        let mut compared = live.clone();
        ignored.strip(&mut compared, &git);
        assert_eq!(compared["spec"]["containers"], json!([{ "name": "mesh", "image": "m" }, { "name": "web" }]));
        // One that is not there yet is made as it is desired.
        let mut applied = git.clone();
        ignored.keep(&mut applied, &json!({ "spec": { "containers": [{ "name": "mesh", "image": "m" }] } }));
        assert_eq!(applied, git);
    }

    #[test]
    fn an_ignored_field_that_leaves_the_manifest_stays_as_it_is_in_the_cluster() {
        let pointers = ["/spec/replicas", "/spec/containers/0/tty", "/spec/paused"];
        let ignored = leave(json!({ "objects": "*", "pointers": pointers }));
        let live = json!({
            "metadata": { "managedFields": [
                { "manager": "springline", "fieldsV1": { "f:spec": { "f:replicas": {},
                    "f:containers": { "k:{\"name\":\"c\"}": { "f:tty": {} } } } } },
                { "manager": "other", "fieldsV1": { "f:spec": { "f:paused": {} } } },
            ] },
            "spec": { "replicas": 7, "paused": true, "containers": [{ "name": "c", "tty": true }] },
        });
        let mut applied = json!({ "spec": { "containers": [{ "name": "c" }] } });
        assert!(ignored.lets_go(&applied, &live));
        ignored.hold(&mut applied, &live);
        assert_eq!(applied, json!({ "spec": { "replicas": 7, "containers": [{ "name": "c", "tty": true }] } }));
        let said = json!({ "spec": { "replicas": 2, "paused": false, "containers": [{ "name": "c", "tty": false }] } });
        assert!(!ignored.lets_go(&said, &live));
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
