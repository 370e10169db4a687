//! `springline gc`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_engine::event::Silent;
use springline_engine::garbage::collect;
use springline_model::Cancel;
use springline_model::port::{Clock as _, Store as _};

use super::Common;
use super::error::{CliError, Kind};
use super::history::compact;
use super::status::goes_on;
use crate::app::{App, SystemClock};
use crate::lockfile::LockFile;
use crate::project::Project;
use crate::shared::Shared;
use crate::show::{self, time};

/// Removes what nothing refers to. What is deployed is never touched, nor are releases and history, unless
/// `history` in host.yaml lets old records go.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline gc --dry-run\n  springline gc --keep-results 30")]
pub struct Gc {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Forget kept results that are older than so many days: what they made is built again when it is needed
    #[arg(long, value_name = "DAYS")]
    keep_results: Option<u32>,
}

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Gc {
    /// Collects.
    ///
    /// # Errors
    /// What the store reports.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "gc", cancel)?;
        let _collecting = app.owner().turns.collect(cancel)?;
        if let Some(run) = app.store.unfinished()?.first() {
            return Err(CliError::new(
                Kind::State,
                format!("run {} was cut off and may still need its blobs", run.number),
            )
            .hint(format!("end it first: `springline {}`", goes_on(&app, run)?)));
        }
        let mut forgotten = 0;
        if let (Some(days), false) = (self.keep_results, self.dry_run) {
            forgotten = app.store.forget_kept(SystemClock.now().saturating_sub(i64::from(days) * DAY))?;
        }
        let compacted = compact(&app, self.dry_run)?;
        let pinned = pinned(&app)?;
        let collected = collect(app.ports(&Silent), &pinned, self.dry_run)?;
        if !self.dry_run {
            Shared::new(&app).forget_but(&pinned);
        }
        let answer = json!({
            "removed": collected.removed,
            "bytes": collected.bytes,
            "kept": collected.kept,
            "forgotten-results": forgotten,
            "compacted": compacted,
            "dry-run": self.dry_run,
        });
        show::data(common, &answer, |_| {
            let verb = if self.dry_run { "would remove" } else { "removed" };
            let records: u64 = compacted.iter().map(|one| one.records).sum();
            if records > 0 {
                let more = if self.dry_run { ", and then what only they refer to" } else { "" };
                show::line(format_args!("{verb} {records} old records of the history{more}"));
            }
            let freed = time::bytes(collected.bytes);
            show::line(format_args!("{verb} {} blobs ({freed}), kept {}", collected.removed, collected.kept));
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The plugins that the lock files pin.
fn pinned(app: &App) -> Result<Vec<springline_model::Digest>, CliError> {
    let source = LockFile::of_source(None, &app.project.site())?;
    let operator = LockFile::of_operator(app.project.state())?;
    Ok(source.lock.iter().chain(operator.lock.iter()).map(|(_, plugin)| plugin.digest).collect())
}
