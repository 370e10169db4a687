//! An application in git, and what a real API server makes of it.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};

use serde_json::{Deserializer, Value, json};
use springline_testcluster::Cluster;

use crate::code::DEPLOY;
use crate::sandbox::{Outcome, Sandbox, fixtures};

/// An application named like its namespace, whose manifests lie in `deploy`, with the environment
/// `live` on the target `live`, which is the cluster `test` of host.yaml.
pub struct Shop<'c> {
    pub cluster: &'c Cluster,
    pub namespace: String,
    pub sandbox: Sandbox,
}

impl<'c> Shop<'c> {
    /// One whose namespace's name starts like this; none where something is missing.
    pub fn new(cluster: &'c Cluster, name: &str) -> Option<Self> {
        Self::through(cluster, &cluster.kubeconfig(), name)
    }

    /// One that reaches the cluster by another kubeconfig: a proxy's.
    pub fn through(cluster: &'c Cluster, kubeconfig: &Path, name: &str) -> Option<Self> {
        let shop = Self { cluster, namespace: cluster.namespace(name), sandbox: Sandbox::empty()? };
        shop.host(kubeconfig, "");
        shop.application("", "");
        Some(shop)
    }

    /// Writes host.yaml; `with` is more of the target's config: `, force: true`.
    pub fn host(&self, kubeconfig: &Path, with: &str) {
        let with = format!("cluster: test, namespace: {}{with}", self.namespace);
        self.sandbox.operator(&host_yaml(&[("test", kubeconfig)], &with));
    }

    /// Writes springline.yaml: the renderer's config, and lines of the environment, four spaces deep.
    pub fn application(&self, render: &str, more: &str) {
        let text = format!(
            "\
application: {}
environments:
  live:
    render: {{ plugin: render-manifests, in: deploy, with: {{ {render} }} }}
    target: live
{more}",
            self.namespace
        );
        self.sandbox.write("springline.yaml", text);
    }

    /// Writes a manifest.
    pub fn manifest(&self, name: &str, text: &str) {
        self.sandbox.write(&format!("deploy/{name}.yaml"), text);
    }

    /// Takes a manifest out of git.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.sandbox.repo().join(format!("deploy/{name}.yaml"))).unwrap();
    }

    /// Runs the program on what is there now.
    pub fn springline(&self, arguments: &[&str]) -> Outcome {
        self.sandbox.commit("Go on");
        self.sandbox.springline(arguments)
    }

    /// Deploys what is there now, and tells what came of it in this environment.
    #[track_caller]
    pub fn sync(&self) -> Value {
        let report = self.springline(&["sync", "-o", "json"]).json();
        report["environments"][0].clone()
    }

    /// Has a sync fail as a deployment, with these words.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) -> String {
        self.springline(&["sync"]).fails(DEPLOY, words)
    }

    /// What differs: nothing, or the text that tells it.
    #[track_caller]
    pub fn diff(&self) -> Option<String> {
        let outcome = self.springline(&["diff", "--color", "never"]);
        match outcome.code {
            0 => None,
            1 => Some(outcome.stdout),
            _ => panic!("{outcome:#?}"),
        }
    }

    /// The status of the environment.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.sandbox.springline(&["status", "-o", "json"]).json()["environments"][0].clone()
    }

    /// The records of the history, newest first.
    #[track_caller]
    pub fn history(&self) -> Vec<Value> {
        self.sandbox.springline(&["history", "verify"]).ok();
        self.sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json().as_array().unwrap().clone()
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> springline_testcluster::Outcome {
        self.cluster.kubectl(&[&["-n", &self.namespace], arguments].concat())
    }

    /// A live object, as `KIND/NAME`.
    #[track_caller]
    pub fn get(&self, object: &str) -> Value {
        self.kubectl(&["get", object, "-o", "json"]).json()
    }

    /// Whether a live object is there.
    #[track_caller]
    pub fn has(&self, object: &str) -> bool {
        !self.kubectl(&["get", object, "--ignore-not-found", "-o", "name"]).ok().is_empty()
    }

    /// How a live object is called: `test/KIND[.GROUP]/NAMESPACE/NAME`.
    pub fn live(&self, kind: &str, name: &str) -> String {
        format!("test/{kind}/{}/{name}", self.namespace)
    }

    /// Every file of the state directory.
    pub fn state_files(&self) -> Vec<PathBuf> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.sandbox.repo().join(".springline"), &mut found);
        found
    }
}

/// A host.yaml with these clusters, and the target's config.
pub fn host_yaml(clusters: &[(&str, &Path)], with: &str) -> String {
    let cluster =
        |(name, kubeconfig): &(&str, &Path)| format!("  {name}: {{ kubeconfig: {} }}\n", kubeconfig.display());
    let grant = |(name, _): &(&str, &Path)| format!("{{ cluster: {name} }}");
    format!(
        "\
clusters:
{}targets:
  live:
    plugin: target-kubernetes
    with: {{ {with} }}
    grants: {{ kubernetes: [{}] }}
",
        clusters.iter().map(cluster).collect::<String>(),
        clusters.iter().map(grant).collect::<Vec<_>>().join(", ")
    )
}

/// There is no API for metrics, without which an autoscaler is never as it should be.
pub const AUTOSCALER: &str = "    \
    target-with:
      health: [{ kinds: [HorizontalPodAutoscaler.autoscaling], rules: [{ status: Healthy }] }]
