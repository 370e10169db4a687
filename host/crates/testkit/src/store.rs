//! The store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use springline_model::Digest;
use springline_model::call::CallKey;
use springline_model::history::{
    Anchor, Compacted, GENESIS, Outcome, Record, Retention, Sealed, Verified, Written, seal,
};
use springline_model::newest::{Marks, Newest};
use springline_model::outbox::{Outgoing, Settled};
use springline_model::plugin::Description;
use springline_model::port::{Cursor, Finish, Found, Page, Roots, Store, StoreError};
use springline_model::run::{Kept, Output, Place, Release, Run, RunState, Standing, Timestamp};

/// How many results of one call are kept.
const KEPT: usize = 32;
/// How many of them are offered.
const OFFERED: usize = 8;
/// By how many exact keys one result is found.
const EXACT: usize = 4;

/// The store in memory. It can be told to fail, and remembers which writes were made.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<u64, Run>,
    inventories: BTreeMap<Place, Digest>,
    standing: BTreeMap<Place, Standing>,
    outgoing: BTreeMap<(Place, u64), Outgoing>,
    settled: BTreeMap<Place, Settled>,
    releases: Vec<Release>,
    chains: BTreeMap<Place, Vec<Sealed>>,
    /// Which record was written when, over all chains, and the objects it is found by.
    order: Vec<(Place, u64, Vec<String>)>,
    anchors: BTreeMap<Place, Anchor>,
    kept: BTreeMap<Digest, Vec<Listed>>,
    exact: BTreeMap<Digest, Kept>,
    descriptions: BTreeMap<Digest, Description>,
    faults: Vec<(&'static str, StoreError)>,
    writes: Vec<&'static str>,
    /// How many records were handed out.
    read: usize,
}

/// A kept result and the exact keys that led to it, oldest first.
struct Listed {
    kept: Kept,
    exact: Vec<Digest>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next write of this kind fail and write nothing: `begin`, `checkpoint`, `intend`,
    /// `finish`, `close`, `set_standing`, `settle`, `keep` or `keep_description`.
    pub fn fail_next(&self, write: &'static str, error: StoreError) {
        self.state().faults.push((write, error));
    }

    /// The writes that succeeded, in order, by the names of [`MemoryStore::fail_next`].
    pub fn writes(&self) -> Vec<&'static str> {
        self.state().writes.clone()
    }

    /// Changes a record behind the store's back, without sealing it again.
    ///
    /// # Panics
    /// If there is no such record.
    pub fn tamper(&self, place: &Place, sequence: u64, change: impl FnOnce(&mut Sealed)) {
        let mut state = self.state();
        let chain = state.chains.get_mut(place).unwrap();
        change(chain.iter_mut().find(|sealed| sealed.record.sequence == sequence).unwrap());
    }

    /// How many records were read so far.
    pub fn read_records(&self) -> usize {
        self.state().read
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The state, ready for this write; the error if it is to fail.
    fn writing(&self, write: &'static str) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.state();
        if let Some(at) = state.faults.iter().position(|(failing, _)| *failing == write) {
            return Err(state.faults.remove(at).1);
        }
        state.writes.push(write);
        Ok(state)
    }
}

impl State {
    fn put_run(&mut self, run: &Run) -> Result<(), StoreError> {
        let known = self.runs.get_mut(&run.number).ok_or_else(|| unknown(run))?;
        known.clone_from(run);
        Ok(())
    }

    fn sealed(&self, place: &Place, sequence: u64) -> Option<&Sealed> {
        self.chains.get(place)?.iter().find(|sealed| sealed.record.sequence == sequence)
    }

