//! Real manifests on a real API server: deployed, changed by hand in ten ways, and put right or
//! rightly left alone.

use serde_json::{Value, json};
use springline_testcluster::{Cluster, Proxy};

use crate::kube::{AUTOSCALER, Kubelet, Shop, config_map, deployment, podinfo, ticket, tickets};

/// What belongs to a live object, in the tree of `status`.
fn children(node: &Value) -> &Vec<Value> {
    node["children"].as_array().unwrap()
}

#[test]
fn real_manifests_come_up_and_a_second_sync_writes_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "podinfo") else { return };
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    let first = shop.sync();
    assert_eq!((&first["outcome"]["is"], &first["counts"]["created"]), (&json!("succeeded"), &json!(3)), "{first:#}");

    // The sync has waited for the Pods.
    let status = shop.status();
    assert_eq!((&status["in-sync"], &status["health"]["status"]), (&json!(true), &json!("healthy")), "{status:#}");
    let tree = status["tree"].as_array().unwrap();
    let deployment = tree.iter().find(|node| node["live"] == shop.live("Deployment.apps", "podinfo")).unwrap();
    let [set] = &children(deployment)[..] else { panic!("{deployment:#}") };
    assert!(set["live"].as_str().unwrap().starts_with(&shop.live("ReplicaSet.apps", "podinfo-")), "{set:#}");
    let pods = children(set);
    assert!(!pods.is_empty(), "{set:#}");
    for pod in pods {
        assert!(pod["live"].as_str().unwrap().starts_with(&shop.live("Pod", "podinfo-")), "{pod:#}");
        assert_eq!(pod["health"]["status"], "healthy", "{pod:#}");
    }

    // The autoscaler owns the number of replicas, about which the manifest says nothing.
    let wait = ["wait", "--timeout=120s", "--for=jsonpath={.spec.replicas}=2", "deployment/podinfo"];
    shop.kubectl(&wait).ok();
    proxy.forget();
    assert_eq!(shop.diff(), None);
    let again = shop.sync();
    assert_eq!(again["changes"], json!([]), "{again:#}");
    let writes = proxy.writes();
    assert!(writes.is_empty(), "{writes:#?}");
    assert_eq!(shop.get("deployment/podinfo")["spec"]["replicas"], 2);
}

