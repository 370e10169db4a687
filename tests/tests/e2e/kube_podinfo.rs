//! Real manifests that leave git, come back, and move: with a Service whose address the server gives
//! out, an autoscaler, and what the controllers make of a Deployment.

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::kube::{AUTOSCALER, Kubelet, Shop, config_map, host_yaml, podinfo};

/// What podinfo comes to in a namespace.
const OBJECTS: [&str; 3] = ["deployment/podinfo", "service/podinfo", "horizontalpodautoscaler/podinfo"];

/// Which of podinfo's objects are in a namespace of a cluster.
fn there(cluster: &Cluster, namespace: &str) -> Vec<&'static str> {
    let is_there = |object: &&str| {
        let found = cluster.kubectl(&["get", object, "-n", namespace, "--ignore-not-found", "-o", "name"]).ok();
        !found.is_empty()
    };
    OBJECTS.into_iter().filter(is_there).collect()
}

/// The address of podinfo's Service, and its ports by name.
fn service(cluster: &Cluster, namespace: &str) -> (String, Vec<(String, u64)>) {
    let service = cluster.kubectl(&["get", "service/podinfo", "-n", namespace, "-o", "json"]).json();
    let port = |port: &Value| (port["name"].as_str().unwrap().to_owned(), port["port"].as_u64().unwrap());
    let ports = service["spec"]["ports"].as_array().unwrap().iter().map(port).collect();
    (service["spec"]["clusterIP"].as_str().unwrap().to_owned(), ports)
}

/// The only release of the history so far.
#[track_caller]
fn release(report: &Value) -> String {
    report["release"].as_str().unwrap_or_else(|| panic!("{report:#}"))[..12].to_owned()
}

#[test]
fn real_manifests_leave_git_and_come_back_as_they_were() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "podinfo-back") else { return };
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    let first = release(&shop.sync());
    let (_, ports) = service(cluster, &shop.namespace);

    for name in ["deployment", "service", "hpa"] {
        shop.remove(name);
    }
    shop.manifest("stays", &config_map("stays", "1"));
    let pruned = shop.sync();
    assert_eq!((&pruned["counts"]["created"], &pruned["counts"]["deleted"]), (&json!(1), &json!(3)), "{pruned:#}");
    assert_eq!(there(cluster, &shop.namespace), [""; 0]);
    // What the Deployment owned goes with it.
    let wait = ["wait", "--timeout=120s", "--for=delete", "replicasets,pods", "-l", "app=podinfo"];
    shop.kubectl(&wait).ok();
    assert_eq!(shop.diff(), None);

    shop.sandbox.springline(&["redeploy", "--env", "live", &first]).ok();
    assert_eq!(there(cluster, &shop.namespace), OBJECTS);
    assert!(!shop.has("configmap/stays"));
    let (address, again) = service(cluster, &shop.namespace);
    assert!(again == ports && !address.is_empty(), "{address}: {again:?}");
    let status = shop.status();
    assert_eq!((&status["health"]["status"], &status["objects"]), (&json!("healthy"), &json!(3)), "{status:#}");
}

#[test]
fn real_manifests_move_from_one_namespace_to_another() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(mut shop) = Shop::new(cluster, "podinfo-moves") else { return };
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    let first = release(&shop.sync());
    let old = service(cluster, &shop.namespace);

    let from = std::mem::replace(&mut shop.namespace, cluster.namespace("podinfo-moved"));
    let Some(_kubelet_there) = Kubelet::of(&shop) else { return };
    let to = shop.namespace.clone();
    shop.host(&cluster.kubeconfig(), "");
    let moved = shop.sync();
    assert_eq!((&moved["counts"]["created"], &moved["counts"]["deleted"]), (&json!(3), &json!(3)), "{moved:#}");
    assert_eq!((there(cluster, &from), there(cluster, &to)), (vec![], OBJECTS.to_vec()));
    let new = service(cluster, &to);
    assert!(new.0 != old.0 && new.1 == old.1, "an address of its own, the same ports: {old:?} {new:?}");
    assert_eq!(shop.diff(), None);
    assert_eq!(shop.status()["health"]["status"], "healthy");
    assert_eq!(shop.sync()["changes"], json!([]));

    // The earlier release was made for no namespace in particular, and stays where the target is.
    shop.sandbox.springline(&["redeploy", "--env", "live", &first]).ok();
    assert_eq!((there(cluster, &from), there(cluster, &to)), (vec![], OBJECTS.to_vec()));
    assert_eq!(service(cluster, &to), new);
}

