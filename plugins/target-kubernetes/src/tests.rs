use springline_sdk::fake::Host;
use springline_sdk::kubernetes::{ObjectName, ServedType};
use springline_sdk::plugin::Describe as _;
use springline_sdk::prelude::*;
use springline_sdk::{HealthStatus, Phase};

use crate::Plugin;
use crate::config::Config;
use crate::owner::{HOOK_MARK, MARK};

const ME: &str = "example/test";

fn config(more: Value) -> Config {
    let mut config = json!({ "cluster": "prod", "namespace": "shop" });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    springline_sdk::serde_json::from_value(config).unwrap()
}

fn plain() -> Config {
    config(json!({}))
}

fn host() -> Host {
    let host = Host::new();
    host.add_cluster("prod");
    for (api_version, kind) in
        [("v1", "Service"), ("v1", "ConfigMap"), ("v1", "Namespace"), ("apps/v1", "Deployment"), ("batch/v1", "Job")]
    {
        serve(&host, api_version, kind, kind != "Namespace");
    }
    host
}

fn serve(host: &Host, api_version: &str, kind: &str, namespaced: bool) {
    let plural = format!("{}s", kind.to_lowercase());
    let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
    let served = ServedType { api_version, kind, plural, namespaced, verbs: Vec::new(), subresources: Vec::new() };
    host.serve("prod", served);
}

/// An object of the manifest.
fn desired(host: &Host, id: &str, object: &Value) -> Object {
    Object::blob(id, host.add_blob(object.to_string()))
}

fn object(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } })
}

/// A Service as somebody deployed it.
fn live(name: &str, owner: Option<&str>, annotations: Value) -> Value {
    let mut service = object("v1", "Service", name);
    service["metadata"]["namespace"] = json!("shop");
    service["metadata"]["uid"] = json!(format!("uid-{name}"));
    service["metadata"]["annotations"] = annotations;
    if let Some(owner) = owner {
        service["metadata"]["annotations"][MARK] = json!(owner);
    }
    service
}

fn annotated(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["annotations"][key] = json!(value);
    object
}

fn plan(host: &Host, config: &Config, desired: &[Object], owned: &[&str]) -> Result<Vec<Change>> {
    let owned: Vec<String> = owned.iter().map(|live| (*live).to_owned()).collect();
    config.plan(desired, &owned, &mut host.deploy())
}

fn told(result: Result<impl std::fmt::Debug>) -> String {
    result.unwrap_err().to_string()
}

fn steps(changes: &[Change]) -> Vec<(Action, &str, i32)> {
    changes.iter().map(|change| (change.action, change.live.as_str(), change.wave)).collect()
}

#[test]
fn objects_become_refs() {
    let host = host();
    let mut elsewhere = object("v1", "Service", "web");
    elsewhere["metadata"]["namespace"] = json!("other");
    let mut space = object("v1", "Namespace", "shop");
    space["metadata"]["namespace"] = json!("ignored");
    let objects = [
        desired(&host, "a", &object("apps/v1", "Deployment", "web")),
        desired(&host, "b", &elsewhere),
        desired(&host, "c", &space),
        desired(&host, "d", &annotated(object("v1", "Service", "x"), "argocd.argoproj.io/hook", "Skip")),
        desired(&host, "e", &annotated(object("batch/v1", "Job", "x"), "argocd.argoproj.io/hook", "PreSync")),
    ];
    let identities = plain().identify(&objects, &mut host.deploy()).unwrap();
    let refs: Vec<_> = identities.iter().map(|identity| (identity.object.as_str(), identity.live.as_str())).collect();
    assert_eq!(
        refs,
        [("c", "prod/Namespace/shop"), ("b", "prod/Service/other/web"), ("a", "prod/Deployment.apps/shop/web")]
    );
}

