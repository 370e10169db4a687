//! Drift that is ignored on a real API server: it stays as it is, whatever else of the object is applied, and
//! it stays visible.

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::code::{CONFIG, PLUGIN};
use crate::kube::{Shop, config_map, deployment};

/// springline.yaml with rules of `sync.ignore`.
fn ignoring(shop: &Shop<'_>, rules: &str) {
    shop.application("", &format!("    sync: {{ health-seconds: 0, ignore: [{rules}] }}\n"));
}

/// What `status` tells of ignored differences: the last part of the live name, and the line about it.
fn ignored(shop: &Shop<'_>) -> Vec<(String, String)> {
    let status = shop.status();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |change: &Value| {
        let live = text(&change["live"]);
        (live.rsplit('/').next().unwrap().to_owned(), text(&change["summary"]))
    };
    assert_eq!(status["ignored-untold"], Value::Null, "{status:#}");
    status["ignored"].as_array().unwrap_or_else(|| panic!("{status:#}")).iter().map(line).collect()
}

fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(live, line)| ((*live).to_owned(), (*line).to_owned())).collect()
}

#[test]
fn what_an_autoscaler_sets_stays_and_is_told_and_the_rest_is_put_right() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "scaled") else { return };
    ignoring(&shop, "{ objects: '*/Deployment.apps/*', pointers: [/spec/replicas] }");
    shop.manifest("web", &deployment("web", ""));
    shop.sync();
    assert_eq!(shop.get("deployment/web")["spec"]["replicas"], 1, "a new object gets what is desired");
    assert!(ignored(&shop).is_empty());

    shop.kubectl(&["scale", "deployment/web", "--replicas=7"]).ok();
    assert_eq!(shop.diff(), None);
    let before = shop.get("deployment/web")["metadata"]["resourceVersion"].clone();
    assert_eq!(shop.sync()["changes"], json!([]));
    assert_eq!(shop.get("deployment/web")["metadata"]["resourceVersion"], before, "nothing is written");
    assert!(shop.springline(&["watch", "--passes", "1"]).ok().starts_with("1 in sync"));
    assert_eq!(ignored(&shop), pairs(&[("web", "spec.replicas: 7 -> 1")]));
    // It is shown, and what it would be.
    let text = shop.springline(&["diff", "--color", "never"]).ok();
    for word in ["in sync (1 object, 1 ignored)", "| ignored", "-  replicas: 7", "+  replicas: 1"] {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    let found = shop.springline(&["diff", "-o", "json"]).json()[0].clone();
    assert_eq!((&found["in-sync"], &found["ignored"][0]["change"]["action"]), (&json!(true), &json!("update")));
    let status = shop.sandbox.springline(&["status", "--color", "never"]).ok();
    assert!(status.contains("in sync, 1 ignored") && status.contains("spec.replicas: 7 -> 1"), "{status}");

    // Ignored drift and real drift in one object: each is told for itself, and the one alone is put right.
    shop.kubectl(&["set", "env", "deployment/web", "COLOR=red"]).ok();
    let diff = shop.diff().unwrap();
    let (real, left) = diff.split_once("| ignored").unwrap();
    assert!(real.contains("value: red") && !real.contains("-  replicas"), "{diff}");
    assert!(left.contains("-  replicas: 7") && !left.contains("value: red"), "{diff}");
    assert!(shop.springline(&["watch", "--passes", "1"]).ok().contains("1 repaired"));
    let web = shop.get("deployment/web");
    assert_eq!(web["spec"]["replicas"], 7);
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"], "blue");

    // A revision that changes something else, and one that says nothing of the field any more.
    shop.manifest("web", &deployment("web", "").replace("value: blue", "value: green"));
    shop.sync();
    shop.manifest("web", &deployment("web", "").replace("  replicas: 1\n", ""));
    shop.sync();
    let web = shop.get("deployment/web");
    assert_eq!(web["spec"]["replicas"], 7);
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"], "blue");

    // Without the rule it is drift like any other.
    shop.manifest("web", &deployment("web", ""));
    ignoring(&shop, "");
    shop.sync();
    assert_eq!(shop.get("deployment/web")["spec"]["replicas"], 1);
}

#[test]
fn the_fields_of_a_manager_stay_its_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "mutated") else { return };
    ignoring(&shop, "{ objects: '*ConfigMap*settings*', managers: [mutator] }");
    shop.manifest("settings", &config_map("settings", "git"));
    shop.sync();
    // Somebody's controller applies a field that is in git as well, and one that is not.
    let theirs = config_map("settings", "theirs").replace("data: {", "data: { more: x,");
    let arguments = ["apply", "-n", &shop.namespace, "--server-side", "--force-conflicts", "--field-manager=mutator"];
    cluster.kubectl_with(&[&arguments[..], &["-f", "-"]].concat(), &theirs).ok();
    assert_eq!(shop.diff(), None);
    assert_eq!(ignored(&shop), pairs(&[("settings", "data.value: theirs -> git")]));
    assert_eq!(shop.sync()["changes"], json!([]));
    // What is not the manager's is put right, and what is its own stays.
    shop.manifest("settings", &config_map("settings", "git").replace("data: {", "data: { color: blue,"));
    assert_eq!(shop.sync()["counts"]["updated"], 1);
    assert_eq!(shop.get("configmap/settings")["data"], json!({ "color": "blue", "more": "x", "value": "theirs" }));
    // A release that is deployed again leaves it as it did.
    let release = shop.status()["release"]["id"].as_str().unwrap().to_owned();
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"color":"red"}}"#]).ok();
    shop.sandbox.springline(&["redeploy", "--env", "live", &release]).ok();
    assert_eq!(shop.get("configmap/settings")["data"], json!({ "color": "blue", "more": "x", "value": "theirs" }));
}

