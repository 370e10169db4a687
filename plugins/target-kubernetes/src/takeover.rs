//! Takes over what another tool has applied, so that a field which it applied and that is no longer
//! desired goes, as it would have gone with that tool.

use springline_sdk::prelude::*;
use springline_sdk::serde_json::from_str;

use crate::content::{LAST_APPLIED, text};
use crate::options::annotation;
use crate::owner::owner_of;
use crate::trial::MANAGER;

/// What `kubectl apply` writes as, without `--server-side`.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// The patch that makes what these tools manage of an object ours; none if they manage nothing.
/// `live` holds its `managedFields`.
pub fn patch(live: &Value, tools: &[String]) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let is_tool = |entry: &Value| {
        let manager = text(entry, "manager");
        let known = manager == CLIENT_SIDE || tools.iter().any(|tool| tool == manager);
        known && entry.get("subresource").is_none()
    };
    let is_ours = |entry: &Value| text(entry, "manager") == MANAGER && text(entry, "operation") == "Apply";
    let (theirs, kept): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| is_tool(entry));
    let (ours, mut kept): (Vec<_>, Vec<_>) = kept.into_iter().partition(|entry| is_ours(entry));
    let mut merged = (*ours.first().or(theirs.first())?).clone();
    if theirs.is_empty() {
        return None;
    }
    for entry in theirs {
        if let (Some(fields), Some(more)) = (merged.get_mut("fieldsV1"), entry.get("fieldsV1")) {
            unite(fields, more);
        }
    }
    merged["manager"] = json!(MANAGER);
    merged["operation"] = json!("Apply");
    kept.push(&merged);
    Some(
        json!({ "metadata": { "resourceVersion": live.pointer("/metadata/resourceVersion")?, "managedFields": kept } }),
    )
}

/// What `kubectl apply` keeps of what it applied, from a live object that nobody owns.
pub fn last_applied(there: &Value) -> Option<Value> {
    if owner_of(there).is_some() {
        return None;
    }
    from_str(annotation(there, LAST_APPLIED)?).ok()
}

/// Takes out of an object what was applied before and is not any more: it goes when the object is
/// taken over.
pub fn leave(object: &mut Value, before: &Value, now: &Value) {
    match (object, before, now) {
        (Value::Object(object), Value::Object(before), Value::Object(now)) => {
            for (key, below) in before {
                match (now.get(key), object.get_mut(key)) {
                    (Some(now), Some(object)) => leave(object, below, now),
                    (None, Some(_)) => drop(object.shift_remove(key)),
                    (_, None) => {}
                }
            }
        }
        (Value::Array(items), Value::Array(before), Value::Array(now)) => {
            for below in before {
                let Some(name) = below.get("name") else { return };
                let named = |item: &Value| item.get("name") == Some(name);
                match (now.iter().find(|item| named(item)), items.iter().position(named)) {
                    (Some(now), Some(at)) => leave(&mut items[at], below, now),
                    (None, Some(at)) => drop(items.remove(at)),
                    (_, None) => {}
                }
            }
        }
        _ => {}
    }
}

/// Adds the fields of one set to another.
fn unite(fields: &mut Value, more: &Value) {
    let (Some(fields), Some(more)) = (fields.as_object_mut(), more.as_object()) else { return };
    for (key, below) in more {
        unite(fields.entry(key).or_insert_with(|| json!({})), below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(entries: Value) -> Value {
        json!({ "metadata": { "resourceVersion": "7", "managedFields": entries } })
    }

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields })
    }

    #[test]
    fn what_kubectl_applied_becomes_ours() {
        let others = entry("scaler", "Update", json!({ "f:spec": { "f:replicas": {} } }));
        let object = live(json!([
            entry(CLIENT_SIDE, "Update", json!({ "f:data": { "f:a": {} } })),
            others,
            entry(MANAGER, "Apply", json!({ "f:data": { "f:b": {} } })),
        ]));
        let all = json!({ "f:data": { "f:b": {}, "f:a": {} } });
        assert_eq!(patch(&object, &[]).unwrap(), live(json!([others, entry(MANAGER, "Apply", all)])));
    }

    #[test]
    fn what_was_applied_before_and_is_not_any_more_goes() {
        let before =
            json!({ "data": { "a": 1, "b": 1 }, "list": [{ "name": "x", "v": 1 }, { "name": "y" }], "gone": 1 });
        let now = json!({ "data": { "a": 2 }, "list": [{ "name": "x" }] });
        let mut object = json!({ "data": { "a": 2, "b": 1, "c": 1 }, "list": [{ "name": "z" }, { "name": "x", "v": 1 }, { "name": "y" }] });
        leave(&mut object, &before, &now);
        assert_eq!(object, json!({ "data": { "a": 2, "c": 1 }, "list": [{ "name": "z" }, { "name": "x" }] }));
        let applied = |owner: &str| json!({ "metadata": { "annotations": { LAST_APPLIED: "{\"a\": 1}", "springline.dev/owner": owner } } });
        assert_eq!(last_applied(&applied("")), Some(json!({ "a": 1 })));
        assert_eq!(last_applied(&applied("shop/prod")), None);
    }

    #[test]
    fn other_managers_keep_theirs_unless_they_are_named() {
        let mut status = entry("helm", "Update", json!({ "f:status": {} }));
        status["subresource"] = json!("status");
        let object = live(json!([entry("helm", "Update", json!({ "f:data": {} })), status]));
        assert_eq!(patch(&object, &[]), None);
        let ours = entry(MANAGER, "Apply", json!({ "f:data": {} }));
        assert_eq!(patch(&object, &["helm".to_owned()]).unwrap(), live(json!([status, ours])));
        assert_eq!(patch(&live(json!([])), &[]), None);
    }
}
