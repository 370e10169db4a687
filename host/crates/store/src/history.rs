//! The history: a chain of records per place, the head of each chain and where it begins, and the inventories.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use springline_model::Digest;
use springline_model::history::{Anchor, GENESIS, Record, Sealed, seal};
use springline_model::newest::{Marks, Newest};
use springline_model::port::{Finish, StoreError};
use springline_model::run::{Place, Timestamp};

use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::keys::{self, Key};
use crate::lines::{self, BLOCK};
use crate::runs::counters;
use crate::write::{Reach, Writer};
use crate::{SledStore, pages, releases};

/// What is known of a place.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The sequence and the hash of the last record.
    pub head: Option<(u64, Digest)>,
    pub inventory: Option<Digest>,
    /// Where its chain begins, if its oldest records were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// Where its newest records of each sort are; none if an earlier Springline wrote it and nobody asked since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<Marks>,
}

impl Known {
    pub fn get(database: &Database, place: &Place) -> Result<Self> {
        Ok(database.get_json(&keys::place(place)?, || format!("what is known of {place}"))?.unwrap_or_default())
    }

    /// The sequence of the last record; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.head.map_or(0, |(sequence, _)| sequence)
    }

    /// The sequence of the last record that is gone; 0 if none is.
    pub fn gone(&self) -> u64 {
        self.anchor.as_ref().map_or(0, |anchor| anchor.sequence)
    }
}

pub(crate) fn set_inventory(writer: &mut Writer<'_>, place: &Place, inventory: &Digest) -> Result<()> {
    let known = Known { inventory: Some(*inventory), ..Known::get(writer.database, place)? };
    writer.changes.put_json(keys::place(place)?, &known)
}

/// Seals a record and puts it at the end of its chain. `touched` are the objects that it is found by.
pub(crate) fn append(
    writer: &mut Writer<'_>,
    record: Record,
    inventory: Option<Digest>,
    touched: &[String],
) -> Result<Sealed> {
    let place = record.place.clone();
    let mut known = Known::get(writer.database, &place)?;
    let sealed = append_to(writer, &mut known, (record, inventory), touched)?;
    writer.changes.put_json(keys::place(&place)?, &known)?;
    Ok(sealed)
}

/// As [`append`], of a place that this is known of; what is known then is not written.
fn append_to(
    writer: &mut Writer<'_>,
    known: &mut Known,
    (mut record, inventory): (Record, Option<Digest>),
    touched: &[String],
) -> Result<Sealed> {
    let place = record.place.clone();
    let (last, previous) = known.head.unwrap_or((0, GENESIS));
    record.sequence = last + 1;
    record.previous = previous;
    let sealed = Sealed { hash: seal(&record), record };

    let key = keys::record(&place, sealed.record.sequence)?;
    writer.counters.records += 1;
    writer.counters.indexed += 1;
    let order = writer.counters.records;
    writer.changes.put(keys::written(order), key.bytes())?;
    writer.changes.put_json(key, &sealed)?;
    index(writer, order, &sealed)?;
    lines::put_times(writer, order, (sealed.record.started, sealed.record.started))?;
    lines::put_objects(writer, order, touched);
    // Where those before it are not known, a look finds out: what it stumbles over keeps nobody from writing.
    let mut marks = known.marks.take().or_else(|| known.head.is_none().then(Marks::default));
    marks.iter_mut().for_each(|marks| marks.take(&sealed.record));
    known.head = Some((sealed.record.sequence, sealed.hash));
    known.inventory = inventory.or(known.inventory);
    known.marks = marks;
    Ok(sealed)
}

/// Puts many records at the ends of their chains, and not as a whole.
pub(crate) fn fill(writer: &mut Writer<'_>, finished: impl Iterator<Item = Finish>) -> Result<()> {
    let mut places = BTreeMap::new();
    for Finish { record, release, inventory, touched, .. } in finished {
        let known = match places.entry(record.place.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Known::get(writer.database, &record.place)?),
        };
        append_to(writer, known, (record, inventory), &touched)?;
        release.iter().try_for_each(|release| releases::put(writer, release))?;
        writer.commit_each()?;
    }
    for (place, known) in places {
        writer.changes.put_json(keys::place(&place)?, &known)?;
    }
    writer.commit_each()
}

