//! Who may ask a cluster: kubeconfigs, credentials, rights and grants. What is wrong with them is told
//! with the way out, and without a secret.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use springline_testcluster::{Cluster, Fault, Proxy, token};

use crate::code::{CONFIG, DENIED, DEPLOY};
use crate::kube::{Shop, config_map};
use crate::kube_bad::{deployment, told};

/// Writes a kubeconfig beside host.yaml, made from the cluster's own, and has the shop use it.
fn kubeconfig(shop: &Shop<'_>, change: impl Fn(&mut Value)) {
    let mut config: Value = serde_json::from_slice(&fs::read(shop.cluster.kubeconfig()).unwrap()).unwrap();
    change(&mut config);
    write_kubeconfig(shop, &config.to_string());
}

fn write_kubeconfig(shop: &Shop<'_>, text: &str) {
    let path = shop.sandbox.repo().join(".springline/kube.yaml");
    shop.host(&path, "");
    fs::write(&path, text).unwrap();
}

/// Writes host.yaml with these entries of `clusters.test` and these grants.
fn operator(shop: &Shop<'_>, cluster: &str, grants: &str) {
    shop.sandbox.operator(&format!(
        "\
clusters:
  test: {{ kubeconfig: {}{cluster} }}
targets:
  live:
    plugin: target-kubernetes
    with: {{ cluster: test, namespace: {} }}
{grants}",
        shop.cluster.kubeconfig().display(),
        shop.namespace
    ));
}

/// What stands between backticks behind these words.
fn quoted<'t>(text: &'t str, words: &str) -> &'t str {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("`{words}` is not in: {text}"));
    rest.split('`').nth(1).unwrap()
}

#[test]
fn wrong_and_expired_credentials_are_told_without_showing_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "token") else { return };
    shop.manifest("map", &config_map("map", "one"));
    kubeconfig(&shop, |config| config["users"][0]["user"]["token"] = "guessed-and-wrong".into());
    let stderr = shop.springline(&["run"]).fails(DEPLOY, &["cluster test", "kube.yaml", "wrong or have expired"]);
    assert!(!stderr.contains("guessed-and-wrong"), "{stderr}");
    assert!(!told(&shop).contains("guessed-and-wrong"));

    // Those that expire in the middle of it.
    let proxy = Proxy::before(cluster);
    shop.host(&proxy.kubeconfig(), "");
    proxy.order(usize::MAX, "PATCH", "*", Fault::Status(401));
    let stderr = shop.springline(&["run"]).fails(DEPLOY, &["cluster test", "wrong or have expired", "log in again"]);
    assert!(!stderr.contains(&token("admin")), "{stderr}");
    proxy.heal();
    shop.springline(&["run"]).ok();
    assert!(!told(&shop).contains(&token("admin")));
    for path in shop.state_files().iter().filter(|path| !path.ends_with("kube.yaml")) {
        let bytes = fs::read(path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token("admin")), "{}", path.display());
    }
    assert_eq!(shop.history()[0]["outcome"]["is"], "succeeded");
}

/// Ada has no rights at first. Each message says which one is missing, and that very rule is added,
/// until it works.
#[test]
fn missing_rights_are_told_as_rules_that_work() {
    let Some(cluster) = Cluster::shared() else { return };
    // It says when a Deployment is as it should be.
    if !cluster.controllers() {
        return;
    }
    let Some(shop) = Shop::new(cluster, "rights") else { return };
    let namespace = shop.namespace.clone();
    shop.manifest("map", &config_map("map", "one"));
    shop.manifest("web", &deployment("web", "0"));
    kubeconfig(&shop, |config| config["current-context"] = "ada".into());
    let mut rules = Vec::new();
    let mut said = String::new();
    loop {
        let outcome = shop.springline(&["run"]);
        if outcome.code == 0 {
            break;
        }
        said = outcome.fails(DENIED, &["\"ada\" cannot", "resource", &namespace, "it takes"]);
        let rule = rule(&said);
        assert!(!rules.contains(&rule), "it was added and did not help: {said}");
        assert!(said.contains(&format!("it takes a Role in the namespace {namespace} with ")), "{said}");
        rules.push(rule);
        assert!(rules.len() < 20, "{rules:#?}");
        grant(&shop, "ada", &rules);
    }
    println!("{rules:#?}");
    assert!(said.contains("\"apps\""), "{said}");
    assert!(shop.has("deployment/web") && shop.has("configmap/map"));
    shop.remove("map");
    let mut pruned = shop.springline(&["run"]);
    if pruned.code != 0 {
        let said = pruned.fails(DENIED, &["\"ada\" cannot delete resource \"configmaps\"", &namespace]);
        rules.push(rule(&said));
        grant(&shop, "ada", &rules);
        pruned = shop.springline(&["run"]);
    }
    pruned.ok();
    assert!(!shop.has("configmap/map"));
    // Ben has none of it.
    kubeconfig(&shop, |config| config["current-context"] = "ben".into());
    shop.manifest("web", &deployment("web", "1"));
    shop.springline(&["run"]).fails(DENIED, &["\"ben\" cannot get resource \"deployments\"", &namespace, "[\"get\"]"]);
}

