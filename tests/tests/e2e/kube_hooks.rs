//! When hooks run and when they don't, and how long what they made stays.

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::kube::{Kubelet, Shop, config_map, deployment, job, order, ticket, tickets, with_metadata};

const HOOK: &str = "argocd.argoproj.io/hook";
const POLICY: &str = "argocd.argoproj.io/hook-delete-policy";

/// The uid of a live object.
#[track_caller]
fn uid(shop: &Shop<'_>, object: &str) -> Value {
    shop.get(object)["metadata"]["uid"].clone()
}

#[test]
fn what_runs_after_a_sync_waits_for_its_health_and_is_left_out_when_it_fails() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "after") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.application("", "    sync: { health-seconds: 2 }\n");
    shop.manifest("web", &deployment("web", "fate: hangs"));
    shop.manifest("smoke", &job("smoke", &format!("{HOOK}: PostSync"), ""));
    shop.manifest("notify", &job("notify", "helm.sh/hook: \"post-install,post-upgrade\"", ""));
    shop.manifest("alarm", &job("alarm", &format!("{HOOK}: SyncFail"), ""));
    shop.refused(&[&shop.live("Deployment.apps", "web"), "is Progressing"]);
    assert!(shop.has("deployment/web"));
    assert!(!shop.has("job/smoke") && !shop.has("job/notify"), "the application is not healthy");
    let alarm = uid(&shop, "job/alarm");

    shop.application("", "");
    shop.manifest("web", &deployment("web", ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["web", "after:notify", "after:smoke"], "{report:#}");
    assert_eq!(uid(&shop, "job/alarm"), alarm, "nothing has failed");
}

#[test]
fn hooks_of_a_phase_run_in_the_order_of_their_waves() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "hook-waves") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let wave = |phase: &str, wave: &str| format!("{HOOK}: {phase}, argocd.argoproj.io/sync-wave: \"{wave}\"");
    shop.manifest("a", &config_map("a", "1"));
    // By name, everything is the wrong way round.
    shop.manifest("b", &job("b", &wave("PreSync", "3"), ""));
    shop.manifest("c", &job("c", &format!("{HOOK}: PreSync"), ""));
    shop.manifest("d", &job("d", &wave("PreSync", "-2"), ""));
    shop.manifest("e", &job("e", &wave("PostSync", "1"), ""));
    shop.manifest("f", &job("f", &wave("PostSync", "-1"), ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:d", "before:c", "before:b", "a", "after:f", "after:e"], "{report:#}");

    // One that fails is the last of its phase.
    shop.manifest("a", &config_map("a", "2"));
    shop.manifest("c", &job("c", &format!("{HOOK}: PreSync"), "fate: fails"));
    let (early, late) = (uid(&shop, "job/d"), uid(&shop, "job/b"));
    shop.refused(&[&shop.live("Job.batch", "c"), "BackoffLimitExceeded"]);
    assert_ne!(uid(&shop, "job/d"), early);
    assert_eq!(uid(&shop, "job/b"), late);
}

#[test]
fn without_a_policy_for_it_what_a_hook_made_stays() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "stays") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.manifest("a", &config_map("a", "1"));
    let hook = |phase: &str, policy: &str| format!("{HOOK}: {phase}, {POLICY}: {policy}");
    // It is to go when it fails, and when nothing else; so it is run once.
    shop.manifest("once", &job("once", &hook("PreSync", "HookFailed"), ""));
    // It goes when it has succeeded, with all that it made.
    shop.manifest("gone", &job("gone", &hook("PostSync", "HookSucceeded"), ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:once", "a", "after:gone", "-after:gone"], "{report:#}");
    let once = uid(&shop, "job/once");
    shop.kubectl(&["wait", "--timeout=120s", "--for=delete", "pods", "-l", "job-name=gone"]).ok();
    shop.manifest("a", &config_map("a", "2"));
    shop.sync();
    assert_eq!(uid(&shop, "job/once"), once);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "2");

    // What has failed stays to be looked at, and is in the way until somebody removes it.
    shop.manifest("gone", &job("gone", &hook("PreSync", "HookSucceeded"), "fate: fails"));
    shop.manifest("a", &config_map("a", "3"));
    shop.refused(&[&shop.live("Job.batch", "gone"), "BackoffLimitExceeded"]);
    let failed = uid(&shop, "job/gone");
    shop.refused(&[&shop.live("Job.batch", "gone"), "BackoffLimitExceeded"]);
    assert_eq!(uid(&shop, "job/gone"), failed);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "2");
    shop.kubectl(&["delete", "job/gone"]).ok();
    shop.manifest("gone", &job("gone", &hook("PreSync", "HookSucceeded"), ""));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:gone", "before:once", "-before:gone", "a"], "{report:#}");
}

#[test]
fn a_redeploy_runs_the_hooks_of_its_release_and_none_of_a_rollback() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "rollback") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("back", &job("back", "helm.sh/hook: \"pre-rollback,post-rollback\"", ""));
    shop.manifest("check", &job("check", "helm.sh/hook: \"test-success,test-failure\"", ""));
    // That of an upgrade is run at the first sync as at any other, that of an install once only.
    shop.manifest("first", &job("first", "helm.sh/hook: pre-install", ""));
    shop.manifest("later", &job("later", "helm.sh/hook: post-upgrade", ""));
    let first = shop.sync();
    assert_eq!(order(&first), ["before:first", "a", "after:later"], "{first:#}");
    let (made, once) = (uid(&shop, "job/later"), uid(&shop, "job/first"));

    shop.remove("later");
    shop.manifest("a", &config_map("a", "2"));
    let second = shop.sync();
    assert_eq!(order(&second), ["before:first", "a"], "{second:#}");
    assert_eq!(second["changes"][0]["summary"], "left as it is: it is run once only", "{second:#}");
    assert_eq!(uid(&shop, "job/later"), made, "a hook is not pruned: it was never kept");

    let release = &first["release"].as_str().unwrap()[..12];
    let back = shop.sandbox.springline(&["redeploy", "--env", "live", release, "-o", "json"]).json();
    let expected = ["before:first", "a", "-after:later", "after:later"];
    assert_eq!(order(&back["environments"][0]), expected, "{back:#}");
    assert_ne!(uid(&shop, "job/later"), made);
    assert_eq!(uid(&shop, "job/first"), once);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "1");
    assert!(!shop.has("job/back") && !shop.has("job/check"));
}

