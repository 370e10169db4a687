//! `springline logs`.

use std::process::ExitCode;

use clap::Args;
use indexmap::IndexSet;
use serde_json::json;
use springline_model::Cancel;
use springline_model::plugin::{Level, LogLine};
use springline_model::port::{Blobs as _, Store as _};
use springline_model::run::{How, Run, StepRecord};

use super::error::{CliError, Kind};
use super::run::step_json;
use super::{Common, Output};
use crate::app::App;
use crate::project::{Project, show_revision};
use crate::show::progress::how_text;
use crate::show::{self, BAD, FAINT, NOTE, STRONG, paint, time};

/// Shows what plugins logged in a run; without a run, lists the latest runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline logs\n  springline logs 3\n  springline logs 3 site/pages")]
pub struct Logs {
    /// The run's number
    #[arg(value_name = "RUN")]
    run: Option<u64>,
    /// Only of this call: `ARTIFACT/STEP`, `ENVIRONMENT/render`, `ENVIRONMENT/target` or the last part of it
    #[arg(value_name = "STEP")]
    step: Option<String>,
}

impl Logs {
    /// Shows them.
    ///
    /// # Errors
    /// No such run or call.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "logs", cancel)?;
        let Some(number) = self.run else { return list(common, &app) };
        let Some(run) = app.store.run(number)? else {
            return Err(CliError::new(Kind::Usage, format!("there is no run {number}"))
                .hint("`springline logs` lists the latest runs"));
        };
        let steps: Vec<&StepRecord> =
            run.steps.iter().map(AsRef::as_ref).filter(|step| self.wants(&step.name)).collect();
        if let (Some(step), true) = (&self.step, steps.is_empty()) {
            let names: Vec<_> = run.steps.iter().map(|step| step.name.as_str()).collect();
            let near = springline_config::nearest(step, names.iter().copied());
            let error = CliError::new(Kind::Usage, format!("run {number} has no call `{step}`"));
            return Err(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("it has {}", names.join(", "))),
            });
        }
        let mut logs = Vec::new();
        for step in steps {
            logs.push((step, read(&app, step)?));
        }
        match common.output {
            Output::Json => {
                let steps = logs.iter().map(|(step, lines)| {
                    let mut value = step_json(step);
                    value["log"] = json!(lines);
                    value
                });
                show::json(&steps.collect::<Vec<_>>())?;
            }
            Output::Text => logs.iter().for_each(|(step, lines)| print(step, lines)),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, name: &str) -> bool {
        let Some(wanted) = self.step.as_deref() else { return true };
        name == wanted || name.rsplit_once('/').is_some_and(|(_, last)| last == wanted)
    }
}

fn read(app: &App, step: &StepRecord) -> Result<Vec<LogLine>, CliError> {
    let Some(digest) = &step.log else { return Ok(Vec::new()) };
    let bytes = app.blobs.get(digest)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// How many warnings of one run are shown after it.
const WARNINGS: usize = 20;

/// What a target warned of in a run: the environment and the text, each once.
pub type Warning = (String, String);

/// What targets warned of in a run.
///
/// # Errors
/// The logs can't be read.
pub fn warnings(app: &App, run: &Run) -> Result<Vec<Warning>, CliError> {
    let mut found: IndexSet<Warning> = IndexSet::new();
    for step in &run.steps {
        let Some(environment) = step.name.strip_suffix("/target") else { continue };
        let warned = read(app, step)?.into_iter().filter(|line| line.level == Level::Warn);
        found.extend(warned.map(|line| (environment.to_owned(), line.text)));
    }
    Ok(found.into_iter().collect())
}

/// Shows what targets warned of in a run, each text once.
pub fn warn(warnings: &[Warning], run: &Run) {
    let texts: IndexSet<&str> = warnings.iter().map(|(_, text)| text.as_str()).collect();
    texts.iter().take(WARNINGS).for_each(show::warn);
    if texts.len() > WARNINGS {
        show::warn(format_args!("and {} more: `springline logs {}`", texts.len() - WARNINGS, run.number));
    }
}

fn print(step: &StepRecord, lines: &[LogLine]) {
    let took = time::duration(step.took);
    show::line(format_args!("{} {}", paint(STRONG, &step.name), paint(FAINT, format_args!("{}, {took}", step.plugin))));
    match &step.how {
        How::Executed(why) if why.is_empty() => {}
        how => show::line(paint(FAINT, format_args!("  {}", how_text(how)))),
    }
    if !step.used.is_empty() {
        show::line(paint(NOTE, format_args!("  used {}", step.used)));
    }
    if step.how == How::Failed {
        show::line(paint(BAD, format_args!("  {}", step.summary)));
    }
    for line in lines {
        let text = match line.level {
            Level::Debug => paint(FAINT, &line.text),
            Level::Info => line.text.clone(),
            Level::Warn => paint(NOTE, &line.text),
            Level::Error => paint(BAD, &line.text),
        };
        show::line(format_args!("  {text}"));
    }
}

/// How many runs are listed.
const LATEST: usize = 20;

fn list(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let runs = app.store.runs(LATEST)?;
    show::data(common, &runs.iter().map(as_json).collect::<Vec<_>>(), |_| {
        let mut table = show::table::Table::new(&["RUN", "WHEN", "CAUSE", "REVISION", "STATE", "CALLS"]);
        for run in &runs {
            use show::table::plain;
            table.row(vec![
                plain(run.number),
                plain(time::moment(run.started)),
                plain(&run.cause),
                plain(show_revision(&run.revision)),
                plain(run.state),
                plain(run.steps.len()),
            ]);
        }
        table.print();
    })?;
    Ok(ExitCode::SUCCESS)
}

fn as_json(run: &Run) -> serde_json::Value {
    json!({
        "run": run.number,
        "application": run.application,
        "cause": run.cause,
        "actor": run.actor,
        "revision": run.revision,
        "started": time::rfc3339(run.started),
        "ended": run.ended.map(time::rfc3339),
        "state": run.state,
        "error": run.error,
        "steps": run.steps.iter().map(|step| step_json(step)).collect::<Vec<_>>(),
    })
}
