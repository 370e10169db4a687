//! What differs between the index and the work tree.

use gix::bstr::{BStr, BString};
use gix::status::index_worktree;
use gix::status::plumbing::index_as_worktree::{Change, EntryStatus};
use gix::status::{Submodule, UntrackedFiles};
use springline_model::port::SourceError;

use crate::git_error;

/// The name of the state directory at the root, which is never a part of the source.
const STATE: &[u8] = b".springline";

/// What is on disk at a path where the index does not say it.
pub(crate) enum Difference {
    /// Something else than in the index, or something that is not in the index.
    Changed,
    /// Nothing.
    Gone,
}

/// The paths at which the work tree differs from this index, ignored ones aside.
pub(crate) fn differences(
    repository: &gix::Repository,
    index: gix::worktree::Index,
) -> Result<Vec<(BString, Difference)>, SourceError> {
    let changes = platform(repository)?
        .index(gix::worktree::IndexPersistedOrInMemory::Persisted(index))
        .into_index_worktree_iter(Vec::new())
        .map_err(git_error)?;
    let mut differences = Vec::new();
    for item in changes {
        let item = item.map_err(git_error)?;
        if let Some(difference) = difference(&item).filter(|_| !is_state(item.rela_path())) {
            differences.push((item.rela_path().to_owned(), difference));
        }
    }
    Ok(differences)
}

/// Whether this is the state directory or below it.
pub(crate) fn is_state(path: &BStr) -> bool {
    path.strip_prefix(STATE).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Every untracked file by itself, renames as what they consist of, submodules not looked into.
fn platform(repository: &gix::Repository) -> Result<gix::status::Platform<'_, gix::progress::Discard>, SourceError> {
    let platform = repository.status(gix::progress::Discard).map_err(git_error)?;
    Ok(platform
        .untracked_files(UntrackedFiles::Files)
        .index_worktree_rewrites(None)
        .index_worktree_submodules(None::<Submodule>))
}

fn difference(item: &index_worktree::Item) -> Option<Difference> {
    match item {
        index_worktree::Item::Modification { status, .. } => match status {
            EntryStatus::Change(Change::Removed) => Some(Difference::Gone),
            // A submodule is what the index says, whatever is checked out.
            EntryStatus::Change(Change::SubmoduleModification(_)) | EntryStatus::NeedsUpdate(_) => None,
            EntryStatus::Change(Change::Type { .. } | Change::Modification { .. })
            | EntryStatus::Conflict { .. }
            | EntryStatus::IntentToAdd => Some(Difference::Changed),
        },
        index_worktree::Item::DirectoryContents { entry, .. } => {
            use gix::dir::entry::{Kind, Status};
            let readable = matches!(entry.disk_kind, Some(Kind::File | Kind::Symlink));
            (entry.status == Status::Untracked && readable).then_some(Difference::Changed)
        }
        index_worktree::Item::Rewrite { .. } => Some(Difference::Changed),
    }
}
