//! `springline plugin`: one file a verb.

pub mod build;
mod dev;
pub mod diff;
pub mod grants;
mod inspect;
mod list;
mod new;
mod pull;
mod push;
mod run;
mod test;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use springline_model::plugin::Description;
use springline_model::{Cancel, Digest};

use super::error::CliError;
use super::{Common, update};

/// Writes, builds, tests, looks at and shares plugins.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin new --lang rust --kind build-step my-step\n  \
                        springline plugin inspect ./my-step.wasm")]
pub struct PluginArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the built-in plugins, or what is in a repository of a registry
    List(list::List),
    /// Show what a plugin is and asks for: its kind, track, imports, powers and config
    Inspect(inspect::Inspect),
    /// Show which powers plugins ask for, why, what is granted by which line, and what was used
    Grants(grants::GrantsArgs),
    /// Start a plugin project, with the SDK in it
    New(new::New),
    /// Build a plugin project: its component is put where its plugin.yaml says
    Build(build::Build),
    /// Run a plugin's cases on the real host: exit code 0 if all are as expected, 1 if one differs
    Test(test::Test),
    /// Call a plugin once, by hand
    Run(run::Run),
    /// Build and test a plugin project again whenever a file of it changes
    Dev(dev::Dev),
    /// Show what an upgrade changes: exit code 0, or 1 if the new one asks for more
    Diff(diff::Diff),
    /// Push a plugin to a registry, and sign it
    Push(push::Push),
    /// Pull a plugin from a registry into a file
    Pull(pull::Pull),
    /// Pin what plugin names stand for today; the same as `springline update`
    Update(update::Update),
}

impl PluginArgs {
    /// Whether it needs no state: see [`Verb::is_local`](super::Verb::is_local).
    pub fn is_local(&self) -> bool {
        match &self.action {
            Action::Grants(_) | Action::Update(_) => false,
            Action::List(list) => list.is_local(),
            _ => true,
        }
    }

    /// Does what the verb says.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        match &self.action {
            Action::List(verb) => verb.run(common, cancel),
            Action::Inspect(verb) => verb.run(common),
            Action::Grants(verb) => verb.run(common, cancel),
            Action::New(verb) => verb.run(common),
            Action::Build(verb) => verb.run(common),
            Action::Test(verb) => verb.run(common, cancel),
            Action::Run(verb) => verb.run(common, cancel),
            Action::Dev(verb) => verb.run(cancel),
            Action::Diff(verb) => verb.run(common),
            Action::Push(verb) => verb.run(common, cancel),
            Action::Pull(verb) => verb.run(common, cancel),
            Action::Update(verb) => verb.run(common, cancel),
        }
    }
}

fn as_json(digest: &Digest, size: usize, description: &Description) -> serde_json::Value {
    let mut value = json!(description);
    value["digest"] = json!(digest);
    value["size"] = json!(size);
    value
}
