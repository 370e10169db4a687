//! Objects are read and written as they are.

use serde_json::Value;
use springline_model::kubernetes::{ApiKind, Clusters, Freshness, KubernetesError, ObjectName, Write};
use springline_testcluster::{Cluster, Proxy};

use super::{Asking, TEST, config_map, config_map_text, json, wait};

#[test]
fn an_object_is_applied_read_changed_and_deleted() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("life");
    let asking = Asking::new(cluster.kubeconfig());
    let name = config_map(&namespace, "a");
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None);

    let tried = asking.write(&name, Write::Apply, &config_map_text("a", "x"), true).unwrap();
    assert_eq!(json(&tried.object.unwrap())["data"]["key"], "x");
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None, "it was only tried");

    let made = asking.apply(&name, &config_map_text("a", "1")).unwrap();
    assert!(made["metadata"]["managedFields"].is_null());
    assert_eq!(asking.get(&name, Freshness::Any).unwrap().unwrap(), made);
    let managed = asking.get(&name, Freshness::LiveManaged).unwrap().unwrap();
    assert_eq!(managed["metadata"]["managedFields"][0]["manager"], "springline");
    assert_eq!(managed["metadata"]["managedFields"][0]["operation"], "Apply");

    let twice = asking.write(&name, Write::Create, &config_map_text("a", "2"), false).unwrap_err();
    assert!(
        matches!(&twice, KubernetesError::Refused { code: 409, reason, .. } if reason == "AlreadyExists"),
        "{twice:?}"
    );
    let merged = asking.write(&name, Write::Merge, r#"{"data":{"other":"2"}}"#, false).unwrap();
    assert_eq!(json(&merged.object.unwrap())["data"], serde_json::json!({"key": "1", "other": "2"}));
    let replaced = asking.write(&name, Write::Replace, &config_map_text("a", "3"), false).unwrap();
    assert_eq!(json(&replaced.object.unwrap())["data"], serde_json::json!({"key": "3"}));
    // Of a version that is not the live one any more, nothing is replaced.
    let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let of = |version: &str| {
        let text =
            config_map_text("a", "4").replace(r#""labels""#, &format!(r#""resourceVersion":"{version}","labels""#));
        asking.write(&name, Write::Replace, &text, false)
    };
    let stale = of(&version(&made)).unwrap_err();
    assert!(matches!(&stale, KubernetesError::Refused { code: 409, reason, .. } if reason == "Conflict"), "{stale:?}");
    let live = asking.get(&name, Freshness::Live).unwrap().unwrap();
    assert_eq!(live["data"]["key"], "3");
    assert_eq!(json(&of(&version(&live)).unwrap().object.unwrap())["data"]["key"], "4");

    let other = asking.delete(&name, "another").unwrap_err();
    assert!(matches!(other, KubernetesError::Refused { code: 409, .. }), "{other:?}");
    let deleted = asking.delete(&name, made["metadata"]["uid"].as_str().unwrap()).unwrap();
    assert_eq!(deleted.object, None);
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None);
    assert_eq!(asking.delete(&name, "").unwrap().object, None, "what is not there is deleted already");
    let absent = asking.write(&name, Write::Replace, &config_map_text("a", "5"), false).unwrap_err();
    assert!(matches!(absent, KubernetesError::Refused { code: 404, .. }), "{absent:?}");
    for (how, there) in [(true, false), (false, true)] {
        let created = asking.write(&name, Write::Create, &config_map_text("a", "6"), how).unwrap();
        assert_eq!(json(&created.object.unwrap())["data"]["key"], "6");
        assert_eq!(asking.get(&name, Freshness::Live).unwrap().is_some(), there);
    }
}

