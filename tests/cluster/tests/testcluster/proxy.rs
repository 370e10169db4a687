//! The proxy hands on what it is not told to spoil, and spoils what it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use springline_testcluster::{Cluster, Fault, Proxy};

#[test]
fn what_passes_is_counted_by_method_and_path() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("counted");
    let proxy = Proxy::before(cluster);
    let make = ["create", "configmap", "one", "--from-literal=a=b", "-n", &namespace];
    proxy.kubectl(&make).ok();
    proxy.forget();
    proxy.kubectl(&["get", "configmap", "one", "-n", &namespace]).ok();
    assert!(proxy.requests().iter().all(|request| !request.writes()), "{:#?}", proxy.requests());
    proxy.kubectl(&[&make[..], &["--dry-run=server"]].concat()).fails(&["already exists"]);
    proxy.kubectl(&["delete", "configmap", "one", "-n", &namespace]).ok();
    let writes: Vec<_> = proxy.requests().into_iter().filter(|request| request.writes()).collect();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!((writes[0].method.as_str(), writes[0].status), ("DELETE", Some(200)));
    assert_eq!(writes[0].path, format!("/api/v1/namespaces/{namespace}/configmaps/one"));
}

#[test]
fn an_ordered_answer_is_given_so_often_and_no_more() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("answers");
    let proxy = Proxy::before(cluster);
    let get = ["get", "configmaps", "-n", &namespace];
    for (status, words) in [(409, "Conflict"), (410, "Expired"), (500, "InternalError"), (503, "ServiceUnavailable")] {
        proxy.order(1, "GET", "*/configmaps", Fault::Status(status));
        proxy.kubectl(&get).fails(&[words, "a test wants this"]);
        proxy.kubectl(&get).ok();
    }
    proxy.forget();
    // kubectl comes again by itself.
    proxy.order(2, "GET", "*/configmaps", Fault::TooManyRequests(0));
    proxy.order(1, "GET", "*/configmaps", Fault::TooManyRequests(1));
    proxy.kubectl(&get).ok();
    let answers: Vec<_> =
        proxy.requests().iter().filter(|it| it.is("GET", "*/configmaps")).map(|it| it.status).collect();
    assert_eq!(answers.first(), Some(&Some(429)), "{answers:?}");
    assert_eq!(answers.last(), Some(&Some(200)), "{answers:?}");
}

#[test]
fn a_lost_answer_was_acted_on_and_a_dropped_request_was_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("lost");
    let proxy = Proxy::before(cluster);
    for (name, fault, exists) in [("lost", Fault::LoseAnswer, true), ("dropped", Fault::Drop, false)] {
        proxy.order(1, "POST", "*/configmaps", fault);
        proxy.kubectl(&["create", "configmap", name, "-n", &namespace]).fails(&["EOF"]);
        let found = cluster.kubectl(&["get", "configmap", name, "-n", &namespace]);
        assert_eq!(found.code == 0, exists, "{name}: {found:#?}");
    }
}

#[test]
fn a_server_that_is_down_refuses_and_comes_back() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let get = ["get", "namespace", "default"];
    proxy.down();
    proxy.kubectl(&get).fails(&["refused"]);
    proxy.up();
    proxy.kubectl(&get).ok();
}

#[test]
fn a_watch_breaks_midway_when_it_is_told_to() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("watched");
    for name in ["one", "two", "three"] {
        cluster.kubectl(&["create", "secret", "generic", name, "-n", &namespace]).ok();
    }
    let proxy = Proxy::before(cluster);
    let path = format!("/api/v1/namespaces/{namespace}/secrets?watch=true");
    let watch = |lines: usize| {
        let mut child = start(&proxy, &["get", "--raw", &path]);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let events: Vec<String> = output.by_ref().lines().map(Result::unwrap).take(lines).collect();
        (child, output, events)
    };

    let (mut child, mut rest, events) = watch(3);
    assert!(events.iter().all(|event| event.contains("ADDED")), "{events:?}");
    assert_eq!(proxy.break_watches(), 1);
    let mut more = String::new();
    rest.read_to_string(&mut more).unwrap();
    assert_eq!(more, "");
    assert!(!child.wait().unwrap().success());

    proxy.order(1, "WATCH", "*/secrets", Fault::BreakAfter(2));
    let (mut child, _, events) = watch(usize::MAX);
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(!child.wait().unwrap().success());

    proxy.order(1, "WATCH", "*/secrets", Fault::Expire);
    let (mut child, _, events) = watch(usize::MAX);
    assert!(events.len() == 1 && events[0].contains("ERROR") && events[0].contains("410"), "{events:?}");
    child.wait().unwrap();
}

#[test]
fn what_is_held_is_let_go_by_healing() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("held");
    let proxy = Proxy::before(cluster);
    proxy.order(1, "POST", "*/configmaps", Fault::Hold);
    let mut child = start(&proxy, &["create", "configmap", "late", "-n", &namespace]);
    proxy.wait_for(1, "POST", "*/configmaps");
    cluster.kubectl(&["get", "configmap", "late", "-n", &namespace]).fails(&["not found"]);
    proxy.heal();
    assert!(child.wait().unwrap().success());
    cluster.kubectl(&["get", "configmap", "late", "-n", &namespace]).ok();
}

/// kubectl, while it runs.
fn start(proxy: &Proxy<'_>, arguments: &[&str]) -> Child {
    let mut command: Command = proxy.kubectl_command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}
