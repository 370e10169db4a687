//! Mirrors of repositories elsewhere.
//!
//! The git program fetches into them, as it has everybody's credentials and can be stopped. References
//! move when all that they need is there.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gix::bstr::{BString, ByteSlice};
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use springline_model::Cancel;
use springline_model::port::{RepositoryError, SourceError};
use springline_model::repository::Trouble;

use crate::message;
use crate::program::{self, Git, Listed, Remote};

/// What a mirror has of its original.
const MIRRORED: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// What it is asked for.
const LISTED: [&str; 3] = ["HEAD", "refs/heads/*", "refs/tags/*"];

/// How often a mirror that another process is fetching into is looked at.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Brings the mirror of this address below `into` up to date. Returns it, and what to call it. Whoever
/// fetches is given up after so long a silence.
pub(crate) fn mirror(
    url: &str,
    revision: Option<&str>,
    into: &Path,
    (patience, cancel): (Duration, &Cancel),
) -> Result<(gix::ThreadSafeRepository, String), SourceError> {
    let remote = Remote::at(url)?;
    let name = remote.file_name();
    let mut fetch = Fetch { remote, directory: into.join(format!("{name}.git")), patience, cancel, busy: None };
    DirBuilder::new().recursive(true).mode(0o700).create(into).map_err(|error| fetch.failed(error))?;
    let mut lock = fetch.lock(&into.join(format!("{name}.lock")))?;
    let busy = fetch.file(&into.join(format!("{name}.busy")))?;

    if let Some(id) = revision.and_then(full_id)
        && let Ok(repository) = open(&fetch.directory)
        && repository.to_thread_local().has_object(id)
    {
        return Ok((repository, fetch.remote.place.clone()));
    }
    fetch.hold(busy)?;
    fetch.whole(&mut lock, || {
        let repository = fetch.update()?;
        revision.map_or(Ok(()), |revision| fetch.fetch_revision(&repository, revision))
    })?;
    // Opened anew, so that nothing remembers what was there before.
    let repository = open(&fetch.directory).map_err(|error| fetch.git(&error))?;
    Ok((repository, fetch.remote.place.clone()))
}

struct Fetch<'c> {
    remote: Remote,
    directory: PathBuf,
    patience: Duration,
    cancel: &'c Cancel,
    /// Locked as long as a git is at work, also one that has lost the process that started it.
    busy: Option<File>,
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        // What git may have left in the background holds nothing up.
        if let Some(busy) = &self.busy {
            let _ = busy.unlock();
        }
    }
}

