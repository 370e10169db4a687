//! Refused objects, large ones and too many of them, on a real API server: each a clear message that
//! names the thing and the way out, and nothing lost.

use std::time::Instant;

use serde_json::{Value, json};
use springline_testcluster::{Cluster, Proxy};

use crate::code::{DEPLOY, PLUGIN};
use crate::kube::{Shop, config_map, with_metadata};

/// A Deployment without replicas.
pub fn deployment(name: &str, replicas: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{ app: {name} }}
  template:
    metadata:
      labels: {{ app: {name} }}
    spec:
      containers:
        - {{ name: main, image: registry.example.org/main:1 }}
"
    )
}

/// Everything that the program ever wrote of the application: logs, history, what it deployed, as
/// text.
pub fn told(shop: &Shop<'_>) -> String {
    let spoken = [&["logs", "-o", "json"][..], &["history", "-o", "json"], &["status", "-o", "json"], &["diff"]]
        .map(|arguments| format!("{:?}", shop.sandbox.springline(arguments)));
    spoken.concat()
}

#[test]
fn a_policy_that_refuses_is_quoted() {
    let Some(cluster) = Cluster::start() else { return };
    // It says when a Deployment is as it should be.
    if !cluster.controllers() {
        return;
    }
    let Some(shop) = Shop::new(&cluster, "policy") else { return };
    let policy = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: teams }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - { apiGroups: [\"\"], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE] }
  validations:
    - expression: \"has(object.data) && 'team' in object.data\"
      message: every ConfigMap names its team
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: teams }
spec: { policyName: teams, validationActions: [Deny] }
";
    cluster.kubectl_with(&["apply", "-f", "-"], policy).ok();
    let probe = ["create", "configmap", "probe", "--dry-run=server"];
    let began = Instant::now();
    while shop.kubectl(&probe).code == 0 {
        assert!(began.elapsed().as_secs() < 60, "the policy is never heeded");
    }
    shop.manifest("map", &config_map("map", "one"));
    shop.manifest("web", &deployment("web", "0"));
    let said = shop.springline(&["run"]);
    let code = said.code;
    let said = said.fails(code, &["ConfigMap/map.yaml", "every ConfigMap names its team", "teams"]);
    assert!([PLUGIN, DEPLOY].contains(&code), "{code}: {said}");
    shop.manifest("map", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\ndata: { team: shop }\n");
    shop.springline(&["run"]).ok();
    // What is there already is refused before anything is written.
    shop.manifest("map", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\ndata: { crew: shop }\n");
    shop.manifest("web", &deployment("web", "1"));
    shop.springline(&["run"]).fails(PLUGIN, &["ConfigMap/map.yaml", "every ConfigMap names its team"]);
    assert_eq!(shop.get("deployment/web")["spec"]["replicas"], 0);
}

/// Admission that changes what is sent, and a kind with defaults of its own: no difference, and no
/// write.
#[test]
fn what_admission_and_defaults_make_of_objects_is_no_drift() {
    let Some(cluster) = Cluster::start() else { return };
    // It says when a Deployment is as it should be.
    if !cluster.controllers() {
        return;
    }
    let proxy = Proxy::before(&cluster);
    let Some(shop) = Shop::through(&cluster, &proxy.kubeconfig(), "mutating") else { return };
    let served = cluster.kubectl(&["get", "--raw", "/apis/admissionregistration.k8s.io/v1"]).ok();
    assert!(served.contains("mutatingadmissionpolicies"), "a server of 1.36 has them: {served}");
    let policy = "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: { name: labels }
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - { apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE] }
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: 'Object{metadata: Object.metadata{labels: {\"site\": \"berlin\"}}, spec: Object.spec{minReadySeconds: 3}}'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: { name: labels }
spec: { policyName: labels }
";
    cluster.kubectl_with(&["apply", "-f", "-"], policy).ok();
    shop.manifest("probe", &deployment("probe", "0"));
    let probe = shop.sandbox.repo().join("deploy/probe.yaml");
    let began = Instant::now();
    loop {
        let made = shop.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", probe.to_str().unwrap()]).json();
        if made["metadata"]["labels"]["site"] == "berlin" {
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "the policy is never heeded");
    }
    shop.manifest("web", &deployment("web", "0"));
    shop.springline(&["run"]).ok();
    let live = shop.get("deployment/web");
    assert_eq!(live["metadata"]["labels"]["site"], "berlin");
    assert_eq!(live["spec"]["minReadySeconds"], 3);
    assert_eq!(live["spec"]["strategy"]["type"], "RollingUpdate");
    assert_eq!(shop.diff(), None);
    proxy.forget();
    let report = shop.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["environments"][0]["changes"], json!([]));
    let written = proxy.writes();
    assert!(written.is_empty(), "{written:#?}");
    // What differs besides is still seen.
    shop.kubectl(&["scale", "deployment", "web", "--replicas", "2"]).ok();
    assert!(shop.diff().unwrap().contains("replicas"));
    shop.springline(&["run"]).ok();
    assert_eq!(shop.get("deployment/web")["spec"]["replicas"], 0);
    assert_eq!(shop.get("deployment/web")["metadata"]["labels"]["site"], "berlin");
}