#[test]
fn custom_kinds_are_known_by_definition_or_by_the_cluster() {
    let host = host();
    serve(&host, "y.io/v1", "Global", false);
    let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.x.io" },
        "spec": { "group": "x.io", "scope": "Cluster", "names": { "kind": "Thing" } } });
    let objects = [
        desired(&host, "a", &object("x.io/v1", "Thing", "a")),
        desired(&host, "b", &definition),
        desired(&host, "c", &object("y.io/v1", "Global", "c")),
    ];
    let identities = plain().identify(&objects, &mut host.deploy()).unwrap();
    let refs: Vec<_> = identities.into_iter().map(|identity| identity.live).collect();
    assert_eq!(
        refs,
        ["prod/CustomResourceDefinition.apiextensions.k8s.io/things.x.io", "prod/Global.y.io/c", "prod/Thing.x.io/a"]
    );
    serve(&host, "apiextensions.k8s.io/v1", "CustomResourceDefinition", false);
    let changes = plan(&host, &plain(), &objects, &[]).unwrap();
    assert_eq!(
        changes.iter().map(|change| change.action).collect::<Vec<_>>(),
        [Action::Create, Action::Create, Action::Deferred]
    );
    assert!(changes[0].wave < changes[2].wave);

    let unknown = desired(&host, "z.yaml", &object("z.io/v1", "Late", "z"));
    let error = told(plain().identify(std::slice::from_ref(&unknown), &mut host.deploy()));
    assert!(error.starts_with("z.yaml: cluster `prod` has no kind `Late` in `z.io/v1`"), "{error}");
    let options = "argocd.argoproj.io/sync-options";
    let late = annotated(object("z.io/v1", "Late", "z"), options, "SkipDryRunOnMissingResource=true");
    for (id, live) in [("z.yaml", "prod/Late.z.io/shop/z"), ("_cluster/Late.z.io/z.yaml", "prod/Late.z.io/z")] {
        let changes = plan(&host, &plain(), &[desired(&host, id, &late)], &[]).unwrap();
        assert_eq!(steps(&changes), [(Action::Create, live, 1)]);
    }
    // Once it is known better, what was taken for its place is nothing.
    serve(&host, "z.io/v1", "Late", true);
    let owned = ["prod/Late.z.io/z"];
    let changes = plan(&host, &plain(), &[], &owned).unwrap();
    assert_eq!(
        (steps(&changes), &*changes[0].summary),
        (vec![(Action::Delete, "prod/Late.z.io/z", 0)], "gone already")
    );
}

#[test]
fn what_can_t_be_deployed_is_told_by_id() {
    let host = host();
    let refuse = |id: &str, object: &Value| told(plain().identify(&[desired(&host, id, object)], &mut host.deploy()));
    let error = refuse("a.yaml", &json!({ "metadata": {} }));
    assert_eq!(
        error,
        "a.yaml: an object needs `apiVersion`, such as `v1`, and this has none\n\
         a.yaml: an object needs `kind`, such as `ConfigMap`, and this has none\n\
         a.yaml: an object needs `metadata.name`, and this has none"
    );
    assert!(refuse("l", &json!({ "apiVersion": "v1", "kind": "List", "items": [] })).contains("a list of objects"));
    assert!(refuse("n", &object("v1", "Service", "a/b")).contains("`a/b` can't be the name"));
    let mut generated = object("v1", "Service", "");
    generated["metadata"]["generateName"] = json!("a-");
    assert!(refuse("g", &generated).contains("only a hook can have it"));
    let hook = annotated(object("v1", "Service", "a"), "argocd.argoproj.io/hook", "Before");
    assert!(refuse("h", &hook).contains("`Before` is none of"));

    let twice = [
        desired(&host, "one", &object("v1", "Service", "web")),
        desired(&host, "two", &object("v1", "Service", "web")),
    ];
    let error = told(plain().identify(&twice, &mut host.deploy()));
    assert_eq!(error, "two: this and `one` both become `prod/Service/shop/web`");
    let tree = [Object::tree("t", host.add_tree(&[("a", "b")]))];
    assert!(told(plain().identify(&tree, &mut host.deploy())).contains("directory tree"));
}

