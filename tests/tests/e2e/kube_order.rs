//! What goes before what: definitions, waves, and hooks with their policies.

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::code::DEPLOY;
use crate::kube::{Kubelet, Shop, config_map, deployment, host_yaml, job, order, ticket, tickets, with_metadata};

fn wave(manifest: &str, wave: i32) -> String {
    with_metadata(manifest, &format!("annotations: {{ argocd.argoproj.io/sync-wave: \"{wave}\" }}"))
}

/// The uid of a live object.
fn uid(shop: &Shop<'_>, object: &str) -> String {
    shop.get(object)["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[test]
fn namespaces_and_definitions_come_before_what_needs_them_in_one_sync() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "first") else { return };
    let group = format!("{}.example.org", shop.namespace);
    let inner = format!("{}-inner", shop.namespace);
    // By name, everything is the wrong way round.
    shop.manifest("a", &ticket(&group, "a"));
    shop.manifest("b", &with_metadata(&config_map("b", "1"), &format!("namespace: {inner}")));
    shop.manifest("y", &format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {inner}\n"));
    shop.manifest("z", &tickets(&group));
    let report = shop.sync();
    let order = order(&report);
    let at = |name: &str| order.iter().position(|known| known == name).unwrap();
    assert!(at(&format!("tickets.{group}")) < at("a") && at(&inner) < at("b"), "{order:?}");
    assert_eq!(shop.get(&format!("tickets.{group}/a"))["spec"], json!({ "seats": 5, "rows": 1 }));
    // What the definition's defaults added is no drift.
    assert_eq!(shop.diff(), None);
    assert_eq!(shop.sync()["changes"], json!([]));

    // All of it goes in the reverse order.
    for name in ["a", "b", "y", "z"] {
        shop.remove(name);
    }
    shop.manifest("c", &config_map("c", "1"));
    cluster.controllers();
    let gone = crate::kube::order(&shop.sync());
    let at = |name: &str| gone.iter().position(|known| known == &format!("-{name}")).unwrap();
    assert!(at("a") < at(&format!("tickets.{group}")) && at("b") < at(&inner), "{gone:?}");
}

#[test]
fn a_wave_begins_when_the_one_before_is_healthy() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "waves") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.application("", "    sync: { health-seconds: 2 }\n");
    shop.manifest("a", &wave(&config_map("a", "1"), 2));
    shop.manifest("b", &wave(&deployment("b", "fate: hangs").replace("  labels: { tier: front }\n", ""), 1));
    shop.manifest("c", &config_map("c", "1"));
    shop.manifest("d", &wave(&config_map("d", "1"), -1));
    let stderr = shop.refused(&[&shop.live("Deployment.apps", "b"), "up to wave"]);
    assert!(stderr.contains("not healthy after"), "{stderr}");
    assert!(shop.has("configmap/d") && shop.has("configmap/c") && shop.has("deployment/b"));
    assert!(!shop.has("configmap/a"), "its wave has not begun");

    shop.application("", "");
    shop.manifest("b", &wave(&deployment("b", ""), 1));
    let report = shop.sync();
    assert_eq!(order(&report), ["b", "a"], "{report:#}");
    assert_eq!(shop.diff(), None);
}

#[test]
fn what_goes_goes_in_the_reverse_order_of_its_waves() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "backwards") else { return };
    // By name, it is neither the one order nor the other.
    for (name, at) in [("a", 0), ("b", 3), ("c", -2), ("d", 1)] {
        shop.manifest(name, &wave(&config_map(name, "1"), at));
    }
    assert_eq!(order(&shop.sync()), ["c", "a", "d", "b"]);
    shop.manifest("stays", &config_map("stays", "1"));
    for name in ["a", "b", "c", "d"] {
        shop.remove(name);
    }
    assert_eq!(order(&shop.sync()), ["stays", "-b", "-d", "-a", "-c"]);
}

