//! Many environments that follow one cluster.

use springline_testcluster::{Cluster, Proxy};

use crate::kube::{Shop, config_map};
use crate::kube_faults::Watching;

#[test]
fn environments_of_one_cluster_share_one_watch_of_a_kind() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "shared") else { return };
    let namespaces = [shop.namespace.clone(), cluster.namespace("shared-too")];
    let environment =
        |name: &str| format!("  {name}:\n    render: {{ plugin: render-manifests, in: deploy }}\n    target: {name}\n");
    shop.sandbox.write(
        "springline.yaml",
        format!("application: {}\nenvironments:\n{}{}", shop.namespace, environment("one"), environment("two")),
    );
    // Each may see its own namespace only.
    let target = |name: &str, namespace: &str| {
        format!(
            "  {name}:\n    plugin: target-kubernetes\n    with: {{ cluster: test, namespace: {namespace} }}\n    \
             grants: {{ kubernetes: [{{ cluster: test, namespaces: [{namespace}] }}] }}\n"
        )
    };
    shop.sandbox.operator(&format!(
        "clusters: {{ test: {{ kubeconfig: {} }} }}\ntargets:\n{}{}",
        proxy.kubeconfig().display(),
        target("one", &namespaces[0]),
        target("two", &namespaces[1])
    ));
    shop.manifest("a", &config_map("a", "1"));
    shop.springline(&["run"]).ok();

    proxy.forget();
    let _watching = Watching::start(&shop);
    proxy.wait_for(1, "WATCH", "*/configmaps");
    let drift = r#"{"data":{"value":"other"}}"#;
    for round in 0..2 {
        for namespace in &namespaces {
            cluster.kubectl(&["patch", "configmap/a", "-n", namespace, "--type=merge", "-p", drift]).ok();
            let wait = ["wait", "configmap/a", "-n", namespace, "--for=jsonpath={.data.value}=1", "--timeout=120s"];
            cluster.kubectl(&wait).ok();
        }
        let asked = proxy.requests();
        let of = |method: &str, path: &str| asked.iter().filter(|request| request.is(method, path)).count();
        // What one of them hears, the other one hears.
        assert_eq!(of("WATCH", "/api/v1/configmaps"), 1, "{round}: {asked:#?}");
        assert_eq!(of("WATCH", "*/configmaps"), 1, "{round}: {asked:#?}");
        assert_eq!(of("GET", "*/configmaps"), 1, "{round}: {asked:#?}");
        // It is written in both.
        for namespace in &namespaces {
            let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
            assert!(of("PATCH", &path) > round, "{round}: {asked:#?}");
        }
    }
}