/// The newest record of a place that is so. Where the newest ones are is written down if an earlier Springline
/// did not keep it.
pub(crate) fn newest(store: &SledStore, place: &Place, wanted: Newest) -> Result<Option<Sealed>, StoreError> {
    let (known, marks, found) = store.read(|database| {
        let known = Known::get(database, place)?;
        let marks = known.marks.clone().map_or_else(|| marks(database, place), Ok)?;
        let sequence = marks.of(wanted).filter(|sequence| *sequence > known.gone());
        let found = sequence.map(|sequence| pages::chain(database, place, sequence, 1, read)).transpose()?;
        Ok((known, marks, found.and_then(|mut found| found.pop())))
    })?;
    if known.marks.is_none() && known.head.is_some() {
        store.write_if(Reach::System, |writer| {
            let now = Known::get(writer.database, place)?;
            // Records that came meanwhile are not in what was found; the next look finds them.
            if now.head != known.head {
                return Ok(((), false));
            }
            writer.changes.put_json(keys::place(place)?, &Known { marks: Some(marks), ..now })?;
            Ok(((), true))
        })?;
    }
    Ok(found)
}

/// Where the newest records of a place are, as its chain says.
fn marks(database: &Database, place: &Place) -> Result<Marks> {
    let mut marks = Marks::default();
    for entry in database.scan(&keys::chain(place)?)? {
        marks.take(&read(&entry?.1)?.record);
    }
    Ok(marks)
}

/// What leads to a record, but for its objects and its time.
fn index(writer: &mut Writer<'_>, order: u64, sealed: &Sealed) -> Result<()> {
    lines::put(writer, order, &sealed.record);
    writer.changes.put(keys::hashes(sealed.hash.as_bytes()), &order.to_be_bytes())
}

/// Indexes a block of the records that an earlier Springline wrote.
pub(crate) fn index_block(writer: &mut Writer<'_>) -> Result<()> {
    let first = writer.counters.indexed + 1;
    let last = ((first / BLOCK + 1) * BLOCK - 1).min(writer.counters.records);
    let mut times = (Timestamp::MAX, Timestamp::MIN);
    for order in first..=last {
        let sealed = written(writer.database, order)?.ok_or_else(|| pages::lost(order))?;
        index(writer, order, &sealed)?;
        times = (times.0.min(sealed.record.started), times.1.max(sealed.record.started));
    }
    lines::put_times(writer, last, times)?;
    writer.counters.indexed = last;
    writer.counters.nameless = last;
    Ok(())
}

/// Lets the records that an earlier Springline wrote be found by their objects, block by block, the newest
/// first. Their names are read while others may write.
pub(crate) fn index_objects(
    store: &SledStore,
    names: &mut dyn FnMut(&Record) -> Result<Vec<String>, StoreError>,
) -> Result<(), StoreError> {
    loop {
        let (first, records) = store.read(|database| {
            let last = counters(database)?.nameless;
            let first = last.saturating_sub(BLOCK) + 1;
            let mut records = Vec::new();
            for order in first..=last {
                records.extend(written(database, order)?.map(|sealed| (order, sealed.record)));
            }
            Ok((first, if last == 0 { None } else { Some(records) }))
        })?;
        let Some(records) = records else { return Ok(()) };
        let mut named = Vec::with_capacity(records.len());
        for (order, record) in &records {
            named.push((*order, names(record)?));
        }
        store.write(Reach::System, |writer| {
            named.iter().for_each(|(order, names)| lines::put_objects(writer, *order, names));
            writer.counters.nameless = writer.counters.nameless.min(first - 1);
            Ok(())
        })?;
    }
}

pub(crate) fn inventory(database: &Database, place: &Place) -> Result<Option<Digest>> {
    Ok(Known::get(database, place)?.inventory)
}

pub(crate) fn places(database: &Database) -> Result<Vec<Place>> {
    database.scan(&keys::places())?.map(|entry| keys::place_of(&entry?.0)).collect()
}

/// Every inventory that is current.
pub(crate) fn inventories(database: &Database) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for entry in database.scan(&keys::places())? {
        let known: Known = entry?.1.json(|| "what is known of a place".into())?;
        found.extend(known.inventory);
    }
    Ok(found)
}

