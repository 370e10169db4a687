//! `cargo xtask bench`: how fast and how large. Whatever has a raw limit is measured in turns with
//! it, so that the ratio says something on a noisy machine too. Prints JSON as the last thing on
//! standard output, and writes docs/benchmarks.md.

mod contained;
mod fleet;
mod history;
mod kubernetes;
mod languages;
mod measure;
mod reader;
mod report;
mod sharing;
mod workload;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::context::Context;
use crate::toolchain::Toolchain;
use crate::{cargo, guests, process, setup};
use measure::{in_turns, peak_memory, took};
use report::{Measures, Row, Setting};
use workload::Repository;

const ARTIFACTS: usize = 1_000;
const FILES: usize = 5_000;
const FILE_BYTES: usize = 2_048;
/// How often what is quick is measured; the median counts.
const ROUNDS: usize = 15;
/// The example of the runtime's crate that measures what takes wasmtime.
const EXAMPLE: &str = "measure";

/// What is measured together, under a heading of its own in the page.
struct Part {
    name: &'static str,
    title: &'static str,
    measure: fn(&Bench<'_>, &mut Vec<Row>) -> Result<()>,
}

const PARTS: [Part; 11] = [
    Part { name: "calls", title: "Calls of plugins", measure: |bench, rows| bench.calls(rows) },
    Part { name: "idle", title: "Many artifacts with nothing to do", measure: |bench, rows| bench.nothing_to_do(rows) },
    Part { name: "reading", title: "Reading many files", measure: |bench, rows| bench.reading(rows) },
    Part { name: "memory", title: "Memory of the demo", measure: |bench, rows| bench.memory(rows) },
    Part { name: "plugins", title: "Plugins, compiled and loaded", measure: |bench, rows| bench.plugins(rows) },
    Part { name: "cores", title: "Calls on all cores, and what they leave", measure: contained::measure },
    Part { name: "languages", title: "One renderer in every language", measure: languages::measure },
    Part { name: "kubernetes", title: "Applications on a Kubernetes cluster", measure: kubernetes::measure },
    Part { name: "fleet", title: "A fleet of applications", measure: fleet::measure },
    Part { name: "history", title: "Pages of a long history", measure: history::measure },
    Part { name: "sharing", title: "Pushing and pulling", measure: sharing::measure },
];

/// Builds everything, measures the parts that are named, or all, and writes what came out.
pub fn run(context: &Context, names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| PARTS.iter().all(|part| part.name != **name)) {
        let known = PARTS.map(|part| part.name).join(", ");
        bail!("there is no part `{unknown}` to measure: there are {known}");
    }
    let toolchain = setup::prepare(context)?;
    guests::build(context, &toolchain)?;
    process::step("Compiling the programs", || {
        let examples = [EXAMPLE, kubernetes::EXAMPLE, history::EXAMPLE].map(|example| ["--example", example]);
        let selection = ["--locked", "--workspace", "--bins"];
        process::run(cargo::cargo(context, "build").args(selection).args(examples.concat()))
    })?;
    let dir = context.target.join("bench");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("can't remove {}", dir.display()))?;
    }
    let bench = Bench { context, toolchain: &toolchain, program: context.program(), dir };
    let setting = Setting::now()?;
    let mut measured = Vec::new();
    for part in PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|name| name == part.name)) {
        let mut rows = Vec::new();
        process::step(part.title, || (part.measure)(&bench, &mut rows))?;
        measured.push(Measures { name: part.name, rows });
    }
    let page = context.root.join("docs/benchmarks.md");
    report::publish(&setting, &measured, &page, &context.target.join("bench.json"))
}

struct Bench<'c> {
    context: &'c Context,
    toolchain: &'c Toolchain,
    program: PathBuf,
    dir: PathBuf,
}