#[test]
fn unknown_kinds_are_told_with_their_file_and_the_way_out() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "unknown") else { return };
    shop.manifest("map", &config_map("map", "one"));
    for (api_version, kind, words) in [
        ("shop.example.org/v1", "Basket", "CustomResourceDefinition"),
        ("apps/v1", "Deploymnt", "api-resources"),
        ("apps/v1beta1", "Deployment", "api-resources"),
        ("v2", "ConfigMap", "api-resources"),
    ] {
        shop.manifest("odd", &format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{ name: odd }}\n"));
        let said = shop.springline(&["run"]).fails(PLUGIN, &["cluster `test`", kind, api_version, words]);
        assert!(said.contains("deploy/odd.yaml: ") && said.contains("/odd.yaml: cluster `test`"), "{said}");
        assert!(!shop.has("configmap/map"), "nothing is begun");
    }
}

#[test]
fn invalid_objects_are_told_with_field_line_and_file() {
    let Some(cluster) = Cluster::shared() else { return };
    // It says when a Deployment is as it should be.
    if !cluster.controllers() {
        return;
    }
    let Some(shop) = Shop::new(cluster, "invalid") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let good = deployment("web", "0");
    // Behind another object of its file, in which it begins at this line.
    let place = "deploy/web.yaml: _default/Deployment.apps/web.yaml:";
    let behind = |text: &str| format!("# First\n{}---\n# Then\n{text}", config_map("other", "one"));
    let cases = [
        (deployment("web", "three"), "spec.replicas"),
        (deployment("web", "-1"), "spec.replicas"),
        (good.replace("name: main, ", ""), "spec.template.spec.containers[0].name"),
        (good.replace("  replicas: 0\n", "  replcias: 0\n"), "spec.replcias"),
        (good.replace("matchLabels: { app: web }", "matchLabels: { app: other }"), "spec.template.metadata.labels"),
    ];
    for (text, field) in cases {
        shop.manifest("web", &behind(&text));
        let outcome = shop.springline(&["run"]);
        let code = outcome.code;
        let said = outcome.fails(code, &["Deployment.apps/web.yaml:", place, field]);
        assert!([PLUGIN, DEPLOY].contains(&code), "{code}: {said}");
        println!("{code}: {said}");
    }
    shop.manifest("web", &behind(&good));
    shop.springline(&["run"]).ok();
    // A change of what can't change.
    shop.manifest("web", &behind(&good.replace("app: web", "app: other")));
    let words = [place, "spec.selector", "can't be changed", "springline.dev/replace"];
    for verb in ["run", "diff"] {
        shop.springline(&[verb]).fails(PLUGIN, &words);
    }
    assert_eq!(shop.get("deployment/web")["spec"]["selector"]["matchLabels"]["app"], "web");
}

#[test]
fn one_object_in_two_files_is_told_with_both() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "twice") else { return };
    shop.manifest("a", &config_map("map", "one"));
    shop.manifest("b", &config_map("map", "two"));
    shop.springline(&["run"]).fails(PLUGIN, &["deploy/b.yaml:1", "declared twice", "a.yaml:1"]);
    // The namespace that one of them names is the other's by default.
    shop.manifest("b", &with_metadata(&config_map("map", "two"), &format!("namespace: {}", shop.namespace)));
    let live = shop.live("ConfigMap", "map");
    let both = ["deploy/a.yaml", "deploy/b.yaml", "both become", &live];
    shop.springline(&["run"]).fails(PLUGIN, &both);
    assert!(!shop.has("configmap/map"));
}

