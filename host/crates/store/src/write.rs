//! Writes: one at a time, each as a whole, as far as it has to go.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use springline_model::port::StoreError;
use springline_model::run::StepRecord;

use crate::SledStore;
use crate::database::{Changes, Database};
use crate::fault::{Fault, Result};
use crate::journal::Journal;
use crate::runs::WrittenSteps;
use crate::{keys, quiet};

/// How far a write has to have come when it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Into the engine's memory: losing it costs work, no more.
    Memory,
    /// On its way to the operating system, where the death of this process does not matter.
    System,
    /// Onto the disk.
    Disk,
}

/// How much there is of everything. Written with what it counts, in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Durable writes.
    pub acknowledged: u64,
    /// Runs, which are numbered without gaps.
    pub runs: u64,
    /// History's records, over all chains, those that were removed included.
    pub records: u64,
    /// How many of them are in the index: all, unless an earlier Springline wrote some.
    #[serde(default)]
    pub indexed: u64,
    /// How many of them, the first ones, can't be found by their objects.
    #[serde(default)]
    pub nameless: u64,
    /// Of the runs up to this one, some were removed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub forgotten: u64,
}

const fn is_none(number: &u64) -> bool {
    *number == 0
}

/// A write in the making.
pub(crate) struct Writer<'a> {
    /// What is there so far.
    pub database: &'a Database,
    /// What is to be written.
    pub changes: Changes<'a>,
    pub counters: Counters,
    /// See [`WrittenSteps`].
    pub steps: &'a WrittenSteps,
    /// What becomes of a run's entry there if this is written.
    pub now_written: Option<(u64, Option<Vec<Arc<StepRecord>>>)>,
    journal: &'a mut Journal,
    gate: &'a RwLock<()>,
}

/// What writers take turns for.
#[derive(Debug)]
pub(crate) struct Turn {
    pub counters: Counters,
    pub journal: Journal,
    pub steps: WrittenSteps,
    /// Why a write failed: there are no more after it, as nobody knows what of it is there.
    pub failed: Option<StoreError>,
}

impl Writer<'_> {
    /// Writes what there is so far as a group of its own.
    pub fn commit(&mut self) -> Result<()> {
        let changes = std::mem::replace(&mut self.changes, self.database.change());
        if changes.entries().is_empty() {
            return Ok(());
        }
        self.journal.changes(changes.entries())?;
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        changes.commit()
    }

    /// Writes what there is so far, not as a whole: the engine begins and ends a group with writes to its file,
    /// which take longer than all that is in one.
    pub fn commit_each(&mut self) -> Result<()> {
        let changes = std::mem::replace(&mut self.changes, self.database.change());
        self.journal.changes(changes.entries())?;
        changes.commit_each()
    }
}

impl SledStore {
    /// Makes a write.
    pub(crate) fn write<T>(
        &self,
        reach: Reach,
        act: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Result<T, StoreError> {
        self.write_if(reach, |writer| Ok((act(writer)?, true)))
    }

    /// Makes a write, if there turns out to be one to make.
    pub(crate) fn write_if<T>(
        &self,
        reach: Reach,
        act: impl FnOnce(&mut Writer<'_>) -> Result<(T, bool)>,
    ) -> Result<T, StoreError> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Turn { counters, journal, steps, failed } = &mut *turn;
        if let Some(error) = failed {
            return Err(error.clone());
        }
        let written = quiet::guarded(|| {
            let database = &self.database;
            let changes = database.change();
            let mut writer = Writer {
                database,
                changes,
                counters: counters.clone(),
                steps: &*steps,
                now_written: None,
                journal,
                gate: &self.gate,
            };
            let (value, is_write) = act(&mut writer)?;
            if !is_write {
                return Ok(value);
            }
            if reach == Reach::Disk {
                writer.counters.acknowledged += 1;
            }
            if writer.counters != *counters {
                writer.changes.put_json(keys::counters(), &writer.counters)?;
            }
            writer.commit()?;
            *counters = writer.counters;
            match writer.now_written {
                Some((run, Some(written))) => drop(steps.insert(run, written)),
                Some((run, None)) => drop(steps.remove(&run)),
                None => {}
            }
            match reach {
                Reach::Memory => {}
                Reach::System => database.send_off()?,
                Reach::Disk => {
                    database.sync()?;
                    self.acknowledged.write(counters.acknowledged)?;
                    journal.acknowledged()?;
                }
            }
            Ok(value)
        });
        written.map_err(|fault| {
            let refused = matches!(fault, Fault::Refused(_));
            let error = fault.at(&self.layout.root);
            if !refused {
                *failed = Some(error.clone());
            }
            error
        })
    }

    /// Writes down that the state is closed as it should be.
    pub(crate) fn close_journal(&mut self) {
        let turn = self.turn.get_mut().unwrap_or_else(PoisonError::into_inner);
        if turn.failed.is_none() && quiet::guarded(|| self.database.sync()).is_ok() {
            // Without it the next check is a weaker one.
            turn.journal.closed().ok();
        }
    }
}
