//! Many applications in one repository, beside what git takes to compare two of its commits; and one small
//! application, from a push to its deployment.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::took;
use super::report::Row;
use super::{Bench, milliseconds, number};

/// How many applications there are, unless [`MANY_VARIABLE`] says otherwise.
const MANY: usize = 10_000;
const MANY_VARIABLE: &str = "SPRINGLINE_BENCH_FLEET";
/// How many commits are decided about.
const COMMITS: usize = 15;
/// How many pushes are measured.
const PUSHES: usize = 100;
/// Every so manyeth application reads the shared file.
const READERS: usize = 100;

/// Measures all of it.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let many = std::env::var(MANY_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(MANY);
    let alone = Fleet::new(bench, "fleet-alone", 1)?;
    let few = alone.resting()?;
    Fleet::new(bench, "fleet", many)?.measure(few, rows)?;
    alone.pushes(rows)
}

/// A repository, a bare one that it is pushed to, and a state directory.
struct Fleet<'b> {
    bench: &'b Bench<'b>,
    dir: PathBuf,
    many: usize,
}

impl<'b> Fleet<'b> {
    fn new(bench: &'b Bench<'b>, name: &str, many: usize) -> Result<Self> {
        let fleet = Self { bench, dir: bench.dir.join(name), many };
        let mut host = "version: 1\ntargets:\n".to_owned();
        for at in 0..many {
            let directory = fleet.dir.join(format!("work/apps/app-{at}"));
            fs::create_dir_all(directory.join("deploy"))?;
            let input = if at % READERS == 0 { "/shared" } else { "deploy" };
            let yaml = format!(
                "application: app-{at}\nenvironments:\n  live:\n    render: {{ plugin: render-template, in: {input} }}\n    \
                 target: app-{at}\n"
            );
            fs::write(directory.join("springline.yaml"), yaml)?;
            fs::write(directory.join("deploy/name.txt"), format!("app-{at}\n"))?;
            let live = fleet.dir.join(format!("live/app-{at}"));
            writeln!(
                host,
                "  app-{at}: {{ plugin: target-directory, grants: {{ directory: {{ path: {} }} }} }}",
                live.display()
            )?;
        }
        for directory in ["work/shared", "state", "live"] {
            fs::create_dir_all(fleet.dir.join(directory))?;
        }
        fs::write(fleet.dir.join("work/shared/shared.txt"), "shared\n")?;
        fs::write(fleet.dir.join("state/host.yaml"), host)?;
        let origin = fleet.dir.join("origin.git");
        let rule =
            format!("generators: [{{ directories: {{ repo: 'file://{}', match: apps/* }} }}]\n", origin.display());
        fs::write(fleet.dir.join("state/fleet.yaml"), rule)?;
        let origin = origin.display().to_string();
        fleet.git(&["init", "-q", "--bare", "-b", "main", &origin])?;
        fleet.git(&["init", "-q", "-b", "main"])?;
        fleet.git(&["remote", "add", "origin", &origin])?;
        fleet.commit()?;
        Ok(fleet)
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("git");
        let identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"];
        command.current_dir(self.dir.join("work")).args(identity).args(arguments);
        crate::process::output(&mut command)
    }

