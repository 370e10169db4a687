//! What differs between two commits: as little is read as git reads to say it.

use std::cmp::Ordering;

use gix::objs::{Kind, TreeRefIter};
use springline_model::footprint::{Changes, listing_of, path_of};
use springline_model::port::SourceError;

use crate::listing::is_name;
use crate::objects::Handle;
use crate::{git_error, message};

/// What differs between two trees. Names that no path can carry make everything unknown.
pub(crate) fn between(repository: &Handle<'_>, old: gix::ObjectId, new: gix::ObjectId) -> Result<Changes, SourceError> {
    let mut walk = Walk { repository, changes: Changes::default(), open: Vec::new() };
    if old != new {
        walk.open.push(Open { path: Vec::new(), old: Some(old), new: Some(new) });
    }
    while let Some(next) = walk.open.pop() {
        walk.compare(&next)?;
    }
    Ok(walk.changes)
}

/// A directory that is not the same in both, or that only one has.
struct Open {
    path: Vec<u8>,
    old: Option<gix::ObjectId>,
    new: Option<gix::ObjectId>,
}

struct Walk<'r> {
    repository: &'r Handle<'r>,
    changes: Changes,
    open: Vec<Open>,
}

type Entry<'a> = gix::objs::tree::EntryRef<'a>;

impl Walk<'_> {
    fn compare(&mut self, at: &Open) -> Result<(), SourceError> {
        let (old, new) = (self.read(at.old)?, self.read(at.new)?);
        let (mut old, mut new) = (entries(at.old, &old), entries(at.new, &new));
        let (mut left, mut right) = (old.next().transpose()?, new.next().transpose()?);
        loop {
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => in_order(left, right),
            };
            match order {
                Ordering::Equal => {
                    if let (Some(left), Some(right)) = (&left, &right) {
                        self.changed(&at.path, left, right);
                    }
                    (left, right) = (old.next().transpose()?, new.next().transpose()?);
                }
                Ordering::Less => {
                    self.only_in_one(&at.path, left.as_ref(), |below| (Some(below), None));
                    left = old.next().transpose()?;
                }
                Ordering::Greater => {
                    self.only_in_one(&at.path, right.as_ref(), |below| (None, Some(below)));
                    right = new.next().transpose()?;
                }
            }
        }
    }

    /// An entry that both have.
    fn changed(&mut self, directory: &[u8], old: &Entry<'_>, new: &Entry<'_>) {
        if old.oid == new.oid && old.mode == new.mode {
            return;
        }
        let path = self.join(directory, new);
        if new.mode.is_tree() {
            self.open.push(Open { path, old: Some(old.oid.to_owned()), new: Some(new.oid.to_owned()) });
            return;
        }
        self.changes.add(path_of(&path));
        if old.mode != new.mode {
            self.changes.add(listing_of(directory));
        }
    }

    /// An entry that one has and the other does not, with all that is below it.
    fn only_in_one(
        &mut self,
        directory: &[u8],
        entry: Option<&Entry<'_>>,
        sides: impl Fn(gix::ObjectId) -> (Option<gix::ObjectId>, Option<gix::ObjectId>),
    ) {
        let Some(entry) = entry else { return };
        let path = self.join(directory, entry);
        self.changes.add(path_of(&path));
        self.changes.add(listing_of(directory));
        if entry.mode.is_tree() {
            self.changes.add(listing_of(&path));
            let (old, new) = sides(entry.oid.to_owned());
            self.open.push(Open { path, old, new });
        }
    }

    fn join(&mut self, directory: &[u8], entry: &Entry<'_>) -> Vec<u8> {
        if !is_name(entry.filename) || std::str::from_utf8(entry.filename).is_err() {
            self.changes.set_unknown();
        }
        let mut path = Vec::with_capacity(directory.len() + 1 + entry.filename.len());
        path.extend_from_slice(directory);
        if !directory.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(entry.filename);
        path
    }

    fn read(&self, id: Option<gix::ObjectId>) -> Result<Vec<u8>, SourceError> {
        let Some(id) = id else { return Ok(Vec::new()) };
        let mut object = self.repository.find_object(id).map_err(git_error)?;
        if object.kind != Kind::Tree {
            return Err(SourceError::Git(format!("{id} is a {}, where a tree was expected", object.kind)));
        }
        Ok(std::mem::take(&mut object.data))
    }
}

