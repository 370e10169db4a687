//! `springline history export`: the whole history as JSON lines, and what a line of it is.

use std::io;
use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use springline_model::history::{Anchor, GENESIS, Written};
use springline_model::port::Store as _;
use springline_model::run::Place;
use springline_model::{Cancel, Digest};

use super::changes_at;
use crate::app::App;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::show::console;

/// How many records are read at once.
const AT_ONCE: usize = 500;

/// Writes the history, chain by chain, oldest first. Each line stands for itself: a record with its hash
/// and its changes, or the place from where a chain goes on whose oldest records were removed. The last line
/// says what the others are, so that a file which was cut off is no whole one.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: springline history export > history.jsonl && springline history verify --file history.jsonl"
)]
pub struct Export {
    /// Only of this environment
    #[arg(long = "env", value_name = "ENV")]
    environment: Option<String>,
}

/// How many bytes are written at once.
const BUFFER: usize = 64 * 1024;

/// A line of an exported history. What it says of the record is as it was sealed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Record {
        /// As it was sealed, also what a newer Springline says in it.
        record: Value,
        hash: Digest,
        /// Every change, as it was written down; none if that is lost.
        changes: Option<Value>,
    },
    Anchor {
        place: Place,
        anchor: Anchor,
    },
    /// The last line: all chains, sorted.
    End {
        end: Vec<Exported>,
    },
}

/// A chain that was exported whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exported {
    pub place: Place,
    /// How many records.
    pub records: u64,
    /// The hash of the last one.
    pub head: Digest,
}

impl Export {
    pub(super) fn run(&self, common: &Common, app: &App, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let mut out = Out::default();
        let mut end = Vec::new();
        for place in app.store.places()? {
            let is_wanted = common.app.as_ref().is_none_or(|wanted| *wanted == place.application)
                && self.environment.as_ref().is_none_or(|wanted| *wanted == place.environment);
            if is_wanted && !out.is_unread {
                end.extend(chain(app, place, &mut out, cancel)?);
            }
        }
        out.write(&Line::End { end })?;
        out.send()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a chain; none if there is nothing in it.
fn chain(app: &App, place: Place, out: &mut Out, cancel: &Cancel) -> Result<Option<Exported>, CliError> {
    let (mut last, mut head, mut records) = (0, GENESIS, 0);
    let mut tried = None;
    loop {
        let found = app.store.written(&place, last + 1, AT_ONCE)?;
        let Some(first) = found.first() else { break };
        if first.sequence() != Some(last + 1) {
            // Its oldest records were removed, maybe a moment ago.
            let anchor = app.store.anchor(&place)?;
            let begins = anchor.as_ref().map_or(0, |anchor| anchor.sequence) + 1;
            match anchor.filter(|_| first.sequence() == Some(begins)) {
                Some(anchor) if records == 0 => out.write(&Line::Anchor { place: place.clone(), anchor })?,
                None if records == 0 && tried != Some(begins) => {
                    tried = Some(begins);
                    continue;
                }
                None if records == 0 => {
                    let message = format!("the first record of {place} does not say that it is record {begins}");
                    return Err(CliError::new(Kind::State, message)
                        .hint("`springline history verify` tells what is wrong with the history"));
                }
                _ => {
                    let message = format!("records of {place} were removed while they were exported");
                    return Err(CliError::new(Kind::State, message).hint("export the history again"));
                }
            }
        }
        for written in found {
            if cancel.is_cancelled() {
                return Err(CliError::new(Kind::Cancelled, "stopped"));
            }
            (last, head) = (written.sequence().unwrap_or(last + 1), written.hash);
            records += 1;
            out.write(&line(app, written)?)?;
        }
        if out.is_unread {
            break;
        }
    }
    Ok((records > 0).then_some(Exported { place, records, head }))
}

/// Lines on their way out.
#[derive(Default)]
struct Out {
    lines: Vec<u8>,
    /// Whether the reader went away: it wants no more.
    is_unread: bool,
}

impl Out {
    fn write(&mut self, line: &Line) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.lines, line).map_err(unwritable)?;
        self.lines.push(b'\n');
        if self.lines.len() > BUFFER { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), CliError> {
        let lines = std::mem::take(&mut self.lines);
        match console::bytes(&lines) {
            _ if self.is_unread => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_unread = true;
                Ok(())
            }
            Err(error) => {
                Err(CliError::new(Kind::State.unless_full(&error), format!("the history can't be written: {error}"))
                    .hint("what was written so far is not all of it: export it again"))
            }
            Ok(()) => Ok(()),
        }
    }
}

fn line(app: &App, Written { record, hash }: Written) -> Result<Line, CliError> {
    let changes = match record["changes"].as_str() {
        None => Some(Value::Array(Vec::new())),
        Some(text) => {
            let digest = text.parse().ok();
            digest.map(|digest| changes_at::<Value>(app, &digest)).transpose()?.flatten()
        }
    };
    Ok(Line::Record { record, hash, changes })
}

fn unwritable(error: serde_json::Error) -> CliError {
    CliError::new(Kind::State, format!("a record can't be written as JSON: {error}"))
}
