//! An API server that is away, slow, overloaded or loses answers, and a program that is killed: what is
//! written down stays true, and the sync comes to its end, in this run or the next.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};
use springline_testcluster::{Cluster, Fault, Proxy};

use crate::code::DEPLOY;
use crate::kube::{Shop, config_map};
use crate::sandbox::Outcome;

/// How many objects an application has here: more than are read one by one.
const MANY: usize = 12;

/// Writes so many ConfigMaps, `map-0` and on.
fn config_maps(shop: &Shop<'_>, count: usize, data: &str) {
    for at in 0..count {
        shop.manifest(&format!("map-{at}"), &config_map(&format!("map-{at}"), data));
    }
}

/// What every ConfigMap of the shop holds.
fn held(shop: &Shop<'_>) -> Vec<String> {
    let selector = format!("springline.dev/owner={}", owner(shop));
    let listed = shop.kubectl(&["get", "configmaps", "-l", &selector, "-o", "json"]).json();
    let items = listed["items"].as_array().unwrap();
    items.iter().map(|item| item["data"]["value"].as_str().unwrap().to_owned()).collect()
}

/// The label of what the shop owns, as it is on the first ConfigMap.
fn owner(shop: &Shop<'_>) -> String {
    let live = shop.get("configmap/map-0");
    live["metadata"]["labels"]["springline.dev/owner"].as_str().unwrap().to_owned()
}

/// The outcomes in the history, oldest first.
fn outcomes(shop: &Shop<'_>) -> Vec<String> {
    let records = shop.history();
    records.iter().rev().map(|record| record["outcome"]["is"].as_str().unwrap().to_owned()).collect()
}

/// Runs the program on what is committed already.
fn again(shop: &Shop<'_>) -> Outcome {
    shop.sandbox.springline(&["run"])
}

#[test]
fn an_api_server_that_is_down_is_named_and_nothing_is_half_recorded() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "down") else { return };
    config_maps(&shop, 3, "one");
    proxy.down();
    let kubeconfig = proxy.kubeconfig();
    let named = ["cluster test", kubeconfig.to_str().unwrap(), &proxy.url(), "can't be reached"];
    shop.springline(&["run"]).fails(DEPLOY, &named);
    shop.sandbox.springline(&["diff"]).fails(DEPLOY, &named);
    let failed = shop.history();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["outcome"]["is"], "failed");
    assert_eq!(failed[0]["counts"]["created"], 0);
    proxy.up();
    again(&shop).ok();
    assert_eq!(held(&shop), ["one"; 3]);
    assert_eq!(outcomes(&shop), ["failed", "succeeded"]);

    // What is live stays known while it can't be asked.
    proxy.down();
    let status = shop.sandbox.springline(&["status"]);
    assert!(format!("{status:?}").contains("can't be reached"), "{status:#?}");
    proxy.up();
    assert_eq!(shop.diff(), None);
    assert_eq!(outcomes(&shop), ["failed", "succeeded"]);
}

#[test]
fn a_server_that_goes_away_in_the_middle_of_many_objects_is_not_waited_for_at_each_of_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "leaves") else { return };
    config_maps(&shop, MANY, "one");
    shop.sandbox.commit("Many");
    let outcome = thread::scope(|scope| {
        let run = scope.spawn(|| again(&shop));
        proxy.wait_for(3, "PATCH", "*/configmaps/*");
        proxy.down();
        run.join().unwrap()
    });
    let told = outcome.fails(DEPLOY, &["can't be reached"]);
    println!("{told}");
    let failed = shop.history();
    let created = failed[0]["counts"]["created"].as_u64().unwrap();
    assert!((1..MANY as u64).contains(&created), "{failed:#?}");
    assert!(failed[0]["counts"]["failed"].as_u64().unwrap() <= 3, "{failed:#?}");
    proxy.up();
    again(&shop).ok();
    assert_eq!(held(&shop), ["one"; MANY]);
    assert_eq!(outcomes(&shop), ["failed", "succeeded"]);
}

#[test]
fn a_slow_server_is_waited_for_and_a_silent_one_is_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "slow") else { return };
    config_maps(&shop, 2, "one");
    proxy.order(usize::MAX, "*", "*", Fault::Delay(Duration::from_millis(300)));
    shop.springline(&["run"]).ok();
    assert_eq!(held(&shop), ["one"; 2]);
    assert_eq!(outcomes(&shop), ["succeeded"]);

    proxy.heal();
    impatient(&shop, &proxy.kubeconfig());
    config_maps(&shop, 2, "two");
    proxy.order(usize::MAX, "*", "*", Fault::Hold);
    shop.springline(&["run"]).fails(DEPLOY, &["cluster test", &proxy.url(), "no answer within 1 s"]);
    proxy.heal();
    again(&shop).ok();
    assert_eq!(held(&shop), ["two"; 2]);
    assert_eq!(outcomes(&shop), ["succeeded", "failed", "succeeded"]);
}

