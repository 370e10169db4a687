//! `springline apps`.

use std::process::ExitCode;

use clap::Args;
use springline_model::run::Pin;

use super::error::CliError;
use super::{Common, notify};
use crate::project::show_revision;
use crate::show::table::{Table, plain, styled};
use crate::show::time::moment;
use crate::show::{self, BAD, FAINT, GOOD, NOTE, paint};
use crate::socket::controls::{Looking, Seen};

/// Lists what a running `springline watch` looks after.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline apps --state /srv/springline -o json")]
pub struct Apps {}

impl Apps {
    /// Lists.
    ///
    /// # Errors
    /// Nobody watches.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let applications = notify::controls(common)?.applications();
        show::data(common, &applications, |applications| {
            let mut table = Table::new(&["APPLICATION", "REVISION", "STATE", "ENVIRONMENTS", "LAST ERROR"]);
            for looked in applications {
                let style = match looked.state {
                    Looking::InSync => GOOD,
                    Looking::Failed => BAD,
                    Looking::NotDeployed => FAINT,
                    _ => NOTE,
                };
                table.row(vec![
                    plain(&looked.application),
                    plain(looked.revision.as_deref().map_or("-", show_revision)),
                    styled(style, words(&looked.state)),
                    plain(looked.environments.iter().map(brief).collect::<Vec<_>>().join(", ")),
                    plain(looked.error.as_deref().unwrap_or_default()),
                ]);
            }
            table.print();
            for looked in applications {
                looked.environments.iter().for_each(|seen| tell(&looked.application, seen));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// An environment, and how it is if that is not in sync.
fn brief(Seen { environment, state, pin, .. }: &Seen) -> String {
    match (*state, pin) {
        ("in-sync", None) => environment.clone(),
        ("in-sync", Some(_)) => format!("{environment} (pinned)"),
        (state, None) => format!("{environment} ({})", state.replace('-', " ")),
        (state, Some(_)) => format!("{environment} ({}, pinned)", state.replace('-', " ")),
    }
}

/// What of an environment waits for somebody.
fn tell(application: &str, Seen { environment, state, why, pin }: &Seen) {
    if let Some(Pin { release, by, why, at }) = pin {
        let why = if why.is_empty() { String::new() } else { format!(": {}", show::visible(why)) };
        let (word, release, since) = (paint(NOTE, "pinned"), release.short(), moment(*at));
        show::line(format_args!("{application}/{environment}: {word} to release {release} by {by} on {since}{why}"));
    }
    if let ("unconfirmed", Some(why)) = (*state, why) {
        show::line(format_args!("{application}/{environment}: {} {}", paint(NOTE, "waits"), show::visible(why)));
    }
}

fn words(state: &Looking) -> String {
    match state {
        Looking::InSync => "in sync".into(),
        Looking::Drifted => "drifted".into(),
        Looking::Unconfirmed => "unconfirmed".into(),
        Looking::OutOfSync => "out of sync".into(),
        Looking::NotDeployed => "not deployed".into(),
        Looking::Queued => "queued".into(),
        Looking::Running { run: Some(run) } => format!("running (run {run})"),
        Looking::Running { run: None } => "running".into(),
        Looking::Suspended { why } => why.clone(),
        Looking::Failed => "failed".into(),
    }
}
