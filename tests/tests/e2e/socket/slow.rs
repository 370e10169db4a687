//! An application that takes its time.

use std::fs;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::code::USAGE;
use crate::sandbox::{OPERATOR, Sandbox, guests};

/// The loop leaves what is new to people.
const MANUAL: &str = "    sync: { automated: false }\n";

/// An application whose build takes as long as it is let, beside what is deployed of it already.
pub struct Slow(pub Sandbox);

impl Slow {
    pub fn new() -> Option<Self> {
        let (sandbox, guests) = (Sandbox::site()?, guests()?);
        sandbox.operator(&format!("{OPERATOR}limits: {{ wall-seconds: 600 }}\n"));
        sandbox.springline(&["run"]).ok();
        sandbox.write("slow.wasm", fs::read(guests.join("hostile-c.wasm")).unwrap());
        let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
        let slow = "  slow:\n    steps: [{ name: sleep, plugin: ./slow.wasm, in: docs, with: { attack: sleep } }]\n";
        sandbox.write(
            "springline.yaml",
            application.replace("environments:\n", &format!("{slow}environments:\n")) + MANUAL,
        );
        sandbox.commit("Sleep");
        Some(Self(sandbox))
    }

    /// Starts a run through the owner, and waits until it is under way.
    pub fn run(&self) -> (Child, u64) {
        let mut command = self.0.command(&["run"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut run = None;
        while run.is_none() {
            run = self.0.springline(&["apps", "-o", "json"]).json()[0]["run"].as_u64();
        }
        (child, run.unwrap())
    }

    /// The state of the run of this number, once nothing of the application is under way.
    pub fn ended(&self, run: u64) -> Value {
        while self.0.springline(&["cancel", &run.to_string()]).code != USAGE {}
        let runs = self.0.springline(&["logs", "-o", "json"]).json();
        runs.as_array().unwrap().iter().find(|one| one["run"] == run).unwrap()["state"].clone()
    }
}
