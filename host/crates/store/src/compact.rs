//! Retention: the oldest records of chains are removed, in small groups, each a whole. Cut off after
//! any of them, the history is as good as before the first and after the last.

use std::collections::{BTreeMap, BTreeSet};

use springline_model::Digest;
use springline_model::history::{Anchor, Compacted, Ended, Retention, Sealed};
use springline_model::newest::Newest;
use springline_model::port::{Page, Store as _, StoreError};
use springline_model::run::{Place, Timestamp};

use crate::database::Database;
use crate::fault::{Fault, Result};
use crate::history::{Known, removed_around};
use crate::runs::{self, counters};
use crate::write::{Reach, Writer};
use crate::{SledStore, history, keys, lines, outbox, pages, standing};

/// How many records are removed at once.
const GROUP: usize = 500;
/// How many entries of the index are removed at once.
const ENTRIES: usize = 5_000;
/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn compact(
    store: &SledStore,
    policy: Retention,
    now: Timestamp,
    pretend: bool,
) -> Result<Vec<Compacted>, StoreError> {
    let mut all = Vec::new();
    let mut gone = BTreeSet::new();
    let mut newest_run = 0;
    if !policy.is_set() {
        return Ok(all);
    }
    let today = store.read(|database| today(database, now))?;
    for place in store.read(history::places)? {
        let last = last_to_go(store, &place, policy, today)?;
        let mut begins = store.read(|database| Ok(Known::get(database, &place)?.gone()))?;
        let (mut order, mut records, mut releases) = (0, 0, 0);
        let mut removed = None;
        while begins < last {
            let limit = usize::try_from(last - begins).unwrap_or(GROUP).min(GROUP);
            let group = store.read(|database| Group::read(database, &place, (begins, order), limit))?;
            let Some((last_order, newest)) = group.records.last() else { break };
            let anchor = Anchor { sequence: newest.record.sequence, hash: newest.hash, at: now, policy };
            begins = anchor.sequence;
            order = *last_order;
            records += group.records.len() as u64;
            newest_run = group.records.iter().map(|(_, sealed)| sealed.record.run).fold(newest_run, u64::max);
            gone.extend(group.records.iter().map(|(order, _)| *order));
            releases += match pretend {
                true => store.read(|database| group.unnamed(database, &gone))?.len(),
                false => store.write(Reach::Disk, |writer| group.remove(writer, &place, (anchor.clone(), &gone)))?,
            } as u64;
            removed = Some(anchor);
        }
        all.extend(removed.map(|anchor| Compacted { place, records, releases, anchor }));
    }
    if !pretend && !all.is_empty() {
        sweep(store)?;
        runs::forget(store, newest_run)?;
    }
    Ok(all)
}

/// What the age of records is measured from: no clock that is ahead makes all of them old.
fn today(database: &Database, now: Timestamp) -> Result<Timestamp> {
    let newest = history::written(database, counters(database)?.records)?;
    Ok(newest.map_or(now, |newest| newest.record.started.min(now)))
}

/// The sequence of the last record that the policy lets go.
fn last_to_go(store: &SledStore, place: &Place, policy: Retention, today: Timestamp) -> Result<u64, StoreError> {
    let known = store.read(|database| Known::get(database, place))?;
    let last = known.last().saturating_sub(policy.keep_records.unwrap_or(0)).min(newest_needed(store, place)?);
    let Some(days) = policy.keep_days else { return Ok(last) };
    let before = today.saturating_sub(i64::from(days).saturating_mul(DAY));
    let mut old = known.gone();
    while old < last {
        let records = store.chain(place, old + 1, GROUP)?;
        let old_ones = records.iter().take_while(|sealed| sealed.record.started < before).count();
        old += old_ones as u64;
        if old_ones < records.len() || records.is_empty() {
            break;
        }
    }
    Ok(old.min(last))
}

/// The sequence of the record before the newest successful one, and before the newest after which
/// everything was healthy, if one was: it is what comes back when a sync fails. Where nothing succeeded
/// yet, nothing goes: what is there may be what is live.
fn newest_needed(store: &SledStore, place: &Place) -> Result<u64, StoreError> {
    let page = Page { outcome: Some(Ended::Succeeded), ..Page::of(place, 1) };
    let Some(succeeded) = store.history(&page)?.records.pop() else { return Ok(0) };
    let healthy = store.newest(place, Newest::Healthy)?;
    Ok(healthy.unwrap_or(succeeded).record.sequence - 1)
}

/// Records that are removed at once, with their orders, oldest first.
struct Group {
    records: Vec<(u64, Sealed)>,
}

