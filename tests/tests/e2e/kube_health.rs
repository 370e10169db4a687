//! What does not become healthy is told with its reason, its conditions and its events.

use serde_json::{Value, json};
use springline_testcluster::Cluster;

use crate::code::DEPLOY;
use crate::kube::{Kubelet, Shop, config_map, deployment, ticket, tickets};

/// The only Pod of the application.
fn pod(shop: &Shop<'_>) -> Value {
    shop.get("pods")["items"][0].clone()
}

#[test]
fn a_deployment_that_can_t_start_is_told_with_its_pod_s_complaint_and_events() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "crash") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    shop.application("", "    sync: { health-seconds: 2 }\n");
    shop.manifest("a", &config_map("a", "1"));
    shop.manifest("web", &deployment("web", "fate: crashes"));
    let outcome = shop.springline(&["sync"]);
    assert_eq!(outcome.code, DEPLOY, "{outcome:#?}");
    let waits = format!("waiting  1 of 2 not healthy; {} is Progressing", shop.live("Deployment.apps", "web"));
    assert!(outcome.stderr.contains(&waits), "`{waits}` is not in:\n{}", outcome.stderr);

    // A kubelet would have said so.
    let pod = pod(&shop);
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": "back-off", "namespace": shop.namespace },
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "namespace": shop.namespace,
            "uid": pod["metadata"]["uid"],
        },
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off restarting failed container web",
        "count": 7,
        "lastTimestamp": "2026-01-02T03:04:05Z",
    });
    let path = format!("/api/v1/namespaces/{}/events", shop.namespace);
    assert_eq!(cluster.ask("POST", &path, &event.to_string()).unwrap().status, 201);
    // Nothing has changed, but it is waited for again: it never was healthy.
    let name = pod["metadata"]["name"].as_str().unwrap();
    shop.refused(&[
        "1 of 2 live objects are not healthy after",
        &format!("{} is Progressing: 0 of 1 updated replicas are available", shop.live("Deployment.apps", "web")),
        &format!("Pod {name}: container web waits: CrashLoopBackOff: back-off 40s restarting failed container"),
        "Available is False: MinimumReplicasUnavailable",
        "warning: BackOff: Back-off restarting failed container web (7 times)",
    ]);
    let status = shop.status();
    assert_eq!(status["health"]["status"], "progressing", "{status:#}");
    let why = status["worst"]["why"].as_array().unwrap();
    assert!(why.iter().any(|line| line.as_str().unwrap().contains("CrashLoopBackOff")), "{status:#}");
    let text = shop.sandbox.springline(&["status", "--color", "never"]).ok();
    assert!(text.contains("CrashLoopBackOff") && text.contains(name), "{text}");

    // Once it runs, all is well.
    shop.application("", "");
    shop.manifest("web", &deployment("web", ""));
    shop.sync();
    assert_eq!(shop.status()["health"]["status"], "healthy");
}

#[test]
fn a_rule_of_the_application_judges_its_own_kind() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "rules") else { return };
    let group = format!("{}.example.org", shop.namespace);
    let rules = |limit: u32| {
        format!(
            "    sync: {{ health-seconds: 1 }}
    target-with:
      health:
        - kinds: [Ticket.{group}]
          rules:
            - {{ when: spec.seats > {limit}, status: Degraded, message: \"${{spec.seats}} seats are too many\" }}
            - {{ status: Healthy }}
"
        )
    };
    shop.manifest("tickets", &tickets(&group));
    shop.manifest("sale", &ticket(&group, "sale"));
    shop.application("", &rules(4));
    let live = shop.live(&format!("Ticket.{group}"), "sale");
    shop.refused(&[&format!("{live} is Degraded: 5 seats are too many")]);
    shop.application("", &rules(5));
    shop.sync();

    // A rule that can't be read is told with its place in springline.yaml,
    // before anything is deployed.
    shop.application("", &rules(5).replace("spec.seats > 5", "spec.seats >"));
    shop.manifest("late", &config_map("late", "1"));
    let outcome = shop.springline(&["sync"]);
    assert!(outcome.code != 0 && outcome.stderr.contains("springline.yaml:"), "{outcome:#?}");
    assert!(outcome.stderr.contains("health"), "{outcome:#?}");
    assert!(!shop.has("configmap/late"), "nothing is deployed");
}
