//! Pages of the history: all chains in the order in which they were written, newest first.

use std::collections::HashMap;

use springline_model::history::Sealed;
use springline_model::port::{Cursor, Found, Page};
use springline_model::run::Place;

use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::history::{Known, removed_around, written};
use crate::lines::{Lines, Looks, Next};
use crate::runs::counters;

/// How many looks at the index take as long as to read a record.
const READ: u64 = 8;

/// A page of the history.
pub(crate) fn page(database: &Database, page: &Page) -> Result<Found> {
    let counters = counters(database)?;
    if page.object.is_some() && counters.nameless > 0 {
        return Err(Fault::Refused("records of an earlier Springline can't be found by their objects yet".into()));
    }
    let mut lines = Lines::of(database, page);
    let limit = if page.limit == 0 { usize::MAX } else { page.limit };
    let newest = page.after.map_or(counters.records, |after| after.0.saturating_sub(1).min(counters.records));
    let mut gapless = Gapless::of(page);
    // Where all of a chain are wanted nothing is looked at in vain, and what is missing shows at the end.
    let mut looks = Looks::of(page.looks.filter(|_| gapless.last.is_none()));
    let mut found = Found::default();
    let mut up_to = newest;
    loop {
        let order = match lines.newest(up_to, &mut looks)? {
            Next::Record(order) => order,
            Next::From(order) => return Ok(cut_short(found, order)),
            Next::None => break,
        };
        let Some(sealed) = written(database, order)? else {
            let Some((first, _)) = removed_around(database, order)? else { return Err(lost(order)) };
            up_to = first - 1;
            if looks.spend(READ) {
                return Ok(cut_short(found, up_to));
            }
            continue;
        };
        up_to = order - 1;
        if !page.wants(&sealed.record) {
            if looks.spend(READ) {
                return Ok(cut_short(found, up_to));
            }
            continue;
        }
        if found.records.len() == limit {
            found.next = found.cursors.last().copied();
            return Ok(found);
        }
        gapless.next(database, &sealed)?;
        found.cursors.push(Cursor(order));
        found.records.push(sealed);
    }
    gapless.end(database)?;
    Ok(found)
}

/// A page after which it goes on with this record, or with none.
fn cut_short(found: Found, from: u64) -> Found {
    Found { next: Some(Cursor(from + 1)), ..found }
}

pub(crate) fn lost(order: u64) -> Fault {
    Fault::Damaged(format!("record {order} of its history is lost"))
}

/// Notices records that are missing where all of a chain are wanted.
struct Gapless {
    /// The sequence that came last of each chain; none if not all of a chain are wanted.
    last: Option<HashMap<Place, u64>>,
    /// Whether it begins with the newest.
    from_head: bool,
}

impl Gapless {
    fn of(page: &Page) -> Self {
        let Page { application, environment, after, limit, looks, .. } = page.clone();
        let all = Page { application, environment, after, limit, looks, ..Page::default() };
        Self { last: (all == *page).then(HashMap::new), from_head: page.after.is_none() }
    }

    fn next(&mut self, database: &Database, sealed: &Sealed) -> Result<()> {
        let Some(last) = &mut self.last else { return Ok(()) };
        let (place, sequence) = (&sealed.record.place, sealed.record.sequence);
        let expected = match last.insert(place.clone(), sequence) {
            Some(last) => Some(last - 1),
            None if self.from_head => Known::get(database, place)?.head.map(|(sequence, _)| sequence),
            None => None,
        };
        if expected.is_some_and(|expected| expected != sequence) {
            return Err(missing(expected.unwrap_or_default(), place));
        }
        Ok(())
    }

    /// Nothing is left before these.
    fn end(self, database: &Database) -> Result<()> {
        for (place, last) in self.last.into_iter().flatten() {
            let begins = Known::get(database, &place)?.gone();
            if last != begins + 1 {
                return Err(missing(last - 1, &place));
            }
        }
        Ok(())
    }
}

fn missing(sequence: u64, place: &Place) -> Fault {
    Fault::Damaged(format!("record {sequence} of {place} is lost"))
}

/// Records of a chain, oldest first.
pub(crate) fn chain<T>(
    database: &Database,
    place: &Place,
    from: u64,
    limit: usize,
    read: impl Fn(&Value) -> Result<T>,
) -> Result<Vec<T>> {
    let known = Known::get(database, place)?;
    let first = (known.gone() + 1).max(from);
    let limit = if limit == 0 { usize::MAX } else { limit };
    (first..=known.last())
        .take(limit)
        .map(|sequence| {
            let value = database.get(&crate::keys::record(place, sequence)?)?;
            read(&value.ok_or_else(|| missing(sequence, place))?)
        })
        .collect()
}
