//! The history: a chain of records per place, the head of each chain, and the inventories.

use serde::{Deserialize, Serialize};
use springline_model::Digest;
use springline_model::history::{GENESIS, Record, Sealed, Verified, seal};
use springline_model::port::Page;
use springline_model::run::Place;

use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::keys;
use crate::runs::counters;
use crate::write::Writer;

/// What is known of a place.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    /// The sequence and the hash of the last record.
    head: Option<(u64, Digest)>,
    inventory: Option<Digest>,
}

impl Known {
    fn get(database: &Database, place: &Place) -> Result<Self> {
        Ok(database.get_json(&keys::place(place)?, || format!("what is known of {place}"))?.unwrap_or_default())
    }
}

pub(crate) fn set_inventory(writer: &mut Writer<'_>, place: &Place, inventory: &Digest) -> Result<()> {
    let known = Known { inventory: Some(*inventory), ..Known::get(writer.database, place)? };
    writer.changes.put_json(keys::place(place)?, &known)
}

/// Seals a record and puts it at the end of its chain.
pub(crate) fn append(writer: &mut Writer<'_>, mut record: Record, inventory: Option<Digest>) -> Result<Sealed> {
    let place = record.place.clone();
    let known = Known::get(writer.database, &place)?;
    let (last, previous) = known.head.unwrap_or((0, GENESIS));
    record.sequence = last + 1;
    record.previous = previous;
    let sealed = Sealed { hash: seal(&record), record };

    let key = keys::record(&place, sealed.record.sequence)?;
    writer.counters.records += 1;
    writer.changes.put(keys::written(writer.counters.records), key.bytes())?;
    writer.changes.put_json(key, &sealed)?;
    let head = Some((sealed.record.sequence, sealed.hash));
    let known = Known { head, inventory: inventory.or(known.inventory) };
    writer.changes.put_json(keys::place(&place)?, &known)?;
    Ok(sealed)
}

pub(crate) fn inventory(database: &Database, place: &Place) -> Result<Option<Digest>> {
    Ok(Known::get(database, place)?.inventory)
}

/// The sequence of the last record of a place; 0 if there is none.
fn head(database: &Database, place: &Place) -> Result<u64> {
    Ok(Known::get(database, place)?.head.map_or(0, |(sequence, _)| sequence))
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

/// The record that was written as this one, over all chains.
fn written(database: &Database, order: u64) -> Result<Sealed> {
    let lost = || Fault::Damaged(format!("record {order} of its history is lost"));
    let key = database.get(&keys::written(order))?.ok_or_else(lost)?;
    let (place, sequence) = keys::record_of(key.bytes())?;
    let value = database.get(&keys::record(&place, sequence)?)?.ok_or_else(lost)?;
    read(&value)
}

/// A part of the history, newest first.
pub(crate) fn page(database: &Database, page: &Page) -> Result<Vec<Sealed>> {
    let limit = if page.limit == 0 { usize::MAX } else { page.limit };
    if let (Some(application), Some(environment)) = (&page.application, &page.environment) {
        let place = Place { application: application.clone(), environment: environment.clone() };
        return page_of_place(database, &place, limit);
    }
    let mut found = Vec::new();
    for order in (1..=counters(database)?.records).rev() {
        if found.len() == limit {
            break;
        }
        let lost = || Fault::Damaged(format!("record {order} of its history is lost"));
        let key = database.get(&keys::written(order))?.ok_or_else(lost)?;
        let (place, _) = keys::record_of(key.bytes())?;
        let is_wanted = page.application.as_ref().is_none_or(|wanted| *wanted == place.application)
            && page.environment.as_ref().is_none_or(|wanted| *wanted == place.environment);
        if is_wanted {
            found.push(written(database, order)?);
        }
    }
    Ok(found)
}

fn page_of_place(database: &Database, place: &Place, limit: usize) -> Result<Vec<Sealed>> {
    let mut found = Vec::new();
    let head = head(database, place)?;
    for sequence in (1..=head).rev().take(limit) {
        let value = database.get(&keys::record(place, sequence)?)?;
        let value = value.ok_or_else(|| Fault::Damaged(format!("record {sequence} of {place} is lost")))?;
        found.push(read(&value)?);
    }
    Ok(found)
}

/// Checks every chain from its first record to its head.
pub(crate) fn verify(database: &Database) -> Result<Vec<Verified>> {
    let mut verified = Vec::new();
    for place in places(database)? {
        let head = Known::get(database, &place)?.head;
        let chain = verify_chain(database, place, head)?;
        // A place that nothing was recorded of yet has no chain.
        if head.is_some() || chain.records > 0 {
            verified.push(chain);
        }
    }
    Ok(verified)
}

fn verify_chain(database: &Database, place: Place, head: Option<(u64, Digest)>) -> Result<Verified> {
    let mut last = (0, GENESIS);
    let mut broken = None;
    let mut records = 0;
    for entry in database.scan(&keys::chain(&place)?)? {
        let (key, value) = entry?;
        records += 1;
        if broken.is_none() {
            match check(keys::number_of(&key)?, &value, last) {
                Ok(next) => last = next,
                Err(wrong) => broken = Some((last.0 + 1, wrong)),
            }
        }
    }
    let (sequence, hash) = head.unwrap_or((0, GENESIS));
    if broken.is_none() && last != (sequence, hash) {
        let wrong =
            format!("the chain ends with record {}, and its head is record {sequence} ({})", last.0, hash.short());
        broken = Some((last.0.min(sequence) + 1, wrong));
    }
    let head = if broken.is_none() { last.1 } else { hash };
    Ok(Verified { place, records, head, broken })
}

/// Checks a record against the one before it, and returns its own sequence and hash.
fn check(number: u64, value: &Value, (last, previous): (u64, Digest)) -> Result<(u64, Digest), String> {
    let expected = last + 1;
    if number != expected {
        return Err(format!("the record is missing: record {number} follows record {last}"));
    }
    let Ok(Sealed { record, hash }) = read(value) else { return Err("the record can't be read".into()) };
    if record.sequence != expected {
        return Err(format!("the record says that it is record {}", record.sequence));
    }
    if record.previous != previous {
        return Err("the record does not follow the one before it".into());
    }
    if seal(&record) != hash {
        return Err("the record is not what was sealed".into());
    }
    Ok((expected, hash))
}

fn read(value: &Value) -> Result<Sealed> {
    value.json(|| "a record of its history".into())
}
