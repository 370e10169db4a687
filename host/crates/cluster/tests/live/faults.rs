//! What goes wrong on the way is tried again, if that does no harm, and told.

use std::fs;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use springline_cluster::Options;
use springline_model::kubernetes::{ApiKind, ClusterBinding, Clusters, Freshness, KubernetesError, ObjectName, Write};
use springline_testcluster::{Cluster, Fault, Proxy};

use super::{Asking, TEST, config_map, config_map_text};

fn retry_after(error: KubernetesError) -> Option<Duration> {
    match error {
        KubernetesError::Unavailable { retry_after, .. } => retry_after,
        other => panic!("{other:?}"),
    }
}

#[test]
fn harmless_requests_are_tried_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("again");
    let proxy = Proxy::before(cluster);
    let asking = Asking::new(proxy.kubeconfig());
    let name = config_map(&namespace, "a");
    let sent = |method: &str| {
        proxy
            .requests()
            .iter()
            .filter(|request| request.method == method && request.path.contains("/configmaps/"))
            .count()
    };
    for (number, fault) in
        [Fault::Status(503), Fault::Status(500), Fault::TooManyRequests(1), Fault::Drop, Fault::LoseAnswer]
            .into_iter()
            .enumerate()
    {
        proxy.forget();
        proxy.order(2, "PATCH", "*/configmaps/*", fault.clone());
        proxy.order(1, "GET", "*/configmaps/*", fault.clone());
        proxy.order(1, "DELETE", "*/configmaps/*", fault.clone());
        let made = asking.apply(&name, &config_map_text("a", &number.to_string())).unwrap();
        let read = asking.get(&name, Freshness::Live).unwrap().unwrap();
        assert_eq!(read["data"]["key"], number.to_string(), "{fault:?}");
        asking.delete(&name, made["metadata"]["uid"].as_str().unwrap()).unwrap();
        assert_eq!((sent("PATCH"), sent("GET"), sent("DELETE")), (3, 2, 2), "{fault:?}");
    }
}

#[test]
fn what_may_have_arrived_is_not_done_twice() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("once");
    let proxy = Proxy::before(cluster);
    let asking = Asking::new(proxy.kubeconfig());
    let name = config_map(&namespace, "a");
    let text = config_map_text("a", "1");
    let create = || asking.write(&name, Write::Create, &text, false);
    let sent = || proxy.requests().iter().filter(|request| request.method == "POST").count();

    proxy.order(1, "POST", "*/configmaps", Fault::TooManyRequests(0));
    create().unwrap();
    assert_eq!(sent(), 2, "what was turned away is sent again");
    asking.delete(&name, "").unwrap();
    for fault in [Fault::LoseAnswer, Fault::Status(504)] {
        proxy.forget();
        proxy.order(1, "POST", "*/configmaps", fault);
        assert_eq!(retry_after(create().unwrap_err()), None);
        assert_eq!(sent(), 1);
    }
    assert!(asking.get(&name, Freshness::Live).unwrap().is_some(), "only the answer was lost");
}

#[test]
fn what_takes_too_long_is_told_with_its_time() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let asking = Asking::new(proxy.kubeconfig());
    let name = config_map("default", "a");
    asking.get(&name, Freshness::Live).unwrap();

    proxy.forget();
    proxy.order(1, "GET", "*/configmaps/*", Fault::TooManyRequests(60));
    assert_eq!(retry_after(asking.get(&name, Freshness::Live).unwrap_err()), Some(Duration::from_secs(60)));
    assert_eq!(proxy.requests().len(), 1, "a minute is not waited for here");

    proxy.forget();
    proxy.order(9, "GET", "*/configmaps/*", Fault::Status(503));
    let error = asking.get(&name, Freshness::Live).unwrap_err().to_string();
    assert!(error.contains("HTTP 503: a test wants this") && error.contains("it was tried 4 times"), "{error}");
    assert_eq!(proxy.requests().len(), 4);

    proxy.heal();
    proxy.down();
    let error = asking.get(&name, Freshness::Live).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, KubernetesError::Unavailable { .. }), "{error:?}");
    for part in ["cluster test", "context admin of", "can't be reached", &proxy.url()] {
        assert!(text.contains(part), "{text}");
    }
    proxy.up();
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None, "it is there again");
}

#[test]
fn a_list_that_expires_is_begun_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("expired");
    let proxy = Proxy::before(cluster);
    let asking = Asking::new(proxy.kubeconfig());
    asking.apply(&config_map(&namespace, "a"), &config_map_text("a", "1")).unwrap();
    proxy.order(2, "GET", "*/configmaps", Fault::Status(410));
    assert_eq!(asking.list("v1", "ConfigMap", &namespace, "").unwrap().len(), 1);
    proxy.order(9, "GET", "*/configmaps", Fault::Status(410));
    let error = asking.list("v1", "ConfigMap", &namespace, "").unwrap_err();
    assert!(error.to_string().contains("expired 3 times"), "{error}");
}

