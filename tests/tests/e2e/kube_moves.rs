//! Objects that leave git, come back, move, are somebody else's, or are found again.

use std::fs;

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::kube::{Kubelet, Shop, config_map, deployment, host_yaml, with_metadata};

/// The data of a ConfigMap in a namespace of a cluster; none where it is not there.
fn value(cluster: &Cluster, namespace: &str, name: &str) -> Option<String> {
    let arguments = ["get", "configmap", name, "-n", namespace, "--ignore-not-found", "-o", "jsonpath={.data.value}"];
    Some(cluster.kubectl(&arguments).ok()).filter(|value| !value.is_empty())
}

#[test]
fn what_leaves_git_is_pruned_and_a_release_comes_back_as_it_was() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "prune") else { return };
    let keep = |option: &str| with_metadata(&config_map("stays", "1"), &format!("annotations: {{ {option} }}"));
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("b", &config_map("b", "1"));
    shop.manifest("stays", &keep(r#"argocd.argoproj.io/sync-options: "Prune=false""#));
    let first = shop.sync();
    // Not Springline's.
    shop.kubectl(&["create", "configmap", "mine", "--from-literal=value=1"]).ok();

    for name in ["b", "stays"] {
        shop.remove(name);
    }
    shop.manifest("a", &config_map("a", "2"));
    let second = shop.sync();
    assert_eq!((&second["counts"]["updated"], &second["counts"]["deleted"]), (&json!(1), &json!(1)), "{second:#}");
    let there = |name: &str| value(cluster, &shop.namespace, name);
    assert_eq!((there("a").as_deref(), there("b")), (Some("2"), None));
    assert!(there("stays").is_some() && there("mine").is_some());
    assert_eq!(shop.diff(), None);

    let release = first["release"].as_str().unwrap();
    shop.sandbox.springline(&["redeploy", "--env", "live", &release[..12]]).ok();
    assert_eq!((there("a").as_deref(), there("b").as_deref()), (Some("1"), Some("1")));
}

#[test]
fn an_application_moves_from_one_namespace_to_another() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "moves") else { return };
    let other = cluster.namespace("moved");
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("b", &config_map("b", "1"));
    shop.sync();
    let with = format!("cluster: test, namespace: {other}");
    shop.sandbox.operator(&host_yaml(&[("test", &cluster.kubeconfig())], &with));
    let moved = shop.sync();
    assert_eq!((&moved["counts"]["created"], &moved["counts"]["deleted"]), (&json!(2), &json!(2)), "{moved:#}");
    for name in ["a", "b"] {
        assert_eq!(value(cluster, &shop.namespace, name), None);
        assert_eq!(value(cluster, &other, name).as_deref(), Some("1"));
    }
    assert_eq!(shop.diff(), None);
}

#[test]
fn an_application_moves_from_one_api_server_to_another() {
    let (Some(cluster), Some(other)) = (Cluster::shared(), Cluster::start()) else { return };
    let Some(shop) = Shop::new(cluster, "away") else { return };
    let namespace = shop.namespace.clone();
    shop.manifest("a", &config_map("a", "1"));
    shop.sync();
    let both = [("test", &*cluster.kubeconfig()), ("other", &other.kubeconfig())];
    let with = format!("cluster: other, namespace: {namespace}, create-namespace: true");
    shop.sandbox.operator(&host_yaml(&both, &with));
    let moved = shop.sync();
    assert_eq!((&moved["counts"]["created"], &moved["counts"]["deleted"]), (&json!(1), &json!(1)), "{moved:#}");
    assert_eq!(value(cluster, &namespace, "a"), None);
    assert_eq!(value(&other, &namespace, "a").as_deref(), Some("1"));
    assert_eq!(shop.diff(), None);

    // Back again: what the cluster has that is out of reach stays, and is told.
    shop.host(&cluster.kubeconfig(), "");
    let outcome = shop.springline(&["sync"]);
    let told = format!("`other/ConfigMap/{namespace}/a` is no longer desired and can't be removed");
    assert!(outcome.code == 0 && outcome.stderr.contains(&told), "{outcome:#?}");
    assert_eq!(value(cluster, &namespace, "a").as_deref(), Some("1"));
    assert_eq!(value(&other, &namespace, "a").as_deref(), Some("1"));
}

#[test]
fn an_object_has_one_owner_and_the_other_is_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let (Some(one), Some(two)) = (Shop::new(cluster, "owner"), Shop::new(cluster, "rival")) else { return };
    // Both deploy to the first one's namespace.
    let with = format!("cluster: test, namespace: {}", one.namespace);
    two.sandbox.operator(&host_yaml(&[("test", &cluster.kubeconfig())], &with));
    one.manifest("a", &config_map("a", "one"));
    one.sync();
    two.manifest("a", &config_map("a", "two"));
    two.manifest("b", &config_map("b", "two"));
    two.refused(&[&one.live("ConfigMap", "a"), &format!("belongs to {}/live", one.namespace)]);
    assert_eq!(value(cluster, &one.namespace, "a").as_deref(), Some("one"));
    assert_eq!(value(cluster, &one.namespace, "b"), None, "nothing is done by halves");

    // When the first lets it go, the second gets it; then it is the first that can't have it.
    one.remove("a");
    one.manifest("c", &config_map("c", "one"));
    one.sync();
    two.sync();
    assert_eq!(value(cluster, &one.namespace, "a").as_deref(), Some("two"));
    one.manifest("a", &config_map("a", "one"));
    one.refused(&[&format!("belongs to {}/live", two.namespace)]);
}

