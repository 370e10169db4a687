//! What a deploy target is given, and what it answers.

use crate::blob::{Blob, BlobWriter};
use crate::context::Context;
use crate::directory::Directory;
use crate::error::Result;
use crate::host::{Current, Host as _};
use crate::object::{Object, TreeEntry};

/// A deploy target: knows how desired objects become live ones. `self` is its config (`with` in
/// the operator's file).
///
/// The host drives it change by change, so waves, time-outs, cancelling, progress and history are
/// the host's. Every call gets a fresh instance: nothing stays in a plugin between calls.
pub trait Target: Sized {
    /// Which live objects the desired ones become. Must depend on its arguments and the trees in
    /// them alone.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for objects that can't be deployed here.
    fn identify(&self, desired: &[Object], deploy: &mut Deploy) -> Result<Vec<Identity>>;

    /// What has to change for live to become desired; empty if nothing has. `owned` are the live
    /// objects that this application owns here. Changes nothing.
    ///
    /// # Errors
    /// Why it can't be told.
    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>>;

    /// What a change would do, as text. Changes nothing. Without it, there is no text.
    ///
    /// # Errors
    /// Why it can't be told.
    fn explain(&self, _change: &Change, _deploy: &mut Deploy) -> Result<Difference> {
        Ok(Difference::default())
    }

    /// Applies one change. Applying it twice must come to the same as once.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::Error::Conflict) if live is no longer what the change was planned
    /// on.
    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied>;

    /// The live objects as they are, in the order of `live`.
    ///
    /// # Errors
    /// Why they can't be told.
    fn observe(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Observed>>;

    /// Judges one observed object. Without it, what is there is healthy.
    ///
    /// # Errors
    /// Why it can't be judged.
    fn judge(&self, observed: &Observed) -> Result<Health> {
        Ok(if observed.version.is_some() { Health::healthy() } else { Health::new(HealthStatus::Missing, "") })
    }

    /// The live objects that carry this application's and environment's mark on the target itself:
    /// how the inventory is found again after the host's state was lost. Without it, there are no
    /// marks.
    ///
    /// # Errors
    /// Why they can't be told.
    fn owned(&self, _deploy: &mut Deploy) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// What a deploy target reaches in one call.
#[derive(Debug)]
pub struct Deploy {
    host: Current,
    context: Context,
    directory: Directory,
}

impl Deploy {
    pub(crate) fn new(host: Current) -> Self {
        Self { context: Context::new(host.clone()), directory: Directory::new(host.clone()), host }
    }

    /// What the call is about.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The directory lent by the operator. Takes the capability `directory`.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Opens the blob of this digest: the body of a desired object, or a file of its tree.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if no such blob was given to this call.
    pub fn blob(&self, digest: &str) -> Result<Blob> {
        self.host.open_blob(digest).map(Blob::new)
    }

    /// Starts a blob.
    pub fn blob_writer(&self) -> BlobWriter {
        BlobWriter::new(self.host.new_blob())
    }

    /// Every file and symbolic link of the tree of this digest, sorted by path.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if no such tree was given to this call.
    pub fn tree(&self, digest: &str) -> Result<Vec<TreeEntry>> {
        self.host.walk_tree(digest)
    }
}

/// Which live object a desired one becomes; a desired object may become many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The live object's name on the target, stable for ever: what the inventory keeps.
    pub live: String,
    /// The id of the desired object.
    pub object: String,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Makes what is missing.
    Create,
    /// Makes what differs equal.
    Update,
    /// Removes what is owned and no longer desired. The host refuses it for anything else.
    Delete,
    /// Takes over what is there already and equal, without writing it.
    Adopt,
    /// Can't be planned before the earlier waves have landed; is planned again then.
    Deferred,
}

/// One step from live to desired, applied on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The live object.
    pub live: String,
    /// The id of the desired object; empty for a delete.
    pub object: String,
    /// What is done.
    pub action: Action,
    /// When: waves are applied in ascending order, deletes in descending order after them.
    pub wave: i32,
    /// One line that says what differs, such as `mode: 644 -> 755`; may be empty.
    pub summary: String,
    /// What identifies the live object before the change, such as a digest; none if absent.
    pub before: Option<String>,
    /// What will identify it afterwards; none for a delete.
    pub after: Option<String>,
    /// The target's own notes for `apply`; opaque to the host, at most 64 KiB.
    pub state: Vec<u8>,
}

impl Change {
    /// A change in wave 0, with nothing else said of it.
    pub fn new(action: Action, live: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            live: live.into(),
            object: object.into(),
            action,
            wave: 0,
            summary: String::new(),
            before: None,
            after: None,
            state: Vec::new(),
        }
    }
}

/// A change that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// What identifies the live object now; none after a delete.
    pub after: Option<String>,
    /// Anything worth telling; may be empty.
    pub message: String,
}

/// Text to compare, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The live object as it is; none if it is absent or no text.
    pub live: Option<String>,
    /// The object as desired; none if it goes or is no text.
    pub desired: Option<String>,
}

/// A live object as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The live object.
    pub live: String,
    /// What identifies its state, as in [`Change::before`]; none if it is absent.
    pub version: Option<String>,
    /// The target's own notes for `judge`.
    pub state: Vec<u8>,
}

/// How a live object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// On its way.
    Progressing,
    /// Broken.
    Degraded,
    /// Not there.
    Missing,
    /// Stopped on purpose.
    Suspended,
    /// Can't be told.
    Unknown,
}

/// How a live object is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Why; may be empty for a healthy one.
    pub message: String,
}

impl Health {
    /// As it should be.
    pub const fn healthy() -> Self {
        Self { status: HealthStatus::Healthy, message: String::new() }
    }

    /// How it is, and why.
    pub fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}
