//! `springline history`: what was synced, when, why, by whom, and what came of it.

mod compact;
mod compared;
mod export;
mod list;
mod show;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use springline_model::history::{Done, Record, Sealed};
use springline_model::port::{BlobError, Blobs as _, Store as _};
use springline_model::run::{Place, Release};
use springline_model::{Cancel, Digest};

pub use compact::compact;

use super::Common;
use super::error::{CliError, Kind};
use super::redeploy::prefix;
use crate::app::App;
use crate::project::Project;
use crate::show::time;

/// Lists every sync, newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline history --env site --limit 5\n  springline history --object robots.txt --since 7d\n  springline history show site/3 --diff\n  springline history verify",
    args_conflicts_with_subcommands = true
)]
pub struct History {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all that is known of one sync: every change with before and after, stages, plugins
    Show(show::Show),
    /// Show how the releases of two syncs differ
    Diff(show::Diff),
    /// Write the whole history as JSON lines, oldest first, each with its hash
    Export(export::Export),
    /// Prove that no record was changed, removed or put in between
    Verify(verify::Verify),
    /// Remove the records that the policy of host.yaml lets go
    Compact(compact::Compact),
}

impl History {
    /// Whether it needs no state: an exported file is checked where it is.
    pub const fn is_local(&self) -> bool {
        matches!(self.action, Some(Action::Verify(verify::Verify { file: Some(_) })))
    }

    /// Whether it can be of one application alone.
    pub const fn is_of_one(&self) -> bool {
        matches!(self.action, None | Some(Action::Export(_)))
    }

    /// Lists, shows, compares, exports, proves or removes.
    ///
    /// # Errors
    /// A store that can't be read; a chain that does not hold.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        // An exported file is checked wherever it is.
        if let Some(Action::Verify(verify::Verify { file: Some(file) })) = &self.action {
            return verify::exported(common, file);
        }
        let app = App::open(common, Project::find_state(common, cancel)?, "history", cancel)?;
        match &self.action {
            None => self.list.run(common, &app, cancel),
            Some(Action::Show(show)) => show.run(common, &app),
            Some(Action::Diff(diff)) => diff.run(common, &app),
            Some(Action::Export(export)) => export.run(common, &app, cancel),
            Some(Action::Verify(_)) => verify::all(common, &app),
            Some(Action::Compact(compact)) => compact.run(common, &app),
        }
    }
}

const NAMED: &str =
    "`springline history` lists them; a record is named `ENVIRONMENT/NUMBER` or by the start of its hash";

/// The record that is meant: `ENVIRONMENT/NUMBER`, with the application in front where there are
/// several, or the start of a hash.
///
/// # Errors
/// If there is none, or more than one.
fn pick(app: &App, wanted: &str) -> Result<Sealed, CliError> {
    let found = match wanted.rsplit_once('/').map(|(place, number)| (place, number.parse::<u64>())) {
        Some((place, Ok(number))) => numbered(app, place, number)?,
        _ => app.store.sealed(prefix(wanted).map_err(|error| error.hint(NAMED))?)?,
    };
    let usage = |message: String| CliError::new(Kind::Usage, message);
    match found.as_slice() {
        [] => Err(usage(format!("there is no record `{wanted}`")).hint(NAMED)),
        [one] => Ok(one.clone()),
        [first, second, ..] => Err(usage(format!("`{wanted}` names {} records", found.len())).hint(format!(
            "such as `{}/{}` and `{}/{}`",
            first.record.place, first.record.sequence, second.record.place, second.record.sequence
        ))),
    }
}

/// The records of this number at the places that are called so.
fn numbered(app: &App, called: &str, number: u64) -> Result<Vec<Sealed>, CliError> {
    let mut found = Vec::new();
    for place in app.store.places()? {
        if place.environment != called && place.to_string() != called {
            continue;
        }
        let record = app.store.chain(&place, number, 1)?.into_iter().find(|sealed| sealed.record.sequence == number);
        if record.is_none() && app.store.anchor(&place)?.is_some_and(|anchor| number <= anchor.sequence) {
            return Err(CliError::new(Kind::Usage, format!("record {number} of {place} was removed"))
                .hint("`springline history compact` keeps what host.yaml says in `history`"));
        }
        found.extend(record);
    }
    Ok(found)
}

/// What was changed in a sync; none if that is lost.
///
/// # Errors
/// What the blob store reports.
pub fn changes_of(app: &App, record: &Record) -> Result<Option<Vec<Done>>, CliError> {
    match &record.changes {
        Some(digest) => changes_at(app, digest),
        None => Ok(Some(Vec::new())),
    }
}

/// What lies there as the changes of a sync; none if it is lost.
fn changes_at<T: DeserializeOwned>(app: &App, digest: &Digest) -> Result<Option<T>, CliError> {
    match app.blobs.get(digest) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(BlobError::Missing(_) | BlobError::Damaged(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The release of a record.
fn release_of(app: &App, record: &Record) -> Result<Option<Release>, CliError> {
    record.release.map(|id| release_at(app, &id)).transpose().map(Option::flatten)
}

/// A release, if it is known still.
fn release_at(app: &App, id: &Digest) -> Result<Option<Release>, CliError> {
    Ok(app.store.releases(None, &id.hex())?.into_iter().next())
}

/// `ENVIRONMENT/NUMBER`, with the application where it has to be told.
fn name_of(app: &App, place: &Place, sequence: u64) -> Result<String, CliError> {
    let is_ambiguous = app.store.places()?.iter().filter(|other| other.environment == place.environment).count() > 1;
    Ok(if is_ambiguous { format!("{place}/{sequence}") } else { format!("{}/{sequence}", place.environment) })
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
    if let Some(note) = &record.note {
        value["note"] = json!(note);
    }
    if let Some(from) = &record.from {
        value["from"] = json!(from.hex());
    }
    if let Some(healthy) = record.healthy {
        value["healthy"] = json!(healthy);
    }
    if record.resumed {
        value["resumed"] = json!(true);
    }
    value
}
