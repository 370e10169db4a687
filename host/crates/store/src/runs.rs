//! Runs. What there is of a run but its steps lies under a key of its own, and so does every step:
//! there may be thousands, and a run is written after each environment. Only steps that are new, or
//! were replaced, are written.
//!
//! Up to format 1 a run was one value, its steps in front; such runs are still read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use springline_model::Digest;
use springline_model::port::StoreError;
use springline_model::run::{Run, RunState, StepRecord};

use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::keys::{self, Key};
use crate::write::{Counters, Reach, Writer};
use crate::{SledStore, history};

/// How many are removed at once.
const AT_ONCE: usize = 500;

/// The steps of runs that have not ended, as this process wrote them last.
pub(crate) type WrittenSteps = HashMap<u64, Vec<Arc<StepRecord>>>;

/// All of a run but its steps.
#[derive(Serialize)]
struct Written<'a> {
    /// How many steps lie beside it.
    steps: usize,
    run: &'a Run,
}

#[derive(Deserialize)]
struct Read {
    steps: usize,
    run: Run,
}

/// A run of format 1.
#[derive(Deserialize)]
struct Whole(Vec<StepRecord>, Run);

pub(crate) fn begin(writer: &mut Writer<'_>, run: &Run) -> Result<u64> {
    writer.counters.runs += 1;
    let number = writer.counters.runs;
    write(writer, number, run, &[], 0)?;
    Ok(number)
}

/// Writes a run that was begun before.
pub(crate) fn put(writer: &mut Writer<'_>, run: &Run) -> Result<()> {
    if !(1..=writer.counters.runs).contains(&run.number) {
        return Err(Fault::Refused(format!("there is no run {}", run.number)));
    }
    let steps = writer.steps;
    let (written, had) = match steps.get(&run.number) {
        Some(written) => (written.as_slice(), written.len()),
        None => (&[][..], steps_of(writer.database, run.number)?),
    };
    write(writer, run.number, run, written, had)
}

/// Writes a run. `had` is how many steps are there, and `written` those of them that are known.
fn write(writer: &mut Writer<'_>, number: u64, run: &Run, written: &[Arc<StepRecord>], had: usize) -> Result<()> {
    writer.changes.put_json(keys::run(number), &Written { steps: run.steps.len(), run })?;
    for (at, step) in run.steps.iter().enumerate() {
        if !written.get(at).is_some_and(|written| Arc::ptr_eq(written, step)) {
            writer.changes.put_json(keys::step(number, at), step.as_ref())?;
        }
    }
    for at in run.steps.len()..had {
        writer.changes.remove(keys::step(number, at))?;
    }
    if run.state == RunState::Running {
        writer.now_written = Some((number, Some(run.steps.clone())));
        writer.changes.put(keys::unfinished(number), &[])
    } else {
        writer.now_written = Some((number, None));
        writer.changes.remove(keys::unfinished(number))
    }
}

/// How many steps of a run lie beside it.
fn steps_of(database: &Database, number: u64) -> Result<usize> {
    let value = database.get(&keys::run(number))?.ok_or_else(|| lost(number))?;
    if is_whole(&value) { Ok(0) } else { read_header(&value, number).map(|read| read.steps) }
}

pub(crate) fn get(database: &Database, number: u64) -> Result<Option<Run>> {
    match database.get(&keys::run(number))? {
        Some(value) => read(database, &value, number).map(Some),
        None => {
            let Counters { runs, forgotten, .. } = counters(database)?;
            if (forgotten + 1..=runs).contains(&number) { Err(lost(number)) } else { Ok(None) }
        }
    }
}

/// The latest runs, newest first; 0 for all.
pub(crate) fn latest(database: &Database, limit: usize) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    let Counters { runs: mut expected, forgotten, .. } = counters(database)?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    for entry in database.scan(&keys::runs())?.rev().take(limit) {
        let (key, value) = entry?;
        let number = keys::number_of(&key)?;
        if number != expected && expected > forgotten {
            return Err(lost(expected));
        }
        runs.push(read(database, &value, number)?);
        expected = number - 1;
    }
    if expected > forgotten && runs.len() < limit {
        return Err(lost(expected));
    }
    Ok(runs)
}

