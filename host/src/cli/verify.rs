//! `springline verify`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::run::{Observed, Trust, Until};
use springline_model::Cancel;
use springline_model::manifest::manifest_digest;
use springline_model::run::Cause;

use super::error::{CliError, Kind};
use super::run::{Manner, Ready};
use super::{Common, Output, RevisionArgs};
use crate::show::{self, BAD, GOOD, NOTE, paint};

/// Executes everything pure once more, uncached, and compares the bytes with what was kept.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline verify --revision main")]
pub struct Verify {
    #[command(flatten)]
    revision: RevisionArgs,
}

struct Compared {
    name: String,
    kept: String,
    again: String,
}

impl Verify {
    /// Verifies.
    ///
    /// # Errors
    /// Whatever fails; results that differ.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let ready = Ready::open(common, &self.revision, "verify", cancel, &[])?;
        let manner = |trust| Manner { cause: Cause::Verify, until: Until::Render, trust, only: None, prune_all: false };
        let quiet = Common { output: Output::Json, ..common.clone() };
        let kept = ready.go(&quiet, &[], &manner(Trust::Kept))?;
        let observed = Observed { run: kept.run.number, steps: &kept.run.steps };
        let again = ready.go_again(common, &[], &manner(Trust::Nothing), observed)?;
        let mut compared = Vec::new();
        for (name, digest) in &kept.artifacts.digests {
            let again = again.artifacts.digests.get(name).map(ToString::to_string).unwrap_or_default();
            compared.push(Compared { name: format!("artifact {name}"), kept: digest.to_string(), again });
        }
        for ((name, first), (_, second)) in kept.rendered.iter().zip(&again.rendered) {
            let digest =
                |rendered: &springline_engine::render::Rendered| manifest_digest(&rendered.objects).to_string();
            compared.push(Compared { name: format!("environment {name}"), kept: digest(first), again: digest(second) });
        }
        let skipped: Vec<_> = kept.run.steps.iter().filter(|step| step.output.is_some()).collect();
        let rows = compared.iter().map(
            |one| json!({ "name": one.name, "kept": one.kept, "again": one.again, "equal": one.kept == one.again }),
        );
        let rows: Vec<_> = rows
            .chain(skipped.iter().map(|step| json!({ "name": step.name, "skipped": true, "used": step.used })))
            .collect();
        let differs = compared.iter().find(|one| one.kept != one.again).map(|one| {
            CliError::new(Kind::Differs, format!("{} is not the same when it is made again", one.name))
                .hint("a plugin in it is not deterministic: tell its author")
        });
        let print = |_: &Vec<Value>| {
            for step in &skipped {
                let why = format_args!("{}: it depends on more than its input ({})", step.name, step.used);
                show::line(format_args!("{} {why}", paint(NOTE, "skipped")));
            }
            for Compared { name, kept, again } in &compared {
                match kept == again {
                    true => show::line(format_args!("{} {name} {kept}", paint(GOOD, "equal"))),
                    false => show::line(format_args!("{} {name}: kept {kept}, now {again}", paint(BAD, "differs"))),
                }
            }
        };
        show::data_and(common, &rows, print, differs)
    }
}
