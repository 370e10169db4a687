//! Where references are, here and at the remote, and moving them.

use std::time::Duration;

use gix::bstr::ByteSlice;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use springline_model::Digest;
use springline_model::repository::{RepositoryError, Trouble};

use super::{Base, GitWriter, content, other, trees};
use crate::program::{self, Remote};

/// What a reference holds, in each of its places.
pub(super) struct Heads {
    /// In the repository itself; none where that does not count.
    local: Option<Option<gix::ObjectId>>,
    /// At the remote, or why that can't be told; none without a remote.
    remote: Option<Result<Option<gix::ObjectId>, RepositoryError>>,
}

impl Heads {
    /// What the remote can't be asked for, if that is so.
    pub fn remote_trouble(&self) -> Result<(), RepositoryError> {
        match &self.remote {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// How a remote refuses because a reference is not where it was thought to be.
const MOVED: [&str; 9] = [
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock ref",
    "failed to update ref",
    "already exists",
    "incorrect old value",
    "failed to lock",
    "needs force",
];

/// How old it has to be, what an interrupted fetch left.
const STALE: Duration = Duration::from_secs(3600);
/// How often a push that was refused is tried where nothing has moved: somebody else may be at it.
const PUSHES: u32 = 5;

impl GitWriter {
    /// Looks where a reference is. What the remote has is here afterwards.
    pub(super) fn heads(&self, reference: &str) -> Result<Heads, RepositoryError> {
        FullName::try_from(reference).map_err(|_| content(format!("`{reference}` is no name of a reference")))?;
        let remote = self.remote.as_ref().map(|remote| self.remote_head(remote, reference));
        let local = if self.is_own { Some(self.local_head(reference)?) } else { None };
        match (&remote, local) {
            // Without the remote it goes on with what is here, if anything is.
            (Some(Err(error)), None) => Err(error.clone()),
            _ => Ok(Heads { local, remote }),
        }
    }

    fn local_head(&self, reference: &str) -> Result<Option<gix::ObjectId>, RepositoryError> {
        let objects = self.objects()?;
        let repository = objects.handle();
        let Some(mut found) = repository.try_find_reference(reference).map_err(other)? else { return Ok(None) };
        Ok(Some(found.peel_to_commit().map_err(other)?.id))
    }

    fn remote_head(&self, remote: &Remote, reference: &str) -> Result<Option<gix::ObjectId>, RepositoryError> {
        let Some(id) = self.listed(remote, reference)? else { return Ok(None) };
        self.fit(id.kind())?;
        let objects = self.objects()?;
        if !objects.handle().has_object(id) {
            self.bring(remote, reference)?;
        }
        if !objects.handle().has_object(id) {
            return Err(RepositoryError::new(Trouble::Moved, format!("{reference} moved while it was fetched")));
        }
        Ok(Some(id))
    }

    /// Makes the objects' place anew if the remote has ids of another kind.
    fn fit(&self, hash: gix::hash::Kind) -> Result<(), RepositoryError> {
        let known = self.objects()?.handle().object_hash();
        if known == hash {
            return Ok(());
        }
        if self.is_own {
            return Err(content(format!("{} and its remote have ids of different formats", self.place)));
        }
        let made = crate::objects::Objects::new(self.create(hash)?);
        *self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(made);
        Ok(())
    }

    /// What the remote says of a reference.
    fn listed(&self, remote: &Remote, reference: &str) -> Result<Option<gix::ObjectId>, RepositoryError> {
        let objects = self.objects()?;
        let listed = self.git(&objects.handle()).list(remote, &[reference])?;
        Ok(listed.references.into_iter().find(|(_, name)| name == reference).map(|(id, _)| id))
    }

    /// Fetches a reference. In a repository of ours a name keeps it for the next time.
    fn bring(&self, remote: &Remote, reference: &str) -> Result<(), RepositoryError> {
        let spec = if self.is_own { reference.to_owned() } else { format!("+{reference}:{}", kept(reference)) };
        let objects = self.objects()?;
        let answer = self.git(&objects.handle()).fetch(remote, &["--refmap="], &[&spec]);
        if !self.is_own && !matches!(&answer, Ok(answer) if answer.status.success()) {
            // Another process may be at work there.
            program::sweep(&self.directory, STALE);
        }
        let answer = answer?;
        if answer.status.success() {
            return Ok(());
        }
        if answer.stderr.contains("couldn't find remote ref") {
            return Err(RepositoryError::new(Trouble::Moved, format!("{reference} went while it was fetched")));
        }
        Err(program::failed("can't be fetched", remote, &answer.stderr))
    }

    /// What the next commit is made on: the one place that has all, or both brought together.
    pub(super) fn base(&self, reference: &str, heads: &Heads) -> Result<Option<Base>, RepositoryError> {
        let remote = heads.remote.as_ref().and_then(|remote| remote.as_ref().ok()).copied().flatten();
        let commits = match (heads.local.flatten(), remote) {
            (None, None) => return Ok(None),
            (Some(one), None) | (None, Some(one)) => vec![one],
            (Some(local), Some(remote)) if local == remote => vec![remote],
            (Some(local), Some(remote)) => {
                let objects = self.objects()?;
                let repository = objects.handle();
                match repository.merge_base(local, remote).ok().flatten().map(|base| base.detach()) {
                    Some(base) if base == local => vec![remote],
                    Some(base) if base == remote => vec![local],
                    _ => vec![remote, local],
                }
            }
        };
        let objects = self.objects()?;
        let repository = objects.handle();
        let tree = |id| -> Result<gix::ObjectId, RepositoryError> {
            Ok(repository.find_commit(id).map_err(other)?.tree_id().map_err(other)?.detach())
        };
        let mut whole = tree(commits[0])?;
        if let Some(second) = commits.get(1) {
            whole = trees::united(&repository, (whole, tree(*second)?), reference.starts_with("refs/notes/"))?;
        }
        Ok(Some(Base { commits, tree: whole }))
    }

    /// Moves the reference, first at the remote and then here, each from where it was.
    pub(super) fn publish(
        &self,
        reference: &str,
        heads: &Heads,
        to: Option<gix::ObjectId>,
    ) -> Result<(), RepositoryError> {
        if heads.local.is_some_and(|here| here != to) {
            self.check_unused(reference)?;
        }
        let pushed = match (&self.remote, &heads.remote) {
            (Some(remote), Some(Ok(there))) if *there != to => self.push(remote, reference, *there, to),
            (_, Some(Err(error))) => Err(error.clone()),
            _ => Ok(()),
        };
        let moved = matches!(&pushed, Err(error) if error.trouble == Trouble::Moved);
        if let Some(here) = heads.local
            && here != to
            && !moved
        {
            self.set(reference, here, to)?;
        }
        pushed
    }

    fn push(
        &self,
        remote: &Remote,
        reference: &str,
        from: Option<gix::ObjectId>,
        to: Option<gix::ObjectId>,
    ) -> Result<(), RepositoryError> {
        let lease = format!("--force-with-lease={reference}:{}", from.map(|id| id.to_string()).unwrap_or_default());
        let spec = format!("{}:{reference}", to.map(|id| id.to_string()).unwrap_or_default());
        let arguments = ["push", "--progress", "--porcelain", "--no-verify", "--no-follow-tags", &lease];
        let mut again = 0;
        loop {
            let objects = self.objects()?;
            let error = match self.git(&objects.handle()).call(&arguments, remote, &[&spec]) {
                Ok(answer) if answer.status.success() => return self.remember(reference, to),
                Ok(answer) => refusal(&answer.stdout, remote, reference, &answer.stderr),
                Err(error) => error,
            };
            if matches!(error.trouble, Trouble::Cancelled | Trouble::Declined) {
                return Err(error);
            }
            // The answer may be what was lost, and not the push.
            match self.listed(remote, reference) {
                Ok(there) if there == to => return self.remember(reference, to),
                Ok(there) if there == from && error.trouble == Trouble::Moved => {
                    again += 1;
                    if again == PUSHES || self.is_in_the_way(remote, reference)? {
                        return Err(RepositoryError::new(Trouble::Declined, error.message));
                    }
                    self.pause(again)?;
                }
                _ => return Err(error),
            }
        }
    }

    /// Whether the remote has a reference where this one needs a directory, or below it.
    fn is_in_the_way(&self, remote: &Remote, reference: &str) -> Result<bool, RepositoryError> {
        let above: Vec<&str> = reference.match_indices('/').skip(2).map(|(end, _)| &reference[..end]).collect();
        let below = format!("{reference}/*");
        let patterns = [above.as_slice(), &[&below]].concat();
        let objects = self.objects()?;
        let listed = self.git(&objects.handle()).list(remote, &patterns)?;
        let begins = |name: &str, with: &str| name.strip_prefix(with).is_some_and(|rest| rest.starts_with('/'));
        Ok(listed.references.iter().any(|(_, name)| begins(reference, name) || begins(name, reference)))
    }

    /// Keeps what was pushed from being fetched again.
    fn remember(&self, reference: &str, to: Option<gix::ObjectId>) -> Result<(), RepositoryError> {
        if self.is_own {
            return Ok(());
        }
        self.edit(&kept(reference), PreviousValue::Any, to)
    }

    fn set(
        &self,
        reference: &str,
        from: Option<gix::ObjectId>,
        to: Option<gix::ObjectId>,
    ) -> Result<(), RepositoryError> {
        let expected = match from {
            Some(id) => PreviousValue::MustExistAndMatch(Target::Object(id)),
            None => PreviousValue::MustNotExist,
        };
        let edited = self.edit(reference, expected, to);
        // Whatever kept it from moving: if it is elsewhere now, somebody was faster.
        match edited {
            Err(_) if self.local_head(reference)? != from => {
                Err(RepositoryError::new(Trouble::Moved, format!("{reference} moved")))
            }
            edited => edited,
        }
    }

    fn edit(&self, reference: &str, expected: PreviousValue, to: Option<gix::ObjectId>) -> Result<(), RepositoryError> {
        let name = FullName::try_from(reference).map_err(|_| content(format!("`{reference}` names no reference")))?;
        let change = match to {
            Some(new) => {
                let log =
                    LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: "springline".into() };
                Change::Update { log, expected, new: Target::Object(new) }
            }
            None => Change::Delete { expected, log: RefLog::AndReference },
        };
        let objects = self.objects()?;
        let repository = objects.handle();
        let signature = gix::actor::Signature {
            name: "Springline".into(),
            email: "springline@localhost".into(),
            time: gix::date::Time::now_utc(),
        };
        let mut time = gix::date::parse::TimeBuf::default();
        let edits = [RefEdit { change, name, deref: false }];
        repository.edit_references_as(edits, Some(signature.to_ref(&mut time))).map_err(other)?;
        Ok(())
    }

    /// A branch that is checked out is somebody's work in progress.
    fn check_unused(&self, reference: &str) -> Result<(), RepositoryError> {
        let objects = self.objects()?;
        let repository = objects.handle();
        let mut heads = Vec::new();
        if !repository.is_bare() {
            heads.push(repository.head_name().map_err(other)?);
        }
        for worktree in repository.worktrees().map_err(other)? {
            if let Ok(other) = worktree.into_repo_with_possibly_inaccessible_worktree() {
                heads.push(other.head_name().ok().flatten());
            }
        }
        if heads.into_iter().flatten().any(|head| head.as_bstr() == reference.as_bytes().as_bstr()) {
            let branch = reference.trim_start_matches("refs/heads/");
            return Err(content(format!(
                "the branch `{branch}` is checked out in {}: Springline would change it under whoever works there",
                self.place
            )));
        }
        Ok(())
    }
}

/// The name that keeps what a reference elsewhere has. Whatever other such names there are, it is in
/// the way of none.
fn kept(reference: &str) -> String {
    format!("refs/springline/{}", Digest::of(reference).short())
}

/// Why a push was refused, by what git says of each reference.
fn refusal(stdout: &str, remote: &Remote, reference: &str, stderr: &str) -> RepositoryError {
    let refused = stdout.lines().find(|line| line.starts_with('!'));
    let Some(line) = refused else { return program::failed("can't be pushed to", remote, stderr) };
    let why = line.rsplit('\t').next().unwrap_or_default();
    let said = program::remarks(stderr, remote).map(|remarks| format!(": {remarks}")).unwrap_or_default();
    let why = program::told(&program::without_passwords(why, remote));
    let moved = MOVED.iter().any(|word| why.contains(word));
    RepositoryError::new(
        if moved { Trouble::Moved } else { Trouble::Declined },
        format!("{} declines the push to {}: {why}{said}", remote.place, reference.trim_start_matches("refs/heads/")),
    )
}
