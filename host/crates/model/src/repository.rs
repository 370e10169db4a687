//! Writing to git repositories: what is there, what is to be there, and why it can't be.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::port::Tree;

/// Who a commit is by, and when. The same words, tree and parents make the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The time, in seconds since 1970.
    pub seconds: i64,
}

/// A commit that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Who made what is in it.
    pub author: Author,
    /// Who made the commit of it: somebody else where it was written anew, as by `git commit --amend`.
    pub committer: Author,
    /// All of its message.
    pub message: String,
}

/// What a reference holds.
#[derive(Clone)]
pub struct Tip {
    /// Its latest commits by all parents, each before its parents and else newest first, a bounded number
    /// of them; where another branch is looked at beside it, as far as that has not got them. None if there
    /// is no such reference.
    pub commits: Vec<Commit>,
    /// The tree of the first; none if there is no such reference.
    pub tree: Option<Arc<dyn Tree>>,
}

/// One edit of a tree.
#[derive(Clone)]
pub enum Edit {
    /// A file gets these bytes; its mode stays, if it is there.
    Put {
        /// Its path.
        path: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// What is at a path goes, if it is there.
    Remove {
        /// The path.
        path: String,
    },
    /// A directory becomes exactly this tree.
    Replace {
        /// Its path, empty for the whole.
        path: String,
        /// What it becomes.
        tree: Arc<dyn Tree>,
    },
    /// One value of a YAML or JSON file becomes this text; every other byte stays.
    Value {
        /// The file.
        path: String,
        /// The value's place, a JSON pointer.
        pointer: String,
        /// The text.
        value: String,
    },
}

/// A commit to be made on top of what is there.
#[derive(Clone)]
pub struct Draft {
    /// What changes.
    pub edits: Vec<Edit>,
    /// The message.
    pub message: String,
    /// Lines that end it; may be empty.
    pub trailers: String,
    /// Whether the message is to show what differs, between the two.
    pub shows_difference: bool,
    /// Who, and when.
    pub author: Author,
    /// Whether a commit is made also if the tree stays the same.
    pub even_if_same: bool,
}

/// Which reference of which repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The name of a repository that the operator binds; none for the source's own.
    pub repository: Option<String>,
    /// The full name of the reference.
    pub reference: String,
}

/// What is to become of a reference.
#[derive(Clone)]
pub enum Next {
    /// It stays.
    Keep,
    /// A commit on top of what it holds.
    Commit(Draft),
    /// A commit on top of the other branch takes the place of what it holds. Where that makes no
    /// difference to the other branch, the reference is removed.
    Instead(Draft),
}

/// What became of an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The commit that the reference holds now; none if it is not there.
    pub commit: Option<String>,
    /// What it held before; none if it was not there.
    pub before: Option<String>,
    /// How often it was made anew because somebody else was faster.
    pub again: u32,
}

impl Written {
    /// Whether something was written.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.before != self.commit
    }
}

/// What kept a repository from being read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// No such repository is bound, or there is none at its place.
    Unknown,
    /// It can't be reached, or did not answer in time.
    Unreachable,
    /// It refuses these credentials, or wants some.
    Credentials,
    /// The key of its host is not known.
    HostKey,
    /// Others are always faster.
    Moved,
    /// It declines the push: a protected branch, a hook.
    Declined,
    /// It says what no git repository says.
    Garbage,
    /// What should be written must not be, or can't.
    Content,
    /// Somebody asked to stop.
    Cancelled,
    /// Anything else.
    Other,
}

impl Trouble {
    /// The way out.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => "name its address in host.yaml: `repositories: { NAME: { url: … } }`",
            Self::Unreachable => {
                "it is tried again with the next run; `git.timeout-seconds` in host.yaml says how long a silence is waited for"
            }
            Self::Credentials => {
                "git itself has to be let in there without being asked: by a credential helper, ~/.netrc or a key for ssh"
            }
            Self::HostKey => {
                "put the host's key into ~/.ssh/known_hosts, after comparing it with what its operator says"
            }
            Self::Moved => "somebody pushes there all the time: run again",
            Self::Declined => "let whoever runs that repository allow this push, or name another branch",
            Self::Garbage => "look at the address: something else than a git server answers there",
            Self::Content | Self::Cancelled | Self::Other => return None,
        })
    }
}

/// Why a repository could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct RepositoryError {
    /// What sort of trouble it is.
    pub trouble: Trouble,
    /// What happened and where, without any secret.
    pub message: String,
}

impl RepositoryError {
    /// An error.
    pub fn new(trouble: Trouble, message: impl Into<String>) -> Self {
        Self { trouble, message: message.into() }
    }
}

/// Says what is to become of a reference, by what it holds, and by what the other branch holds if one
/// was named.
pub type Make<'a> = &'a mut dyn FnMut(&Tip, Option<&Tip>) -> Result<Next, RepositoryError>;

/// Git repositories that are written to.
pub trait Repositories: Send + Sync {
    /// What a reference holds.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn tip(&self, at: &At) -> Result<Tip, RepositoryError>;

    /// The name of the branch that a repository is about, such as `main`.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn default_branch(&self, repository: Option<&str>) -> Result<String, RepositoryError>;

    /// Writes what `make` says, and nothing if the reference moved meanwhile: then it is asked again
    /// about what is there now, a bounded number of times. What this returned is there, wherever the
    /// reference is kept. `beside` is the full name of another branch that `make` wants to see.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn update(&self, at: &At, beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError>;
}
