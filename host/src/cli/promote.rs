//! `springline promote`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::event::Silent;
use springline_engine::promote::{Decision, Pending, Preview};
use springline_model::Cancel;
use springline_model::application::Environment;
use springline_model::run::Release;

use super::confirm::ConfirmArgs;
use super::diff;
use super::error::{CliError, Kind};
use super::run::{as_json, known_environments};
use super::standing::{applied_text, pending_json, release_text, wait_text};
use super::{Common, Output, logs, redeploy};
use crate::app::{App, actor};
use crate::project::Project;
use crate::promotion::{self, Prepared};
use crate::show::progress::Progress;
use crate::show::{self, FAINT, GOOD, NOTE, difference, paint};

/// Moves what is deployed in one environment on to the next: the same artifacts and plugins, rendered for
/// the other one at the same revision, never built again. Shows what that changes first, and asks.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 promoted, or nothing to promote; 1 if what would be promoted is not what was \
                        shown before.\n\nExamples:\n  springline promote --from staging --to production --dry-run\n  \
                        springline promote --to production --expect 3f9a1c2b --why 'approved in the meeting'")]
pub struct Promote {
    /// Where it comes from [default: what `promote-from` says]
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// Where it goes
    #[arg(long, value_name = "ENV")]
    to: String,
    /// Another release of the first environment than the one that is deployed there
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Only show what it would do
    #[arg(long, conflicts_with_all = ["yes", "expect"])]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Do not ask, if it would deploy this release: the one that --dry-run has shown
    #[arg(long, value_name = "RELEASE", conflicts_with = "yes", value_parser = expected)]
    expect: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// The fewest digits of an id that say yes to a release: fewer, above all none, may be any.
const FEWEST_DIGITS: usize = 8;

/// Enough of a release's id to stand for it alone.
pub(super) fn expected(said: &str) -> Result<String, String> {
    let digits = said.strip_prefix("sha256:").unwrap_or(said);
    if digits.len() < FEWEST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("at least {FEWEST_DIGITS} hexadecimal digits of a release's id"));
    }
    Ok(digits.to_ascii_lowercase())
}

/// A promotion, and what it would do.
struct Shown {
    pending: Pending,
    prepared: Prepared,
    preview: Preview,
}

