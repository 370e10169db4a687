//! Proves the history: every chain from where it begins to its head, and that none is missing. Piece by
//! piece, so that writers get their turns.

use std::collections::BTreeSet;

use springline_model::Digest;
use springline_model::history::{Anchor, GENESIS, Verified, Written, seal_json};
use springline_model::port::StoreError;
use springline_model::run::Place;

use crate::SledStore;
use crate::database::{Database, Value};
use crate::fault::{Fault, Result};
use crate::history::{self, Known};
use crate::keys::{self, Key};
use crate::runs::counters;

/// How many records are checked at once.
const PIECE: usize = 1_000;

pub(crate) fn verify(store: &SledStore) -> Result<Vec<Verified>, StoreError> {
    let mut verified = Vec::new();
    for place in store.read(all_places)? {
        let mut chain = Chain { place, last: (0, GENESIS), anchor: None, broken: None };
        while store.read(|database| chain.go_on(database))? {}
        verified.extend(chain.verified());
    }
    store.read(|database| complete(database, &mut verified))?;
    Ok(verified)
}

/// The places that something is known of, and those that there are records of.
fn all_places(database: &Database) -> Result<BTreeSet<Place>> {
    let mut places: BTreeSet<Place> = history::places(database)?.into_iter().collect();
    let mut from = keys::records();
    while let Some(key) = database.keys_within(from, keys::end_of_records())?.next().transpose()? {
        let (place, _) = keys::record_of(&key)?;
        from = keys::record(&place, u64::MAX)?;
        places.insert(place);
    }
    Ok(places)
}

/// A chain, as far as it was checked.
struct Chain {
    place: Place,
    /// The sequence and the hash of the last record that holds.
    last: (u64, Digest),
    anchor: Option<Anchor>,
    broken: Option<(u64, String)>,
}

impl Chain {
    /// Checks the next records; whether there are more.
    fn go_on(&mut self, database: &Database) -> Result<bool> {
        let known = Known::get(database, &self.place)?;
        if let Some(anchor) = &known.anchor {
            let first = database.keys(&keys::chain(&self.place)?)?.next().transpose()?;
            let first = first.map(|key| keys::number_of(&key)).transpose()?;
            if let Some(first) = first.filter(|first| *first <= anchor.sequence) {
                self.broken = Some((first, format!("its chain is said to begin after record {}", anchor.sequence)));
                return Ok(false);
            }
            if anchor.sequence > self.last.0 {
                self.last = (anchor.sequence, anchor.hash);
            }
        }
        self.anchor.clone_from(&known.anchor);
        let from = keys::record(&self.place, self.last.0 + 1)?;
        let mut checked = 0;
        for entry in database.within(from, keys::record(&self.place, u64::MAX)?)?.take(PIECE) {
            let (key, value) = entry?;
            checked += 1;
            match check(keys::number_of(&key)?, &value, self.last) {
                Ok(next) => self.last = next,
                Err(wrong) => {
                    self.broken = Some((self.last.0 + 1, wrong));
                    return Ok(false);
                }
            }
        }
        if checked == PIECE {
            return Ok(true);
        }
        let (sequence, hash) = known.head.unwrap_or((0, GENESIS));
        if self.last != (sequence, hash) {
            let (last, short) = (self.last.0, hash.short());
            let wrong = format!("the chain ends with record {last}, and its head is record {sequence} ({short})");
            self.broken = Some((last.min(sequence) + 1, wrong));
        }
        Ok(false)
    }

    /// What was found; none of a place that nothing was recorded of yet.
    fn verified(self) -> Option<Verified> {
        let Self { place, last: (last, head), anchor, broken } = self;
        let records = last - anchor.as_ref().map_or(0, |anchor| anchor.sequence).min(last);
        (last > 0 || broken.is_some()).then_some(Verified { place, anchor, records, head, broken })
    }
}

/// Checks a record against the one before it, and returns its own sequence and hash.
fn check(number: u64, value: &Value, (last, previous): (u64, Digest)) -> Result<(u64, Digest), String> {
    let expected = last + 1;
    if number != expected {
        return Err(format!("the record is missing: record {number} follows record {last}"));
    }
    let unreadable = || "the record can't be read".to_owned();
    let written: Written = value.json(unreadable).map_err(|_| unreadable())?;
    let sequence = written.sequence().ok_or_else(unreadable)?;
    if sequence != expected {
        return Err(format!("the record says that it is record {sequence}"));
    }
    if written.named("previous") != Some(previous) {
        return Err("the record does not follow the one before it".into());
    }
    if seal_json(&written.record) != written.hash {
        return Err("the record is not what was sealed".into());
    }
    Ok((expected, written.hash))
}

/// Checks that the chains have as many records, and as many removed ones, as were written: a chain whose end
/// is gone together with what says where it ended holds by itself.
fn complete(database: &Database, verified: &mut Vec<Verified>) -> Result<()> {
    let written = counters(database)?.records;
    let removed = history::all_removed(database)?;
    let gone: u64 = removed.iter().map(|(first, last)| last + 1 - first).sum();
    let (mut heads, mut anchors) = (0, 0);
    for place in history::places(database)? {
        let known = Known::get(database, &place)?;
        heads += known.last();
        anchors += known.gone();
    }
    if (heads, anchors) == (written, gone) {
        return Ok(());
    }
    for order in (1..=written).filter(|order| !history::is_removed(&removed, *order)) {
        let Some(key) = database.get(&keys::written(order))? else { continue };
        if !database.contains(&Key::of(key.bytes()))? {
            let (place, sequence) = keys::record_of(key.bytes())?;
            lacks(verified, place, sequence);
        }
    }
    if verified.iter().all(|chain| chain.broken.is_none()) {
        let left = heads.saturating_sub(anchors);
        return Err(Fault::Damaged(format!(
            "{written} records were written to its history and {gone} of them removed since, and its chains have {left}"
        )));
    }
    Ok(())
}

