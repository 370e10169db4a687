//! `springline remove`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::deliver;
use springline_engine::error::{Reason, StageError};
use springline_engine::event::Silent;
use springline_engine::remove::{What, Word, ask, remove, stayed};
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
use crate::control::{Declared, declared};
use crate::project::Project;
use crate::show::progress::Progress;
use crate::show::{self, GOOD, paint};

/// Removes what is deployed of an application, or of an environment, that nothing declares any more, and what stayed
/// on a target that an environment is on no more. It is told first what would go; nothing does without a yes to that.
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
        let meant = self.meant(common, &app, places, cancel)?;
        // Nothing goes anywhere before everything that is to go was said yes to.
        let (mut agreed, mut waiting) = (Vec::new(), Vec::new());
        for (place, what) in meant {
            let asked = ask(app.ports(&Silent), (&place, &what), confirmed.as_deref());
            match asked.map_err(|error| CliError::from(*error))? {
                None => agreed.push((place, what, confirmed.clone())),
                Some(waits) if confirm::ask(common, &place.environment, &waits) => {
                    agreed.push((place, what, Some(waits.whole_confirmation())));
                }
                Some(waits) => {
                    let reason = Reason::Unconfirmed(Box::new(waits));
                    waiting.push(reason.at(Stage::Plan, Some(&place.environment)));
                }
            }
        }
        let waits = waiting.iter().map(|error| self.told(common, error)).reduce(with);
        // A confirmation is for one thing of several: the others wait on.
        let waits = match waits {
            Some(error) if confirmed.is_none() || agreed.is_empty() => return Err(error),
            waits => waits,
        };
        let (mut removed, mut failed) = (Vec::new(), waits);
        for (place, what, confirmed) in &agreed {
            let report = match self.remove(common, &app, (place, what), confirmed.as_deref()) {
                Ok(report) => report,
                Err(error) => {
                    failed = [error].into_iter().chain(failed).reduce(with);
                    break;
                }
            };
            if common.output == Output::Text {
                let done = report.as_ref().map_or_else(|| "nothing is deployed".to_owned(), applied_text);
                let on = match what {
                    What::Deployed => String::new(),
                    What::Stayed(target) => format!(" on target `{target}`"),
                };
                show::line(format_args!("{} {place}{on}: {done}", paint(GOOD, "removed")));
            }
            removed.push(as_json(place, report.as_ref()));
        }
        // As text it is told as it goes.
        show::data_and(common, &json!({ "removed": removed }), |_| {}, failed)
    }

    /// What is to be removed of these places.
    fn meant(
        &self,
        common: &Common,
        app: &App,
        places: Vec<Place>,
        cancel: &Cancel,
    ) -> Result<Vec<(Place, What)>, CliError> {
        // A watch knows by itself.
        let known = match app.owner().controls() {
            Some(_) => Declared::default(),
            None => declared(common, app, (&self.application, &places), cancel)?,
        };
        let mut meant = Vec::new();
        for place in places {
            // What stayed where the environment is no more is nobody's, whatever is declared.
            let stayed = stayed(app.ports(&Silent), &place).map_err(|error| CliError::from(*error))?;
            match check(app, &place)?.or_else(|| declares(&known, &place)) {
                None => meant.push((place.clone(), What::Deployed)),
                Some(error) if stayed.is_empty() => return Err(error),
                Some(error) => show::warn(format_args!("what is deployed in {place} stays: {}", error.message)),
            }
            meant.extend(stayed.into_iter().map(|what| (place.clone(), what)));
        }
        if meant.iter().any(|(_, what)| *what == What::Deployed) {
            for unread in &known.unread {
                let application = &self.application;
                show::warn(format_args!("{application} may be declared where nothing can be read: {unread}"));
            }
        }
        Ok(meant)
    }

    fn remove(
        &self,
        common: &Common,
        app: &App,
        (place, what): (&Place, &What),
        confirmed: Option<&str>,
    ) -> Result<Option<Report>, CliError> {
        let progress = Progress::new(common);
        let turn = app.turn(&place.application, false)?;
        let is_all = *what == What::Deployed;
        if is_all && let Some(error) = check(app, place)? {
            return Err(error);
        }
        let observer = turn.observe(&progress);
        let bound = app.bound(place, turn.cancel())?;
        let ports = app.ports_at(&turn, &observer, bound.as_ref());
        let report = remove(ports, (place, what), (&actor(), Word::Person(confirmed)));
        let report = report.map_err(|error| self.told(common, &error))?;
        if is_all {
            app.store.set_standing(place, &mut |standing| standing.origin = None)?;
        }
        Ok(report)
    }

    /// What failed, with the way to confirm it, wherever that is typed.
    fn told(&self, common: &Common, error: &StageError) -> CliError {
        let command = format!("remove {}{}", confirm::word(&self.application), common.again());
        CliError::from(error.clone()).hint_if_any(confirm::way_out(error, &command))
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

/// Why what somebody holds, or what would be deployed again at once, is not removed.
fn check(app: &App, place: &Place) -> Result<Option<CliError>, CliError> {
    let is_looked_after =
        app.owner().controls().is_some_and(|controls| controls.looks_after(&place.application, &place.environment));
    if is_looked_after {
        let message = format!("{place} is looked after, and would be deployed again");
        let hint = "take it out of its source first; a repository that `watch` could not read yet may have it as well";
        return Ok(Some(CliError::new(Kind::Usage, message).hint(hint)));
    }
    let standing = app.store.standing(place)?;
    let obstacle = standing.pin.map(Obstacle::Pinned).or(standing.suspended.map(Obstacle::Suspended));
    Ok(obstacle.map(|obstacle| {
        let held = Reason::Held { environment: place.environment.clone(), obstacle: Box::new(obstacle) };
        CliError::from(held.at(Stage::Plan, Some(&place.environment))).in_app(Some(&place.application))
    }))
}

/// Why what its source declares today is not removed.
fn declares(known: &Declared, place: &Place) -> Option<CliError> {
    let by = known.by.get(&place.environment)?;
    let hint = "take it out there first; what a fleet file names no longer goes while `springline watch` follows that";
    Some(CliError::new(Kind::Usage, format!("{place} is declared in {by}")).hint(hint))
}

/// Both of what is waited for.
fn with(mut one: CliError, other: CliError) -> CliError {
    one.message += &format!("\n{}", other.message);
    one.hint = one.hint.into_iter().chain(other.hint).reduce(|one, other| format!("{one}\n{other}"));
    one
}

fn as_json(place: &Place, report: Option<&Report>) -> Value {
    let synced = report.and_then(|report| report.synced.last());
    let deleted = synced.map_or(0, |synced| synced.sealed.record.counts.deleted);
    json!({ "application": place.application, "environment": place.environment, "deleted": deleted })
}