impl Fetch<'_> {
    /// Waits for its turn: one process at a time fetches into a mirror.
    fn lock(&self, path: &Path) -> Result<File, SourceError> {
        let file = self.file(path)?;
        self.take(&file, None)?;
        Ok(file)
    }

    /// Takes the lock of a file, unless it is late; whether it has it.
    fn take(&self, file: &File, until: Option<Instant>) -> Result<bool, SourceError> {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::WouldBlock) if self.cancel.is_cancelled() => {
                    return Err(RepositoryError::new(Trouble::Cancelled, "cancelled").into());
                }
                Err(TryLockError::WouldBlock) if until.is_some_and(|until| Instant::now() >= until) => {
                    return Ok(false);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::Error(error)) => return Err(self.failed(error)),
            }
        }
    }

    fn file(&self, path: &Path) -> Result<File, SourceError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        file.map_err(|error| self.failed(error))
    }

    /// Has every git hold this. One that a killed process left is waited for, as its files can't be told
    /// from what is nobody's any more; not for ever, as it may wait for somebody silent.
    fn hold(&mut self, busy: File) -> Result<(), SourceError> {
        if self.take(&busy, Some(Instant::now() + self.patience))? {
            self.busy = Some(busy);
        }
        Ok(())
    }

    /// Does this, and leaves nothing of it that is not whole: what an attempt left that did not come to
    /// its end, as its file of the lock says, goes before or after.
    fn whole(&self, lock: &mut File, work: impl FnOnce() -> Result<(), SourceError>) -> Result<(), SourceError> {
        let is_left = lock.metadata().is_ok_and(|metadata| metadata.len() > 0);
        if is_left {
            program::sweep(&self.directory, Duration::ZERO);
        } else {
            lock.write_all(b"fetching\n").map_err(|error| self.failed(error))?;
        }
        let worked = work();
        if worked.is_err() {
            program::sweep(&self.directory, Duration::ZERO);
        }
        lock.set_len(0).map_err(|error| self.failed(error))?;
        worked
    }

    /// Fetches branches and tags, into a new mirror if there is none or if the repository there
    /// has been made anew with other ids.
    fn update(&self) -> Result<gix::Repository, SourceError> {
        let mut repository = match existing(&self.directory).map_err(|why| self.failed(why))? {
            Some(repository) => repository.to_thread_local(),
            None => self.create(gix::hash::Kind::Sha1)?,
        };
        let there = self.calls(&repository).list(&self.remote, &LISTED)?;
        if let Some((id, _)) = there.references.first()
            && id.kind() != repository.object_hash()
        {
            repository = self.create(id.kind())?;
        }
        let detached = there.detached().filter(|id| !repository.has_object(*id));
        if detached.is_some() || differs(&repository, &there).map_err(|error| self.git(&error))? {
            let head = detached.map(|_| "+HEAD:refs/springline/HEAD");
            let specs: Vec<_> = MIRRORED.into_iter().chain(head).collect();
            self.fetch(&repository, &["--prune"], &specs)?;
        }
        follow_head(&repository, &there).map_err(|error| self.git(&error))?;
        Ok(repository)
    }

    /// Makes an empty mirror. It gets its name when it is whole.
    fn create(&self, hash: gix::hash::Kind) -> Result<gix::Repository, SourceError> {
        let made = create_bare(&self.directory, hash, |error| self.failed(error), |error| self.git(&error))?;
        Ok(made.to_thread_local())
    }

    /// Fetches what these specs say.
    fn fetch(&self, repository: &gix::Repository, more: &[&str], specs: &[&str]) -> Result<(), RepositoryError> {
        let answer = self.calls(repository).fetch(&self.remote, more, specs)?;
        match answer.status.success() {
            true => Ok(()),
            false => Err(program::failed("can't be fetched", &self.remote, &answer.stderr)),
        }
    }

    /// Fetches a revision that no branch or tag leads to, if its name says how to ask for it.
    fn fetch_revision(&self, repository: &gix::Repository, revision: &str) -> Result<(), SourceError> {
        let spec = match full_id(revision) {
            Some(id) if repository.has_object(id) => return Ok(()),
            Some(id) => format!("+{id}:refs/springline/{id}"),
            None if revision.starts_with("refs/") && !is_mirrored(revision) => format!("+{revision}:{revision}"),
            None => return Ok(()),
        };
        match self.fetch(repository, &[], &[&spec]) {
            Err(error) if !is_unknown(&error) => Err(error.into()),
            Ok(()) if repository.rev_parse_single(revision).is_ok() => Ok(()),
            _ => Err(SourceError::UnknownRevision {
                revision: revision.to_owned(),
                repository: self.remote.place.clone(),
            }),
        }
    }

    fn calls(&self, repository: &gix::Repository) -> Git {
        Git {
            directory: self.directory.clone(),
            patience: self.patience,
            cancel: self.cancel.clone(),
            ssh: program::configured_ssh(repository),
            held: self.busy.as_ref().and_then(|busy| busy.try_clone().ok()),
        }
    }

    fn git(&self, error: &gix::Error) -> SourceError {
        self.failed(message(error))
    }

    fn failed(&self, why: impl std::fmt::Display) -> SourceError {
        SourceError::Git(format!("{} can't be fetched: {why}", self.remote.place))
    }
}

