//! What git has to be told, and what it was told last.

use springline_model::application::RecordIn;
use springline_model::history::Sealed;
use springline_model::outbox::{Outgoing, Settled};
use springline_model::run::Place;

use crate::database::Database;
use crate::fault::Result;
use crate::keys;
use crate::write::Writer;

/// Puts a sync that was written down into the outbox.
pub(crate) fn put(writer: &mut Writer<'_>, sealed: &Sealed, to: RecordIn) -> Result<()> {
    let Some(outgoing) = Outgoing::of(sealed, to) else { return Ok(()) };
    writer.changes.put_json(keys::outgoing(&outgoing.place, outgoing.sequence)?, &outgoing)
}

pub(crate) fn all(database: &Database, application: Option<&str>) -> Result<Vec<Outgoing>> {
    let of = application.map_or_else(|| Ok(keys::all_outgoing()), keys::outgoing_of)?;
    database.scan(&of)?.map(|entry| entry?.1.json(|| "what git has to be told".into())).collect()
}

pub(crate) fn attempted(writer: &mut Writer<'_>, outgoing: &Outgoing) -> Result<()> {
    let key = keys::outgoing(&outgoing.place, outgoing.sequence)?;
    if writer.database.contains(&key)? { writer.changes.put_json(key, outgoing) } else { Ok(()) }
}

pub(crate) fn settle(writer: &mut Writer<'_>, place: &Place, settled: &Settled) -> Result<()> {
    let key = keys::outgoing(place, settled.sequence)?;
    if writer.database.contains(&key)? {
        writer.changes.remove(key)?;
    }
    writer.changes.put_json(keys::settled(place)?, settled)
}

pub(crate) fn settled(database: &Database, place: &Place) -> Result<Option<Settled>> {
    database.get_json(&keys::settled(place)?, || format!("what git was told of {place}"))
}
