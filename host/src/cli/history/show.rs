//! `springline history show` and `springline history diff`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::Digest;
use springline_model::history::{Done, Outcome, Record, Sealed};
use springline_model::port::{Store, StoreError};

use super::compared::{Compared, compare};
use super::{as_json, changes_of, list, name_of, pick, release_at, release_of};
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::cli::{Common, Output};
use crate::show::difference::word;
use crate::show::{self, BAD, FAINT, STRONG, paint, time, visible};

/// How many records before one are read at once, to find another release.
const AT_ONCE: u64 = 50;

/// Shows all that is known of one sync.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline history show site/3\n  springline history show 3f9a1c2b --diff")]
pub struct Show {
    /// The record: `ENVIRONMENT/NUMBER`, or the start of its hash
    #[arg(value_name = "RECORD")]
    record: String,
    /// Also show how the desired objects differ from those of the release before
    #[arg(long)]
    diff: bool,
}

/// Shows how the releases of two syncs differ: what they are made of, and the text of the desired objects.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline history diff site/2 site/3")]
pub struct Diff {
    /// A record: `ENVIRONMENT/NUMBER`, or the start of its hash
    #[arg(value_name = "BEFORE")]
    before: String,
    /// Another one
    #[arg(value_name = "AFTER")]
    after: String,
}

