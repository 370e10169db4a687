//! Renderers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use springline_model::call::{Call, Called, Rendered};
use springline_model::manifest::Body;
use springline_model::plugin::{CallError, Fault, Limit, Limits};
use springline_model::port::{Blobs as _, Plugins as _};

use crate::setup::{Setup, context, fault};

fn call(setup: &Setup, config: &Value) -> Call {
    let mut call = setup.call(setup.probe("probe-renderer"), config);
    let site = setup.tree_digest(&[("index.html", "<h1>")]);
    call.context =
        Arc::new(springline_model::call::Context { artifacts: BTreeMap::from([("site".into(), site)]), ..context() });
    call
}

fn render(setup: &Setup, call: &Call) -> Result<Called<Rendered>, CallError> {
    let artifacts =
        call.context.artifacts.iter().map(|(name, digest)| (name.clone(), setup.blobs.tree(digest).unwrap()));
    setup.runtime.render(call, setup.tree(&[("b.yaml", "b"), ("a.yaml", "a")]), &artifacts.collect())
}

fn text(setup: &Setup, body: &Body) -> String {
    String::from_utf8_lossy(&setup.blobs.get(body.digest()).unwrap()).into_owned()
}

#[test]
fn objects_are_sorted_and_their_bytes_stored() {
    let Some(setup) = Setup::new() else { return };
    let call = call(&setup, &json!({"mode": "all"}));
    let objects = render(&setup, &call).unwrap().value.objects;
    let ids: Vec<_> = objects.iter().map(|object| object.id.as_str()).collect();
    assert_eq!(ids, ["artifacts/site", "in/a.yaml", "in/b.yaml"]);
    assert_eq!(objects[0].body, Body::Tree(call.context.artifacts["site"]));
    assert_eq!(text(&setup, &objects[1].body), "a");
}

#[test]
fn artifacts_are_files_and_in_the_trace() {
    let Some(setup) = Setup::new() else { return };
    let rendered = render(&setup, &call(&setup, &json!({"mode": "artifacts"}))).unwrap().value;
    assert_eq!(rendered.objects.len(), 1);
    assert_eq!(text(&setup, &rendered.objects[0].body), "<h1>");
    assert!(rendered.trace.paths.contains_key("artifacts/site"), "{:?}", rendered.trace);
    assert!(rendered.trace.context.contains_key("artifact-names"));
    assert!(!rendered.trace.paths.contains_key("in"));
}

#[test]
fn values_reach_the_renderer() {
    let Some(setup) = Setup::new() else { return };
    let rendered = render(&setup, &call(&setup, &json!({"mode": "ask"}))).unwrap().value;
    let said: Vec<_> = rendered.objects.iter().map(|object| text(&setup, &object.body)).collect();
    assert_eq!(said, ["shop", "site", "site", r#"{"color":"blue"}"#]);
}

#[test]
fn large_bodies_are_blobs() {
    let Some(setup) = Setup::new() else { return };
    let mut call = call(&setup, &json!({"mode": "blob", "count": 3}));
    let objects = render(&setup, &call).unwrap().value.objects;
    assert_eq!(setup.blobs.size(objects[0].body.digest()).unwrap(), 3 << 20);
    call.limits = Limits { output_mib: 2, ..Limits::default() };
    assert!(matches!(fault(render(&setup, &call)), Fault::Limit { limit: Limit::Output, .. }));
}

#[test]
fn what_breaks_the_contract_is_refused_and_named() {
    let Some(setup) = Setup::new() else { return };
    for (mode, words) in [
        ("twice", "two objects have the id `same`"),
        ("bad-id", "`../escape`"),
        ("foreign-blob", "not given"),
        ("foreign-tree", "not given"),
        ("bad-digest", "`sha1:00`"),
    ] {
        let found = fault(render(&setup, &call(&setup, &json!({"mode": mode}))));
        assert!(matches!(&found, Fault::Contract { message } if message.contains(words)), "{mode}: {found:?}");
    }
    let found = fault(render(&setup, &call(&setup, &json!({"mode": "inline", "count": 1_048_577}))));
    assert!(matches!(&found, Fault::Contract { message } if message.contains("1 MiB")), "{found:?}");
    let mut many = call(&setup, &json!({"mode": "many", "count": 11}));
    many.limits = Limits { output_entries: 10, ..Limits::default() };
    assert!(matches!(fault(render(&setup, &many)), Fault::Limit { limit: Limit::Entries, .. }));
}

#[test]
fn no_object_is_no_error() {
    let Some(setup) = Setup::new() else { return };
    assert!(render(&setup, &call(&setup, &json!({"mode": "nothing"}))).unwrap().value.objects.is_empty());
}
