//! A Deployment that never becomes ready, and what comes back for it.

use serde_json::json;
use springline_testcluster::Cluster;

use crate::kube::{Kubelet, Shop, config_map, deployment};

#[test]
fn what_was_healthy_comes_back_when_a_deployment_never_gets_ready() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "rollback-auto") else { return };
    let Some(_kubelet) = Kubelet::of(&shop) else { return };
    let waits = |seconds: u32| {
        shop.application("", &format!("    sync: {{ health-seconds: {seconds}, on-failure: rollback }}\n"))
    };
    waits(300);
    shop.manifest("settings", &config_map("settings", "1"));
    shop.manifest("web", &deployment("web", ""));
    let first = shop.sync();

    waits(10);
    shop.manifest("settings", &config_map("settings", "2"));
    shop.manifest("web", &deployment("web", "fate: hangs"));
    let told = shop.refused(&["are not healthy after", &shop.live("Deployment.apps", "web")]);
    let short = &first["release"].as_str().unwrap()[..12];
    assert!(told.contains(&format!("rolled back: release {short} of")), "{told}");
    assert_eq!(shop.get("configmap/settings")["data"]["value"], "1");
    let history = shop.history();
    let causes: Vec<_> = history.iter().map(|record| record["cause"].clone()).collect();
    assert_eq!(causes, [json!("rollback"), json!("sync"), json!("sync")], "{history:#?}");
    assert_eq!((&history[0]["release"], &history[0]["from"]), (&first["release"], &history[1]["release"]));
    assert_eq!(history[0]["run"], history[1]["run"], "it is a part of the same run");
    let status = shop.status();
    assert_eq!((&status["health"]["status"], &status["in-sync"]), (&json!("healthy"), &json!(true)), "{status:#}");
    assert_eq!(status["rolled-back"]["release"], history[1]["release"]);
    // Something newer is deployed as ever.
    waits(300);
    shop.manifest("web", &deployment("web", ""));
    shop.sync();
    assert_eq!(shop.get("configmap/settings")["data"]["value"], "2");
    assert_eq!(shop.status()["rolled-back"], json!(null));
}
