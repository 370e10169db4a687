//! The annotations of Argo CD and Helm that are about one object.

use serde_json::json;
use springline_testcluster::Cluster;

use crate::code::DEPLOY;
use crate::kube::{Kubelet, Shop, config_map, deployment, job, order, ticket, tickets, with_metadata};

/// A ConfigMap with an annotation.
fn annotated(name: &str, key: &str, value: &str) -> String {
    with_metadata(&config_map(name, "1"), &format!("annotations: {{ {key}: \"{value}\" }}"))
}

const OPTIONS: &str = "argocd.argoproj.io/sync-options";

#[test]
fn what_is_to_be_kept_stays_and_what_is_to_go_last_goes_last() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "kept") else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("b", &annotated("b", OPTIONS, "Delete=false"));
    shop.manifest("c", &annotated("c", "springline.dev/prune", "false"));
    shop.manifest("d", &annotated("d", OPTIONS, "Prune=confirm"));
    shop.manifest("e", &config_map("e", "1"));
    // Nothing else would make it the last one: deletes go in the reverse order.
    shop.manifest("z", &annotated("z", OPTIONS, "PruneLast=true"));
    shop.sync();
    for name in ["c", "d", "e", "z"] {
        shop.remove(name);
    }
    let report = shop.sync();
    assert_eq!(order(&report), ["-e", "-z"], "{report:#}");
    assert!(shop.has("configmap/c") && shop.has("configmap/d"));

    // Nothing is desired any more: an accident, until it is said that it is none.
    shop.remove("a");
    shop.remove("b");
    shop.sandbox.write("deploy/README.md", "Nothing is left.\n");
    shop.refused(&["nothing was rendered", "--prune-all"]);
    let report = shop.springline(&["sync", "--prune-all", "-o", "json"]).json();
    assert_eq!(order(&report["environments"][0]), ["-a"], "{report:#}");
    assert!(shop.has("configmap/b") && shop.has("configmap/c") && shop.has("configmap/d"));
}

#[test]
fn a_hook_of_the_sync_itself_runs_in_its_wave() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "during") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let wave = |wave: i32| format!("argocd.argoproj.io/sync-wave: \"{wave}\"");
    shop.manifest("a", &with_metadata(&config_map("a", "1"), &format!("annotations: {{ {} }}", wave(2))));
    shop.manifest("b", &job("b", &format!("argocd.argoproj.io/hook: Sync, {}", wave(1)), ""));
    shop.manifest("c", &config_map("c", "1"));
    let report = shop.sync();
    assert_eq!(order(&report), ["c", "during:b", "a"], "{report:#}");
}

#[test]
fn health_that_does_not_count_is_not_waited_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "ignored") else { return };
    shop.application("", "    sync: { health-seconds: 1 }\n");
    shop.manifest("web", &deployment("web", "fate: hangs"));
    shop.refused(&[&shop.live("Deployment.apps", "web"), "is Progressing"]);
    let ignored = "annotations: { argocd.argoproj.io/ignore-healthcheck: \"true\" }";
    shop.manifest("web", &with_metadata(&deployment("web", "fate: hangs"), ignored));
    shop.sync();
    assert_eq!(shop.status()["health"]["status"], "healthy");
}

#[test]
fn a_kind_that_is_missing_is_told_or_waited_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "kindless") else { return };
    let group = format!("{}.example.org", shop.namespace);
    shop.manifest("sale", &ticket(&group, "sale"));
    shop.manifest("a", &config_map("a", "1"));
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("Ticket"), "{outcome:#?}");
    assert!(!shop.has("configmap/a"), "nothing is done by halves");

    let option = format!("annotations: {{ {OPTIONS}: SkipDryRunOnMissingResource=true }}");
    shop.manifest("sale", &with_metadata(&ticket(&group, "sale"), &option));
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code == DEPLOY && outcome.stderr.contains("Ticket"), "{outcome:#?}");
    assert!(shop.has("configmap/a"), "all that could be done was done");
    // Somebody brings the definition, and the next sync gets on.
    cluster.kubectl_with(&["create", "-f", "-"], &tickets(&group)).ok();
    let wait = ["wait", "--timeout=120s", "--for=condition=Established", &format!("crd/tickets.{group}")];
    shop.kubectl(&wait).ok();
    shop.sync();
    assert_eq!(shop.get(&format!("tickets.{group}/sale"))["spec"]["seats"], json!(5));
}