    /// Commits everything and pushes it; the commit.
    fn commit(&self) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "-q", "-m", "Next"])?;
        self.git(&["push", "-q", "origin", "main"])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(&self.bench.program);
        command.current_dir(&self.dir).args(verb).arg("--state").arg(self.dir.join("state"));
        command.env("SPRINGLINE_CACHE_DIR", self.bench.dir.join("cache"));
        command
    }

    fn notify(&self) -> Result<()> {
        took(&mut self.command(&["notify"])).map(drop)
    }

    /// The memory of a loop that has nothing to do, in bytes.
    fn resting(&self) -> Result<f64> {
        let mut watching = Watching::start(self.command(&["watch", "-o", "json", "--every", "4"]))?;
        watching.quiet(self.many)?;
        watching.memory()
    }

    fn measure(&self, few: f64, rows: &mut Vec<Row>) -> Result<()> {
        let many = self.many;
        let mut watching = Watching::start(self.command(&["watch", "-o", "json", "--every", "4"]))?;
        let quiet = watching.quiet(many)?;
        rows.push(Row::new(format!("a quiet pass over {many} applications"), quiet, "ms").aim(100.0));
        let memory = (watching.memory()? - few).max(0.0) / many as f64 / 1024.0;
        rows.push(Row::new(format!("memory of an idle application, one of {many}"), memory, "KB").aim(10.0));
        let (mut decided, mut compared) = (Vec::new(), Vec::new());
        let mut old = self.git(&["rev-parse", "HEAD"])?.trim().to_owned();
        for at in 0..COMMITS {
            fs::write(self.dir.join("work/shared/shared.txt"), format!("shared {at}\n"))?;
            let new = self.commit()?;
            self.notify()?;
            let told = watching.until(|line| line["commit"] == new)?;
            let readers = many.div_ceil(READERS);
            if told["concerned"] != readers {
                bail!("the commit concerns {readers} applications: {told}");
            }
            decided.push(number(&told, "decided-microseconds")? / 1e3);
            let mut compare = Command::new("git");
            compare.current_dir(self.dir.join("origin.git")).args(["diff-tree", "-r", &old, &new]);
            compared.push(milliseconds(took(&mut compare)?));
            old = new;
            for _ in 0..readers {
                watching.until(|line| line["deployed"].is_array())?;
            }
        }
        let row = Row::new(format!("deciding whom of {many} a commit concerns"), middle(decided), "ms");
        rows.push(row.against("git diff-tree -r of the two commits", middle(compared)).ratio_aim(3.0));
        Ok(())
    }

    /// From a push to its deployment.
    fn pushes(&self, rows: &mut Vec<Row>) -> Result<()> {
        let mut watching = Watching::start(self.command(&["watch", "-o", "json", "--every", "3600"]))?;
        watching.pass()?;
        let (mut all, mut commits) = (Vec::new(), Vec::new());
        for at in 0..PUSHES {
            fs::write(self.dir.join("work/shared/shared.txt"), format!("push {at}\n"))?;
            let commit = self.commit()?;
            let began = Instant::now();
            self.notify()?;
            let told = watching.until(|line| line["commit"] == commit)?;
            let asked = number(&told, "asked-milliseconds")?;
            watching.until(|line| line["revision"] == commit && line["deployed"].is_array())?;
            all.push(milliseconds(began.elapsed()));
            commits.push((commit, asked));
        }
        let rest = all.iter().zip(self.elsewhere(&commits)?).map(|(took, elsewhere)| (took - elsewhere).max(0.0));
        let rest: Vec<f64> = rest.collect();
        for (name, share) in [("p50", 50), ("p99", 99)] {
            rows.push(Row::new(format!("push to deployed, {name}"), at_share(&all, share), "ms"));
        }
        let row = Row::new("of it neither fetching, planning, applying nor health, p50", at_share(&rest, 50), "ms");
        rows.push(row.aim(20.0));
        Ok(())
    }

    /// What each of these deployments took in git, and in the stages that are calls of the target, in milliseconds.
    fn elsewhere(&self, commits: &[(String, f64)]) -> Result<Vec<f64>> {
        let limit = commits.len().to_string();
        let history = crate::process::output(&mut self.command(&["history", "-o", "json", "--limit", &limit]))?;
        let history: Vec<Value> = serde_json::from_str(&history).context("the history is no JSON")?;
        commits.iter().map(|(commit, asked)| Ok(asked + in_target(&history, commit)?)).collect()
    }
}

/// How long the sync of this commit was in stages that are calls of the target, in milliseconds.
fn in_target(history: &[Value], commit: &str) -> Result<f64> {
    let record = history.iter().find(|record| record["revision"] == commit).context("a push has no record")?;
    let stages = record["stages"].as_array().context("a record has no stages")?;
    let calls = stages.iter().filter(|stage| ["plan", "apply", "health"].iter().any(|name| stage["stage"] == *name));
    calls.map(|stage| number(stage, "milliseconds")).sum()
}

/// A loop that goes on until the value ends.
struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("no watch")?;
        let lines = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Self { child, lines })
    }

    /// The next line that is like this.
    fn until(&mut self, is: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line)? == 0 {
                bail!("it ended");
            }
            let told: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if !told["error"].is_null() {
                bail!("{told}");
            }
            if is(&told) {
                return Ok(told);
            }
        }
    }

    fn pass(&mut self) -> Result<Value> {
        self.until(|line| line["pass"].is_u64())
    }

    /// How long a pass takes that finds nothing to do, when it is known what is there.
    fn quiet(&mut self, many: usize) -> Result<f64> {
        // The first ones deploy and learn.
        let mut least = f64::MAX;
        let mut calm = 0;
        while calm < 4 {
            let told = self.pass()?;
            if told["in-sync"] == many {
                calm += 1;
                if calm > 1 {
                    least = least.min(number(&told, "milliseconds")?);
                }
            }
        }
        Ok(least)
    }

    /// What it has in memory, in bytes.
    fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024.0)
    }
}

fn middle(values: Vec<f64>) -> f64 {
    at_share(&values, 50)
}

/// The value that so many percent are not above; zero of none.
fn at_share(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