#[test]
fn hooks_run_around_a_sync_and_are_removed_as_their_policies_say() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "hooks") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let hook = "argocd.argoproj.io/hook";
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("migrate", &job("migrate", &format!("{hook}: PreSync"), ""));
    let gone = format!("{hook}: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded");
    shop.manifest("smoke", &job("smoke", &gone, ""));
    shop.manifest("alarm", &job("alarm", &format!("{hook}: SyncFail"), ""));
    shop.manifest("never", &job("never", &format!("{hook}: Skip"), ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:migrate", "a", "after:smoke", "-after:smoke"], "{report:#}");
    // Hooks are no part of what is deployed.
    assert_eq!(report["counts"]["created"], 1);
    assert_eq!(shop.status()["objects"], 1);
    assert!(!shop.has("job/smoke") && !shop.has("job/alarm") && !shop.has("job/never"));
    let first = uid(&shop, "job/migrate");

    // Nothing to do, nothing to run.
    assert_eq!(shop.diff(), None);
    assert_eq!(shop.sync()["changes"], json!([]));
    assert_eq!(uid(&shop, "job/migrate"), first);

    // The next change makes it anew.
    shop.manifest("a", &config_map("a", "2"));
    let report = shop.sync();
    let expected = ["-before:migrate", "before:migrate", "a", "after:smoke", "-after:smoke"];
    assert_eq!(order(&report), expected, "{report:#}");
    assert_ne!(uid(&shop, "job/migrate"), first);

    // One that fails stops the sync before anything is changed, and another one tells of it.
    let policy = format!("{hook}: PreSync, argocd.argoproj.io/hook-delete-policy: \"BeforeHookCreation,HookFailed\"");
    shop.manifest("migrate", &job("migrate", &policy, "fate: fails"));
    shop.manifest("a", &config_map("a", "3"));
    shop.refused(&[&shop.live("Job.batch", "migrate"), "failed", "BackoffLimitExceeded"]);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "2");
    assert!(!shop.has("job/migrate"), "it failed, and is to go then");
    shop.kubectl(&["wait", "--timeout=120s", "--for=condition=Complete", "job/alarm"]).ok();
    let history = shop.sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(history[0]["outcome"]["is"], "failed", "{history:#}");

    // Mended, it goes through.
    shop.manifest("migrate", &job("migrate", &format!("{hook}: PreSync"), ""));
    assert_eq!(order(&shop.sync())[..2], ["before:migrate", "a"]);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "3");
}

#[test]
fn a_hook_leaves_alone_what_is_another_application_s() {
    let Some(cluster) = Cluster::shared() else { return };
    let (Some(one), Some(two)) = (Shop::new(cluster, "keeper"), Shop::new(cluster, "intruder")) else { return };
    // Both deploy to the first one's namespace, where one keeps what the other wants to run.
    let with = format!("cluster: test, namespace: {}", one.namespace);
    two.sandbox.operator(&host_yaml(&[("test", &cluster.kubeconfig())], &with));
    let hook = "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: ";
    let run = |policy: &str| with_metadata(&config_map("a", "two"), &format!("annotations: {{ {hook}{policy} }}"));
    one.manifest("a", &config_map("a", "one"));
    one.sync();
    let kept = one.get("configmap/a");
    two.manifest("b", &config_map("b", "two"));
    for policy in ["HookSucceeded", "BeforeHookCreation"] {
        two.manifest("a", &run(policy));
        two.refused(&[&one.live("ConfigMap", "a"), &format!("belongs to {}/live", one.namespace)]);
        assert_eq!(one.get("configmap/a"), kept, "{policy}");
        assert!(!one.has("configmap/b"), "nothing is done by halves");
    }

    // Once it is let go, it is the other's; then it is the first that can't have it.
    one.remove("a");
    one.manifest("c", &config_map("c", "one"));
    one.sync();
    two.sync();
    assert_eq!(one.get("configmap/a")["data"]["value"], "two");
    one.manifest("a", &config_map("a", "one"));
    one.refused(&[&one.live("ConfigMap", "a"), &format!("belongs to {}/live", two.namespace)]);
    assert_eq!(one.get("configmap/a")["data"]["value"], "two");
}

#[test]
fn helm_s_hooks_run_in_the_order_of_their_weights() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "helm") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let early = "helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"-5\", \
                 helm.sh/hook-delete-policy: hook-succeeded";
    shop.manifest("early", &job("early", early, ""));
    shop.manifest(
        "a-late",
        &job("a-late", "helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"5\"", ""),
    );
    shop.manifest("after", &job("after", "helm.sh/hook: post-install", ""));
    shop.manifest("check", &job("check", "helm.sh/hook: test", ""));
    let kept = with_metadata(&config_map("kept", "1"), "annotations: { helm.sh/resource-policy: keep }");
    shop.manifest("kept", &kept);
    shop.manifest("a", &config_map("a", "1"));
    let report = shop.sync();
    let expected = ["before:early", "before:a-late", "-before:early", "a", "kept", "after:after"];
    assert_eq!(order(&report), expected, "{report:#}");
    assert!(!shop.has("job/check"));
    shop.remove("kept");
    shop.sync();
    assert!(shop.has("configmap/kept"));
}

#[test]
fn a_hook_that_does_not_end_is_told_with_what_it_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "endless") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.application("", "    sync: { health-seconds: 2 }\n");
    shop.manifest("wait", &job("wait", "argocd.argoproj.io/hook: PreSync", "fate: hangs"));
    shop.manifest("a", &config_map("a", "1"));
    let words = [&*shop.live("Job.batch", "wait"), "is not done after", "0 of 1 pods have succeeded"];
    let outcome = shop.springline(&["sync", "-o", "json"]);
    assert_eq!(outcome.code, DEPLOY, "{outcome:#?}");
    let error: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in:\n{message}");
    }
    assert!(!shop.has("configmap/a"));
}