#[test]
fn what_is_missing_is_made_in_order() {
    let host = host();
    let wave = "argocd.argoproj.io/sync-wave";
    let objects = [
        desired(&host, "a", &object("apps/v1", "Deployment", "web")),
        desired(&host, "b", &annotated(object("v1", "ConfigMap", "first"), wave, "-1")),
        desired(&host, "c", &object("v1", "Service", "web")),
        desired(&host, "d", &object("v1", "Namespace", "shop")),
    ];
    let changes = plan(&host, &plain(), &objects, &[]).unwrap();
    assert_eq!(
        steps(&changes),
        [
            (Action::Create, "prod/ConfigMap/shop/first", -3),
            (Action::Create, "prod/Namespace/shop", 0),
            (Action::Create, "prod/Service/shop/web", 1),
            (Action::Create, "prod/Deployment.apps/shop/web", 1),
        ]
    );
    for change in &changes {
        plain().apply(change, &mut host.deploy()).unwrap();
    }
    let made = host.object("prod", &ObjectName::new("apps/v1", "Deployment", "shop", "web")).unwrap();
    assert_eq!(made["metadata"]["annotations"][MARK], ME);
    assert_eq!(made["metadata"]["namespace"], "shop");
    // In sync, and nothing is asked twice.
    let refs: Vec<&str> = changes.iter().map(|change| change.live.as_str()).collect();
    assert!(plan(&host, &plain(), &objects, &refs).unwrap().is_empty());
}

#[test]
fn what_is_no_longer_desired_goes_unless_it_is_kept_or_another_s() {
    let host = host();
    for service in [
        live("ours", Some(ME), json!({})),
        live("unmarked", None, json!({})),
        live("taken", Some("other/prod"), json!({})),
        live("kept", Some(ME), json!({ "helm.sh/resource-policy": "keep" })),
        live("last", Some(ME), json!({ "argocd.argoproj.io/sync-options": "PruneLast=true" })),
    ] {
        host.put_object("prod", &service);
    }
    let names = ["ours", "unmarked", "taken", "kept", "last", "gone"];
    let refs = names.map(|name| format!("prod/Service/shop/{name}"));
    let moved = "elsewhere/Service/shop/web".to_owned();
    let owned: Vec<&str> = refs.iter().chain([&moved]).map(String::as_str).collect();
    let changes = plan(&host, &plain(), &[], &owned).unwrap();
    let summary = |name: &str| {
        let live = format!("prod/Service/shop/{name}");
        changes.iter().find(|change| change.live == live).map(|change| change.summary.as_str())
    };
    assert_eq!(summary("ours"), Some(""));
    assert_eq!(summary("unmarked"), Some("left alone: it has no mark of example/test any more"));
    assert_eq!(summary("gone"), Some("gone already"));
    assert_eq!(summary("taken"), Some("left alone: it belongs to other/prod now"));
    assert_eq!(summary("kept"), None);
    assert_eq!(changes[0].live, "prod/Service/shop/last");
    assert!(changes.iter().all(|change| change.action == Action::Delete && change.live != moved));
    for change in &changes {
        plain().apply(change, &mut host.deploy()).unwrap();
    }
    let there = |name: &str| host.object("prod", &ObjectName::new("v1", "Service", "shop", name)).is_some();
    assert_eq!(names.map(there), [false, true, true, true, false, false]);
}

