//! Which commits changed a file.

use std::collections::HashSet;

use gix::bstr::ByteSlice;
use springline_model::Cancel;
use springline_model::port::{Revision, SourceError};

use crate::commit::{describe, find};
use crate::{GitSource, git_error};

/// A commit that changed a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The commit.
    pub commit: Revision,
    /// Who wrote it, as `NAME <EMAIL>`.
    pub author: String,
    /// The commit before it, where the file is as it was; none if there is none, or it is not here.
    pub before: Option<Revision>,
}

/// The commits that changed a file, as far as they were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Newest first.
    pub changes: Vec<FileChange>,
    /// Whether there may be more.
    pub more: bool,
}

impl GitSource {
    /// The commits that changed the file at this path, going back from a revision. Where a merge took
    /// the file from one of its parents, it is that parent's past that counts, as in `git log`.
    ///
    /// No more than `changes` are returned, and no more than `commits` are looked at; none any more when it is
    /// cancelled.
    ///
    /// # Errors
    /// [`SourceError`] if a commit or a tree can't be read. What a shallow clone leaves out is the end.
    pub fn past(
        &self,
        path: &str,
        from: &Revision,
        (changes, commits): (usize, usize),
        cancel: &Cancel,
    ) -> Result<Past, SourceError> {
        let repository = self.handle();
        let mut past = Past::default();
        let mut commit = find(&repository, from, self.place())?;
        let shallow: HashSet<gix::ObjectId> =
            repository.shallow_commits().map_err(git_error)?.iter().flat_map(|all| all.iter().copied()).collect();
        let mut file = blob(&commit, path)?;
        for _ in 0..commits {
            if past.changes.len() == changes || cancel.is_cancelled() {
                past.more = true;
                return Ok(past);
            }
            let mut parents = Vec::new();
            if !shallow.contains(&commit.id) {
                for id in commit.parent_ids() {
                    parents.push(id.object().map_err(git_error)?.try_into_commit().map_err(git_error)?);
                }
            }
            let (mut same, mut first) = (None, None);
            for parent in parents {
                let there = blob(&parent, path)?;
                if there == file {
                    same = Some(parent);
                    break;
                }
                first = first.or(Some((parent, there)));
            }
            if let Some(same) = same {
                commit = same;
                continue;
            }
            if file.is_some() || first.is_some() {
                past.changes.push(FileChange {
                    commit: describe(&commit).map_err(git_error)?,
                    author: author(&commit)?,
                    before: first.as_ref().map(|(parent, _)| describe(parent).map_err(git_error)).transpose()?,
                });
            }
            let Some((parent, there)) = first else {
                past.more = shallow.contains(&commit.id);
                return Ok(past);
            };
            (commit, file) = (parent, there);
        }
        past.more = true;
        Ok(past)
    }
}

fn author(commit: &gix::Commit<'_>) -> Result<String, SourceError> {
    let author = commit.author().map_err(git_error)?;
    Ok(format!("{} <{}>", author.name.to_str_lossy(), author.email.to_str_lossy()))
}

/// What identifies the file, and its mode; none if there is none.
fn blob(commit: &gix::Commit<'_>, path: &str) -> Result<Option<(gix::ObjectId, u16)>, SourceError> {
    let tree = commit.tree().map_err(git_error)?;
    let entry = tree.lookup_entry_by_path(path).map_err(git_error)?;
    Ok(entry.map(|entry| (entry.object_id(), entry.mode().value())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Repo;
    use springline_model::port::Sources as _;

    fn commits(source: &GitSource, path: &str) -> Vec<String> {
        let head = source.resolve("HEAD").unwrap();
        source
            .past(path, &head, (100, 1_000), &Cancel::new())
            .unwrap()
            .changes
            .into_iter()
            .map(|change| change.commit.id)
            .collect()
    }

    #[test]
    fn a_file_has_the_commits_that_changed_it() {
        let repo = Repo::sample();
        let first = repo.git(&["rev-parse", "HEAD"]);
        repo.write("docs/index.md", "second\n");
        let second = repo.commit("Second");
        repo.write("readme.md", "other\n");
        repo.commit("Another file");
        repo.write("docs/index.md", "third\n");
        let third = repo.commit("Third");
        let source = repo.source();
        assert_eq!(commits(&source, "docs/index.md"), [third.clone(), second.clone(), first.clone()]);
        assert_eq!(commits(&source, "run.sh"), [first]);
        assert!(commits(&source, "none").is_empty());

        let head = source.resolve("HEAD").unwrap();
        let past = source.past("docs/index.md", &head, (1, 1_000), &Cancel::new()).unwrap();
        assert_eq!((past.changes.len(), past.more), (1, true));
        let change = &past.changes[0];
        assert_eq!(
            (change.commit.subject.as_str(), change.author.as_str()),
            ("Third", "Somebody <somebody@example.org>")
        );
        assert_eq!(change.before.as_ref().map(|before| before.subject.as_str()), Some("Another file"));
        let cancel = Cancel::new();
        let short = source.past("docs/index.md", &head, (9, 2), &cancel).unwrap();
        assert_eq!((short.changes.len(), short.more), (1, true), "no more commits are looked at");
        cancel.cancel();
        let stopped = source.past("docs/index.md", &head, (9, 9), &cancel).unwrap();
        assert_eq!((stopped.changes.len(), stopped.more), (0, true));
    }

    #[test]
    fn a_file_that_was_gone_and_came_back() {
        let repo = Repo::sample();
        repo.git(&["rm", "-q", "run.sh"]);
        let gone = repo.commit("Gone");
        repo.write("run.sh", "again\n");
        let back = repo.commit("Back");
        assert_eq!(commits(&repo.source(), "run.sh")[..2], [back, gone]);
    }

    #[test]
    fn a_merge_counts_where_it_took_neither_side() {
        let repo = Repo::sample();
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.write("readme.md", "side\n");
        let side = repo.commit("Side");
        repo.git(&["checkout", "-q", "main"]);
        repo.write("run.sh", "main\n");
        repo.commit("Main");
        repo.git(&["merge", "-q", "--no-edit", "side"]);
        assert_eq!(commits(&repo.source(), "readme.md")[0], side);

        repo.git(&["merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "side"]);
        repo.write("readme.md", "neither\n");
        let merge = repo.commit("Settle it in the merge");
        assert_eq!(commits(&repo.source(), "readme.md")[..2], [merge, side]);
    }

    #[test]
    fn a_shallow_clone_ends_where_it_was_cut() {
        let repo = Repo::sample();
        repo.write("readme.md", "second\n");
        repo.commit("Second");
        let clone = repo.dir.path().join("clone");
        crate::testing::git_in(repo.dir.path(), &["clone", "-q", "--depth=1", &repo.url(), clone.to_str().unwrap()]);
        let source = GitSource::open(&clone).unwrap();
        let past = source.past("readme.md", &source.resolve("HEAD").unwrap(), (9, 9), &Cancel::new()).unwrap();
        assert_eq!((past.changes.len(), past.more), (1, true));
        assert!(past.changes[0].before.is_none());
    }
}
