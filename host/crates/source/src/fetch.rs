//! Mirrors of repositories elsewhere.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use gix::bstr::{BString, ByteSlice};
use gix::protocol::handshake::Ref;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use gix::remote::{Direction, fetch::Tags, ref_map};
use springline_model::Cancel;
use springline_model::port::SourceError;

use crate::url::Address;
use crate::{git_error, message};

/// What a mirror has of its original.
const MIRRORED: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// How often a mirror that another process is fetching into is looked at.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Brings the mirror of this address below `into` up to date. Returns it, and what to call it.
pub(crate) fn mirror(
    url: &str,
    revision: Option<&str>,
    into: &Path,
    cancel: &Cancel,
) -> Result<(gix::ThreadSafeRepository, String), SourceError> {
    let address = Address::parse(url)?;
    let fetch = Fetch { place: address.display(), address, cancel };
    let name = fetch.address.file_name();
    DirBuilder::new().recursive(true).mode(0o700).create(into).map_err(|error| fetch.failed(error))?;
    let _lock = fetch.lock(&into.join(format!("{name}.lock")))?;
    let directory = into.join(format!("{name}.git"));

    if let Some(id) = revision.and_then(full_id)
        && let Ok(repository) = open(&directory)
        && repository.to_thread_local().has_object(id)
    {
        return Ok((repository, fetch.place));
    }
    install_tls();
    let repository = fetch.update(&directory)?;
    if let Some(revision) = revision {
        fetch.fetch_revision(&repository, revision)?;
    }
    // Opened anew, so that nothing remembers what was there before.
    Ok((open(&directory).map_err(git_error)?, fetch.place))
}

struct Fetch<'c> {
    address: Address,
    /// The address as messages show it.
    place: String,
    cancel: &'c Cancel,
}

impl Fetch<'_> {
    /// Waits for its turn: one process at a time fetches into a mirror.
    fn lock(&self, path: &Path) -> Result<File, SourceError> {
        let file = File::create(path).map_err(|error| self.failed(error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if self.cancel.is_cancelled() => return Err(self.failed("cancelled")),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::Error(error)) => return Err(self.failed(error)),
            }
        }
    }

    /// Fetches branches and tags, into a new mirror if there is none or if the repository there
    /// has been made anew with other ids.
    fn update(&self, directory: &Path) -> Result<gix::Repository, SourceError> {
        let mut repository = match open(directory) {
            Ok(repository) => repository.to_thread_local(),
            Err(_) => self.create(directory, gix::hash::Kind::Sha1)?,
        };
        if let Err(hash) = self.fetch_all(&mut repository)? {
            drop(repository);
            repository = self.create(directory, hash)?;
            self.fetch_all(&mut repository)?.map_err(|_| self.failed("its object format changes from call to call"))?;
        }
        Ok(repository)
    }

    /// Makes an empty mirror. It gets its name when it is whole.
    fn create(&self, directory: &Path, hash: gix::hash::Kind) -> Result<gix::Repository, SourceError> {
        Ok(create_bare(directory, hash, |error| self.failed(error), |error| self.git(&error))?.to_thread_local())
    }

    /// Fetches branches, tags and where `HEAD` points. The inner error is the object format that
    /// the mirror would need.
    fn fetch_all(&self, repository: &mut gix::Repository) -> Result<Result<(), gix::hash::Kind>, SourceError> {
        let head = ref_map::Options { extra_refspecs: vec![refspec("HEAD")?], ..Default::default() };
        match self.fetch(repository, &MIRRORED, head, prune).map_err(|error| self.git(&error))? {
            Ok(references) => follow_head(repository, &references).map(Ok).map_err(|error| self.git(&error)),
            Err(hash) => Ok(Err(hash)),
        }
    }

    /// Fetches what these specs say. `before` gets the references of the other side before any
    /// object comes.
    fn fetch(
        &self,
        repository: &mut gix::Repository,
        specs: &[&str],
        options: ref_map::Options,
        before: impl FnOnce(&gix::Repository, &[Ref]) -> gix::Result<()>,
    ) -> gix::Result<Result<Vec<Ref>, gix::hash::Kind>> {
        repository.committer_or_set_generic_fallback()?;
        let remote = repository
            .remote_at(self.address.url.clone())?
            .with_fetch_tags(Tags::None)
            .with_refspecs(specs.iter().copied(), Direction::Fetch)?;
        let prepared = remote.connect(Direction::Fetch)?.prepare_fetch(gix::progress::Discard, options)?;
        let map = prepared.ref_map();
        let references = map.remote_refs.clone();
        let has_objects = references.iter().any(|reference| !matches!(reference, Ref::Unborn { .. }));
        if has_objects && map.object_hash != repository.object_hash() {
            return Ok(Err(map.object_hash));
        }
        before(repository, &references)?;
        if has_objects {
            prepared.with_write_packed_refs_only(true).receive(gix::progress::Discard, self.cancel.flag())?;
        }
        Ok(Ok(references))
    }

    /// Fetches a revision that no branch or tag leads to, if its name says how to ask for it.
    fn fetch_revision(&self, repository: &gix::Repository, revision: &str) -> Result<(), SourceError> {
        let spec = match full_id(revision) {
            Some(id) if repository.has_object(id) => return Ok(()),
            Some(id) => format!("+{id}:refs/springline/{id}"),
            None if revision.starts_with("refs/") && !is_mirrored(revision) => format!("+{revision}:{revision}"),
            None => return Ok(()),
        };
        let mut repository = repository.clone();
        let fetched = self.fetch(&mut repository, &[&spec], ref_map::Options::default(), |_, _| Ok(()));
        if fetched.is_ok() && repository.rev_parse_single(revision).is_ok() {
            return Ok(());
        }
        Err(SourceError::UnknownRevision { revision: revision.to_owned(), repository: self.place.clone() })
    }

    fn git(&self, error: &gix::Error) -> SourceError {
        self.failed(message(error))
    }

    fn failed(&self, why: impl ToString) -> SourceError {
        let why = self.address.without_password(&why.to_string());
        SourceError::Git(format!("{} can't be fetched: {why}", self.place))
    }
}