    fn compact(&mut self, place: &Place, (policy, now): (Retention, Timestamp), pretend: bool) -> Option<Compacted> {
        let chain = self.chains.get(place)?;
        let newest = chain.iter().rposition(|sealed| sealed.record.outcome == Outcome::Succeeded)?;
        let newest = chain.iter().rposition(|sealed| sealed.record.is_good()).unwrap_or(newest);
        let mut going = if policy.is_set() { newest } else { 0 };
        if let Some(days) = policy.keep_days {
            let newest = self.order.last().and_then(|(place, sequence, _)| self.sealed(place, *sequence));
            let today = newest.map_or(now, |newest| newest.record.started.min(now));
            let before = today - i64::from(days) * 24 * 60 * 60 * 1000;
            going = going.min(chain.iter().take_while(|sealed| sealed.record.started < before).count());
        }
        going = going.min(chain.len().saturating_sub(policy.keep_records.unwrap_or(0) as usize));
        let last = chain[..going].last()?;
        let anchor = Anchor { sequence: last.record.sequence, hash: last.hash, at: now, policy };
        let gone: Vec<_> = chain[..going].to_vec();
        let named = |sealed: &Sealed| [sealed.record.release, sealed.record.from];
        let staying = self.chains.values().flatten().filter(|sealed| !gone.contains(sealed));
        let mut held: BTreeSet<_> = staying.flat_map(named).flatten().collect();
        for standing in self.standing.values() {
            held.extend(standing.pin.iter().map(|pin| pin.release));
            held.extend(standing.approvals.iter().map(|approval| approval.release));
            held.extend(standing.healthy.iter().map(|healthy| healthy.release));
        }
        held.extend(self.outgoing.values().map(|outgoing| outgoing.release));
        let going_too: BTreeSet<_> = gone.iter().flat_map(named).flatten().filter(|id| !held.contains(id)).collect();
        let releases = self.releases.iter().filter(|release| going_too.contains(&release.id)).count() as u64;
        if !pretend {
            self.releases.retain(|release| !going_too.contains(&release.id));
            self.chains.get_mut(place)?.drain(..going);
            self.anchors.insert(place.clone(), anchor.clone());
        }
        Some(Compacted { place: place.clone(), records: going as u64, releases, anchor })
    }

    fn forget_exact(&mut self, exact: &Digest, kept: &Kept) {
        if self.exact.get(exact).is_some_and(|found| is_same(found, kept)) {
            self.exact.remove(exact);
        }
    }
}

impl Store for MemoryStore {
    fn begin(&self, run: &Run) -> Result<u64, StoreError> {
        let mut state = self.writing("begin")?;
        let number = state.runs.keys().next_back().copied().unwrap_or(0) + 1;
        state.runs.insert(number, Run { number, ..run.clone() });
        Ok(number)
    }

    fn checkpoint(&self, run: &Run) -> Result<(), StoreError> {
        self.writing("checkpoint")?.put_run(run)
    }

    fn intend(&self, run: &Run, place: &Place, inventory: &Digest) -> Result<(), StoreError> {
        let mut state = self.writing("intend")?;
        state.put_run(run)?;
        state.inventories.insert(place.clone(), *inventory);
        Ok(())
    }

    fn finish(&self, finish: Finish) -> Result<Sealed, StoreError> {
        let mut state = self.writing("finish")?;
        state.put_run(&finish.run)?;
        let place = finish.record.place.clone();
        let mut record = finish.record;
        let chain = state.chains.entry(place.clone()).or_default();
        record.sequence = chain.last().map_or(1, |last| last.record.sequence + 1);
        record.previous = chain.last().map_or(GENESIS, |last| last.hash);
        let sealed = Sealed { hash: seal(&record), record };
        chain.push(sealed.clone());
        state.standing.entry(place.clone()).or_default().recorded(&sealed.record, finish.at);
        state.order.push((place.clone(), sealed.record.sequence, finish.touched));
        if let Some(release) = finish.release
            && state.releases.iter().all(|known| known.id != release.id)
        {
            state.releases.push(release);
        }
        if let Some(outgoing) = finish.tells.and_then(|to| Outgoing::of(&sealed, to)) {
            state.outgoing.insert((place.clone(), outgoing.sequence), outgoing);
        }
        if let Some(inventory) = finish.inventory {
            state.inventories.insert(place, inventory);
        }
        Ok(sealed)
    }