/// Has requests to the cluster take a second at most.
fn impatient(shop: &Shop<'_>, kubeconfig: &Path) {
    shop.host(kubeconfig, "");
    let path = shop.sandbox.repo().join(".springline/host.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let short = text.replace("kubeconfig: ", "request-seconds: 1, kubeconfig: ");
    assert_ne!(text, short);
    std::fs::write(path, short).unwrap();
}

#[test]
fn a_server_that_restarts_in_mid_sync_is_waited_for() {
    let Some(cluster) = Cluster::start() else { return };
    let proxy = Proxy::before(&cluster);
    let Some(shop) = Shop::through(&cluster, &proxy.kubeconfig(), "restart") else { return };
    config_maps(&shop, MANY, "one");
    shop.sandbox.commit("Many");
    let outcome = thread::scope(|scope| {
        let run = scope.spawn(|| again(&shop));
        proxy.wait_for(3, "PATCH", "*/configmaps/*");
        cluster.stop();
        cluster.restart();
        run.join().unwrap()
    });
    outcome.ok();
    assert_eq!(held(&shop), ["one"; MANY]);
    assert_eq!(outcomes(&shop), ["succeeded"]);
    assert_eq!(shop.diff(), None);
}

#[test]
fn answers_of_trouble_pass() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "trouble") else { return };
    let mut runs = 0;
    for (method, path) in [("PATCH", "*/configmaps/*"), ("GET", "*/configmaps*")] {
        for status in [409, 410, 429, 500, 502, 503, 504] {
            let readable = !(method == "GET" && status == 409);
            let writable = !(method == "PATCH" && status == 410);
            if !readable || !writable {
                // A server has no reason to say so.
                continue;
            }
            runs += 1;
            let data = format!("{method} {status}");
            // What expires is a list, not an object.
            let path = if status == 410 { "*/configmaps" } else { path };
            config_maps(&shop, MANY, &data);
            proxy.forget();
            proxy.order(2, method, path, Fault::Status(status));
            shop.springline(&["run"]).ok();
            proxy.heal();
            let met = proxy.requests().iter().filter(|request| request.failed).count();
            assert!((1..=2).contains(&met), "{data}: {met}");
            assert_eq!(held(&shop), vec![data; MANY]);
            assert_eq!(outcomes(&shop), vec!["succeeded"; runs]);
        }
    }
    assert_eq!(shop.diff(), None);
}

#[test]
fn a_server_that_says_when_to_come_again_is_heeded() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "busy") else { return };
    config_maps(&shop, 1, "one");
    proxy.order(1, "PATCH", "*/configmaps/*", Fault::TooManyRequests(2));
    let began = Instant::now();
    shop.springline(&["run"]).ok();
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(held(&shop), ["one"]);
    // Longer than a request is tried: the sync waits, and no other request is sent in between.
    config_maps(&shop, 1, "two");
    proxy.forget();
    proxy.order(1, "PATCH", "*/configmaps/*", Fault::TooManyRequests(11));
    let began = Instant::now();
    shop.springline(&["run"]).ok();
    assert!(began.elapsed() >= Duration::from_secs(11));
    assert_eq!(held(&shop), ["two"]);
    assert_eq!(outcomes(&shop), ["succeeded"; 2]);
}

#[test]
fn a_server_that_stays_overloaded_is_named_with_what_it_said() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "overloaded") else { return };
    config_maps(&shop, 1, "one");
    proxy.order(usize::MAX, "PATCH", "*/configmaps/*", Fault::Status(503));
    let words = ["ConfigMap", "map-0", "cluster test", &proxy.url(), "HTTP 503", "a test wants this to fail"];
    shop.springline(&["run"]).fails(DEPLOY, &words);
    proxy.heal();
    again(&shop).ok();
    assert_eq!(outcomes(&shop), ["failed", "succeeded"]);
}

#[test]
fn lost_answers_and_lost_requests_make_no_second_write() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "lost") else { return };
    let mut runs = 0;
    for fault in [Fault::LoseAnswer, Fault::Drop] {
        // Made, then changed.
        for data in ["one", "two"] {
            runs += 1;
            let data = format!("{fault:?} {data}");
            config_maps(&shop, 3, &data);
            proxy.order(2, "PATCH", "*/configmaps/map-1", fault.clone());
            shop.springline(&["run"]).ok();
            proxy.heal();
            assert_eq!(held(&shop), vec![data; 3]);
            assert_eq!(outcomes(&shop), vec!["succeeded"; runs]);
            assert_eq!(shop.diff(), None);
        }
        // Removed.
        runs += 1;
        shop.remove("map-1");
        shop.remove("map-2");
        proxy.order(1, "DELETE", "*/configmaps/map-1", fault.clone());
        shop.springline(&["run"]).ok();
        proxy.heal();
        assert_eq!(held(&shop).len(), 1);
        assert_eq!(outcomes(&shop), vec!["succeeded"; runs]);
    }
    let counts: Vec<(u64, u64)> = shop
        .history()
        .iter()
        .rev()
        .map(|record| (record["counts"]["created"].as_u64().unwrap(), record["counts"]["deleted"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [(3, 0), (0, 0), (0, 2), (2, 0), (0, 0), (0, 2)]);
}

#[test]
fn after_a_kill_at_any_point_the_next_run_goes_on_without_a_second_write() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "killed") else { return };
    // What the next run has to write yet, of three objects.
    let points = [("planned", 3), ("intended", 3), ("applied-one", 2), ("applied", 0), ("healthy", 0)];
    for (round, (point, left)) in points.into_iter().enumerate() {
        let data = format!("round {round}");
        config_maps(&shop, 3, &data);
        shop.sandbox.commit(&data);
        let mut command = shop.sandbox.command(&["run"]);
        command.env("SPRINGLINE_CRASH_AT", point);
        let killed = shop.sandbox.finish(command);
        assert_eq!(killed.code, -1, "{point} was not reached: {killed:#?}");
        assert_eq!(outcomes(&shop).len(), round, "{point}");
        proxy.forget();
        again(&shop).ok();
        let written = proxy.writes();
        assert_eq!(written.len(), left, "{point}: {written:#?}");
        assert_eq!(held(&shop), vec![data; 3]);
        assert_eq!(outcomes(&shop), vec!["succeeded"; round + 1], "{point}");
        let record = &shop.history()[0];
        let counted = if round == 0 { "created" } else { "updated" };
        println!("{point}: {} {}", record["counts"], record["outcome"]);
        assert!(record["counts"][counted].as_u64().unwrap() >= left as u64, "{point}: {record:#}");
        assert_eq!(shop.diff(), None);
    }
}

