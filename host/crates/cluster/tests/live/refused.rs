//! What is refused is told with the way out, and without what is secret.

use std::fs;

use springline_cluster::Options;
use springline_model::kubernetes::{ApiKind, Clusters, Freshness, KubernetesError, ObjectName, Write};
use springline_testcluster::Cluster;

use super::{Asking, TEST, config_map, config_map_text, wait};

fn message(error: KubernetesError, expected: u16) -> String {
    match error {
        KubernetesError::Refused { code, message, .. } if code == expected => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_misspelt_field_is_refused_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("typo");
    let asking = Asking::new(cluster.kubeconfig());
    let name = ObjectName { kind: ApiKind::new("apps/v1", "Deployment"), namespace, name: "web".into() };
    let text = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicass":1}}"#;
    for how in [Write::Apply, Write::Create] {
        for dry_run in [true, false] {
            let error = asking.write(&name, how.clone(), text, dry_run).unwrap_err();
            assert!(matches!(error, KubernetesError::Refused { .. }), "{error:?}");
            assert!(error.to_string().contains("replicass"), "{error}");
        }
    }
    let text = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":-1}}"#;
    let KubernetesError::Refused { code: 422, causes, .. } =
        asking.write(&name, Write::Create, text, false).unwrap_err()
    else {
        panic!()
    };
    assert!(causes.iter().any(|cause| cause.field == "spec.replicas"), "{causes:?}");
}

#[test]
fn what_is_forbidden_names_the_rule() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("rights");
    let asking = Asking::by(cluster.kubeconfig(), "ada", Options::default());
    let name = config_map(&namespace, "a");
    let error = message(asking.apply(&name, &config_map_text("a", "1")).unwrap_err(), 403);
    for part in [r#"User "ada" cannot patch"#, &format!("a Role in the namespace {namespace}"), r#"verbs: ["patch"]"#] {
        assert!(error.contains(part), "{error}");
    }
    let error = message(asking.list("v1", "Node", "", "").unwrap_err(), 403);
    assert!(error.contains(r#"a ClusterRole with apiGroups: [""], resources: ["nodes"], verbs: ["list"]"#), "{error}");
}

#[test]
fn what_is_in_a_secret_is_not_told() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("secret");
    let asking = Asking::new(cluster.kubeconfig());
    let name = ObjectName { kind: ApiKind::new("v1", "Secret"), namespace, name: "a".into() };
    let with = |rest: &str| format!(r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"a"}},{rest}}}"#);
    for (text, secret) in [
        (with(r#""data":{"k":12345678}"#), "12345678"),
        (with(r#""data":{"k":"hunter2!"}"#), "hunter2"),
        (with(r#""stringData":{"k":["hunter2"]}"#), "hunter2"),
        (with(r#""type":"kubernetes.io/tls","stringData":{"tls.crt":"hunter2"}"#), "hunter2"),
    ] {
        for how in [Write::Apply, Write::Create] {
            let error = asking.write(&name, how, &text, false).unwrap_err();
            let KubernetesError::Refused { message, causes, .. } = &error else { panic!("{error:?}") };
            assert!(!format!("{message} {causes:?}").contains(secret), "{message} {causes:?}");
        }
    }
}

#[test]
fn what_is_not_there_is_said() {
    let Some(cluster) = Cluster::shared() else { return };
    let asking = Asking::new(cluster.kubeconfig());
    let error = message(asking.apply(&config_map("nowhere", "a"), &config_map_text("a", "1")).unwrap_err(), 404);
    assert!(error.contains("namespaces \"nowhere\" not found"), "{error}");
    let cake =
        ObjectName { kind: ApiKind::new("example.org/v7", "Cake"), namespace: "default".into(), name: "a".into() };
    let error = asking.apply(&cake, "{}").unwrap_err();
    assert!(
        matches!(&error, KubernetesError::UnknownType(text) if text.contains("no type Cake.example.org of example.org/v7")),
        "{error:?}"
    );
    assert_eq!(asking.get(&cake, Freshness::Live).unwrap(), None);
    assert_eq!(asking.delete(&cake, "").unwrap().object, None);
    assert!(matches!(asking.list("example.org/v7", "Cake", "", ""), Err(KubernetesError::UnknownType(_))));
    let error = wait(asking.clusters.all_types("prod")).unwrap_err().to_string();
    assert!(error.contains(r#"has no "prod"; there are test"#), "{error}");
    let error = asking.get(&config_map("default", "../secrets/a"), Freshness::Live).unwrap_err();
    assert!(matches!(error, KubernetesError::Failed(_)), "{error:?}");
    let error = asking.apply(&config_map("default", "a"), "a: 1").unwrap_err();
    assert!(error.to_string().contains("not JSON"), "{error}");
}

#[test]
fn a_warning_comes_with_what_was_written() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("warned");
    let asking = Asking::new(cluster.kubeconfig());
    let name = ObjectName { kind: ApiKind::new("v1", "Endpoints"), namespace, name: "a".into() };
    let text = r#"{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"a"}}"#;
    let written = asking.write(&name, Write::Apply, text, true).unwrap();
    assert!(written.warnings.iter().any(|warning| warning.contains("deprecated")), "{:?}", written.warnings);
}

#[test]
fn a_kubeconfig_that_can_not_be_used_says_why() {
    let Some(cluster) = Cluster::shared() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let right = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let fails = |text: &str, context: &str| {
        fs::write(&path, text).unwrap();
        let asking = Asking::by(path.clone(), context, Options::default());
        let error = wait(asking.clusters.all_types(TEST)).unwrap_err();
        assert!(matches!(error, KubernetesError::Failed(_)), "{error:?}");
        let error = error.to_string();
        assert!(error.starts_with("cluster test") && !error.contains("-token"), "{error}");
        error
    };
    let wrong = right.replace("admin-token", "wrong-token");
    let error = fails(&wrong, "admin");
    for part in ["context admin of", "user admin", "HTTP 401", "wrong or have expired"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(fails(&right, "prod").contains(r#"has no context "prod"; it has admin, ada, ben"#));
    let error = fails("users: [{ name: a, user: { token: secret-token", "admin");
    assert!(error.contains("it is no kubeconfig: line 1"), "{error}");
    let error = fails(&right.replace(&cluster.certificate().display().to_string(), "/nowhere/ca.crt"), "admin");
    assert!(error.contains("/nowhere/ca.crt"), "{error}");
    fs::remove_file(&path).unwrap();
    let asking = Asking::by(path.clone(), "admin", Options::default());
    let error = wait(asking.clusters.all_types(TEST)).unwrap_err().to_string();
    assert!(error.contains("there is no kubeconfig at"), "{error}");
}

#[test]
fn a_credential_plugin_is_asked_and_its_failure_told() {
    let Some(cluster) = Cluster::shared() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let with = |script: &str| {
        let mut config: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(cluster.kubeconfig()).unwrap()).unwrap();
        config["users"][0]["user"] = serde_json::json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "interactiveMode": "IfAvailable", "installHint": "get it from the shop",
        }});
        fs::write(&path, config.to_string()).unwrap();
        Asking::new(path.clone())
    };
    let credential = |token: &str| {
        format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
        )
    };
    let asking = with(&format!("echo '{}'", credential("admin-token")));
    assert!(asking.get(&config_map("default", "kube-root-ca.crt"), Freshness::Live).is_ok());
    let fails = |script: &str| {
        let error = wait(with(script).clusters.all_types(TEST)).unwrap_err();
        assert!(matches!(error, KubernetesError::Failed(_)), "{error:?}");
        let error = error.to_string();
        assert!(!error.contains("very-secret"), "{error}");
        error
    };
    let error = fails("echo very-secret; echo log in first >&2; exit 3");
    assert!(error.contains("the credential plugin sh failed with exit status: 3: log in first"), "{error}");
    assert!(fails("echo '{very-secret'").contains("no ExecCredential"));
    assert!(fails(&format!("echo '{}'", credential("very-secret-token"))).contains("HTTP 401"));
}
