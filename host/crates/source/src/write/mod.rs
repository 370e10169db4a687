//! Writing to repositories: commits on top of what is there, and references that move only from
//! where they were.
//!
//! Objects are written here, whatever the repository: into the user's own one, or into a bare one
//! below the state directory that stands for one elsewhere. What goes over the network goes by the
//! git program, which has the credentials, and is stopped when it is silent for too long.

mod latest;
mod reference;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gix::bstr::ByteSlice;
use springline_model::Cancel;
use springline_model::repository::{Draft, Make, Next, RepositoryError, Tip, Trouble, Written};

use crate::fetch;
use crate::git_tree::GitTree;
use crate::objects::Objects;
use crate::program::{self, Git, Remote};

/// How often an update is made anew when somebody else was faster.
const ATTEMPTS: u32 = 40;
/// The longest pause before that, doubled from a few milliseconds.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// A repository that is written to.
pub struct GitWriter {
    objects: Mutex<Option<Arc<Objects>>>,
    directory: PathBuf,
    /// Whether references here count; else only those of the remote do.
    is_own: bool,
    remote: Option<Remote>,
    /// What messages call it.
    place: String,
    /// How long the remote may be silent.
    patience: Duration,
    cancel: Cancel,
    /// Whoever updates takes a turn.
    turn: Mutex<()>,
}

impl GitWriter {
    /// The repository at this path or above it. What is written there is pushed as well to the remote
    /// of that name or address, if one is given.
    ///
    /// # Errors
    /// No repository; an address that is none.
    pub fn local(
        path: &Path,
        push: Option<&str>,
        (patience, cancel): (Duration, &Cancel),
    ) -> Result<Self, RepositoryError> {
        let unknown = |why: String| RepositoryError::new(Trouble::Unknown, format!("{}: {why}", path.display()));
        let path = path.canonicalize().map_err(|error| unknown(error.to_string()))?;
        let repository = gix::ThreadSafeRepository::discover(&path).map_err(|error| unknown(crate::message(&error)))?;
        let place = repository.work_dir().unwrap_or_else(|| repository.git_dir()).display().to_string();
        let here = repository.to_thread_local();
        let directory = here.common_dir().to_owned();
        let remote = match push {
            None => None,
            Some(name) if here.try_find_remote(name).is_some() => Some(Remote::named(name)),
            Some(address) if crate::url::is_address(address) || address.contains('/') => Some(Remote::at(address)?),
            Some(name) => {
                let message = format!("{place} has no remote `{name}`, which host.yaml names in `git.push`");
                return Err(RepositoryError::new(Trouble::Unknown, message));
            }
        };
        let objects = Mutex::new(Some(Objects::new(repository)));
        let cancel = cancel.clone();
        Ok(Self { objects, directory, is_own: true, remote, place, patience, cancel, turn: Mutex::default() })
    }

    /// The repository at this address or path. Objects for it are kept below the directory `into`.
    ///
    /// # Errors
    /// An address that is none.
    pub fn remote(url: &str, into: &Path, (patience, cancel): (Duration, &Cancel)) -> Result<Self, RepositoryError> {
        let remote = Remote::at(url)?;
        let directory = into.join(format!("{}.git", remote.file_name()));
        let place = remote.place.clone();
        Ok(Self {
            objects: Mutex::default(),
            directory,
            is_own: false,
            remote: Some(remote),
            place,
            patience,
            cancel: cancel.clone(),
            turn: Mutex::default(),
        })
    }

    /// The name of the branch that it is about.
    ///
    /// # Errors
    /// What git reports.
    pub fn default_branch(&self) -> Result<String, RepositoryError> {
        if self.is_own {
            let head = self.objects()?.handle().head_name().map_err(other)?;
            return Ok(head.map_or_else(|| "main".to_owned(), |name| name.shorten().to_str_lossy().into_owned()));
        }
        let Some(remote) = &self.remote else { return Ok("main".to_owned()) };
        let objects = self.objects()?;
        let head = self.git(&objects.handle()).list(remote, &["HEAD"])?.head;
        let name = head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
        Ok(name.unwrap_or("main").to_owned())
    }

