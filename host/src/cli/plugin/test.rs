//! `springline plugin test`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_model::plugin::Kind as PluginKind;
use springline_model::tree::EntryKind;
use springline_model::{Cancel, Digest};

use super::build::{self, How};
use crate::cli::error::{CliError, Kind};
use crate::cli::{Common, Output};
use crate::desk::case::{self, Case};
use crate::desk::compare::{self, Difference, EXPECTED};
use crate::desk::perform::{Outcome, perform};
use crate::desk::snapshot::Leaf;
use crate::desk::{Desk, OnDesk, project};
use crate::show::difference::unified;
use crate::show::{self, BAD, FAINT, GOOD, NOTE, STRONG, paint, time};

/// Runs a plugin's cases on the real host.
///
/// A case is a directory below the project's `cases`: `case.yaml` (config, context, grants, limits),
/// what the plugin is given (`in/`, `artifacts/NAME/`, `desired/`, `live/`), and `expected/`, which
/// --update writes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin test\n  springline plugin test . first --update\n  \
                        springline plugin test --component other.wasm")]
pub struct Test {
    /// The project's directory, the one with plugin.yaml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Only these cases
    #[arg(value_name = "CASE")]
    cases: Vec<String>,
    /// Write down what comes of each case as what is expected from now on
    #[arg(long)]
    update: bool,
    /// Take the component as it is there
    #[arg(long, conflicts_with_all = ["install", "debug"])]
    no_build: bool,
    /// Test this component instead of the project's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["install", "debug"])]
    component: Option<PathBuf>,
    /// Where the cases are [default: cases in the project's directory]
    #[arg(long = "cases", value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// A case that was run.
pub struct Ran {
    name: String,
    verdict: Verdict,
    outcome: Outcome,
}

enum Verdict {
    /// As expected.
    Same,
    /// Not as expected.
    Differs(Vec<Difference>),
    /// Written down.
    Updated,
}

impl Ran {
    /// Whether it is as expected now.
    pub fn is_good(&self) -> bool {
        !matches!(self.verdict, Verdict::Differs(_))
    }
}

impl Test {
    /// Runs the cases.
    ///
    /// # Errors
    /// A plugin that can't be built; a case that is wrong in itself.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let (component, kind) = self.component()?;
        let from = self.from.clone().unwrap_or_else(|| project::cases(&self.directory));
        let cases = case::all(&from, &self.cases)?;
        if cases.is_empty() {
            return Err(CliError::new(Kind::Usage, format!("there is no case in {}", from.display())).hint(
                "a case is a directory, such as cases/first, with what the plugin is given in it: in/ for a build step",
            ));
        }
        let desk = Desk::open()?;
        let plugin = desk.load(&component)?;
        if let Some(kind) = kind.filter(|kind| *kind != plugin.description.kind) {
            let message = format!(
                "plugin.yaml says that this is a {kind}, and {} is a {}",
                build::shown(&component),
                plugin.description.kind
            );
            return Err(CliError::new(Kind::Plugin, message));
        }
        let all = run_all(&desk, &plugin, &cases, self.update, cancel, |ran| {
            if common.output == Output::Text {
                print(ran);
            }
        })?;
        let good = all.iter().filter(|ran| ran.is_good()).count();
        if common.output == Output::Json {
            show::json(&json!({
                "plugin": plugin.description.name,
                "digest": plugin.pinned.digest,
                "cases": all.iter().map(as_json).collect::<Vec<_>>(),
                "good": good,
                "differ": all.len() - good,
            }))?;
        } else {
            show::line(total(good, all.len()));
        }
        Ok(if good == all.len() { ExitCode::SUCCESS } else { ExitCode::from(Kind::Differs.code()) })
    }

    /// The component, built if that is wanted, and the kind that it is to be.
    fn component(&self) -> Result<(PathBuf, Option<PluginKind>), CliError> {
        if let Some(component) = &self.component {
            return Ok((component.clone(), None));
        }
        let declaration = project::read(&self.directory)?;
        if !self.no_build {
            build::build(&declaration.project, self.how)?;
        }
        Ok((declaration.project.component, Some(declaration.kind)))
    }
}

/// The last line.
pub fn total(good: usize, all: usize) -> String {
    let noun = if all == 1 { "case" } else { "cases" };
    match all - good {
        0 => format!("{all} {noun}, all as expected"),
        differ => {
            paint(BAD, format_args!("{all} {noun}, {differ} not as expected: --update takes them as they are now"))
        }
    }
}