pub(crate) fn open(directory: &Path) -> gix::Result<gix::ThreadSafeRepository> {
    gix::ThreadSafeRepository::open_opts(directory, gix::open::Options::default().open_path_as_is(true))
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

/// Encrypted connections need a process-wide default, unless the program has chosen one already.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn full_id(revision: &str) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(revision.as_bytes()).ok()
}

fn is_mirrored(name: &str) -> bool {
    name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

fn refspec(text: &str) -> Result<gix::refspec::RefSpec, SourceError> {
    let spec = gix::refspec::parse(text.as_bytes().as_bstr(), gix::refspec::parse::Operation::Fetch);
    spec.map(|spec| spec.to_owned()).map_err(|error| SourceError::Git(error.to_string()))
}

/// Removes branches and tags that the other side no longer has.
fn prune(repository: &gix::Repository, references: &[Ref]) -> gix::Result<()> {
    let there: std::collections::HashSet<_> = references.iter().map(|reference| reference.unpack().0).collect();
    let mut gone = Vec::new();
    for reference in repository.references()?.all()? {
        let reference = reference?;
        let name = reference.name();
        if name.as_bstr().to_str().is_ok_and(is_mirrored) && !there.contains(name.as_bstr()) {
            gone.push(RefEdit::delete(name.to_owned(), PreviousValue::Any));
        }
    }
    if !gone.is_empty() {
        repository.edit_references(gone)?;
    }
    Ok(())
}

/// Points `HEAD` where it points on the other side.
fn follow_head(repository: &gix::Repository, references: &[Ref]) -> gix::Result<()> {
    let target = references.iter().find_map(|reference| match reference {
        Ref::Symbolic { full_ref_name, target, .. } | Ref::Unborn { full_ref_name, target }
            if full_ref_name == "HEAD" =>
        {
            FullName::try_from(target.clone()).ok().map(Target::Symbolic)
        }
        Ref::Direct { full_ref_name, object } if full_ref_name == "HEAD" => Some(Target::Object(*object)),
        _ => None,
    });
    let (Some(new), Ok(name)) = (target, FullName::try_from(BString::from("HEAD"))) else { return Ok(()) };
    repository.edit_reference(RefEdit::new(
        name,
        Change::Update { log: LogChange::default(), expected: PreviousValue::Any, new },
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests;