/// Says of a chain that a record of it is missing, unless more is wrong with it.
fn lacks(verified: &mut Vec<Verified>, place: Place, sequence: u64) {
    let broken = Some((sequence, "the record is missing".to_owned()));
    match verified.iter_mut().find(|chain| chain.place == place) {
        Some(chain) if chain.broken.is_none() => chain.broken = broken,
        Some(_) => {}
        None => verified.push(Verified { place, anchor: None, records: 0, head: GENESIS, broken }),
    }
}

#[cfg(test)]
mod tests {
    use springline_model::port::Store as _;
    use springline_testkit::sample;

    use super::*;
    use crate::write::{Reach, Writer};

    /// A state with five records of one place and three of another, after this was done to it.
    fn broken(change: impl FnOnce(&mut Writer<'_>, &Place) -> Result<()>) -> Result<Vec<Verified>, StoreError> {
        let root = tempfile::tempdir().unwrap();
        let store = SledStore::open(root.path()).unwrap();
        let (live, staging) = (sample::place("shop", "live"), sample::place("shop", "staging"));
        for at in 0..8 {
            let place = if at % 3 == 2 || at == 7 { &staging } else { &live };
            let mut run = sample::run("shop", at);
            run.number = store.begin(&run).unwrap();
            store.finish(sample::finish(place, &run, &at.to_string())).unwrap();
        }
        assert!(store.verify().unwrap().iter().all(|chain| chain.broken.is_none()));
        store.write(Reach::Disk, |writer| change(writer, &live)).unwrap();
        store.verify()
    }

    fn wrong(verified: Result<Vec<Verified>, StoreError>) -> Vec<(String, u64, String)> {
        let broken = verified.unwrap().into_iter().filter_map(|chain| Some((chain.place.environment, chain.broken?)));
        broken.map(|(environment, (at, why))| (environment, at, why)).collect()
    }

    /// Cuts a chain to so many records, with what says where it ends.
    fn cut(writer: &mut Writer<'_>, place: &Place, to: u64) -> Result<()> {
        let known = Known::get(writer.database, place)?;
        let last = writer.database.get(&keys::record(place, to)?)?.unwrap();
        let last: Written = last.json(String::new)?;
        for sequence in to + 1..=known.last() {
            writer.changes.remove(keys::record(place, sequence)?)?;
        }
        writer.changes.put_json(keys::place(place)?, &Known { head: Some((to, last.hash)), ..known })
    }

    #[test]
    fn an_end_that_was_cut_off_with_its_head_is_missed() {
        let found = wrong(broken(|writer, place| cut(writer, place, 3)));
        assert_eq!(found, [("live".into(), 4, "the record is missing".into())]);
        let error = broken(|writer, place| {
            cut(writer, place, 3)?;
            for order in 5..=8 {
                writer.changes.remove(keys::written(order))?;
            }
            Ok(())
        });
        let error = error.unwrap_err().to_string();
        assert!(
            error.ends_with("8 records were written to its history and 0 of them removed since, and its chains have 6"),
            "{error}"
        );
    }

    #[test]
    fn a_chain_that_is_gone_is_missed() {
        let remove = |writer: &mut Writer<'_>, place: &Place, records| {
            for sequence in 1..=records {
                writer.changes.remove(keys::record(place, sequence)?)?;
            }
            writer.changes.remove(keys::place(place)?)
        };
        let found = wrong(broken(|writer, place| remove(writer, place, 5)));
        assert_eq!(found, [("live".into(), 1, "the record is missing".into())]);
        // What says where it ends is gone, and its records are not.
        let found = wrong(broken(|writer, place| remove(writer, place, 0)));
        assert_eq!((found.len(), found[0].1), (1, 1), "{found:?}");
    }

    #[test]
    fn a_beginning_that_was_put_in_front_is_noticed() {
        let anchor = |writer: &mut Writer<'_>, place: &Place| {
            let third: Written = writer.database.get(&keys::record(place, 3)?)?.unwrap().json(String::new)?;
            let anchor = Anchor { sequence: 3, hash: third.hash, at: 0, policy: Default::default() };
            let known = Known::get(writer.database, place)?;
            writer.changes.put_json(keys::place(place)?, &Known { anchor: Some(anchor), ..known })
        };
        let found = wrong(broken(anchor));
        assert_eq!(found, [("live".into(), 1, "its chain is said to begin after record 3".into())]);
        let found = wrong(broken(|writer, place| {
            anchor(writer, place)?;
            (1..=3).try_for_each(|sequence| writer.changes.remove(keys::record(place, sequence)?))
        }));
        assert_eq!(found, [("live".into(), 1, "the record is missing".into())]);
    }

    #[test]
    fn what_a_newer_springline_says_in_a_record_is_proven_as_well() {
        let put = |say: &'static str, seal: bool| {
            move |writer: &mut Writer<'_>, place: &Place| {
                let key = keys::record(place, 5)?;
                let mut written: Written = writer.database.get(&key)?.unwrap().json(String::new)?;
                written.record["said-later"] = say.into();
                if seal {
                    written.hash = seal_json(&written.record);
                    let known = Known::get(writer.database, place)?;
                    writer.changes.put_json(keys::place(place)?, &Known { head: Some((5, written.hash)), ..known })?;
                }
                writer.changes.put_json(key, &written)
            }
        };
        assert!(wrong(broken(put("x", true))).is_empty());
        assert_eq!(wrong(broken(put("x", false))), [("live".into(), 5, "the record is not what was sealed".into())]);
    }
}
