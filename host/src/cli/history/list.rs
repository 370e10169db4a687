//! `springline history`: pages of it.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use springline_model::history::{Counts, Ended, Outcome, Sealed};
use springline_model::port::{Clock as _, Cursor, Found, Page, Store as _, StoreError};
use springline_model::run::{Cause, Timestamp};
use springline_model::{Cancel, Digest};

use super::{as_json, changes_of};
use crate::app::{App, SystemClock};
use crate::cli::error::{CliError, Kind};
use crate::cli::redeploy::prefix;
use crate::cli::{Common, check_known};
use crate::project::show_revision;
use crate::show::table::{Table, plain, styled};
use crate::show::{self, BAD, FAINT, GOOD, NOTE, time};

/// How often it is looked in vain at once: a few milliseconds.
const LOOKS: u64 = 2_000;

/// Which records are wanted.
#[derive(Debug, Args)]
pub struct List {
    /// Only of this environment
    #[arg(long = "env", value_name = "ENV")]
    environment: Option<String>,
    /// Only those that ended so
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<Wanted>,
    /// Only of this actor, `USER@HOST`
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only with this cause, as the column says it
    #[arg(long, value_name = "CAUSE", value_parser = cause)]
    cause: Option<Cause>,
    /// Only those that began then or later: a date, a date and a time, or how long ago (30m, 12h, 7d)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only those that began before then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only those that changed this live object, or tried to
    #[arg(long, value_name = "NAME")]
    object: Option<String>,
    /// Only of this release: its id or the start of it
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// How many at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// What comes after an earlier page, which says where it ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Wanted {
    Succeeded,
    Failed,
    Cancelled,
}

fn cause(text: &str) -> Result<Cause, String> {
    serde_json::from_value(text.into()).map_err(|_| "no sync has this cause".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    time::parse(text, SystemClock.now())
}

impl List {
    pub(super) fn run(&self, common: &Common, app: &App, cancel: &Cancel) -> Result<ExitCode, CliError> {
        if self.object.is_some() {
            name_objects(app, cancel)?;
        }
        if let Some(name) = &common.app {
            check_known(app.owner(), name)?;
        }
        let found = look(app, self.page(common.app.as_deref(), app)?, cancel)?;
        let records = found.records.iter().zip(&found.cursors).map(|(sealed, cursor)| {
            let mut value = as_json(sealed);
            value["cursor"] = json!(cursor.to_string());
            value
        });
        let is_stopped = found.next.is_some() && (self.limit == 0 || found.records.len() < self.limit);
        let stopped = found.next.filter(|_| is_stopped).map(|next| {
            CliError::new(Kind::Cancelled, "stopped before all of the history was looked at")
                .hint(format!("`--after {next}` goes on from there"))
        });
        show::data_and(common, &records.collect::<Vec<_>>(), |_| self.print(common, &found, is_stopped), stopped)
    }

    fn print(&self, common: &Common, found: &Found, is_stopped: bool) {
        if !found.records.is_empty() {
            table(&found.records).print();
        } else if found.next.is_none() {
            let is_none = self.is_all() && common.app.is_none();
            show::note(if is_none { "nothing was synced yet: `springline run`" } else { "no such record" });
        }
        if let Some(next) = found.next.filter(|_| !is_stopped) {
            let are = if found.cursors.last() == Some(&next) { "are" } else { "may be" };
            show::note(format_args!("there {are} more: the next page is `--after {next}`"));
        }
    }

    fn page(&self, application: Option<&str>, app: &App) -> Result<Page, CliError> {
        Ok(Page {
            application: application.map(str::to_owned),
            environment: self.environment.clone(),
            outcome: self.outcome.map(|wanted| match wanted {
                Wanted::Succeeded => Ended::Succeeded,
                Wanted::Failed => Ended::Failed,
                Wanted::Cancelled => Ended::Cancelled,
            }),
            actor: self.actor.clone(),
            cause: self.cause.clone(),
            release: self.release.as_deref().map(|release| id(app, release)).transpose()?,
            object: self.object.clone(),
            since: self.since,
            until: self.until,
            after: self.after,
            limit: self.limit,
            looks: Some(LOOKS),
        })
    }

    fn is_all(&self) -> bool {
        let Self { environment, outcome, actor, cause, since, until, object, release, .. } = self;
        let words = [environment, actor, object, release];
        words.iter().all(|word| word.is_none())
            && outcome.is_none()
            && cause.is_none()
            && since.or(*until).is_none()
            && self.after.is_none()
    }
}

/// Looks until the page is full, there is nothing more, or it is cancelled, and shows how far it is.
fn look(app: &App, page: Page, cancel: &Cancel) -> Result<Found, CliError> {
    let bar = ProgressBar::hidden();
    bar.set_draw_target(show::console::bars());
    if let Ok(style) = ProgressStyle::with_template("{spinner} looking through the history: {pos} records to go") {
        bar.set_style(style);
    }
    let found = page.read(app.store.as_ref(), |Cursor(next)| {
        bar.set_position(next);
        !cancel.is_cancelled()
    });
    bar.finish_and_clear();
    Ok(found?)
}

/// Lets records be found by their objects: what an earlier Springline wrote is in no index of them yet.
fn name_objects(app: &App, cancel: &Cancel) -> Result<(), CliError> {
    let indexed = app.store.index_objects(&mut |record| {
        if cancel.is_cancelled() {
            return Err(StoreError::Io("stopped".into()));
        }
        let changes = changes_of(app, record).map_err(|error| StoreError::Io(error.message))?;
        Ok(changes.unwrap_or_default().into_iter().map(|done| done.live).collect())
    });
    match indexed {
        Err(_) if cancel.is_cancelled() => Err(CliError::new(Kind::Cancelled, "stopped")),
        indexed => Ok(indexed?),
    }
}

/// The release that starts so.
fn id(app: &App, wanted: &str) -> Result<Digest, CliError> {
    let found = app.store.releases(None, prefix(wanted)?)?;
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => Err(CliError::new(Kind::Usage, format!("there is no release `{wanted}`"))
            .hint("`springline history` lists the releases")),
        several => Err(CliError::new(Kind::Usage, format!("`{wanted}` is the start of {} releases", several.len()))
            .hint("give more of it")),
    }
}

