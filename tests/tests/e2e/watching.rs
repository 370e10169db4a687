//! A `springline watch` that looks after a fleet, and the repositories that it follows.

use std::fs;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};

use crate::code::STATE;
use crate::sandbox::Sandbox;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A bare repository that others push to, a clone that they work in, and a state directory.
pub struct Origin {
    pub sandbox: Sandbox,
}

impl Origin {
    /// An empty one, with no application.
    pub fn new() -> Option<Self> {
        let sandbox = Sandbox::empty()?;
        let bare = sandbox.path("origin.git");
        sandbox.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        sandbox.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        fs::create_dir_all(sandbox.path("state")).unwrap();
        Some(Self { sandbox })
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.sandbox.path("origin.git").display())
    }

    pub fn state(&self) -> PathBuf {
        self.sandbox.path("state")
    }

    /// Writes host.yaml: a directory for each of these targets.
    pub fn targets(&self, names: &[&str]) {
        let mut text = String::from("version: 1\ntargets:\n");
        for name in names {
            let live = self.live(name);
            let live = live.display();
            text.push_str(&format!(
                "  {name}: {{ plugin: target-directory, grants: {{ directory: {{ path: {live} }} }} }}\n"
            ));
        }
        fs::write(self.state().join("host.yaml"), text).unwrap();
    }

    pub fn live(&self, target: &str) -> PathBuf {
        self.sandbox.path(&format!("live-{target}"))
    }

    /// What is deployed of a file.
    pub fn deployed(&self, target: &str, file: &str) -> String {
        fs::read_to_string(self.live(target).join(file)).unwrap_or_default()
    }

    pub fn fleet(&self, text: &str) {
        fs::write(self.state().join("fleet.yaml"), text.replace("ORIGIN", &self.url())).unwrap();
    }

    /// An application in a directory, which deploys its files and reads a shared one.
    pub fn application(&self, directory: &str, name: &str) {
        let yaml = format!(
            "application: {name}\nenvironments:\n  live:\n    render: {{ plugin: render-template, in: {directory}deploy }}\n    target: {name}\n",
            directory = ""
        );
        let at = |file: &str| if directory.is_empty() { file.to_owned() } else { format!("{directory}/{file}") };
        self.sandbox.write(&at("springline.yaml"), yaml);
        self.sandbox.write(&at("deploy/name.txt"), format!("{name}\n"));
    }

    /// Commits and pushes a branch; the commit.
    pub fn push(&self, message: &str) -> String {
        let commit = self.sandbox.commit(message);
        self.sandbox.git(&["push", "-q", "--force", "origin", "HEAD"]);
        commit
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.arg("--state").arg(self.state());
        command
    }

    /// Runs the program on the state directory.
    pub fn run(&self, arguments: &[&str]) -> crate::sandbox::Outcome {
        self.sandbox.finish(self.command(arguments))
    }

    /// The history, oldest first: application, cause, revision, outcome.
    pub fn history(&self) -> Vec<(String, String, String, String)> {
        let mut records = self.run(&["history", "-o", "json", "--limit", "0"]).json().as_array().unwrap().clone();
        records.reverse();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = |record: &Value| {
            (
                text(&record["application"]),
                text(&record["cause"]),
                text(&record["revision"]),
                text(&record["outcome"]["is"]),
            )
        };
        records.iter().map(of).collect()
    }

    pub fn watch(&self, more: &[&str]) -> Loop {
        Loop::start(self.command(&[&["watch", "-o", "json", "--every", "3600"], more].concat()))
    }

    /// Tells the loop that there is something new, as soon as it listens.
    #[track_caller]
    pub fn notify(&self) {
        let until = Instant::now() + PATIENCE;
        let mut told = self.run(&["notify"]);
        while told.code == STATE && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
            told = self.run(&["notify"]);
        }
        told.ok();
    }
}

/// A loop that goes on until the value ends.
pub struct Loop {
    child: Child,
    told: Receiver<Value>,
    heard: Vec<Value>,
}

impl Loop {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (sender, told) = channel();
        thread::spawn(move || {
            for line in Deserializer::from_reader(lines).into_iter::<Value>().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, told, heard: Vec::new() }
    }

    /// Waits until it tells something like this, and returns it.
    #[track_caller]
    pub fn tells(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if is(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("it tells nothing of the kind: {:#?}", self.heard),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended: {:#?}", self.heard),
            }
        }
    }

    /// Waits until a pass is through.
    #[track_caller]
    pub fn passes(&mut self) -> Value {
        self.tells(|line| line["pass"].is_u64())
    }

    /// Waits until this application is deployed at a commit.
    #[track_caller]
    pub fn deploys(&mut self, application: &str, commit: &str) -> Value {
        self.tells(|line| {
            line["application"] == application && line["deployed"].is_array() && line["revision"] == commit
        })
    }

    /// All that it has told so far.
    pub fn heard(&mut self) -> &[Value] {
        self.heard.extend(self.told.try_iter());
        &self.heard
    }

    /// What its environment has for a variable.
    #[cfg(target_os = "linux")]
    pub fn variable(&self, name: &str) -> Option<String> {
        let all = fs::read_to_string(format!("/proc/{}/environ", self.child.id())).unwrap();
        let mut all = all.split('\0').filter_map(|one| one.split_once('='));
        all.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// Asks it to end, and returns its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
