//! Retention: the oldest records of chains are removed, in small groups, each a whole. Cut off after
//! any of them, the history is as good as before the first and after the last.

use std::collections::{BTreeMap, BTreeSet};

use springline_model::Digest;
use springline_model::history::{Anchor, Compacted, Ended, Retention, Sealed};
use springline_model::port::{Page, StoreError};
use springline_model::run::{Place, Timestamp};

use crate::database::Database;
use crate::fault::{Fault, Result};
use crate::history::{Known, removed_around};
use crate::write::{Reach, Writer};
use crate::{SledStore, history, keys, lines, pages, standing};

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
    if !policy.is_set() {
        return Ok(all);
    }
    for place in store.read(history::places)? {
        let last = store.read(|database| last_to_go(database, &place, policy, now))?;
        let mut begins = store.read(|database| Ok(Known::get(database, &place)?.gone()))?;
        let (mut order, mut records, mut releases) = (0, 0, 0);
        let mut removed = None;
        while begins < last {
            let limit = usize::try_from(last - begins).unwrap_or(GROUP).min(GROUP);
            let group = store.read(|database| Group::read(database, &place, (begins, order), &mut gone, limit))?;
            let Some((last_order, newest)) = group.records.last() else { break };
            let anchor = Anchor { sequence: newest.record.sequence, hash: newest.hash, at: now, policy };
            begins = anchor.sequence;
            order = *last_order;
            records += group.records.len() as u64;
            releases += group.releases.len() as u64;
            if !pretend {
                store.write(Reach::Disk, |writer| group.remove(writer, &place, anchor.clone()))?;
            }
            removed = Some(anchor);
        }
        all.extend(removed.map(|anchor| Compacted { place, records, releases, anchor }));
    }
    if !pretend {
        sweep(store)?;
    }
    Ok(all)
}

/// The sequence of the last record that the policy lets go.
fn last_to_go(database: &Database, place: &Place, policy: Retention, now: Timestamp) -> Result<u64> {
    let known = Known::get(database, place)?;
    let last = known.last().saturating_sub(policy.keep_records.unwrap_or(0)).min(newest_needed(database, place)?);
    let Some(days) = policy.keep_days else { return Ok(last) };
    let before = now.saturating_sub(i64::from(days).saturating_mul(DAY));
    let mut old = known.gone();
    while old < last {
        let records = pages::chain(database, place, old + 1, GROUP)?;
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
fn newest_needed(database: &Database, place: &Place) -> Result<u64> {
    let mut page = Page { outcome: Some(Ended::Succeeded), ..Page::of(place, GROUP) };
    let mut needed = None;
    loop {
        let found = pages::page(database, &page)?;
        needed = needed.or(found.records.first().map(|newest| newest.record.sequence - 1));
        if let Some(healthy) = found.records.iter().find(|sealed| sealed.record.healthy) {
            return Ok(healthy.record.sequence - 1);
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(needed.unwrap_or(0)),
        }
    }
}

/// Records that are removed at once.
struct Group {
    /// With their orders, oldest first.
    records: Vec<(u64, Sealed)>,
    /// Releases that nothing names but records that are removed.
    releases: BTreeSet<Digest>,
}

impl Group {
    /// The next ones after the record of this sequence and order, which are `gone` with it.
    fn read(
        database: &Database,
        place: &Place,
        (sequence, order): (u64, u64),
        gone: &mut BTreeSet<u64>,
        limit: usize,
    ) -> Result<Self> {
        let records = pages::chain(database, place, sequence + 1, limit)?;
        let orders = lines::orders(database, place, order + 1, limit)?;
        let records: Vec<_> = orders.into_iter().zip(records).collect();
        for (order, sealed) in &records {
            let key = database.get(&keys::written(*order))?.ok_or_else(|| pages::lost(*order))?;
            if key.bytes() != keys::record(place, sealed.record.sequence)?.bytes() {
                return Err(Fault::Damaged("the index of its history does not fit the records".into()));
            }
        }
        gone.extend(records.iter().map(|(order, _)| *order));
        let held = standing::releases(database)?;
        let mut releases = BTreeSet::new();
        for id in records.iter().flat_map(|(_, sealed)| [sealed.record.release, sealed.record.from]).flatten() {
            let is_known = database.contains(&keys::releases(id.as_bytes()))?;
            if is_known && !held.contains(&id) && !lines::names_release(database, &id, |order| gone.contains(&order))? {
                releases.insert(id);
            }
        }
        Ok(Self { records, releases })
    }

    fn remove(&self, writer: &mut Writer<'_>, place: &Place, anchor: Anchor) -> Result<()> {
        let known = Known::get(writer.database, place)?;
        if self.records.first().is_none_or(|(_, first)| first.record.sequence != known.gone() + 1) {
            return Err(Fault::Refused(format!("the history of {place} is being compacted already")));
        }
        for (order, sealed) in &self.records {
            writer.changes.remove(keys::record(place, sealed.record.sequence)?)?;
            writer.changes.remove(keys::written(*order))?;
            writer.changes.remove(keys::hashes(sealed.hash.as_bytes()))?;
            lines::remove(writer, *order, &sealed.record)?;
        }
        note_removed(writer, self.records.iter().map(|(order, _)| *order))?;
        for release in &self.releases {
            writer.changes.remove(keys::releases(release.as_bytes()))?;
        }
        writer.changes.put_json(keys::place(place)?, &Known { anchor: Some(anchor), ..known })
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
    let gone = store.read(|database| {
        let ranges = history::all_removed(database)?;
        lines::gone_objects(database, |order| {
            let before = ranges.range(..=order).next_back();
            before.is_some_and(|(_, last)| *last >= order)
        })
    })?;
    for keys in gone.chunks(ENTRIES) {
        store.write(Reach::System, |writer| keys.iter().try_for_each(|key| writer.changes.remove(key.clone())))?;
    }
    Ok(())
}