/// Every record, chain by chain.
pub(crate) fn records(database: &Database) -> Result<impl Iterator<Item = Result<Sealed>> + '_> {
    Ok(database.scan(&keys::records())?.map(|entry| read(&entry?.1)))
}

/// The record that was written as this one, over all chains; none if it was removed, or lost.
pub(crate) fn written(database: &Database, order: u64) -> Result<Option<Sealed>> {
    let Some(key) = database.get(&keys::written(order))? else { return Ok(None) };
    let (place, sequence) = keys::record_of(key.bytes())?;
    let value = database.get(&keys::record(&place, sequence)?)?.ok_or_else(|| pages::lost(order))?;
    read(&value).map(Some)
}

/// All ranges of removed records: their first and last orders.
pub(crate) fn all_removed(database: &Database) -> Result<BTreeMap<u64, u64>> {
    let entries = database.scan(&keys::all_removed())?;
    entries.map(|entry| entry.and_then(|(key, last)| Ok((keys::number_of(&key)?, end_of_removed(&last)?)))).collect()
}

/// Whether one of these ranges has this order.
pub(crate) fn is_removed(ranges: &BTreeMap<u64, u64>, order: u64) -> bool {
    ranges.range(..=order).next_back().is_some_and(|(_, last)| *last >= order)
}

fn end_of_removed(value: &Value) -> Result<u64> {
    let last = value.bytes().try_into().map(u64::from_be_bytes);
    last.map_err(|_| Fault::Damaged("what was removed of its history can't be read".into()))
}

/// The range of removed records that this one is in.
pub(crate) fn removed_around(database: &Database, order: u64) -> Result<Option<(u64, u64)>> {
    let Some(key) = database.last_within(keys::removed(0), keys::removed(order))? else { return Ok(None) };
    let first = keys::number_of(&key)?;
    let Some(value) = database.get(&Key::of(&key))? else { return Ok(None) };
    let last = end_of_removed(&value)?;
    Ok((last >= order).then_some((first, last)))
}

/// The records whose hash starts with these hex digits, newest first.
pub(crate) fn by_hash(database: &Database, prefix: &str) -> Result<Vec<Sealed>> {
    let Some((bytes, _)) = releases::parse(prefix) else { return Ok(Vec::new()) };
    let mut orders = Vec::new();
    for entry in database.scan(&keys::hashes(&bytes))? {
        orders.push(keys::number_of(entry?.1.bytes())?);
    }
    orders.sort_unstable_by(|a, b| b.cmp(a));
    let found = orders.into_iter().map(|order| written(database, order)?.ok_or_else(|| pages::lost(order)));
    found.filter(|sealed| sealed.as_ref().map_or(true, |sealed| sealed.hash.hex().starts_with(prefix))).collect()
}

pub(crate) fn read(value: &Value) -> Result<Sealed> {
    value.json(|| "a record of its history".into())
}

#[cfg(test)]
mod tests {
    use springline_model::newest::Newest;
    use springline_model::port::{Page, Store as _, StoreError};
    use springline_testkit::sample;

    use super::*;

    /// A state as an earlier Springline left it: of version 1, without any index.
    fn old_state(root: &std::path::Path, records: i64) -> Vec<Sealed> {
        let store = SledStore::open(root).unwrap();
        let mut sealed = Vec::new();
        for at in 0..records {
            let mut run = sample::run("shop", at);
            run.number = store.begin(&run).unwrap();
            let place = sample::place("shop", if at % 3 == 0 { "live" } else { "staging" });
            sealed.insert(0, store.finish(sample::finish(&place, &run, &at.to_string())).unwrap());
        }
        store
            .write(Reach::Disk, |writer| {
                for sort in [b"i", b"j", b"t", b"y"] {
                    for key in writer.database.keys(&Key::of(sort))? {
                        writer.changes.remove(Key::of(&key?))?;
                    }
                }
                writer.counters.indexed = 0;
                for place in places(writer.database)? {
                    let known = Known::get(writer.database, &place)?;
                    writer.changes.put_json(keys::place(&place)?, &Known { marks: None, ..known })?;
                }
                Ok(())
            })
            .unwrap();
        drop(store);
        std::fs::write(root.join("version"), "1\n").unwrap();
        sealed
    }

