//! Releases.

use serde::{Deserialize, Serialize};
use springline_model::Digest;
use springline_model::run::{Place, Release};

use crate::database::Database;
use crate::fault::Result;
use crate::keys;
use crate::write::Writer;

#[derive(Serialize)]
struct Written<'a> {
    /// The record it came with, over all chains: it tells which release is newer.
    order: u64,
    release: &'a Release,
}

#[derive(Deserialize)]
struct Read {
    order: u64,
    release: Release,
}

/// Writes a release. One that is there already is the same, and keeps its run and its time.
pub(crate) fn put(writer: &mut Writer<'_>, release: &Release) -> Result<()> {
    if contains(writer.database, &release.id)? {
        return Ok(());
    }
    let order = writer.counters.records;
    writer.changes.put_json(keys::releases(release.id.as_bytes()), &Written { order, release })
}

fn contains(database: &Database, id: &Digest) -> Result<bool> {
    database.contains(&keys::releases(id.as_bytes()))
}

/// The releases whose id starts with these hex digits, newest first.
pub(crate) fn find(database: &Database, place: Option<&Place>, prefix: &str) -> Result<Vec<Release>> {
    let Some((bytes, digit)) = parse(prefix) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in database.scan(&keys::releases(&bytes))? {
        let (key, value) = entry?;
        let next = key.get(1 + bytes.len()).map(|byte| byte >> 4);
        if digit.is_some() && next != digit {
            continue;
        }
        let read: Read = value.json(|| "a release".into())?;
        if place.is_none_or(|place| is_at(&read.release, place)) {
            found.push(read);
        }
    }
    found.sort_by_key(|read| std::cmp::Reverse(read.order));
    Ok(found.into_iter().map(|read| read.release).collect())
}

fn is_at(release: &Release, place: &Place) -> bool {
    release.application == place.application && release.environment == place.environment
}

/// The whole bytes of some hex digits, and the digit that is left; none if they can't begin an id.
pub(crate) fn parse(prefix: &str) -> Option<(Vec<u8>, Option<u8>)> {
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits: Option<Vec<u8>> = prefix.as_bytes().iter().map(digit).collect();
    let digits = digits.filter(|digits| digits.len() <= 64)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    Some((pairs.iter().map(|[high, low]| high << 4 | low).collect(), rest.first().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_end_in_the_middle_of_a_byte() {
        assert_eq!(parse(""), Some((vec![], None)));
        assert_eq!(parse("0af"), Some((vec![0x0a], Some(15))));
        for none in ["0A", "x", "0 ", "ü", &"0".repeat(65)] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
