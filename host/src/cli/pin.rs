//! `springline unpin`, and letting go of a pin.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_engine::event::Silent;
use springline_engine::standing;
use springline_model::Cancel;
use springline_model::port::Store as _;
use springline_model::run::{Pin, Place};

use super::error::{CliError, Kind};
use super::standing::pin_json;
use super::suspend::tell;
use super::{Common, Output, check_known};
use crate::app::{App, actor};
use crate::project::Project;
use crate::show::{self, GOOD, paint};

/// Lets go of the release that an environment is pinned to: what the source says is deployed again, by
/// `springline run`, or by a `springline watch` when the next commit comes.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline unpin --env site --why 'the fix is in'")]
pub struct Unpin {
    /// The environment
    #[arg(long = "env", value_name = "ENV")]
    environment: String,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Unpin {
    /// Lets go.
    ///
    /// # Errors
    /// An environment that is not pinned; a store that can't be written.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "unpin", cancel)?;
        let place = self.place(&app, common.app.as_deref())?;
        let Some(pin) = let_go(common, &app, &place, self.why.as_deref())? else { return Err(self.not_pinned()) };
        tell(&app, std::slice::from_ref(&place));
        if common.output == Output::Json {
            show::json(
                &json!({ "application": place.application, "environment": place.environment, "unpinned": pin_json(&pin) }),
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The place that is meant: of the application that is named, else of the one that the source declares,
    /// else the only one that has an environment of this name.
    fn place(&self, app: &App, named: Option<&str>) -> Result<Place, CliError> {
        let declared = || app.project.declared().ok().map(|declared| declared.value.application);
        if let Some(name) = named {
            check_known(app.owner(), name)?;
        }
        if let Some(application) = named.map(str::to_owned).or_else(declared) {
            return Ok(Place { application, environment: self.environment.clone() });
        }
        let mut places = app.store.places()?;
        places.retain(|place| place.environment == self.environment);
        match places.len() {
            0 | 1 => places.pop().ok_or_else(|| self.not_pinned()),
            _ => {
                let applications: Vec<_> = places.iter().map(|place| place.application.as_str()).collect();
                let message = format!("several applications have an environment `{}`", self.environment);
                Err(CliError::new(Kind::Usage, message)
                    .hint(format!("name one with --app: {}", show::visible(&applications.join(", ")))))
            }
        }
    }

    fn not_pinned(&self) -> CliError {
        CliError::new(Kind::Usage, format!("`{}` is not pinned", self.environment))
            .hint("`springline status` shows what is")
    }
}

/// Lets go of a pin, if there is one, and says so.
///
/// # Errors
/// A store that can't be written.
pub fn let_go(common: &Common, app: &App, place: &Place, why: Option<&str>) -> Result<Option<Pin>, CliError> {
    let pin = standing::unpin(app.ports(&Silent), place, (&actor(), why))?;
    if let (Some(pin), Output::Text) = (&pin, common.output) {
        show::line(format_args!(
            "{} {}: it was held at release {}",
            paint(GOOD, "unpinned"),
            place.environment,
            pin.release.short()
        ));
    }
    Ok(pin)
}