";

/// podinfo's own manifests, and the autoscaler judged by a rule of the application's.
pub fn podinfo(shop: &Shop<'_>) -> Option<()> {
    let from = fixtures()?.join("podinfo/kustomize");
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        shop.manifest(name, &fs::read_to_string(&path).unwrap());
    }
    shop.application("exclude: [kustomization.yaml]", AUTOSCALER);
    Some(())
}

/// A ConfigMap with one value.
pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {{ value: \"{value}\" }}\n")
}

/// A manifest with more of its metadata: `annotations: {…}`.
pub fn with_metadata(manifest: &str, more: &str) -> String {
    manifest.replacen("metadata:\n", &format!("metadata:\n  {more}\n"), 1)
}

/// A Deployment of one Pod, with a fate of its Pods if there is to be one.
pub fn deployment(name: &str, fate: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{ tier: front }}
spec:
  replicas: 1
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }}, annotations: {{ {fate} }} }}
    spec:
      containers: [{{ name: web, image: example.org/web, env: [{{ name: COLOR, value: blue }}] }}]
"
    )
}

/// A Job of one Pod, whose first failure is the last, with annotations and a fate of its Pod.
pub fn job(name: &str, annotations: &str, fate: &str) -> String {
    format!(
        "\
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations: {{ {annotations} }}
spec:
  backoffLimit: 0
  template:
    metadata: {{ annotations: {{ {fate} }} }}
    spec: {{ restartPolicy: Never, containers: [{{ name: job, image: example.org/job }}] }}
"
    )
}

/// The definition of the kind Ticket, of a group of a test's own.
pub fn tickets(group: &str) -> String {
    format!(
        "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: tickets.{group}
spec:
  group: {group}
  scope: Namespaced
  names: {{ kind: Ticket, plural: tickets, singular: ticket }}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {{ type: object, properties: {{ seats: {{ type: integer }}, rows: {{ type: integer, default: 1 }} }} }}
"
    )
}

/// One of them.
pub fn ticket(group: &str, name: &str) -> String {
    format!("apiVersion: {group}/v1\nkind: Ticket\nmetadata:\n  name: {name}\nspec: {{ seats: 5 }}\n")
}

/// The last part of the names of the objects that were made, changed or removed, in their order,
/// with `-` before what was removed and the phase before a hook.
pub fn order(report: &Value) -> Vec<String> {
    let name = |change: &Value| {
        let live = change["live"].as_str().unwrap();
        let name = live.rsplit('/').next().unwrap();
        let sign = if change["action"] == "delete" { "-" } else { "" };
        let phase = change["hook"].as_str().map(|phase| format!("{phase}:")).unwrap_or_default();
        format!("{sign}{phase}{name}")
    };
    report["changes"].as_array().unwrap().iter().map(name).collect()
}

/// Gives the Pods of a namespace the status that a kubelet would, until the value ends: those of Jobs
/// succeed, others become ready. The annotation `fate` of a Pod says otherwise: `fails`, `crashes` or
/// `hangs`.
pub struct Kubelet {
    watch: Child,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// Starts one, and the controllers that make the Pods; none, with a word about it, where there are
    /// no controllers.
    pub fn of(shop: &Shop<'static>) -> Option<Self> {
        let cluster = shop.cluster;
        if !cluster.controllers() {
            return None;
        }
        let arguments = ["get", "pods", "-n", &shop.namespace, "--watch", "--output-watch-events", "-o", "json"];
        let mut watch = cluster.kubectl_command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let events = Deserializer::from_reader(BufReader::new(watch.stdout.take().unwrap()));
        let thread = thread::spawn(move || {
            // It ends in the middle of a word when its process is killed.
            for event in events.into_iter::<Value>().map_while(Result::ok) {
                look_after(cluster, &event);
            }
        });
        Some(Self { watch, thread: Some(thread) })
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Gives a Pod that is new its status.
fn look_after(cluster: &Cluster, event: &Value) {
    let pod = &event["object"];
    let metadata = &pod["metadata"];
    let is_new = event["type"] != "DELETED" && pod["status"]["phase"] == "Pending";
    if !is_new || !metadata["deletionTimestamp"].is_null() {
        return;
    }
    let status = match metadata["annotations"]["fate"].as_str() {
        Some("hangs") => return,
        Some("fails") => json!({ "phase": "Failed" }),
        Some("crashes") => crashing(pod),
        Some(other) => panic!("`{other}` is no fate"),
        None if metadata["ownerReferences"][0]["kind"] == "Job" => json!({ "phase": "Succeeded" }),
        None => {
            let ready = json!({ "type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z" });
            json!({ "phase": "Running", "conditions": [ready] })
        }
    };
    let (namespace, name) = (metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap());
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
    // It may be gone by now.
    let _ = cluster.ask("PATCH", &path, &json!({ "status": status }).to_string());
}

fn crashing(pod: &Value) -> Value {
    let waiting = json!({ "reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container" });
    let container = json!({
        "name": pod["spec"]["containers"][0]["name"],
        "image": "",
        "imageID": "",
        "ready": false,
        "restartCount": 4,
        "state": { "waiting": waiting },
    });
    let ready = json!({ "type": "Ready", "status": "False", "reason": "ContainersNotReady" });
    json!({ "phase": "Running", "conditions": [ready], "containerStatuses": [container] })
}
