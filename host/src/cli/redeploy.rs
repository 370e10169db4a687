//! `springline redeploy`.

use std::process::ExitCode;

use clap::Args;
use springline_engine::record;
use springline_engine::redeploy::{Order, redeploy};
use springline_model::Cancel;
use springline_model::application::Sync;
use springline_model::newest::Newest;
use springline_model::plugin::Pinned;
use springline_model::port::{Blobs as _, Store as _};
use springline_model::run::{Place, Release};

use super::confirm::{self, ConfirmArgs};
use super::error::{CliError, Kind};
use super::failure;
use super::run::as_json;
use super::standing::{applied_text, pin_json, release_text};
use super::{Common, Output, check_known, logs, named};
use crate::app::{App, actor};
use crate::project::Project;
use crate::resolve::{Resolver, pinned_target};
use crate::show::progress::Progress;
use crate::show::{self, GOOD, NOTE, paint};

/// The fewest digits that name something.
const FEWEST_DIGITS: usize = 4;

/// Deploys an earlier release exactly as it was, and holds the environment at it: no commit, no rebuild,
/// no re-render.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline redeploy --env site 3f9a1c2b --why 'the new search is slow'\n  \
                        springline redeploy --env site 3f9a1c2b --no-pin\n\n`springline history` lists the releases.")]