#[test]
fn drift_is_told_and_put_right_and_what_is_others_is_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "drift") else { return };
    let (Some(()), Some(_kubelet)) = (podinfo(&shop), Kubelet::of(&shop)) else { return };
    let group = format!("{}.example.org", shop.namespace);
    shop.manifest("tickets", &tickets(&group));
    shop.manifest("sale", &ticket(&group, "sale"));
    shop.manifest("web", &deployment("web", ""));
    shop.sync();

    let sale = format!("tickets.{group}/sale");

    // Each by hand, what `diff` says of it, and what is there again after a sync.
    let drifts: [(&[&str], &str, &str, &str, Value); 7] = [
        (&["scale", "deployment/web", "--replicas=3"], "replicas: 3", "deployment/web", "/spec/replicas", json!(1)),
        (
            &["label", "deployment/web", "tier-"],
            "tier: front",
            "deployment/web",
            "/metadata/labels/tier",
            json!("front"),
        ),
        (
            &["set", "env", "deployment/web", "COLOR=red"],
            "value: red",
            "deployment/web",
            "/spec/template/spec/containers/0/env/0/value",
            json!("blue"),
        ),
        (
            &["set", "env", "deployment/podinfo", "PODINFO_UI_COLOR=red"],
            "value: red",
            "deployment/podinfo",
            "/spec/template/spec/containers/0/env/0/value",
            json!("#34577c"),
        ),
        (&["delete", "service/podinfo"], "+ create", "service/podinfo", "/spec/type", json!("ClusterIP")),
        (
            &["patch", "service/podinfo", "-p", r#"{"spec":{"type":"NodePort"}}"#],
            "type: NodePort",
            "service/podinfo",
            "/spec/type",
            json!("ClusterIP"),
        ),
        (
            &["patch", &sale, "--type=merge", "-p", r#"{"spec":{"seats":9}}"#],
            "seats: 9",
            &sale,
            "/spec/seats",
            json!(5),
        ),
    ];
    for (by_hand, told, object, pointer, value) in drifts {
        shop.kubectl(by_hand).ok();
        let diff = shop.diff().unwrap_or_else(|| panic!("{by_hand:?} is no drift"));
        assert!(diff.contains(told), "{by_hand:?}:\n{diff}");
        assert_eq!(shop.status()["in-sync"], false, "{by_hand:?}");
        let report = shop.sync();
        assert_eq!(report["changes"].as_array().unwrap().len(), 1, "{by_hand:?}: {report:#}");
        let live = shop.get(object);
        assert_eq!(live.pointer(pointer), Some(&value), "{by_hand:?}: {live:#}");
        assert_eq!(shop.diff(), None, "{by_hand:?}");
    }
    // Nothing that came with the type is left.
    assert_eq!(shop.get("service/podinfo")["spec"]["ports"][0]["nodePort"], Value::Null);

    // What others add is theirs, and what the autoscaler sets as well.
    let ops = ["annotate", "deployment/web", "example.org/team=ops", "--field-manager=ops"];
    shop.kubectl(&ops).ok();
    shop.kubectl(&["label", "service/podinfo", "example.org/seen=yes"]).ok();
    let wait = ["wait", "--timeout=120s", "--for=jsonpath={.spec.replicas}=2", "deployment/podinfo"];
    shop.kubectl(&wait).ok();
    assert_eq!(shop.diff(), None);
    let before = shop.get("deployment/web")["metadata"]["resourceVersion"].clone();
    assert_eq!(shop.sync()["changes"], json!([]));
    let web = shop.get("deployment/web");
    assert_eq!(web["metadata"]["resourceVersion"], before);
    assert_eq!(web["metadata"]["annotations"]["example.org/team"], "ops");

    // A field that the application leaves to others, though its manifest says something.
    let ignore =
        format!("{AUTOSCALER}      ignore: [{{ kind: Deployment.apps, name: web, pointers: [/spec/replicas] }}]\n");
    shop.application("exclude: [kustomization.yaml]", &ignore);
    shop.kubectl(&["scale", "deployment/web", "--replicas=2"]).ok();
    assert_eq!(shop.diff(), None);
    shop.kubectl(&["set", "env", "deployment/web", "COLOR=red"]).ok();
    shop.sync();
    let web = shop.get("deployment/web");
    assert_eq!(web["spec"]["replicas"], 2);
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"], "blue");
}

#[test]
fn a_namespace_on_its_way_out_is_told_and_waited_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "ending") else { return };
    if !cluster.controllers() {
        return;
    }
    shop.manifest("settings", &config_map("settings", "1"));
    shop.sync();
    // Something in it is held, so that it stays.
    shop.kubectl(&["create", "configmap", "held"]).ok();
    shop.kubectl(&["patch", "configmap/held", "--type=merge", "-p", HELD]).ok();
    cluster.kubectl(&["delete", "namespace", &shop.namespace, "--wait=false"]).ok();
    shop.kubectl(&["wait", "--timeout=120s", "--for=delete", "configmap/settings"]).ok();
    let stderr = shop.refused(&[&format!("the namespace `{}` is being deleted since", shop.namespace)]);
    assert!(stderr.contains("nothing can be made in it"), "{stderr}");

    // When it is gone, it is missing; when it is there again, all goes on.
    shop.kubectl(&["patch", "configmap/held", "--type=merge", "-p", LET_GO]).ok();
    cluster.kubectl(&["wait", "--timeout=120s", "--for=delete", "namespace", &shop.namespace]).ok();
    let stderr = shop.springline(&["sync"]).stderr;
    assert!(stderr.contains("there is no namespace") && stderr.contains("create-namespace"), "{stderr}");
    shop.host(&cluster.kubeconfig(), ", create-namespace: true");
    shop.sync();
    assert_eq!(shop.get("configmap/settings")["data"]["value"], "1");
}

