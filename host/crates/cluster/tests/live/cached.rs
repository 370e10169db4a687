//! What is read from memory is never older than what this process did, and others' changes are told.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use springline_cluster::Options;
use springline_model::kubernetes::{ApiKind, Clusters, Freshness, KubernetesError, ObjectName, Write};
use springline_model::run::Place;
use springline_testcluster::{Cluster, Fault, Proxy};

use super::{Asking, TEST, config_map, config_map_text, wait};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn watching(proxy: &Proxy<'_>, context: &str) -> (Asking, Receiver<Place>) {
    impatient(proxy, context, None)
}

/// As [`watching`], for a time that a watch may be silent.
fn impatient(proxy: &Proxy<'_>, context: &str, silence: Option<Duration>) -> (Asking, Receiver<Place>) {
    let (sender, changes) = mpsc::channel();
    let on_change: springline_cluster::OnChange = Arc::new(move |reader: &Place| {
        let _ = sender.send(reader.clone());
    });
    let options = Options { watch: true, on_change: Some(on_change), silence };
    (Asking::by(proxy.kubeconfig(), context, options), changes)
}

fn values(asking: &Asking, namespace: &str) -> Vec<String> {
    let objects = asking.list("v1", "ConfigMap", namespace, "app=web").unwrap();
    objects.iter().map(|object| object["data"]["key"].as_str().unwrap().to_owned()).collect()
}

fn value(asking: &Asking, name: &ObjectName) -> Option<String> {
    let object = asking.get(name, Freshness::Any).unwrap()?;
    Some(object["data"]["key"].as_str().unwrap().to_owned())
}

/// Asks until it is so: each change that is told is a reason to ask again.
fn until(changes: &Receiver<Place>, so: impl Fn() -> bool) {
    while !so() {
        changes.recv_timeout(PATIENCE).expect("a change is told");
    }
}

#[test]
fn reads_cost_no_requests_and_know_every_write() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("cached");
    let proxy = Proxy::before(cluster);
    let (asking, _changes) = watching(&proxy, "admin");
    let name = config_map(&namespace, "a");
    assert_eq!(value(&asking, &name), None);
    proxy.wait_for(1, "WATCH", "/api/v1/configmaps");
    proxy.forget();
    for number in 0..40 {
        let made = asking.apply(&name, &config_map_text("a", &number.to_string())).unwrap();
        assert_eq!(asking.get(&name, Freshness::Any).unwrap().as_ref(), Some(&made));
        assert_eq!(values(&asking, &namespace), [number.to_string()]);
        if number % 3 == 0 {
            asking.delete(&name, "").unwrap();
            assert_eq!((value(&asking, &name), values(&asking, &namespace).len()), (None, 0));
        }
    }
    let tried = asking.write(&name, Write::Apply, &config_map_text("a", "tried"), true);
    assert!(tried.is_ok() && value(&asking, &name) != Some("tried".into()));
    let reads = proxy.requests().into_iter().filter(|request| request.method == "GET").collect::<Vec<_>>();
    assert!(reads.is_empty(), "{reads:?}");
    assert!(asking.get(&name, Freshness::LiveManaged).is_ok());
    assert!(proxy.requests().iter().any(|request| request.method == "GET"));
}

