//! `springline approve`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_engine::Ports;
use springline_engine::event::Silent;
use springline_engine::promote::{Decision, Pending};
use springline_engine::standing::{approve, withdraw};
use springline_model::Cancel;
use springline_model::port::Clock as _;
use springline_model::run::{Approval, Place, Release};

use super::error::{CliError, Kind};
use super::promote::{expected, route};
use super::standing::{approval_json, pending_json, release_text, wait_text};
use super::suspend::tell;
use super::{Common, Output, redeploy};
use crate::app::{App, SystemClock, actor};
use crate::project::Project;
use crate::promotion;
use crate::show::{self, GOOD, NOTE, paint};

/// Approves of a release that waits to be promoted: of this one, not of the next one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline approve --env production --why 'tested by hand'\n  \
                        springline approve --env production --expect 3f9a1c2b --why 'tested by hand'\n  \
                        springline approve --env production 3f9a1c2b --withdraw")]
pub struct Approve {
    /// The environment that it is to be promoted to
    #[arg(long = "env", value_name = "ENV")]
    environment: String,
    /// The release, of the environment that it comes from: its id or the start of it [default: what is
    /// deployed there]
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", required_unless_present = "withdraw")]
    why: Option<String>,
    /// Only if it is this release: the one that was looked at
    #[arg(long, value_name = "RELEASE", conflicts_with = "withdraw", value_parser = expected)]
    expect: Option<String>,
    /// Take the approvals of it back
    #[arg(long)]
    withdraw: bool,
}

impl Approve {
    /// Approves, or takes that back.
    ///
    /// # Errors
    /// An environment that needs no approval; a release that is not there.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let declared = project.last_declared()?.0.value;
        let to = &self.environment;
        let (from, environment) = route(&declared.environments, (None, to))?;
        if !environment.gates.approval {
            return Err(CliError::new(Kind::Usage, format!("no promotion to `{to}` waits for an approval")).hint(
                format!("springline.yaml says so: `environments: {{ {to}: {{ gates: {{ approval: true }} }} }}`"),
            ));
        }
        let app = App::open(common, project, "approve", cancel)?;
        let ports = app.ports(&Silent);
        let named = self
            .release
            .as_deref()
            .map(|wanted| redeploy::pick(&app, (Some(&declared.application), &from), wanted))
            .transpose()?;
        let look = || promotion::decide(ports, &declared.application, (&from, to, &environment.gates), named.as_ref());
        let Decision::Pending(pending) = look()? else {
            return Err(CliError::new(
                Kind::Usage,
                format!("nothing is to be promoted to `{to}`: it has what `{from}` has"),
            ));
        };
        let place = Place { application: declared.application.clone(), environment: to.clone() };
        if self.withdraw {
            return self.take_back(common, ports, (&place, &pending));
        }
        self.check(&pending.release)?;
        let (by, why) = (actor(), self.why.clone().unwrap_or_default());
        let approval = Approval { release: pending.release.id, by, why, at: SystemClock.now() };
        approve(ports, &place, &approval)?;
        tell(&app, std::slice::from_ref(&place));
        let Decision::Pending(pending) = look()? else { return Ok(ExitCode::SUCCESS) };
        show::data(common, &json!({ "environment": to, "promotion": pending_json(&pending) }), |_| {
            show::line(format_args!(
                "{} {}, to be promoted from {from} to {to}",
                paint(GOOD, "approved"),
                release_text(&pending.release)
            ));
            for wait in &pending.waits {
                show::line(paint(NOTE, common.named(&wait_text(&pending, to, wait))));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// Refuses another release than the one that is meant. Who names none is asked in a terminal: another one
    /// may have come while the one before was tested.
    fn check(&self, release: &Release) -> Result<(), CliError> {
        let (id, to) = (&release.id, &self.environment);
        match &self.expect {
            Some(expect) if id.hex().starts_with(expect) => return Ok(()),
            Some(expect) => {
                let what = release_text(release);
                let message = format!("{what} waits for `{to}`, and `{expect}` was expected: nothing was approved");
                return Err(CliError::new(Kind::Differs, message).hint(format!(
                    "`springline promote --to {to} --dry-run` shows what it changes; `--expect {}` approves of it",
                    id.short()
                )));
            }
            None if self.release.is_some() || !show::console::answers() => return Ok(()),
            None => {}
        }
        let question = format!("Approve of {}, to be promoted to {to}? [y/N] ", release_text(release));
        match show::console::ask(&question).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::new(Kind::Usage, "nothing was approved")),
        }
    }

    fn take_back(
        &self,
        common: &Common,
        ports: Ports<'_>,
        (place, pending): (&Place, &Pending),
    ) -> Result<ExitCode, CliError> {
        let taken = withdraw(ports, place, &pending.release.id)?;
        if taken.is_empty() {
            let message =
                format!("nobody has approved of {} for `{}`", release_text(&pending.release), self.environment);
            return Err(CliError::new(Kind::Usage, message).hint("`springline status` shows who has approved of what"));
        }
        if common.output == Output::Json {
            let taken: Vec<_> = taken.iter().map(approval_json).collect();
            show::json(&json!({ "environment": self.environment, "withdrawn": taken }))?;
        } else {
            show::line(format_args!("{} {}", paint(GOOD, "withdrawn:"), release_text(&pending.release)));
        }
        Ok(ExitCode::SUCCESS)
    }
}