/// The rule that a message says is missing.
fn rule(said: &str) -> String {
    let (_, rest) = said.split_once(" with apiGroups: ").unwrap_or_else(|| panic!("no rule is in: {said}"));
    let rule = rest.lines().next().unwrap().split_inclusive("]").take(3).collect::<String>();
    format!("{{ apiGroups: {rule} }}")
}

/// Makes a Role of these rules, and binds it.
fn grant(shop: &Shop<'_>, user: &str, rules: &[String]) {
    let namespace = &shop.namespace;
    let rules: String = rules.iter().map(|rule| format!("- {rule}\n")).collect();
    let text = format!(
        "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{ name: {user}, namespace: {namespace} }}
rules:
{rules}---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{ name: {user}, namespace: {namespace} }}
roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: Role, name: {user} }}
subjects: [ {{ apiGroup: rbac.authorization.k8s.io, kind: User, name: {user} }} ]
"
    );
    shop.cluster.kubectl_with(&["apply", "-f", "-"], &text).ok();
    let last = ["auth", "can-i", "--list", "-n", namespace, "--as", user];
    // The authoriser follows the roles a moment later.
    let before = Instant::now();
    let wanted = rules.lines().last().unwrap().split('"').nth(3).unwrap().to_owned();
    while !shop.cluster.kubectl(&last).ok().contains(&wanted) {
        assert!(before.elapsed().as_secs() < 60, "{text}");
    }
}

/// No power is granted at first. Each message says which one is missing, and that very line is added,
/// until it works.
#[test]
fn missing_grants_are_told_as_lines_that_work() {
    let Some(cluster) = Cluster::shared() else { return };
    // It says when a Deployment is as it should be.
    if !cluster.controllers() {
        return;
    }
    let Some(shop) = Shop::new(cluster, "grants") else { return };
    let namespace = shop.namespace.clone();
    shop.manifest("map", &config_map("map", "one"));
    shop.manifest("web", &deployment("web", "0"));
    let mut entries: Vec<String> = Vec::new();
    loop {
        let grants = match entries.as_slice() {
            [] => String::new(),
            entries => format!("    grants: {{ kubernetes: [ {} ] }}\n", entries.join(", ")),
        };
        operator(&shop, "", &grants);
        let outcome = shop.springline(&["run"]);
        if outcome.code == 0 {
            break;
        }
        let said = outcome.fails(DENIED, &["not granted", "host.yaml"]);
        let line = quoted(&said, "would: ");
        let entry = line.trim_start_matches("grants: { kubernetes: [ ").trim_end_matches(" ] }").to_owned();
        assert!(entry.starts_with("{ cluster: test"), "{said}");
        assert!(!entries.contains(&entry), "it was added and did not help: {said}");
        entries.push(entry);
        assert!(entries.len() < 20, "{entries:#?}");
    }
    println!("{entries:#?}");
    assert!(shop.has("deployment/web") && shop.has("configmap/map"));

    // Another namespace, another kind and a deletion are as far away as before.
    let ours = format!("    grants: {{ kubernetes: [ {{ cluster: test, namespaces: [{namespace}] }} ] }}\n");
    operator(&shop, "", &ours);
    shop.manifest(
        "else",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: spy, namespace: kube-system }\ndata: { a: b }\n",
    );
    let said = shop.springline(&["run"]).fails(DENIED, &["ConfigMap", "kube-system", "not granted"]);
    assert!(said.contains("namespaces: [kube-system]"), "{said}");
    shop.remove("else");
    shop.manifest(
        "role",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: all-mine }\n",
    );
    shop.springline(&["run"]).fails(DENIED, &["ClusterRole", "the whole cluster", "not granted"]);
    shop.remove("role");
    operator(&shop, "", &ours.replace("] } ]", "], verbs: [get, list, apply] } ]"));
    shop.remove("map");
    shop.springline(&["run"]).fails(DENIED, &["delete ConfigMap", &namespace, "verbs: [delete]"]);
    assert!(shop.has("configmap/map"));
    operator(&shop, "", &ours);
    shop.springline(&["run"]).ok();
    assert!(!shop.has("configmap/map"));
}