#[test]
fn pointers_reach_into_lists_and_keys_with_slashes() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "pointers") else { return };
    let pointers = "/spec/template/spec/containers/1/image, /metadata/labels/example.org~1tier, /data/a~0b";
    ignoring(&shop, &format!("{{ objects: '*', pointers: [{pointers}] }}"));
    let more = "      - { name: log, image: example.org/log }\n";
    let web = deployment("web", "")
        .replace("tier: front", "example.org/tier: front, tier: front")
        .replace("      containers: [{", "      containers:\n      - {")
        .replace("}] }]\n", "}] }\n")
        + more;
    shop.manifest("web", &web);
    shop.manifest("odd", &config_map("odd", "1").replace("data: {", "data: { \"a.b\": x,"));
    shop.sync();
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"log","image":"example.org/other"}]}}}}"#;
    shop.kubectl(&["patch", "deployment/web", "-p", patch]).ok();
    shop.kubectl(&["label", "deployment/web", "--overwrite", "example.org/tier=back"]).ok();
    assert_eq!(shop.diff(), None);
    let told = ignored(&shop);
    assert!(told[0].1.contains("containers[log].image: example.org/other -> example.org/log"), "{told:?}");
    assert!(told[0].1.contains("metadata.labels[example.org/tier]: back -> front"), "{told:?}");
    // A container that somebody puts in front moves the index in the cluster, and not what is meant.
    let front = r#"[{"op":"add","path":"/spec/template/spec/containers/0","value":{"name":"mesh","image":"m"}}]"#;
    shop.kubectl(&["patch", "deployment/web", "--type=json", "-p", front]).ok();
    shop.kubectl(&["set", "image", "deployment/web", "web=example.org/hacked"]).ok();
    shop.sync();
    let web = shop.get("deployment/web");
    let image = |name: &str| {
        let containers = web["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        containers.iter().find(|container| container["name"] == name).map(|container| container["image"].clone())
    };
    assert_eq!(image("web"), Some(json!("example.org/web")), "{web:#}");
    assert_eq!(image("log"), Some(json!("example.org/other")), "{web:#}");
    assert_eq!(image("mesh"), Some(json!("m")), "{web:#}");
    assert_eq!(web["metadata"]["labels"]["example.org/tier"], "back");
}

#[test]
fn whole_objects_are_left_alone_and_made_when_they_are_missing() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "whole") else { return };
    ignoring(&shop, "{ objects: '*/ConfigMap/*/theirs' }");
    shop.manifest("theirs", &config_map("theirs", "git"));
    shop.manifest("ours", &config_map("ours", "git"));
    shop.sync();
    for name in ["theirs", "ours"] {
        let patch = r#"{"data":{"value":"edited"}}"#;
        shop.kubectl(&["patch", &format!("configmap/{name}"), "--type=merge", "-p", patch]).ok();
    }
    assert_eq!(shop.sync()["counts"]["updated"], 1);
    assert_eq!(shop.get("configmap/theirs")["data"]["value"], "edited");
    assert_eq!(shop.get("configmap/ours")["data"]["value"], "git");
    assert_eq!(ignored(&shop), pairs(&[("theirs", "data.value: edited -> git")]));
    shop.kubectl(&["delete", "configmap/theirs"]).ok();
    assert_eq!(shop.sync()["counts"]["created"], 1);
    assert_eq!(shop.get("configmap/theirs")["data"]["value"], "git");
    // What can't be applied is in nobody's way either: a controller owns it, or what git says can't be changed.
    let apply =
        ["apply", "-n", &shop.namespace, "--server-side", "--force-conflicts", "--field-manager=mutator", "-f", "-"];
    cluster.kubectl_with(&apply, &config_map("theirs", "mutated")).ok();
    shop.manifest("ours", &config_map("ours", "newer"));
    assert_eq!(shop.sync()["counts"]["updated"], 1);
    assert_eq!(shop.get("configmap/theirs")["data"]["value"], "mutated");
    let told = ignored(&shop);
    assert!(told.len() == 1 && told[0].0 == "theirs" && told[0].1.contains("can't be applied"), "{told:?}");
    assert_eq!(shop.springline(&["diff"]).code, 0);
    assert!(shop.springline(&["watch", "--passes", "1"]).ok().starts_with("1 in sync"));
}

#[test]
fn rules_that_can_t_be_meant_are_errors_with_their_lines() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "misread") else { return };
    shop.manifest("a", &config_map("a", "1"));
    ignoring(&shop, "{ objects: '*' }, { objects: '*', pointers: [/metadata/name] }");
    let place = "springline.yaml:6:";
    shop.springline(&["sync"]).fails(PLUGIN, &[place, "what an object is can't be ignored"]);
    shop.application("", "    target-with: { sync: { ignore: [] } }\n");
    shop.springline(&["sync"]).fails(CONFIG, &["springline.yaml:6:", "this is not for `target-with`"]);
}
