//! The history: one append-only chain of records per environment, each sealed with the hash of
//! the one before it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::Used;
use crate::manifest::{Action, Phase};
use crate::plugin::Pinned;
use crate::run::{Cause, Place, Stage, Timestamp};
use crate::{Digest, Hasher};

/// The `previous` of an environment's first record.
pub const GENESIS: Digest = Digest::from_bytes([0; 32]);

/// One sync, as it is remembered for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// The hash of the record before; [`GENESIS`] for the first.
    pub previous: Digest,
    /// Where.
    pub place: Place,
    /// The run it was a part of.
    pub run: u64,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Why.
    pub cause: Cause,
    /// Who.
    pub actor: String,
    /// The revision.
    pub revision: String,
    /// The release; none if it failed before there was one.
    pub release: Option<Digest>,
    /// Every plugin that had a part in it.
    pub plugins: Vec<Pinned>,
    /// What they used of their powers, in the run up to here.
    #[serde(default, skip_serializing_if = "Used::is_empty")]
    pub used: Used,
    /// How many changes of each sort.
    pub counts: Counts,
    /// Every change, a blob of JSON (a list of [`Done`]); none if there was none.
    pub changes: Option<Digest>,
    /// The inventory afterwards, a blob of JSON.
    pub inventory: Option<Digest>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long each stage took.
    pub stages: Vec<(Stage, Duration)>,
    /// Why, in the words of a person or of the host, if anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The release that was promoted, or whose failure this is the answer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// Whether everything was seen healthy in the end; none where an earlier Springline did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// Whether it went on with a sync that was cut off: that may have changed what this one did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// How many changes of each sort were applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Live objects made.
    pub created: u64,
    /// Live objects changed.
    pub updated: u64,
    /// Live objects removed.
    pub deleted: u64,
    /// Live objects taken over unchanged.
    pub adopted: u64,
    /// Changes that failed.
    pub failed: u64,
}

impl Counts {
    /// All that was applied.
    pub const fn applied(&self) -> u64 {
        self.created + self.updated + self.deleted + self.adopted
    }

    /// Those that this was done to.
    pub const fn of(&mut self, action: Action) -> &mut u64 {
        match action {
            Action::Create => &mut self.created,
            Action::Update => &mut self.updated,
            Action::Delete => &mut self.deleted,
            Action::Adopt | Action::Deferred => &mut self.adopted,
        }
    }
}

/// A change that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The live object.
    pub live: String,
    /// What was done.
    pub action: Action,
    /// What identified it before.
    pub before: Option<String>,
    /// What identifies it now.
    pub after: Option<String>,
    /// What differed, or the target's message.
    pub summary: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// The phase of the hook that it made or removed; none for an object that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Phase>,
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// Live is as desired.
    Succeeded,
    /// It failed.
    Failed {
        /// At which stage.
        stage: Stage,
        /// Why.
        message: String,
    },
    /// Somebody stopped it.
    Cancelled {
        /// At which stage.
        stage: Stage,
    },
}

/// How a sync ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Live is as desired.
    Succeeded,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

impl Outcome {
    /// In one word.
    pub const fn ended(&self) -> Ended {
        match self {
            Self::Succeeded => Ended::Succeeded,
            Self::Failed { .. } => Ended::Failed,
            Self::Cancelled { .. } => Ended::Cancelled,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed { stage, .. } => write!(f, "failed at {stage}"),
            Self::Cancelled { stage } => write!(f, "cancelled at {stage}"),
        }
    }
}

/// A record and its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// The record.
    pub record: Record,
    /// [`seal`] of it.
    pub hash: Digest,
}

/// A record as it was written, also what this Springline does not know in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The record.
    pub record: Value,
    /// [`seal_json`] of it.
    pub hash: Digest,
}

impl Written {
    /// Its place in the chain.
    pub fn sequence(&self) -> Option<u64> {
        self.record["sequence"].as_u64()
    }

    /// A digest that the record names.
    pub fn named(&self, field: &str) -> Option<Digest> {
        self.record[field].as_str()?.parse().ok()
    }
}

/// The hash of a record, `previous` included: changing any record breaks every later one.
pub fn seal(record: &Record) -> Digest {
    seal_json(&serde_json::to_value(record).unwrap_or_default())
}

/// As [`seal`], of a record's JSON as it was found: what this Springline does not know in it counts
/// as well.
pub fn seal_json(value: &Value) -> Digest {
    let mut hasher = Hasher::domain("springline-history/1");
    hasher.field(crate::call::canonical_json(value).as_bytes());
    hasher.finish()
}

/// What a check of a chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Whose chain.
    pub place: Place,
    /// Where it begins, if its oldest records were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// How many records.
    pub records: u64,
    /// The hash of the last one.
    pub head: Digest,
    /// What is wrong with it: the place in the chain, and how; none if all of it holds.
    pub broken: Option<(u64, String)>,
}

/// For how long history is kept. What no limit is set to is kept for ever; a record goes only if
/// every limit that is set lets it go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Retention {
    /// Records that are not older than so many days stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub keep_days: Option<u32>,
    /// So many of the newest records of each environment stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub keep_records: Option<u64>,
}

impl Retention {
    /// Whether it lets anything go.
    pub const fn is_set(&self) -> bool {
        self.keep_days.is_some() || self.keep_records.is_some()
    }
}

/// Where a chain begins whose oldest records were removed. The first record that is left follows
/// it, as it followed the last one that is gone: so a chain can be checked from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Anchor {
    /// The place in the chain of the last record that was removed.
    pub sequence: u64,
    /// Its hash.
    pub hash: Digest,
    /// When it was removed.
    pub at: Timestamp,
    /// By which policy.
    pub policy: Retention,
}

/// What was removed of a chain, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compacted {
    /// Whose chain.
    pub place: Place,
    /// How many records.
    pub records: u64,
    /// How many releases that no other record names.
    pub releases: u64,
    /// Where the chain begins now.
    pub anchor: Anchor,
}
