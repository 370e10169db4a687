//! The keys of the database: a letter for the sort of entry, then what orders it within its sort.
//! Numbers are big-endian, so that keys sort as they do.

use springline_model::Digest;
use springline_model::call::CallKey;
use springline_model::run::Place;

use crate::fault::{Fault, Result};

/// How much of its subject's digest names a line: enough for no two to be the same.
const LINE: usize = 16;

/// The sorts of entries, by the letters that their keys begin with. The compiler refuses a letter that two have.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Sort {
    Steps = b'c',
    Description = b'd',
    Outgoing = b'e',
    Settled = b'f',
    Removed = b'g',
    Records = b'h',
    Line = b'i',
    ObjectLines = b'j',
    Calls = b'k',
    Counters = b'm',
    Written = b'o',
    Places = b'p',
    Results = b'q',
    Runs = b'r',
    Standing = b's',
    Times = b't',
    Unfinished = b'u',
    Releases = b'v',
    Exact = b'x',
    Hashes = b'y',
    Piece = b'z',
}

/// A key, or the beginning of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn new(sort: Sort) -> Self {
        Self(vec![sort as u8])
    }

    /// A key that was read.
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The first key that comes after it.
    pub fn next(self) -> Self {
        self.and(&[0])
    }

    pub fn and_number(self, number: u64) -> Self {
        self.and(&number.to_be_bytes())
    }

    fn and(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }
}

/// How much there is of everything.
pub(crate) fn counters() -> Key {
    Key::new(Sort::Counters)
}

pub(crate) fn runs() -> Key {
    Key::new(Sort::Runs)
}

pub(crate) fn run(number: u64) -> Key {
    runs().and_number(number)
}

/// The steps of all runs.
pub(crate) fn all_steps() -> Key {
    Key::new(Sort::Steps)
}

pub(crate) fn steps(run: u64) -> Key {
    all_steps().and_number(run)
}

pub(crate) fn step(run: u64, at: usize) -> Key {
    steps(run).and(&(at as u32).to_be_bytes())
}

/// Runs that have not ended; no value.
pub(crate) fn all_unfinished() -> Key {
    Key::new(Sort::Unfinished)
}

pub(crate) fn unfinished(number: u64) -> Key {
    all_unfinished().and_number(number)
}

/// The head of a place's chain and its inventory.
pub(crate) fn places() -> Key {
    Key::new(Sort::Places)
}

pub(crate) fn place(place: &Place) -> Result<Key> {
    Ok(places().and(&place_name(place)?))
}

/// The standing orders of all places.
pub(crate) fn all_standing() -> Key {
    Key::new(Sort::Standing)
}

pub(crate) fn standing(place: &Place) -> Result<Key> {
    Ok(all_standing().and(&place_name(place)?))
}

/// What git has to be told, by place and sequence.
pub(crate) fn all_outgoing() -> Key {
    Key::new(Sort::Outgoing)
}

pub(crate) fn outgoing(place: &Place, sequence: u64) -> Result<Key> {
    Ok(all_outgoing().and(&place_name(place)?).and_number(sequence))
}

/// What git has to be told of an application.
pub(crate) fn outgoing_of(application: &str) -> Result<Key> {
    Ok(all_outgoing().and(&names(&[application])?))
}

/// What git was told last.
pub(crate) fn settled(place: &Place) -> Result<Key> {
    Ok(Key::new(Sort::Settled).and(&place_name(place)?))
}

/// The records of all chains.
pub(crate) fn records() -> Key {
    Key::new(Sort::Records)
}

/// What comes after the records of all chains: no name begins with this byte.
pub(crate) fn end_of_records() -> Key {
    records().and(&[0xff])
}

pub(crate) fn chain(place: &Place) -> Result<Key> {
    Ok(records().and(&place_name(place)?))
}

pub(crate) fn record(place: &Place, sequence: u64) -> Result<Key> {
    Ok(chain(place)?.and_number(sequence))
}

/// Which record was written when, over all chains: the rest of its key.
pub(crate) fn all_written() -> Key {
    Key::new(Sort::Written)
}

pub(crate) fn written(order: u64) -> Key {
    all_written().and_number(order)
}

/// The order of a record, by the first bytes of its hash.
pub(crate) fn hashes(prefix: &[u8]) -> Key {
    Key::new(Sort::Hashes).and(prefix)
}

/// Orders of records that were removed: the last one of a range, by its first one.
pub(crate) fn all_removed() -> Key {
    Key::new(Sort::Removed)
}

pub(crate) fn removed(first: u64) -> Key {
    all_removed().and_number(first)
}

/// A line of the index ([`crate::lines`]), without the order of the record.
pub(crate) fn line(subject: &Digest) -> Key {
    Key::new(Sort::Line).and(&subject.as_bytes()[..LINE])
}

