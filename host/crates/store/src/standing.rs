//! Standing orders.

use std::collections::BTreeSet;

use springline_model::Digest;
use springline_model::history::Record;
use springline_model::run::{Place, Standing, Timestamp};

use crate::database::Database;
use crate::fault::Result;
use crate::keys;
use crate::write::Writer;

pub(crate) fn get(database: &Database, place: &Place) -> Result<Standing> {
    let read = database.get_json(&keys::standing(place)?, || format!("the standing orders of {place}"))?;
    Ok(read.unwrap_or_default())
}

/// The releases that any of them names.
pub(crate) fn releases(database: &Database) -> Result<BTreeSet<Digest>> {
    let mut named = BTreeSet::new();
    for entry in database.scan(&keys::all_standing())? {
        let standing: Standing = entry?.1.json(|| "the standing orders of a place".into())?;
        named.extend(standing.pin.map(|pin| pin.release));
        named.extend(standing.approvals.iter().map(|approval| approval.release));
        named.extend(standing.healthy.map(|healthy| healthy.release));
    }
    Ok(named)
}

/// Takes note of a sync that has just ended.
pub(crate) fn recorded(writer: &mut Writer<'_>, record: &Record, now: Timestamp) -> Result<()> {
    let before = get(writer.database, &record.place)?;
    let mut after = before.clone();
    after.recorded(record, now);
    if after == before { Ok(()) } else { put(writer, &record.place, &after) }
}

/// Writes them; what orders nothing is no entry.
pub(crate) fn put(writer: &mut Writer<'_>, place: &Place, standing: &Standing) -> Result<()> {
    let key = keys::standing(place)?;
    if *standing == Standing::default() {
        return writer.changes.remove(key);
    }
    writer.changes.put_json(key, standing)
}
