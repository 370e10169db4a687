//! Runs, releases, inventory, results and history, kept in sled.
//!
//! A state directory has, beside what other crates keep in it:
//!
//! | file | what it is |
//! |---|---|
//! | `version` | the version of the format, 2 |
//! | `lock` | who owns the directory, one JSON line; locked as long as it does |
//! | `db/` | the database |
//! | `acknowledged` | how many durable writes were acknowledged, to notice a database that lost some |
//! | `journal` | what was written since the state was opened, to notice what is missing of it |
//! | `setup` | there only while a new state is being set up |
//!
//! One process owns a state directory. What [`intend`](Store::intend), [`finish`](Store::finish) and
//! [`close`](Store::close) returned from is on disk: the engine's buffers are flushed, its file is
//! synced. What [`begin`](Store::begin) and [`checkpoint`](Store::checkpoint) wrote survives the
//! death of the process a moment later, and a power cut soon.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod check;
mod compact;
mod database;
mod fault;
mod files;
mod history;
mod journal;
mod kept;
mod keys;
mod lines;
mod open;
mod outbox;
mod pages;
mod quiet;
mod releases;
mod roots;
mod runs;
mod standing;
mod verify;
mod write;

use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use springline_model::Digest;
use springline_model::call::CallKey;
use springline_model::history::{Anchor, Compacted, Record, Retention, Sealed, Verified, Written};
use springline_model::newest::Newest;
use springline_model::outbox::{Outgoing, Settled};
use springline_model::plugin::Description;
use springline_model::port::{Finish, Found, Page, Roots, Store, StoreError};
use springline_model::run::{Kept, Place, Release, Run, Standing, Timestamp};

use crate::database::Database;
use crate::fault::Result;
use crate::files::{Acknowledged, Layout, Lock};
use crate::write::{Reach, Turn};

/// How many records are filled in at once.
const FILLED: usize = 5_000;

/// The store of a state directory, and the right to use it.
pub struct SledStore {
    // In this order: the lock is given back when the database is closed.
    database: Database,
    acknowledged: Acknowledged,
    layout: Layout,
    /// Writers take turns.
    turn: Mutex<Turn>,
    /// Held for writing while a group of changes goes in, so that readers see all of it or nothing.
    gate: RwLock<()>,
    _lock: Lock,
}

impl SledStore {
    /// Opens the store of a state directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process owns it, [`StoreError::Newer`] if a newer Springline
    /// wrote it, [`StoreError::Damaged`] if it is not whole, [`StoreError::NoSpace`] and
    /// [`StoreError::Io`] as the operating system reports.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_as(directory, "")
    }

    /// As [`SledStore::open`], for this verb of the command line: it is what others are told who
    /// find the directory in use.
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn open_as(directory: &Path, verb: &str) -> Result<Self, StoreError> {
        open::open(directory, verb).map_err(|fault| fault.at(directory))
    }

    /// Writes so many finished syncs of runs that were never begun, to measure with. What comes of it is as if
    /// they had been finished one after the other, but a crash meanwhile leaves no whole state.
    ///
    /// # Errors
    /// As [`Store::finish`].
    #[doc(hidden)]
    pub fn fill(&self, count: u64, make: impl Fn(u64) -> Finish) -> Result<(), StoreError> {
        for first in (0..count).step_by(FILLED) {
            let finished = (first..count.min(first + FILLED as u64)).map(&make);
            self.write(Reach::Memory, |writer| history::fill(writer, finished))?;
        }
        self.write(Reach::Disk, |_| Ok(()))
    }

    /// Reads, undisturbed by writers.
    fn read<T>(&self, act: impl FnOnce(&Database) -> Result<T>) -> Result<T, StoreError> {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        quiet::guarded(|| act(&self.database)).map_err(|fault| fault.at(&self.layout.root))
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.close_journal();
    }
}

impl Store for SledStore {
    fn begin(&self, run: &Run) -> Result<u64, StoreError> {
        self.write(Reach::System, |writer| runs::begin(writer, run))
    }

    fn checkpoint(&self, run: &Run) -> Result<(), StoreError> {
        self.write(Reach::System, |writer| runs::put(writer, run))
    }

    fn intend(&self, run: &Run, place: &Place, inventory: &Digest) -> Result<(), StoreError> {
        self.write(Reach::Disk, |writer| {
            runs::put(writer, run)?;
            history::set_inventory(writer, place, inventory)
        })
    }

    fn finish(&self, finish: Finish) -> Result<Sealed, StoreError> {
        self.write(Reach::Disk, |writer| {
            runs::put(writer, &finish.run)?;
            let sealed = history::append(writer, finish.record, finish.inventory, &finish.touched)?;
            standing::recorded(writer, &sealed.record, finish.at)?;
            if let Some(release) = &finish.release {
                releases::put(writer, release)?;
            }
            if let Some(to) = finish.tells {
                outbox::put(writer, &sealed, to)?;
            }
            Ok(sealed)
        })
    }

