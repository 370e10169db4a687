//! The cluster is a real one, and leaves nothing behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use springline_testcluster::Cluster;

#[test]
fn manifests_are_applied_and_the_controllers_act_on_them() {
    let (Some(cluster), Some(manifests)) = (Cluster::shared(), podinfo()) else { return };
    if !cluster.controllers() {
        return;
    }
    let namespace = cluster.namespace("podinfo");
    let applied = cluster.kubectl(&["apply", "-n", &namespace, "-k", manifests.to_str().unwrap()]).ok();
    assert!(applied.contains("deployment.apps/podinfo created"), "{applied}");

    let wait = ["wait", "-n", &namespace, "--timeout=120s", "--for=create", "pod", "-l", "app=podinfo"];
    cluster.kubectl(&wait).ok();
    let sets = cluster.kubectl(&["get", "replicasets", "-n", &namespace, "-o", "json"]).json();
    assert_eq!(sets["items"][0]["metadata"]["ownerReferences"][0]["kind"], "Deployment", "{sets:#}");

    // A kubelet is what the test makes of it; one Pod is enough, however many the autoscaler wants.
    let pods = cluster.kubectl(&["get", "pods", "-n", &namespace, "-o", "json"]).json();
    let name = pods["items"][0]["metadata"]["name"].as_str().unwrap();
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
    assert_eq!(cluster.ask("PATCH", &path, &ready.to_string()).unwrap().status, 200);
    let wait = ["wait", "-n", &namespace, "--timeout=120s", "--for=jsonpath={.status.readyReplicas}=1"];
    cluster.kubectl(&[&wait[..], &["deployment/podinfo"]].concat()).ok();
}

#[test]
fn who_has_no_rights_is_denied_and_versions_agree() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.kubectl(&["--context=ada", "get", "secrets"]).fails(&["Forbidden", "User \"ada\" cannot list resource"]);
    cluster.kubectl(&["--token=stale", "get", "secrets"]).fails(&["Unauthorized"]);
    let versions = cluster.kubectl(&["version", "-o", "json"]).json();
    let server = versions["serverVersion"]["gitVersion"].as_str().unwrap();
    assert!(!server.contains("master"), "{versions:#}");
}

#[test]
fn two_servers_know_nothing_of_each_other_and_one_comes_back_with_what_it_had() {
    let (Some(one), Some(other)) = (Cluster::shared(), Cluster::start()) else { return };
    let namespace = other.namespace("only-here");
    one.kubectl(&["get", "namespace", &namespace]).fails(&["not found"]);
    other.stop();
    other.kubectl(&["get", "namespace", &namespace]).fails(&["refused"]);
    other.restart();
    other.kubectl(&["get", "namespace", &namespace]).ok();
}

#[test]
fn a_killed_process_leaves_no_server_and_no_file() {
    if Cluster::shared().is_none() {
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_springline-testcluster"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut kubeconfig = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut kubeconfig).unwrap();
    let directory = Path::new(kubeconfig.trim()).parent().unwrap();
    assert!(directory.join("etcd.data").is_dir(), "{kubeconfig}");
    assert!(!processes(directory).is_empty(), "what runs names the directory");

    child.kill().unwrap();
    child.wait().unwrap();
    // Nobody is left who could be asked when they end.
    let start = Instant::now();
    while directory.exists() || !processes(directory).is_empty() {
        let left = processes(directory);
        assert!(start.elapsed() < Duration::from_secs(60), "{}: still here, with {left:?}", directory.display());
        thread::sleep(Duration::from_millis(20));
    }
}

/// The command lines that name a directory.
fn processes(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().unwrap();
    let Ok(entries) = fs::read_dir("/proc") else {
        let output = Command::new("ps").args(["-eww", "-o", "args="]).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        return lines.lines().filter(|line| line.contains(directory)).map(str::to_owned).collect();
    };
    let lines = entries.flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(directory)).collect()
}

/// The manifests of podinfo, which nobody here wrote.
fn podinfo() -> Option<PathBuf> {
    let fixtures = std::env::var_os("SPRINGLINE_FIXTURES").map(PathBuf::from);
    let manifests = fixtures.map(|fixtures| fixtures.join("podinfo/kustomize")).filter(|path| path.is_dir());
    if manifests.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must not skip: SPRINGLINE_FIXTURES has no podinfo");
        eprintln!("skipped: SPRINGLINE_FIXTURES names no directory with podinfo");
    }
    manifests
}
