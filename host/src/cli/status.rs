//! `springline status`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::event::Silent;
use springline_engine::status::{self, Status as Found};
use springline_model::Cancel;
use springline_model::port::{Sources as _, Store as _};
use springline_model::run::{Place, RunState, Suspension};

use super::error::CliError;
use super::run::known_environments;
use super::{Common, Output, RevisionArgs};
use crate::app::App;
use crate::grants;
use crate::project::{Project, show_revision};
use crate::resolve::{self, Resolver};
use crate::show::table::{Table, plain, styled};
use crate::show::tree::{self, style_of};
use crate::show::{self, BAD, GOOD, NOTE, alone, time};

/// Shows what is deployed, whether it drifted and how healthy it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline status\n  springline status --env prod --all\n  springline status -o json"
)]
pub struct Status {
    /// Only of this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Show every object and all that belongs to it, also what is in sync and healthy
    #[arg(long)]
    all: bool,
}

struct Row {
    environment: String,
    suspended: Option<Suspension>,
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
        let declared = picked.application()?;
        known_environments(&self.environments, declared.value.environments.keys().map(String::as_str))?;
        let app = App::open(common, project, "status", cancel)?;
        let mut operator = Resolver::of_operator(&app)?;
        let mut rows = Vec::new();
        for (name, environment) in &declared.value.environments {
            if !self.environments.is_empty() && !self.environments.contains(name) {
                continue;
            }
            let at = resolve::Place::new(&declared.document, format!("/environments/{name}"));
            let mut target = resolve::target(&app, &mut operator, environment, &at)?;
            let place = Place { application: declared.value.application.clone(), environment: name.clone() };
            grants::give_target(&app.operator.value, &mut target, &place.application, name);
            let found = status::status(app.ports(&Silent), &place, &target, &environment.sync)?;
            let suspended = app.store.standing(&place)?.suspended;
            rows.push(Row { environment: name.clone(), suspended, found });
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
            print(&rows, &head.id, self.all);
            for run in app.store.unfinished()?.iter().filter(|run| run.state == RunState::Running) {
                if app.owner().turns.is_under_way(run.number) {
                    show::note(format_args!(
                        "run {} is under way: `springline {}` of {}",
                        run.number, run.cause, run.actor
                    ));
                    continue;
                }
                show::warn(format_args!("run {} was cut off: `springline {}` goes on with it", run.number, run.cause));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(rows: &[Row], head: &str, all: bool) {
    let mut table = Table::new(&["ENVIRONMENT", "SYNC", "HEALTH", "RELEASE", "REVISION", "OBJECTS"]);
    for Row { environment, found, .. } in rows {
        let (sync, release, revision) = match &found.release {
            None => (styled(NOTE, "not deployed"), plain("-"), plain("-")),
            Some(release) => {
                let sync = match found.drifted.len() {
                    0 => (GOOD, "in sync".to_owned()),
                    n => (BAD, format!("drifted ({n})")),
                };
                let ignored = match found.alone.ignored.len() {
                    0 => String::new(),
                    n => format!(", {n} ignored"),
                };
                let sync = styled(sync.0, format_args!("{}{ignored}", sync.1));
                let behind = if release.revision == head { "" } else { " (HEAD is another)" };
                (sync, plain(release.id.short()), plain(format_args!("{}{behind}", show_revision(&release.revision))))
            }
        };
        let health = found.health().status;
        let health = styled(style_of(health), health);
        table.row(vec![plain(environment), sync, health, release, revision, plain(found.desired())]);
    }
    table.print();
    for Row { environment, suspended, .. } in rows {
        if let Some(Suspension { by, why, at }) = suspended {
            show::warn(format_args!(
                "{environment} is suspended by {by} since {}: {} (`springline resume` ends it)",
                time::moment(*at),
                show::visible(why)
            ));
        }
    }
    for Row { environment, found, .. } in rows {
        tree::print(environment, &found.objects, all);
        alone::print_status(environment, found, all);
        if let Some(why) = &found.unexplained {
            show::warn(format_args!("{environment}: no closer look at its objects: {why}"));
        }
    }
}

fn as_json(row: &Row, head: &str) -> Value {
    let Row { environment, suspended, found } = row;
    let unhealthy: Vec<_> =
        found.unhealthy.iter().map(|(live, health)| json!({ "object": live, "health": health })).collect();
    let worst = found.unhealthy.first().map(|(live, health)| {
        let node = found.objects.iter().find(|node| node.live == *live);
        json!({ "object": live, "health": health, "why": node.map(|node| &node.why) })
    });
    json!({
        "environment": environment,
        "release": found.release,
        "at-head": found.release.as_ref().map(|release| release.revision == head),
        "in-sync": found.release.as_ref().map(|_| found.drifted.is_empty()),
        "drifted": found.drifted,
        "ignored": found.alone.ignored,
        "ignored-untold": found.alone.untold,
        "left": found.left,
        "protected": found.alone.protected,
        "unconfirmed": found.alone.unconfirmed,
        "objects": found.desired(),
        "health": found.health(),
        "unhealthy": unhealthy,
        "worst": worst,
        "suspended": suspended,
        "tree": found.objects,
    })
}