/// The names of the Secrets with a label.
fn secrets(asking: &Asking, labels: &str) -> Vec<String> {
    let objects = asking.list("v1", "Secret", "", labels).unwrap();
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn many_who_select_by_a_label_share_one_list() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("shared-list");
    let proxy = Proxy::before(cluster);
    let (asking, _changes) = watching(&proxy, "admin");
    let secret = |number: usize| {
        let name = format!("of-{number}");
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{name}","namespace":"{namespace}","labels":{{"{namespace}":"{number}"}}}}}}"#
        );
        (ObjectName { kind: ApiKind::new("v1", "Secret"), namespace: namespace.clone(), name }, text)
    };
    for number in 0..10 {
        let (name, text) = secret(number);
        asking.apply(&name, &text).unwrap();
    }
    proxy.forget();
    let lists = || proxy.requests().iter().filter(|request| request.method == "GET").count();
    for number in 0..10 {
        assert_eq!(secrets(&asking, &format!("{namespace}={number}")), [format!("of-{number}")]);
        assert_eq!(lists(), 1 + usize::from(number > 0), "one for the first, one for all the others");
    }
    let (third, text) = secret(3);
    asking.delete(&third, "").unwrap();
    assert_eq!(secrets(&asking, &format!("{namespace}=3")), [""; 0]);
    asking.apply(&third, &text).unwrap();
    assert_eq!(secrets(&asking, &format!("{namespace} in (3,4)")), ["of-3", "of-4"]);
    assert_eq!(lists(), 2, "what was written meanwhile is known");
    let fresh = Asking::new(cluster.kubeconfig());
    assert_eq!(secrets(&fresh, &format!("{namespace} in (3,4)")), ["of-3", "of-4"]);
}

#[test]
fn a_change_is_told_to_who_has_read_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("told");
    let proxy = Proxy::before(cluster);
    let (asking, changes) = watching(&proxy, "admin");
    let (name, other) = (config_map(&namespace, "a"), config_map(&namespace, "b"));
    assert_eq!(value(&asking, &name), None);
    let second = Place { environment: "second".into(), ..asking.reader.clone() };
    wait(asking.clusters.get(TEST, &second, std::slice::from_ref(&other), Freshness::Any)).unwrap();
    let by = Asking::new(cluster.kubeconfig());
    for (changed, text, reader) in [
        (&other, config_map_text("b", "1"), &second),
        (&other, config_map_text("b", "2"), &second),
        (&name, config_map_text("a", "1"), &asking.reader),
        (&other, config_map_text("b", "3"), &second),
    ] {
        by.apply(changed, &text).unwrap();
        assert_eq!(&changes.recv_timeout(PATIENCE).unwrap(), reader, "{text}");
    }
    assert_eq!(value(&asking, &name), Some("1".into()));
    by.apply(&name, &config_map_text("a", "2")).unwrap();
    until(&changes, || value(&asking, &name) == Some("2".into()));
    by.delete(&name, "").unwrap();
    until(&changes, || value(&asking, &name).is_none());
}

#[test]
fn a_watch_that_breaks_or_expires_loses_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("broken");
    let proxy = Proxy::before(cluster);
    let (asking, changes) = watching(&proxy, "admin");
    let name = config_map(&namespace, "a");
    let by = Asking::new(cluster.kubeconfig());
    assert_eq!(value(&asking, &name), None);
    proxy.wait_for(1, "WATCH", "/api/v1/configmaps");
    for number in 0..3 {
        proxy.forget();
        if number == 1 {
            proxy.order(1, "WATCH", "/api/v1/configmaps", Fault::Expire);
        }
        // The proxy counts a watch a moment after it has come.
        while proxy.break_watches() == 0 {
            thread::yield_now();
        }
        by.apply(&name, &config_map_text("a", &number.to_string())).unwrap();
        until(&changes, || value(&asking, &name) == Some(number.to_string()));
        proxy.wait_for(1, "WATCH", "/api/v1/configmaps");
    }
}

#[test]
fn a_watch_that_goes_silent_is_taken_up_where_it_was() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("silent");
    let proxy = Proxy::before(cluster);
    proxy.order(1, "WATCH", "/api/v1/configmaps", Fault::Silence);
    let (asking, changes) = impatient(&proxy, "admin", Some(Duration::from_secs(1)));
    let name = config_map(&namespace, "a");
    assert_eq!(value(&asking, &name), None);
    proxy.wait_for(1, "WATCH", "/api/v1/configmaps");
    Asking::new(cluster.kubeconfig()).apply(&name, &config_map_text("a", "1")).unwrap();
    // The watch after the silent one tells of it, without a second list.
    changes.recv_timeout(PATIENCE).expect("a change is told");
    assert_eq!(value(&asking, &name), Some("1".into()));
    proxy.wait_for(2, "WATCH", "/api/v1/configmaps");
    let lists = proxy.requests().into_iter().filter(|request| request.is("GET", "/api/v1/configmaps")).count();
    assert_eq!(lists, 1);
}