#[test]
fn what_is_kept_until_somebody_confirms_stays_beside_what_is_kept_for_good() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "confirm") else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("b", &annotated("b", OPTIONS, "Delete=confirm"));
    shop.manifest("c", &annotated("c", OPTIONS, "Delete=false"));
    shop.manifest("d", &annotated("d", OPTIONS, "Delete=confirm"));
    shop.sync();
    // It is about the application's end, not about one object that leaves.
    shop.remove("d");
    let report = shop.sync();
    assert_eq!(order(&report), ["-d"], "{report:#}");
    for name in ["a", "b", "c"] {
        shop.remove(name);
    }
    shop.sandbox.write("deploy/README.md", "Nothing is left.\n");
    let report = shop.springline(&["sync", "--prune-all", "-o", "json"]).json();
    assert_eq!(order(&report["environments"][0]), ["-a"], "{report:#}");
    assert!(shop.has("configmap/b") && shop.has("configmap/c"));
}

#[test]
fn options_for_what_is_always_so_change_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "always") else { return };
    let options = ["ServerSideApply=true", "Validate=false", "ApplyOutOfSyncOnly=true"];
    shop.manifest("plain", &config_map("plain", "1"));
    for (at, option) in options.iter().enumerate() {
        let name = format!("option-{at}");
        shop.manifest(&name, &annotated(&name, OPTIONS, option));
    }
    let first = shop.springline(&["sync", "-o", "json"]);
    assert!(!first.stderr.contains("warning"), "{first:#?}");
    let managers = |name: &str| {
        let arguments = ["get", &format!("configmap/{name}"), "--show-managed-fields", "-o", "json"];
        let live = shop.kubectl(&arguments).json();
        let fields = live["metadata"]["managedFields"].as_array().unwrap();
        fields.iter().map(|entry| (entry["manager"].clone(), entry["operation"].clone())).collect::<Vec<_>>()
    };
    let plain = managers("plain");
    assert_eq!(plain.len(), 1, "{plain:?}");
    assert_eq!(plain[0].1, "Apply");
    for at in 0..options.len() {
        assert_eq!(managers(&format!("option-{at}")), plain);
    }
    assert_eq!(shop.diff(), None);
    assert_eq!(shop.sync()["changes"], json!([]));

    // A wrong field is refused all the same, and before anything is written.
    let wrong = annotated("option-1", OPTIONS, "Validate=false") + "datas: { value: x }\n";
    shop.manifest("option-1", &wrong);
    shop.manifest("plain", &config_map("plain", "2"));
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("datas"), "{outcome:#?}");
    assert_eq!(shop.get("configmap/plain")["data"]["value"], "1");
}

#[test]
fn what_is_replaced_takes_over_the_fields_of_other_managers() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "replaced") else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.sync();
    let ops = |data: &str| {
        let patch = format!(r#"{{"data":{data}}}"#);
        shop.kubectl(&["patch", "configmap/a", "--type=merge", "--field-manager=ops", "-p", &patch]).ok();
    };
    ops(r#"{"value":"9","more":"9"}"#);
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("the field manager `ops`"), "{outcome:#?}");
    assert_eq!(shop.get("configmap/a")["data"]["value"], "9");

    shop.manifest("a", &annotated("a", OPTIONS, "Replace=true"));
    shop.sync();
    // What is not desired is theirs as before: it is applied, not put in its place.
    assert_eq!(shop.get("configmap/a")["data"], json!({ "value": "1", "more": "9" }));
    assert_eq!(shop.diff(), None);
    ops(r#"{"value":"8"}"#);
    shop.sync();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "1");
}

#[test]
fn a_job_that_may_be_made_anew_runs_again_when_it_changes() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "anew") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let option = format!("{OPTIONS}: \"Force=true,Replace=true\"");
    shop.manifest("seed", &job("seed", &option, ""));
    shop.sync();
    let uid = || shop.get("job/seed")["metadata"]["uid"].clone();
    let first = uid();
    // Not at every sync, but when its template changes, which can't be changed in place.
    assert_eq!(shop.sync()["changes"], json!([]));
    assert_eq!(uid(), first);
    shop.manifest("seed", &job("seed", &option, "").replace("example.org/job", "example.org/job:2"));
    let report = shop.sync();
    assert_eq!(report["counts"]["updated"], 1, "{report:#}");
    assert_ne!(uid(), first);
    let seed = shop.get("job/seed");
    assert_eq!(seed["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/job:2");
    assert_eq!(seed["status"]["succeeded"], 1, "the sync has waited for it: {seed:#}");
}

