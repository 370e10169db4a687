//! The annotations of Argo CD and Helm that are about one object.

use serde_json::json;
use springline_testcluster::Cluster;

use crate::kube::{DEPLOY, Kubelet, Shop, config_map, deployment, job, order, ticket, tickets, with_metadata};

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