pub(crate) fn object_lines() -> Key {
    Key::new(Sort::ObjectLines)
}

/// What comes after the lines of all objects.
pub(crate) fn end_of_object_lines() -> Key {
    object_lines().and(&[0xff; LINE + 9])
}

pub(crate) fn object_line(name: &Digest) -> Key {
    object_lines().and(&name.as_bytes()[..LINE])
}

/// Between which moments the records of a block began.
pub(crate) fn times(level: u32, block: u64) -> Key {
    Key::new(Sort::Times).and(&level.to_be_bytes()).and_number(block)
}

/// Releases by the first bytes of their id.
pub(crate) fn releases(prefix: &[u8]) -> Key {
    Key::new(Sort::Releases).and(prefix)
}

/// Kept results by [`result_id`](crate::kept::result_id).
pub(crate) fn results() -> Key {
    Key::new(Sort::Results)
}

pub(crate) fn result(id: &Digest) -> Key {
    results().and(id.as_bytes())
}

/// The result of an exact key.
pub(crate) fn exact(exact: &Digest) -> Key {
    Key::new(Sort::Exact).and(exact.as_bytes())
}

/// The results of a call, oldest first.
pub(crate) fn calls(call: &CallKey) -> Key {
    Key::new(Sort::Calls).and(call.0.as_bytes())
}

pub(crate) fn call(call: &CallKey, order: u64) -> Key {
    calls(call).and_number(order)
}

pub(crate) fn description(plugin: &Digest) -> Key {
    Key::new(Sort::Description).and(plugin.as_bytes())
}

/// A piece of the value of a key.
pub(crate) fn piece(key: &[u8], at: u32) -> Key {
    Key::new(Sort::Piece).and(key).and(&at.to_be_bytes())
}

/// The number at the end of a key.
pub(crate) fn number_of(key: &[u8]) -> Result<u64> {
    let number = key.last_chunk().ok_or_else(malformed)?;
    Ok(u64::from_be_bytes(*number))
}

/// The place and the sequence of a record, by its key.
pub(crate) fn record_of(key: &[u8]) -> Result<(Place, u64)> {
    let (name, _) = key.split_last_chunk::<8>().ok_or_else(malformed)?;
    Ok((place_of(name)?, number_of(key)?))
}

/// The place of a key that ends with it.
pub(crate) fn place_of(key: &[u8]) -> Result<Place> {
    let mut parts = key.get(1..).unwrap_or_default().split(|byte| *byte == 0);
    let mut part = || {
        let text = parts.next().and_then(|part| str::from_utf8(part).ok());
        text.map(str::to_owned).ok_or_else(malformed)
    };
    Ok(Place { application: part()?, environment: part()? })
}

fn place_name(place: &Place) -> Result<Vec<u8>> {
    names(&[&place.application, &place.environment])
}

/// Names with an end each, so that none is the beginning of another.
fn names(names: &[&str]) -> Result<Vec<u8>> {
    if names.iter().any(|name| name.contains('\0') || name.len() > 255) {
        return Err(Fault::Refused(format!("{names:?} can't be kept: a name is too long or has a NUL in it")));
    }
    Ok(names.iter().flat_map(|name| name.bytes().chain([0])).collect())
}

fn malformed() -> Fault {
    Fault::Damaged("a key of its database is not one that Springline wrote".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(application: &str, environment: &str) -> Place {
        Place { application: application.into(), environment: environment.into() }
    }

    #[test]
    fn records_sort_by_place_and_sequence() {
        let keys = [
            record(&at("a", "x"), 1),
            record(&at("a", "x"), 256),
            record(&at("a", "xy"), 1),
            record(&at("a-b", ""), 1),
            record(&at("ab", "x"), 1),
        ]
        .map(|key| key.unwrap().0);
        assert!(keys.is_sorted());
        assert_eq!(record_of(&keys[1]).unwrap(), (at("a", "x"), 256));
        assert!(!keys[2].starts_with(chain(&at("a", "x")).unwrap().bytes()));
    }

    #[test]
    fn what_is_outgoing_of_an_application_is_of_no_other() {
        let of = outgoing_of("a").unwrap();
        assert!(outgoing(&at("a", "x"), 1).unwrap().0.starts_with(of.bytes()));
        assert!(!outgoing(&at("ab", "x"), 1).unwrap().0.starts_with(of.bytes()));
    }

    #[test]
    fn names_that_would_run_together_are_refused() {
        assert!(place(&at("a\0b", "x")).is_err());
        assert!(place(&at("a", &"x".repeat(256))).is_err());
        assert!(place_of(b"p").is_err());
        assert!(place_of(b"p\xff\0x\0").is_err());
    }
}