#[test]
fn every_writer_reads_what_it_wrote_while_watches_break() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("writers");
    let proxy = Proxy::before(cluster);
    let (asking, _changes) = watching(&proxy, "admin");
    thread::scope(|scope| {
        for writer in 0..4 {
            let (asking, proxy, name) = (&asking, &proxy, config_map(&namespace, &format!("w{writer}")));
            scope.spawn(move || {
                for number in 0..40 {
                    asking.apply(&name, &config_map_text(&name.name, &number.to_string())).unwrap();
                    assert_eq!(value(asking, &name), Some(number.to_string()), "{}", name.name);
                    if number % 10 == writer {
                        proxy.break_watches();
                    }
                    if number % 5 == writer {
                        asking.delete(&name, "").unwrap();
                        assert_eq!(value(asking, &name), None, "{}", name.name);
                    }
                }
            });
        }
    });
    assert_eq!(values(&asking, &namespace).len(), 4);
}

#[test]
fn without_the_server_nothing_old_is_shown() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("gone");
    let proxy = Proxy::before(cluster);
    let (asking, _changes) = watching(&proxy, "admin");
    let name = config_map(&namespace, "a");
    asking.apply(&name, &config_map_text("a", "1")).unwrap();
    assert_eq!(value(&asking, &name), Some("1".into()));
    proxy.wait_for(1, "WATCH", "/api/v1/configmaps");
    proxy.down();
    let error = loop {
        // The break is seen a moment later than it is made.
        if let Err(error) = asking.get(&name, Freshness::Any) {
            break error;
        }
    };
    assert!(matches!(error, KubernetesError::Unavailable { .. }), "{error:?}");
    Asking::new(cluster.kubeconfig()).apply(&name, &config_map_text("a", "2")).unwrap();
    proxy.up();
    let read = loop {
        match asking.get(&name, Freshness::Any) {
            Ok(read) => break read,
            Err(KubernetesError::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(read.unwrap()["data"]["key"], "2");
}

#[test]
fn who_may_see_less_is_served_as_far_as_that_goes() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("less");
    let grant = |user: &str, verbs: &str| {
        let role = format!("{user}-role");
        let (verbs, user) = (format!("--verb={verbs}"), format!("--user={user}"));
        cluster.kubectl(&["-n", &namespace, "create", "role", &role, &verbs, "--resource=configmaps"]).ok();
        cluster.kubectl(&["-n", &namespace, "create", "rolebinding", &role, &format!("--role={role}"), &user]).ok();
    };
    grant("ada", "get,list,watch");
    grant("ben", "get");
    let name = config_map(&namespace, "a");
    Asking::new(cluster.kubeconfig()).apply(&name, &config_map_text("a", "1")).unwrap();

    let proxy = Proxy::before(cluster);
    let (ada, _changes) = watching(&proxy, "ada");
    assert_eq!(value(&ada, &name), Some("1".into()));
    proxy.wait_for(1, "WATCH", &format!("/api/v1/namespaces/{namespace}/configmaps"));
    proxy.forget();
    assert_eq!((value(&ada, &name), values(&ada, &namespace)), (Some("1".into()), vec!["1".into()]));
    assert_eq!(proxy.requests().len(), 0);

    let (ben, _changes) = watching(&proxy, "ben");
    assert_eq!(value(&ben, &name), Some("1".into()));
    proxy.forget();
    assert_eq!(value(&ben, &name), Some("1".into()));
    assert_eq!(proxy.requests().len(), 1, "one GET and no further try to follow");
    assert!(matches!(ben.list("v1", "ConfigMap", &namespace, ""), Err(KubernetesError::Refused { code: 403, .. })));
}