impl Bench<'_> {
    /// The program in a repository, with compiled plugins kept apart from the user's.
    fn springline(&self, repository: &Repository, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&repository.dir).args(args).env("SPRINGLINE_CACHE_DIR", self.dir.join("cache"));
        command
    }

    /// What the example that has wasmtime prints.
    fn measured(&self, args: &[&Path]) -> Result<Value> {
        let program = self.context.target.join("debug/examples").join(EXAMPLE);
        let printed = process::output(Command::new(program).args(args))?;
        serde_json::from_str(&printed).context("the example printed no JSON")
    }

    fn calls(&self, rows: &mut Vec<Row>) -> Result<()> {
        let probe = self.context.guests_dir().join("probe-renderer.wasm");
        let manifests = self.context.plugins_dir().join("render-manifests.wasm");
        for (plugin, config) in [(manifests, r#"{"namespace":"shop"}"#), (probe, r#"{"mode":"all"}"#)] {
            let measured = self.measured(&[Path::new("call"), &plugin, Path::new(config)])?;
            let name = measured["plugin"].as_str().context("a call has no plugin")?;
            let row = Row::new(format!("a call of {name}, 3 files"), number(&measured, "host-microseconds")?, "µs");
            rows.push(row.against("bare wasmtime", number(&measured, "bare-microseconds")?).ratio_aim(3.0));
        }
        Ok(())
    }

    fn nothing_to_do(&self, rows: &mut Vec<Row>) -> Result<()> {
        let small = Repository::of_artifacts(self.dir.join("small"), 1)?;
        let large = Repository::of_artifacts(self.dir.join("large"), ARTIFACTS)?;
        for repository in [&small, &large] {
            took(&mut self.springline(repository, &["run"]))?;
            // springline.lock.
            repository.commit()?;
        }
        let again = executed(&process::output(&mut self.springline(&large, &["run", "-o", "json"]))?)?;
        let [version, start, run] = in_turns(
            ROUNDS,
            [
                &mut || took(Command::new(&self.program).arg("--version")),
                &mut || took(&mut self.springline(&small, &["run"])),
                &mut || took(&mut self.springline(&large, &["run"])),
            ],
        )?;
        let each = run.saturating_sub(start).as_secs_f64() * 1e6 / (ARTIFACTS - 1) as f64;
        rows.push(Row::new("`springline --version`", milliseconds(version), "ms"));
        rows.push(
            Row::new("`springline run`, 1 artifact, nothing to do: the start", milliseconds(start), "ms").aim(50.0),
        );
        rows.push(Row::new(format!("`springline run`, {ARTIFACTS} artifacts, nothing to do"), milliseconds(run), "ms"));
        rows.push(Row::new("of it, for each step", each, "µs").aim(20.0));
        // Anything but none, and the row above is of something else.
        rows.push(Row::new("of it, executed again", again as f64, "steps").aim(1.0));
        Ok(())
    }

    fn reading(&self, rows: &mut Vec<Row>) -> Result<()> {
        let reader = reader::build(self.context, self.toolchain, &self.dir.join("reader"))?;
        let repository = Repository::of_files(self.dir.join("files"), FILES, FILE_BYTES, &reader)?;
        let objects = repository.objects()?;
        let round = Cell::new(0);
        let [step, git] = in_turns(
            ROUNDS,
            [
                &mut || {
                    // With a fresh state directory nothing was built before.
                    round.set(round.get() + 1);
                    let state = self.dir.join(format!("state/{}", round.get()));
                    fs::create_dir_all(&state)?;
                    let mut build = self.springline(&repository, &["build", "-o", "json", "--state"]);
                    time_of_step(&process::output(build.arg(&state))?)
                },
                &mut || repository.read_with_git(&objects),
            ],
        )?;
        let kib = FILES * FILE_BYTES / 1024;
        let row = Row::new(format!("a step reads {FILES} files, {kib} KiB, from git"), milliseconds(step), "ms");
        rows.push(row.against("git cat-file --batch", milliseconds(git)).ratio_aim(1.0));
        Ok(())
    }

    fn memory(&self, rows: &mut Vec<Row>) -> Result<()> {
        let repository = Repository::of_documents(self.dir.join("demo"), &self.context.root)?;
        took(&mut self.springline(&repository, &["init", "--name", "handbook"]))?;
        repository.commit()?;
        // The plugins are compiled anew.
        let cache = self.dir.join("empty-cache");
        let peak = |verb: &str| peak_memory(self.springline(&repository, &[verb]).env("SPRINGLINE_CACHE_DIR", &cache));
        let first = peak("run")?;
        repository.commit()?;
        let second = peak("run")?;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        rows.push(Row::new("memory of the demo's first run", megabytes(first.own), "MB").aim(150.0));
        rows.push(
            Row::new("memory of the processes that compile its plugins", megabytes(first.child), "MB").aim(150.0),
        );
        rows.push(Row::new("memory of its second run, nothing to do", megabytes(second.own), "MB").aim(150.0));
        Ok(())
    }

    fn plugins(&self, rows: &mut Vec<Row>) -> Result<()> {
        let dir = self.context.plugins_dir();
        let mut files: Vec<PathBuf> = dir.read_dir()?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.sort();
        let args: Vec<&Path> = std::iter::once(Path::new("load")).chain(files.iter().map(PathBuf::as_path)).collect();
        let measured = self.measured(&args)?;
        rows.push(Row::new("wasmtime started", number(&measured, "start-microseconds")? / 1e3, "ms"));
        for plugin in measured["plugins"].as_array().context("no plugin was measured")? {
            let name = plugin["plugin"].as_str().context("a plugin has no name")?;
            rows.push(Row::new(format!("{name}: size"), number(plugin, "bytes")? / 1024.0, "KiB").aim(400.0));
            rows.push(Row::new(format!("{name}: compiled"), number(plugin, "cold-microseconds")? / 1e3, "ms"));
            rows.push(Row::new(format!("{name}: loaded"), number(plugin, "warm-microseconds")? / 1e3, "ms"));
        }
        Ok(())
    }
}

/// The steps of a run, as the program prints it.
fn steps(printed: &str) -> Result<Vec<Value>> {
    let mut run: Value = serde_json::from_str(printed).context("the program printed no JSON")?;
    match run["steps"].take() {
        Value::Array(steps) => Ok(steps),
        _ => bail!("the program printed no steps"),
    }
}

/// How many of the steps were executed.
fn executed(printed: &str) -> Result<usize> {
    Ok(steps(printed)?.iter().filter(|step| step["how"] == "executed").count())
}

/// How long the only step of a build took by its own account.
fn time_of_step(printed: &str) -> Result<Duration> {
    match steps(printed)?.as_slice() {
        [step] if step["how"] == "executed" => Ok(Duration::from_secs_f64(number(step, "milliseconds")? / 1e3)),
        _ => bail!("not one step was executed"),
    }
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value[name].as_f64().with_context(|| format!("there is no number `{name}` in {value}"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_not_executed_is_not_measured() {
        let printed = |how: &str| format!(r#"{{"steps":[{{"how":"{how}","milliseconds":12.5}}]}}"#);
        assert_eq!(time_of_step(&printed("executed")).expect("it was"), Duration::from_micros(12_500));
        assert!(time_of_step(&printed("reused")).is_err());
        assert_eq!((executed(&printed("executed")).ok(), executed(&printed("reused")).ok()), (Some(1), Some(0)));
    }
}
