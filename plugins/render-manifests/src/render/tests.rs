//! Whole renders against the fake host.

use std::path::{Path, PathBuf};

use springline_sdk::fake::Host;
use springline_yaml::{Node, Schema, read};

use super::*;
use crate::Plugin;

fn told(host: &Host, config: Value) -> Vec<String> {
    let Err(Error::Invalid(violations)) = host.render::<Plugin>(config) else { panic!("it rendered") };
    violations.iter().map(ToString::to_string).collect()
}

fn rendered(host: &Host, config: Value) -> Vec<(String, String)> {
    let objects = host.render::<Plugin>(config).unwrap();
    let text = |body| match body {
        Body::Inline(bytes) => String::from_utf8(bytes).unwrap(),
        Body::Blob(digest) => String::from_utf8(host.blob(&digest).unwrap()).unwrap(),
        Body::Tree(_) => panic!("a tree"),
    };
    objects.into_iter().map(|object| (object.id, text(object.body))).collect()
}

#[test]
fn every_document_is_an_object_with_a_stable_id() {
    let host = Host::new();
    host.add_input("b.yaml", "# comment\napiVersion: apps/v1\nkind: Deployment # why\nmetadata: {name: web, namespace: x}\n---\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n")
        .add_input("a/c.json", r#"{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"on": "off", "mode": 420}}"#)
        .add_input("README.md", "not read")
        .add_input(".github/ci.yaml", "on: push\n");
    assert_eq!(
        rendered(&host, json!({})),
        [
            ("_cluster/Namespace/x.yaml".into(), "# Source: b.yaml\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n".into()),
            (
                "_default/Service/web.yaml".into(),
                "# Source: a/c.json\nkind: Service\napiVersion: v1\nmetadata:\n  name: web\nspec:\n  \"on\": \"off\"\n  mode: 420\n".into()
            ),
            (
                "x/Deployment.apps/web.yaml".into(),
                "# Source: b.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: x\n".into()
            ),
        ]
    );
    assert_eq!(rendered(&host, json!({ "namespace": "y" }))[2].0, "y/Service/web.yaml");
}

#[test]
fn twice_the_same_is_refused_with_both_places() {
    let host = Host::new();
    host.add_input("a.yaml", "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: w}}\n")
        .add_input(
            "b.yaml",
            "---\n# two\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: w}\n",
        );
    assert_eq!(
        told(&host, json!({})),
        ["b.yaml:3: HorizontalPodAutoscaler `w` is declared twice; it is in a.yaml:1 already"]
    );
    let host = Host::new();
    host.add_input("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: w, namespace: a}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: w, namespace: b}}\n");
    assert_eq!(rendered(&host, json!({})).len(), 2);
    assert_eq!(
        told(&host, json!({ "namespace": "c" })),
        ["a.yaml:3: Pod `w` is declared twice; it is in a.yaml:1 already"]
    );
}

#[test]
fn other_tools_directories_are_refused_and_not_read() {
    let host = Host::new();
    host.add_input("app/Chart.yaml", "name: x\n").add_input("app/templates/x.yaml", "{{- if .Values.x }}\n");
    let lines = told(&host, json!({}));
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("app/Chart.yaml: this is a Helm chart") && lines[0].contains("helm template"),
        "{lines:?}"
    );
    let lines = told(&host, json!({ "exclude": ["**/Chart.yaml"] }));
    assert!(lines[0].starts_with("app/templates/x.yaml:1: ") && lines[0].contains("use render-template"), "{lines:?}");
    let host = Host::new();
    host.add_input("kustomization.yml", "resources: []\n");
    assert!(told(&host, json!({}))[0].contains("kustomize build"));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let host = Host::new();
    host.add_input("a.yaml", "a: [\n").add_input("b.yaml", "apiVersion: v1\nkind: Pod\n").add_input("c.yaml", b"\xff");
    let lines = told(&host, json!({}));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[1], "b.yaml:1: a manifest needs `metadata.name`, such as `settings`, and this has none");
    assert_eq!(lines[2], "c.yaml:1: this is not UTF-8");
    assert!(told(&host, json!({ "namespace": "Prod" }))[0].starts_with("/namespace: a namespace is"));
}