impl Group {
    /// The next ones after the record of this sequence and order.
    fn read(database: &Database, place: &Place, (sequence, order): (u64, u64), limit: usize) -> Result<Self> {
        let records = pages::chain(database, place, sequence + 1, limit, history::read)?;
        let orders = lines::orders(database, place, order + 1, limit)?;
        let records: Vec<_> = orders.into_iter().zip(records).collect();
        for (order, sealed) in &records {
            let key = database.get(&keys::written(*order))?.ok_or_else(|| pages::lost(*order))?;
            if key.bytes() != keys::record(place, sealed.record.sequence)?.bytes() {
                return Err(Fault::Damaged("the index of its history does not fit the records".into()));
            }
        }
        Ok(Self { records })
    }

    /// The releases that nothing names but records that are `gone`.
    fn unnamed(&self, database: &Database, gone: &BTreeSet<u64>) -> Result<Vec<Digest>> {
        let named = self.records.iter().flat_map(|(_, sealed)| [sealed.record.release, sealed.record.from]);
        let ids: BTreeSet<Digest> = named.flatten().collect();
        let mut unnamed = Vec::new();
        for id in ids {
            if database.contains(&keys::releases(id.as_bytes()))?
                && !lines::names_release(database, &id, |order| gone.contains(&order))?
            {
                unnamed.push(id);
            }
        }
        if !unnamed.is_empty() {
            let mut held = standing::releases(database)?;
            // Git is still to be told of them.
            held.extend(outbox::all(database, None)?.into_iter().map(|outgoing| outgoing.release));
            unnamed.retain(|id| !held.contains(id));
        }
        Ok(unnamed)
    }

    /// Removes them, and the releases that nothing else names now; how many those are.
    fn remove(
        &self,
        writer: &mut Writer<'_>,
        place: &Place,
        (anchor, gone): (Anchor, &BTreeSet<u64>),
    ) -> Result<usize> {
        let known = Known::get(writer.database, place)?;
        if self.records.first().is_none_or(|(_, first)| first.record.sequence != known.gone() + 1) {
            return Err(Fault::Refused(format!("the history of {place} is being compacted already")));
        }
        let releases = self.unnamed(writer.database, gone)?;
        for (order, sealed) in &self.records {
            writer.changes.remove(keys::record(place, sealed.record.sequence)?)?;
            writer.changes.remove(keys::written(*order))?;
            writer.changes.remove(keys::hashes(sealed.hash.as_bytes()))?;
            lines::remove(writer, *order, &sealed.record)?;
        }
        note_removed(writer, self.records.iter().map(|(order, _)| *order))?;
        for release in &releases {
            writer.changes.remove(keys::releases(release.as_bytes()))?;
        }
        writer.changes.put_json(keys::place(place)?, &Known { anchor: Some(anchor), ..known })?;
        Ok(releases.len())
    }
}

/// Writes down which orders are gone, so that none of them is taken for one that is lost: as ranges,
/// joined with those beside them.
fn note_removed(writer: &mut Writer<'_>, orders: impl Iterator<Item = u64>) -> Result<()> {
    let database = writer.database;
    let mut known = BTreeMap::new();
    let mut ranges = BTreeMap::new();
    for order in orders {
        ranges.insert(order, order);
        for beside in [order.saturating_sub(1), order.saturating_add(1)] {
            known.extend(removed_around(database, beside)?);
        }
    }
    ranges.extend(&known);
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    let joined: BTreeMap<_, _> = joined.into_iter().collect();
    for first in known.keys().filter(|first| !joined.contains_key(first)) {
        writer.changes.remove(keys::removed(*first))?;
    }
    for (first, last) in joined {
        writer.changes.put(keys::removed(first), &last.to_be_bytes())?;
    }
    Ok(())
}

/// Takes what was removed out of the lines of objects, also what an earlier compaction that was cut
/// off left there: until then it is passed over.
fn sweep(store: &SledStore) -> Result<(), StoreError> {
    let ranges = store.read(history::all_removed)?;
    let mut from = Some(keys::object_lines());
    while let Some(first) = from {
        let piece = store.read(|database| lines::of_objects(database, first, ENTRIES))?;
        from = piece.last().map(|(key, _)| key.clone().next());
        let gone: Vec<_> =
            piece.into_iter().filter(|(_, order)| history::is_removed(&ranges, *order)).map(|(key, _)| key).collect();
        if !gone.is_empty() {
            store.write(Reach::System, |writer| gone.into_iter().try_for_each(|key| writer.changes.remove(key)))?;
        }
    }
    Ok(())
}
