//! Kubernetes clusters: what is granted is asked of the port, what is not is denied, and what a
//! plugin or a server does wrong ends the request, or the call, and nothing else.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};
use springline_model::call::{Call, Called, TargetCall};
use springline_model::capability::Grants;
use springline_model::kubernetes::{ApiKind, Cause, KubernetesError, KubernetesGrant, ObjectName, Verb};
use springline_model::manifest::{Action, Change, Difference};
use springline_model::plugin::{CallError, Fault, Level, Limit, Limits};
use springline_model::port::Plugins as _;
use springline_testkit::{FakeClusters, Hung};

use crate::setup::{Setup, fault};

/// Longer than anything takes that is not stuck.
const LONG: Duration = Duration::from_secs(120);
const SHOP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"colours"}}"#;

/// A runtime with these clusters.
fn setup() -> Option<(Setup, Arc<FakeClusters>)> {
    let clusters = Arc::new(FakeClusters::default());
    let port = Arc::clone(&clusters);
    Some((Setup::clustered(port)?, clusters))
}

fn grant(namespaces: &[&str], kinds: &[&str], verbs: &[Verb]) -> Grants {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let grant = KubernetesGrant {
        cluster: "prod".into(),
        namespaces: owned(namespaces),
        kinds: owned(kinds),
        verbs: verbs.into(),
    };
    Grants { kubernetes: vec![grant], ..Grants::default() }
}

/// Calls the probe, which does what `ops` says.
fn explain(call: Call, setup: &Setup) -> Result<Called<Difference>, CallError> {
    let change = Change {
        live: "x".into(),
        object: String::new(),
        action: Action::Delete,
        wave: 0,
        summary: String::new(),
        before: None,
        after: None,
        state: Vec::new(),
    };
    setup.runtime.target(TargetCall { call, desired: Arc::from([]) })?.explain(&change)
}

fn call(setup: &Setup, grants: Grants, ops: Value) -> Call {
    let call = setup.call(setup.probe("probe-kube"), &json!({ "cluster": "prod", "ops": ops }));
    Call { grants, ..call }
}

/// What each op came to.
#[track_caller]
fn said(setup: &Setup, grants: Grants, ops: Value) -> Vec<String> {
    let explained = explain(call(setup, grants, ops), setup).unwrap();
    explained.value.live.unwrap().lines().map(str::to_owned).collect()
}