#[test]
fn an_empty_directory_renders_to_nothing_and_says_so() {
    let host = Host::new();
    assert!(rendered(&host, json!({})).is_empty());
    assert_eq!(host.logged().len(), 1);
}

/// The fixtures, or none where they are absent; on CI they must be there.
fn fixtures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let path = std::env::var_os("SPRINGLINE_FIXTURES").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "the fixtures are absent: {}", path.display());
    println!("skipped: the fixtures are absent: {}", path.display());
    None
}

fn with_input(directory: &Path) -> Host {
    let host = Host::new();
    for entry in files::walk(directory).unwrap() {
        host.add_input(&entry.path, files::read(directory, &entry.path).unwrap());
    }
    host
}

fn without_lines(node: &Node) -> Node {
    use springline_yaml::Value as Yaml;
    Node::new(match &node.value {
        Yaml::List(items) => Yaml::List(items.iter().map(without_lines).collect()),
        Yaml::Map(map) => Yaml::Map(map.iter().map(|(key, value)| (key.clone(), without_lines(value))).collect()),
        other => other.clone(),
    })
}

#[test]
fn manifests_that_others_wrote_mean_the_same_afterwards() {
    let Some(fixtures) = fixtures() else { return };
    let directory = fixtures.join("podinfo/kustomize");
    let host = with_input(&directory);
    assert!(told(&host, json!({}))[0].contains("kustomize build"));
    let objects = rendered(&host, json!({ "exclude": ["kustomization.yaml"] }));
    let mut sources = Vec::new();
    for entry in files::walk(&directory).unwrap() {
        if entry.path != "kustomization.yaml" {
            sources.extend(read(&files::read_text(&directory, &entry.path).unwrap(), Schema::Kubernetes).unwrap());
        }
    }
    assert_eq!(objects.len(), sources.len());
    for (id, text) in &objects {
        let node = without_lines(&read(text, Schema::Kubernetes).unwrap()[0]);
        assert!(sources.iter().any(|source| without_lines(source) == node), "{id}:\n{text}");
    }
    let again = rendered(&host, json!({ "exclude": ["kustomization.yaml"] }));
    assert_eq!(again, objects);
}

#[test]
fn a_chart_that_others_wrote_is_refused() {
    let Some(fixtures) = fixtures() else { return };
    let lines = told(&with_input(&fixtures.join("podinfo/charts")), json!({}));
    assert!(lines.iter().all(|line| line.contains("helm template")), "{lines:?}");
}

#[test]
fn a_hook_may_leave_its_name_to_the_target() {
    for annotation in ["argocd.argoproj.io/hook: PreSync", "helm.sh/hook: pre-install"] {
        let host = Host::new();
        let job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: move-, annotations: {HOOK}}}\n";
        let job = job.replace("HOOK", annotation);
        host.add_input("a.yaml", &job);
        let objects = rendered(&host, json!({}));
        assert_eq!(objects[0].0, "_default/Job.batch/move-.yaml");
        assert!(objects[0].1.contains("  generateName: move-\n") && !objects[0].1.contains(" name:"), "{objects:?}");
        host.add_input("b.yaml", &job);
        assert_eq!(told(&host, json!({})), ["b.yaml:1: Job `move-` is declared twice; it is in a.yaml:1 already"]);
    }
}

#[test]
fn a_file_whose_name_would_end_a_comment_is_not_named() {
    let host = Host::new();
    host.add_input("a\u{2028}b: c.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: w}}\n");
    assert_eq!(rendered(&host, json!({}))[0].1, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: w\n");
}
