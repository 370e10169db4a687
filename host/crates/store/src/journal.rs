//! The journal: which entry was set to what since the state was opened, outside the database.
//!
//! When the engine opens its files it takes a damaged part of its log for one that was never
//! written, and goes on with what follows: older values come back, and nobody is told. What it had
//! already when it was opened before is safe from that, as its pages are found by a snapshot and
//! checked when read. So it is what the last process wrote that has to be checked, against this.
//!
//! A group of changes is noted before it is written. The journal is not synced: it is believed if
//! nothing can have been lost of it, that is, if its process closed it, or if the machine has not
//! been started anew since.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use springline_model::Digest;

use crate::fault::{Fault, Result};
use crate::keys::Key;

/// Past this length, in bytes, it is given up: to check it would take too long.
const MAX_LENGTH: usize = 16 * 1024 * 1024;

/// A part of the digest of a value as the engine has it.
pub(crate) type Check = [u8; 8];

/// What is noted, by the first byte of its record.
mod kind {
    /// The start of the machine in which it began; the first record.
    pub const BEGUN: u8 = 1;
    /// Changes that are about to be written.
    pub const CHANGES: u8 = 2;
    /// All changes so far are on disk.
    pub const ACKNOWLEDGED: u8 = 3;
    /// The state was closed; the last record.
    pub const CLOSED: u8 = 4;
}

/// The journal of the process that has the state open.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    length: usize,
    /// See [`MAX_LENGTH`].
    limit: usize,
}

impl Journal {
    /// Begins anew.
    pub fn begin(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = options.open(path).map_err(noting())?;
        let mut journal = Self { file, length: 0, limit: MAX_LENGTH };
        journal.note(kind::BEGUN, &machine_start())?;
        // What was there before must not come back after a power cut.
        journal.file.sync_all().map_err(noting())?;
        Ok(journal)
    }

    /// Notes changes that are about to be written: keys, and their values as the engine will have
    /// them, none for a removal.
    pub fn changes(&mut self, changes: &[(Key, Option<Vec<u8>>)]) -> Result<()> {
        let mut noted = Vec::with_capacity(changes.len() * 64);
        for (key, value) in changes {
            noted.extend((key.bytes().len() as u16).to_le_bytes());
            noted.extend(key.bytes());
            noted.push(u8::from(value.is_some()));
            noted.extend(value.as_deref().map(check).unwrap_or_default());
        }
        self.note(kind::CHANGES, &noted)
    }

    /// Notes that all changes so far are on disk.
    pub fn acknowledged(&mut self) -> Result<()> {
        self.note(kind::ACKNOWLEDGED, &[])
    }

    /// Notes that all changes so far are in the database, and that there will be no more.
    pub fn closed(&mut self) -> Result<()> {
        self.note(kind::CLOSED, &[])
    }

    fn note(&mut self, kind: u8, noted: &[u8]) -> Result<()> {
        if self.length > self.limit {
            return Ok(());
        }
        let mut record = Vec::with_capacity(noted.len() + 13);
        record.extend((noted.len() as u32 + 1).to_le_bytes());
        record.extend([0; 8]);
        record.push(kind);
        record.extend(noted);
        let check = check(&record[12..]);
        record[4..12].copy_from_slice(&check);
        self.length += record.len();
        if self.length > self.limit {
            // An empty one is never believed.
            return self.file.set_len(0).map_err(noting());
        }
        self.file.write_all(&record).map_err(noting())
    }
}

/// What the journal of the last process says: the values that an entry may have. Entries that it
/// never wrote for sure are not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected(BTreeMap<Vec<u8>, Vec<Option<Check>>>);

impl Expected {
    /// Reads it. Nothing is expected of a journal that may be incomplete.
    pub fn read(path: &Path) -> Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::of(&bytes, &machine_start())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Fault::io("reading the state's journal")(error)),
        }
    }

    fn of(bytes: &[u8], machine_start: &[u8]) -> Self {
        let records: Vec<_> = Records(bytes).collect();
        let is_same_start = records.first() == Some(&(kind::BEGUN, machine_start)) && !machine_start.is_empty();
        let is_closed = records.last().is_some_and(|(kind, _)| *kind == kind::CLOSED);
        let for_sure = |(kind, _): &(u8, &[u8])| matches!(*kind, kind::ACKNOWLEDGED | kind::CLOSED);
        let Some(last) = records.iter().rposition(for_sure).filter(|_| is_same_start || is_closed) else {
            return Self::default();
        };
        let mut expected = BTreeMap::new();
        for (_, noted) in records[..last].iter().filter(|(kind, _)| *kind == kind::CHANGES) {
            for (key, value) in Changes(noted) {
                expected.insert(key.to_vec(), vec![value]);
            }
        }
        for (_, noted) in records[last..].iter().filter(|(kind, _)| *kind == kind::CHANGES) {
            for (key, value) in Changes(noted) {
                expected.entry(key.to_vec()).and_modify(|values| values.push(value));
            }
        }
        Self(expected)
    }

    /// The keys, sorted, and the checks of the values that each may have; none for no value.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[Option<Check>])> {
        self.0.iter().map(|(key, values)| (key.as_slice(), values.as_slice()))
    }
}