#[test]
fn a_cluster_that_host_yaml_does_not_have() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "nowhere") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let path = shop.sandbox.repo().join(".springline/host.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("cluster: test", "cluster: tets")).unwrap();
    let outcome = shop.springline(&["run"]);
    println!("{}", outcome.stderr);
    assert!([CONFIG, DEPLOY].contains(&outcome.code), "{outcome:#?}");
    assert!(outcome.stderr.contains("tets") && outcome.stderr.contains("test"), "{outcome:#?}");
    fs::write(&path, text.replace("clusters:\n", "").replace("  test: {", "#")).unwrap();
    let outcome = shop.springline(&["run"]);
    println!("{}", outcome.stderr);
    assert!([CONFIG, DEPLOY].contains(&outcome.code), "{outcome:#?}");
    assert!(outcome.stderr.contains("add it to `clusters`"), "{outcome:#?}");
    fs::write(&path, text).unwrap();
    shop.springline(&["run"]).ok();
}

#[test]
fn a_kubeconfig_that_is_missing_broken_or_leads_nowhere() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "config") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let absent = shop.sandbox.path("absent.yaml");
    shop.host(&absent, "");
    shop.springline(&["run"]).fails(DEPLOY, &["cluster test", absent.to_str().unwrap(), "no kubeconfig", "clusters"]);
    let cases: [(&str, Value, &[&str]); 5] = [
        ("/current-context", "eve".into(), &["no context \"eve\"", "admin, ada, ben"]),
        ("/current-context", "".into(), &["no current context", "admin, ada, ben"]),
        ("/contexts/0/context/user", "eve".into(), &["the user \"eve\"", "not there"]),
        ("/contexts/0/context/cluster", "prod".into(), &["the cluster \"prod\"", "not there"]),
        ("/clusters/0/cluster/certificate-authority", "gone.crt".into(), &["gone.crt"]),
    ];
    let check = |words: &[&str]| {
        let said = shop.springline(&["run"]).fails(DEPLOY, &["cluster test", "kube.yaml"]);
        println!("{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
        assert!(!said.contains(&token("admin")), "{said}");
    };
    for (pointer, value, words) in cases {
        kubeconfig(&shop, |config| *config.pointer_mut(pointer).unwrap() = value.clone());
        check(words);
    }
    kubeconfig(&shop, |config| {
        let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.remove("certificate-authority").unwrap();
    });
    check(&["certificate", "not trusted", "certificate-authority"]);
    write_kubeconfig(&shop, &format!("users:\n- name: [ {}\n", token("admin")));
    check(&["no kubeconfig", "line"]);
    write_kubeconfig(&shop, "");
    check(&["no current context"]);
    assert!(shop.history().iter().all(|record| record["outcome"]["is"] == "failed"));
}

#[test]
fn a_credential_plugin_that_fails_or_hangs_is_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "plugin") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let by = |script: &str| {
        kubeconfig(&shop, |config| {
            let exec = json!({
                "apiVersion": "client.authentication.k8s.io/v1",
                "interactiveMode": "Never",
                "command": "sh",
                "args": ["-c", script],
            });
            config["users"][0]["user"] = json!({ "exec": exec });
        });
        shop.springline(&["run"])
    };
    by("echo please log in >&2; exit 3").fails(DEPLOY, &["cluster test", "credential plugin sh", "please log in"]);
    let said = by("echo half-a-secret").fails(DEPLOY, &["credential plugin sh", "ExecCredential"]);
    assert!(!said.contains("half-a-secret"), "{said}");
    let number = shop.sandbox.repo().join(".springline/number");
    by(&format!("echo $$ > {}; exec sleep 600", number.display()))
        .fails(DEPLOY, &["cluster test", "credential plugin", "within 60 s"]);
    let process = Path::new("/proc").join(fs::read_to_string(number).unwrap().trim());
    assert!(!process.exists(), "{} is left", process.display());
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": token("admin") },
    });
    let good = format!("echo '{credential}'");
    by(&good).ok();
    assert!(!told(&shop).contains(&token("admin")));
}

#[test]
fn host_yaml_says_which_context_of_a_kubeconfig_is_meant() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "context") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let grants = "    grants: { kubernetes: [ { cluster: test } ] }\n";
    operator(&shop, ", context: ada", grants);
    shop.springline(&["run"]).fails(DENIED, &["\"ada\" cannot", &shop.namespace]);
    operator(&shop, ", context: eve", grants);
    shop.springline(&["run"]).fails(DEPLOY, &["no context \"eve\"", "admin, ada, ben"]);
    operator(&shop, ", context: admin", grants);
    shop.springline(&["run"]).ok();
    assert!(shop.has("configmap/map"));
}

