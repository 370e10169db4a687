//! `springline history`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use springline_model::Cancel;
use springline_model::history::{Counts, Outcome, Sealed, Verified};
use springline_model::port::{Page, Store as _};

use super::error::{CliError, Kind};
use super::{Common, Output};
use crate::app::App;
use crate::project::{Project, show_revision};
use crate::show::table::{Table, plain, styled};
use crate::show::{self, BAD, FAINT, GOOD, NOTE, paint, time};

/// Lists every sync, newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline history --env site --limit 5\n  springline history verify",
    args_conflicts_with_subcommands = true
)]
pub struct History {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only of this environment
    #[arg(long = "env", value_name = "ENV")]
    environment: Option<String>,
    /// How many at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prove that no record was changed, removed or put in between
    #[command(after_help = "Example: springline history verify")]
    Verify,
}

impl History {
    /// Lists, or proves.
    ///
    /// # Errors
    /// A store that can't be read; a chain that does not hold.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "history", cancel)?;
        match self.action {
            Some(Action::Verify) => verify(common, &app),
            None => self.list(common, &app),
        }
    }

    fn list(&self, common: &Common, app: &App) -> Result<ExitCode, CliError> {
        let page = Page { environment: self.environment.clone(), limit: self.limit, ..Page::default() };
        let records = app.store.history(&page)?.records;
        if common.output == Output::Json {
            show::json(&records.iter().map(as_json).collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        if records.is_empty() {
            show::note("nothing was synced yet: `springline run`");
            return Ok(ExitCode::SUCCESS);
        }
        let mut heads = vec!["#", "WHEN", "ENVIRONMENT", "REVISION", "RELEASE", "CAUSE", "CHANGES", "OUTCOME", "TOOK"];
        let powers = records.iter().any(|sealed| !sealed.record.used.is_empty());
        if powers {
            heads.push("POWERS");
        }
        let mut table = Table::new(&heads);
        for Sealed { record, .. } in &records {
            let outcome = match record.outcome {
                Outcome::Succeeded => GOOD,
                Outcome::Failed { .. } => BAD,
                Outcome::Cancelled { .. } => NOTE,
            };
            let mut row = vec![
                plain(record.sequence),
                plain(time::moment(record.started)),
                plain(&record.place.environment),
                plain(show_revision(&record.revision)),
                plain(record.release.map_or_else(|| "-".into(), |release| release.short())),
                plain(&record.cause),
                plain(changes(&record.counts)),
                styled(outcome, &record.outcome),
                styled(FAINT, time::duration(record.took)),
            ];
            if powers {
                row.push(plain(&record.used));
            }
            table.row(row);
        }
        table.print();
        Ok(ExitCode::SUCCESS)
    }
}

/// `+3 ~1 -2`, failed ones last.
fn changes(counts: &Counts) -> String {
    let Counts { created, updated, deleted, adopted, failed } = *counts;
    let parts = [("+", created), ("~", updated), ("-", deleted), ("=", adopted), ("!", failed)];
    let said: Vec<_> = parts.iter().filter(|(_, n)| *n > 0).map(|(sign, n)| format!("{sign}{n}")).collect();
    if said.is_empty() { "none".into() } else { said.join(" ") }
}

fn verify(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let chains = app.store.verify()?;
    show::data(common, &chains, |chains| chains.iter().for_each(print_chain))?;
    let broken: Vec<_> = chains.iter().filter(|chain| chain.broken.is_some()).collect();
    match broken.first() {
        None => Ok(ExitCode::SUCCESS),
        Some(first) => Err(CliError::new(Kind::Differs, format!("the history of {} does not hold", first.place))
            .hint("somebody or something changed the state directory: compare with a backup of it")),
    }
}

fn print_chain(chain: &Verified) {
    let Verified { place, anchor, records, head, broken } = chain;
    let after = anchor.as_ref().map(|anchor| format!(" after record {}", anchor.sequence)).unwrap_or_default();
    match broken {
        None => show::line(format_args!(
            "{} {place}: {records} records{after}, head {}",
            paint(GOOD, "holds"),
            head.short()
        )),
        Some((at, why)) => show::line(format_args!("{} {place} at record {at}: {why}", paint(BAD, "broken"))),
    }
}

/// A record as JSON.
pub fn as_json(sealed: &Sealed) -> Value {
    let Sealed { record, hash } = sealed;
    let stages: Vec<_> = record
        .stages
        .iter()
        .map(|(stage, took)| json!({ "stage": stage, "milliseconds": took.as_secs_f64() * 1000.0 }))
        .collect();
    let mut value = json!({
        "sequence": record.sequence,
        "hash": hash,
        "previous": record.previous,
        "application": record.place.application,
        "environment": record.place.environment,
        "run": record.run,
        "started": time::rfc3339(record.started),
        "milliseconds": record.took.as_secs_f64() * 1000.0,
        "cause": record.cause,
        "actor": record.actor,
        "revision": record.revision,
        "release": record.release.map(|release| release.hex()),
        "plugins": record.plugins,
        "counts": record.counts,
        "outcome": record.outcome,
        "stages": stages,
    });
    if !record.used.is_empty() {
        value["used"] = json!(record.used);
    }
    value
}
