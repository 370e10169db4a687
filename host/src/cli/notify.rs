//! `springline notify`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use springline_source::GitSource;

use super::Common;
use super::error::{CliError, Kind};
use crate::project::Project;
use crate::show::{self, GOOD, paint};
use crate::socket::Controls;
use crate::socket::controls::Notice;

/// Tells a running `springline watch` that something is new: it looks at once. Without --app and without a
/// URL in --repo it looks at everything.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline notify\n  springline notify --app handbook\n  \
                  springline notify --state /srv/springline --repo https://git.example.com/team/site.git")]
pub struct Notify {}

impl Notify {
    /// Tells.
    ///
    /// # Errors
    /// Nobody watches, or nobody watches that.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let controls = controls(common)?;
        let repositories = common.repo.iter().filter(|repo| GitSource::is_address(repo)).cloned().collect();
        let notice = Notice { application: common.app.clone(), repositories };
        let number = controls.notify(&notice);
        // Before everything was looked at once, nobody knows what there is, and all of it is looked at anyway.
        if number == 0 && controls.is_ready() {
            return Err(nobody_knows(&*controls, &notice));
        }
        show::data(common, &json!({ "applications": number }), |_| {
            let noun = if number == 1 { "application is" } else { "applications are" };
            show::line(format_args!("{} {number} {noun} looked at now", paint(GOOD, "notified")));
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn nobody_knows(controls: &dyn Controls, notice: &Notice) -> CliError {
    let error = |what: String| CliError::new(Kind::Usage, format!("nothing that is watched {what}"));
    match (&notice.application, notice.repositories.first()) {
        (Some(name), _) => unknown(name, controls.applications().iter().map(|looked| looked.application.as_str())),
        (None, Some(repository)) => {
            error(format!("comes from {repository}")).hint("`springline apps` lists what is watched")
        }
        (None, None) => error("is there".into()),
    }
}

/// That none of these applications, which are all that are watched, is called so.
pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> CliError {
    let error = CliError::new(Kind::Usage, format!("nothing that is watched is called `{name}`"));
    match springline_config::nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`springline apps` lists what is watched"),
    }
}

/// What controls the loop of the process that executes this.
///
/// # Errors
/// It has no loop: nobody watches.
pub fn controls(common: &Common) -> Result<Arc<dyn Controls>, CliError> {
    let owner = common.session.owner.as_ref();
    owner.and_then(|owner| owner.controls()).ok_or_else(|| {
        let state = Project::state_of(common).map(|state| format!(" {}", state.display())).unwrap_or_default();
        CliError::new(Kind::State, format!("no `springline watch` runs on the state directory{state}"))
            .hint("start one, or name its directory with --state DIR")
    })
}