/// A table of records.
fn table(records: &[Sealed]) -> Table {
    let several = records.iter().any(|sealed| sealed.record.place.application != records[0].record.place.application);
    let powers = records.iter().any(|sealed| !sealed.record.used.is_empty());
    let notes = records.iter().any(|sealed| sealed.record.note.is_some());
    let mut heads = vec!["#", "WHEN"];
    heads.extend(several.then_some("APPLICATION"));
    heads.extend(["ENVIRONMENT", "REVISION", "RELEASE", "CAUSE", "CHANGES", "OUTCOME", "TOOK"]);
    heads.extend(powers.then_some("POWERS"));
    heads.extend(notes.then_some("NOTE"));
    let mut table = Table::new(&heads);
    for Sealed { record, .. } in records {
        let mut row = vec![plain(record.sequence), plain(time::moment(record.started))];
        row.extend(several.then(|| plain(&record.place.application)));
        row.extend([
            plain(&record.place.environment),
            plain(show_revision(&record.revision)),
            plain(record.release.map_or_else(|| "-".into(), |release| release.short())),
            plain(&record.cause),
            plain(changes(&record.counts)),
            styled(style(&record.outcome), &record.outcome),
            styled(FAINT, time::duration(record.took)),
        ]);
        row.extend(powers.then(|| plain(&record.used)));
        row.extend(notes.then(|| plain(record.note.as_deref().unwrap_or_default())));
        table.row(row);
    }
    table
}

/// How an outcome looks.
pub(super) const fn style(outcome: &Outcome) -> anstyle::Style {
    match outcome {
        Outcome::Succeeded => GOOD,
        Outcome::Failed { .. } => BAD,
        Outcome::Cancelled { .. } => NOTE,
    }
}

/// `+3 ~1 -2`, failed ones last.
pub(super) fn changes(counts: &Counts) -> String {
    let Counts { created, updated, deleted, adopted, failed } = *counts;
    let parts = [("+", created), ("~", updated), ("-", deleted), ("=", adopted), ("!", failed)];
    let said: Vec<_> = parts.iter().filter(|(_, n)| *n > 0).map(|(sign, n)| format!("{sign}{n}")).collect();
    if said.is_empty() { "none".into() } else { said.join(" ") }
}