#[test]
fn real_manifests_move_from_one_api_server_to_another() {
    let (Some(cluster), Some(other)) = (Cluster::shared(), Cluster::start()) else { return };
    let Some(shop) = Shop::new(cluster, "podinfo-away") else { return };
    // Nobody makes Pods on the other server, so that nothing becomes healthy there.
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    shop.sync();
    let namespace = shop.namespace.clone();
    let ports = service(cluster, &namespace).1;

    let both = [("test", &*cluster.kubeconfig()), ("other", &other.kubeconfig())];
    let with = format!("cluster: other, namespace: {namespace}, create-namespace: true");
    shop.sandbox.operator(&host_yaml(&both, &with));
    shop.application("exclude: [kustomization.yaml]", UNWATCHED);
    let moved = shop.sync();
    assert_eq!((&moved["counts"]["created"], &moved["counts"]["deleted"]), (&json!(3), &json!(3)), "{moved:#}");
    assert_eq!((there(cluster, &namespace), there(&other, &namespace)), (vec![], OBJECTS.to_vec()));
    assert_eq!(service(&other, &namespace).1, ports);
    assert_eq!(shop.diff(), None);
    assert_eq!(shop.sync()["changes"], json!([]));

    // And back.
    let with = format!("cluster: test, namespace: {namespace}");
    shop.sandbox.operator(&host_yaml(&both, &with));
    podinfo(&shop);
    let back = shop.sync();
    assert_eq!((&back["counts"]["created"], &back["counts"]["deleted"]), (&json!(3), &json!(3)), "{back:#}");
    assert_eq!((there(cluster, &namespace), there(&other, &namespace)), (OBJECTS.to_vec(), vec![]));
    assert_eq!(shop.status()["health"]["status"], "healthy");
}

#[test]
fn real_manifests_that_are_held_or_lose_their_namespace_are_told_and_come_back() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "podinfo-held") else { return };
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    shop.sync();
    let ports = service(cluster, &shop.namespace).1;

    // The marks of its owner, taken off by hand.
    shop.kubectl(&["label", "service/podinfo", "springline.dev/owner-"]).ok();
    shop.kubectl(&["annotate", "service/podinfo", "springline.dev/owner-"]).ok();
    assert!(shop.diff().unwrap().contains("Service"));
    shop.sync();
    let metadata = shop.get("service/podinfo")["metadata"].clone();
    assert_eq!(metadata["annotations"]["springline.dev/owner"], format!("{}/live", shop.namespace), "{metadata:#}");
    assert_eq!(shop.diff(), None);

    // Deleted by hand, and held.
    let hold = |object: &str, finalizers: &str| {
        let patch = format!(r#"{{"metadata":{{"finalizers":{finalizers}}}}}"#);
        shop.kubectl(&["patch", object, "--type=merge", "-p", &patch]).ok();
    };
    hold("service/podinfo", r#"["example.org/hold"]"#);
    shop.kubectl(&["delete", "service/podinfo", "--wait=false"]).ok();
    shop.application("exclude: [kustomization.yaml]", &format!("{AUTOSCALER}    sync: {{ health-seconds: 1 }}\n"));
    shop.refused(&[&shop.live("Service", "podinfo"), "held by the finalizers example.org/hold"]);
    hold("service/podinfo", "null");
    podinfo(&shop);
    shop.sync();
    assert_eq!(service(cluster, &shop.namespace).1, ports);

    // The whole namespace, which one object keeps from ending.
    shop.kubectl(&["create", "configmap", "held"]).ok();
    hold("configmap/held", r#"["example.org/hold"]"#);
    cluster.kubectl(&["delete", "namespace", &shop.namespace, "--wait=false"]).ok();
    shop.kubectl(&["wait", "--timeout=120s", "--for=delete", "deployment/podinfo", "service/podinfo"]).ok();
    shop.refused(&[&format!("the namespace `{}` is being deleted since", shop.namespace)]);
    hold("configmap/held", "null");
    cluster.kubectl(&["wait", "--timeout=120s", "--for=delete", "namespace", &shop.namespace]).ok();
    shop.host(&cluster.kubeconfig(), ", create-namespace: true");
    let Some(_kubelet_again) = Kubelet::of(&shop) else { return };
    shop.sync();
    assert_eq!(there(cluster, &shop.namespace), OBJECTS);
    let status = shop.status();
    assert_eq!((&status["in-sync"], &status["health"]["status"]), (&json!(true), &json!("healthy")), "{status:#}");
}

/// Neither is judged where no controller is.
const UNWATCHED: &str = "    \
    target-with:
      health:
        - { kinds: [HorizontalPodAutoscaler.autoscaling, Deployment.apps], rules: [{ status: Healthy }] }
";
