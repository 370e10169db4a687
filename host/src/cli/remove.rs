//! `springline remove`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::deliver;
use springline_engine::error::{Reason, StageError};
use springline_engine::remove::{Word, remove};
use springline_engine::run::Report;
use springline_engine::standing::Obstacle;
use springline_model::Cancel;
use springline_model::port::Store as _;
use springline_model::run::{Place, Stage};

use super::confirm::{self, ConfirmArgs};
use super::error::{CliError, Kind};
use super::standing::applied_text;
use super::{Common, Output};
use crate::app::{App, actor};
use crate::project::Project;
use crate::show::progress::Progress;
use crate::show::{self, GOOD, paint};

/// Removes what is deployed of an application, or of an environment, that nothing declares any more. It is told
/// first what would go; nothing does without a yes to that.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline remove shop\n  springline remove shop --env staging --confirm-prune 3-1a2b3c4d"
)]
pub struct Remove {
    /// The application
    application: String,
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

impl Remove {
    /// Removes it.
    ///
    /// # Errors
    /// What is looked after, pinned or suspended; a removal that nobody said yes to; whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "remove", cancel)?;
        let places = self.places(&app)?;
        let confirmed = self.confirm.confirmed(places.len())?;
        let mut removed = Vec::new();
        for place in &places {
            let report = self.remove(common, &app, place, confirmed.clone())?;
            if common.output == Output::Text {
                let what = report.as_ref().map_or_else(|| "nothing is deployed".to_owned(), applied_text);
                show::line(format_args!("{} {place}: {what}", paint(GOOD, "removed")));
            }
            removed.push(as_json(place, report.as_ref()));
        }
        if common.output == Output::Json {
            show::json(&json!({ "removed": removed }))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn remove(
        &self,
        common: &Common,
        app: &App,
        place: &Place,
        mut confirmed: Option<String>,
    ) -> Result<Option<Report>, CliError> {
        loop {
            let progress = Progress::new(common);
            let turn = app.turn(&place.application, false)?;
            check(app, place)?;
            let observer = turn.observe(&progress);
            let word = Word::Person(confirmed.as_deref());
            let bound = app.bound(place, turn.cancel())?;
            let ports = app.ports_at(&turn, &observer, bound.as_ref());
            let result = remove(ports, place, (&actor(), word));
            if result.is_ok() {
                app.store.set_standing(place, &mut |standing| standing.origin = None)?;
            }
            drop(turn);
            drop(progress);
            match result {
                Ok(report) => return Ok(report),
                Err(error) => match &error.reason {
                    Reason::Unconfirmed(waits) if confirm::ask(common, &place.environment, waits) => {
                        confirmed = Some(waits.whole_confirmation());
                    }
                    _ => return Err(told(&error, place)),
                },
            }
        }
    }

    /// The places that are meant.
    fn places(&self, app: &App) -> Result<Vec<Place>, CliError> {
        let mut places = app.store.places()?;
        places.retain(|place| place.application == self.application && deliver::delivery(place).is_none());
        let has = |name: &String| places.iter().any(|place| place.environment == *name);
        let wrong = match self.environments.iter().find(|name| !has(name)) {
            _ if places.is_empty() => format!("nothing of an application `{}` was deployed here", self.application),
            Some(name) => format!("`{}` has no environment `{name}`", self.application),
            None => {
                let is_meant =
                    |place: &Place| self.environments.is_empty() || self.environments.contains(&place.environment);
                places.retain(is_meant);
                return Ok(places);
            }
        };
        Err(CliError::new(Kind::Usage, wrong).hint("`springline history` shows what was deployed"))
    }
}

/// Refuses to remove what somebody holds, or what would be deployed again at once.
fn check(app: &App, place: &Place) -> Result<(), CliError> {
    let is_looked_after =
        app.owner().controls().is_some_and(|controls| controls.looks_after(&place.application, &place.environment));
    if is_looked_after {
        let message = format!("{place} is looked after, and would be deployed again");
        let hint = "take it out of its source first; a repository that `watch` could not read yet may have it as well";
        return Err(CliError::new(Kind::Usage, message).hint(hint));
    }
    let standing = app.store.standing(place)?;
    let obstacle = standing.pin.map(Obstacle::Pinned).or(standing.suspended.map(Obstacle::Suspended));
    let Some(obstacle) = obstacle else { return Ok(()) };
    let environment = place.environment.clone();
    let held = Reason::Held { environment, obstacle: Box::new(obstacle) };
    Err(CliError::from(held.at(Stage::Plan, Some(&place.environment))))
}

fn told(error: &StageError, place: &Place) -> CliError {
    let way_out = confirm::way_out(error, &format!("remove {}", confirm::word(&place.application)));
    CliError::from(error.clone()).hint_if_any(way_out)
}

fn as_json(place: &Place, report: Option<&Report>) -> Value {
    let synced = report.and_then(|report| report.synced.last());
    let deleted = synced.map_or(0, |synced| synced.sealed.record.counts.deleted);
    json!({ "application": place.application, "environment": place.environment, "deleted": deleted })
}
