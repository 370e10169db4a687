//! The ports: what the engine needs of the world. Whole operations on plain data; no transaction,
//! handle or type of a storage engine, a runtime or a version control system crosses them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::call::{Built, Call, Called, Rendered, TargetCall};
use crate::footprint::Changes;
use crate::manifest::{Account, Applied, Change, Child, Difference, Health, Hook, Identity, Observed};
use crate::plugin::{CallError, Description, Pinned};
use crate::run::Timestamp;
use crate::tree::{Directory, Entry, TreeError};
use crate::{Digest, ObjectId};

pub use crate::kubernetes::Clusters;
pub use crate::page::{Cursor, Found, Page};
pub use crate::registry::{Registry, RegistryError};
pub use crate::repository::{Repositories, RepositoryError};
pub use crate::seen::Seen;
pub use crate::store::{Finish, Roots, Store, StoreError};

/// A read-only directory tree: of a git revision, of uncommitted state, or of the blob store.
pub trait Tree: Send + Sync {
    /// The identity of the whole: equal ones have equal content.
    fn id(&self) -> ObjectId;

    /// The directory at this path (empty for the root); none if there is none. Symbolic links
    /// are not followed.
    ///
    /// # Errors
    /// See [`TreeError`].
    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError>;

    /// The bytes of a file, or the target of a symbolic link.
    ///
    /// # Errors
    /// See [`TreeError`]; [`TreeError::Lost`] if the bytes are not those of the entry's identity.
    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError>;

    /// The length of a file in bytes, or of a link's target.
    ///
    /// # Errors
    /// See [`TreeError`].
    fn size(&self, entry: &Entry) -> Result<u64, TreeError>;

    /// The directory at this path as a tree of its own; none if there is none.
    ///
    /// # Errors
    /// See [`TreeError`].
    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError>;
}

/// Why the blob store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
    /// It is not there.
    #[error("blob {0} is not in the store")]
    Missing(Digest),
    /// Its bytes are not what its digest says.
    #[error("blob {0} is damaged")]
    Damaged(Digest),
    /// No space is left.
    #[error("no space left in {0}")]
    NoSpace(String),
    /// Anything else that the operating system reports.
    #[error("{0}")]
    Io(String),
}

/// A directory entry to be written to the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its path below the root, clean ([`crate::tree::is_clean_path`]).
    pub path: String,
    /// What it is; [`EntryKind::Directory`](crate::tree::EntryKind::Directory) for one that is to
    /// exist though it may be empty.
    pub kind: crate::tree::EntryKind,
    /// Its bytes (of a link, its target), in the store already; for a directory ignored.
    pub digest: Digest,
}

/// Bytes by digest, and directories as Merkle trees of them.
pub trait Blobs: Send + Sync {
    /// Writes bytes and returns their digest. Durable only after [`Blobs::sync`].
    ///
    /// # Errors
    /// See [`BlobError`].
    fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError>;

    /// Writes what the reader gives, and returns the digest and the length.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn put_from(&self, reader: &mut dyn io::Read) -> Result<(Digest, u64), BlobError>;

    /// Reads a whole blob, and checks it against its digest.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn get(&self, digest: &Digest) -> Result<Bytes, BlobError>;

    /// Opens a blob for reading piece by piece; checked against its digest when opened.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn open(&self, digest: &Digest) -> Result<Box<dyn ReadAt>, BlobError>;

    /// Whether it is there; its bytes are not looked at.
    fn contains(&self, digest: &Digest) -> bool;

    /// Its length in bytes.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn size(&self, digest: &Digest) -> Result<u64, BlobError>;

    /// Writes a directory tree of these entries, parents implied, and returns its digest.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn put_tree(&self, entries: Vec<NewEntry>) -> Result<Digest, BlobError>;

    /// The directory tree of this digest.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn tree(&self, digest: &Digest) -> Result<Arc<dyn Tree>, BlobError>;

    /// Reads and checks everything below a tree: the first thing lost or damaged is the error.
    /// What is damaged is removed, so that it is made again.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn check_tree(&self, digest: &Digest) -> Result<(), BlobError>;

    /// Makes all that was written durable, names included.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn sync(&self) -> Result<(), BlobError>;

    /// Every blob and its length.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn list(&self) -> Result<Vec<(Digest, u64)>, BlobError>;

    /// Removes a blob; one that is not there is a success.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn remove(&self, digest: &Digest) -> Result<(), BlobError>;

    /// The digests that a directory node refers to directly: nodes of directories, and blobs.
    ///
    /// # Errors
    /// See [`BlobError`].
    fn children(&self, tree: &Digest) -> Result<Vec<(Digest, crate::tree::EntryKind)>, BlobError>;
}

