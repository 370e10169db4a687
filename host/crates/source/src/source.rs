//! A repository as a source.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gix::bstr::ByteSlice;
use springline_model::Cancel;
use springline_model::footprint::Changes;
use springline_model::port::{Revision, SourceError, Sources, Tree};

use crate::git_tree::GitTree;
use crate::objects::{Handle, Objects};
use crate::{commit, difference, fetch, git_error, message, url, worktree};

/// A git repository on disk, however often it is cloned: the user's own, or a mirror of one elsewhere.
#[derive(Clone)]
pub struct GitSource {
    objects: Arc<Objects>,
    git_dir: PathBuf,
    work_dir: Option<PathBuf>,
    /// What messages call it.
    place: String,
}

impl GitSource {
    /// Opens the repository at this path or the next one above it, as git does. Bare ones, linked
    /// work trees and submodules work.
    ///
    /// # Errors
    /// [`SourceError::NoRepository`] if there is none, [`SourceError::Git`] if it can't be read.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let no_repository = |at: &Path| SourceError::NoRepository(at.display().to_string());
        let path = path.canonicalize().map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => no_repository(path),
            _ => SourceError::Git(format!("{}: {error}", path.display())),
        })?;
        match gix::ThreadSafeRepository::discover(&path) {
            Ok(repository) => {
                let root = repository.work_dir().unwrap_or_else(|| repository.git_dir());
                let place = root.display().to_string();
                Ok(Self::new(repository, place))
            }
            Err(_) if gix::discover::upwards(&path).is_err() => Err(no_repository(&path)),
            Err(error) => Err(SourceError::Git(format!("{}: {}", path.display(), message(&error)))),
        }
    }

    /// Fetches the branches and tags of the repository at this address into a bare mirror below
    /// the directory `into`, which is created if it is missing; only what is new, if the mirror is
    /// there already. Branches and tags that are gone there go here too.
    ///
    /// `revision` is what the caller is going to ask for: the full id of a commit that is there
    /// already needs no network, and one that no branch or tag leads to is asked for by its id, or
    /// by its name if that starts with `refs/`.
    ///
    /// The git program does it: proxies, certificates and credentials are its own. A password in the
    /// address is neither stored nor shown. It is given up when the other side is silent for longer than
    /// `patience`, and nothing that is not whole stays.
    ///
    /// # Errors
    /// [`SourceError::Remote`] for whatever the network or the other side says.
    pub fn fetch(
        url: &str,
        revision: Option<&str>,
        into: &Path,
        (patience, cancel): (Duration, &Cancel),
    ) -> Result<Self, SourceError> {
        let (repository, place) = fetch::mirror(url, revision, into, (patience, cancel))?;
        Ok(Self::new(repository, place))
    }

    /// Whether this is an address to [fetch](Self::fetch) from, and not a path to
    /// [open](Self::open).
    pub fn is_address(text: &str) -> bool {
        url::is_address(text)
    }

    /// The address of a repository as anybody may read it: without its password.
    pub fn shown(address: &str) -> String {
        let parsed = Self::is_address(address).then(|| url::Address::parse(address).ok()).flatten();
        parsed.map_or_else(|| address.to_owned(), |parsed| parsed.shown)
    }

    fn new(repository: gix::ThreadSafeRepository, place: String) -> Self {
        Self {
            git_dir: repository.git_dir().to_owned(),
            work_dir: repository.work_dir().map(Path::to_owned),
            objects: Objects::new(repository),
            place,
        }
    }

    /// A handle of the repository.
    pub(crate) fn handle(&self) -> Handle<'_> {
        self.objects.handle()
    }

    /// What messages call it.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The work tree; of a bare repository, the repository itself.
    pub fn root_dir(&self) -> &Path {
        self.work_dir.as_deref().unwrap_or(&self.git_dir)
    }

    /// The repository itself: `.git`, mostly.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The work tree; none of a bare repository.
    pub fn work_dir(&self) -> Option<&Path> {
        self.work_dir.as_deref()
    }

    /// Whether a revision comes before the commit with this id: whether it is one of its ancestors. Of a
    /// commit that is not here, its time (in seconds) is all that tells.
    pub fn is_before(&self, revision: &Revision, id: &str, seconds: i64) -> bool {
        let parsed = |id: &str| gix::ObjectId::from_hex(id.as_bytes()).ok();
        let (Some(first), Some(second)) = (parsed(&revision.id), parsed(id)) else { return false };
        let repository = self.objects.handle();
        match first != second && repository.has_object(second) {
            true => repository.merge_base(first, second).is_ok_and(|base| base.is_some_and(|base| base == first)),
            false => first != second && seconds > revision.time,
        }
    }

    /// Whether git tracks this path below the root, or anything below it.
    ///
    /// # Errors
    /// [`SourceError::Git`] if the index can't be read.
    pub fn is_tracked(&self, path: &str) -> Result<bool, SourceError> {
        let repository = self.objects.handle();
        let index = repository.index_or_empty().map_err(git_error)?;
        let path = path.trim_end_matches('/');
        Ok(index.entry_range(path.as_bytes().as_bstr()).is_some()
            || index.prefixed_entries_range(format!("{path}/").as_bytes().as_bstr()).is_some())
    }
}

impl Sources for GitSource {
    fn resolve(&self, revision: &str) -> Result<Revision, SourceError> {
        commit::resolve(&self.objects.handle(), revision, &self.place)
    }

    fn tree(&self, revision: &Revision) -> Result<Arc<dyn Tree>, SourceError> {
        let repository = self.objects.handle();
        let tree = commit::find(&repository, revision, &self.place)?.tree_id().map_err(git_error)?.detach();
        Ok(Arc::new(GitTree::new(self.objects.clone(), tree, String::new())))
    }

    fn changed(&self, old: &Revision, new: &Revision) -> Result<Changes, SourceError> {
        let repository = self.objects.handle();
        let tree = |of| -> Result<_, SourceError> {
            Ok(commit::find(&repository, of, &self.place)?.tree_id().map_err(git_error)?.detach())
        };
        difference::between(&repository, tree(old)?, tree(new)?)
    }

    fn branches(&self) -> Result<Vec<String>, SourceError> {
        let repository = self.objects.handle();
        let references = repository.references().map_err(git_error)?;
        let mut names = Vec::new();
        for branch in references.local_branches().map_err(git_error)? {
            let branch = branch.map_err(|error| SourceError::Git(error.to_string()))?;
            // One that is no text can't be named, so nothing can match it.
            names.extend(branch.name().shorten().to_str().ok().map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Nothing is written into the repository. A tracked file that git considers unchanged keeps
    /// its id and is read from git. All others are read as they are on disk: line endings are not
    /// converted and no filter is run. Left out are ignored files, repositories that are no
    /// submodules, and the state directory `.springline`. What a sparse checkout leaves out is as
    /// in the index.
    fn worktree(&self) -> Result<(Revision, Arc<dyn Tree>), SourceError> {
        let work_dir = self.work_dir.as_deref().ok_or_else(|| SourceError::Bare(self.place.clone()))?;
        worktree::snapshot(&self.objects, work_dir)
    }

    fn uncommitted(&self) -> Result<Vec<String>, SourceError> {
        match &self.work_dir {
            Some(work_dir) => worktree::uncommitted(&self.objects, work_dir),
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
