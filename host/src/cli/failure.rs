//! Runs that failed, as they are told: with the line of springline.yaml that it is about, and with what
//! became of it.

use springline_config::{Document, locate};
use springline_engine::chain::{APPLICATION, Chain, Input};
use springline_engine::error::{Reason, StageError};
use springline_engine::rollback::Aftermath;
use springline_engine::run::{Failure, Report};
use springline_model::Digest;
use springline_model::history::Record;
use springline_model::plugin::{Fault, Violation};
use springline_model::run::Cause;

use super::error::CliError;
use crate::project::show_revision;

/// A failure of what was deployed without its source.
pub fn told(failure: Failure) -> CliError {
    let (error, report) = *failure;
    with_aftermath(CliError::from(error), &report)
}

/// A failure with the line that it is about.
pub fn explain(chain: &Chain, document: &Document, failure: Failure) -> CliError {
    let (error, report) = *failure;
    let mut shown = CliError::from(error.clone());
    if report.run.cause == Cause::Promotion {
        confirmed_by(&mut shown, &error, &report);
    }
    match &error.reason {
        Reason::NoInput { pointer, .. } => shown = at(document, pointer, shown),
        // A target's config stands in the operator's file, but for what the application says to it.
        Reason::Plugin { what, error: called, .. } if what.starts_with("target ") => {
            let said = of_application(&called.fault).zip(error.environment.as_deref());
            if let Some((below, environment)) = said {
                let key = if below.starts_with("/sync/") { "" } else { "/target-with" };
                shown = at(document, &format!("/environments/{environment}{key}{below}"), shown);
            }
        }
        Reason::Plugin { what, pointer, error } => {
            if let Fault::Invalid { violations } = &error.fault {
                let violations = in_source(chain, pointer, violations);
                let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
                shown.message = format!("{what}: plugin {}:\n  {}", error.plugin, lines.join("\n  "));
            }
            let in_config = match &error.fault {
                Fault::Invalid { violations } => violations.iter().find_map(|violation| violation.pointer.as_deref()),
                _ => None,
            };
            shown = at(document, &format!("{pointer}{}", in_config.unwrap_or_default()), shown);
        }
        _ => {}
    }
    if report.run.number > 0 && !report.run.steps.is_empty() && shown.hint.is_none() {
        shown.hint = Some(format!("`springline logs {}` shows what the plugins logged", report.run.number));
    }
    with_aftermath(shown, &report)
}

/// Names the verb that may confirm what a promotion would remove: it is no sync.
fn confirmed_by(shown: &mut CliError, error: &StageError, report: &Report) {
    let (Reason::Unconfirmed(unconfirmed), Some(environment)) = (&error.reason, &error.environment) else { return };
    let confirmation = &unconfirmed.confirmation;
    // What is written down of it already is not told twice.
    let yes = tried(report).map_or("--yes".to_owned(), |release| format!("--expect {}", release.short()));
    let again = format!("springline promote --to {environment} {yes} --confirm-prune {confirmation}");
    shown.hint =
        Some(format!("`springline status --env {environment}` shows what would go; if it is to go: `{again}`"));
}

/// The release that was to be deployed, if it is written down.
fn tried(report: &Report) -> Option<Digest> {
    let of_run = |record: &&Record| record.cause == report.run.cause;
    report.synced.iter().map(|synced| &synced.sealed.record).rfind(of_run)?.release
}

/// Says what became of an environment whose sync failed.
fn with_aftermath(mut shown: CliError, report: &Report) -> CliError {
    let Some(aftermath) = &report.aftermath else { return shown };
    let said = match aftermath {
        Aftermath::RolledBack { to } => {
            shown.hint = Some(after_rollback(&report.run.cause, &to.environment, tried(report)));
            format!("rolled back: release {} of {} is live again", to.id.short(), show_revision(&to.revision))
        }
        Aftermath::Failed { to, error } => {
            format!("the rollback to release {} failed as well: {error}", to.id.short())
        }
        Aftermath::NothingBefore => "nothing was healthy here before that could come back: all stays as it is".into(),
        Aftermath::Pinned => "it is pinned, so it is held and not rolled back".into(),
    };
    shown.message = format!("{}\n{said}", shown.message);
    shown
}

/// What somebody does about a release that failed, nothing of which is live any more.
fn after_rollback(cause: &Cause, environment: &str, release: Option<Digest>) -> String {
    let again = match (cause, release) {
        (Cause::Promotion, _) => format!("springline promote --to {environment}"),
        (Cause::Redeploy, Some(release)) => format!("springline redeploy --env {environment} {}", release.short()),
        _ => format!("springline sync --env {environment}"),
    };
    format!("mend the cause: it is not deployed again by itself, but `{again}` tries it")
}

/// Violations with the paths of the files as they are in the repository, where the plugin's input is a
/// directory of it.
fn in_source(chain: &Chain, pointer: &str, violations: &[Violation]) -> Vec<Violation> {
    let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps);
    let step = steps.filter(|step| step.uses.pointer == pointer).find_map(|step| match &step.input {
        Input::Source(path) => Some(path.as_str()),
        Input::Step(_) => None,
    });
    let renders = chain.environments.iter().find(|environment| environment.render.pointer == pointer);
    let input = step.or_else(|| renders.map(|environment| environment.input.as_str()));
    let mut violations = violations.to_vec();
    for file in violations.iter_mut().filter_map(|violation| violation.file.as_mut()) {
        if let Some(input) = input {
            *file = springline_model::tree::join_path(input, file);
        }
    }
    violations
}

/// The place in `target-with` that a target finds wrong, if it is there.
fn of_application(fault: &Fault) -> Option<&str> {
    let Fault::Invalid { violations } = fault else { return None };
    let below = violations.first()?.pointer.as_deref()?.strip_prefix('/')?.strip_prefix(APPLICATION)?;
    (below.is_empty() || below.starts_with('/')).then_some(below)
}

/// A failure at a place of springline.yaml.
fn at(document: &Document, pointer: &str, shown: CliError) -> CliError {
    let (line, column) = locate(document, pointer);
    shown.at(&format!("{}:{line}:{column}", document.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rolled_back_is_tried_again_by_what_brought_it() {
        assert!(after_rollback(&Cause::Promotion, "prod", None).contains("`springline promote --to prod`"));
        assert!(after_rollback(&Cause::Push, "prod", None).contains("`springline sync --env prod`"));
    }
}