#[test]
fn without_a_kubeconfig_in_host_yaml_it_is_looked_for_where_kubectl_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "several") else { return };
    shop.manifest("map", &config_map("map", "one"));
    let host = format!(
        "clusters: {{ test: {{}} }}\ntargets:\n  live:\n    plugin: target-kubernetes\n    \
         with: {{ cluster: test, namespace: {} }}\n    grants: {{ kubernetes: [ {{ cluster: test }} ] }}\n",
        shop.namespace
    );
    shop.sandbox.operator(&host);
    shop.sandbox.commit("Begin");
    let run = |kubeconfig: &str| {
        let mut command = shop.sandbox.command(&["run"]);
        command.env("KUBECONFIG", kubeconfig);
        shop.sandbox.finish(command)
    };
    shop.springline(&["run"]).fails(DEPLOY, &["no kubeconfig at", ".kube/config", "KUBECONFIG"]);

    // One file has the cluster, its certificate beside it; another one the users; a third is missing.
    let whole: Value = serde_json::from_slice(&fs::read(cluster.kubeconfig()).unwrap()).unwrap();
    let write = |path: &str, value: &Value| {
        let path = shop.sandbox.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, value.to_string()).unwrap();
        path.display().to_string()
    };
    let mut of_cluster = json!({ "clusters": whole["clusters"], "current-context": "admin" });
    of_cluster["clusters"][0]["cluster"]["certificate-authority"] = "there/ca.crt".into();
    let of_users = json!({ "users": whole["users"], "contexts": whole["contexts"], "current-context": "ada" });
    let (of_cluster, of_users) = (write("kube/cluster", &of_cluster), write("users", &of_users));
    fs::create_dir_all(shop.sandbox.path("kube/there")).unwrap();
    fs::copy(cluster.certificate(), shop.sandbox.path("kube/there/ca.crt")).unwrap();
    run(&of_users).fails(DEPLOY, &["the cluster \"test\"", "not there"]);
    // What an earlier file says goes before what a later one says.
    let missing = shop.sandbox.path("missing").display().to_string();
    let said = run(&format!("{of_users}:{of_cluster}:{missing}")).fails(DENIED, &["\"ada\" cannot"]);
    assert!(!shop.has("configmap/map"), "{said}");
    run(&format!("{missing}:{of_cluster}:{of_users}")).ok();
    assert!(shop.has("configmap/map"));

    // Without the variable, the one of the home directory.
    shop.manifest("map", &config_map("map", "two"));
    write("home/.kube/config", &whole);
    shop.springline(&["run"]).ok();
    assert_eq!(shop.get("configmap/map")["data"]["value"], "two");
}

#[test]
fn the_grants_of_a_target_are_shown_with_what_was_made_of_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "shown") else { return };
    shop.manifest("map", &config_map("map", "one"));
    operator(&shop, "", "");
    let power = || {
        let powers = shop.springline(&["plugin", "grants", "-o", "json"]).json();
        let powers = powers.as_array().unwrap().clone();
        let [power] = &powers[..] else { panic!("{powers:#?}") };
        power.clone()
    };
    let nothing = power();
    println!("{nothing:#}");
    assert_eq!((&nothing["capability"], &nothing["environment"]), (&json!("kubernetes"), &json!("live")));
    assert_eq!(nothing["plugin"]["name"], "target-kubernetes");
    assert!(nothing["reason"].as_str().unwrap().contains("applies"), "{nothing:#}");
    assert_eq!((&nothing["imported"], &nothing["granted"]), (&json!(true), &json!([])));
    // The line that it shows is one that helps.
    let line = quoted(nothing["remark"].as_str().unwrap(), "would grant it: ").replace("CLUSTER", "test");
    operator(&shop, "", &format!("    {line}\n"));
    shop.springline(&["run"]).ok();

    let namespace = &shop.namespace;
    let grants = format!(
        "    grants:\n      kubernetes:\n        - {{ cluster: test, namespaces: [{namespace}] }}\n        \
         - {{ cluster: test, namespaces: [{namespace}], kinds: [\"*.batch\"], verbs: [delete] }}\n"
    );
    operator(&shop, "", &grants);
    let power = power();
    println!("{power:#}");
    let granted = power["granted"].as_array().unwrap();
    assert_eq!(granted.len(), 2, "{power:#}");
    assert!(granted[0]["used"].as_u64().unwrap() > 0 && granted[1]["used"] == 0, "{power:#}");
    let text = fs::read_to_string(shop.sandbox.repo().join(".springline/host.yaml")).unwrap();
    for (grant, word) in granted.iter().zip([&**namespace, "*.batch"]) {
        let line = text.lines().nth(usize::try_from(grant["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
        assert!(line.contains("cluster: test") && line.contains(word), "{grant}: {line}");
        assert!(grant["what"].as_str().unwrap().contains(word), "{grant}");
    }
    assert_eq!(power["remark"], Value::Null);
    let shown = shop.springline(&["plugin", "grants"]).ok();
    for word in ["target-kubernetes", "live", "kubernetes", "never", "*.batch"] {
        assert!(shown.contains(word), "`{word}` is not in\n{shown}");
    }
}