#[test]
fn what_finalizers_hold_is_told_and_not_called_gone() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "held") else { return };
    let patient = "    sync: { health-seconds: 1 }\n";
    shop.application("", patient);
    shop.manifest("settings", &config_map("settings", "1"));
    shop.manifest("other", &config_map("other", "1"));
    shop.sync();

    // Deleted by hand, and desired.
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", HELD]).ok();
    shop.kubectl(&["delete", "configmap/settings", "--wait=false"]).ok();
    let held = "held by the finalizers example.org/hold";
    shop.refused(&[&shop.live("ConfigMap", "settings"), "is being deleted since", held, "can only be made anew"]);
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", LET_GO]).ok();
    assert_eq!(shop.sync()["counts"]["created"], 1);

    // Out of git, and held.
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", HELD]).ok();
    shop.remove("settings");
    let outcome = shop.springline(&["sync"]);
    let told = format!("`{}` is being deleted since", shop.live("ConfigMap", "settings"));
    let shown = format!("warning: {told}");
    assert!(outcome.code == 0 && outcome.stderr.contains(&shown) && outcome.stderr.contains(held), "{outcome:#?}");
    let warnings = shop.sync()["warnings"].clone();
    let warned = |text: &Value| text.as_str().is_some_and(|text| text.starts_with(&told) && text.contains(held));
    assert!(warnings.as_array().is_some_and(|all| all.iter().any(warned)), "{warnings:#}");
    assert!(shop.has("configmap/settings") && shop.has("configmap/other"));

    // It is ours until it is gone: it is told of, and tried no more.
    let status = shop.status();
    let leaves = |node: &&Value| node["live"] == shop.live("ConfigMap", "settings");
    let leaves = status["tree"].as_array().unwrap().iter().find(leaves).unwrap_or_else(|| panic!("{status:#}"));
    assert_eq!((&leaves["change"], &leaves["health"]), (&json!("delete"), &Value::Null), "{status:#}");
    assert!(leaves["summary"].as_str().unwrap().contains(held), "{leaves:#}");
    let before = shop.get("configmap/settings")["metadata"]["resourceVersion"].clone();
    let again = shop.springline(&["sync"]);
    assert!(again.code == 0 && again.stderr.contains(&told) && again.stderr.contains(held), "{again:#?}");
    assert_eq!(shop.get("configmap/settings")["metadata"]["resourceVersion"], before);
    assert!(shop.springline(&["watch", "--passes", "1"]).ok().starts_with("1 in sync"));

    // It may come back only when it is gone.
    shop.manifest("settings", &config_map("settings", "2"));
    shop.refused(&[&shop.live("ConfigMap", "settings"), held]);
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", LET_GO]).ok();
    shop.sync();
    assert_eq!(shop.get("configmap/settings")["data"]["value"], "2");
    assert_eq!(shop.diff(), None);
}

const HELD: &str = r#"{"metadata":{"finalizers":["example.org/hold"]}}"#;
const LET_GO: &str = r#"{"metadata":{"finalizers":null}}"#;

#[test]
fn colours_are_all_that_colours_add() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "colours") else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("b", &config_map("b", "1"));
    shop.sync();
    shop.kubectl(&["patch", "configmap/a", "--type=merge", "-p", r#"{"data":{"value":"2"}}"#]).ok();
    shop.kubectl(&["delete", "configmap/b"]).ok();
    let plain = shop.diff().unwrap();
    assert!(plain.contains("-  value: \"2\"\n+  value: \"1\"") && !plain.contains('\u{1b}'), "{plain}");
    let coloured = shop.springline(&["diff", "--color", "always"]);
    assert_eq!(coloured.code, 1, "{coloured:#?}");
    // What goes and what comes differ in colour.
    let line = |text: &str| coloured.stdout.lines().find(|line| stripped(line) == text).unwrap();
    let (gone, new) = (escapes(line("-  value: \"2\"")), escapes(line("+  value: \"1\"")));
    assert!(!gone.is_empty() && !new.is_empty() && gone != new, "{gone:?} {new:?}");
    assert_eq!(stripped(&coloured.stdout), plain);
    // Nobody's terminal is here.
    assert_eq!(shop.springline(&["diff"]).stdout, plain);
}

/// The escape sequences of a text.
fn escapes(text: &str) -> Vec<String> {
    let sequences = text.split('\u{1b}').skip(1);
    sequences.map(|rest| rest.split_inclusive('m').next().unwrap().to_owned()).collect()
}

/// A text without its escape sequences.
fn stripped(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, rest| text + rest.split_once('m').map_or("", |(_, rest)| rest))
}
