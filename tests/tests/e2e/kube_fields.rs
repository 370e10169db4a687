//! Fields of other managers, fields that can't be changed, values that nobody may see, and objects
//! that are large.

use std::fs;

use serde_json::{Value, json};
use springline_testcluster::{Cluster, Proxy};

use crate::kube::{Shop, config_map, with_metadata};

#[test]
fn a_field_of_another_manager_is_a_conflict_that_names_both_until_it_is_taken_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "managers") else { return };
    shop.manifest("a", &config_map("a", "git"));
    shop.sync();
    let ops = |value: &str| {
        let arguments =
            ["apply", "-n", &shop.namespace, "--server-side", "--force-conflicts", "--field-manager=ops", "-f", "-"];
        cluster.kubectl_with(&arguments, &config_map("a", value)).ok();
    };
    ops("theirs");
    let outcome = shop.springline(&["sync"]);
    assert_ne!(outcome.code, 0);
    for word in ["`data.value` belongs to the field manager `ops`", "take-over: [ops]", "force: true", "ignore:"] {
        assert!(outcome.stderr.contains(word), "`{word}` is not in:\n{}", outcome.stderr);
    }
    assert_eq!(shop.get("configmap/a")["data"]["value"], "theirs");

    // Each way out that the message names.
    let ignore = "    target-with: { ignore: [{ kind: ConfigMap, managers: [ops] }] }\n";
    shop.application("", ignore);
    let report = shop.sync();
    assert_eq!(report["changes"], json!([]));
    assert_eq!(shop.get("configmap/a")["data"]["value"], "theirs");
    shop.application("", "");
    // What the application left to others belongs to its release.
    let release = report["release"].as_str().unwrap();
    shop.sandbox.springline(&["redeploy", "--env", "live", "--no-pin", release]).ok();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "theirs");
    for with in [", force: true", ", take-over: [ops]"] {
        ops("theirs");
        shop.host(&cluster.kubeconfig(), with);
        assert_eq!(shop.sync()["counts"]["updated"], 1, "{with}");
        assert_eq!(shop.get("configmap/a")["data"]["value"], "git", "{with}");
    }
    // For one object, its own manifest may say it.
    shop.host(&cluster.kubeconfig(), "");
    ops("theirs");
    let replace = "annotations: { argocd.argoproj.io/sync-options: Replace=true }";
    shop.manifest("a", &with_metadata(&config_map("a", "git"), replace));
    shop.sync();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "git");
}

#[test]
fn what_can_t_be_changed_is_explained_and_made_anew_if_asked() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "immutable") else { return };
    let role = |role: &str| {
        let namespace = &shop.namespace;
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: team\n\
             subjects: [{{ kind: ServiceAccount, name: default, namespace: {namespace} }}]\n\
             roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role} }}\n"
        )
    };
    shop.manifest("team", &role("view"));
    shop.sync();
    let uid = || shop.get("rolebinding/team")["metadata"]["uid"].clone();
    let first = uid();
    shop.manifest("team", &role("edit"));
    let outcome = shop.springline(&["sync"]);
    assert_ne!(outcome.code, 0);
    for word in ["roleRef", "springline.dev/replace", "RoleBinding"] {
        assert!(outcome.stderr.contains(word), "`{word}` is not in:\n{}", outcome.stderr);
    }
    assert_eq!(uid(), first);

    shop.manifest("team", &with_metadata(&role("edit"), "annotations: { springline.dev/replace: \"true\" }"));
    let diff = shop.diff().unwrap();
    assert!(diff.contains("deleted and made anew"), "{diff}");
    shop.sync();
    assert_ne!(uid(), first);
    assert_eq!(shop.get("rolebinding/team")["roleRef"]["name"], "edit");
    assert_eq!(shop.diff(), None);

    // An annotation of Argo CD's says the same.
    let force = "annotations: { argocd.argoproj.io/sync-options: Force=true }";
    shop.manifest("team", &with_metadata(&role("admin"), force));
    shop.sync();
    assert_eq!(shop.get("rolebinding/team")["roleRef"]["name"], "admin");
}

