//! What a look at a lent directory depended on, small enough to be kept and cheap enough to be held
//! against the directory again and again.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Stat, lstat, stat};
use rustix::io::Errno;
use springline_model::port;

use super::names::JOURNAL;

/// What changed so shortly before a look may change again without its times telling.
const RACY: Duration = Duration::from_secs(2);

/// The paths that a look asked about, and when it began.
#[derive(Debug)]
pub(super) struct Asked {
    paths: BTreeSet<String>,
    began: SystemTime,
    /// Whether something was done that is no look, or one that can't be held against anything.
    spoilt: bool,
}

impl Asked {
    pub(super) fn new() -> Self {
        Self { paths: BTreeSet::new(), began: SystemTime::now(), spoilt: false }
    }

    pub(super) fn about(&mut self, path: &str) {
        if !self.paths.contains(path) {
            for (at, _) in path.match_indices('/') {
                self.paths.insert(path[..at].to_owned());
            }
            self.paths.insert(path.to_owned());
        }
    }

    pub(super) const fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// What there is at those paths, unless it may have changed since it was looked at.
    pub(super) fn seen(&self, root: &Path) -> Option<Seen> {
        if self.spoilt {
            return None;
        }
        let before = self.began.checked_sub(RACY)?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let mut marks = Vec::with_capacity(self.paths.len() + 1);
        for path in self.paths.iter().map(String::as_str).chain([JOURNAL]) {
            let found = look(&root.join(path))?;
            if found.as_ref().is_some_and(|found| changed(found).max(moved(found)) >= before) {
                return None;
            }
            marks.push((path.into(), mark(found.as_ref())));
        }
        // The directory itself may be reached by a link.
        let directory = mark(Some(&stat(root).ok()?));
        Some(Seen { root: root.to_owned(), directory, marks: marks.into() })
    }
}

/// What a look saw.
#[derive(Debug)]
pub(super) struct Seen {
    root: PathBuf,
    directory: u64,
    marks: Box<[(Box<str>, u64)]>,
}

impl port::Seen for Seen {
    fn still_holds(&self) -> bool {
        let Ok(directory) = stat(&self.root) else { return false };
        if mark(Some(&directory)) != self.directory {
            return false;
        }
        let mut path = self.root.clone();
        self.marks.iter().all(|(below, known)| {
            path.push(&**below);
            let is_so = look(&path).is_some_and(|found| mark(found.as_ref()) == *known);
            path.clone_from(&self.root);
            is_so
        })
    }
}

/// What is at a path; none if that can't be told.
fn look(path: &Path) -> Option<Option<Stat>> {
    match lstat(path) {
        Ok(found) => Some(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Some(None),
        Err(_) => None,
    }
}

fn is_directory(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Directory
}

/// When it changed last, in nanoseconds since 1970. What is in a directory is asked about by itself.
fn changed(found: &Stat) -> u128 {
    if is_directory(found) {
        return 0;
    }
    let modified = i128::from(found.st_mtime) * 1_000_000_000 + i128::from(found.st_mtime_nsec);
    u128::try_from(modified).unwrap_or_default().max(moved(found))
}

/// When it came to be where it is, at the latest: an old tree that is moved into place says so by itself alone.
fn moved(found: &Stat) -> u128 {
    let nanoseconds = i128::from(found.st_ctime) * 1_000_000_000 + i128::from(found.st_ctime_nsec);
    u128::try_from(nanoseconds).unwrap_or_default()
}

/// What tells it from any other.
fn mark(found: Option<&Stat>) -> u64 {
    let Some(found) = found else { return 0 };
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(found.st_dev);
    hasher.write_u64(found.st_ino);
    hasher.write_u32(found.st_mode);
    if !is_directory(found) {
        hasher.write_i64(found.st_size);
        hasher.write_u128(changed(found));
        hasher.write_i64(found.st_mtime);
        hasher.write_u64(found.st_mtime_nsec);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use springline_model::port::Seen as _;

    use super::*;

    /// A look that began when everything was old.
    fn asked(paths: &[&str]) -> Asked {
        let mut asked = Asked::new();
        asked.began += Duration::from_secs(60);
        paths.iter().for_each(|path| asked.about(path));
        asked
    }

    #[test]
    fn whatever_changes_of_what_was_asked_about_is_noticed() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 9] = [
            ("bytes", |root| fs::write(root.join("d/a"), "oops").unwrap()),
            ("bytes of one length", |root| fs::write(root.join("d/a"), "other").unwrap()),
            ("mode", |root| fs::set_permissions(root.join("d/a"), fs::Permissions::from_mode(0o755)).unwrap()),
            ("gone", |root| fs::remove_file(root.join("d/a")).unwrap()),
            ("come", |root| fs::write(root.join("b"), "").unwrap()),
            ("a directory", |root| fs::create_dir(root.join("b")).unwrap()),
            ("link", |root| {
                fs::rename(root.join("d"), root.join("e")).unwrap();
                symlink("e", root.join("d")).unwrap();
            }),
            ("owners", |root| fs::write(root.join(JOURNAL), "{}\n").unwrap()),
            ("all of it", |root| fs::rename(root, root.with_extension("old")).unwrap()),
        ];
        for (what, change) in changes {
            let directory = tempfile::tempdir().unwrap();
            let root = directory.path().join("live");
            fs::create_dir_all(root.join("d")).unwrap();
            fs::write(root.join("d/a"), "bytes").unwrap();
            let seen = asked(&["d/a", "b"]).seen(&root).unwrap();
            // What nobody asked about.
            fs::write(root.join("d/other"), "").unwrap();
            assert!(seen.still_holds(), "{what}");
            change(&root);
            assert!(!seen.still_holds(), "{what}");
        }
    }

    #[test]
    fn what_changed_just_now_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "").unwrap();
        let mut asked = Asked::new();
        asked.about("a");
        assert!(asked.seen(directory.path()).is_none());
        asked.began += Duration::from_secs(60);
        assert!(asked.seen(directory.path()).is_some());
        asked.spoil();
        assert!(asked.seen(directory.path()).is_none());
    }
    #[test]
    fn an_old_tree_that_was_moved_into_place_just_now_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let at = |name: &str| root.join(name);
        for name in ["d", "old"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("a"), "").unwrap();
        }
        let moved_at = |name: &str| moved(&lstat(at(name)).unwrap());
        let newest = moved_at("old/a").max(moved_at("old"));
        let mut asked = asked(&["d/a"]);
        asked.began = UNIX_EPOCH + Duration::from_nanos(u64::try_from(newest).unwrap() + 1) + RACY;
        assert!(asked.seen(root).is_some());
        fs::rename(at("d"), at("gone")).unwrap();
        // The clock of a file system is no fine one.
        while moved_at("old") <= newest {
            fs::rename(at("old"), at("between")).unwrap();
            fs::rename(at("between"), at("old")).unwrap();
        }
        fs::rename(at("old"), at("d")).unwrap();
        assert!(asked.seen(root).is_none());
    }
}
