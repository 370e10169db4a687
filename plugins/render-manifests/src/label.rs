//! Labels and annotations.

use std::collections::BTreeMap;

use springline_sdk::Violation;
use springline_yaml::{Map, Node, Value};

use crate::document::Document;

/// Adds annotations to the object.
pub fn annotate(document: &mut Document, annotations: &BTreeMap<String, String>) {
    add(&mut document.node, "annotations", annotations);
}

/// Adds labels to the object and to the pod templates in it.
///
/// # Errors
/// A label that the object's own selector wants otherwise: its pods would not be its own any more.
pub fn label(document: &mut Document, labels: &BTreeMap<String, String>) -> Result<(), Violation> {
    if labels.is_empty() {
        return Ok(());
    }
    if let Some(message) = selector_conflict(document, labels) {
        return Err(document.violation(message));
    }
    add(&mut document.node, "labels", labels);
    if let Some(map) = document.node.as_map_mut() {
        in_pod_templates(map, &mut |template| add(template, "labels", labels));
    }
    Ok(())
}

fn selector_conflict(document: &Document, labels: &BTreeMap<String, String>) -> Option<String> {
    document.node.at(&["spec", "template"])?;
    let selector = document.node.at(&["spec", "selector"])?;
    let wanted = selector.get("matchLabels").unwrap_or(selector).as_map()?;
    labels.iter().find_map(|(key, value)| {
        let other = wanted.get(key)?.as_text().filter(|other| other != value)?;
        Some(format!(
            "the label `{key}: {value}` of the config would part {} `{}` from its pods, as its selector wants `{key}: {other}`",
            document.kind, document.name
        ))
    })
}

/// Adds entries to `metadata.labels` or `metadata.annotations`.
fn add(object: &mut Node, key: &str, entries: &BTreeMap<String, String>) {
    let Some(metadata) = object.as_map_mut().filter(|_| !entries.is_empty()).and_then(|map| child(map, "metadata"))
    else {
        return;
    };
    let Some(map) = child(metadata, key) else { return };
    for (name, value) in entries {
        map.insert(name.clone(), Node::text(value));
    }
}

/// The mapping at a key, made where there is none; none if something else is there.
fn child<'m>(map: &'m mut Map, key: &str) -> Option<&'m mut Map> {
    let node = map.entry(key.to_owned()).or_insert_with(|| Node::new(Value::Null));
    if node.is_null() {
        node.value = Value::Map(Map::new());
    }
    node.as_map_mut()
}

/// Calls `then` on every pod template: what is called `template` and has containers.
fn in_pod_templates(map: &mut Map, then: &mut dyn FnMut(&mut Node)) {
    for (key, node) in map {
        if key == "template" && node.at(&["spec", "containers"]).and_then(Node::as_list).is_some() {
            then(node);
        }
        match &mut node.value {
            Value::Map(below) => in_pod_templates(below, then),
            Value::List(items) => {
                for below in items.iter_mut().filter_map(Node::as_map_mut) {
                    in_pod_templates(below, then);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use springline_yaml::write;

    use super::*;
    use crate::document::parse;

    fn one(text: &str) -> Document {
        parse("f.yaml", text, &mut Vec::new()).remove(0)
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pod_templates_are_labelled_and_selectors_are_not() {
        let mut job = one(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a, labels: {team: x}}\nspec:\n  selector: {matchLabels: {app: a}}\n\
             \x20 jobTemplate: {spec: {template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c}]}}}}\n",
        );
        label(&mut job, &labels(&[("team", "y"), ("on", "yes")])).unwrap();
        annotate(&mut job, &labels(&[("note", "1")]));
        let text = write(&job.node);
        assert!(
            text.contains("  labels:\n    team: \"y\"\n    \"on\": \"yes\"\n  annotations:\n    note: \"1\"\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "          labels:\n            app: a\n            \"on\": \"yes\"\n            team: \"y\"\n"
            ),
            "{text}"
        );
        assert!(text.contains("    matchLabels:\n      app: a\n  jobTemplate"), "{text}");
    }

    #[test]
    fn a_label_that_would_part_pods_from_their_owner_is_refused() {
        let mut deployment = one(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {app: a}}\n\
             \x20 template: {metadata: {labels: {app: a}}, spec: {containers: []}}\n",
        );
        let error = label(&mut deployment, &labels(&[("app", "b")])).unwrap_err().to_string();
        assert!(error.ends_with("would part Deployment `a` from its pods, as its selector wants `app: a`"), "{error}");
        label(&mut deployment, &labels(&[("app", "a")])).unwrap();
    }
}
