//! Deploy targets.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use springline_model::call::{Call, TargetCall};
use springline_model::capability::{DirectoryGrant, Grants};
use springline_model::manifest::{Action, Body, HealthStatus, Object};
use springline_model::plugin::Fault;
use springline_model::port::{Blobs as _, Plugins as _, Target};

use crate::setup::{Setup, fault};

fn grants(setup: &Setup) -> (PathBuf, Grants) {
    let path = setup.directory.path().join("live");
    (path.clone(), Grants { directory: Some(DirectoryGrant { path }), ..Grants::default() })
}

fn objects(setup: &Setup, objects: &[(&str, &str)]) -> Arc<[Object]> {
    let object = |(id, text): &(&str, &str)| Object {
        id: (*id).into(),
        body: Body::Blob(setup.blobs.put(text.as_bytes()).unwrap()),
    };
    objects.iter().map(object).collect()
}

fn target<'s>(setup: &'s Setup, mode: &str, grants: &Grants, desired: Arc<[Object]>) -> Box<dyn Target + 's> {
    let call = setup.call(setup.probe("probe-target"), &json!({"mode": mode}));
    setup.runtime.target(TargetCall { call: Call { grants: grants.clone(), ..call }, desired }).unwrap()
}

#[test]
fn a_directory_is_planned_applied_observed_and_cleaned() {
    let Some(setup) = Setup::new() else { return };
    let (live, grants) = grants(&setup);
    let first = target(&setup, "deploy", &grants, objects(&setup, &[("a.txt", "A"), ("b/c.txt", "C")]));
    let identities = first.identify().unwrap().value;
    assert_eq!(identities.len(), 2);
    let changes = first.plan(&[]).unwrap().value;
    assert!(changes.iter().all(|change| change.action == Action::Create), "{changes:?}");
    assert_eq!(first.explain(&changes[0]).unwrap().value.desired.as_deref(), Some("A"));
    for change in &changes {
        first.apply(change).unwrap();
    }
    assert_eq!(std::fs::read_to_string(live.join("b/c.txt")).unwrap(), "C");
    assert_eq!(first.owned().unwrap().value, ["a.txt", "b/c.txt"]);
    assert!(first.plan(&[]).unwrap().value.is_empty());
    let observed = first.observe(&["b/c.txt".into(), "nothing".into()]).unwrap().value;
    assert_eq!(observed[1].version, None);
    assert_eq!(first.judge(&observed[0]).unwrap().value.status, HealthStatus::Healthy);
    assert_eq!(first.judge(&observed[1]).unwrap().value.status, HealthStatus::Missing);

    let second = target(&setup, "deploy", &grants, objects(&setup, &[("a.txt", "A2")]));
    let changes = second.plan(&["a.txt".into(), "b/c.txt".into()]).unwrap().value;
    let actions: Vec<_> = changes.iter().map(|change| change.action).collect();
    assert_eq!(actions, [Action::Update, Action::Delete]);
    std::fs::write(live.join("a.txt"), "drifted").unwrap();
    assert!(matches!(fault(second.apply(&changes[0])), Fault::Conflict { .. }));
    second.apply(&changes[1]).unwrap();
    assert!(!live.join("b").exists());
}

#[test]
fn without_a_grant_the_line_that_grants_is_told() {
    let Some(setup) = Setup::new() else { return };
    let target = target(&setup, "deploy", &Grants::default(), objects(&setup, &[("a.txt", "A")]));
    target.identify().expect("identifying takes no power");
    let Fault::Denied { message } = fault(target.plan(&[])) else { panic!() };
    assert!(message.contains("grants: { directory: { path: PATH } }"), "{message}");
}

#[test]
fn what_breaks_the_contract_is_refused() {
    let Some(setup) = Setup::new() else { return };
    let (_, grants) = grants(&setup);
    let desired = || objects(&setup, &[("a", "1"), ("b", "2")]);
    let broken = |found: Fault, words: &str| {
        assert!(matches!(&found, Fault::Contract { message } if message.contains(words)), "{found:?}");
    };
    broken(fault(target(&setup, "collide", &grants, desired()).identify()), "`same`");
    broken(fault(target(&setup, "stranger", &grants, desired()).plan(&[])), "`stranger`");
    broken(fault(target(&setup, "notes", &grants, desired()).plan(&[])), "64 KiB");
    broken(fault(target(&setup, "blind", &grants, desired()).observe(&["a".into()])), "observed 0");
}

#[test]
fn a_blob_that_was_not_given_can_not_be_read() {
    let Some(setup) = Setup::new() else { return };
    let (_, grants) = grants(&setup);
    let target = target(&setup, "steal", &grants, objects(&setup, &[("a", "1")]));
    let changes = target.plan(&[]).unwrap().value;
    assert!(matches!(fault(target.apply(&changes[0])), Fault::Failed { .. }));
}