#[test]
fn a_hook_of_any_kind_is_made_and_is_done_when_it_is_healthy() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "any-hook") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    // What a chart's Job needs comes as a hook as well, and before it.
    let settings = "annotations: { helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"-1\" }";
    shop.manifest("settings", &with_metadata(&config_map("settings", "1"), settings));
    shop.manifest("migrate", &job("migrate", "helm.sh/hook: \"pre-install,pre-upgrade\"", ""));
    shop.manifest("a", &config_map("a", "1"));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:settings", "before:migrate", "a"], "{report:#}");
    // It belongs to nobody, is not compared, and stays.
    let live = shop.get("configmap/settings");
    assert_eq!(live["metadata"]["annotations"]["springline.dev/owner"], Value::Null, "{live:#}");
    shop.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"value":"9"}}"#]).ok();
    assert_eq!(shop.diff(), None);
    shop.remove("settings");
    shop.remove("migrate");
    assert_eq!(shop.sync()["changes"], json!([]));
    assert!(shop.has("configmap/settings") && shop.has("job/migrate"));
}

#[test]
fn repairs_of_drift_run_no_hooks() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "repairs") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("migrate", &job("migrate", &format!("{HOOK}: PreSync"), ""));
    shop.manifest("smoke", &job("smoke", "helm.sh/hook: \"post-install,post-upgrade\"", ""));
    shop.sync();
    let made = (uid(&shop, "job/migrate"), uid(&shop, "job/smoke"));
    let drift = || shop.kubectl(&["patch", "configmap/a", "--type=merge", "-p", r#"{"data":{"value":"9"}}"#]).ok();
    drift();
    shop.sandbox.springline(&["watch", "--passes", "1"]).ok();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "1");
    assert_eq!((uid(&shop, "job/migrate"), uid(&shop, "job/smoke")), made);
    // A sync that somebody asks for is one, whatever it finds to do.
    drift();
    let report = shop.sync();
    let expected = ["-before:migrate", "before:migrate", "a", "-after:smoke", "after:smoke"];
    assert_eq!(order(&report), expected, "{report:#}");
}