/// Runs these cases one after the other; `each` is told of every one that ended.
///
/// # Errors
/// A case that is wrong in itself.
pub fn run_all(
    desk: &Desk,
    plugin: &OnDesk,
    cases: &[Case],
    update: bool,
    cancel: &Cancel,
    mut each: impl FnMut(&Ran),
) -> Result<Vec<Ran>, CliError> {
    let mut all = Vec::with_capacity(cases.len());
    for case in cases {
        if cancel.is_cancelled() {
            return Err(CliError::new(Kind::Cancelled, "stopped"));
        }
        let outcome = perform(desk, plugin, case, cancel)?;
        let differences = compare::compare(&case.directory, &outcome)?;
        let verdict = match (differences.is_empty(), update) {
            (true, _) => Verdict::Same,
            (false, false) => Verdict::Differs(differences),
            (false, true) => {
                compare::update(&case.directory, &outcome)?;
                Verdict::Updated
            }
        };
        let ran = Ran { name: case.name.clone(), verdict, outcome };
        each(&ran);
        all.push(ran);
    }
    Ok(all)
}

/// Prints how a case went.
pub fn print(ran: &Ran) {
    let (style, word) = match &ran.verdict {
        Verdict::Same => (GOOD, "ok"),
        Verdict::Updated => (NOTE, "updated"),
        Verdict::Differs(_) => (BAD, "differs"),
    };
    let took = paint(FAINT, time::duration(ran.outcome.took));
    show::line(format_args!("{} {} {took}", paint(style, format_args!("{word:8}")), ran.name));
    let Verdict::Differs(differences) = &ran.verdict else { return };
    for difference in differences {
        print_difference(difference);
    }
    if let Some(error) = &ran.outcome.error {
        let log = compare::log(&ran.outcome.log[ran.outcome.log.len().saturating_sub(10)..]);
        for line in log.lines() {
            show::line(paint(FAINT, format_args!("  | {line}")));
        }
        show::line(format_args!("  {} {error}", paint(BAD, "the plugin's error:")));
    }
}

fn print_difference(difference: &Difference) {
    let path = paint(STRONG, format_args!("{EXPECTED}/{}", difference.path));
    let what = match (&difference.expected, &difference.found) {
        (Some(_), None) => "expected, and not there",
        (None, Some(_)) => "there, and not expected",
        _ => "differs",
    };
    show::line(format_args!("  {path}: {what}"));
    let (expected, found) = (side(difference.expected.as_ref()), side(difference.found.as_ref()));
    match (expected, found) {
        (Some(expected), Some(found)) => unified(&expected, &found),
        _ => show::line(format_args!("  {}", bytes(difference))),
    }
}

/// One side of a difference as text, its kind in front where it is no plain file; none if it is no
/// text.
fn side(leaf: Option<&Leaf>) -> Option<String> {
    const MOST: usize = 64 << 10;
    let Some(leaf) = leaf else { return Some(String::new()) };
    let text = std::str::from_utf8(&leaf.bytes).ok().filter(|text| text.len() <= MOST && !text.contains('\0'))?;
    Some(match leaf.kind {
        EntryKind::Executable => format!("(executable)\n{text}"),
        EntryKind::Symlink => format!("(link to) {text}\n"),
        _ => text.to_owned(),
    })
}

fn bytes(difference: &Difference) -> String {
    let side = |leaf: &Option<Leaf>| match leaf {
        None => "nothing".to_owned(),
        Some(leaf) => format!("{} ({})", time::bytes(leaf.bytes.len() as u64), Digest::of(&leaf.bytes).short()),
    };
    format!("expected {}, found {}", side(&difference.expected), side(&difference.found))
}

fn as_json(ran: &Ran) -> Value {
    let differences: &[Difference] = match &ran.verdict {
        Verdict::Differs(differences) => differences,
        _ => &[],
    };
    let leaf = |leaf: &Option<Leaf>| {
        leaf.as_ref().map(|leaf| {
            json!({ "kind": leaf.kind, "digest": Digest::of(&leaf.bytes), "text": std::str::from_utf8(&leaf.bytes).ok() })
        })
    };
    let differences = differences
        .iter()
        .map(|one| json!({ "path": one.path, "expected": leaf(&one.expected), "found": leaf(&one.found) }));
    json!({
        "name": ran.name,
        "verdict": match ran.verdict {
            Verdict::Same => "same",
            Verdict::Updated => "updated",
            Verdict::Differs(_) => "differs",
        },
        "differences": differences.collect::<Vec<_>>(),
        "error": ran.outcome.error.as_ref().map(ToString::to_string),
        "micros": u64::try_from(ran.outcome.took.as_micros()).unwrap_or(u64::MAX),
    })
}
