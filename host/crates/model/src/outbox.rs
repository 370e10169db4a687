//! What has to be written to git and is not there for sure.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::application::RecordIn;
use crate::history::Sealed;
use crate::run::{Place, Timestamp};

/// A sync that git is to tell of. Written down with the sync itself, so that no crash loses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outgoing {
    /// Where it was deployed.
    pub place: Place,
    /// Its place in the chain of the history.
    pub sequence: u64,
    /// The hash of its record: what anchors the chain.
    pub hash: Digest,
    /// What was deployed.
    pub release: Digest,
    /// Where git says so.
    pub to: RecordIn,
    /// When it ended: the time of the commit, so that it is the same whenever it is made.
    pub at: Timestamp,
    /// Why and by whom it was deployed.
    pub cause: String,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// Why it is not there yet, if it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Outgoing {
    /// What git has to be told of a sync that was written down; none if it has no release.
    #[must_use]
    pub fn of(sealed: &Sealed, to: RecordIn) -> Option<Self> {
        let record = &sealed.record;
        let took = i64::try_from(record.took.as_millis()).unwrap_or(i64::MAX);
        Some(Self {
            place: record.place.clone(),
            sequence: record.sequence,
            hash: sealed.hash,
            release: record.release?,
            to,
            at: record.started.saturating_add(took),
            cause: format!("{} by {}", record.cause, record.actor),
            attempts: 0,
            tried: None,
            error: None,
        })
    }
}

/// What was written to git last, of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settled {
    /// The sync, by its place in the chain.
    pub sequence: u64,
    /// The hash of its record.
    pub hash: Digest,
    /// The full name of the reference.
    pub reference: String,
    /// The commit that it held then; none if nothing was to be written.
    pub commit: Option<String>,
    /// When that was known for sure.
    pub at: Timestamp,
    /// Why it was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
