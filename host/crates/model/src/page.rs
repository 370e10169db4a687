//! Parts of the history: which records are wanted, and those that were found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::history::{Ended, Record, Sealed};
use crate::run::{Cause, Place, Timestamp};
use crate::store::{Store, StoreError};

/// Which part of the history is wanted, newest first. What is none is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Of this application only.
    pub application: Option<String>,
    /// Of this environment only.
    pub environment: Option<String>,
    /// Only those that ended so.
    pub outcome: Option<Ended>,
    /// Only of this actor.
    pub actor: Option<String>,
    /// Only those with this cause.
    pub cause: Option<Cause>,
    /// Only of this release.
    pub release: Option<Digest>,
    /// Only those that changed the live object of this name, or tried to.
    pub object: Option<String>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    /// Only those that began before then.
    pub until: Option<Timestamp>,
    /// Only what comes after this page: older than all that it had.
    pub after: Option<Cursor>,
    /// How many at most; 0 for all.
    pub limit: usize,
    /// How often it may be looked where there is nothing; none for as often as it takes. A page that ends of it
    /// may have fewer records than there are, and says where to go on.
    pub looks: Option<u64>,
}

impl Page {
    /// So many of the newest of a place.
    pub fn of(place: &Place, limit: usize) -> Self {
        let Place { application, environment } = place.clone();
        Self { application: Some(application), environment: Some(environment), limit, ..Self::default() }
    }

    /// The whole of it, piece by piece: each has so many [`Page::looks`], and lets others write in between.
    /// Before it goes on, `go_on` is told from where, and may end it there: then it has a `next`, and what is
    /// older was not looked at.
    ///
    /// # Errors
    /// As [`Store::history`].
    pub fn read(
        mut self,
        store: &(impl Store + ?Sized),
        mut go_on: impl FnMut(Cursor) -> bool,
    ) -> Result<Found, StoreError> {
        let (mut all, limit) = (Found::default(), self.limit);
        loop {
            let piece = store.history(&self)?;
            all.records.extend(piece.records);
            all.cursors.extend(piece.cursors);
            all.next = piece.next;
            let is_full = limit > 0 && all.records.len() >= limit;
            let Some(next) = all.next.filter(|next| !is_full && go_on(*next)) else { return Ok(all) };
            self.after = Some(next);
            self.limit = limit.saturating_sub(all.records.len());
        }
    }

    /// Whether a record is wanted, as far as it says so itself: not what objects it changed.
    pub fn wants(&self, record: &Record) -> bool {
        fn is<T: PartialEq<U>, U: ?Sized>(wanted: &Option<T>, found: &U) -> bool {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        }
        is(&self.application, &record.place.application)
            && is(&self.environment, &record.place.environment)
            && is(&self.outcome, &record.outcome.ended())
            && is(&self.actor, &record.actor)
            && is(&self.cause, &record.cause)
            && self.release.is_none_or(|wanted| record.release == Some(wanted))
            && self.since.is_none_or(|since| record.started >= since)
            && self.until.is_none_or(|until| record.started < until)
    }
}

/// Where a page of the history ends. It stays good whatever is recorded or removed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor(pub u64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().map_err(|_| format!("`{text}` is no cursor: a page says where the next one begins"));
        number.map(Self)
    }
}

/// A page of the history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Its records, newest first.
    pub records: Vec<Sealed>,
    /// Where a page begins that comes after each of them.
    pub cursors: Vec<Cursor>,
    /// Where the next page begins; none if there is nothing more. What comes before it was looked at.
    pub next: Option<Cursor>,
}
