//! Kubernetes' own kinds, by what their controllers write.

use serde_json::{Value as Json, json};
use springline_health::Status::{self, Degraded, Healthy, Progressing, Suspended, Unknown};
use springline_health::{Rules, kinds};

fn judge(kind: &str, spec: Json, status: Json) -> (Status, String) {
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let metadata = json!({ "name": "a", "generation": 2 });
    let object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status });
    let verdict = Rules::builtin().judge(&object);
    (verdict.status, verdict.message)
}

fn condition(name: &str, status: &str, reason: &str) -> Json {
    json!({ "observedGeneration": 2, "conditions": [{ "type": name, "status": status, "reason": reason, "message": "told" }] })
}

#[track_caller]
fn check(kind: &str, spec: Json, cases: &[(Json, Status, &str)]) {
    for (status, expected, message) in cases {
        let (found, told) = judge(kind, spec.clone(), status.clone());
        assert_eq!(found, *expected, "{kind} {spec} {status}: {told}");
        assert!(told.contains(message), "{kind} {status}: {told}");
    }
}

#[test]
fn deployments_roll_out() {
    let kind = "Deployment.apps";
    check(
        kind,
        json!({ "replicas": 3 }),
        &[
            (json!({}), Progressing, "not seen"),
            (
                json!({ "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 }),
                Progressing,
                "not seen",
            ),
            (
                json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 1 }),
                Progressing,
                "1 of 3 replicas are updated",
            ),
            (
                json!({ "observedGeneration": 2, "replicas": 4, "updatedReplicas": 3 }),
                Progressing,
                "1 replicas of the old",
            ),
            (
                json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2 }),
                Progressing,
                "2 of 3",
            ),
            (
                json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 }),
                Healthy,
                "3 of 3",
            ),
            (condition("Progressing", "False", "ProgressDeadlineExceeded"), Degraded, "told"),
            (condition("ReplicaFailure", "True", "FailedCreate"), Degraded, "told"),
        ],
    );
    check(kind, json!({ "replicas": 0 }), &[(json!({ "observedGeneration": 2 }), Healthy, "0 of 0")]);
    check(kind, json!({ "paused": true }), &[(json!({ "observedGeneration": 2 }), Suspended, "paused")]);
}

#[test]
fn stateful_and_daemon_sets_roll_out() {
    let at = |ready: u32, updated: u32, revision: &str| {
        json!({ "observedGeneration": 2, "replicas": 2, "readyReplicas": ready, "updatedReplicas": updated,
                "currentRevision": "b", "updateRevision": revision })
    };
    let cases = [
        (json!({}), Progressing, "not seen"),
        (at(1, 2, "b"), Progressing, "1 of 2 replicas are ready"),
        (at(2, 1, "c"), Progressing, "of revision c"),
        (at(2, 2, "b"), Healthy, "2 of 2"),
    ];
    check("StatefulSet.apps", json!({ "replicas": 2 }), &cases);
    let partition = json!({ "replicas": 2, "updateStrategy": { "rollingUpdate": { "partition": 1 } } });
    check(
        "StatefulSet.apps",
        partition,
        &[(at(2, 0, "c"), Progressing, "0 of 1"), (at(2, 1, "c"), Healthy, "partition")],
    );
    let on_delete = json!({ "replicas": 2, "updateStrategy": { "type": "OnDelete" } });
    check("StatefulSet.apps", on_delete, &[(at(2, 1, "c"), Healthy, "waits for pods to be deleted")]);
    let pods = |updated: u32, available: u32| json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available });
    let cases =
        [(pods(1, 2), Progressing, "updated"), (pods(2, 1), Progressing, "available"), (pods(2, 2), Healthy, "2 of 2")];
    check("DaemonSet.apps", json!({ "updateStrategy": { "type": "RollingUpdate" } }), &cases);
    let replicas = |available: u32| json!({ "observedGeneration": 2, "replicas": 2, "availableReplicas": available });
    let cases = [(replicas(1), Progressing, "1 of 2"), (replicas(2), Healthy, "2 of 2")];
    check("ReplicaSet.apps", json!({ "replicas": 2 }), &cases);
    check("ReplicationController", json!({ "replicas": 2 }), &cases);
}

#[test]
fn pods_run_wait_and_fail() {
    let ready = |status: &str| json!([{ "type": "Ready", "status": status, "reason": "ContainersNotReady", "message": "told" }]);
    let waiting = |reason: &str| {
        json!({ "phase": "Pending", "conditions": ready("False"),
                "containerStatuses": [{ "name": "web", "state": { "waiting": { "reason": reason, "message": "why" } } }] })
    };
    let ended = json!([{ "name": "web", "state": { "terminated": { "exitCode": 3 } } }, { "name": "ok", "state": { "running": {} } }]);
    check(
        "Pod",
        json!({}),
        &[
            (json!({}), Progressing, "not seen yet"),
            (
                json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "message": "no node" }] }),
                Progressing,
                "no node",
            ),
            (waiting("ContainerCreating"), Progressing, "told"),
            (waiting("ImagePullBackOff"), Degraded, "container web: ImagePullBackOff: why"),
            (json!({ "phase": "Running", "conditions": ready("False") }), Progressing, "told"),
            (json!({ "phase": "Running", "conditions": ready("True") }), Healthy, "ready"),
            (json!({ "phase": "Succeeded" }), Healthy, "succeeded"),
            (json!({ "phase": "Failed", "containerStatuses": ended }), Degraded, "container web ended with code 3"),
            (json!({ "phase": "Failed", "message": "evicted" }), Degraded, "evicted"),
            (json!({ "phase": "Unknown" }), Unknown, "node"),
        ],
    );
    check(
        "Pod",
        json!({ "restartPolicy": "Never" }),
        &[(json!({ "phase": "Running" }), Progressing, "until it is done")],
    );
}