#[test]
fn ignored_fields_are_respected_and_shared_objects_refused_whatever_is_said() {
    let Some(cluster) = Cluster::shared() else { return };
    let (Some(one), Some(two)) = (Shop::new(cluster, "respect"), Shop::new(cluster, "share")) else { return };
    let ignore = "    target-with: { ignore: [{ kind: ConfigMap, name: a, pointers: [/data/value] }] }\n";
    one.application("", ignore);
    let manifest = |option: &str| annotated("a", OPTIONS, option) + "immutable: false\n";
    one.manifest("a", &manifest("RespectIgnoreDifferences=false"));
    one.sync();
    one.kubectl(&["patch", "configmap/a", "--type=merge", "-p", r#"{"data":{"value":"9"}}"#]).ok();
    assert_eq!(one.diff(), None);
    // Another field changes, and the ignored one stays as it is.
    one.manifest("a", &manifest("RespectIgnoreDifferences=false").replace("value: \"1\"", "value: \"1\", more: \"1\""));
    one.sync();
    assert_eq!(one.get("configmap/a")["data"], json!({ "value": "9", "more": "1" }));

    two.host(&cluster.kubeconfig(), "");
    let shared = format!("annotations: {{ {OPTIONS}: FailOnSharedResource=false }}\n  namespace: {}", one.namespace);
    two.manifest("a", &with_metadata(&config_map("a", "2"), &shared));
    two.refused(&[&one.live("ConfigMap", "a"), &format!("belongs to {}/live", one.namespace)]);
    assert_eq!(one.get("configmap/a")["data"]["value"], "9");
}

#[test]
fn options_of_an_argo_cd_application_are_the_operator_s_here() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(mut shop) = Shop::new(cluster, "operator") else { return };
    let namespace = format!("{}-new", shop.namespace);
    shop.namespace.clone_from(&namespace);
    shop.host(&cluster.kubeconfig(), "");
    let options = "CreateNamespace=true,PrunePropagationPolicy=orphan,ServerSideApply=false";
    shop.manifest("a", &annotated("a", OPTIONS, options));
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("`create-namespace: true`"), "{outcome:#?}");
    shop.host(&cluster.kubeconfig(), ", create-namespace: true");
    shop.sync();
    let live = shop.kubectl(&["get", "configmap/a", "--show-managed-fields", "-o", "json"]).json();
    assert_eq!(live["metadata"]["managedFields"][0]["operation"], "Apply");
    // The namespace is nobody's: it stays when nothing else is left.
    shop.remove("a");
    shop.sandbox.write("deploy/README.md", "Nothing is left.\n");
    shop.springline(&["sync", "--prune-all"]).ok();
    assert!(!shop.has("configmap/a"));
    cluster.kubectl(&["get", "namespace", &namespace]).ok();
}

#[test]
fn an_application_says_to_its_target_what_is_for_it_to_say_and_no_more() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "says") else { return };
    shop.manifest("a", &config_map("a", "1"));
    let wrong = [
        // The operator's.
        ("force: true", "force"),
        ("take-over: [ops]", "take-over"),
        ("cluster: other", "cluster"),
        ("namespace: kube-system", "namespace"),
        ("create-namespace: true", "create-namespace"),
        ("ignroe: []", "ignroe"),
        ("ignore: [{ kind: ConfigMap, pointers: [data/value] }]", "begins with `/`"),
    ];
    for (with, word) in wrong {
        shop.application("", &format!("    target-with: {{ {with} }}\n"));
        let outcome = shop.springline(&["sync"]);
        assert!(outcome.code != 0 && outcome.stderr.contains(word), "{with}: {outcome:#?}");
        assert!(outcome.stderr.contains("springline.yaml"), "{with}: {outcome:#?}");
        assert!(!shop.has("configmap/a"), "{with}");
    }
    // Nor does the operator speak for the application.
    shop.application("", "");
    shop.host(&cluster.kubeconfig(), ", application: { ignore: [] }");
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("target-with"), "{outcome:#?}");
    shop.host(&cluster.kubeconfig(), "");
    shop.application("", "    target-with: { ignore: [{ kind: ConfigMap, pointers: [/data/other] }] }\n");
    shop.sync();
    assert!(shop.has("configmap/a"));
}

#[test]
fn a_misspelt_option_is_told_before_it_does_harm() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "misspelt") else { return };
    shop.manifest("a", &annotated("a", OPTIONS, "Prune=False,Validate=false"));
    shop.manifest("b", &annotated("b", "argocd.argoproj.io/sync-wave", "soon"));
    let outcome = shop.springline(&["sync"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let warnings: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("warning:")).collect();
    let [option, wave] = warnings[..] else { panic!("{outcome:#?}") };
    assert!(option.contains("a.yaml: `Prune=False` is none of the options"), "{option}");
    assert!(wave.contains("b.yaml: `soon` is no number"), "{wave}");
    shop.manifest("a", &annotated("a", OPTIONS, "Prune=false"));
    shop.manifest("b", &config_map("b", "1"));
    assert!(!shop.springline(&["sync"]).stderr.contains("warning:"));
}