    fn close(&self, run: &Run) -> Result<(), StoreError> {
        self.write(Reach::Disk, |writer| runs::put(writer, run))
    }

    fn run(&self, number: u64) -> Result<Option<Run>, StoreError> {
        self.read(|database| runs::get(database, number))
    }

    fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError> {
        self.read(|database| runs::latest(database, limit))
    }

    fn unfinished(&self) -> Result<Vec<Run>, StoreError> {
        self.read(runs::unfinished)
    }

    fn inventory(&self, place: &Place) -> Result<Option<Digest>, StoreError> {
        self.read(|database| history::inventory(database, place))
    }

    fn standing(&self, place: &Place) -> Result<Standing, StoreError> {
        self.read(|database| standing::get(database, place))
    }

    fn set_standing(&self, place: &Place, change: &mut dyn FnMut(&mut Standing)) -> Result<Standing, StoreError> {
        self.write_if(Reach::Disk, |writer| {
            let before = standing::get(writer.database, place)?;
            let mut after = before.clone();
            change(&mut after);
            if after == before {
                return Ok((after, false));
            }
            standing::put(writer, place, &after)?;
            Ok((after, true))
        })
    }

    fn outgoing(&self, application: Option<&str>) -> Result<Vec<Outgoing>, StoreError> {
        self.read(|database| outbox::all(database, application))
    }

    fn attempted(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        self.write(Reach::System, |writer| outbox::attempted(writer, outgoing))
    }

    fn settle(&self, place: &Place, settled: &Settled) -> Result<(), StoreError> {
        self.write(Reach::Disk, |writer| outbox::settle(writer, place, settled))
    }

    fn settled(&self, place: &Place) -> Result<Option<Settled>, StoreError> {
        self.read(|database| outbox::settled(database, place))
    }

    fn places(&self) -> Result<Vec<Place>, StoreError> {
        self.read(history::places)
    }

    fn releases(&self, place: Option<&Place>, prefix: &str) -> Result<Vec<Release>, StoreError> {
        self.read(|database| releases::find(database, place, prefix))
    }

    fn history(&self, page: &Page) -> Result<Found, StoreError> {
        self.read(|database| pages::page(database, page))
    }

    fn newest(&self, place: &Place, wanted: Newest) -> Result<Option<Sealed>, StoreError> {
        history::newest(self, place, wanted)
    }

    fn index_objects(
        &self,
        names: &mut dyn FnMut(&Record) -> Result<Vec<String>, StoreError>,
    ) -> Result<(), StoreError> {
        history::index_objects(self, names)
    }

    fn chain(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Sealed>, StoreError> {
        self.read(|database| pages::chain(database, place, from, limit, history::read))
    }

    fn written(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Written>, StoreError> {
        self.read(|database| pages::chain(database, place, from, limit, |value| value.json(|| "a record".into())))
    }

    fn sealed(&self, prefix: &str) -> Result<Vec<Sealed>, StoreError> {
        self.read(|database| history::by_hash(database, prefix))
    }

    fn anchor(&self, place: &Place) -> Result<Option<Anchor>, StoreError> {
        self.read(|database| Ok(history::Known::get(database, place)?.anchor))
    }

    fn compact(&self, policy: Retention, now: Timestamp, pretend: bool) -> Result<Vec<Compacted>, StoreError> {
        compact::compact(self, policy, now, pretend)
    }

    fn verify(&self) -> Result<Vec<Verified>, StoreError> {
        verify::verify(self)
    }

    fn kept_exact(&self, exact: &Digest) -> Result<Option<Kept>, StoreError> {
        self.read(|database| kept::exact(database, exact))
    }

    fn kept(&self, key: &CallKey) -> Result<Vec<Kept>, StoreError> {
        self.read(|database| kept::offered(database, key))
    }

    fn keep(&self, exact: &Digest, kept: &Kept) -> Result<(), StoreError> {
        self.write(Reach::Memory, |writer| kept::keep(writer, exact, kept))
    }

    fn all_kept(&self) -> Result<Vec<Kept>, StoreError> {
        self.read(kept::all)
    }

    fn forget_kept(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(Reach::System, |writer| kept::forget(writer, before))
    }

    fn description(&self, plugin: &Digest) -> Result<Option<Description>, StoreError> {
        self.read(|database| {
            database.get_json(&keys::description(plugin), || format!("the description of plugin {plugin}"))
        })
    }

    fn keep_description(&self, plugin: &Digest, description: &Description) -> Result<(), StoreError> {
        self.write(Reach::Memory, |writer| writer.changes.put_json(keys::description(plugin), description))
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        self.read(roots::all)
    }
}