#[test]
fn a_secret_that_is_refused_does_not_show_its_values() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "secret") else { return };
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: login }}\n{rest}");
    let values = ["hunter2hunter2", "aHVudGVyMmh1bnRlcjI=", "6543210987", "open-sesame!"];
    let never = |text: &str| {
        for value in values {
            assert!(!text.contains(value), "`{value}` is in: {text}");
        }
    };
    let refused = [
        "data: { pin: 6543210987 }\n",
        "data: { word: open-sesame! }\n",
        "type: kubernetes.io/tls\nstringData: { tls.crt: hunter2hunter2 }\n",
        "stringData: { 'open sesame': hunter2hunter2, \"bad key!\": open-sesame! }\n",
        "type: kubernetes.io/dockerconfigjson\nstringData: { .dockerconfigjson: open-sesame! }\n",
        "stringdata: { word: open-sesame! }\n",
    ];
    for rest in refused {
        shop.manifest("login", &secret(rest));
        let outcome = shop.springline(&["run"]);
        assert!([PLUGIN, DEPLOY].contains(&outcome.code), "{rest}: {outcome:#?}");
        assert!(outcome.stderr.contains("Secret/login.yaml"), "{outcome:#?}");
        println!("{}", outcome.stderr);
        never(&format!("{outcome:?}"));
    }
    shop.manifest("login", &secret("immutable: true\nstringData: { word: hunter2hunter2 }\n"));
    shop.springline(&["run"]).ok();
    shop.manifest("login", &secret("immutable: true\nstringData: { word: open-sesame! }\n"));
    let diff = shop.springline(&["diff"]);
    never(&format!("{diff:?}"));
    let outcome = shop.sandbox.springline(&["run"]);
    assert_ne!(outcome.code, 0);
    never(&format!("{outcome:?}"));
    never(&told(&shop));
}

#[test]
fn an_object_of_a_mebibyte_passes_and_a_larger_one_is_refused_clearly() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "large") else { return };
    let line = "0123456789abcdef".repeat(16);
    let whole = |bytes: usize| line.repeat(bytes / line.len());
    shop.manifest("large", &config_map("large", &whole((1 << 20) - 4096)));
    shop.springline(&["run"]).ok();
    let live = shop.get("configmap/large");
    assert_eq!(live["data"]["value"].as_str().unwrap().len(), (1 << 20) - 4096);
    assert_eq!(shop.diff(), None);
    for mebibytes in [2, 4, 8] {
        shop.manifest("large", &config_map("large", &whole(mebibytes << 20)));
        let outcome = shop.springline(&["run"]);
        let code = outcome.code;
        println!("{mebibytes} MiB, {code}: {}", outcome.stderr);
        let said = outcome.fails(code, &["ConfigMap/large.yaml"]);
        assert!([PLUGIN, DEPLOY].contains(&code), "{code}: {said}");
        assert!(["Too long", "is the most"].iter().any(|words| said.contains(words)), "{said}");
        assert!(said.len() < 4096, "what is too large is not shown: {} bytes", said.len());
    }
    assert_eq!(shop.history().len(), 4);
}

#[test]
fn five_thousand_objects_in_one_application() {
    const ALL: usize = 5_000;
    let Some(cluster) = Cluster::start() else { return };
    let proxy = Proxy::before(&cluster);
    let Some(shop) = Shop::through(&cluster, &proxy.kubeconfig(), "thousands") else { return };
    let text: String = (0..ALL).map(|at| format!("---\n{}", config_map(&format!("map-{at}"), "one"))).collect();
    shop.manifest("all", &text);
    let timed = |what: &str| {
        proxy.forget();
        let began = Instant::now();
        let report = shop.springline(&["run", "-o", "json"]).json();
        let asked = proxy.requests();
        let writes = asked.iter().filter(|request| request.writes()).count();
        println!("{what}: {:.1} s, {} requests, {writes} writes", began.elapsed().as_secs_f64(), asked.len());
        let counts: Value = report["environments"][0]["counts"].clone();
        (counts, writes, asked.len())
    };
    let (counts, writes, _) = timed("sync");
    assert_eq!((counts["created"].as_u64(), writes), (Some(ALL as u64), ALL));
    let (_, writes, asked) = timed("nothing to do");
    assert_eq!(writes, 0);
    assert!(asked < 2 * ALL, "{asked}");
    shop.manifest("all", &config_map("map-7", "one"));
    let (counts, writes, _) = timed("prune");
    assert_eq!((counts["deleted"].as_u64(), writes), (Some(ALL as u64 - 1), ALL - 1));
    let left = shop.kubectl(&["get", "configmaps", "-o", "name"]).ok();
    let left: Vec<&str> = left.lines().filter(|name| name.contains("map-")).collect();
    assert_eq!(left, ["configmap/map-7"]);
    assert_eq!(shop.history().len(), 3);
}
