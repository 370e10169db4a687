//! `cargo xtask test`: everything that CI checks.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::cargo::cargo;
use crate::context::Context;
use crate::process::{self, step};
use crate::toolchain::{apt, languages, tools};
use crate::{guests, licences, no_arguments, setup};

/// Runs every check. What can be checked after a failure still is.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    no_arguments("test", args)?;
    let start = Instant::now();
    step("Looking for what checking takes", install_missing)?;
    let tools = step("Looking for the programs of others that the tests take", || Ok(tools::find(context)))?;
    let toolchain = setup::prepare(context)?;
    let mut report = Report::default();

    report.keep(
        "formatting",
        step("Checking the formatting", || process::run(cargo(context, "fmt").args(["--all", "--check"]))),
    );
    report.keep("licences", step("Checking licences and advisories", || licences::check(context)));
    guests::build_all(context, &toolchain)?;
    report.keep("lints", step("Linting", || lint(context)));
    report.keep("documentation", step("Checking the documentation of the code", || document(context)));
    step("Compiling the programs and the tests", || {
        process::run(cargo(context, "build").args(["--locked", "--workspace", "--all-targets"]))
    })?;
    // What can't be had the tests say that they skip, and fail in CI.
    step("Getting what plugins in every language take", || languages::build(context, "step-checklist"))?;
    let tested = step("Testing", || test(context, tools)).and_then(|counts| report.count(counts));
    report.keep("tests", tested);

    println!("==> Everything took {}", process::duration(start.elapsed()));
    report.close()
}

/// What went wrong, and how many tests ran.
#[derive(Default)]
struct Report {
    failed: Vec<&'static str>,
    counts: Counts,
}

/// The results of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Report {
    /// Prints a failure and remembers which part it was.
    fn keep(&mut self, part: &'static str, result: Result<()>) {
        if let Err(error) = result {
            eprintln!("error: {error:#}");
            self.failed.push(part);
        }
    }

    /// Fails where a test has, and where there was none.
    fn count(&mut self, counts: Counts) -> Result<()> {
        self.counts = counts;
        match counts {
            Counts { failed: 1.., .. } => bail!("{} tests failed; their messages are above", counts.failed),
            Counts { passed: 0, .. } => bail!("no test was run"),
            _ => Ok(()),
        }
    }

    fn close(self) -> Result<()> {
        let Counts { passed, failed, skipped } = self.counts;
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        match self.failed.as_slice() {
            [] => Ok(()),
            failed => bail!("not in order: {}", failed.join(", ")),
        }
    }
}

/// Installs what only checking needs, where it can be.
fn install_missing() -> Result<()> {
    for (tool, component, package) in [("fmt", "rustfmt", "rustfmt-web"), ("clippy", "clippy", "rust-web-clippy")] {
        if process::succeeds(Command::new("cargo").args([tool, "--version"])) {
            continue;
        }
        println!("    rustup component add {component}");
        if !process::succeeds(Command::new("rustup").args(["component", "add", component])) {
            apt::install(&[package])?;
        }
    }
    // The tests that watch system calls.
    if cfg!(target_os = "linux") && !process::succeeds(Command::new("strace").arg("-V")) {
        apt::install(&["strace"])?;
    }
    // The unit tests of the SDK for C are native.
    for (program, package) in [("git", "git"), ("cc", "gcc"), ("c++", "g++")] {
        if !process::succeeds(Command::new(program).arg("--version")) {
            apt::install(&[package])?;
        }
    }
    // The tests that push by ssh.
    if cfg!(target_os = "linux") && !Path::new("/usr/sbin/sshd").exists() {
        apt::install(&["openssh-server", "openssh-client"])?;
    }
    // The SDK for Python and its plugins.
    if !process::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        apt::install(&["python3-venv"])?;
    }
    Ok(())
}

fn lint(context: &Context) -> Result<()> {
    let selection = ["--locked", "--workspace", "--all-targets"];
    process::run(cargo(context, "clippy").args(selection).args(["--", "-D", "warnings"]))
}

fn document(context: &Context) -> Result<()> {
    let mut command = cargo(context, "doc");
    command.args(["--locked", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Runs the tests, shows what they print, and counts them.
fn test(context: &Context, tools: Vec<(String, PathBuf)>) -> Result<Counts> {
    let mut command = cargo(context, "test");
    command.args(["--locked", "--workspace", "--no-fail-fast"]);
    command.env("SPRINGLINE_BIN", context.program()).env("SPRINGLINE_GUESTS", context.guests_dir());
    if let Some(fixtures) = context.fixtures_dir() {
        command.env("SPRINGLINE_FIXTURES", fixtures);
    }
    command.envs(tools);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("can't start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut counts = Counts::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.write_all(b"\n")?;
        counts.add(&String::from_utf8_lossy(&line));
    }
    let status = child.wait()?;
    if !status.success() && counts.failed == 0 {
        bail!("the tests could not be run ({status}); to see it by itself, run\n  {}", process::shell_line(&command));
    }
    Ok(counts)
}

impl Counts {
    /// Adds what a line like `test result: ok. 3 passed; 0 failed; 1 ignored; …` says.
    fn add(&mut self, line: &str) {
        let Some((_, results)) = line.split_once("test result: ") else { return };
        for part in results.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(word)) = (words.next().and_then(|number| number.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.02s");
        counts.add("test a_test ... ok");
        counts.add(
            "test result: \u{1b}[31mFAILED\u{1b}(B\u{1b}[m. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(counts, Counts { passed: 4, failed: 2, skipped: 1 });
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        assert!(Report::default().count(Counts::default()).is_err());
        assert!(Report::default().count(Counts { passed: 1, ..Counts::default() }).is_ok());
    }
}
