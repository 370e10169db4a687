//! Checks the database against the journal of the process that wrote last.

use sled::{Db, IVec};

use crate::database::Database;
use crate::fault::Result;
use crate::journal::{Expected, check};

/// How many keys to go back from one to begin on another page than it is on.
const BACK: usize = 40;
/// How many keys to walk from one to the next, rather than to begin anew.
const WALK: usize = 80;

impl Database {
    /// Whether every entry that is expected has a value that it may have, and is come across by those
    /// who walk from key to key.
    ///
    /// The second does not follow from the first. If a page was divided in a part of the log that is
    /// lost, the new page is found from above, and passed over by those who come from the old one.
    pub fn holds(&self, expected: &Expected) -> Result<bool> {
        let db = self.db()?;
        let mut walk = Walk { db, keys: db.iter(), at: None };
        for (key, values) in expected.entries() {
            let value = self.raw(key)?;
            if !values.contains(&value.as_deref().map(check)) || walk.comes_across(key)? != value.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A walk from key to key, onwards.
struct Walk<'a> {
    db: &'a Db,
    keys: sled::Iter,
    /// The key that it has come to; none before the first one and after the last.
    at: Option<IVec>,
}

impl Walk<'_> {
    /// Whether it comes across this key, which is behind all those asked for before.
    fn comes_across(&mut self, key: &[u8]) -> Result<bool> {
        if !self.walk_to(key, WALK)? {
            let mut start = None;
            for before in self.db.range(..key).keys().rev().take(BACK) {
                start = Some(before?);
            }
            self.keys = start.map_or_else(|| self.db.iter(), |start| self.db.range(start..));
            self.at = None;
            self.walk_to(key, usize::MAX)?;
        }
        Ok(self.at.as_deref() == Some(key))
    }

    /// Walks to this key, or the first one behind it, if it is no more than so many steps away.
    fn walk_to(&mut self, key: &[u8], steps: usize) -> Result<bool> {
        for _ in 0..steps {
            if self.at.as_deref().is_some_and(|at| at >= key) {
                return Ok(true);
            }
            self.at = self.keys.next().transpose()?.map(|(key, _)| key);
            if self.at.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
