//! `springline redeploy`.

use std::process::ExitCode;

use clap::Args;
use springline_engine::run::redeploy;
use springline_model::Cancel;
use springline_model::application::Sync;
use springline_model::plugin::Pinned;
use springline_model::port::{Blobs as _, Store as _};
use springline_model::run::Release;

use super::error::{CliError, Kind};
use super::run::as_json;
use super::{Common, Output, logs};
use crate::app::{App, actor};
use crate::project::{Project, show_revision};
use crate::resolve::{Resolver, pinned_target};
use crate::show::progress::Progress;
use crate::show::{self, GOOD, paint};

/// Deploys an earlier release exactly as it was: no commit, no rebuild, no re-render.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline redeploy --env site 3f9a1c2b\n\n`springline history` lists the releases.")]
pub struct Redeploy {
    /// The environment
    #[arg(long = "env", value_name = "ENV")]
    environment: String,
    /// The release: its id or the start of it
    #[arg(value_name = "RELEASE")]
    release: String,
}

impl Redeploy {
    /// Deploys it.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "redeploy", cancel)?;
        let release = pick(&app, &self.environment, &self.release)?;
        let mut operator = Resolver::of_operator(&app)?;
        let target = pinned_target(&app, &mut operator, &release)?;
        let progress = Progress::new(common);
        let policy = Sync::default();
        let turn = app.turn(&release.application, false)?;
        let observer = turn.observe(&progress);
        let report = redeploy(app.ports_in(&turn, &observer), &release, (&target, &policy), &actor())
            .map_err(|failure| CliError::from(failure.0))?;
        drop(turn);
        drop(progress);
        let warnings = logs::warnings(&app, &report.run)?;
        logs::warn(&warnings, &report.run);
        match common.output {
            Output::Json => show::json(&as_json(&report, &warnings))?,
            Output::Text => {
                let applied: u64 = report.synced.iter().map(|synced| synced.sealed.record.counts.applied()).sum();
                show::line(format_args!(
                    "{} {}: release {} of {}, {applied} changes applied",
                    paint(GOOD, "redeployed"),
                    self.environment,
                    release.id.short(),
                    show_revision(&release.revision),
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The release of that environment whose id starts so.
fn pick(app: &App, environment: &str, wanted: &str) -> Result<Release, CliError> {
    let prefix = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let mut found = app.store.releases(None, prefix)?;
    found.retain(|release| release.environment == environment);
    let see = format!("`springline history --env {environment}` lists them");
    match found.len() {
        0 => Err(CliError::new(Kind::Usage, format!("`{environment}` has no release `{wanted}`")).hint(see)),
        1 => Ok(found.remove(0)),
        n => Err(CliError::new(Kind::Usage, format!("`{wanted}` is the start of {n} releases of `{environment}`"))
            .hint(format!("give more of it; {see}"))),
    }
}

/// Whether the bytes of a plugin are still there; says so clearly if they are not.
///
/// # Errors
/// If they are gone.
pub fn ensure_there(app: &App, plugin: &Pinned) -> Result<(), CliError> {
    if app.blobs.contains(&plugin.digest) || crate::builtin::bytes(&plugin.digest).is_some() {
        return Ok(());
    }
    Err(CliError::new(Kind::State, format!("plugin {plugin}, which the release was deployed with, is not here"))
        .hint("put its component into a directory that host.yaml names in `plugin-directories`"))
}
