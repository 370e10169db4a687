//! `springline plugin`: one file a verb.

mod build;
mod inspect;
mod list;
mod test;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use springline_model::plugin::Description;
use springline_model::{Cancel, Digest};

use super::Common;
use super::error::CliError;

/// Looks at plugins.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin list\n  springline plugin inspect ./my-step.wasm")]
pub struct PluginArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the built-in plugins
    List(list::List),
    /// Show what a plugin is and asks for: its kind, track, imports, powers and config
    Inspect(inspect::Inspect),
    /// Build a plugin project: its component is put where its plugin.yaml says
    Build(build::Build),
    /// Run a plugin's cases on the real host: exit code 0 if all are as expected, 1 if one differs
    Test(test::Test),
}

impl PluginArgs {
    /// Does what the verb says.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        match &self.action {
            Action::List(verb) => verb.run(common, cancel),
            Action::Inspect(verb) => verb.run(common, cancel),
            Action::Build(verb) => verb.run(common),
            Action::Test(verb) => verb.run(common, cancel),
        }
    }
}

fn as_json(digest: &Digest, size: usize, description: &Description) -> serde_json::Value {
    let mut value = json!(description);
    value["digest"] = json!(digest);
    value["size"] = json!(size);
    value
}
