//! `springline status`.

use std::process::ExitCode;

use anstyle::Style;
use clap::Args;
use serde_json::{Value, json};
use springline_engine::event::Silent;
use springline_engine::status::{self, Status as Found};
use springline_model::Cancel;
use springline_model::manifest::HealthStatus;
use springline_model::port::{Sources as _, Store as _};
use springline_model::run::{Place, RunState};

use super::error::CliError;
use super::{Common, Output, RevisionArgs};
use crate::app::App;
use crate::grants;
use crate::project::{Project, show_revision};
use crate::resolve::{self, Resolver};
use crate::show::table::{Table, plain, styled};
use crate::show::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Shows what is deployed, whether it drifted and how healthy it is.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline status -o json")]
pub struct Status {
    /// Only of this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
}

struct Row {
    environment: String,
    found: Found,
}

impl Status {
    /// Looks.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let head = project.source()?.resolve("HEAD")?;
        let picked = project.pick(&RevisionArgs { revision: Some(head.id.clone()), worktree: false })?;
        let declared = project.application(&picked)?;
        let app = App::open(common, project, "status", cancel)?;
        let mut operator = Resolver::of_operator(&app)?;
        let mut rows = Vec::new();
        for (name, environment) in &declared.value.environments {
            if !self.environments.is_empty() && !self.environments.contains(name) {
                continue;
            }
            let at = resolve::Place::new(&declared.document, format!("/environments/{name}"));
            let wanted = (environment.target.as_str(), &environment.target_with);
            let mut target = resolve::target(&app, &mut operator, wanted, &at)?;
            let place = Place { application: declared.value.application.clone(), environment: name.clone() };
            grants::give_target(&app.operator.value, &mut target, &place.application, name);
            let found = status::status(app.ports(&Silent), &place, &target, environment.sync.prune)?;
            rows.push(Row { environment: name.clone(), found });
        }
        operator.save()?;
        if common.output == Output::Json {
            let rows: Vec<_> = rows.iter().map(|row| as_json(row, &head.id)).collect();
            show::json(&json!({ "application": declared.value.application, "head": head.id, "environments": rows }))?;
        } else {
            show::line(format_args!(
                "{} HEAD {} {}",
                declared.value.application,
                show_revision(&head.id),
                head.subject
            ));
            print(&rows, &head.id);
            for run in app.store.unfinished()?.iter().filter(|run| run.state == RunState::Running) {
                show::warn(format_args!("run {} was cut off: `springline {}` goes on with it", run.number, run.cause));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn style_of(health: HealthStatus) -> Style {
    match health {
        HealthStatus::Healthy => GOOD,
        HealthStatus::Suspended | HealthStatus::Progressing | HealthStatus::Unknown => NOTE,
        HealthStatus::Missing | HealthStatus::Degraded => BAD,
    }
}

fn print(rows: &[Row], head: &str) {
    let mut table = Table::new(&["ENVIRONMENT", "SYNC", "HEALTH", "RELEASE", "REVISION", "OBJECTS"]);
    for Row { environment, found } in rows {
        let (sync, release, revision) = match &found.release {
            None => (styled(NOTE, "not deployed"), plain("-"), plain("-")),
            Some(release) => {
                let sync = match found.drifted.len() {
                    0 => styled(GOOD, "in sync"),
                    n => styled(BAD, format_args!("drifted ({n})")),
                };
                let behind = if release.revision == head { "" } else { " (HEAD is another)" };
                (sync, plain(release.id.short()), plain(format_args!("{}{behind}", show_revision(&release.revision))))
            }
        };
        let health = styled(style_of(found.health.status), found.health.status);
        table.row(vec![plain(environment), sync, health, release, revision, plain(found.desired)]);
    }
    table.print();
    for Row { environment, found } in rows {
        for change in &found.drifted {
            let (sign, _) = show::difference::word(change.action);
            let summary = paint(FAINT, &change.summary);
            show::line(format_args!("  {environment}: {sign} {} {summary}", change.live));
        }
        for (live, health) in &found.unhealthy {
            let status = paint(style_of(health.status), health.status);
            show::line(format_args!("  {environment}: {live} {status} {}", health.message));
        }
    }
}

fn as_json(row: &Row, head: &str) -> Value {
    let Row { environment, found } = row;
    let unhealthy: Vec<_> =
        found.unhealthy.iter().map(|(live, health)| json!({ "object": live, "health": health })).collect();
    json!({
        "environment": environment,
        "release": found.release,
        "at-head": found.release.as_ref().map(|release| release.revision == head),
        "in-sync": found.release.as_ref().map(|_| found.drifted.is_empty()),
        "drifted": found.drifted,
        "objects": found.desired,
        "health": found.health,
        "unhealthy": unhealthy,
    })
}