#[test]
fn helm_s_hooks_that_fail_go_or_stay_as_their_policies_say() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "helm-fails") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let hook =
        |policy: &str| format!("helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-delete-policy: {policy}");
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("migrate", &job("migrate", &hook("hook-failed"), "fate: fails"));
    shop.refused(&[&shop.live("Job.batch", "migrate"), "BackoffLimitExceeded"]);
    assert!(!shop.has("job/migrate") && !shop.has("configmap/a"));

    // With the other policy it stays to be looked at, and the next one takes its place.
    shop.manifest("migrate", &job("migrate", &hook("before-hook-creation"), "fate: fails"));
    shop.refused(&["BackoffLimitExceeded"]);
    let failed = uid(&shop, "job/migrate");
    shop.manifest("migrate", &job("migrate", &hook("before-hook-creation"), ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["-before:migrate", "before:migrate", "a"], "{report:#}");
    let passed = uid(&shop, "job/migrate");
    assert_ne!(passed, failed);
    shop.manifest("a", &config_map("a", "2"));
    let report = shop.sync();
    assert_eq!(order(&report), ["-before:migrate", "before:migrate", "a"], "{report:#}");
    assert_ne!(uid(&shop, "job/migrate"), passed);
}

#[test]
fn a_hook_of_two_phases_runs_in_both() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "twice") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("check", &job("check", "argocd.argoproj.io/hook: \"PreSync,PostSync\"", ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:check", "a", "-after:check", "after:check"], "{report:#}");
    assert!(shop.has("job/check"));
    assert_eq!(shop.status()["objects"], 1);
    assert_eq!(shop.sync()["changes"], json!([]));
}

#[test]
fn hooks_of_an_application_s_end_are_left_out_and_definitions_are_kept() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "ends") else { return };
    let group = format!("{}.example.org", shop.namespace);
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("pre", &job("pre", "argocd.argoproj.io/hook: PreDelete", ""));
    shop.manifest("post", &job("post", "argocd.argoproj.io/hook: PostDelete", ""));
    shop.manifest("bye", &job("bye", "helm.sh/hook: \"pre-delete,post-delete\"", ""));
    let definition = with_metadata(&tickets(&group), "annotations: { helm.sh/hook: crd-install }");
    shop.manifest("tickets", &definition);
    shop.manifest("sale", &ticket(&group, "sale"));
    let report = shop.sync();
    assert_eq!(order(&report), [&*format!("tickets.{group}"), "a", "sale"], "{report:#}");
    assert_eq!(shop.status()["objects"], 3);
    assert_eq!(shop.diff(), None);
    // Neither are they run when it goes.
    for name in ["pre", "post", "bye", "sale"] {
        assert!(!shop.has(&format!("job/{name}")));
    }
    shop.remove("a");
    shop.sync();
    assert_eq!(shop.get("jobs")["items"], json!([]));
    // Such hooks are all that is left: everything goes only where that is asked for.
    ["tickets", "sale"].iter().for_each(|name| shop.remove(name));
    shop.springline(&["run"]).fails(DEPLOY, &["--prune-all"]);
    assert!(shop.has(&format!("tickets.{group}/sale")));
    shop.springline(&["sync", "--env", "live", "--prune-all"]).ok();
    assert!(!shop.has(&format!("crd/tickets.{group}")));
    assert_eq!(shop.get("jobs")["items"], json!([]));
}

#[test]
fn a_hook_without_a_name_of_its_own_gets_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "nameless") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let nameless = |annotations: &str| job("x", annotations, "").replace("  name: x\n", "  generateName: migrate-\n");
    shop.manifest("a", &config_map("a", "1"));
    // What is kept needs a name.
    shop.manifest("migrate", &nameless("example.org/hook: PreSync"));
    let stderr = shop.springline(&["sync"]).stderr;
    assert!(stderr.contains("deploy/migrate.yaml:1: ") && stderr.contains("generateName"), "{stderr}");
    shop.manifest("migrate", &nameless("argocd.argoproj.io/hook: PreSync"));
    shop.sync();
    let made = |shop: &Shop<'_>| {
        let jobs = shop.get("jobs");
        let jobs = jobs["items"].as_array().unwrap().iter();
        let names: Vec<_> = jobs.map(|job| job["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        names
    };
    let [first] = &made(&shop)[..] else { panic!("{:?}", made(&shop)) };
    assert!(first.starts_with("migrate-"), "{first}");
    assert_eq!(shop.diff(), None);
    // It is run again under the name that it has, wherever it stands in its file.
    shop.manifest("a", &config_map("a", "2"));
    shop.manifest("migrate", &format!("# Moved\n{}", nameless("argocd.argoproj.io/hook: PreSync")));
    shop.sync();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "2");
    assert_eq!(made(&shop), [first.as_str()]);

    // What is kept needs a name, whatever renders it.
    let template = format!(
        "\
application: {}
environments:
  live:
    render: {{ plugin: render-template, in: deploy }}
    target: live
",
        shop.namespace
    );
    shop.sandbox.write("springline.yaml", &template);
    shop.manifest("migrate", &nameless("example.org/hook: none"));
    let stderr = shop.springline(&["sync"]).stderr;
    assert!(stderr.contains("only a hook can have it"), "{stderr}");
}
