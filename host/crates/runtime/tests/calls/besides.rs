//! What a deploy target may export besides: hooks and insight.

use std::sync::Arc;

use serde_json::{Value, json};
use springline_model::call::TargetCall;
use springline_model::manifest::{Body, Cleanup, HealthStatus, Object, Phase};
use springline_model::plugin::Fault;
use springline_model::port::{Blobs as _, Plugins as _, Target};

use crate::setup::{Setup, fault};

fn target<'s>(setup: &'s Setup, probe: &str, config: Value) -> Box<dyn Target + 's> {
    let object = |id: &str| Object { id: id.into(), body: Body::Blob(setup.blobs.put(b"{}").unwrap()) };
    let desired = Arc::from([object("job"), object("web")]);
    setup.runtime.target(TargetCall { call: setup.call(setup.probe(probe), &config), desired }).unwrap()
}

#[track_caller]
fn broken(found: Fault, words: &str) {
    assert!(matches!(&found, Fault::Contract { message } if message.contains(words)), "{found:?}");
}

#[test]
fn a_target_without_them_has_none() {
    let Some(setup) = Setup::new() else { return };
    let target = target(&setup, "probe-target", json!({}));
    assert!(target.hooks().unwrap().value.is_empty());
    assert!(target.children(&["a".into()]).unwrap().value.is_empty());
    assert!(target.explain_health(&["a".into()]).unwrap().value.is_empty());
}

#[test]
fn hooks_are_told_and_checked() {
    let Some(setup) = Setup::new() else { return };
    let hooks = |hooks: Value| target(&setup, "probe-kube", json!({ "hooks": hooks })).hooks();
    let found = hooks(json!([{ "live": "Job/a", "object": "job", "bytes": 65_536 }])).unwrap().value;
    assert_eq!((found[0].live.as_str(), found[0].object.as_str(), found[0].phase), ("Job/a", "job", Phase::After));
    assert_eq!(found[0].cleanup, Cleanup { before_creation: true, success: false, failure: true });
    assert_eq!((found[0].wave, found[0].state.len()), (3, 65_536));

    broken(fault(hooks(json!([{ "live": "a", "object": "stranger" }]))), "`stranger`");
    broken(fault(hooks(json!([{ "live": "a\n", "object": "job" }]))), "control characters");
    broken(fault(hooks(json!([{ "live": "a", "object": "job", "bytes": 65_537 }]))), "64 KiB");
    broken(fault(hooks(json!([{ "live": "a", "object": "job" }, { "live": "a", "object": "web" }]))), "the same live");
}

#[test]
fn insight_is_told_and_checked() {
    let Some(setup) = Setup::new() else { return };
    let asked = ["web".to_owned(), "db".to_owned()];
    let children = |children: Value| target(&setup, "probe-kube", json!({ "children": children })).children(&asked);
    let related = |parent: &str, live: &str| json!({ "parent": parent, "live": live });
    let found = children(json!([related("web", "rs"), related("rs", "pod")])).unwrap().value;
    assert_eq!((found[1].parent.as_str(), found[1].live.as_str()), ("rs", "pod"));
    assert_eq!((found[0].health.status, found[0].health.message.as_str()), (HealthStatus::Degraded, "as told"));
    broken(fault(children(json!([related("rs", "pod"), related("web", "rs")]))), "neither asked for nor told of");
    broken(fault(children(json!([related("web", "db")]))), "known already");
    broken(fault(children(json!([related("web", "")]))), "is empty");

    let accounts =
        |accounts: Value| target(&setup, "probe-kube", json!({ "accounts": accounts })).explain_health(&asked);
    let found = accounts(json!([{ "live": "db", "lines": ["down\u{1b}[2J\nhard"] }])).unwrap().value;
    assert_eq!(found[0].lines, ["down\\u{1b}[2J\\u{a}hard"]);
    broken(fault(accounts(json!([{ "live": "other", "lines": [] }]))), "was not asked for");
    let twice = json!([{ "live": "db", "lines": [] }, { "live": "db", "lines": [] }]);
    broken(fault(accounts(twice)), "or twice");
    let long = accounts(json!([{ "live": "db", "lines": vec!["x"; 1_000] }])).unwrap().value;
    assert_eq!(long[0].lines.len(), 100);
}