#[test]
fn credentials_that_worked_are_looked_for_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let directory = tempfile::tempdir().unwrap();
    let proxy = Proxy::before(cluster);
    let right = fs::read_to_string(proxy.kubeconfig()).unwrap();
    let path = directory.path().join("kubeconfig");
    fs::write(&path, right.replace("admin-token", "ada-token")).unwrap();
    let asking = Asking::new(path.clone());
    let name = config_map("default", "a");
    assert!(matches!(asking.get(&name, Freshness::Live), Err(KubernetesError::Refused { code: 403, .. })));
    // Who was ada logs in as the admin, and ada's token ends.
    fs::write(&path, right).unwrap();
    proxy.order(1, "GET", "*/configmaps/*", Fault::Status(401));
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None);
}

#[test]
fn an_answer_that_nobody_waits_for_is_given_up() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let binding = ClusterBinding { max_in_flight: Some(1), request_seconds: Some(1), ..ClusterBinding::default() };
    let asking = Asking::bound(proxy.kubeconfig(), "admin", binding, Options::default());
    let names = [config_map("default", "a")];
    asking.get(&names[0], Freshness::Live).unwrap();

    proxy.forget();
    proxy.order(1, "GET", "*/configmaps/*", Fault::Hold);
    let mut answer = asking.clusters.get(TEST, &asking.reader, &names, Freshness::Live);
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    proxy.wait_for(1, "GET", "*/configmaps/*");
    drop(answer);
    assert_eq!(asking.get(&names[0], Freshness::Live).unwrap(), None, "there is room for one, and it is free");

    proxy.order(1, "POST", "*/configmaps", Fault::Hold);
    let error = asking.write(&names[0], Write::Create, &config_map_text("a", "1"), true);
    assert!(error.is_ok(), "a trial may be sent twice");
    proxy.order(1, "POST", "*/configmaps", Fault::Hold);
    let error =
        asking.write(&config_map("nowhere", "a"), Write::Create, &config_map_text("a", "1"), false).unwrap_err();
    assert!(error.to_string().contains("no answer within 1 s"), "{error}");

    proxy.order(1, "GET", "*/configmaps/*", Fault::Hold);
    let mut answer = asking.clusters.get(TEST, &asking.reader, &names, Freshness::Live);
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(answer);
    // Nor does the end of the clusters wait for anything.
    drop(asking);
}

/// One that points nowhere, as one does whose Pods are gone.
const AWAY: &str = r#"{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService",
    "metadata":{"name":"v1.away.example.com"},"spec":{"group":"away.example.com","version":"v1",
    "groupPriorityMinimum":100,"versionPriority":100,"insecureSkipTLSVerify":true,
    "service":{"namespace":"default","name":"nowhere"}}}"#;

#[test]
fn what_an_absent_server_has_is_not_taken_for_absent() {
    // One of its own: everybody sees the group.
    let Some(cluster) = Cluster::start() else { return };
    cluster.kubectl_with(&["create", "-f", "-"], AWAY).ok();
    cluster.kubectl(&["wait", "--for=condition=Available=false", "apiservice/v1.away.example.com"]).ok();
    let asking = Asking::new(cluster.kubeconfig());
    let name = ObjectName {
        kind: ApiKind::new("away.example.com/v1", "Thing"),
        namespace: "default".into(),
        name: "a".into(),
    };
    // Types are told a little later than the condition; until then there is no such group.
    let patience = Instant::now() + Duration::from_secs(60);
    let error = loop {
        match asking.get(&name, Freshness::Live) {
            Err(error) => break error,
            Ok(found) => assert!(found.is_none() && Instant::now() < patience, "{found:?}"),
        }
        thread::sleep(Duration::from_millis(100));
    };
    let text = error.to_string();
    assert!(matches!(error, KubernetesError::Unavailable { .. }), "{error:?}");
    for part in ["cluster test", "Thing", "away.example.com/v1 is away"] {
        assert!(text.contains(part), "{text}");
    }
    for refused in [asking.delete(&name, "").unwrap_err(), asking.apply(&name, "{}").unwrap_err()] {
        assert!(matches!(refused, KubernetesError::Unavailable { .. }), "{refused:?}");
    }
    let list = asking.list("away.example.com/v1", "Thing", "", "").unwrap_err();
    assert!(matches!(list, KubernetesError::Unavailable { .. }), "{list:?}");
    assert_eq!(asking.get(&config_map("default", "a"), Freshness::Live).unwrap(), None, "the others are there");
}