impl Show {
    pub(super) fn run(&self, common: &Common, app: &App) -> Result<ExitCode, CliError> {
        let sealed = pick(app, &self.record)?;
        let changes = changes_of(app, &sealed.record)?;
        let compared = if self.diff { with_before(app, &sealed)? } else { None };
        match common.output {
            Output::Json => {
                let mut value = as_json(&sealed);
                value["changes"] = json!(changes);
                if self.diff {
                    value["difference"] = json!(compared);
                }
                show::json(&value)?;
            }
            Output::Text => {
                print(&name_of(app, &sealed.record.place, sealed.record.sequence)?, &sealed);
                match &changes {
                    Some(changes) => changes.iter().for_each(print_change),
                    None => show::note("its changes are lost: they are no longer in the state directory"),
                }
                if let Some(compared) = &compared {
                    compared.print_objects();
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How a record's release differs from the one before it in the same place; none if it has none.
fn with_before(app: &App, sealed: &Sealed) -> Result<Option<Compared>, CliError> {
    let Some(release) = release_of(app, &sealed.record)? else { return Ok(None) };
    let before = before(app.store.as_ref(), &sealed.record)?;
    let before = before.map(|id| release_at(app, &id)).transpose()?.flatten();
    compare(app, before.as_ref(), &release).map(Some)
}

/// The newest release of a place before this record that is another one than its own.
fn before(store: &dyn Store, record: &Record) -> Result<Option<Digest>, StoreError> {
    let mut from = record.sequence;
    while from > 1 {
        let end = from;
        from = end.saturating_sub(AT_ONCE).max(1);
        // Where the oldest ones were removed, it begins with the oldest that is left.
        let mut earlier = store.chain(&record.place, from, (end - from) as usize)?;
        earlier.retain(|other| other.record.sequence < end);
        let mut releases = earlier.iter().rev().filter_map(|other| other.record.release);
        let other = releases.find(|id| Some(*id) != record.release);
        if other.is_some() || earlier.is_empty() {
            return Ok(other);
        }
    }
    Ok(None)
}

fn print(name: &str, Sealed { record, hash }: &Sealed) {
    show::line(format_args!(
        "{} {} {}",
        paint(STRONG, name),
        paint(list::style(&record.outcome), &record.outcome),
        paint(FAINT, format_args!("in {}", time::duration(record.took)))
    ));
    let row = |what: &str, text: &str| {
        show::line(format_args!("  {} {}", paint(FAINT, format_args!("{what:<9}")), visible(text)))
    };
    if let Outcome::Failed { message, .. } = &record.outcome {
        message.lines().for_each(|line| row("error", line));
    }
    row("began", &time::moment(record.started));
    row("cause", &record.cause.to_string());
    row("actor", &record.actor);
    record.note.iter().for_each(|note| row("note", note));
    row("run", &record.run.to_string());
    row("revision", &record.revision);
    record.release.iter().for_each(|release| row("release", &release.hex()));
    record.from.iter().for_each(|from| row("from", &format!("release {}", from.hex())));
    row("hash", &hash.hex());
    for plugin in &record.plugins {
        row("plugin", &format!("{} {}", plugin.name, plugin.digest));
    }
    if !record.used.is_empty() {
        row("powers", &record.used.to_string());
    }
    for (stage, took) in &record.stages {
        row("stage", &format!("{stage:<7} {}", time::duration(*took)));
    }
    if record.resumed {
        row("resumed", "it went on with a sync that was cut off");
    }
    if matches!((&record.outcome, record.healthy), (Outcome::Succeeded, Some(false))) {
        row("health", "not everything was seen healthy");
    }
    row("changes", &list::changes(&record.counts));
}

fn print_change(done: &Done) {
    let (sign, verb) = word(done.action);
    let Done { live, before, after, summary, error, hook, .. } = done;
    let hook = hook.map(|phase| format!(" (hook, {phase})")).unwrap_or_default();
    let summary = if summary.is_empty() { String::new() } else { format!(" ({summary})") };
    show::line(format_args!("{sign} {verb} {}{hook}{}", visible(live), paint(FAINT, visible(&summary))));
    for (what, version) in [("before", before), ("after", after)] {
        if let Some(version) = version {
            show::line(format_args!("    {} {}", paint(FAINT, format_args!("{what:<6}")), visible(version)));
        }
    }
    if let Some(error) = error {
        show::line(format_args!("    {} {}", paint(BAD, "failed"), visible(error)));
    }
}

impl Diff {
    pub(super) fn run(&self, common: &Common, app: &App) -> Result<ExitCode, CliError> {
        let [before, after] = [&self.before, &self.after].map(|wanted| {
            let sealed = pick(app, wanted)?;
            let release = release_of(app, &sealed.record)?.ok_or_else(|| {
                let why = if sealed.record.release.is_some() {
                    "its release is gone"
                } else {
                    "it failed before it had a release"
                };
                CliError::new(Kind::Usage, format!("`{wanted}` can't be compared: {why}"))
            })?;
            Ok::<_, CliError>((sealed, release))
        });
        let (before, after) = (before?, after?);
        let compared = compare(app, Some(&before.1), &after.1)?;
        match common.output {
            Output::Json => show::json(&json!({
                "before": as_json(&before.0),
                "after": as_json(&after.0),
                "difference": compared,
            }))?,
            Output::Text => {
                let name = |sealed: &Sealed| name_of(app, &sealed.record.place, sealed.record.sequence);
                let ids = [&before.1, &after.1].map(|release| release.id.short());
                show::line(format_args!(
                    "{} release {} -> {} release {}",
                    paint(STRONG, name(&before.0)?),
                    ids[0],
                    paint(STRONG, name(&after.0)?),
                    ids[1]
                ));
                compared.print();
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use springline_model::history::Retention;
    use springline_testkit::{MemoryStore, sample};

    use super::*;

    #[test]
    fn the_release_before_is_found_however_many_repairs_there_were() {
        let store = MemoryStore::new();
        let place = sample::place("shop", "live");
        for at in 1..=130 {
            let mut run = sample::run("shop", at);
            run.number = store.begin(&run).unwrap();
            store.finish(sample::finish(&place, &run, if at < 6 { "one" } else { "two" })).unwrap();
        }
        let before = |sequence| {
            let record = store.chain(&place, sequence, 1).unwrap().remove(0).record;
            assert_eq!(record.sequence, sequence);
            before(&store, &record).unwrap()
        };
        let one = store.chain(&place, 1, 1).unwrap().remove(0).record.release;
        for (sequence, expected) in [(130, one), (57, one), (6, one), (5, None), (1, None)] {
            assert_eq!(before(sequence), expected, "{sequence}");
        }
        store.compact(Retention { keep_records: Some(40), keep_days: None }, 0, false).unwrap();
        assert_eq!((before(130), before(91)), (None, None), "what was removed");
    }
}
