//! Standing orders.

use springline_model::run::{Place, Standing};

use crate::database::Database;
use crate::fault::Result;
use crate::keys;
use crate::write::Writer;

pub(crate) fn get(database: &Database, place: &Place) -> Result<Standing> {
    let read = database.get_json(&keys::standing(place)?, || format!("the standing orders of {place}"))?;
    Ok(read.unwrap_or_default())
}

/// Writes them; what orders nothing is no entry.
pub(crate) fn put(writer: &mut Writer<'_>, place: &Place, standing: &Standing) -> Result<()> {
    let key = keys::standing(place)?;
    if *standing == Standing::default() {
        return writer.changes.remove(key);
    }
    writer.changes.put_json(key, standing)
}
