//! What came of a case against what its `expected/` says, and writing down the former.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use springline_model::Digest;
use springline_model::plugin::LogLine;
use springline_model::tree::EntryKind;

use super::case::read_yaml;
use super::error::{Failure, quoted};
use super::perform::Outcome;
use super::snapshot::{self, Leaf, Snapshot};
use crate::cli::error::{CliError, Kind};

/// The directory of a case that says what is expected.
pub const EXPECTED: &str = "expected";
/// The file that is compared only where somebody wrote it.
const LOG: &str = "log.txt";
const ERROR: &str = "error.yaml";

/// One thing that is not as expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, below `expected/`.
    pub path: String,
    /// What was expected; none for what was not.
    pub expected: Option<Leaf>,
    /// What was found; none for what is missing.
    pub found: Option<Leaf>,
}

/// What `expected/` would be for this outcome.
fn written(outcome: &Outcome, with_log: bool) -> Snapshot {
    let mut files = Snapshot::new();
    let mut text = |path: &str, text: String| {
        files.insert(path.to_owned(), Leaf { kind: EntryKind::File, bytes: text.into_bytes() });
    };
    if let Some(summary) = &outcome.summary {
        text("summary.txt", format!("{summary}\n"));
    }
    for (path, lines) in [("plan.txt", &outcome.plan), ("health.txt", &outcome.health)] {
        if let Some(lines) = lines {
            text(path, joined(lines));
        }
    }
    if let Some(trees) = outcome.trees.as_ref().filter(|trees| !trees.is_empty()) {
        text("trees.yaml", trees.iter().map(|(id, digest)| format!("{}: {digest}\n", quoted(id))).collect());
    }
    if let Some(failure) = &outcome.failure {
        text(ERROR, failure.to_yaml());
    }
    if with_log {
        text(LOG, log(&outcome.log));
    }
    for (directory, snapshot) in [("out", &outcome.out), ("objects", &outcome.objects), ("live", &outcome.live)] {
        for (path, leaf) in snapshot.iter().flatten() {
            files.insert(format!("{directory}/{path}"), leaf.clone());
        }
    }
    files
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A log, `LEVEL TEXT` a line.
pub fn log(lines: &[LogLine]) -> String {
    let level = |line: &LogLine| format!("{:?}", line.level).to_lowercase();
    lines.iter().map(|line| format!("{} {}\n", level(line), line.text)).collect()
}

/// Everything that is not as `expected/` of the case in this directory says. Where it says nothing
/// at all, everything is new.
///
/// # Errors
/// An `expected/` that can't be read or is wrong.
pub fn compare(case: &Path, outcome: &Outcome) -> Result<Vec<Difference>, CliError> {
    let directory = case.join(EXPECTED);
    let expected = snapshot::read(&directory)?;
    let found = written(outcome, expected.contains_key(LOG));
    let mut differences = Vec::new();
    for (path, leaf) in &expected {
        let same = match found.get(path) {
            Some(found) if found == leaf => true,
            Some(_) if path == ERROR => is_satisfied(&directory, leaf, outcome)?,
            Some(found) if path == "trees.yaml" => trees(&directory, leaf)? == trees(&directory, found)?,
            _ => false,
        };
        if !same {
            let found = found.get(path).cloned();
            differences.push(Difference { path: path.clone(), expected: Some(leaf.clone()), found });
        }
    }
    let decides = |path: &str| match path.split_once('/') {
        // These are exact, as soon as anything of them is expected.
        Some((whole, _)) => {
            expected.keys().any(|other| other.strip_prefix(whole).is_some_and(|rest| rest.starts_with('/')))
        }
        // A failure is always a difference where none is expected.
        None => path == ERROR,
    };
    for (path, leaf) in found {
        if !expected.contains_key(&path) && (expected.is_empty() || decides(&path)) {
            differences.push(Difference { path, expected: None, found: Some(leaf) });
        }
    }
    differences.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(differences)
}

fn is_satisfied(directory: &Path, expected: &Leaf, outcome: &Outcome) -> Result<bool, CliError> {
    let name = directory.join(ERROR).display().to_string();
    let (expected, _) = read_yaml::<Failure>(&name, &text(&name, expected)?)?;
    Ok(outcome.failure.as_ref().is_some_and(|failure| failure.satisfies(&expected)))
}

fn trees(directory: &Path, leaf: &Leaf) -> Result<BTreeMap<String, Digest>, CliError> {
    let name = directory.join("trees.yaml").display().to_string();
    Ok(read_yaml::<BTreeMap<String, String>>(&name, &text(&name, leaf)?)?
        .0
        .into_iter()
        .filter_map(|(id, digest)| Some((id, digest.parse().ok()?)))
        .collect())
}

fn text(name: &str, leaf: &Leaf) -> Result<String, CliError> {
    String::from_utf8(leaf.bytes.clone()).map_err(|_| CliError::new(Kind::Config, format!("{name} is not UTF-8")))
}

/// Writes down what was found as what is expected from now on; a log only where there was one.
///
/// # Errors
/// What the operating system reports.
pub fn update(case: &Path, outcome: &Outcome) -> Result<(), CliError> {
    let directory = case.join(EXPECTED);
    let old = snapshot::read(&directory)?;
    let new = written(outcome, old.contains_key(LOG));
    if old == new {
        return Ok(());
    }
    let building = case.join(".expected.new");
    let failed = |error: std::io::Error| {
        CliError::new(Kind::State, format!("{} can't be replaced: {error}", directory.display()))
    };
    for stale in [&building, &directory] {
        match fs::remove_dir_all(stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        if stale == &building {
            snapshot::write(&building, &new)?;
        }
    }
    fs::rename(&building, &directory).map_err(failed)
}

#[cfg(test)]
mod tests {
    use springline_model::plugin::Level;

    use super::*;

    fn outcome(text: &str) -> Outcome {
        let out = Snapshot::from([("a/b.txt".to_owned(), Leaf { kind: EntryKind::File, bytes: text.into() })]);
        let log = vec![LogLine { level: Level::Info, text: "hello".into() }];
        Outcome { summary: Some("1 file".into()), out: Some(out), log, ..Outcome::default() }
    }

    fn paths(case: &Path, outcome: &Outcome) -> Vec<String> {
        compare(case, outcome).unwrap().into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn what_was_written_down_is_expected() {
        let case = tempfile::tempdir().unwrap();
        assert_eq!(paths(case.path(), &outcome("x")), ["out/a/b.txt", "summary.txt"]);
        update(case.path(), &outcome("x")).unwrap();
        assert_eq!(paths(case.path(), &outcome("x")), Vec::<String>::new());
        assert_eq!(paths(case.path(), &outcome("y")), ["out/a/b.txt"]);

        let failed = Outcome { failure: Some(Failure::contract("no")), ..Outcome::default() };
        assert_eq!(paths(case.path(), &failed), ["error.yaml", "out/a/b.txt", "summary.txt"]);
        update(case.path(), &failed).unwrap();
        assert_eq!(paths(case.path(), &failed), Vec::<String>::new());
        assert_eq!(paths(case.path(), &outcome("x")), ["error.yaml"]);
    }

    #[test]
    fn only_what_is_there_decides_but_directories_are_exact() {
        let case = tempfile::tempdir().unwrap();
        let expected = case.path().join(EXPECTED);
        fs::create_dir_all(expected.join("out")).unwrap();
        fs::write(expected.join("log.txt"), "info hello\n").unwrap();
        assert_eq!(paths(case.path(), &outcome("x")), Vec::<String>::new());
        fs::write(expected.join("out/c.txt"), "").unwrap();
        assert_eq!(paths(case.path(), &outcome("x")), ["out/a/b.txt", "out/c.txt"]);
        fs::write(expected.join("log.txt"), "warn hello\n").unwrap();
        assert_eq!(paths(case.path(), &outcome("x")), ["log.txt", "out/a/b.txt", "out/c.txt"]);
    }
}