#[test]
fn the_values_of_secrets_are_seen_nowhere() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "secrets") else { return };
    // In git stands the one value; in the cluster, for a while, the other.
    let (desired, live) = ("correct-horse-battery-staple", "incorrect-donkey-accumulator-nail");
    let secret = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData: {{ key: {desired} }}\n");
    shop.manifest("token", &secret);
    let encoded = |value: &str| {
        let arguments =
            ["create", "secret", "generic", "x", &format!("--from-literal=key={value}"), "--dry-run=client"];
        let text = cluster.kubectl(&[&arguments[..], &["-o", "jsonpath={.data.key}"]].concat()).ok();
        assert!(text.len() > value.len(), "{text}");
        text
    };
    let (desired_base64, live_base64) = (encoded(desired), encoded(live));
    let mut seen = shop.springline(&["diff"]).stdout;
    let mut hear = |arguments: &[&str]| {
        let outcome = shop.springline(arguments);
        assert!(outcome.code <= 1, "{outcome:#?}");
        seen.push_str(&outcome.stdout);
        seen.push_str(&outcome.stderr);
        outcome.stdout
    };
    hear(&["diff", "-o", "json"]);
    hear(&["sync", "-o", "json"]);
    let patch = format!(r#"{{"stringData":{{"key":"{live}"}}}}"#);
    shop.kubectl(&["patch", "secret/token", "-p", &patch]).ok();
    // It is told that it differs, and in what, but not from what to what.
    let diff = hear(&["diff"]);
    assert!(diff.contains("~ update") && diff.contains("key: "), "{diff}");
    hear(&["diff", "-o", "json"]);
    hear(&["status", "-o", "json"]);
    hear(&["status"]);
    hear(&["sync"]);
    assert_eq!(shop.get("secret/token")["data"]["key"].as_str().unwrap(), desired_base64);
    hear(&["history", "-o", "json"]);
    hear(&["logs", "1"]);
    hear(&["logs", "2"]);
    shop.kubectl(&["annotate", "secret/token", "example.org/x=y"]).ok();
    assert_eq!(shop.diff(), None);
    for value in [desired, live, &desired_base64, &live_base64] {
        assert!(!seen.contains(value), "`{value}` is shown:\n{seen}");
    }

    // What was in the cluster alone is in no file. What is in git is in the store as well, as the
    // rendered object and the file that it was rendered from, and nowhere else.
    let mut kept = 0;
    for path in shop.state_files() {
        let bytes = fs::read(&path).unwrap();
        let has = |value: &str| bytes.windows(value.len()).any(|window| window == value.as_bytes());
        for value in [live, &live_base64, &desired_base64] {
            assert!(!has(value), "`{value}` is in {}", path.display());
        }
        if has(desired) {
            let is_blob = path.components().any(|part| part.as_os_str() == "blobs");
            assert!(is_blob, "`{desired}` is in {}", path.display());
            kept += 1;
        }
    }
    assert!(kept > 0, "what is in no file can't be found in one");
}

#[test]
fn objects_too_large_for_an_annotation_are_deployed_and_compared() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "large") else { return };
    // A ConfigMap holds 1 MiB, names of keys included.
    for (name, kilobytes) in [("large", 300), ("largest", 1023)] {
        let value = "0123456789abcdef".repeat(kilobytes * 64);
        shop.manifest(name, &config_map(name, &value));
    }
    shop.sync();
    let length = |name: &str| shop.get(&format!("configmap/{name}"))["data"]["value"].as_str().unwrap().len();
    assert_eq!((length("large"), length("largest")), (300 << 10, 1023 << 10));
    proxy.forget();
    assert_eq!(shop.sync()["changes"], json!([]));
    assert!(proxy.writes().is_empty());
    shop.kubectl(&["patch", "configmap/largest", "--type=merge", "-p", r#"{"data":{"value":"small"}}"#]).ok();
    assert!(shop.diff().is_some());
    shop.sync();
    assert_eq!(length("largest"), 1023 << 10);
    let too_large = config_map("too-large", &"0123456789abcdef".repeat(1025 * 64));
    shop.manifest("too-large", &too_large);
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("too-large"), "{outcome:#?}");
    assert!(outcome.stderr.len() < 4096, "the object is no part of the message");
    let rest: Value = shop.get("configmap/large");
    assert_eq!(rest["data"]["value"].as_str().unwrap().len(), 300 << 10);
}