#[test]
fn an_object_that_is_held_is_shown_by_its_deletion() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace("held");
    let asking = Asking::new(cluster.kubeconfig());
    let name = config_map(&namespace, "a");
    let text = config_map_text("a", "1").replace(r#""labels""#, r#""finalizers":["example.com/hold"],"labels""#);
    asking.apply(&name, &text).unwrap();
    let held = json(&asking.delete(&name, "").unwrap().object.unwrap());
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    asking.write(&name, Write::Merge, r#"{"metadata":{"finalizers":null}}"#, false).unwrap();
    assert_eq!(asking.get(&name, Freshness::Live).unwrap(), None);
}

#[test]
fn many_objects_come_in_pages_and_many_names_in_one_request() {
    let Some(cluster) = Cluster::shared() else { return };
    let (many, few) = (cluster.namespace("many"), cluster.namespace("few"));
    let objects = |namespace: &str, count: usize| {
        let objects = (0..count).map(|n| {
            let metadata = serde_json::json!({"name": format!("c{n:04}"), "namespace": namespace, "labels": {"half": (n % 2).to_string()}});
            serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        });
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects.collect::<Vec<_>>()}).to_string()
    };
    cluster.kubectl_with(&["create", "-f", "-"], &objects(&many, 520)).ok();
    cluster.kubectl_with(&["create", "-f", "-"], &objects(&few, 20)).ok();
    let proxy = Proxy::before(cluster);
    let asking = Asking::new(proxy.kubeconfig());

    let all = asking.list("v1", "ConfigMap", &many, "").unwrap();
    assert_eq!(all.len(), 520);
    assert_eq!((&all[0]["kind"], &all[0]["apiVersion"]), (&"ConfigMap".into(), &"v1".into()));
    assert!(all.is_sorted_by_key(|object| object["metadata"]["name"].as_str().unwrap().to_owned()));
    assert_eq!(asking.list("v1", "ConfigMap", &many, "half=1").unwrap().len(), 260);

    let read = |namespace: &str, names: &[&str]| {
        proxy.forget();
        let names: Vec<_> = names.iter().map(|name| config_map(namespace, name)).collect();
        let found = wait(asking.clusters.get(TEST, &asking.reader, &names, Freshness::Live)).unwrap();
        let found = found.iter().map(|object| object.as_ref().map(|text| json(text)["metadata"]["name"].clone()));
        (
            found.map(|name| name.map(|name| name.as_str().unwrap().to_owned())).collect::<Vec<_>>(),
            proxy.requests().len(),
        )
    };
    let wanted = ["c0003", "none", "c0001", "c0002", "c0004", "c0005", "c0006", "c0007", "c0003", "c0518", "c0519"];
    let there = |end: usize| {
        wanted
            .iter()
            .map(move |name| (*name != "none" && name[1..].parse::<usize>().unwrap() < end).then(|| (*name).to_owned()))
    };
    assert_eq!(read(&few, &wanted), (there(20).collect(), 1));
    // One page of 500, and one by one the three that may come after it.
    assert_eq!(read(&many, &wanted), (there(520).collect(), 4));
    assert_eq!(read(&few, &wanted[..4]).1, 4);
    // All of them come after the first page, which does not make it worth asking for each.
    let late: Vec<String> = (500..520).map(|n| format!("c{n:04}")).collect();
    let late: Vec<&str> = late.iter().map(String::as_str).collect();
    assert_eq!(read(&many, &late).1, 2);
}

#[test]
fn types_are_found_as_soon_as_they_are_there() {
    let Some(cluster) = Cluster::start() else { return };
    let asking = Asking::new(cluster.kubeconfig());
    let types = |wanted: &[ApiKind]| wait(asking.clusters.types(TEST, wanted)).unwrap();
    let cake = ApiKind::new("example.com/", "Cake");
    let found = types(&[ApiKind::new("apps/", "Deployment"), cake.clone(), ApiKind::new("v1", "Namespace")]);
    let deployment = found[0].as_ref().unwrap();
    assert_eq!((deployment.kind.version.as_str(), deployment.plural.as_str()), ("v1", "deployments"));
    assert!(deployment.namespaced && deployment.subresources.contains(&"scale".to_owned()));
    assert!(found[1].is_none() && !found[2].as_ref().unwrap().namespaced);

    let crd = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"cakes.example.com"},
        "spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"cakes","singular":"cake","kind":"Cake"},
        "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}"#;
    let definition = ObjectName {
        kind: ApiKind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        namespace: String::new(),
        name: "cakes.example.com".into(),
    };
    asking.apply(&definition, crd).unwrap();
    cluster.kubectl(&["wait", "--for=condition=established", "crd/cakes.example.com"]).ok();
    // The server itself takes a moment to name it.
    while cluster.ask("GET", "/apis/example.com/v1", "").unwrap().status != 200 {}
    let found = loop {
        if let Some(found) = types(std::slice::from_ref(&cake)).remove(0) {
            break found;
        }
    };
    assert_eq!((found.kind.version.as_str(), found.plural.as_str(), found.namespaced), ("v1", "cakes", true));
    let all = wait(asking.clusters.all_types(TEST)).unwrap();
    for kind in ["Cake", "Deployment"] {
        assert_eq!(all.iter().filter(|served| served.kind.kind == kind).count(), 1, "{kind}");
    }

    // Numbers and the order of what no type describes stay as they are.
    let name = ObjectName { kind: cake, namespace: "default".into(), name: "a".into() };
    let text = r#"{"apiVersion":"example.com/v1","kind":"Cake","metadata":{"name":"a"},"spec":{"big":9007199254740993,"z":0.1,"a":1e100}}"#;
    asking.apply(&name, text).unwrap();
    let live = wait(asking.clusters.get(TEST, &asking.reader, &[name], Freshness::Live)).unwrap().remove(0).unwrap();
    assert!(live.contains(r#""spec":{"a":1e+100,"big":9007199254740993,"z":0.1}"#), "{live}");
}
