//! Many applications on a real API server, beside a bare loop that sends the same applies.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::took;
use super::report::Row;
use super::workload::Repository;
use super::{Bench, milliseconds, number};
use crate::process;
use crate::toolchain::tools;

/// How many applications there are: the work of flux-benchmark.
const MANY: [usize; 3] = [100, 500, 1_000];
/// How often drift is made.
const SAMPLES: usize = 100;
/// The example of the cluster's crate that asks the API server without Springline.
pub const EXAMPLE: &str = "load";

/// Measures all of it, if there is an API server.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let programs = match tools::kube(bench.context) {
        Ok(programs) => programs,
        Err(error) => {
            println!("    not measured: {error:#}");
            return Ok(());
        }
    };
    for many in MANY {
        let cluster = Cluster::start(bench, &programs)?;
        Applications::new(bench, &cluster, many)?.measure(many == MANY[MANY.len() - 1], rows)?;
    }
    Ok(())
}

/// An API server that ends with this.
struct Cluster {
    child: Child,
    kubeconfig: String,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its end closes its standard input, which ends all that it started.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Cluster {
    fn start(bench: &Bench<'_>, programs: &Path) -> Result<Self> {
        let mut command = Command::new(bench.context.target.join("debug/springline-testcluster"));
        command.env("SPRINGLINE_KUBE", programs).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the API server can't be started")?;
        let mut kubeconfig = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut kubeconfig)?;
        }
        let kubeconfig = kubeconfig.trim().to_owned();
        let cluster = Self { child, kubeconfig };
        if cluster.kubeconfig.is_empty() {
            bail!("the API server did not start");
        }
        Ok(cluster)
    }
}

/// A repository of so many applications: environments of one springline.yaml, each with an
/// inventory, a history and a release of its own.
struct Applications<'b> {
    bench: &'b Bench<'b>,
    cluster: &'b Cluster,
    many: usize,
    repository: Repository,
}

impl<'b> Applications<'b> {
    fn new(bench: &'b Bench<'b>, cluster: &'b Cluster, many: usize) -> Result<Self> {
        let repository =
            Repository::of_manifests(bench.dir.join(format!("kubernetes-{many}")), many, &cluster.kubeconfig)?;
        let applications = Self { bench, cluster, many, repository };
        for namespace in ["ours", "bare"] {
            applications.load(&["namespace", namespace])?;
        }
        Ok(applications)
    }

    fn load(&self, words: &[&str]) -> Result<Value> {
        let (verb, rest) = words.split_first().context("no verb")?;
        let program = self.bench.context.target.join("debug/examples").join(EXAMPLE);
        let printed = process::output(Command::new(program).arg(verb).arg(&self.cluster.kubeconfig).args(rest))?;
        serde_json::from_str(&printed).context("the example printed no JSON")
    }

    fn measure(&self, largest: bool, rows: &mut Vec<Row>) -> Result<()> {
        let many = self.many.to_string();
        // Compiles the plugins, builds what is missing, renders: what is compared is what comes after.
        took(&mut self.springline(&["render"]))?;
        let bare = number(&self.load(&["apply", "bare", &many])?, "seconds")?;
        let first = took(&mut self.springline(&["run"]))?;
        let row = Row::new(format!("first sync of {many} applications"), first.as_secs_f64(), "s");
        rows.push(row.against("a bare loop of the same applies", bare).ratio_aim(1.3));
        self.repository.commit()?;
        let before = self.load(&["requests"])?;
        let again = took(&mut self.springline(&["run"]))?;
        rows.push(Row::new(
            format!("`springline run` of {many} applications again, a new process"),
            again.as_secs_f64(),
            "s",
        ));
        self.asked_since(&before, None, rows)?;
        self.watched(largest, rows)
    }

    /// What a process that stays does: looks that find nothing, and drift repaired.
    fn watched(&self, largest: bool, rows: &mut Vec<Row>) -> Result<()> {
        let many = self.many;
        let mut watching = Watching::start(self.springline(&["watch", "-o", "json", "--every", "1"]))?;
        // The first look learns; the second one knows.
        watching.pass(many)?;
        let before = self.load(&["requests"])?;
        let quiet = watching.pass(many)?;
        rows.push(Row::new(format!("a quiet look at {many} applications, caches warm"), milliseconds(quiet), "ms"));
        self.asked_since(&before, Some(1.0), rows)?;
        if largest {
            let memory = watching.memory()?;
            rows.push(
                Row::new(format!("memory of `springline watch` at {many} applications"), memory, "MB").aim(250.0),
            );
            watching.rest();
            let drift = self.load(&["drift", "ours", &many.to_string(), &SAMPLES.to_string()])?;
            for (name, key) in [("p50", "p50-seconds"), ("p99", "p99-seconds")] {
                let row = Row::new(format!("drift to repaired, {name}"), number(&drift, key)? * 1e3, "ms");
                rows.push(row.aim(200.0));
            }
        }
        Ok(())
    }

    /// What was asked of the API server since it was counted: nothing may have been written.
    fn asked_since(&self, before: &Value, aim: Option<f64>, rows: &mut Vec<Row>) -> Result<()> {
        let now = self.load(&["requests"])?;
        let more = |key: &str| Ok::<f64, anyhow::Error>(number(&now, key)? - number(before, key)?);
        let row = Row::new("of it, requests for each application", more("reads")? / self.many as f64, "requests");
        rows.push(match aim {
            Some(aim) => row.aim(aim),
            None => row,
        });
        rows.push(Row::new("of it, writes", more("writes")?, "requests").aim(1.0));
        Ok(())
    }

    fn springline(&self, args: &[&str]) -> Command {
        self.bench.springline(&self.repository, args)
    }
}

/// A `springline watch` that ends with this.
struct Watching {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    fn start(mut command: Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("can't start springline")?;
        let lines = child.stdout.take().map(BufReader::new);
        Ok(Self { child, lines })
    }

    /// How long the next look at everything takes, which must find all in sync.
    fn pass(&mut self, many: usize) -> Result<Duration> {
        let lines = self.lines.as_mut().context("nobody listens any more")?;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                bail!("`springline watch` ended");
            }
            let said: Value = serde_json::from_str(&line)?;
            if said.get("pass").is_some() {
                if said["in-sync"].as_u64() != Some(many as u64) {
                    bail!("not all applications are in sync: {line}");
                }
                return Ok(Duration::from_millis(said["milliseconds"].as_u64().context("no time")?));
            }
        }
    }

    /// The memory that is resident now, in MB.
    fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", self.child.id())))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024.0 / 1e6)
    }

    /// Lets it write what nobody reads.
    fn rest(&mut self) {
        if let Some(mut lines) = self.lines.take() {
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        }
    }
}