/// The logs of all steps of all runs.
pub(crate) fn logs(database: &Database) -> Result<Vec<Digest>> {
    let mut logs = Vec::new();
    for entry in database.scan(&keys::all_steps())? {
        let step: StepRecord = entry?.1.json(|| "a step of a run".into())?;
        logs.extend(step.log);
    }
    for entry in database.scan(&keys::runs())? {
        let (key, value) = entry?;
        if is_whole(&value) {
            logs.extend(read_whole(&value, keys::number_of(&key)?)?.steps.iter().filter_map(|step| step.log));
        }
    }
    Ok(logs)
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

/// Removes the runs up to this one that have ended and that no record names, with their steps.
pub(crate) fn forget(store: &SledStore, up_to: u64) -> Result<(), StoreError> {
    remove_but(store, up_to, &needed(store, up_to)?)
}

/// Removes the runs up to this one but these.
fn remove_but(store: &SledStore, up_to: u64, needed: &BTreeSet<u64>) -> Result<(), StoreError> {
    let mut first = 1;
    while first <= up_to {
        let numbers: Vec<u64> = store.read(|database| {
            let found = database.keys_within(keys::run(first), keys::run(up_to))?.take(AT_ONCE);
            found.map(|key| keys::number_of(&key?)).collect()
        })?;
        let Some(last) = numbers.last() else { break };
        first = last + 1;
        store.write(Reach::System, |writer| {
            writer.counters.forgotten = writer.counters.forgotten.max(up_to);
            for number in numbers.into_iter().filter(|number| !needed.contains(number)) {
                for key in writer.database.keys(&keys::steps(number))? {
                    writer.changes.remove(Key::of(&key?))?;
                }
                writer.changes.remove(keys::run(number))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The runs up to this one that have not ended or that records name.
fn needed(store: &SledStore, up_to: u64) -> Result<BTreeSet<u64>, StoreError> {
    // Before the records are read: one that ends meanwhile is named by a record that may not be among them.
    let mut needed: BTreeSet<u64> =
        store.read(|database| database.keys(&keys::all_unfinished())?.map(|key| keys::number_of(&key?)).collect())?;
    let mut from = Some(keys::records());
    while let Some(first) = from {
        from = store.read(|database| {
            let mut last = None;
            for entry in database.within(first, keys::end_of_records())?.take(AT_ONCE) {
                let (key, value) = entry?;
                needed.insert(history::read(&value)?.record.run);
                last = Some(Key::of(&key).next());
            }
            Ok(last)
        })?;
    }
    needed.retain(|number| *number <= up_to);
    Ok(needed)
}

pub(crate) fn counters(database: &Database) -> Result<Counters> {
    let counters = database.get_json(&keys::counters(), || "what it counts".into())?;
    counters.ok_or_else(|| Fault::Damaged("what it counts is lost".into()))
}

fn read(database: &Database, value: &Value, number: u64) -> Result<Run> {
    if is_whole(value) {
        return read_whole(value, number);
    }
    let Read { steps: count, run } = read_header(value, number)?;
    let mut steps = Vec::with_capacity(count);
    for entry in database.scan(&keys::steps(number))? {
        let (key, value) = entry?;
        if key.as_ref() != keys::step(number, steps.len()).bytes() {
            break;
        }
        steps.push(Arc::new(value.json(|| format!("step {} of run {number}", steps.len() + 1))?));
    }
    if steps.len() != count {
        return Err(Fault::Damaged(format!("step {} of run {number} is lost", steps.len() + 1)));
    }
    Ok(Run { number, steps, ..run })
}

fn read_header(value: &Value, number: u64) -> Result<Read> {
    value.json(|| format!("run {number}"))
}

/// Whether a run is one of format 1, a list; today's is an object.
fn is_whole(value: &Value) -> bool {
    value.bytes().first() == Some(&b'[')
}

fn read_whole(value: &Value, number: u64) -> Result<Run> {
    let Whole(steps, run) = value.json(|| format!("run {number}"))?;
    Ok(Run { number, steps: steps.into_iter().map(Arc::new).collect(), ..run })
}

fn lost(number: u64) -> Fault {
    Fault::Damaged(format!("run {number} is lost"))
}

#[cfg(test)]
mod tests {
    use springline_model::port::{Store as _, StoreError};
    use springline_testkit::sample;

    use super::*;

    fn write(store: &SledStore, act: impl FnOnce(&mut Writer<'_>) -> Result<()>) {
        store.write(Reach::System, act).unwrap();
    }

    #[test]
    fn a_run_of_format_1_is_read_and_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let mut run = sample::run("shop", 0);
        run.number = store.begin(&run).unwrap();
        let steps: Vec<_> = (0..100).map(|at| sample::step(&format!("site/{at}"))).collect();
        write(&store, |writer| writer.changes.put_json(keys::run(1), &(&steps, &run)));
        run.steps = steps.into_iter().map(Arc::new).collect();
        assert_eq!(store.unfinished().unwrap(), [run.clone()]);
        assert_eq!(store.roots().unwrap().blobs.len(), 100, "the logs");

        run.steps.push(Arc::new(sample::step("site/more")));
        store.checkpoint(&run).unwrap();
        assert_eq!(store.run(1).unwrap(), Some(run.clone()));
        drop(store);
        let store = SledStore::open(root.path()).unwrap();
        let run = sample::ended(run, 9);
        store.close(&run).unwrap();
        assert_eq!(store.runs(0).unwrap(), [run]);
        assert_eq!(store.roots().unwrap().blobs.len(), 101);
    }

    #[test]
    fn only_steps_that_are_new_or_replaced_are_written() {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let mut run = sample::run("shop", 0);
        run.number = store.begin(&run).unwrap();
        run.steps = (0..1_000).map(|at| Arc::new(sample::step(&format!("site/{at}")))).collect();
        store.checkpoint(&run).unwrap();
        run.steps[7] = Arc::new(sample::step("site/replaced"));
        run.steps.push(Arc::new(sample::step("site/new")));
        let count = |writer: &mut Writer<'_>| {
            put(writer, &run)?;
            Ok(writer.changes.entries().len())
        };
        // The header, and the two.
        assert_eq!(store.write(Reach::System, count).unwrap(), 3);
        assert_eq!(store.write(Reach::System, count).unwrap(), 0, "nothing is new");
        assert_eq!(store.run(1).unwrap(), Some(run));
    }

    #[test]
    fn a_run_that_ends_while_others_are_removed_stays() {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let mut run = sample::run("shop", 0);
        run.number = store.begin(&run).unwrap();
        let mut other = sample::run("shop", 1);
        other.number = store.begin(&other).unwrap();
        store.close(&sample::ended(other, 2)).unwrap();

        let needed = needed(&store, 2).unwrap();
        let place = sample::place("shop", "live");
        store.finish(sample::finish(&place, &sample::ended(run, 9), "a")).unwrap();
        remove_but(&store, 2, &needed).unwrap();
        assert!(store.run(1).unwrap().is_some_and(|run| run.state == RunState::Succeeded));
        assert_eq!(store.run(2).unwrap(), None, "nothing names it");
    }

    #[test]
    fn a_step_that_is_lost_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let mut run = sample::run("shop", 0);
        run.number = store.begin(&run).unwrap();
        run.steps = (0..3).map(|at| Arc::new(sample::step(&at.to_string()))).collect();
        store.checkpoint(&run).unwrap();
        write(&store, |writer| writer.changes.remove(keys::step(1, 1)));
        let error = store.run(1).unwrap_err();
        assert!(
            matches!(&error, StoreError::Damaged { message, .. } if message == "step 2 of run 1 is lost"),
            "{error}"
        );
    }
}