pub(crate) fn open(directory: &Path) -> gix::Result<gix::ThreadSafeRepository> {
    gix::ThreadSafeRepository::open_opts(directory, gix::open::Options::default().open_path_as_is(true))
}

/// Opens a repository of ours; none if it is not there, or what is there is none.
///
/// # Errors
/// Why it can't be told: then it may be whole.
pub(crate) fn existing(directory: &Path) -> Result<Option<gix::ThreadSafeRepository>, String> {
    let error = match open(directory) {
        Ok(repository) => return Ok(Some(repository)),
        Err(error) => error,
    };
    let is_absence = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory);
    let is_kept = |error: &std::io::Error| !is_absence(error.kind()) && error.kind() != ErrorKind::InvalidData;
    // Git's own error calls no repository whatever it could not read.
    let parts = ["HEAD", "config", "objects", "refs"].into_iter().map(|name| directory.join(name));
    for (path, error) in parts.filter_map(|path| File::open(&path).err().map(|error| (path, error))) {
        if is_kept(&error) {
            return Err(format!("{}: {error}", path.display()));
        }
    }
    let mut causes = error.iter_errors().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    if causes.any(is_kept) {
        return Err(format!("{}: {}", directory.display(), message(&error)));
    }
    Ok(None)
}

/// Makes an empty bare repository in the place of what is there. It gets its name when it is whole.
pub(crate) fn create_bare<E>(
    directory: &Path,
    hash: gix::hash::Kind,
    io: impl Fn(std::io::Error) -> E,
    git: impl Fn(gix::Error) -> E,
) -> Result<gix::ThreadSafeRepository, E> {
    let unfinished = directory.with_extension("new");
    for path in [directory, &unfinished] {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    let options = gix::create::Options { object_hash: Some(hash), ..Default::default() };
    let as_is = gix::open::Options::default().open_path_as_is(true);
    gix::ThreadSafeRepository::init_opts(&unfinished, gix::create::Kind::Bare, options, as_is).map_err(&git)?;
    std::fs::rename(&unfinished, directory).map_err(&io)?;
    open(directory).map_err(&git)
}

fn full_id(revision: &str) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(revision.as_bytes()).ok()
}

/// Whether the other side has not got what it was asked for, or keeps it to itself.
fn is_unknown(error: &RepositoryError) -> bool {
    let says = |word: &str| error.message.contains(word);
    // The last is JGit's.
    let is_said = ["couldn't find remote ref", "not our ref", "unadvertised object"].into_iter().any(says);
    error.trouble == Trouble::Unknown || is_said || says("want ") && says(" not valid")
}

fn is_mirrored(name: &str) -> bool {
    name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

/// Whether branches and tags are elsewhere there than here.
fn differs(repository: &gix::Repository, there: &Listed) -> gix::Result<bool> {
    let mirrored = there.references.iter().filter(|(_, name)| is_mirrored(name));
    let mut there: HashMap<_, _> = mirrored.map(|(id, name)| (name.as_bytes(), id)).collect();
    for reference in repository.references()?.all()? {
        let reference = reference?;
        let name = reference.name().as_bstr();
        if name.to_str().is_ok_and(is_mirrored)
            && there.remove(name.as_bytes()).map(|id| &**id) != reference.target().try_id()
        {
            return Ok(true);
        }
    }
    Ok(!there.is_empty())
}

/// Points `HEAD` where it points on the other side.
fn follow_head(repository: &gix::Repository, there: &Listed) -> gix::Result<()> {
    let target = match &there.head {
        Some(name) => FullName::try_from(name.as_str()).ok().map(Target::Symbolic),
        None => there.detached().map(Target::Object),
    };
    let (Some(new), Ok(name)) = (target, FullName::try_from(BString::from("HEAD"))) else { return Ok(()) };
    let is_there = repository.find_reference("HEAD").is_ok_and(|head| head.target().into_owned() == new);
    if !is_there {
        let change = Change::Update { log: LogChange::default(), expected: PreviousValue::Any, new };
        repository.edit_reference(RefEdit::new(name, change))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