    /// What a reference holds.
    ///
    /// # Errors
    /// What git reports.
    pub fn tip(&self, reference: &str) -> Result<Tip, RepositoryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let heads = self.heads(reference)?;
        heads.remote_trouble()?;
        self.tip_of(self.base(reference, &heads)?.map(|base| base.commits[0]), None)
    }

    /// Writes what `make` says; see the port.
    ///
    /// # Errors
    /// What git reports, and what `make` does.
    pub fn update(&self, reference: &str, beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for again in 0..ATTEMPTS {
            match self.try_update(reference, beside, make) {
                Ok(written) => return Ok(Written { again, ..written }),
                Err(error) if error.trouble == Trouble::Moved => self.pause(again)?,
                Err(error) => return Err(error),
            }
        }
        let message = format!("{}: {reference} moved {ATTEMPTS} times while it was being written", self.place);
        Err(RepositoryError::new(Trouble::Moved, message))
    }

    fn try_update(&self, reference: &str, beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError> {
        let heads = self.heads(reference)?;
        let base = self.base(reference, &heads)?;
        let held = base.as_ref().map(|base| base.commits[0]);
        let (onto, other_tip) = match beside {
            None => (None, None),
            Some(branch) => {
                let heads = self.heads(branch)?;
                heads.remote_trouble()?;
                let onto = self.base(branch, &heads)?;
                let tip = self.tip_of(onto.as_ref().map(|base| base.commits[0]), None)?;
                (onto, Some(tip))
            }
        };
        let tip = self.tip_of(held, onto.as_ref().map(|onto| onto.commits[0]))?;
        let next = make(&tip, other_tip.as_ref())?;
        let to = match next {
            Next::Keep => held,
            Next::Commit(draft) => Some(self.commit(base.as_ref(), &draft)?),
            Next::Instead(draft) => match (self.commit(onto.as_ref(), &draft)?, onto.as_ref()) {
                (made, Some(onto)) if made == onto.commits[0] => None,
                (made, _) => Some(made),
            },
        };
        self.publish(reference, &heads, to)?;
        let text = |id: Option<gix::ObjectId>| id.map(|id| id.to_string());
        Ok(Written { commit: text(to), before: text(held), again: 0 })
    }

    /// Makes the commit of a draft, or returns what is there if it would make no difference.
    fn commit(&self, base: Option<&Base>, draft: &Draft) -> Result<gix::ObjectId, RepositoryError> {
        let objects = self.objects()?;
        let repository = objects.handle();
        let tree = trees::edited(&repository, base.map(|base| base.tree), &draft.edits)?;
        if let Some(base) = base
            && base.tree == tree
            && base.commits.len() == 1
            && !draft.even_if_same
        {
            return Ok(base.commits[0]);
        }
        let author = signature(&draft.author)?;
        let commit = gix::objs::Commit {
            tree,
            parents: base.map(|base| base.commits.iter().copied().collect()).unwrap_or_default(),
            author: author.clone(),
            committer: author,
            encoding: None,
            message: match draft.trailers.as_str() {
                "" => draft.message.as_str().into(),
                trailers => format!("{}\n{trailers}", draft.message).into(),
            },
            extra_headers: Vec::new(),
        };
        Ok(repository.write_object(commit).map_err(other)?.detach())
    }

    /// What a commit holds, and its latest ones as far as they are not in the one beside it.
    fn tip_of(&self, commit: Option<gix::ObjectId>, beside: Option<gix::ObjectId>) -> Result<Tip, RepositoryError> {
        let Some(id) = commit else { return Ok(Tip { commits: Vec::new(), tree: None }) };
        let objects = self.objects()?;
        let repository = objects.handle();
        let tree = repository.find_commit(id).map_err(other)?.tree_id().map_err(other)?.detach();
        let shared = beside.and_then(|beside| repository.merge_bases_many(id, &[beside]).ok()).unwrap_or_default();
        let shared: Vec<_> = shared.into_iter().map(gix::Id::detach).collect();
        let commits = latest::latest(&repository, id, &shared);
        drop(repository);
        Ok(Tip { commits, tree: Some(Arc::new(GitTree::new(objects, tree, String::new()))) })
    }

    fn objects(&self) -> Result<Arc<Objects>, RepositoryError> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = objects.as_ref() {
            return Ok(objects.clone());
        }
        let made = Objects::new(self.create(gix::hash::Kind::Sha1)?);
        Ok(objects.insert(made).clone())
    }

    /// Makes a bare repository for the objects, if there is none of that format.
    fn create(&self, hash: gix::hash::Kind) -> Result<gix::ThreadSafeRepository, RepositoryError> {
        /// Two writers of this process may want the same one.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repository) = fetch::existing(&self.directory).map_err(other_text)?
            && repository.to_thread_local().object_hash() == hash
        {
            return Ok(repository);
        }
        let failed = |error: std::io::Error| other_text(format!("{}: {error}", self.directory.display()));
        if let Some(parent) = self.directory.parent() {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(&failed)?;
        }
        fetch::create_bare(&self.directory, hash, failed, other)
    }

    fn git(&self, repository: &gix::Repository) -> Git {
        Git {
            directory: self.directory.clone(),
            patience: self.patience,
            cancel: self.cancel.clone(),
            ssh: program::configured_ssh(repository),
            held: None,
        }
    }

    /// Waits a little, not as long as others do.
    fn pause(&self, again: u32) -> Result<(), RepositoryError> {
        if self.cancel.is_cancelled() {
            return Err(RepositoryError::new(Trouble::Cancelled, "cancelled"));
        }
        let longest = Duration::from_millis(4).saturating_mul(1 << again.min(10)).min(LONGEST_PAUSE);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let chance = (now ^ std::process::id().rotate_left(16)).wrapping_mul(2_654_435_761) >> 16;
        thread::sleep(longest.mul_f64(f64::from(chance & 0xffff) / 65_536.0));
        Ok(())
    }
}