#[test]
fn jobs_end_one_way_or_another() {
    let cases = [
        (json!({ "active": 1 }), Progressing, "0 of 2"),
        (json!({ "active": 1, "failed": 2 }), Progressing, "2 failed"),
        (condition("Complete", "True", ""), Healthy, ""),
        (condition("Failed", "True", "BackoffLimitExceeded"), Degraded, "told"),
        (condition("Suspended", "True", "JobSuspended"), Suspended, "told"),
    ];
    check("Job.batch", json!({ "completions": 2 }), &cases);
    let times = |last: &str, success: &str| json!({ "lastScheduleTime": last, "lastSuccessfulTime": success });
    let cases = [
        (times("2026-01-02T00:00:00Z", "2026-01-02T00:00:09Z"), Healthy, "success"),
        (times("2026-01-02T00:00:00Z", "2026-01-01T00:00:09Z"), Degraded, "did not succeed"),
    ];
    check("CronJob.batch", json!({}), &cases);
    check("CronJob.batch", json!({ "suspend": true }), &[(json!({}), Suspended, "suspended")]);
}

#[test]
fn the_rest_of_the_core() {
    let balancer = json!({ "type": "LoadBalancer" });
    let served = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    check("Service", balancer, &[(json!({}), Progressing, "address"), (served.clone(), Healthy, "192.0.2.1")]);
    check("Service", json!({ "type": "ClusterIP" }), &[(json!({ "loadBalancer": {} }), Healthy, "")]);
    check(
        "Ingress.networking.k8s.io",
        json!({}),
        &[(json!({}), Healthy, "No controller"), (served, Healthy, "192.0.2.1")],
    );
    let phase = |phase: &str| json!({ "phase": phase });
    let claim = [
        (phase("Pending"), Progressing, "not bound"),
        (phase("Bound"), Healthy, "bound to v"),
        (phase("Lost"), Degraded, "lost"),
    ];
    check("PersistentVolumeClaim", json!({ "volumeName": "v" }), &claim);
    check("PersistentVolume", json!({}), &[(phase("Bound"), Healthy, "bound"), (phase("Failed"), Degraded, "")]);
    check("Namespace", json!({}), &[(phase("Active"), Healthy, ""), (phase("Terminating"), Progressing, "deleted")]);
    let scaling = [
        (json!({}), Progressing, ""),
        (condition("ScalingActive", "False", "FailedGetResourceMetric"), Degraded, "told"),
        (condition("ScalingActive", "False", "ScalingDisabled"), Healthy, "told"),
        (condition("AbleToScale", "True", "ReadyForNewScale"), Healthy, "told"),
    ];
    check("HorizontalPodAutoscaler.autoscaling", json!({}), &scaling);
    let available = [
        (condition("Available", "False", "MissingEndpoints"), Progressing, "told"),
        (condition("Available", "True", "Passed"), Healthy, "told"),
    ];
    check("APIService.apiregistration.k8s.io", json!({}), &available);
    check("Node", json!({}), &[(condition("Ready", "Unknown", "NodeStatusUnknown"), Degraded, "told")]);
    check("ConfigMap", json!(null), &[(json!(null), Healthy, "")]);
}

#[test]
fn no_rule_of_any_kind_breaks_on_odd_objects() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    let seed = 20_261_126;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!("True"),
        json!(""),
        json!([]),
        json!({}),
        json!([null, 1, "a", {}]),
        json!([{ "type": "Ready", "status": "False" }]),
        json!({ "a": { "status": 1, "state": [] } }),
        json!(u64::MAX),
    ];
    let fields = [
        "phase",
        "conditions",
        "state",
        "status",
        "replicas",
        "updatedReplicas",
        "observedGeneration",
        "parents",
        "ancestors",
        "health",
        "listeners",
        "environments",
        "containerStatuses",
        "loadBalancer",
        "racks",
        "statuses",
        "ingress",
        "failed",
        "compliancyDetails",
    ];
    let rules = Rules::builtin();
    let mut failed = 0;
    for name in kinds() {
        let (kind, group) = name.split_once('.').unwrap_or((&name, ""));
        for _ in 0..20 {
            let mut any = || odd[random.next_u32() as usize % odd.len()].clone();
            let status: serde_json::Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), any())).collect();
            let object = json!({ "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": any(), "spec": any(), "status": status });
            let verdict = rules.judge(&object);
            failed += u32::from(verdict.message.contains("cannot judge this object"));
        }
    }
    println!("{failed} odd objects could not be judged");
}
