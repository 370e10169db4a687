//! `springline apps`.

use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::{Common, notify};
use crate::project::show_revision;
use crate::show::table::{Table, plain, styled};
use crate::show::{self, BAD, FAINT, GOOD, NOTE};
use crate::socket::controls::Looking;

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
            let mut table = Table::new(&["APPLICATION", "REVISION", "STATE", "LAST ERROR"]);
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
                    plain(looked.error.as_deref().unwrap_or_default()),
                ]);
            }
            table.print();
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn words(state: &Looking) -> String {
    match state {
        Looking::InSync => "in sync".into(),
        Looking::Drifted => "drifted".into(),
        Looking::OutOfSync => "out of sync".into(),
        Looking::NotDeployed => "not deployed".into(),
        Looking::Queued => "queued".into(),
        Looking::Running { run: Some(run) } => format!("running (run {run})"),
        Looking::Running { run: None } => "running".into(),
        Looking::Suspended { why } => why.clone(),
        Looking::Failed => "failed".into(),
    }
}
