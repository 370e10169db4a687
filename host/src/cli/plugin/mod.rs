//! `springline plugin`: one file a verb.

mod inspect;
mod list;

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
        }
    }
}

fn as_json(digest: &Digest, size: usize, description: &Description) -> serde_json::Value {
    let mut value = json!(description);
    value["digest"] = json!(digest);
    value["size"] = json!(size);
    value
}