fn name(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectName {
    ObjectName { kind: ApiKind::new(api_version, kind), namespace: namespace.into(), name: name.into() }
}

#[test]
fn what_is_granted_is_asked_and_written_down() {
    let Some((setup, clusters)) = setup() else { return };
    clusters.warn("spec.old is deprecated\u{1b}[2J");
    let call = call(
        &setup,
        grant(&["shop"], &[], &[]),
        json!([
            { "apply": SHOP },
            { "get": [["v1", "ConfigMap", "shop", "colours"], ["v1", "Secret", "shop", "absent"]] },
            { "get-managed": ["v1", "ConfigMap", "shop", "colours"] },
            { "create": SHOP },
            { "replace": SHOP },
            { "list": ["v1", "ConfigMap", "shop"] },
            { "merge": ["v1", "ConfigMap", "shop", "colours", "{\"data\":null}"] },
            { "types": ["apps/", "Deployment"] },
            "all-types",
            { "delete": ["v1", "ConfigMap", "shop", "colours"] },
        ]),
    );
    let ledger = call.ledger.clone();
    let explained = explain(call, &setup).unwrap();
    let said: Vec<_> = explained.value.live.as_deref().unwrap().lines().collect();
    assert_eq!(said[0], SHOP);
    assert_eq!(said[1], format!("{SHOP} none"));
    assert_eq!(said[3], "refused 409: ConfigMap \"colours\" already exists");
    assert_eq!(said[5], format!("1 objects, {} bytes", SHOP.len()));
    assert!(said[6].contains("patched-with"), "{}", said[6]);
    assert_eq!(said[7], "apps/v1 deployments");
    assert_eq!(said[8], "ConfigMap Secret Deployment", "a Namespace is in no namespace");
    assert_eq!(said[9], "none");
    assert_eq!(clusters.asked()[1], "get 2 in prod for shop/site, Any");
    assert_eq!(clusters.asked()[2], "get 1 in prod for shop/site, LiveManaged");
    let used = ledger.used().kubernetes.into_iter();
    let used = used.map(|used| format!("{} {} in {} {}x", used.verb, used.kind, used.cluster, used.count));
    let used = used.collect::<Vec<_>>().join(", ");
    for part in ["get ConfigMap in prod 2x", "list ConfigMap in prod 1x", "apply ConfigMap in prod 4x"] {
        assert!(used.contains(part), "{used}");
    }
    let warned: Vec<_> = explained.log.iter().filter(|line| line.level == Level::Warn).collect();
    assert!(warned[0].text.contains("prod warns: spec.old is deprecated\\u{1b}[2J"), "{warned:?}");
}

#[test]
fn who_works_in_a_namespace_may_look_at_it() {
    let Some((setup, _clusters)) = setup() else { return };
    let grants = || grant(&["shop"], &["ConfigMap"], &[Verb::Apply]);
    assert_eq!(said(&setup, grants(), json!([{ "get": [["v1", "Namespace", "", "shop"]] }])), ["none"]);
    let denied = said(&setup, grants(), json!([{ "get": [["v1", "Namespace", "", "kube-system"]] }]));
    assert!(denied[0].contains("is not granted"), "{denied:?}");
}

#[test]
fn a_list_of_all_namespaces_is_of_those_that_are_granted() {
    let Some((setup, clusters)) = setup() else { return };
    let all = || json!([{ "list": ["v1", "ConfigMap", ""] }]);
    let two = Grants {
        kubernetes: [grant(&["shop", "bank"], &["ConfigMap"], &[]), grant(&["kube-system"], &["Secret"], &[])]
            .into_iter()
            .flat_map(|grants| grants.kubernetes)
            .collect(),
        ..Grants::default()
    };
    assert_eq!(said(&setup, two, all()), ["0 objects, 0 bytes"]);
    let asked = ["list ConfigMap of [bank] in prod, Live", "list ConfigMap of [shop] in prod, Live"];
    let lists = || clusters.asked().into_iter().filter(|asked| asked.starts_with("list ")).collect::<Vec<_>>();
    assert_eq!(lists(), asked);
    let nodes = said(&setup, grant(&["shop"], &[], &[]), json!([{ "list": ["v1", "Namespace", ""] }]));
    assert!(nodes[0].starts_with("denied: ") && nodes[0].contains("kinds: [Namespace]"), "{nodes:?}");
    let of_another = said(&setup, grant(&["shop"], &["Secret"], &[]), all());
    assert!(of_another[0].starts_with("denied: "), "{of_another:?}");
    assert_eq!(lists().len(), 2, "nothing more was listed");
}

#[test]
fn what_is_not_granted_is_denied_with_the_line_that_would_grant_it() {
    let Some((setup, clusters)) = setup() else { return };
    let elsewhere = SHOP.replace("shop", "kube-system");
    let whole = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"all"}}"#;
    let said = said(
        &setup,
        grant(&["shop"], &["ConfigMap", "*.apps"], &[Verb::Get, Verb::Apply]),
        json!([
            { "apply": elsewhere },
            { "apply": whole },
            { "get": [["v1", "ConfigMap", "shop", "a"], ["v1", "Secret", "shop", "a"]] },
            { "list": ["v1", "ConfigMap", "shop"] },
            { "list": ["v1", "ConfigMap", ""] },
            { "delete": ["v1", "ConfigMap", "shop", "a"] },
        ]),
    );
    assert!(said.iter().all(|said| said.starts_with("denied: ")), "{said:?}");
    assert!(
        said[0].contains("apply ConfigMap in the namespace kube-system of the cluster prod is not granted to plugin probe-kube in application shop, environment site"),
        "{}",
        said[0]
    );
    let line =
        "grants: { kubernetes: [ { cluster: prod, namespaces: [kube-system], kinds: [ConfigMap], verbs: [apply] } ] }";
    assert!(said[0].contains(line), "{}", said[0]);
    assert!(said[1].contains("kinds: [ClusterRole.rbac.authorization.k8s.io]") && !said[1].contains("namespaces:"));
    assert!(said[2].contains("kinds: [Secret]"), "{}", said[2]);
    assert_eq!(clusters.asked(), Vec::<String>::new(), "nothing was asked");

    let other = explain(
        Call {
            config: r#"{"cluster":"test","ops":["all-types",{"types":["v1","Pod"]},{"apply":"{}"}]}"#.into(),
            ..call(&setup, grant(&[], &[], &[]), json!([]))
        },
        &setup,
    );
    let other = other.unwrap().value.live.unwrap();
    assert!(
        other.lines().take(2).all(|line| line.starts_with("denied: ") && line.contains("cluster: test")),
        "{other}"
    );
}

