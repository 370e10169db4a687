//! `springline suspend` and `springline resume`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::Cancel;
use springline_model::port::{Clock as _, Store as _};
use springline_model::run::{Place, Suspension};

use super::error::{CliError, Kind};
use super::{Common, unknown};
use crate::app::{App, SystemClock, actor};
use crate::project::Project;
use crate::show::time::moment;
use crate::show::{self, FAINT, GOOD, NOTE, paint};
use crate::socket::{self, controls::Notice};
use crate::turns::Wish;

/// Leaves an application alone: `springline watch` deploys and repairs nothing of it until it is resumed.
/// Whoever calls `run`, `sync` or `redeploy` still can.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline suspend --why 'we look into a broken certificate'\n  \
                        springline suspend --app handbook --env production --why 'freeze until Monday'")]
pub struct Suspend {
    #[command(flatten)]
    which: Which,
    /// Why: everybody who asks for the status is told
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// Ends what `springline suspend` began.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline resume\n  springline resume --app handbook --env production")]
pub struct Resume {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
}

impl Suspend {
    /// Suspends.
    ///
    /// # Errors
    /// No such application or environment.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        if self.why.trim().is_empty() {
            return Err(
                CliError::new(Kind::Usage, "--why says nothing").hint("say why, for those who find it suspended")
            );
        }
        let (app, places) = self.which.places(common, "suspend", cancel)?;
        let order = Suspension { by: actor(), why: self.why.clone(), at: SystemClock.now() };
        let mut replaced = Vec::new();
        for place in &places {
            let mut was = None;
            app.store.set_standing(place, &mut |standing| was = standing.suspended.replace(order.clone()))?;
            replaced.extend(was.map(|was| (place, was)));
        }
        tell(&app, &places);
        await_loop(&app, &places, cancel)?;
        let was: Vec<_> = replaced.iter().map(|(place, was)| json!({ "place": place, "suspension": was })).collect();
        show::data(common, &json!({ "suspended": places, "why": order.why, "by": order.by, "replaced": was }), |_| {
            for place in &places {
                show::line(format_args!("{} {place}: {}", paint(NOTE, "suspended"), show::visible(&order.why)));
            }
            for (place, Suspension { by, why, at }) in &replaced {
                let (since, why) = (moment(*at), show::visible(why));
                show::line(paint(FAINT, format_args!("  {place} was suspended by {by} since {since}: {why}")));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    /// Resumes.
    ///
    /// # Errors
    /// No such application or environment.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let (app, places) = self.which.places(common, "resume", cancel)?;
        let mut resumed = Vec::new();
        for place in places {
            let mut was = false;
            app.store.set_standing(&place, &mut |standing| was = standing.suspended.take().is_some())?;
            if was {
                resumed.push(place);
            }
        }
        tell(&app, &resumed);
        show::data(common, &json!({ "resumed": resumed }), |_| {
            resumed.iter().for_each(|place| show::line(format_args!("{} {place}", paint(GOOD, "resumed"))));
            if resumed.is_empty() {
                show::line("nothing of it is suspended");
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Waits for what the loop is doing there: it looks at what stands when it begins with something.
fn await_loop(app: &App, places: &[Place], cancel: &Cancel) -> Result<(), CliError> {
    let turns = &app.owner().turns;
    let mut flights = turns.flights();
    flights.retain(|flight| {
        let Wish { application, reads, verb, .. } = &flight.wish;
        !reads && verb == socket::WATCH && places.iter().any(|place| place.application == *application)
    });
    turns
        .await_ends(&flights, cancel)
        .map_err(|error| error.hint("it is suspended for what comes; `springline cancel` stops what is under way"))
}

/// What watches takes notice at once.
pub fn tell(app: &App, places: &[Place]) {
    if let (Some(controls), Some(place)) = (app.owner().controls(), places.first()) {
        controls.notify(&Notice { application: Some(place.application.clone()), repositories: Vec::new() });
    }
}

impl Which {
    fn known(&self, application: &str, places: &[Place]) -> Result<(), CliError> {
        let known: Vec<&str> = places.iter().map(|place| place.environment.as_str()).collect();
        let Some(name) = self.environments.iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let error = CliError::new(Kind::Usage, format!("`{application}` has no environment `{name}`"));
        Err(match springline_config::nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("it has {}", known.join(", "))),
        })
    }

    /// The places that are meant.
    fn places(&self, common: &Common, verb: &str, cancel: &Cancel) -> Result<(App, Vec<Place>), CliError> {
        let (project, declared) = match &common.app {
            Some(_) => (Project::find_state(common, cancel)?, None),
            None => {
                let project = Project::find(common, None, cancel)?;
                let declared = project.last_declared()?.0.value;
                (project, Some(declared))
            }
        };
        let app = App::open(common, project, verb, cancel)?;
        let mut places = app.store.places()?;
        let application = match (&common.app, declared) {
            (Some(name), _) => name.clone(),
            (None, Some(declared)) => {
                places.extend(
                    declared
                        .environments
                        .into_keys()
                        .map(|environment| Place { application: declared.application.clone(), environment }),
                );
                declared.application
            }
            (None, None) => String::new(),
        };
        if !places.iter().any(|place| place.application == application) {
            return Err(unknown(app.owner(), &application)?);
        }
        places.retain(|place| place.application == application);
        places.sort();
        places.dedup();
        self.known(&application, &places)?;
        places.retain(|place| self.environments.is_empty() || self.environments.contains(&place.environment));
        Ok((app, places))
    }
}
