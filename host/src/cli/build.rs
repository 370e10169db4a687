//! `springline build`.

use std::process::ExitCode;

use clap::Args;
use springline_engine::run::{Trust, Until};
use springline_model::Cancel;
use springline_model::run::Cause;

use super::error::CliError;
use super::run::{Manner, Ready, as_json};
use super::{Common, Output, RevisionArgs};
use crate::show;
use crate::show::table::{Table, plain};

/// Builds what is missing, and no more.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline build --revision main")]
pub struct Build {
    #[command(flatten)]
    revision: RevisionArgs,
}

impl Build {
    /// Builds.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        // How what is built is rendered, and where it goes, is no concern of who builds it.
        let ready = Ready::open_for(common, &self.revision, "build", cancel, &[])?;
        let manner =
            Manner { cause: Cause::Build, until: Until::Build, trust: Trust::Kept, only: None, prune_all: false };
        let report = ready.go(common, &[], &manner)?;
        if common.output == Output::Json {
            show::json(&as_json(&report, &[]))?;
        } else {
            let mut table = Table::new(&["ARTIFACT", "DIGEST"]);
            for (name, digest) in &report.artifacts.digests {
                table.row(vec![plain(name), plain(digest)]);
            }
            table.print();
        }
        Ok(ExitCode::SUCCESS)
    }
}