#[test]
fn what_a_hook_needs_of_an_earlier_one_is_there_until_the_phase_is_through() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "needs") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    // As charts do it: an account, its rights, and the Job that acts by them; nothing of it stays.
    let hook = |weight: &str| {
        format!(
            "helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"{weight}\", \
             helm.sh/hook-delete-policy: \"before-hook-creation,hook-succeeded\""
        )
    };
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: patcher\n";
    shop.manifest("account", &with_metadata(account, &format!("annotations: {{ {} }}", hook("-2"))));
    let rights = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: rights\nrules: []\n";
    shop.manifest("rights", &with_metadata(rights, &format!("annotations: {{ {} }}", hook("-1"))));
    let patch = job("patch", &hook("0"), "").replace("restartPolicy:", "serviceAccountName: patcher, restartPolicy:");
    shop.manifest("patch", &patch);
    shop.manifest("a", &config_map("a", "1"));
    let expected = ["before:patcher", "before:rights", "before:patch", "-before:patch", "-before:rights"];
    let expected = [&expected[..], &["-before:patcher", "a"]].concat();
    let report = shop.sync();
    assert_eq!(order(&report), expected, "{report:#}");
    shop.manifest("a", &config_map("a", "2"));
    assert_eq!(order(&shop.sync()), expected);

    // Nothing of it stays when the Job fails either, but the Job itself, to be looked at.
    shop.manifest("patch", &job("patch", &hook("0"), "fate: fails"));
    shop.manifest("a", &config_map("a", "3"));
    shop.refused(&[&shop.live("Job.batch", "patch"), "BackoffLimitExceeded"]);
    assert!(shop.has("job/patch") && !shop.has("serviceaccount/patcher") && !shop.has("role/rights"));
}

#[test]
fn a_definition_that_is_a_hook_is_never_removed_with_all_of_its_kind() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "crd-hook") else { return };
    let group = format!("{}.example.org", shop.namespace);
    let hook = "annotations: { helm.sh/hook: \"pre-install,pre-upgrade\", \
                helm.sh/hook-delete-policy: \"before-hook-creation,hook-succeeded\" }";
    shop.manifest("tickets", &with_metadata(&tickets(&group), hook));
    shop.manifest("sale", &ticket(&group, "sale"));
    shop.sync();
    let definition = format!("crd/tickets.{group}");
    let sale = format!("tickets.{group}/sale");
    let made = (uid(&shop, &definition), uid(&shop, &sale));
    shop.manifest("a", &config_map("a", "1"));
    let report = shop.sync();
    assert_eq!(order(&report), [&*format!("before:tickets.{group}"), "a"], "{report:#}");
    assert_eq!((uid(&shop, &definition), uid(&shop, &sale)), made);
}

#[test]
fn what_an_install_made_is_left_as_it_is_unless_it_failed() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "install") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let hook = "helm.sh/hook: pre-install, helm.sh/hook-delete-policy: before-hook-creation";
    let secret = |value: &str| {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: password\nstringData: { value: VALUE }\n";
        with_metadata(&text.replace("VALUE", value), &format!("annotations: {{ {hook} }}"))
    };
    shop.manifest("password", &secret("first-one"));
    shop.manifest("seed", &job("seed", hook, "fate: fails"));
    shop.manifest("a", &config_map("a", "1"));
    shop.refused(&[&shop.live("Job.batch", "seed"), "BackoffLimitExceeded"]);
    let password = uid(&shop, "secret/password");
    let data = shop.get("secret/password")["data"].clone();

    // Charts make another password each time that they are rendered.
    shop.manifest("password", &secret("second-one"));
    shop.manifest("seed", &job("seed", hook, ""));
    shop.sync();
    let seed = uid(&shop, "job/seed");
    shop.manifest("seed", &job("seed", hook, "").replace("example.org/job", "example.org/job:2"));
    shop.manifest("a", &config_map("a", "2"));
    shop.sync();
    assert_eq!(shop.get("configmap/a")["data"]["value"], "2");
    assert_eq!((uid(&shop, "job/seed"), uid(&shop, "secret/password")), (seed, password));
    assert_eq!(shop.get("secret/password")["data"], data);
}

#[test]
fn a_job_that_goes_by_itself_is_seen_to_have_ended() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "vanishes") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let brief = |fate: &str| {
        let hook = format!("{HOOK}: PreSync");
        job("brief", &hook, fate).replace("backoffLimit: 0", "backoffLimit: 0\n  ttlSecondsAfterFinished: 0")
    };
    shop.manifest("brief", &brief(""));
    shop.manifest("a", &config_map("a", "1"));
    let report = shop.sync();
    assert_eq!(order(&report), ["before:brief", "a"], "{report:#}");
    shop.manifest("brief", &brief("fate: fails"));
    shop.manifest("a", &config_map("a", "2"));
    shop.refused(&[&shop.live("Job.batch", "brief"), "BackoffLimitExceeded"]);
    assert_eq!(shop.get("configmap/a")["data"]["value"], "1");
}