#[test]
fn without_a_grant_or_a_word_in_the_description_there_is_nothing() {
    let Some((setup, clusters)) = setup() else { return };
    let all = json!([{ "get": [["v1", "Pod", "shop", "a"]] }, { "remember": ["a", "b"] }, { "recall": "a" }]);
    let nothing = said(&setup, Grants::default(), all);
    assert!(nothing[0].contains("is not granted"), "{nothing:?}");
    assert_eq!(nothing[2], "forgotten");
    let Fault::Denied { message } =
        fault(explain(call(&setup, Grants::default(), json!([{ "fingerprint": "a" }])), &setup))
    else {
        panic!()
    };
    assert!(message.contains("grants: { kubernetes:"), "{message}");
    assert!(clusters.asked().is_empty());

    let alone = Setup::new().unwrap();
    let failed = said(&alone, grant(&[], &[], &[]), json!([{ "apply": SHOP }]));
    assert!(failed[0].starts_with("failed: host.yaml declares no cluster"), "{failed:?}");
}

#[test]
fn what_is_no_object_or_no_name_never_reaches_a_cluster() {
    let Some((setup, clusters)) = setup() else { return };
    let twice = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop","namespace":"other"}}"#;
    let said = said(
        &setup,
        grant(&["shop"], &[], &[]),
        json!([
            { "apply": "[]" },
            { "apply": twice },
            { "get": [["v1", "ConfigMap", "shop", "../../other/secrets/token"]] },
            { "get": [["v1", "ConfigMap", "shop", ".."]] },
            { "get": [["v1", "ConfigMap", "shop", "a%2fb"]] },
            { "get": [["v1/../..", "ConfigMap", "shop", "a"]] },
            { "merge": ["v1", "ConfigMap", "shop", "a", "[1]"] },
            { "delete": ["v1", "ConfigMap", "shop", ""] },
        ]),
    );
    assert!(said.iter().all(|said| said.starts_with("failed: ")), "{said:?}");
    assert!(clusters.asked().is_empty(), "{:?}", clusters.asked());
}

#[test]
fn what_a_server_refuses_is_told_and_escaped() {
    let Some((setup, clusters)) = setup() else { return };
    let cause = Cause { reason: "Field\u{7}".into(), message: "m".into(), field: "spec".into() };
    clusters.fail(KubernetesError::Refused {
        code: 422,
        reason: "Invalid".into(),
        message: "spec is \u{1b}[31mwrong".into(),
        causes: vec![cause; 1_000],
    });
    let refused = said(&setup, grant(&[], &[], &[]), json!([{ "apply": SHOP }]));
    assert_eq!(refused, ["refused 422: spec is \\u{1b}[31mwrong"]);
    clusters.fail(KubernetesError::Unavailable { message: "busy".into(), retry_after: None });
    assert_eq!(said(&setup, grant(&[], &[], &[]), json!([{ "apply": SHOP }])), ["unavailable: busy"]);
    clusters.fail(KubernetesError::UnknownType("no such type".into()));
    assert_eq!(said(&setup, grant(&[], &[], &[]), json!([{ "apply": SHOP }])), ["unknown type: no such type"]);
}

#[test]
fn what_is_too_large_does_not_cross() {
    let Some((setup, clusters)) = setup() else { return };
    let grants = || grant(&["shop"], &[], &[]);
    let most =
        said(&setup, grants(), json!([{ "apply-bytes": ["shop", 3_100_000] }, { "apply-bytes": ["shop", 4 << 20] }]));
    assert!(most[0].ends_with(" bytes") && most[1].contains("3 MiB is the most"), "{most:?}");
    // More than the host takes in from a guest at once.
    let huge = fault(explain(call(&setup, grants(), json!([{ "apply-bytes": ["shop", 100 << 20] }])), &setup));
    assert!(matches!(&huge, Fault::Contract { message } if message.contains("64 MiB in one call")), "{huge:?}");

    clusters.put("prod", name("v1", "Secret", "shop", "large"), "x".repeat((3 << 20) + 1));
    let large = said(&setup, grants(), json!([{ "get": [["v1", "Secret", "shop", "large"]] }]));
    assert!(large[0].contains("3 MiB is the most"), "{large:?}");
    for at in 0..33 {
        clusters.put("prod", name("v1", "Pod", "shop", &at.to_string()), "x".repeat(2 << 20));
    }
    let many = said(&setup, grants(), json!([{ "list": ["v1", "Pod", "shop"] }]));
    assert!(many[0].contains("more than 64 MiB"), "{many:?}");
    // What may cross has to fit the guest.
    for at in 31..33 {
        clusters.put("prod", name("v1", "Pod", "shop", &at.to_string()), "{}");
    }
    let many = call(&setup, grants(), json!([{ "list": ["v1", "Pod", "shop"] }]));
    let small = Limits { memory_mib: 32, ..Limits::default() };
    let Fault::Limit { limit, .. } = fault(explain(Call { limits: small, ..many.clone() }, &setup)) else { panic!() };
    assert_eq!(limit, Limit::Memory);
    assert!(explain(many, &setup).unwrap().value.live.unwrap().starts_with("33 objects"));
}