    fn close(&self, run: &Run) -> Result<(), StoreError> {
        self.writing("close")?.put_run(run)
    }

    fn run(&self, number: u64) -> Result<Option<Run>, StoreError> {
        Ok(self.state().runs.get(&number).cloned())
    }

    fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError> {
        Ok(self.state().runs.values().rev().take(limit_of(limit)).cloned().collect())
    }

    fn unfinished(&self) -> Result<Vec<Run>, StoreError> {
        Ok(self.state().runs.values().filter(|run| run.state == RunState::Running).cloned().collect())
    }

    fn inventory(&self, place: &Place) -> Result<Option<Digest>, StoreError> {
        Ok(self.state().inventories.get(place).copied())
    }

    fn standing(&self, place: &Place) -> Result<Standing, StoreError> {
        Ok(self.state().standing.get(place).cloned().unwrap_or_default())
    }

    fn set_standing(&self, place: &Place, change: &mut dyn FnMut(&mut Standing)) -> Result<Standing, StoreError> {
        let mut after = self.standing(place)?;
        change(&mut after);
        if after != self.standing(place)? {
            self.writing("set_standing")?.standing.insert(place.clone(), after.clone());
        }
        Ok(after)
    }

    fn outgoing(&self, application: Option<&str>) -> Result<Vec<Outgoing>, StoreError> {
        let is_wanted = |outgoing: &&Outgoing| application.is_none_or(|wanted| wanted == outgoing.place.application);
        Ok(self.state().outgoing.values().filter(is_wanted).cloned().collect())
    }

    fn attempted(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        if let Some(known) = self.state().outgoing.get_mut(&(outgoing.place.clone(), outgoing.sequence)) {
            known.clone_from(outgoing);
        }
        Ok(())
    }

    fn settle(&self, place: &Place, settled: &Settled) -> Result<(), StoreError> {
        let mut state = self.writing("settle")?;
        state.outgoing.remove(&(place.clone(), settled.sequence));
        state.settled.insert(place.clone(), settled.clone());
        Ok(())
    }

    fn settled(&self, place: &Place) -> Result<Option<Settled>, StoreError> {
        Ok(self.state().settled.get(place).cloned())
    }

    fn places(&self) -> Result<Vec<Place>, StoreError> {
        let state = self.state();
        let places: BTreeSet<_> = state.inventories.keys().chain(state.chains.keys()).cloned().collect();
        Ok(places.into_iter().collect())
    }

    fn releases(&self, place: Option<&Place>, prefix: &str) -> Result<Vec<Release>, StoreError> {
        let state = self.state();
        let is_at = |release: &Release| {
            place.is_none_or(|place| {
                release.application == place.application && release.environment == place.environment
            })
        };
        let found = state.releases.iter().rev();
        Ok(found.filter(|release| is_at(release) && release.id.hex().starts_with(prefix)).cloned().collect())
    }

    fn history(&self, page: &Page) -> Result<Found, StoreError> {
        let mut state = self.state();
        let end = page.after.map_or(state.order.len(), |after| after.0.saturating_sub(1) as usize);
        let mut found = Found::default();
        for (at, (place, sequence, touched)) in state.order[..end.min(state.order.len())].iter().enumerate().rev() {
            let Some(sealed) = state.sealed(place, *sequence) else { continue };
            let is_found = page.object.as_ref().is_none_or(|object| touched.contains(object));
            if !is_found || !page.wants(&sealed.record) {
                continue;
            }
            if found.records.len() == limit_of(page.limit) {
                found.next = found.cursors.last().copied();
                break;
            }
            found.records.push(sealed.clone());
            found.cursors.push(Cursor(at as u64 + 1));
        }
        state.read += found.records.len();
        Ok(found)
    }

    fn newest(&self, place: &Place, wanted: Newest) -> Result<Option<Sealed>, StoreError> {
        let mut state = self.state();
        let mut marks = Marks::default();
        state.chains.get(place).into_iter().flatten().for_each(|sealed| marks.take(&sealed.record));
        let found = marks.of(wanted).and_then(|sequence| state.sealed(place, sequence)).cloned();
        state.read += usize::from(found.is_some());
        Ok(found)
    }

