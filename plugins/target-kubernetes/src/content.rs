//! What of an object is meant by somebody, and what the API server or a controller keeps in it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use springline_sdk::kubernetes::fingerprint;
use springline_sdk::prelude::*;
use springline_sdk::serde_json::Map;

use crate::reference::Kind;
use crate::scope::is_own;

/// What kubectl keeps of what it applied; of a Secret, its values.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What the API server keeps in every object's metadata.
const BOOKKEEPING: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// An object without its status and the API server's bookkeeping.
pub fn meaningful(object: &Value) -> Value {
    let mut content = object.clone();
    drop_bookkeeping(&mut content);
    let metadata = content.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(Value::Object(annotations)) = metadata.and_then(|metadata| metadata.get_mut("annotations")) {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            remove(&mut content, "annotations");
        }
    }
    content.sort_all_objects();
    content
}

/// What identifies the content of an object.
pub fn version(content: &Value) -> String {
    fingerprint(content.to_string().as_bytes())
}

fn drop_bookkeeping(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    map.shift_remove("status");
    for key in BOOKKEEPING {
        remove(object, key);
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove(key);
    }
}

/// Makes of a manifest what is applied: without what the API server keeps, and so that the fields
/// of it are those of the live object.
pub fn normalise(object: &mut Value) {
    drop_bookkeeping(object);
    let kind = Kind::of(object);
    // A field that is null says nothing, but for a custom kind, where it may be a value.
    if is_own(&kind) {
        drop_nulls(object);
    } else if let Some(metadata) = object.get_mut("metadata") {
        drop_nulls(metadata);
    }
    if kind.is_secret() {
        encode_text(object);
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Puts a Secret's `stringData` into its `data`, as the API server does: a key that leaves a field
/// which is only ever written would stay.
fn encode_text(secret: &mut Value) {
    let Some(map) = secret.as_object_mut() else { return };
    if !map.get("stringData").is_some_and(Value::is_object) {
        return;
    }
    let Some(Value::Object(texts)) = map.shift_remove("stringData") else { return };
    let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(data) = data {
        for (key, text) in texts {
            let encoded = text.as_str().map_or(text.clone(), |text| Value::String(BASE64.encode(text)));
            data.insert(key, encoded);
        }
    }
}

/// Puts what a reader of a Secret must not see out of sight, each value told apart by a keyed hash.
pub fn hide_secrets(object: &mut Value) {
    if !Kind::of(object).is_secret() {
        return;
    }
    for key in ["data", "stringData"] {
        let Some(Value::Object(values)) = object.get_mut(key) else { continue };
        for value in values.values_mut() {
            *value = Value::String(hidden(value, key == "data"));
        }
    }
    let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(Value::Object(annotations)) = annotations {
        annotations.remove(LAST_APPLIED);
    }
}

fn hidden(value: &Value, encoded: bool) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let bytes = if encoded { BASE64.decode(&text).unwrap_or(text.into_bytes()) } else { text.into_bytes() };
    // Its length is no more of others' business than it is itself.
    format!("<hidden, value {}>", fingerprint(&bytes))
}

/// A text of a mapping; an empty one where there is none.
pub fn text<'o>(map: &'o Value, key: &str) -> &'o str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A short digest of a text: 16 characters.
pub fn digest(text: &str) -> String {
    Sha256::digest(text)[..8].iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A text of an object's metadata.
pub fn metadata<'o>(object: &'o Value, key: &str) -> &'o str {
    object.get("metadata").map(|metadata| text(metadata, key)).unwrap_or_default()
}

/// The conditions of an object's status.
pub fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten()
}

/// What holds an object back that is being deleted; none for one that is not.
pub fn held_by(object: &Value) -> Option<String> {
    let since = metadata(object, "deletionTimestamp");
    if since.is_empty() {
        return None;
    }
    let finalizers = |pointer| object.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let names: Vec<&str> =
        finalizers("/metadata/finalizers").chain(finalizers("/spec/finalizers")).filter_map(Value::as_str).collect();
    Some(if names.is_empty() {
        format!("is being deleted since {since}")
    } else {
        format!("is being deleted since {since}, held by the finalizers {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;

    use super::*;

    #[test]
    fn bookkeeping_is_no_content() {
        let live = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": { "uid": "1", "resourceVersion": "2", "generation": 3, "creationTimestamp": "x", "name": "a",
                "annotations": { LAST_APPLIED: "{}" }, "managedFields": [] },
            "data": { "b": "1", "a": "2" }, "status": { "x": 1 },
        });
        let content = meaningful(&live);
        assert_eq!(
            content.to_string(),
            r#"{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"name":"a"}}"#
        );
        let _host = Host::new();
        assert_eq!(version(&content), version(&meaningful(&content)));
    }

    #[test]
    fn a_manifest_is_applied_without_what_says_nothing() {
        let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "creationTimestamp": null },
            "spec": { "x": null, "containers": [{ "name": "c", "env": null }] }, "status": {} });
        normalise(&mut pod);
        assert_eq!(
            pod,
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "c" }] } })
        );
        let mut custom = json!({ "apiVersion": "x.io/v1", "kind": "T", "metadata": { "labels": { "a": null } }, "spec": { "x": null } });
        normalise(&mut custom);
        assert_eq!(
            custom,
            json!({ "apiVersion": "x.io/v1", "kind": "T", "metadata": { "labels": {} }, "spec": { "x": null } })
        );
    }

    #[test]
    fn a_secret_s_texts_become_data() {
        let mut secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "data": { "a": "eA==" }, "stringData": { "b": "hunter2" } });
        normalise(&mut secret);
        assert_eq!(
            secret,
            json!({ "apiVersion": "v1", "kind": "Secret", "data": { "a": "eA==", "b": "aHVudGVyMg==" } })
        );
    }

    #[test]
    fn values_of_secrets_are_hidden_and_told_apart() {
        let _host = Host::new();
        let hide = |data: Value, field: &str| {
            let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", field: data,
                "metadata": { "annotations": { LAST_APPLIED: "hunter2" } } });
            hide_secrets(&mut secret);
            assert!(!secret.to_string().contains("hunter2") && !secret.to_string().contains("aHVudGVy"), "{secret}");
            secret[field]["a"].as_str().unwrap().to_owned()
        };
        let encoded = hide(json!({ "a": "aHVudGVyMg==" }), "data");
        let longer = hide(json!({ "a": "aHVudGVyMg==aHVudGVyMg==" }), "data");
        assert!(encoded.starts_with("<hidden, value ") && encoded.len() == longer.len(), "{encoded} {longer}");
        assert_eq!(encoded, hide(json!({ "a": "hunter2" }), "stringData"));
        assert_ne!(encoded, hide(json!({ "a": "aHVudGVyMw==" }), "data"));
        hide(json!({ "a": "hunter2!" }), "data");
        hide(json!({ "a": 7 }), "data");
    }

    #[test]
    fn what_holds_an_object_is_named() {
        let object = |deleted: bool, finalizers: &[&str]| json!({ "metadata": { "deletionTimestamp": if deleted { "now" } else { "" }, "finalizers": finalizers } });
        assert_eq!(held_by(&object(false, &["a"])), None);
        assert_eq!(held_by(&object(true, &[])).unwrap(), "is being deleted since now");
        assert_eq!(
            held_by(&object(true, &["a", "b/c"])).unwrap(),
            "is being deleted since now, held by the finalizers a, b/c"
        );
    }
}
