//! The index of the history. For whatever records are asked for by there is a line: the orders of
//! the records that have it, as keys without values. Where several lines are asked for, their common
//! orders are found by jumping from one to the next, so that the rarest decides how long it takes.
//!
//! Times are not that rare, and no clock is sure to go forward. Of each block of records, large and
//! small, the index knows between which moments they began, so that blocks that can't have any of the
//! time that is wanted are passed over.

use std::collections::BTreeSet;

use sled::IVec;
use springline_model::history::{Ended, Record};
use springline_model::port::Page;
use springline_model::run::{Place, Timestamp};
use springline_model::{Digest, Hasher};

use crate::database::Database;
use crate::fault::{Fault, Result};
use crate::keys::{self, Key};
use crate::write::Writer;

/// How many records a block has, as a power of two: in large blocks there are small ones.
const LEVELS: [u32; 2] = [12, 6];
/// How many records a small block has.
pub(crate) const BLOCK: u64 = 1 << LEVELS[1];

/// By how many milliseconds a block may be said to begin earlier and end later, one less than a power of two:
/// a minute.
const LITTLE: Timestamp = (1 << 16) - 1;

/// What records are asked for by.
enum Subject<'a> {
    Application(&'a str),
    Environment(&'a str),
    Place(&'a Place),
    Outcome(Ended),
    Actor(&'a str),
    Cause(String),
    Release(&'a Digest),
    /// The release that it came from.
    From(&'a Digest),
}

impl Subject<'_> {
    fn line(&self) -> Key {
        let mut hasher = Hasher::domain("springline-line/1");
        match self {
            Self::Application(name) => hasher.field(b"application").field(name.as_bytes()),
            Self::Environment(name) => hasher.field(b"environment").field(name.as_bytes()),
            Self::Place(Place { application, environment }) => {
                hasher.field(b"place").field(application.as_bytes()).field(environment.as_bytes())
            }
            Self::Outcome(ended) => hasher.field(b"outcome").field(ended.to_string().as_bytes()),
            Self::Actor(name) => hasher.field(b"actor").field(name.as_bytes()),
            Self::Cause(cause) => hasher.field(b"cause").field(cause.as_bytes()),
            Self::Release(id) => hasher.field(b"release").field(id.as_bytes()),
            Self::From(id) => hasher.field(b"from").field(id.as_bytes()),
        };
        keys::line(&hasher.finish())
    }
}

fn object_line(name: &str) -> Key {
    keys::object_line(&Digest::of(name))
}

fn lines_of(record: &Record) -> Vec<Key> {
    let mut subjects = vec![
        Subject::Application(&record.place.application),
        Subject::Environment(&record.place.environment),
        Subject::Place(&record.place),
        Subject::Outcome(record.outcome.ended()),
        Subject::Actor(&record.actor),
        Subject::Cause(record.cause.to_string()),
    ];
    subjects.extend(record.release.as_ref().map(Subject::Release));
    subjects.extend(record.from.as_ref().map(Subject::From));
    subjects.iter().map(Subject::line).collect()
}

/// Puts a record into its lines, but for those of objects.
pub(crate) fn put(writer: &mut Writer<'_>, order: u64, record: &Record) {
    for line in lines_of(record) {
        writer.changes.add(line.and_number(order));
    }
}

/// Puts a record into the lines of objects.
pub(crate) fn put_objects<'n>(writer: &mut Writer<'_>, order: u64, names: impl IntoIterator<Item = &'n String>) {
    let names: BTreeSet<_> = names.into_iter().collect();
    for name in names {
        writer.changes.add(object_line(name).and_number(order));
    }
}

/// Takes a record out of its lines; those of objects are left to a sweep.
pub(crate) fn remove(writer: &mut Writer<'_>, order: u64, record: &Record) -> Result<()> {
    lines_of(record).into_iter().try_for_each(|line| writer.changes.remove(line.and_number(order)))
}

/// Entries in the lines of objects from this one on, and their orders.
pub(crate) fn of_objects(database: &Database, from: Key, limit: usize) -> Result<Vec<(Key, u64)>> {
    let entries = database.keys_within(from, keys::end_of_object_lines())?.take(limit);
    entries.map(|key| key.and_then(|key| Ok((Key::of(&key), keys::number_of(&key)?)))).collect()
}

/// Adds the moments when records began to the blocks that all of them are in: a little more than that, so that
/// not every record makes its blocks longer.
pub(crate) fn put_times(writer: &mut Writer<'_>, order: u64, (from, to): (Timestamp, Timestamp)) -> Result<()> {
    let (from, to) = (from & !LITTLE, to | LITTLE);
    for level in LEVELS {
        let key = keys::times(level, order >> level);
        let (from, to) = match times(writer.database, &key)? {
            Some((known_from, known_to)) => (from.min(known_from), to.max(known_to)),
            None => (from, to),
        };
        writer.changes.put(key, &[from.to_be_bytes(), to.to_be_bytes()].concat())?;
    }
    Ok(())
}

fn times(database: &Database, key: &Key) -> Result<Option<(Timestamp, Timestamp)>> {
    let Some(value) = database.get(key)? else { return Ok(None) };
    let (chunks, rest) = value.bytes().as_chunks::<8>();
    match (chunks, rest) {
        ([from, to], []) => Ok(Some((i64::from_be_bytes(*from), i64::from_be_bytes(*to)))),
        _ => Err(Fault::Damaged("the index of its history can't be read".into())),
    }
}

/// Whether any record names a release, or came from it, but for those of orders that are `gone`. The newest
/// one is looked at first: where many name it, it is the last to go.
pub(crate) fn names_release(database: &Database, release: &Digest, gone: impl Fn(u64) -> bool) -> Result<bool> {
    for subject in [Subject::Release(release), Subject::From(release)] {
        for key in database.keys(&subject.line())?.rev() {
            if !gone(keys::number_of(&key?)?) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The orders of a place's records, from this one on, oldest first.
pub(crate) fn orders(database: &Database, place: &Place, from: u64, limit: usize) -> Result<Vec<u64>> {
    let line = Subject::Place(place).line();
    let keys = database.keys_within(line.clone().and_number(from), line.and_number(u64::MAX))?;
    keys.take(limit).map(|key| keys::number_of(&key?)).collect()
}

/// How many entries of a line are passed over one by one before it is looked up where it goes on.
const STEPS: usize = 8;

/// A walk along a line, from the newest record to the oldest.
struct Walk<'a> {
    database: &'a Database,
    line: Key,
    rest: Option<Box<dyn Iterator<Item = Result<IVec>> + 'a>>,
    /// The order that it has come to; none before the first one, and after the last.
    at: Option<u64>,
}

impl Walk<'_> {
    /// The last order of the line that is not greater than this, which no earlier one was less than.
    fn at_most(&mut self, order: u64) -> Result<Option<u64>> {
        if self.rest.is_some() {
            for _ in 0..STEPS {
                if self.at.is_none_or(|at| at <= order) {
                    return Ok(self.at);
                }
                self.step()?;
            }
        }
        if self.rest.is_none() || self.at.is_some_and(|at| at > order) {
            let keys = self.database.keys_within(self.line.clone(), self.line.clone().and_number(order))?;
            self.rest = Some(Box::new(keys.rev()));
            self.step()?;
        }
        Ok(self.at)
    }

    fn step(&mut self) -> Result<()> {
        let next = self.rest.as_mut().and_then(|rest| rest.next());
        self.at = next.map(|key| keys::number_of(&key?)).transpose()?;
        Ok(())
    }
}

/// What leads to the records that a page wants.
pub(crate) struct Lines<'a> {
    database: &'a Database,
    walks: Vec<Walk<'a>>,
    since: Timestamp,
    until: Timestamp,
}

/// How often it may be looked yet where there is nothing: see [`Page::looks`].
pub(crate) struct Looks(Option<u64>);

impl Looks {
    pub const fn of(looks: Option<u64>) -> Self {
        Self(looks)
    }

    /// Takes so many of them away; whether that was all.
    pub fn spend(&mut self, looks: u64) -> bool {
        self.0 = self.0.map(|left| left.saturating_sub(looks));
        self.0 == Some(0)
    }
}

/// What a look for the next record came to.
pub(crate) enum Next {
    /// This may be it.
    Record(u64),
    /// There is none but from this one on, and no look is left.
    From(u64),
    /// There is none.
    None,
}

impl<'a> Lines<'a> {
    pub fn of(database: &'a Database, page: &Page) -> Self {
        let place = page.application.as_ref().zip(page.environment.as_ref()).map(|(application, environment)| Place {
            application: application.clone(),
            environment: environment.clone(),
        });
        let mut subjects = Vec::new();
        match &place {
            Some(place) => subjects.push(Subject::Place(place)),
            None => {
                subjects.extend(page.application.as_deref().map(Subject::Application));
                subjects.extend(page.environment.as_deref().map(Subject::Environment));
            }
        }
        subjects.extend(page.outcome.map(Subject::Outcome));
        subjects.extend(page.actor.as_deref().map(Subject::Actor));
        subjects.extend(page.cause.as_ref().map(|cause| Subject::Cause(cause.to_string())));
        subjects.extend(page.release.as_ref().map(Subject::Release));
        let mut lines: Vec<_> = subjects.iter().map(Subject::line).collect();
        lines.extend(page.object.as_deref().map(object_line));
        let walks = lines.into_iter().map(|line| Walk { database, line, rest: None, at: None }).collect();
        Self {
            database,
            walks,
            since: page.since.unwrap_or(Timestamp::MIN),
            until: page.until.unwrap_or(Timestamp::MAX),
        }
    }

    /// The newest record up to this order that is in every line, and in a block that may have some of
    /// the time that is wanted. The order is less with every call.
    pub fn newest(&mut self, up_to: u64, looks: &mut Looks) -> Result<Next> {
        let mut order = up_to;
        'jump: while order > 0 {
            if let Some(earlier) = self.before_block(order)? {
                order = earlier;
                if looks.spend(1) {
                    return Ok(Next::From(order));
                }
                continue;
            }
            for walk in &mut self.walks {
                let Some(earlier) = walk.at_most(order)? else { return Ok(Next::None) };
                if earlier < order {
                    order = earlier;
                    if looks.spend(1) {
                        return Ok(Next::From(order));
                    }
                    continue 'jump;
                }
            }
            return Ok(Next::Record(order));
        }
        Ok(Next::None)
    }

    /// The last order before a block of this one that can't have any record of the time that is wanted; none if
    /// each of its blocks may.
    fn before_block(&self, order: u64) -> Result<Option<u64>> {
        if (self.since, self.until) == (Timestamp::MIN, Timestamp::MAX) {
            return Ok(None);
        }
        for level in LEVELS {
            let block = order >> level;
            let times = times(self.database, &keys::times(level, block))?;
            if !times.is_some_and(|(from, to)| to >= self.since && from < self.until) {
                return Ok(Some((block << level).saturating_sub(1)));
            }
        }
        Ok(None)
    }
}
