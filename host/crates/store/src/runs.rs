//! Runs.

use serde::{Deserialize, Serialize};
use springline_model::run::{Run, RunState, StepRecord};

use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::keys;
use crate::write::{Counters, Writer};

/// A run as it is kept. Its steps come first: they only grow, so that the pieces they fill stay as
/// they are from one checkpoint to the next.
#[derive(Serialize)]
struct Written<'a>(&'a [StepRecord], Run);

#[derive(Deserialize)]
struct Read(Vec<StepRecord>, Run);

pub(crate) fn begin(writer: &mut Writer<'_>, run: &Run) -> Result<u64> {
    writer.counters.runs += 1;
    let number = writer.counters.runs;
    write(writer, number, run)?;
    Ok(number)
}

/// Writes a run that was begun before.
pub(crate) fn put(writer: &mut Writer<'_>, run: &Run) -> Result<()> {
    if !(1..=writer.counters.runs).contains(&run.number) {
        return Err(Fault::Refused(format!("there is no run {}", run.number)));
    }
    write(writer, run.number, run)
}

fn write(writer: &mut Writer<'_>, number: u64, run: &Run) -> Result<()> {
    let header = Run { number, ..without_steps(run) };
    writer.changes.put_json(keys::run(number), &Written(&run.steps, header))?;
    if run.state == RunState::Running {
        writer.changes.put(keys::unfinished(number), &[])
    } else {
        writer.changes.remove(keys::unfinished(number))
    }
}

/// A copy of all but the steps, of which there may be many.
fn without_steps(run: &Run) -> Run {
    Run {
        number: run.number,
        application: run.application.clone(),
        cause: run.cause.clone(),
        actor: run.actor.clone(),
        revision: run.revision.clone(),
        started: run.started,
        ended: run.ended,
        state: run.state,
        reached: run.reached.clone(),
        error: run.error.clone(),
        steps: Vec::new(),
    }
}

pub(crate) fn get(database: &Database, number: u64) -> Result<Option<Run>> {
    match database.get(&keys::run(number))? {
        Some(value) => read(&value, number).map(Some),
        None if (1..=counters(database)?.runs).contains(&number) => Err(lost(number)),
        None => Ok(None),
    }
}

/// The latest runs, newest first; 0 for all.
pub(crate) fn latest(database: &Database, limit: usize) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    let mut expected = counters(database)?.runs;
    let limit = if limit == 0 { usize::MAX } else { limit };
    for entry in database.scan(&keys::runs())?.rev().take(limit) {
        let (key, value) = entry?;
        let number = keys::number_of(&key)?;
        if number != expected {
            return Err(lost(expected));
        }
        runs.push(read(&value, number)?);
        expected -= 1;
    }
    if expected > 0 && runs.len() < limit {
        return Err(lost(expected));
    }
    Ok(runs)
}

/// The runs that have not ended, oldest first.
pub(crate) fn unfinished(database: &Database) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for entry in database.scan(&keys::all_unfinished())? {
        let number = keys::number_of(&entry?.0)?;
        runs.push(get(database, number)?.ok_or_else(|| lost(number))?);
    }
    Ok(runs)
}

pub(crate) fn counters(database: &Database) -> Result<Counters> {
    let counters = database.get_json(&keys::counters(), || "what it counts".into())?;
    counters.ok_or_else(|| Fault::Damaged("what it counts is lost".into()))
}

fn read(value: &Value, number: u64) -> Result<Run> {
    let Read(steps, run) = value.json(|| format!("run {number}"))?;
    Ok(Run { steps, ..run })
}

fn lost(number: u64) -> Fault {
    Fault::Damaged(format!("run {number} is lost"))
}