    #[test]
    fn a_state_of_an_earlier_springline_is_indexed() {
        let root = tempfile::tempdir().unwrap();
        let all = old_state(root.path(), 2 * BLOCK as i64 + 10);
        let store = SledStore::open(root.path()).unwrap();
        assert_eq!(std::fs::read_to_string(root.path().join("version")).unwrap(), "2\n");
        assert_eq!(store.history(&Page::default()).unwrap().records, all);
        let live = Page { environment: Some("live".into()), since: Some(100), until: Some(200), ..Page::default() };
        let expected: Vec<_> = all.iter().filter(|sealed| live.wants(&sealed.record)).cloned().collect();
        assert_eq!(store.history(&live).unwrap().records, expected);
        assert_eq!(store.sealed(&all[5].hash.hex()).unwrap(), [all[5].clone()]);
        for environment in ["live", "staging"] {
            let place = sample::place("shop", environment);
            let newest = all.iter().find(|sealed| sealed.record.place == place).cloned();
            assert_eq!(store.newest(&place, Newest::Live).unwrap(), newest);
        }

        let object = Page { object: Some("object-7".into()), ..Page::default() };
        let refused = store.history(&object).unwrap_err();
        assert!(matches!(refused, StoreError::Io(_)), "no answer is better than a wrong one: {refused}");
        let name = |record: &Record| Ok(vec![format!("object-{}", record.started)]);
        // Names that can't be read keep nobody from writing, and what was indexed so far is not done again.
        let mut left = BLOCK + 5;
        let failed = store.index_objects(&mut |record| {
            left -= 1;
            if left == 0 { Err(StoreError::Io("too many open files".into())) } else { name(record) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "too many open files");
        let mut run = sample::run("shop", 1_000);
        run.number = store.begin(&run).unwrap();
        let mut named = 0;
        store
            .index_objects(&mut |record| {
                named += 1;
                name(record)
            })
            .unwrap();
        assert_eq!(named, BLOCK + 10);
        assert_eq!(store.history(&object).unwrap().records[0].record.started, 7);
        drop(store);
        let store = SledStore::open(root.path()).unwrap();
        assert_eq!(store.history(&object).unwrap().records.len(), 1);
        store.index_objects(&mut |_| panic!("there is nothing left to do")).unwrap();
    }

    #[test]
    fn an_old_record_that_cannot_be_read_keeps_nobody_from_writing() {
        let root = tempfile::tempdir().unwrap();
        old_state(root.path(), 6);
        let store = SledStore::open(root.path()).unwrap();
        let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
        store.write(Reach::System, |writer| writer.changes.put(keys::record(&live, 1)?, b"{}")).unwrap();
        let finish = |place: &Place, at: i64| {
            let mut run = sample::run("shop", at);
            run.number = store.begin(&run).unwrap();
            store.finish(sample::finish(place, &run, &at.to_string())).unwrap()
        };
        for at in [10, 20] {
            let error = store.newest(&live, Newest::Live).unwrap_err();
            assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
            assert_eq!(finish(&live, at).record.sequence, if at == 10 { 3 } else { 4 });
            let last = finish(&staging, at + 1);
            assert_eq!(store.newest(&staging, Newest::Live).unwrap(), Some(last), "of a chain that can be read");
        }
    }

    #[test]
    fn a_record_that_is_lost_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let place = sample::place("shop", "live");
        for at in 0..5 {
            let mut run = sample::run("shop", at);
            run.number = store.begin(&run).unwrap();
            store.finish(sample::finish(&place, &run, &at.to_string())).unwrap();
        }
        store.write(Reach::System, |writer| writer.changes.remove(keys::written(3))).unwrap();
        for page in [Page::default(), Page::of(&place, 0)] {
            let error = store.history(&page).unwrap_err();
            assert!(matches!(&error, StoreError::Damaged { .. }), "{page:?}: {error}");
        }
        assert_eq!(store.history(&Page { limit: 1, ..Page::default() }).unwrap().records.len(), 1);
    }
}