pub struct Redeploy {
    /// The environment
    #[arg(long = "env", value_name = "ENV")]
    environment: String,
    /// The release: its id or the start of it
    #[arg(value_name = "RELEASE")]
    release: String,
    /// Why, for the history and for whoever finds the environment pinned
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Do not hold the environment at it: what comes next is deployed over it
    #[arg(long)]
    no_pin: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

impl Redeploy {
    /// Deploys it.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "redeploy", cancel)?;
        recover(&app, common, &self.environment)?;
        if let Some(name) = &common.app {
            check_known(app.owner(), name)?;
        }
        let release = pick(&app, (common.app.as_deref(), &self.environment), &self.release)?;
        // A command has to name it where others have such an environment.
        let mut others = app.store.places()?.into_iter().filter(|place| place.environment == release.environment);
        let is_named = common.app.is_some() || others.any(|place| place.application != release.application);
        let of = is_named.then_some(release.application.as_str());
        let mut operator = Resolver::of_operator(&app)?;
        let target = pinned_target(&app, &mut operator, &release)?;
        let progress = Progress::new(common);
        let mut policy = policy(&app, &release)?;
        policy.confirm_prune.confirmed = self.confirm.confirmed(1)?;
        let order = Order { actor: &actor(), why: self.why.as_deref(), pin: !self.no_pin };
        let turn = app.turn(&release.application, false)?;
        let observer = turn.observe(&progress);
        let bound = app.bound(&release.place(), turn.cancel())?;
        let ports = app.ports_at(&turn, &observer, bound.as_ref());
        let report = redeploy(ports, &release, (&target, &policy), order).map_err(|failure| {
            let way_out = confirm::way_out(&failure.0, &self.command());
            let error = failure::told(failure).hint_if_any(way_out).in_app(of);
            self.and_pinned(&app, (&release, of), error)
        })?;
        drop(turn);
        drop(progress);
        let warnings = logs::warnings(&app, &report.run)?;
        logs::warn(&warnings, &report.run);
        let place = release.place();
        let pin = app.store.standing(&place)?.pin;
        match common.output {
            Output::Json => {
                let mut value = as_json(&report, &warnings);
                value["pin"] = pin.as_ref().map(pin_json).into();
                show::json(&value)?;
            }
            Output::Text => {
                let applied = applied_text(&report);
                show::line(format_args!(
                    "{} {}: {}, {applied}",
                    paint(GOOD, "redeployed"),
                    self.environment,
                    release_text(&release),
                ));
                if pin.is_some() {
                    show::line(format_args!("{} {}: {}", paint(NOTE, "pinned"), self.environment, self.until(of)));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// An error that says that the environment is held at the release all the same: nothing replaces it.
    fn and_pinned(&self, app: &App, (release, of): (&Release, Option<&str>), mut error: CliError) -> CliError {
        let place = release.place();
        let pin = app.store.standing(&place).ok().and_then(|standing| standing.pin);
        if pin.is_some_and(|pin| pin.release == release.id) {
            error.message += &format!("\n`{}` is pinned to it: {}", self.environment, self.until(of));
        }
        error
    }

    /// What ends a pin.
    fn until(&self, of: Option<&str>) -> String {
        named(&format!("nothing replaces it until `springline unpin --env {}`", self.environment), of)
    }

    /// The command, without a confirmation.
    fn command(&self) -> String {
        let mut command =
            format!("redeploy --env {} {}", confirm::word(&self.environment), confirm::word(&self.release));
        if let Some(why) = &self.why {
            command += &format!(" --why {}", confirm::word(why));
        }
        command + if self.no_pin { " --no-pin" } else { "" }
    }
}

/// How the environment is synced: as its newest revision says, as that is how it is kept from then on. Where
/// there is no source, or it does not know the environment, it is as what came to be deployed there was synced:
/// that is what may be removed now.
fn policy(app: &App, release: &Release) -> Result<Sync, CliError> {
    let declared = || {
        let mut declared = app.project.declared().ok()?.value;
        let is_it = declared.application == release.application;
        is_it.then(|| declared.environments.shift_remove(&release.environment)).flatten().map(|found| found.sync)
    };
    if let Some(sync) = declared() {
        return Ok(sync);
    }
    let place = release.place();
    let live = app.store.newest(&place, Newest::Live)?.and_then(|sealed| sealed.record.release);
    let deployed = match live {
        Some(id) => app.store.releases(Some(&place), &id.hex())?.into_iter().next(),
        None => None,
    };
    Ok(deployed.map_or_else(|| release.sync.clone(), |deployed| deployed.sync))
}

/// Where nothing is known of the environment here, git is asked what it tells of it.
fn recover(app: &App, common: &Common, environment: &str) -> Result<(), CliError> {
    if !app.store.places()?.is_empty() || app.project.source().is_err() {
        return Ok(());
    }
    let declared = app.project.declared()?.value;
    if common.app.as_ref().is_some_and(|name| *name != declared.application) {
        return Ok(());
    }
    let Some(known) = declared.environments.get(environment) else { return Ok(()) };
    let place = Place { application: declared.application.clone(), environment: environment.to_owned() };
    let turn = app.turn(&place.application, false)?;
    record::recover(app.ports_in(&turn, &Progress::new(common)), &place, &known.record, &actor())?;
    Ok(app.store.set_standing(&place, &mut |standing| standing.record.clone_from(&known.record)).map(drop)?)
}

/// The start of an id that somebody typed: what names nothing names no release.
///
/// # Errors
/// Too few digits.
pub fn prefix(wanted: &str) -> Result<&str, CliError> {
    let prefix = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    if prefix.len() < FEWEST_DIGITS {
        let message = format!("`{wanted}` is not enough of an id: at least {FEWEST_DIGITS} of its digits are");
        return Err(CliError::new(Kind::Usage, message).hint("`springline history` lists them"));
    }
    Ok(prefix)
}

/// The release of that environment whose id starts so.
///
/// # Errors
/// None, or several ones.
pub fn pick(app: &App, (application, environment): (Option<&str>, &str), wanted: &str) -> Result<Release, CliError> {
    let prefix = prefix(wanted)?;
    let mut found = app.store.releases(None, prefix)?;
    found.retain(|release| application.is_none_or(|name| release.application == name));
    let other = found.iter().find(|release| release.environment != environment).map(|it| it.environment.clone());
    found.retain(|release| release.environment == environment);
    let see = format!("`springline history --env {environment}` lists them");
    match (found.len(), other) {
        (0, Some(other)) => {
            Err(CliError::new(Kind::Usage, format!("release `{wanted}` is one of `{other}`, not of `{environment}`"))
                .hint(format!(
                    "a release gets to another environment by promotion: \
             `springline promote --from {other} --to {environment} --release {wanted}`"
                )))
        }
        (0, None) => Err(CliError::new(Kind::Usage, format!("`{environment}` has no release `{wanted}`")).hint(see)),
        (1, _) => Ok(found.remove(0)),
        (n, _) => {
            Err(CliError::new(Kind::Usage, format!("`{wanted}` is the start of {n} releases of `{environment}`"))
                .hint(format!("give more of it; {see}")))
        }
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
