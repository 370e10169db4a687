//! `kill -9` at every named point and at random times: nothing acknowledged is lost, nothing is
//! left without an owner, and the next run goes on.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::sandbox::{Sandbox, files};

const POINTS: [&str; 9] =
    ["begun", "built", "rendered", "planned", "intended", "applied-one", "applied", "healthy", "recorded"];
/// Rounds over all points, each with another state before it.
const ROUNDS: usize = 3;
/// Kills at random times.
const RANDOM: usize = 30;

#[test]
fn nothing_is_lost_by_a_kill_at_any_named_point() {
    let Some(sandbox) = Sandbox::site() else { return };
    let mut world = World { sandbox, acknowledged: Vec::new(), version: 0 };
    for round in 0..ROUNDS {
        for point in POINTS {
            world.change();
            let mut command = world.sandbox.command(&["run", "-o", "json"]);
            command.env("SPRINGLINE_CRASH_AT", point);
            let outcome = world.sandbox.finish(command);
            assert_eq!(outcome.code, -1, "round {round}: {point} was not reached: {outcome:#?}");
            world.check();
        }
    }
}

#[test]
fn nothing_is_lost_by_a_kill_at_any_time() {
    let Some(sandbox) = Sandbox::site() else { return };
    let mut random = Random::new();
    let mut world = World { sandbox, acknowledged: Vec::new(), version: 0 };
    world.change();
    let whole = {
        let began = std::time::Instant::now();
        world.acknowledge(&world.sandbox.springline(&["run", "-o", "json"]).json());
        began.elapsed()
    };
    let mut reached = Vec::new();
    for _ in 0..RANDOM {
        world.change();
        let mut command = world.sandbox.command(&["run", "-o", "json"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_micros(random.below(whole.as_micros() as u64 * 5 / 4)));
        reached.push(world.kill(child));
        world.check();
    }
    println!("killed after: {reached:?}");
}

/// A small generator: the seed is printed, so that a failure can be had again.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let seed = std::env::var("SPRINGLINE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
        println!("SPRINGLINE_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

struct World {
    sandbox: Sandbox,
    /// The hashes of the records that a run answered with.
    acknowledged: Vec<Value>,
    version: usize,
}

impl World {
    /// Commits another state: pages change, come and go.
    fn change(&mut self) {
        self.version += 1;
        let version = self.version;
        self.sandbox.write("docs/guide.md", format!("# Guide\n\nVersion {version}.\n"));
        self.sandbox.write(&format!("docs/page-{version}.md"), "# Page\n");
        if version > 3 {
            fs::remove_file(self.sandbox.repo().join(format!("docs/page-{}.md", version - 3))).unwrap();
        }
        self.sandbox.commit(&format!("Version {version}"));
    }

    fn acknowledge(&mut self, report: &Value) {
        for environment in report["environments"].as_array().unwrap() {
            self.acknowledged.push(environment["hash"].clone());
        }
    }

    /// Kills a run, and says how far it had come.
    fn kill(&mut self, mut child: Child) -> String {
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        if let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) {
            self.acknowledge(&report);
            return "the end".to_owned();
        }
        let runs = self.sandbox.springline(&["logs", "-o", "json"]).json();
        format!(
            "run {} {}, {} calls",
            runs[0]["run"],
            runs[0]["state"],
            runs[0]["steps"].as_array().map_or(0, Vec::len)
        )
    }

    /// After a crash: the chain holds, what was acknowledged is in it, and the next run brings
    /// everything to where it should be, with nothing left over.
    fn check(&mut self) {
        self.sandbox.springline(&["history", "verify"]).ok();
        let report = self.sandbox.springline(&["run", "-o", "json"]).json();
        self.acknowledge(&report);
        let history = self.sandbox.springline(&["history", "--limit", "0", "-o", "json"]).json();
        let known: Vec<&Value> = history.as_array().unwrap().iter().map(|record| &record["hash"]).collect();
        for hash in &self.acknowledged {
            assert!(known.contains(&hash), "an acknowledged record is gone: {hash}");
        }
        assert!(self.sandbox.springline(&["diff"]).ok().contains("in sync"));
        let live: Vec<String> = files(&self.sandbox.live()).into_iter().map(|(name, _)| name).collect();
        let mut expected: Vec<String> =
            ["robots.txt", "version.txt", "www/guide.html", "www/index.html"].map(String::from).into();
        let first = self.version.saturating_sub(2).max(1);
        expected.extend((first..=self.version).map(|version| format!("www/page-{version}.html")));
        expected.sort();
        assert_eq!(live, expected, "no page is missing, and none is left without an owner");
        let marked = fs::read_to_string(self.sandbox.live().join(".springline-owned")).unwrap();
        assert!(expected.iter().all(|name| marked.contains(name.as_str())), "every live file is marked as owned");
        let status = self.sandbox.springline(&["status", "-o", "json"]).json();
        assert_eq!(status["environments"][0]["in-sync"], true, "{status:#}");
    }
}
