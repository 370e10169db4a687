//! The port of the store.

use crate::Digest;
use crate::application::RecordIn;
use crate::call::CallKey;
use crate::history::{Anchor, Compacted, Record, Retention, Sealed, Verified, Written};
use crate::newest::Newest;
use crate::outbox::{Outgoing, Settled};
use crate::page::{Found, Page};
use crate::plugin::Description;
use crate::run::{Kept, Place, Release, Run, Standing, Timestamp};

/// Why the store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A newer Springline wrote it.
    #[error("the state in {path} has version {found}, and this Springline knows {known} and older")]
    Newer {
        /// The state directory.
        path: String,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// What is there can't be read.
    #[error("the state in {path} is damaged: {message}")]
    Damaged {
        /// The state directory.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Another process owns it.
    #[error("the state in {path} is in use by {owner}")]
    Busy {
        /// The state directory.
        path: String,
        /// Who, and since when.
        owner: String,
    },
    /// No space is left.
    #[error("no space left for the state in {0}")]
    NoSpace(String),
    /// Anything else.
    #[error("{0}")]
    Io(String),
}

/// All that one finished sync writes, in one transaction.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The run, as it stands now.
    pub run: Run,
    /// What happened. `sequence` and `previous` are the store's to fill in.
    pub record: Record,
    /// The release, if there is one.
    pub release: Option<Release>,
    /// The inventory from now on, a blob of JSON; none leaves it as it was.
    pub inventory: Option<Digest>,
    /// The live objects that it changed, or tried to: the record is found by them.
    pub touched: Vec<String>,
    /// Where git is to tell of it; none for nowhere. Needs a release.
    pub tells: Option<RecordIn>,
    /// When it ended: the place's standing orders take note of it.
    pub at: Timestamp,
}

/// What a collection of garbage must not touch.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Blobs.
    pub blobs: Vec<Digest>,
    /// Directory trees.
    pub trees: Vec<Digest>,
    /// Blobs of JSON that list desired objects, whose bodies are roots as well.
    pub objects: Vec<Digest>,
}

/// Runs, releases, inventories, kept results and history.
pub trait Store: Send + Sync {
    /// Writes a new run down and returns its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn begin(&self, run: &Run) -> Result<u64, StoreError>;
    /// Writes down how far a run is.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn checkpoint(&self, run: &Run) -> Result<(), StoreError>;
    /// Writes down, durably, what a run is about to own: called before its first apply.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn intend(&self, run: &Run, place: &Place, inventory: &Digest) -> Result<(), StoreError>;
    /// Writes down, durably and in one transaction, how a sync ended. What this returned is on
    /// disk.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn finish(&self, finish: Finish) -> Result<Sealed, StoreError>;
    /// Writes down, durably, how a run ended that has no (further) sync.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn close(&self, run: &Run) -> Result<(), StoreError>;
    /// A run by its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn run(&self, number: u64) -> Result<Option<Run>, StoreError>;
    /// The latest runs, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError>;
    /// The runs that were begun and not ended, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn unfinished(&self) -> Result<Vec<Run>, StoreError>;

    /// The inventory of a place, a blob of JSON.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn inventory(&self, place: &Place) -> Result<Option<Digest>, StoreError>;
    /// The standing orders of a place; none were given if it has none.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn standing(&self, place: &Place) -> Result<Standing, StoreError>;
    /// Changes the standing orders of a place, durably and with nothing in between, and returns what
    /// they are now. What changes nothing is not written.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn set_standing(&self, place: &Place, change: &mut dyn FnMut(&mut Standing)) -> Result<Standing, StoreError>;
    /// What git does not tell for sure yet: of an application or of all, each place's in the order of
    /// its chain.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn outgoing(&self, application: Option<&str>) -> Result<Vec<Outgoing>, StoreError>;
    /// Writes down that it was tried. What is settled already is left alone.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn attempted(&self, outgoing: &Outgoing) -> Result<(), StoreError>;
    /// Writes down, durably, that git tells of it.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn settle(&self, place: &Place, settled: &Settled) -> Result<(), StoreError>;
    /// What git was told of last, of a place.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn settled(&self, place: &Place) -> Result<Option<Settled>, StoreError>;
    /// The places with an inventory or a history, sorted.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn places(&self) -> Result<Vec<Place>, StoreError>;
    /// The releases whose id starts with these hex digits, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn releases(&self, place: Option<&Place>, prefix: &str) -> Result<Vec<Release>, StoreError>;
    /// The newest record of a place that is so, without a walk through the history; none if it was removed.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn newest(&self, place: &Place, wanted: Newest) -> Result<Option<Sealed>, StoreError>;
    /// A part of the history, newest first.
    ///
    /// # Errors
    /// See [`StoreError`]. To ask for an object is refused before [`Store::index_objects`], if there
    /// are records that an earlier Springline wrote.
    fn history(&self, page: &Page) -> Result<Found, StoreError>;
    /// Makes the records that an earlier Springline wrote be found by the live objects that they
    /// changed, whose names the store does not know. There is nothing to do but once.
    ///
    /// # Errors
    /// See [`StoreError`], and what `names` reports.
    fn index_objects(
        &self,
        names: &mut dyn FnMut(&Record) -> Result<Vec<String>, StoreError>,
    ) -> Result<(), StoreError>;
    /// Records of a chain from this sequence on, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn chain(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Sealed>, StoreError>;
    /// As [`Store::chain`], as they were written.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn written(&self, place: &Place, from: u64, limit: usize) -> Result<Vec<Written>, StoreError>;
    /// The records whose hash starts with these hex digits, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn sealed(&self, prefix: &str) -> Result<Vec<Sealed>, StoreError>;
    /// Where a chain begins whose oldest records were removed.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn anchor(&self, place: &Place) -> Result<Option<Anchor>, StoreError>;
    /// Removes the records that the policy lets go, the oldest ones of each chain, and the releases
    /// that no other record names and no standing order either. The newest successful record of a
    /// place and what comes after it stay. With `pretend` it only says what would go.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn compact(&self, policy: Retention, now: Timestamp, pretend: bool) -> Result<Vec<Compacted>, StoreError>;
    /// Checks every chain, and that no chain and no end of one is missing. Others may write meanwhile.
    ///
    /// # Errors
    /// See [`StoreError`]; a broken chain is no error but an answer. That records are gone of which nobody can
    /// tell whose they were is [`StoreError::Damaged`].
    fn verify(&self) -> Result<Vec<Verified>, StoreError>;

    /// The kept result of this very call on these very trees.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn kept_exact(&self, exact: &Digest) -> Result<Option<Kept>, StoreError>;
    /// The kept results of this call on whatever trees, newest first, the latest few.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn kept(&self, key: &CallKey) -> Result<Vec<Kept>, StoreError>;
    /// Keeps a result.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn keep(&self, exact: &Digest, kept: &Kept) -> Result<(), StoreError>;
    /// Every kept result.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn all_kept(&self) -> Result<Vec<Kept>, StoreError>;
    /// Forgets kept results made before this moment, and returns how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn forget_kept(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// What a plugin said of itself.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn description(&self, plugin: &Digest) -> Result<Option<Description>, StoreError>;
    /// Keeps what a plugin said of itself.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn keep_description(&self, plugin: &Digest, description: &Description) -> Result<(), StoreError>;

    /// What must not be collected.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn roots(&self) -> Result<Roots, StoreError>;
}
