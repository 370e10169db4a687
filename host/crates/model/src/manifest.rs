//! Desired objects, live objects, and the changes from one to the other.

use serde::{Deserialize, Serialize};

use crate::{Digest, Hasher};

/// The bytes of a desired object, all of them in the blob store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A blob.
    Blob(Digest),
    /// A directory tree.
    Tree(Digest),
}

impl Body {
    /// The digest, of whatever it is.
    pub const fn digest(&self) -> &Digest {
        match self {
            Self::Blob(digest) | Self::Tree(digest) => digest,
        }
    }
}

/// A rendered desired object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its id, a clean path.
    pub id: String,
    /// Its bytes.
    pub body: Body,
}

/// The digest of a set of desired objects: it identifies a manifest.
pub fn manifest_digest(objects: &[Object]) -> Digest {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let mut hasher = Hasher::domain("springline-manifest/1");
    for object in sorted {
        let kind = match object.body {
            Body::Blob(_) => "blob",
            Body::Tree(_) => "tree",
        };
        hasher.field(object.id.as_bytes()).field(kind.as_bytes()).field(object.body.digest().as_bytes());
    }
    hasher.finish()
}

/// Which live object a desired one becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The live object.
    pub live: String,
    /// The desired object's id.
    pub object: String,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes what is missing.
    Create,
    /// Makes what differs equal.
    Update,
    /// Removes what is no longer desired.
    Delete,
    /// Takes over what is there and equal.
    Adopt,
    /// Planned again when the earlier waves have landed.
    Deferred,
}

/// One planned step from live to desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The live object.
    pub live: String,
    /// The desired object's id; empty for a delete.
    pub object: String,
    /// What is done.
    pub action: Action,
    /// When: ascending, deletes after all else and descending.
    pub wave: i32,
    /// One line that says what differs.
    pub summary: String,
    /// What identifies the live object before; none if absent.
    pub before: Option<String>,
    /// What will identify it afterwards; none for a delete.
    pub after: Option<String>,
    /// The target's own notes for its `apply`.
    #[serde(skip)]
    pub state: Vec<u8>,
}

/// A change that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// What identifies the live object now; of a delete only if the object stays, as one that is to
    /// be kept or belongs to somebody else by now: then nobody waits until it is gone.
    pub after: Option<String>,
    /// Anything worth telling.
    pub message: String,
}

/// Text to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Live; none if absent or no text.
    pub live: Option<String>,
    /// Desired; none if it goes or is no text.
    pub desired: Option<String>,
}

/// A live object as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The live object.
    pub live: String,
    /// What identifies its state; none if absent.
    pub version: Option<String>,
    /// The target's own notes for its `judge`.
    pub state: Vec<u8>,
}

/// How a live object is, from best to worst as they roll up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// Stopped on purpose.
    Suspended,
    /// On its way.
    Progressing,
    /// Not there.
    Missing,
    /// Broken.
    Degraded,
    /// Can't be told.
    Unknown,
}

impl std::fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        })
    }
}

/// How a live object is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How.
    pub status: HealthStatus,
    /// Why; may be empty.
    pub message: String,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before anything else is applied.
    Before,
    /// Among the other objects, by its wave.
    During,
    /// When everything is applied and healthy.
    After,
    /// When the sync has failed.
    Failure,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::Failure => "failure",
        })
    }
}

/// When what a hook made is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleanup {
    /// Before it is made again.
    pub before_creation: bool,
    /// When it succeeded.
    pub success: bool,
    /// When it failed.
    pub failure: bool,
}

/// A desired object that is run within a sync and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The live object that it makes.
    pub live: String,
    /// The desired object's id.
    pub object: String,
    /// When it runs.
    pub phase: Phase,
    /// When within its phase, ascending.
    pub wave: i32,
    /// When it is removed.
    pub cleanup: Cleanup,
    /// The target's own notes for its `apply`.
    pub state: Vec<u8>,
}

/// A live object that belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// What it belongs to.
    pub parent: String,
    /// The object.
    pub live: String,
    /// How it is.
    pub health: Health,
}

/// Why an object is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The object.
    pub live: String,
    /// One line each, the most telling one first.
    pub lines: Vec<String>,
}