/// Bytes that can be read from any offset.
pub trait ReadAt: Send + Sync {
    /// The length in bytes.
    fn size(&self) -> u64;
    /// Reads into the buffer from this offset; 0 at the end.
    ///
    /// # Errors
    /// What the operating system reports.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Why a source failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// There is no git repository.
    #[error("no git repository at {0}")]
    NoRepository(String),
    /// It has no commit yet.
    #[error("the repository at {0} has no commit yet")]
    Empty(String),
    /// No such revision.
    #[error("no revision `{revision}` in {repository}")]
    UnknownRevision {
        /// What was asked for.
        revision: String,
        /// Where.
        repository: String,
    },
    /// It is a bare repository, which has no uncommitted state.
    #[error("{0} is a bare repository: there is no work tree")]
    Bare(String),
    /// A repository elsewhere could not be fetched.
    #[error(transparent)]
    Remote(#[from] RepositoryError),
    /// Anything else that git reports.
    #[error("{0}")]
    Git(String),
    /// A tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// An immutable commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Revision {
    /// Its id, 40 or 64 hex digits; for uncommitted state `worktree-` and the id of its tree.
    pub id: String,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
    /// The first line of its message.
    pub subject: String,
}

/// Where desired state lives.
pub trait Sources: Send + Sync {
    /// The commit that a name stands for: a branch, a tag, an id or anything git understands.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn resolve(&self, revision: &str) -> Result<Revision, SourceError>;

    /// The tree of a commit.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn tree(&self, revision: &Revision) -> Result<Arc<dyn Tree>, SourceError>;

    /// What differs from one commit to another one.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn changed(&self, old: &Revision, new: &Revision) -> Result<Changes, SourceError>;

    /// The names of the branches, sorted.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn branches(&self) -> Result<Vec<String>, SourceError>;

    /// The uncommitted state: what is tracked, as it is on disk, and what is not and is not
    /// ignored either.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn worktree(&self) -> Result<(Revision, Arc<dyn Tree>), SourceError>;

    /// The paths that differ from the last commit, untracked ones included, sorted; empty in a
    /// bare repository.
    ///
    /// # Errors
    /// See [`SourceError`].
    fn uncommitted(&self) -> Result<Vec<String>, SourceError>;
}

/// Runs plugins.
pub trait Plugins: Send + Sync {
    /// What a plugin says of itself.
    ///
    /// # Errors
    /// See [`CallError`].
    fn describe(&self, plugin: &Pinned) -> Result<Description, CallError>;

    /// Runs a build step on a directory.
    ///
    /// # Errors
    /// See [`CallError`].
    fn build(&self, call: &Call, input: Arc<dyn Tree>) -> Result<Called<Built>, CallError>;

    /// Renders a directory and the artifacts.
    ///
    /// # Errors
    /// See [`CallError`].
    fn render(
        &self,
        call: &Call,
        input: Arc<dyn Tree>,
        artifacts: &BTreeMap<String, Arc<dyn Tree>>,
    ) -> Result<Called<Rendered>, CallError>;

    /// A deploy target, ready for its calls.
    ///
    /// # Errors
    /// See [`CallError`].
    fn target(&self, target: TargetCall) -> Result<Box<dyn Target + '_>, CallError>;
}

/// A deploy target in use. See `wit/deploy-target.wit` for what each call means.
pub trait Target: Send + Sync {
    /// Which live objects the desired ones become.
    ///
    /// # Errors
    /// See [`CallError`].
    fn identify(&self) -> Result<Called<Vec<Identity>>, CallError>;
    /// What has to change.
    ///
    /// # Errors
    /// See [`CallError`].
    fn plan(&self, owned: &[String]) -> Result<Called<Vec<Change>>, CallError>;
    /// What a change would do, as text.
    ///
    /// # Errors
    /// See [`CallError`].
    fn explain(&self, change: &Change) -> Result<Called<Difference>, CallError>;
    /// Applies one change.
    ///
    /// # Errors
    /// See [`CallError`].
    fn apply(&self, change: &Change) -> Result<Called<Applied>, CallError>;
    /// The live objects as they are.
    ///
    /// # Errors
    /// See [`CallError`].
    fn observe(&self, live: &[String]) -> Result<Called<Vec<Observed>>, CallError>;
    /// Judges one of them.
    ///
    /// # Errors
    /// See [`CallError`].
    fn judge(&self, object: &Observed) -> Result<Called<Health>, CallError>;
    /// What carries our mark on the target itself.
    ///
    /// # Errors
    /// See [`CallError`].
    fn owned(&self) -> Result<Called<Vec<String>>, CallError>;
    /// The hooks among the desired objects; none where the plugin has no such export.
    ///
    /// # Errors
    /// See [`CallError`].
    fn hooks(&self) -> Result<Called<Vec<Hook>>, CallError>;
    /// What belongs to these live objects, parents before children; none where the plugin has no
    /// such export.
    ///
    /// # Errors
    /// See [`CallError`].
    fn children(&self, live: &[String]) -> Result<Called<Vec<Child>>, CallError>;
    /// Why these live objects are not healthy; nothing where the plugin has no such export.
    ///
    /// # Errors
    /// See [`CallError`].
    fn explain_health(&self, live: &[String]) -> Result<Called<Vec<Account>>, CallError>;
    /// What the calls so far depended on outside of what they were given, where that can be held against
    /// reality without a call; none where it can't.
    fn seen(&self) -> Option<Arc<dyn Seen>> {
        None
    }
}

/// The time, for records and waiting.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// How long it has been going: what no setting of the clock changes.
    fn going(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration);
}
