//! `springline diff`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::event::Silent;
use springline_engine::run::{Trust, Until};
use springline_engine::status::{Comparison, Differences, Explained, compare};
use springline_model::Cancel;
use springline_model::run::Cause;

use super::error::{CliError, Kind};
use super::review::{self, Against};
use super::run::{Manner, Ready};
use super::{Common, Output, RevisionArgs};
use crate::secret;
use crate::show::{self, difference};

/// Shows what differs between what the revision desires and what is live. Changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 in sync, 1 differs, 2 and up an error.\n\nExamples:\n  springline diff --env site\n  springline diff --env site --only robots.txt -o json\n  \
                  springline diff --revision feature --against site --format markdown"
)]
pub struct Diff {
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Only this object: a desired one's id or a live one's name
    #[arg(long, value_name = "OBJECT")]
    only: Option<String>,
    #[command(flatten)]
    against: Against,
    #[command(flatten)]
    revision: RevisionArgs,
}

impl Diff {
    /// Compares.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        if !self.against.against.is_empty() {
            return review::run(common, &self.against, &self.revision, self.only.as_deref(), cancel);
        }
        let ready = Ready::open(common, &self.revision, "diff", cancel, &self.environments)?;
        let manner =
            Manner { cause: Cause::Diff, until: Until::Render, trust: Trust::Kept, only: None, prune_all: false };
        let quiet = Common { output: Output::Json, ..common.clone() };
        let report = ready.go(&quiet, &self.environments, &manner)?;
        let mut all = Vec::new();
        for (environment, (name, rendered)) in ready.environments(&self.environments)?.into_iter().zip(&report.rendered)
        {
            let place = ready.place(environment);
            let comparison = Comparison {
                place: &place,
                target: &environment.target,
                context: Arc::new(ready.context(environment, &report)),
                desired: rendered.objects.clone(),
                input: &environment.input,
                policy: &environment.sync,
                only: self.only.as_deref(),
            };
            let mut found = compare(ready.app.ports(&Silent), &comparison)?;
            secret::hide_in(&mut found);
            all.push((name, found));
        }
        match common.output {
            Output::Json => show::json(&all.iter().map(|(name, found)| as_json(name, found)).collect::<Vec<_>>())?,
            Output::Text => {
                for (name, found) in &all {
                    difference::print((name, &common.in_command(&ready.brought_by(name))), found);
                }
            }
        }
        let differs = all.iter().any(|(_, differences)| !differences.changes.is_empty());
        Ok(if differs { ExitCode::from(Kind::Differs.code()) } else { ExitCode::SUCCESS })
    }
}

/// What differs in an environment, as JSON.
pub fn as_json(environment: &str, differences: &Differences) -> Value {
    let explained = |explained: &Explained| json!({ "change": explained.change, "difference": explained.difference });
    let changes = differences.changes.iter().map(explained);
    let alone = &differences.alone;
    let hooks = differences
        .hooks
        .iter()
        .map(|hook| json!({ "live": hook.live, "object": hook.object, "phase": hook.phase, "wave": hook.wave }));
    json!({
        "environment": environment,
        "in-sync": differences.changes.is_empty(),
        "desired": differences.desired,
        "changes": changes.collect::<Vec<_>>(),
        "left": differences.left,
        "ignored": alone.ignored.iter().map(explained).collect::<Vec<_>>(),
        "ignored-untold": alone.untold,
        "protected": alone.protected,
        "stays": alone.stays,
        "unconfirmed": alone.unconfirmed,
        "hooks": hooks.collect::<Vec<_>>(),
    })
}