/// The records of a journal, as far as they are whole.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (expected, rest) = rest.split_first_chunk::<8>()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        if check(record) != *expected {
            return None;
        }
        self.0 = rest;
        let (kind, noted) = record.split_first()?;
        Some((*kind, noted))
    }
}

/// The changes of a record.
struct Changes<'a>(&'a [u8]);

impl<'a> Iterator for Changes<'a> {
    type Item = (&'a [u8], Option<Check>);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(u16::from_le_bytes(*length) as usize)?;
        let (is_there, rest) = rest.split_first()?;
        let (check, rest) = rest.split_first_chunk::<8>()?;
        self.0 = rest;
        Some((key, (*is_there == 1).then_some(*check)))
    }
}

pub(crate) fn check(bytes: &[u8]) -> Check {
    let mut check = Check::default();
    check.copy_from_slice(&Digest::of(bytes).as_bytes()[..8]);
    check
}

/// What tells one start of this machine from the next; empty where nothing does.
fn machine_start() -> Vec<u8> {
    fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

fn noting() -> impl FnOnce(io::Error) -> Fault {
    Fault::io("writing the state's journal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    fn set(number: u64, value: &str) -> (Key, Option<Vec<u8>>) {
        (keys::run(number), Some(value.into()))
    }

    /// The bytes of a journal that this writes.
    fn written(write: impl FnOnce(&mut Journal)) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(&mut Journal::begin(file.path()).unwrap());
        fs::read(file.path()).unwrap()
    }

    fn holds(expected: &Expected, values: [Option<&str>; 3]) -> bool {
        expected.entries().all(|(key, checks)| {
            let value = values[keys::number_of(key).unwrap() as usize];
            checks.contains(&value.map(|value| check(value.as_bytes())))
        })
    }

    #[test]
    fn what_was_acknowledged_has_to_be_there() {
        let bytes = written(|journal| {
            journal.changes(&[set(0, "old"), set(1, "gone")]).unwrap();
            journal.changes(&[set(0, "new"), (keys::run(1), None)]).unwrap();
            journal.acknowledged().unwrap();
            journal.changes(&[set(0, "newer"), set(2, "never sure")]).unwrap();
        });
        let expected = Expected::of(&bytes, &machine_start());
        assert!(holds(&expected, [Some("new"), None, None]));
        assert!(holds(&expected, [Some("newer"), None, Some("never sure")]));
        assert!(!holds(&expected, [Some("old"), None, None]));
        assert!(!holds(&expected, [None, None, None]));
        assert!(!holds(&expected, [Some("new"), Some("gone"), None]));
        assert_eq!(Expected::of(&bytes, b"another start"), Expected::default(), "something may be lost of it");
    }

    #[test]
    fn a_closed_one_is_believed_after_a_restart() {
        let bytes = written(|journal| {
            journal.changes(&[set(0, "new")]).unwrap();
            journal.closed().unwrap();
        });
        let expected = Expected::of(&bytes, b"another start");
        assert!(holds(&expected, [Some("new"), None, None]) && !holds(&expected, [None; 3]));
        for length in 0..bytes.len() {
            assert_eq!(Expected::of(&bytes[..length], b"another start"), Expected::default());
        }
    }

    #[test]
    fn a_long_one_is_given_up() {
        let bytes = written(|journal| {
            journal.limit = 500;
            for number in 0..20 {
                journal.changes(&[set(number, "x")]).unwrap();
                journal.acknowledged().unwrap();
            }
            journal.closed().unwrap();
        });
        assert!(bytes.len() <= 500);
        assert_eq!(Expected::of(&bytes, &machine_start()), Expected::default());
    }
}