#[test]
fn what_belongs_to_another_or_is_on_its_way_out_is_not_written() {
    let host = host();
    host.put_object("prod", &live("web", Some("other/prod"), json!({})));
    let objects = [desired(&host, "web.yaml", &object("v1", "Service", "web"))];
    let error = plan(&host, &config(json!({ "force": true })), &objects, &[]).unwrap_err();
    assert_eq!(error, Error::conflict("`prod/Service/shop/web` (from `web.yaml`) belongs to other/prod"));

    let mut leaving = live("web", Some(ME), json!({}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    leaving["metadata"]["finalizers"] = json!(["x.io/hold"]);
    host.put_object("prod", &leaving);
    let error = plan(&host, &plain(), &objects, &[]).unwrap_err();
    assert!(matches!(error, Error::Transient { .. }) && error.to_string().contains("held by the finalizers x.io/hold"));

    host.put_object("prod", &live("web", None, json!({})));
    let error = told(plan(&host, &config(json!({ "adopt": "never" })), &objects, &[]));
    assert!(error.contains("`adopt: unowned`"), "{error}");
    let mut equal = live("web", None, json!({}));
    equal["metadata"] = json!({ "name": "web", "namespace": "shop", "uid": "uid-web" });
    host.put_object("prod", &equal);
    let changes = plan(&host, &plain(), &objects, &[]).unwrap();
    assert_eq!(steps(&changes), [(Action::Adopt, "prod/Service/shop/web", 1)]);
}

#[test]
fn what_is_left_alone_as_a_whole_is_in_nobody_s_way() {
    let host = host();
    host.put_object("prod", &live("web", Some("other/prod"), json!({})));
    let mut held = live("held", Some(ME), json!({}));
    held["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    host.put_object("prod", &held);
    let objects =
        ["web", "held", "new"].map(|name| desired(&host, &format!("{name}.yaml"), &object("v1", "Service", name)));
    plan(&host, &plain(), &objects, &[]).unwrap_err();
    let fields = json!([{ "objects": "*/web", "pointers": ["/spec"] }, { "objects": "held.yaml" }]);
    plan(&host, &config(json!({ "application": { "sync": { "ignore": fields } } })), &objects, &[]).unwrap_err();
    let whole = json!([{ "objects": "*/web" }, { "objects": "held.yaml" }]);
    let config = config(json!({ "application": { "sync": { "ignore": whole } } }));
    let mut changes = plan(&host, &config, &objects, &[]).unwrap();
    changes.sort_by(|a, b| a.live.cmp(&b.live));
    let told: Vec<_> = changes.iter().map(|change| (change.action, change.summary.as_str())).collect();
    assert_eq!(told.len(), 3);
    assert!(
        told[0].0 == Action::Update && told[0].1.starts_with("can't be applied: ") && told[0].1.contains("held"),
        "{told:?}"
    );
    assert_eq!(told[1], (Action::Create, ""));
    assert!(told[2].0 == Action::Update && told[2].1.contains("belongs to other/prod"), "{told:?}");
}

#[test]
fn what_is_protected_goes_along_with_nothing() {
    let host = host();
    let mut space = object("v1", "Namespace", "shop");
    space["metadata"]["annotations"] = json!({ MARK: ME });
    let (owner, mut owned) = (live("owner", Some(ME), json!({})), live("data", Some(ME), json!({})));
    owned["metadata"]["ownerReferences"] = json!([{ "kind": "Service", "name": "owner", "uid": "uid-owner" }]);
    for object in [&space, &owner, &owned] {
        host.put_object("prod", object);
    }
    let refs = ["prod/Namespace/shop", "prod/Service/shop/owner", "prod/Service/shop/data"];
    let goes = |protect: &[&str], owned: &[&str]| -> Vec<String> {
        let config = config(json!({ "application": { "sync": { "protect": protect } } }));
        let changes = plan(&host, &config, &[], owned).unwrap();
        changes.into_iter().map(|change| change.live).collect()
    };
    assert_eq!(goes(&["*/other"], &refs).len(), 3);
    // The host takes out what is protected itself.
    assert_eq!(goes(&["*/data"], &refs), ["prod/Service/shop/data"]);
    assert_eq!(goes(&["*/Namespace/*"], &refs).len(), 3);
    assert_eq!(goes(&["*/data"], &refs[..2]).len(), 2, "what is not ours protects nothing");
}

#[test]
fn a_namespace_on_its_way_out_is_told() {
    let host = host();
    let mut space = object("v1", "Namespace", "shop");
    space["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    space["spec"] = json!({ "finalizers": ["kubernetes"] });
    space["status"] = json!({ "conditions": [
        { "type": "NamespaceFinalizersRemaining", "status": "True", "message": "x.io/a in 1 resource instances" },
        { "type": "NamespaceDeletionContentFailure", "status": "False", "message": "not told" },
    ] });
    host.put_object("prod", &space);
    let error = told(plan(&host, &plain(), &[desired(&host, "a", &object("v1", "Service", "a"))], &[]));
    assert!(error.contains("the namespace `shop` is being deleted since 2026-01-01T00:00:00Z"), "{error}");
    assert!(error.ends_with("x.io/a in 1 resource instances; nothing can be made in it"), "{error}");
}

#[test]
fn hooks_have_phases_and_names() {
    let host = host();
    let mut job = annotated(object("batch/v1", "Job", ""), "argocd.argoproj.io/hook", "PreSync,PostSync");
    job["metadata"].as_object_mut().unwrap().remove("name");
    job["metadata"]["generateName"] = json!("migrate-");
    let objects = [desired(&host, "job.yaml", &job), desired(&host, "a", &object("apps/v1", "Deployment", "web"))];
    let hooks = plain().hooks(&objects, &mut host.deploy()).unwrap();
    assert_eq!(hooks.iter().map(|hook| hook.phase).collect::<Vec<_>>(), [Phase::Before, Phase::After]);
    let name = hooks[0].live.strip_prefix("prod/Job.batch/shop/migrate-").unwrap();
    assert_eq!(name.len(), 10);
    // It says the same from another place in its file.
    let digest = host.add_blob(format!("# Source: job.yaml:9\n{job}"));
    let moved = plain().hooks(&[Object::blob("job.yaml", digest), objects[1].clone()], &mut host.deploy()).unwrap();
    assert_eq!(moved[0].live, hooks[0].live);

    let change = Change { state: hooks[0].state.clone(), ..Change::new(Action::Create, &hooks[0].live, "job.yaml") };
    for _ in 0..2 {
        plain().apply(&change, &mut host.deploy()).unwrap();
    }
    let made = ObjectName::new("batch/v1", "Job", "shop", format!("migrate-{name}"));
    let object = host.object("prod", &made).unwrap();
    assert_eq!(object["metadata"]["annotations"][MARK], Value::Null);
    assert!(object["metadata"].get("generateName").is_none());
    let removal = Change { action: Action::Delete, object: String::new(), ..change };
    plain().apply(&removal, &mut host.deploy()).unwrap();
    assert!(host.object("prod", &made).is_none());
}

/// The hook `web` as it is made and as it is removed.
fn hook(host: &Host) -> [Change; 2] {
    let service = annotated(object("v1", "Service", "web"), "argocd.argoproj.io/hook", "PreSync");
    let hook = plain().hooks(&[desired(host, "web.yaml", &service)], &mut host.deploy()).unwrap().remove(0);
    let change = |action| Change { state: hook.state.clone(), ..Change::new(action, &hook.live, &hook.object) };
    [change(Action::Create), change(Action::Delete)]
}

#[test]
fn a_hook_is_not_made_over_what_is_another_s() {
    let host = host();
    let [create, delete] = hook(&host);
    let kept = live("web", Some("other/prod"), json!({}));
    let run = live("web", None, json!({ HOOK_MARK: "other/prod" }));
    let never = config(json!({ "adopt": "never" }));
    let bare = live("web", None, json!({}));
    let theirs = "belongs to other/prod";
    for (config, there, why) in
        [(&plain(), kept, theirs), (&plain(), run, theirs), (&never, bare.clone(), "belongs to nobody")]
    {
        host.put_object("prod", &there);
        let error = config.apply(&create, &mut host.deploy()).unwrap_err();
        assert!(matches!(&error, Error::Conflict(message) if message.contains(why)), "{error:?}");
        let stays = config.apply(&delete, &mut host.deploy()).unwrap();
        assert!(stays.after.is_some() && stays.message.contains(why), "{stays:?}");
        assert_eq!(host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")), Some(there));
    }
    // Its own, and what it may take over, it makes and removes.
    for (config, there) in [(&plain(), bare), (&never, live("web", None, json!({ HOOK_MARK: ME })))] {
        host.put_object("prod", &there);
        config.apply(&create, &mut host.deploy()).unwrap();
        let made = host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")).unwrap();
        assert_eq!(made["metadata"]["annotations"][HOOK_MARK], ME);
        assert_eq!(config.apply(&delete, &mut host.deploy()).unwrap().after, None);
    }
}

#[test]
fn for_a_hook_goes_only_what_a_hook_has_made() {
    let host = host();
    let [_, delete] = hook(&host);
    let service = ObjectName::new("v1", "Service", "shop", "web");
    host.put_object("prod", &live("web", None, json!({})));
    let stays = plain().apply(&delete, &mut host.deploy()).unwrap();
    assert!(stays.after.is_some() && stays.message.contains("no hook made it"), "{stays:?}");
    assert!(host.object("prod", &service).is_some());
    // What another tool's hook made says so; what was kept before it became a hook is this one's own.
    let theirs = live("web", None, json!({ "helm.sh/hook": "pre-install" }));
    for there in [theirs, live("web", Some(ME), json!({})), live("web", None, json!({ HOOK_MARK: ME }))] {
        host.put_object("prod", &there);
        assert_eq!(plain().apply(&delete, &mut host.deploy()).unwrap().after, None);
        assert!(host.object("prod", &service).is_none());
    }
}

#[test]
fn a_hook_that_asks_for_it_is_made_anew_and_a_definition_never() {
    let host = host();
    let ask = |object: Value| annotated(object, "argocd.argoproj.io/sync-options", "Force=true,Replace=true");
    let run = |object: Value, uid: &str| {
        let object = annotated(ask(object), "argocd.argoproj.io/hook", "PreSync");
        let hook = plain().hooks(&[desired(&host, "hook.yaml", &object)], &mut host.deploy()).unwrap().remove(0);
        let mut there = annotated(object, HOOK_MARK, ME);
        there["metadata"]["uid"] = json!(uid);
        host.put_object("prod", &there);
        let change = Change { state: hook.state, ..Change::new(Action::Create, &hook.live, &hook.object) };
        plain().apply(&change, &mut host.deploy()).unwrap();
        String::from_utf8(change.state).unwrap()
    };
    let state = run(object("v1", "Service", "web"), "old");
    assert!(state.contains(r#""force":true"#), "fields of others are taken over: {state}");
    let made = host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")).unwrap();
    assert_eq!(made["metadata"].get("uid"), None, "it is another object: {made}");

    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "tickets.example.org" },
        "spec": { "group": "example.org", "names": { "kind": "Ticket" } },
    });
    run(definition, "kept");
    let name = ObjectName::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "tickets.example.org");
    let kept = host.object("prod", &name).unwrap();
    assert_eq!(kept["metadata"]["uid"], "kept", "all objects of its kind would go with it: {kept}");
}

#[test]
fn what_lost_its_mark_is_left_alone() {
    let host = host();
    host.put_object("prod", &live("web", None, json!({})));
    let changes = plan(&host, &plain(), &[], &["prod/Service/shop/web"]).unwrap();
    assert!(changes[0].summary.starts_with("left alone: it has no mark of "), "{}", changes[0].summary);
    plain().apply(&changes[0], &mut host.deploy()).unwrap();
    assert!(host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")).is_some());
}

#[test]
fn a_hook_of_an_install_stays_as_what_says_that_it_was_run() {
    let host = host();
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "seed", "annotations": { "helm.sh/hook": "post-install" } },
        "spec": { "ttlSecondsAfterFinished": 5 } });
    let hooks = plain().hooks(&[desired(&host, "job.yaml", &job)], &mut host.deploy()).unwrap();
    let change = Change { state: hooks[0].state.clone(), ..Change::new(Action::Create, &hooks[0].live, "job.yaml") };
    plain().apply(&change, &mut host.deploy()).unwrap();
    let made = host.object("prod", &ObjectName::new("batch/v1", "Job", "shop", "seed")).unwrap();
    assert_eq!(made["spec"].get("ttlSecondsAfterFinished"), None);
    assert_eq!(plain().apply(&change, &mut host.deploy()).unwrap().message, "left as it is: it is run once only");
}

#[test]
fn a_hook_of_another_is_neither_taken_over_nor_removed() {
    let host = host();
    host.put_object("prod", &live("web", None, json!({ HOOK_MARK: "other/prod" })));
    let objects = [desired(&host, "web.yaml", &object("v1", "Service", "web"))];
    let error = plan(&host, &plain(), &objects, &[]).unwrap_err();
    assert_eq!(error, Error::conflict("`prod/Service/shop/web` (from `web.yaml`) belongs to other/prod"));
    let changes = plan(&host, &plain(), &[], &["prod/Service/shop/web"]).unwrap();
    assert_eq!(changes[0].summary, "left alone: it belongs to other/prod now");
    plain().apply(&changes[0], &mut host.deploy()).unwrap();
    assert!(host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")).is_some());
}

#[test]
fn what_was_gone_when_it_was_planned_is_not_removed_when_it_is_there() {
    let host = host();
    let changes = plan(&host, &plain(), &[], &["prod/Service/shop/web"]).unwrap();
    assert_eq!(changes[0].summary, "gone already");
    host.put_object("prod", &live("web", None, json!({})));
    let error = plain().apply(&changes[0], &mut host.deploy()).unwrap_err();
    assert_eq!(error, Error::conflict("`prod/Service/shop/web` was made anew since this was planned"));
    assert!(host.object("prod", &ObjectName::new("v1", "Service", "shop", "web")).is_some());
}

#[test]
fn a_mark_that_is_missing_is_set_even_where_annotations_are_ignored() {
    let host = host();
    let mut there = live("web", None, json!({ "a": "b" }));
    there["metadata"]["labels"] = json!({ "c": "d" });
    host.put_object("prod", &there);
    let rule = json!({ "kind": "*", "pointers": ["/metadata/annotations", "/metadata/labels"] });
    let config = config(json!({ "application": { "ignore": [rule] } }));
    let objects = [desired(&host, "web.yaml", &object("v1", "Service", "web"))];
    let changes = plan(&host, &config, &objects, &[]).unwrap();
    assert_eq!(steps(&changes), [(Action::Adopt, "prod/Service/shop/web", 1)]);
}

#[test]
fn objects_are_observed_and_judged() {
    let host = host();
    host.put_object("prod", &live("web", Some(ME), json!({})));
    let mut secret = live("key", None, json!({}));
    secret["kind"] = json!("Secret");
    secret["data"] = json!({ "a": "aHVudGVyMg==" });
    host.put_object("prod", &secret);
    let refs = ["prod/Service/shop/web", "prod/Secret/shop/key", "prod/Service/shop/gone"].map(str::to_owned);
    let observed = plain().observe(&refs, &mut host.deploy()).unwrap();
    assert!(observed.iter().all(|observed| !String::from_utf8_lossy(&observed.state).contains("aHVu")));
    let health: Vec<_> = observed.iter().map(|observed| plain().judge(observed).unwrap().status).collect();
    assert_eq!(health, [HealthStatus::Healthy, HealthStatus::Healthy, HealthStatus::Missing]);

    let rule = json!({ "kinds": ["Service"], "rules": [{ "status": "Degraded", "message": "no" }] });
    let own = config(json!({ "application": { "health": [rule] } }));
    assert_eq!(own.judge(&observed[0]).unwrap().status, HealthStatus::Degraded);
    let broken = json!({ "kinds": ["Service"], "rules": [{ "when": "1 +", "status": "Degraded" }] });
    let broken = config(json!({ "application": { "health": [broken] } }));
    let error = told(broken.judge(&observed[0]));
    assert!(error.starts_with("/application/health/0/rules/0/when: "), "{error}");
    // Whatever it is for, it is told before anything is looked at.
    let early = [
        told(broken.identify(&[], &mut host.deploy())),
        told(plan(&host, &broken, &[], &[])),
        told(broken.hooks(&[], &mut host.deploy())),
    ];
    assert_eq!(early, [error.as_str(); 3]);
}

#[test]
fn what_carries_our_mark_is_ours() {
    let host = host();
    let label = crate::owner::Owner { name: ME.to_owned() }.label();
    let marked = |name: &str, owner: &str| {
        let mut service = live(name, Some(owner), json!({}));
        service["metadata"]["labels"] = json!({ MARK: label });
        service
    };
    let mut copied = marked("copied", ME);
    copied["metadata"]["ownerReferences"] = json!([{ "uid": "x", "controller": true }]);
    for service in [marked("ours", ME), marked("others", "other/prod"), copied, live("bare", Some(ME), json!({}))] {
        host.put_object("prod", &service);
    }
    assert_eq!(plain().owned(&mut host.deploy()).unwrap(), ["prod/Service/shop/ours"]);
}

#[test]
fn a_cluster_that_is_not_granted_is_denied() {
    let host = Host::new();
    let objects = [desired(&host, "a", &object("v1", "Service", "a"))];
    assert!(matches!(plan(&host, &plain(), &objects, &[]), Err(Error::Denied(_))));
}

#[test]
fn the_schema_explains_every_key_and_refuses_others() {
    let description = Plugin::describe();
    assert_eq!(description.name, "target-kubernetes");
    assert_eq!(description.capabilities[0].0, "kubernetes");
    let schema: Value = springline_sdk::serde_json::from_str(&description.config_schema).unwrap();
    assert_eq!(schema["required"], json!(["cluster"]));
    let of = |name: &str| &schema["$defs"][name];
    for schema in [&schema, of("Application"), of("Ignore"), of("KindRules")] {
        assert_eq!(schema["additionalProperties"], json!(false), "{schema:#}");
        for (key, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string() || property["$ref"].is_string(), "{key}: {property}");
        }
    }
}