impl Promote {
    /// Promotes.
    ///
    /// # Errors
    /// Whatever fails; a promotion that has to wait or that is not what was expected.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let declared = project.declared()?.value;
        let (from, environment) = route(&declared.environments, (self.from.as_deref(), &self.to))?;
        let app = App::open(common, project, "promote", cancel)?;
        let named = self
            .release
            .as_deref()
            .map(|wanted| redeploy::pick(&app, (Some(&declared.application), &from), wanted))
            .transpose()?;
        let look = || self.look(&app, &declared.application, (&from, environment), named.as_ref());
        let Some(shown) = look()? else { return self.nothing(common, &from) };
        if common.output == Output::Text || self.dry_run {
            self.show(common, &shown)?;
        }
        if self.dry_run {
            return Ok(ExitCode::SUCCESS);
        }
        self.check(common, &shown)?;
        self.confirm(&shown.preview.release)?;
        let progress = Progress::new(common);
        let by = actor();
        let turn = app.turn(&declared.application, false)?;
        let observer = turn.observe(&progress);
        let ports = app.ports_in(&turn, &observer);
        let carried = shown.prepared.carry_out(ports, &shown.pending, (&by, self.why.as_deref()));
        drop(turn);
        let report = match carried {
            Ok(report) => report,
            Err(error) if error.kind == Kind::Differs => {
                drop(progress);
                if let Some(now) = look()?.filter(|_| common.output == Output::Text) {
                    self.show(common, &now)?;
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        drop(progress);
        let warnings = logs::warnings(&app, &report.run)?;
        logs::warn(&warnings, &report.run);
        if common.output == Output::Json {
            show::json(&as_json(&report, &warnings))?;
        } else {
            let applied = applied_text(&report);
            show::line(format_args!(
                "{} {}: {} from {from}, {applied}",
                paint(GOOD, "promoted"),
                self.to,
                release_text(&shown.preview.release),
            ));
            for synced in &report.synced {
                show::alone::warn_of_stays(&synced.sealed.record.place, &synced.stays);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn look(
        &self,
        app: &App,
        application: &str,
        (from, environment): (&str, &Environment),
        named: Option<&Release>,
    ) -> Result<Option<Shown>, CliError> {
        let way = (from, self.to.as_str(), &environment.gates);
        let Decision::Pending(pending) = promotion::decide(app.ports(&Silent), application, way, named)? else {
            return Ok(None);
        };
        let picked = app.project.pick(&promotion::revision_of(&pending.release)?)?;
        let confirmed = self.confirm.confirmed(1)?;
        let prepared = Prepared::new(app, picked, &pending.release, (&self.to, confirmed))?;
        let turn = app.turn(application, true)?;
        let observer = turn.observe(&Silent);
        let preview = prepared.preview(app.ports_in(&turn, &observer), &pending)?;
        Ok(Some(Shown { pending: *pending, prepared, preview }))
    }

    fn nothing(&self, common: &Common, from: &str) -> Result<ExitCode, CliError> {
        let to = &self.to;
        if let Some(expect) = &self.expect {
            let message = format!("nothing is to be promoted to `{to}` any more, and release `{expect}` was expected");
            return Err(CliError::new(Kind::Differs, message)
                .hint(format!("`springline history --env {to}` shows what was deployed there")));
        }
        show::data(common, &json!({ "from": from, "to": to, "promotion": null }), |_| {
            show::line(format_args!("nothing to promote: {to} has what {from} has"));
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what would be promoted, what that changes, and what it waits for.
    fn show(&self, common: &Common, shown: &Shown) -> Result<(), CliError> {
        let Shown { pending, preview, .. } = shown;
        show::data(common, &self.as_json(shown), |_| {
            show::line(format_args!(
                "{} of {} becomes release {} of {}",
                release_text(&pending.release),
                pending.release.environment,
                preview.release.id.short(),
                self.to
            ));
            let way = format!("promote --to {} --expect {}", self.to, preview.release.id.short());
            difference::print((&self.to, &common.in_command(&way)), &preview.differences);
            for wait in &pending.waits {
                show::line(paint(NOTE, common.named(&wait_text(pending, &self.to, wait))));
            }
            for approval in &pending.approvals {
                let why =
                    if approval.why.is_empty() { String::new() } else { format!(": {}", show::visible(&approval.why)) };
                show::line(paint(FAINT, format_args!("approved by {}{why}", approval.by)));
            }
        })
    }

    fn as_json(&self, Shown { pending, preview, .. }: &Shown) -> Value {
        json!({
            "from": pending.release.environment,
            "to": self.to,
            "promotion": pending_json(pending),
            "release": preview.release.id.hex(),
            "artifacts": preview.release.artifacts,
            "plugins": preview.release.plugins,
            "difference": diff::as_json(&self.to, &preview.differences),
        })
    }

    /// Refuses what has to wait, and what is not what was shown before.
    fn check(&self, common: &Common, Shown { pending, preview, .. }: &Shown) -> Result<(), CliError> {
        let id = &preview.release.id;
        if let Some(expect) = &self.expect
            && !id.hex().starts_with(expect)
        {
            let message =
                format!("release {} would be deployed, and `{expect}` was expected: nothing was done", id.short());
            return Err(CliError::new(Kind::Differs, message)
                .hint(format!("if that is right, say so: `--expect {}`", id.short())));
        }
        let waits = pending.waits.iter().filter(|wait| !wait.yields_to_people());
        let said: Vec<String> = waits.map(|wait| wait_text(pending, &self.to, wait)).collect();
        if said.is_empty() {
            return Ok(());
        }
        let message =
            format!("{} is not promoted to `{}`: {}", release_text(&pending.release), self.to, said.join("; "));
        Err(CliError::new(Kind::Deploy, common.named(&message))
            .hint("`springline status` shows what a promotion waits for"))
    }

    fn confirm(&self, release: &Release) -> Result<(), CliError> {
        if self.yes || self.expect.is_some() {
            return Ok(());
        }
        if !show::console::answers() {
            let message = "nobody is there to be asked: nothing was done";
            return Err(CliError::new(Kind::Usage, message).hint(format!(
                "`--expect {}` promotes what was shown, `--yes` whatever is there",
                release.id.short()
            )));
        }
        let answer = show::console::ask("Promote it? [y/N] ").unwrap_or_default();
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::new(Kind::Usage, "nothing was done")),
        }
    }
}

/// The way that springline.yaml declares to an environment.
///
/// # Errors
/// Environments that are not there or that nothing is promoted between.
pub fn route<'e>(
    environments: &'e indexmap::IndexMap<String, Environment>,
    (from, to): (Option<&str>, &str),
) -> Result<(String, &'e Environment), CliError> {
    let named: Vec<String> = from.into_iter().chain([to]).map(str::to_owned).collect();
    known_environments(&named, environments.keys().map(String::as_str))?;
    let environment = &environments[to];
    match (&environment.promote_from, from) {
        (None, _) => Err(CliError::new(Kind::Usage, format!("nothing is promoted to `{to}`: it follows the source"))
            .hint(format!("springline.yaml says what is: `environments: {{ {to}: {{ promote-from: ENV }} }}`"))),
        (Some(declared), Some(from)) if declared != from => {
            Err(CliError::new(Kind::Usage, format!("releases get to `{to}` from `{declared}`, not from `{from}`"))
                .hint(format!("`springline promote --from {declared} --to {to}`")))
        }
        (Some(declared), _) => Ok((declared.clone(), environment)),
    }
}

#[cfg(test)]
mod tests {
    use super::expected;

    #[test]
    fn nothing_and_next_to_nothing_is_no_yes() {
        for said in ["", "sha256:", "3f9a1c2", "3f9a1c2z", "HEAD"] {
            assert!(expected(said).is_err(), "{said}");
        }
        assert_eq!(expected("sha256:3F9A1C2B").unwrap(), "3f9a1c2b");
        assert_eq!(expected("3f9a1c2b5e7d").unwrap(), "3f9a1c2b5e7d");
    }
}