#[test]
fn a_lost_state_directory_is_made_good_from_the_marks_on_the_objects() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "lost") else { return };
    let group = format!("{}.example.org", shop.namespace);
    shop.manifest("tickets", &crate::kube::tickets(&group));
    shop.manifest("sale", &crate::kube::ticket(&group, "sale"));
    for name in ["a", "b"] {
        shop.manifest(name, &config_map(name, "1"));
    }
    shop.sync();
    let before = shop.get("configmap/a")["metadata"]["resourceVersion"].clone();
    fs::remove_dir_all(shop.sandbox.repo().join(".springline")).unwrap();
    shop.host(&cluster.kubeconfig(), "");
    shop.remove("b");
    shop.remove("sale");
    let report = shop.sync();
    assert_eq!(report["counts"]["deleted"], 2, "{report:#}");
    assert!(!shop.has("configmap/b") && !shop.has(&format!("tickets.{group}/sale")));
    assert_eq!(shop.get("configmap/a")["metadata"]["resourceVersion"], before);
    assert_eq!(shop.diff(), None);
}

#[test]
fn what_others_have_applied_is_taken_over_or_refused_as_the_operator_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "adopt") else { return };
    let old = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { value: \"0\", gone: \"0\" }\n";
    cluster.kubectl_with(&["apply", "-n", &shop.namespace, "-f", "-"], old).ok();
    shop.manifest("a", &config_map("a", "1"));
    shop.host(&cluster.kubeconfig(), ", adopt: never");
    let refused = shop.springline(&["sync"]);
    assert!(refused.code != 0 && refused.stderr.contains("belongs to nobody"), "{refused:#?}");
    assert!(refused.stderr.contains("adopt: unowned"), "{refused:#?}");
    assert_eq!(value(cluster, &shop.namespace, "a").as_deref(), Some("0"));

    shop.host(&cluster.kubeconfig(), "");
    shop.sync();
    // What kubectl had applied and git does not say is gone, as with kubectl.
    assert_eq!(shop.get("configmap/a")["data"], json!({ "value": "1" }));
    assert_eq!(shop.diff(), None);
}

#[test]
fn what_a_removed_object_owns_stays_or_goes_first_as_the_operator_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "owned") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.manifest("a", &config_map("a", "1"));
    let replica_set = |name: &str| {
        let selector = format!("app={name}");
        let found = shop.kubectl(&["get", "replicasets", "-l", &selector, "-o", "json"]).json();
        let [set] = &found["items"].as_array().unwrap()[..] else { panic!("{found:#}") };
        set.clone()
    };

    shop.host(&cluster.kubeconfig(), ", prune-propagation: orphan");
    shop.manifest("web", &deployment("web", ""));
    shop.sync();
    let owned = replica_set("web");
    assert_eq!(owned["metadata"]["ownerReferences"][0]["name"], "web");
    shop.remove("web");
    shop.sync();
    shop.kubectl(&["wait", "--timeout=120s", "--for=delete", "deployment/web"]).ok();
    let left = replica_set("web");
    assert_eq!(left["metadata"]["uid"], owned["metadata"]["uid"]);
    assert_eq!(left["metadata"]["ownerReferences"], Value::Null, "{left:#}");
    assert_eq!(left["spec"]["replicas"], 1);

    // What it owns holds it until that is gone.
    shop.host(&cluster.kubeconfig(), ", prune-propagation: foreground");
    shop.manifest("site", &deployment("site", ""));
    shop.sync();
    let set = format!("replicaset/{}", replica_set("site")["metadata"]["name"].as_str().unwrap());
    shop.kubectl(&["patch", &set, "--type=merge", "-p", r#"{"metadata":{"finalizers":["example.org/hold"]}}"#]).ok();
    shop.application("", "    sync: { health-seconds: 1 }\n");
    shop.remove("site");
    let outcome = shop.springline(&["sync"]);
    let told = format!("warning: `{}` is being deleted since", shop.live("Deployment.apps", "site"));
    assert!(outcome.code == 0 && outcome.stderr.contains(&told), "{outcome:#?}");
    assert!(outcome.stderr.contains("foregroundDeletion"), "{outcome:#?}");
    assert!(shop.has("deployment/site") && shop.has(&set));
    shop.kubectl(&["patch", &set, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]).ok();
    shop.kubectl(&["wait", "--timeout=120s", "--for=delete", "deployment/site", &set]).ok();
    assert_eq!(shop.diff(), None);
}
