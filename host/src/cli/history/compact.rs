//! `springline history compact`: removes what the operator's policy lets go.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::history::{Compacted, Retention};
use springline_model::port::{Clock as _, Store as _};

use crate::app::{App, SystemClock};
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::show::{self, GOOD, paint};

/// Removes the oldest records as `history` in host.yaml says. The rest can be proven as before. What only
/// they referred to goes with the next `springline gc`.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline history compact --dry-run")]
pub struct Compact {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl Compact {
    pub(super) fn run(&self, common: &Common, app: &App) -> Result<ExitCode, CliError> {
        if !app.operator.value.history.is_set() {
            return Err(CliError::new(Kind::Config, "host.yaml says nothing of how long history is kept: all of it is")
                .hint("`history: { keep-days: 365 }` keeps a year, `history: { keep-records: 1000 }` so many of each environment"));
        }
        let done = compact(app, self.dry_run)?;
        show::data(common, &json!({ "compacted": done, "dry-run": self.dry_run }), |_| print(&done, self.dry_run))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Does as host.yaml says, if it says anything.
///
/// # Errors
/// What the store reports.
pub fn compact(app: &App, pretend: bool) -> Result<Vec<Compacted>, CliError> {
    let policy: Retention = app.operator.value.history;
    Ok(app.store.compact(policy, SystemClock.now(), pretend)?)
}

fn print(done: &[Compacted], pretend: bool) {
    let verb = if pretend { "would remove" } else { "removed" };
    for Compacted { place, records, releases, anchor } in done {
        let from = anchor.sequence + 1;
        show::line(format_args!(
            "{} {place}: {records} records and {releases} releases, it begins with record {from}",
            paint(GOOD, verb)
        ));
    }
    if done.is_empty() {
        show::note("nothing is old enough");
    }
}
