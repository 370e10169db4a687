//! From names to commits.

use gix::bstr::ByteSlice;
use gix::prelude::ObjectIdExt;
use springline_model::port::{Revision, SourceError};

use crate::{git_error, message};

/// The commit that a name stands for. `place` names the repository in messages.
pub(crate) fn resolve(repository: &gix::Repository, name: &str, place: &str) -> Result<Revision, SourceError> {
    let commit = |id: gix::Id<'_>| describe(&id.object()?.peel_to_commit()?);
    match repository.rev_parse_single(name.as_bytes().as_bstr()).and_then(commit) {
        Ok(revision) => Ok(revision),
        Err(error) => match abbreviated(repository, name) {
            Some(Ok(id)) => commit(id.attach(repository)).map_err(git_error),
            Some(Err(())) => Err(SourceError::Git(format!("`{name}` is ambiguous in {place}: {}", message(&error)))),
            None => Err(unresolved(repository, name, place)?),
        },
    }
}

/// The commit of an id that [`resolve`] gave.
pub(crate) fn find<'r>(
    repository: &'r gix::Repository,
    revision: &Revision,
    place: &str,
) -> Result<gix::Commit<'r>, SourceError> {
    let unknown = || unknown(&revision.id, place.to_owned());
    let id = gix::ObjectId::from_hex(revision.id.as_bytes()).map_err(|_| unknown())?;
    let object = repository.try_find_object(id).map_err(git_error)?;
    object.ok_or_else(unknown)?.try_into_commit().map_err(git_error)
}

/// Time and subject of a commit.
pub(crate) fn describe(commit: &gix::Commit<'_>) -> gix::Result<Revision> {
    let text = commit.message_raw()?;
    let subject = text.lines().map(ByteSlice::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Ok(Revision {
        id: commit.id.to_hex().to_string(),
        time: commit.time()?.seconds,
        subject: subject.to_str_lossy().into_owned(),
    })
}

/// Why a name stands for no commit.
fn unresolved(repository: &gix::Repository, name: &str, place: &str) -> Result<SourceError, SourceError> {
    if repository.head().is_ok_and(|head| head.is_unborn()) && (name == "HEAD" || !has_references(repository)) {
        return Ok(SourceError::Empty(place.to_owned()));
    }
    let shallow = repository.is_shallow().map_err(git_error)?;
    Ok(unknown(
        name,
        if shallow {
            format!("{place}, a shallow clone: `git fetch --unshallow` brings all of its history")
        } else {
            place.to_owned()
        },
    ))
}

fn unknown(revision: &str, repository: String) -> SourceError {
    SourceError::UnknownRevision { revision: revision.to_owned(), repository }
}

fn has_references(repository: &gix::Repository) -> bool {
    repository.references().is_ok_and(|references| references.all().is_ok_and(|mut all| all.next().is_some()))
}

/// The object whose id starts with these digits, none if there is none, an error if there are
/// several. The library itself does not find those of SHA-256, and does not tell these cases apart.
fn abbreviated(repository: &gix::Repository, name: &str) -> Option<Result<gix::ObjectId, ()>> {
    let full = format!("{name:0<width$}", width = repository.object_hash().len_in_hex());
    let id = gix::ObjectId::from_hex(full.as_bytes()).ok()?;
    let prefix = gix::hash::Prefix::new(&id, name.len()).ok()?;
    repository.objects.lookup_prefix(prefix, None).ok()?
}