/// What a commit is made on.
struct Base {
    /// Its parents: one, or two that are brought together.
    commits: Vec<gix::ObjectId>,
    tree: gix::ObjectId,
}

/// A commit as it is looked at: whoever can't be read is nobody.
fn described(commit: &gix::Commit<'_>) -> springline_model::repository::Commit {
    let who = |signature: Result<gix::actor::SignatureRef<'_>, _>| {
        let signature = signature.unwrap_or_default();
        springline_model::repository::Author {
            name: signature.name.to_str_lossy().into_owned(),
            email: signature.email.to_str_lossy().into_owned(),
            seconds: signature.time().map(|time| time.seconds).unwrap_or_default(),
        }
    };
    springline_model::repository::Commit {
        id: commit.id.to_string(),
        author: who(commit.author()),
        committer: who(commit.committer()),
        message: commit.data.split_once_str("\n\n").map_or(&[][..], |(_, text)| text).to_str_lossy().into_owned(),
    }
}

fn signature(author: &springline_model::repository::Author) -> Result<gix::actor::Signature, RepositoryError> {
    let clean = |text: &str| !text.is_empty() && !text.contains(['<', '>', '\n', '\0', '\r']);
    if !clean(&author.name) || !(author.email.is_empty() || clean(&author.email)) {
        return Err(content(format!("`{} <{}>` can't be the author of a commit", author.name, author.email)));
    }
    Ok(gix::actor::Signature {
        name: author.name.as_str().into(),
        email: author.email.as_str().into(),
        time: gix::date::Time { seconds: author.seconds, offset: 0 },
    })
}

fn content(message: String) -> RepositoryError {
    RepositoryError::new(Trouble::Content, message)
}

fn other_text(message: String) -> RepositoryError {
    RepositoryError::new(Trouble::Other, message)
}

fn other(error: impl Into<gix::Error>) -> RepositoryError {
    other_text(crate::message(&error.into()))
}

#[cfg(test)]
mod tests;