fn entries(id: Option<gix::ObjectId>, data: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, SourceError>> {
    let kind = id.map_or(gix::hash::Kind::Sha1, |id| id.kind());
    TreeRefIter::from_bytes(data, kind)
        .map(move |entry| entry.map_err(|error| SourceError::Git(format!("a tree can't be read: {}", message(&error)))))
}

/// The order of git: a directory's name counts as if it ended in `/`. So a file and a directory of one
/// name are two entries, one of which went and one came.
fn in_order(left: &Entry<'_>, right: &Entry<'_>) -> Ordering {
    let shared = left.filename.len().min(right.filename.len());
    let end =
        |entry: &Entry<'_>| entry.filename.get(shared).copied().unwrap_or(if entry.mode.is_tree() { b'/' } else { 0 });
    left.filename[..shared]
        .cmp(&right.filename[..shared])
        .then_with(|| end(left).cmp(&end(right)))
        .then_with(|| left.filename.len().cmp(&right.filename.len()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use springline_model::port::Sources as _;

    use super::*;
    use crate::testing::Repo;

    /// Which of these the change from one commit to the next one touches.
    fn touched(repo: &Repo, from: &str, to: &str, asked: &[&str]) -> BTreeSet<String> {
        let source = repo.source();
        let changes = source.changed(&source.resolve(from).unwrap(), &source.resolve(to).unwrap()).unwrap();
        assert!(!changes.is_unknown());
        let is = |asked: &&&str| match asked.strip_suffix("/*") {
            Some(directory) => changes.contains(listing_of(directory.as_bytes())),
            None if **asked == "*" => changes.contains(listing_of(b"")),
            None => changes.contains(path_of(asked.as_bytes())),
        };
        asked.iter().filter(is).map(|asked| (*asked).to_owned()).collect()
    }

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    const ALL: [&str; 12] = [
        "*",
        "docs",
        "docs/*",
        "docs/index.md",
        "docs/deep",
        "docs/deep/*",
        "docs/deep/er/page.md",
        "docs.d",
        "docs.d/x",
        "run.sh",
        "readme.md",
        "readme.md/*",
    ];

    #[test]
    fn content_names_and_modes_are_told_apart() {
        let repo = Repo::sample();
        let step = |change: &dyn Fn()| {
            change();
            repo.commit("Next");
            touched(&repo, "HEAD~1", "HEAD", &ALL)
        };
        assert_eq!(step(&|| ()), set(&[]));
        assert_eq!(step(&|| repo.write("docs/index.md", "other\n")), set(&["docs/index.md"]));
        assert_eq!(step(&|| repo.set_executable("run.sh", false)), set(&["*", "run.sh"]));
        assert_eq!(step(&|| repo.write("docs/new", "")), set(&["docs/*"]));
        let gone = set(&["docs/*", "docs/deep", "docs/deep/*", "docs/deep/er/page.md"]);
        assert_eq!(step(&|| fs::remove_dir_all(repo.path.join("docs/deep")).unwrap()), gone);
        let replaced = set(&["*", "readme.md", "readme.md/*"]);
        let replace = || {
            fs::remove_file(repo.path.join("readme.md")).unwrap();
            repo.write("readme.md/inside", "");
        };
        assert_eq!(step(&replace), replaced);
        // And back again.
        let all = touched(&repo, "HEAD", "HEAD~6", &ALL);
        assert_eq!(all.len(), 9, "{all:?}");
    }

    #[test]
    fn the_same_paths_as_git_says() {
        let repo = Repo::sample();
        for at in 0..40 {
            // Names that sort differently as files and as directories.
            for name in ["a", "a.b", "a0", "a-b", "ab"] {
                let _ = fs::remove_dir_all(repo.path.join(name));
                let _ = fs::remove_file(repo.path.join(name));
                match (at * 7 + name.len() * at) % 3 {
                    0 => repo.write(name, &at.to_string()),
                    1 => repo.write(&format!("{name}/x"), &at.to_string()),
                    _ => {}
                }
            }
            repo.commit("Next");
            let said = repo.git(&["diff-tree", "-r", "--name-only", "--no-renames", "HEAD~1", "HEAD"]);
            let source = repo.source();
            let [old, new] = ["HEAD~1", "HEAD"].map(|name| source.resolve(name).unwrap());
            let changes = source.changed(&old, &new).unwrap();
            for path in said.lines() {
                assert!(changes.contains(path_of(path.as_bytes())), "{at}: {path}");
            }
            for path in ["docs/index.md", "run.sh", "docs", "docs.d"] {
                assert!(!changes.contains(path_of(path.as_bytes())), "{at}: {path}");
            }
        }
    }

    #[test]
    fn a_name_that_no_path_can_carry_makes_all_unknown() {
        let repo = Repo::sample();
        let tree = repo.git_with(
            &["mktree", "-z", "--missing"],
            b"100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\tcaf\xe9\0",
        );
        let commit = repo.git(&["commit-tree", "-p", "HEAD", "-m", "Latin", &tree]);
        let source = repo.source();
        let changes = source.changed(&source.resolve("HEAD").unwrap(), &source.resolve(&commit).unwrap()).unwrap();
        assert!(changes.is_unknown() && changes.contains(path_of(b"whatever")));
    }
}
