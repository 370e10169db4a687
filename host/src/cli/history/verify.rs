//! `springline history verify`: proves chains, in the state or in an exported file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::Digest;
use springline_model::history::{GENESIS, Record, Verified, seal_json};
use springline_model::port::Store as _;
use springline_model::run::Place;

use super::export::{Exported, Line};
use crate::app::App;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::show::{self, BAD, GOOD, paint};

/// Proves that no record was changed, removed or put in between.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline history verify\n  springline history verify --file history.jsonl")]
pub struct Verify {
    /// Check a file that `history export` wrote; no state is needed
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

const NO_RECORD: &str = "there is no record in it";

pub(super) fn all(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let chains = app.store.verify()?;
    let broken = chains.iter().find(|chain| chain.broken.is_some()).map(|first| {
        CliError::new(Kind::Differs, format!("the history of {} does not hold", first.place))
            .hint("somebody or something changed the state directory: compare with a backup of it")
    });
    let print = |chains: &Vec<Verified>| match chains.as_slice() {
        [] => show::note(NO_RECORD),
        chains => chains.iter().for_each(print_chain),
    };
    show::data_and(common, &chains, print, broken)
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

/// What is known of a chain so far.
struct Chain {
    records: u64,
    /// The sequence and the hash of its last record.
    last: (u64, Digest),
    /// The sequence of the last record that was removed from it.
    after: u64,
    /// How many records have changes that are not there any more.
    lost: u64,
}

/// What was read of a file so far.
#[derive(Default)]
struct Read {
    chains: BTreeMap<Place, Chain>,
    /// Whether its last line was read.
    is_whole: bool,
}

/// Checks an exported file line by line.
///
/// # Errors
/// A file that can't be read; the first line that is not as it was sealed.
pub(super) fn exported(common: &Common, file: &Path) -> Result<ExitCode, CliError> {
    let unreadable = |error| CliError::new(Kind::Usage, format!("{}: {error}", file.display()));
    let reader = BufReader::new(File::open(common.path(file)).map_err(unreadable)?);
    let mut read = Read::default();
    let mut lines = 0;
    for (at, line) in reader.split(b'\n').enumerate() {
        lines = at + 1;
        let line = line.map_err(unreadable)?;
        if let Err(wrong) = read.check(&line) {
            let message = format!("{}:{lines}: {wrong}", file.display());
            return Err(CliError::new(Kind::Differs, message).hint(
                "the lines before it hold; export it anew, or compare with another copy to see which one was changed",
            ));
        }
    }
    let Read { chains, is_whole } = read;
    if !is_whole {
        let message = format!(
            "{}: no line of it is a last one, which says what all of it is: nobody can know whether it is whole or cut \
             off after {lines} lines",
            file.display()
        );
        return Err(CliError::new(Kind::Differs, message).hint(
            "each chain holds as far as it goes; export it anew: an export of an earlier Springline had no last line",
        ));
    }
    let answer: Vec<_> = chains
        .iter()
        .map(|(place, Chain { records, last, after, lost })| {
            json!({ "place": place, "records": records, "after": after, "head": last.1, "lost-changes": lost })
        })
        .collect();
    show::data(common, &answer, |_| {
        if chains.is_empty() {
            show::note(NO_RECORD);
        }
        for (place, Chain { records, last, after, lost }) in &chains {
            let after = if *after > 0 { format!(" after record {after}") } else { String::new() };
            let lost = if *lost > 0 { format!("; the changes of {lost} are lost") } else { String::new() };
            let head = last.1.short();
            show::line(format_args!("{} {place}: {records} records{after}, head {head}{lost}", paint(GOOD, "holds")));
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Read {
    /// Checks a line against those before it.
    fn check(&mut self, line: &[u8]) -> Result<(), String> {
        if self.is_whole {
            return Err("it comes after what is to be the last line".into());
        }
        let line: Line = serde_json::from_slice(line).map_err(|_| "no record of an exported history".to_owned())?;
        let (value, hash, changes) = match line {
            Line::Record { record, hash, changes } => (record, hash, changes),
            Line::Anchor { place, anchor } => return self.begins(place, (anchor.sequence, anchor.hash)),
            Line::End { end } => return self.ends(&end),
        };
        if seal_json(&value) != hash {
            return Err("the record is not what was sealed".into());
        }
        let record: Record = serde_json::from_value(value).map_err(|_| "the record can't be read".to_owned())?;
        let place = record.place;
        let chain = self.chains.entry(place.clone()).or_insert(Chain::after((0, GENESIS)));
        let (last, previous) = chain.last;
        if record.sequence != last + 1 {
            return Err(format!(
                "record {} of {place} follows record {last}: what is between them is missing",
                record.sequence
            ));
        }
        if record.previous != previous {
            return Err(format!("record {} of {place} does not follow the one before it", record.sequence));
        }
        let are_sealed = match (record.changes, changes) {
            (None, changes) => changes.is_some_and(|changes| changes.as_array().is_some_and(Vec::is_empty)),
            (Some(sealed), Some(changes)) => Digest::of(serde_json::to_vec(&changes).unwrap_or_default()) == sealed,
            (Some(_), None) => {
                chain.lost += 1;
                true
            }
        };
        if !are_sealed {
            return Err(format!("the changes of record {} of {place} are not those that were sealed", record.sequence));
        }
        chain.records += 1;
        chain.last = (record.sequence, hash);
        Ok(())
    }

    fn begins(&mut self, place: Place, last: (u64, Digest)) -> Result<(), String> {
        if self.chains.contains_key(&place) {
            return Err(format!("{place} begins here, and there are records of it before"));
        }
        self.chains.insert(place, Chain::after(last));
        Ok(())
    }

    fn ends(&mut self, end: &[Exported]) -> Result<(), String> {
        let read = |(place, chain): (&Place, &Chain)| Exported {
            place: place.clone(),
            records: chain.records,
            head: chain.last.1,
        };
        let read: Vec<_> = self.chains.iter().map(read).collect();
        if let Some(missing) = end.iter().find(|exported| !read.contains(exported)) {
            let Exported { place, records, .. } = missing;
            return Err(format!("{records} records of {place} were exported, and those before this line are others"));
        }
        if read.len() != end.len() {
            return Err("there are records before it of a chain that was not exported".into());
        }
        self.is_whole = true;
        Ok(())
    }
}

impl Chain {
    /// One that goes on after this record.
    const fn after(last: (u64, Digest)) -> Self {
        Self { records: 0, last, after: last.0, lost: 0 }
    }
}