#[test]
fn a_kill_while_a_write_is_under_way_is_made_good() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "midway") else { return };
    config_maps(&shop, 3, "one");
    shop.sandbox.commit("Three");
    // The server hears of it when the program is gone.
    proxy.order(1, "PATCH", "*/configmaps/map-1", Fault::Hold);
    let mut command = shop.sandbox.command(&["run"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    proxy.wait_for(1, "PATCH", "*/configmaps/map-1");
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.heal();
    again(&shop).ok();
    assert_eq!(held(&shop), ["one"; 3]);
    assert_eq!(outcomes(&shop), ["succeeded"]);
    assert_eq!(shop.diff(), None);
}

/// A program that watches, until the value ends.
pub struct Watching(Child);

impl Watching {
    /// Starts it.
    pub fn start(shop: &Shop<'_>) -> Self {
        // Longer than the test takes: what is repaired was heard of.
        let mut command = shop.sandbox.command(&["watch", "-o", "json", "--every", "3600"]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// What it tells, as it does.
    fn tells(&mut self) -> impl Iterator<Item = Value> + use<> {
        let told = BufReader::new(self.0.stdout.take().unwrap());
        Deserializer::from_reader(told).into_iter().map_while(Result::ok)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn watches_that_break_or_expire_are_taken_up_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let proxy = Proxy::before(cluster);
    let Some(shop) = Shop::through(cluster, &proxy.kubeconfig(), "streams") else { return };
    config_maps(&shop, 2, "one");
    shop.springline(&["run"]).ok();
    let watching = Watching::start(&shop);
    proxy.wait_for(1, "WATCH", "*/configmaps");
    let faults = [
        None,
        Some(Fault::Drop),
        Some(Fault::BreakAfter(0)),
        Some(Fault::Expire),
        Some(Fault::Status(410)),
        Some(Fault::Status(500)),
        Some(Fault::TooManyRequests(1)),
    ];
    for fault in faults {
        let attempts = 1 + usize::from(fault.is_some());
        println!("{fault:?}");
        proxy.forget();
        if let Some(fault) = fault {
            proxy.order(1, "WATCH", "*/configmaps", fault);
        }
        assert!(proxy.break_watches() > 0);
        proxy.wait_for(attempts, "WATCH", "*/configmaps");
        let drift = r#"{"data":{"value":"other"}}"#;
        shop.kubectl(&["patch", "configmap", "map-0", "--type=merge", "-p", drift]).ok();
        shop.kubectl(&["wait", "configmap/map-0", "--for=jsonpath={.data.value}=one", "--timeout=180s"]).ok();
    }
    drop(watching);
    assert_eq!(held(&shop), ["one"; 2]);
    assert!(outcomes(&shop).iter().all(|outcome| outcome == "succeeded"));
}

#[test]
fn a_repair_that_somebody_undoes_again_and_again_is_made_ever_more_rarely() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(shop) = Shop::new(cluster, "undone") else { return };
    config_maps(&shop, 1, "one");
    shop.springline(&["run"]).ok();
    let mut watching = Watching::start(&shop);
    let path = format!("/api/v1/namespaces/{}/configmaps/map-0?fieldManager=kubectl-edit", shop.namespace);
    let undo = || assert_eq!(cluster.ask("PATCH", &path, r#"{"data":{"value":"other"}}"#).unwrap().status, 200);
    let mut repairs = 0;
    for told in watching.tells() {
        assert!(told["error"].is_null(), "{told:#}");
        repairs += u32::from(told["repaired"].is_array());
        if !told["again-after-milliseconds"].is_null() {
            break;
        }
        // The first thing told is that all is well.
        if repairs > 0 || told["pass"] == 1 {
            undo();
        }
    }
    drop(watching);
    // Only then: many changes in a row are put right at once.
    assert_eq!(repairs, 101);
}