#[test]
fn a_request_that_hangs_is_given_up() {
    let Some((setup, clusters)) = setup() else { return };
    let (told, hung) = channel();
    clusters.hang(told);
    let waits = call(&setup, grant(&[], &[], &[]), json!([{ "apply": SHOP }]));
    let cancel = waits.cancel.clone();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| fault(explain(waits, &setup)));
        assert_eq!(hung.recv_timeout(LONG).unwrap(), Hung::Asked);
        cancel.cancel();
        assert_eq!(hung.recv_timeout(LONG).unwrap(), Hung::GivenUp);
        assert_eq!(call.join().unwrap(), Fault::Cancelled);
    });
    let slow = call(&setup, grant(&[], &[], &[]), json!([{ "apply": SHOP }]));
    let limits = Limits { wall_seconds: 1, ..Limits::default() };
    let Fault::Limit { limit, .. } = fault(explain(Call { limits, ..slow }, &setup)) else { panic!() };
    assert_eq!(limit, Limit::Wall);
    assert_eq!(hung.recv_timeout(LONG).unwrap(), Hung::Asked);
    assert_eq!(hung.recv_timeout(LONG).unwrap(), Hung::GivenUp);
}

#[test]
fn a_hundred_thousand_requests_stay_within_the_limits() {
    let Some((setup, clusters)) = setup() else { return };
    let config = json!({
        "cluster": "prod",
        "count": 100_000,
        "ops": [{ "list": ["v1", "Pod", "elsewhere"] }],
    });
    let call = call(&setup, grant(&["shop"], &[], &[]), json!([]));
    let call = Call { config: config.to_string().into(), ..call };
    let ledger = call.ledger.clone();
    let done = explain(call, &setup).unwrap();
    assert!(done.value.live.unwrap().starts_with("denied: "));
    assert_eq!(ledger.used().denied, ["kubernetes"]);
    let last = &done.log.last().unwrap().text;
    assert!(last.contains("more lines were dropped"), "{last}");
    assert!(clusters.asked().is_empty());

    // Kinds that nobody has are not all written down by name.
    let kinds: Vec<_> = (0..500).map(|at| json!(["v1", format!("Kind{at}"), "shop", "a"])).collect();
    let many = self::call(&setup, grant(&["shop"], &[], &[]), json!([{ "get": kinds }]));
    let ledger = many.ledger.clone();
    explain(many, &setup).unwrap();
    let used = ledger.used().kubernetes;
    assert!(used.len() <= 65 && used.iter().any(|used| used.kind == "others"), "{}", used.len());
}

#[test]
fn what_is_remembered_is_the_plugins_in_one_place() {
    let Some((setup, _)) = setup() else { return };
    let grants = || grant(&["shop"], &[], &[]);
    let first = said(&setup, grants(), json!([{ "recall": "a" }, { "remember": ["a", "12345"] }, { "recall": "a" }]));
    assert_eq!(first, ["forgotten", "remembered", "5 bytes"]);
    assert_eq!(said(&setup, grants(), json!([{ "recall": "a" }])), ["5 bytes"], "another call recalls it");

    let elsewhere = |application: &str, environment: &str| {
        let mut context = crate::setup::context();
        context.application = application.into();
        context.environment = Some(environment.into());
        let call = call(&setup, grants(), json!([{ "recall": "a" }]));
        explain(Call { context: Arc::new(context), ..call }, &setup).unwrap().value.live.unwrap()
    };
    assert_eq!(elsewhere("shop", "site"), "5 bytes");
    assert_eq!(elsewhere("shop", "test"), "forgotten");
    assert_eq!(elsewhere("other", "site"), "forgotten");
    let long = json!([{ "remember-bytes": ["a", (64 << 10) + 1] }, { "recall": "a" }]);
    assert_eq!(said(&setup, grants(), long)[1], "forgotten");

    let prints =
        said(&setup, grants(), json!([{ "fingerprint": "x" }, { "fingerprint": "x" }, { "fingerprint": "y" }]));
    assert!(prints[0].len() == 16 && prints[0] == prints[1] && prints[0] != prints[2], "{prints:?}");
}