    fn index_objects(
        &self,
        _names: &mut dyn FnMut(&Record) -> Result<Vec<String>, StoreError>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn chain(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Sealed>, StoreError> {
        let state = self.state();
        let chain = state.chains.get(place).into_iter().flatten();
        Ok(chain.filter(|sealed| sealed.record.sequence >= from).take(limit_of(limit)).cloned().collect())
    }

    fn written(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Written>, StoreError> {
        let written = |sealed: Sealed| {
            Ok(Written {
                record: serde_json::to_value(sealed.record).map_err(|error| StoreError::Io(error.to_string()))?,
                hash: sealed.hash,
            })
        };
        self.chain(place, from, limit)?.into_iter().map(written).collect()
    }

    fn sealed(&self, prefix: &str) -> Result<Vec<Sealed>, StoreError> {
        let state = self.state();
        let newest_first = state.order.iter().rev().filter_map(|(place, sequence, _)| state.sealed(place, *sequence));
        Ok(newest_first.filter(|sealed| sealed.hash.hex().starts_with(prefix)).cloned().collect())
    }

    fn anchor(&self, place: &Place) -> Result<Option<Anchor>, StoreError> {
        Ok(self.state().anchors.get(place).cloned())
    }

    fn compact(&self, policy: Retention, now: Timestamp, pretend: bool) -> Result<Vec<Compacted>, StoreError> {
        let mut state = self.state();
        let places: Vec<_> = state.chains.keys().cloned().collect();
        Ok(places.iter().filter_map(|place| state.compact(place, (policy, now), pretend)).collect())
    }

    fn verify(&self) -> Result<Vec<Verified>, StoreError> {
        let state = self.state();
        Ok(state.chains.iter().map(|(place, chain)| verify(place, state.anchors.get(place), chain)).collect())
    }

    fn kept_exact(&self, exact: &Digest) -> Result<Option<Kept>, StoreError> {
        Ok(self.state().exact.get(exact).cloned())
    }

    fn kept(&self, key: &CallKey) -> Result<Vec<Kept>, StoreError> {
        let state = self.state();
        let listed = state.kept.get(&key.0).into_iter().flatten();
        Ok(listed.rev().take(OFFERED).map(|listed| listed.kept.clone()).collect())
    }

    fn keep(&self, exact: &Digest, kept: &Kept) -> Result<(), StoreError> {
        let mut state = self.writing("keep")?;
        state.exact.insert(*exact, kept.clone());
        let list = state.kept.entry(kept.key.0).or_default();
        let known = list.iter().position(|listed| is_same(&listed.kept, kept));
        let mut led = known.map(|at| list.remove(at).exact).unwrap_or_default();
        led.retain(|known| known != exact);
        led.push(*exact);
        let surplus: Vec<_> = led.drain(..led.len().saturating_sub(EXACT)).collect();
        list.push(Listed { kept: kept.clone(), exact: led });
        let oldest = if list.len() > KEPT { Some(list.remove(0)) } else { None };
        for exact in surplus {
            state.forget_exact(&exact, kept);
        }
        for exact in oldest.iter().flat_map(|listed| &listed.exact) {
            state.forget_exact(exact, &oldest.as_ref().unwrap().kept);
        }
        Ok(())
    }

    fn all_kept(&self) -> Result<Vec<Kept>, StoreError> {
        Ok(self.state().kept.values().flatten().map(|listed| listed.kept.clone()).collect())
    }

    fn forget_kept(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let mut forgotten = Vec::new();
        for list in state.kept.values_mut() {
            forgotten.extend(list.extract_if(.., |listed| listed.kept.at < before));
        }
        for listed in &forgotten {
            for exact in &listed.exact {
                state.forget_exact(exact, &listed.kept);
            }
        }
        Ok(forgotten.len() as u64)
    }

    fn description(&self, plugin: &Digest) -> Result<Option<Description>, StoreError> {
        Ok(self.state().descriptions.get(plugin).cloned())
    }

    fn keep_description(&self, plugin: &Digest, description: &Description) -> Result<(), StoreError> {
        self.writing("keep_description")?.descriptions.insert(*plugin, description.clone());
        Ok(())
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        let state = self.state();
        let (mut blobs, mut trees, mut objects) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for release in &state.releases {
            trees.extend(release.artifacts.values());
            objects.insert(release.objects);
            blobs.extend(release.plugins.iter().map(|plugin| plugin.digest));
            blobs.insert(release.target_plugin.digest);
        }
        blobs.extend(state.inventories.values());
        for sealed in state.chains.values().flatten() {
            blobs.extend(sealed.record.changes.iter().chain(&sealed.record.inventory));
        }
        blobs.extend(state.runs.values().flat_map(|run| &run.steps).filter_map(|step| step.log));
        let listed = state.kept.values().flatten().map(|listed| &listed.kept);
        for kept in listed.chain(state.exact.values()) {
            blobs.extend([kept.trace, kept.log]);
            match kept.output {
                Output::Tree(tree) => trees.insert(tree),
                Output::Objects(list) => objects.insert(list),
            };
        }
        Ok(Roots {
            blobs: blobs.into_iter().collect(),
            trees: trees.into_iter().collect(),
            objects: objects.into_iter().collect(),
        })
    }
}

/// Whether two kept results are one: made of the same, and the same made.
fn is_same(a: &Kept, b: &Kept) -> bool {
    (a.key, a.trace, a.output) == (b.key, b.trace, b.output)
}

const fn limit_of(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

fn unknown(run: &Run) -> StoreError {
    StoreError::Io(format!("there is no run {}", run.number))
}

fn verify(place: &Place, anchor: Option<&Anchor>, chain: &[Sealed]) -> Verified {
    let mut previous = anchor.map_or(GENESIS, |anchor| anchor.hash);
    let mut broken = None;
    for (at, sealed) in chain.iter().enumerate() {
        let expected = anchor.map_or(0, |anchor| anchor.sequence) + at as u64 + 1;
        let wrong = if sealed.record.sequence != expected {
            Some("its number is wrong")
        } else if sealed.record.previous != previous {
            Some("it does not follow the record before it")
        } else if seal(&sealed.record) != sealed.hash {
            Some("its content is not what was sealed")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            broken = Some((expected, wrong.to_owned()));
            break;
        }
        previous = sealed.hash;
    }
    let head = chain.last().map_or(GENESIS, |last| last.hash);
    Verified { place: place.clone(), anchor: anchor.cloned(), records: chain.len() as u64, head, broken }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sample, suite};

    #[test]
    fn a_memory_store_passes_the_suite() {
        suite::store_suite(|| Box::new(MemoryStore::new()));
    }

    #[test]
    fn a_changed_record_breaks_the_chain() {
        let store = MemoryStore::new();
        let place = sample::place("shop", "live");
        for seed in ["1", "2", "3"] {
            let mut run = sample::run("shop", 0);
            run.number = store.begin(&run).unwrap();
            store.finish(sample::finish(&place, &run, seed)).unwrap();
        }
        store.tamper(&place, 2, |sealed| sealed.record.actor = "nobody".into());
        let (sequence, _) = store.verify().unwrap()[0].broken.clone().unwrap();
        assert_eq!(sequence, 2);
    }

    #[test]
    fn a_failing_write_writes_nothing() {
        let store = MemoryStore::new();
        store.fail_next("begin", StoreError::NoSpace("here".into()));
        assert!(matches!(store.begin(&sample::run("shop", 0)), Err(StoreError::NoSpace(_))));
        assert!(store.runs(0).unwrap().is_empty());
        assert_eq!(store.begin(&sample::run("shop", 0)).unwrap(), 1);
        assert_eq!(store.writes(), ["begin"]);
    }
}
