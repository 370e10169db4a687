//! `springline history export`: the whole history as JSON lines, and what a line of it is.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use springline_model::history::{Anchor, Sealed};
use springline_model::port::Store as _;
use springline_model::run::Place;
use springline_model::{Cancel, Digest};

use super::changes_of;
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::show::console;

/// How many records are read at once.
const AT_ONCE: usize = 500;

/// Writes the history, chain by chain, oldest first. Each line stands for itself: a record with its hash
/// and its changes, or the place from where a chain goes on whose oldest records were removed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: springline history export > history.jsonl && springline history verify --file history.jsonl"
)]
pub struct Export {
    /// Only of this application
    #[arg(long = "app", value_name = "APP")]
    application: Option<String>,
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
}

impl Export {
    pub(super) fn run(&self, app: &App, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let mut out = Out::default();
        for place in app.store.places()? {
            let is_wanted = self.application.as_ref().is_none_or(|wanted| *wanted == place.application)
                && self.environment.as_ref().is_none_or(|wanted| *wanted == place.environment);
            if !is_wanted {
                continue;
            }
            let mut next = 1;
            if let Some(anchor) = app.store.anchor(&place)? {
                next = anchor.sequence + 1;
                out.write(&Line::Anchor { place: place.clone(), anchor })?;
            }
            loop {
                let records = app.store.chain(&place, next, AT_ONCE)?;
                let Some(last) = records.last() else { break };
                next = last.record.sequence + 1;
                for sealed in &records {
                    if cancel.is_cancelled() {
                        return Err(CliError::new(Kind::Cancelled, "stopped"));
                    }
                    out.write(&line(app, sealed)?)?;
                }
            }
        }
        out.send();
        Ok(ExitCode::SUCCESS)
    }
}

/// Lines on their way out.
#[derive(Default)]
struct Out(Vec<u8>);

impl Out {
    fn write(&mut self, line: &Line) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.0, line).map_err(unwritable)?;
        self.0.push(b'\n');
        if self.0.len() > BUFFER {
            self.send();
        }
        Ok(())
    }

    fn send(&mut self) {
        console::bytes(&self.0);
        self.0.clear();
    }
}

fn line(app: &App, sealed: &Sealed) -> Result<Line, CliError> {
    let changes = match sealed.record.changes {
        None => Some(Value::Array(Vec::new())),
        Some(_) => changes_of(app, &sealed.record)?.and_then(|changes| serde_json::to_value(changes).ok()),
    };
    let record = serde_json::to_value(&sealed.record).map_err(unwritable)?;
    Ok(Line::Record { record, hash: sealed.hash, changes })
}

fn unwritable(error: serde_json::Error) -> CliError {
    CliError::new(Kind::State, format!("a record can't be written as JSON: {error}"))
}
