mod crash;
mod escape;
mod full;
mod shared;

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use springline_model::port::ReadAt;
use tempfile::TempDir;

use super::names::{JOURNAL, is_temporary};
use super::*;

pub(super) const OWNER: &str = "handbook/site";

/// Bytes in memory.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl ReadAt for Bytes<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.0[(offset as usize).min(self.0.len())..];
        let count = left.len().min(buffer.len()).min(1000);
        buffer[..count].copy_from_slice(&left[..count]);
        Ok(count)
    }
}

/// A blob that fails in the middle.
struct Broken;

impl ReadAt for Broken {
    fn size(&self) -> u64 {
        100
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset > 0 {
            return Err(io::Error::other("the blob store is on fire"));
        }
        buffer[..10].fill(1);
        Ok(10)
    }
}

/// A blob during whose reading somebody else writes the very file.
struct Meddling(PathBuf);

impl ReadAt for Meddling {
    fn size(&self) -> u64 {
        1
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::fs::write(&self.0, "theirs")?;
        buffer[0] = 1;
        Ok(1)
    }
}

pub(super) fn digest(content: &[u8]) -> String {
    Digest::of(content).to_string()
}

/// A lent directory, with the kernel's path resolution and without.
pub(super) fn both() -> [(TempDir, Lent); 2] {
    [true, false].map(|kernel| {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let root = if kernel { root } else { root.without_kernel() };
        (directory, Lent::with_root(root, OWNER).unwrap())
    })
}

/// Every path below a directory, sorted, Springline's own ones included.
pub(super) fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(root.join(&directory)).unwrap() {
            let entry = entry.unwrap();
            let path = directory.join(entry.file_name());
            found.push(path.to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                pending.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(super) fn one(lent: &Lent, path: &str) -> Option<Node> {
    lent.inspect(&[path.to_owned()]).unwrap().remove(0)
}

#[test]
fn what_is_put_is_there_until_it_is_removed() {
    for (directory, lent) in both() {
        let content = vec![7; 300_000];
        lent.put_file("a/b/run", &Bytes(&content), true, "").unwrap();
        lent.put_file("a/plain", &Bytes(b"one"), false, "").unwrap();
        lent.put_symlink("a/b/link", "../plain", "").unwrap();
        let mode = |path: &str| std::fs::metadata(directory.path().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("a/b/run"), mode("a/plain")), (0o755, 0o644));
        let asked = ["a/b/run", "nothing", "a/b/link", "a", "a/plain/x"].map(str::to_owned);
        let nodes = lent.inspect(&asked).unwrap();
        let node = |path: &str, kind, bytes: Option<&[u8]>, link: &str, owner: &str| {
            let size = bytes.map_or(0, <[u8]>::len) as u64;
            let digest = bytes.map(Digest::of);
            Some(Node { path: path.into(), kind, digest, size, link: link.into(), owner: owner.into() })
        };
        assert_eq!(nodes[0], node("a/b/run", NodeKind::Executable, Some(&content), "", OWNER));
        assert_eq!(nodes[1], None);
        assert_eq!(nodes[2], node("a/b/link", NodeKind::Symlink, Some(b"../plain"), "../plain", OWNER));
        assert_eq!(nodes[3], node("a", NodeKind::Directory, None, "", ""));
        assert_eq!(nodes[4], None);

        assert_eq!(lent.read("a/plain", 1, 100).unwrap(), b"ne");
        assert_eq!(lent.read("a/plain", u64::MAX, 100).unwrap(), b"");
        assert_eq!(lent.read("a/b/run", 0, u32::MAX).unwrap().len(), content.len());
        assert!(matches!(lent.read("a", 0, 1), Err(DirectoryError::Io(_))));
        assert!(matches!(lent.read("a/b/link", 0, 1), Err(DirectoryError::Io(_))));

        lent.put_file("a/plain", &Bytes(b"two"), true, &digest(b"one")).unwrap();
        assert_eq!(lent.read("a/plain", 0, 100).unwrap(), b"two");
        assert_eq!(lent.owned().unwrap(), ["a/b/link", "a/b/run", "a/plain"]);

        lent.remove("a/b/run", &digest(&content)).unwrap();
        lent.remove("a/b/link", &digest(b"../plain")).unwrap();
        assert_eq!(paths(directory.path()), [JOURNAL, "a", "a/plain"]);
        lent.remove("a/plain", &digest(b"two")).unwrap();
        lent.remove("a/plain", &digest(b"two")).unwrap();
        assert_eq!(paths(directory.path()), [JOURNAL]);
        assert!(lent.owned().unwrap().is_empty());
    }
}

#[test]
fn only_directories_that_springline_made_are_pruned() {
    for (directory, lent) in both() {
        std::fs::create_dir(directory.path().join("theirs")).unwrap();
        lent.put_file("theirs/ours/deep/f", &Bytes(b"x"), false, "").unwrap();
        lent.put_file("theirs/ours/g", &Bytes(b"x"), false, "").unwrap();
        lent.remove("theirs/ours/deep/f", &digest(b"x")).unwrap();
        assert_eq!(paths(directory.path()), [JOURNAL, "theirs", "theirs/ours", "theirs/ours/g"]);
        // Gone by hand: the removal still clears what it left.
        std::fs::remove_file(directory.path().join("theirs/ours/g")).unwrap();
        lent.remove("theirs/ours/g", &digest(b"x")).unwrap();
        assert_eq!(paths(directory.path()), [JOURNAL, "theirs"]);
    }
}

#[test]
fn what_was_not_expected_is_a_conflict_and_stays() {
    for (directory, lent) in both() {
        let root = directory.path();
        std::fs::write(root.join("foreign"), "mine").unwrap();
        std::fs::create_dir_all(root.join("folder/sub")).unwrap();
        let conflict = |result: Result<(), DirectoryError>, part: &str| match result {
            Err(DirectoryError::Conflict(message)) => assert!(message.contains(part), "{message}"),
            other => panic!("{part}: {other:?}"),
        };
        let put = |path: &str, expected: &str| lent.put_file(path, &Bytes(b"new"), false, expected);
        conflict(put("foreign", ""), "`foreign`");
        conflict(put("foreign", &digest(b"other")), "was expected");
        conflict(put("missing", &digest(b"old")), "`missing` is gone");
        conflict(put("folder", ""), "`folder` is a directory");
        conflict(put("foreign/x", ""), "`foreign` is no directory");
        conflict(lent.put_symlink("foreign", "x", ""), "`foreign`");
        conflict(lent.remove("foreign", ""), "`foreign`");
        conflict(lent.remove("folder", &digest(b"")), "`folder` is a directory");
        conflict(lent.adopt("missing"), "nothing at `missing`");
        conflict(lent.adopt("folder"), "`folder` is a directory");
        assert!(lent.owned().unwrap().is_empty(), "nothing of this was marked");
        put("foreign", &digest(b"mine")).unwrap();
        std::fs::write(root.join("foreign"), "edited").unwrap();
        conflict(put("foreign", &digest(b"new")), "was expected");
        assert_eq!(std::fs::read(root.join("foreign")).unwrap(), b"edited");
        assert_eq!(lent.owned().unwrap(), ["foreign"]);
        assert!(!paths(root).iter().any(|path| path.starts_with(".springline-tmp-")));
    }
}

#[test]
fn a_failed_put_leaves_nothing_behind() {
    for (directory, lent) in both() {
        let error = lent.put_file("new/dir/f", &Broken, false, "").unwrap_err();
        assert!(error.to_string().contains("on fire") && error.to_string().contains("new/dir/f"), "{error}");
        assert_eq!(paths(directory.path()), [JOURNAL]);
        assert!(lent.owned().unwrap().is_empty());
        lent.put_file("f", &Bytes(b"x"), false, "").unwrap();
        assert!(lent.put_file("f", &Broken, false, &digest(b"x")).is_err());
        assert_eq!(lent.read("f", 0, 10).unwrap(), b"x");
        assert_eq!(lent.owned().unwrap(), ["f"]);
    }
}

#[test]
fn what_appears_during_a_put_is_not_overwritten() {
    for (directory, lent) in both() {
        lent.put_file("d/old", &Bytes(b"x"), false, "").unwrap();
        for (path, expected) in [("d/new", String::new()), ("d/old", digest(b"x"))] {
            let result = lent.put_file(path, &Meddling(directory.path().join(path)), false, &expected);
            assert!(matches!(result, Err(DirectoryError::Conflict(_))), "{result:?}");
            assert_eq!(lent.read(path, 0, 10).unwrap(), b"theirs");
        }
        assert_eq!(one(&lent, "d/new").unwrap().owner, "", "what they made is not marked as ours");
        assert_eq!(paths(directory.path()), [JOURNAL, "d", "d/new", "d/old"]);
    }
}

#[test]
fn adopting_marks_and_touches_nothing() {
    for (directory, lent) in both() {
        std::fs::write(directory.path().join("f"), "theirs").unwrap();
        assert_eq!(one(&lent, "f").unwrap().owner, "");
        lent.adopt("f").unwrap();
        lent.adopt("f").unwrap();
        assert_eq!(one(&lent, "f").unwrap().owner, OWNER);
        assert_eq!(std::fs::read(directory.path().join("f")).unwrap(), b"theirs");
    }
}

#[test]
fn a_missing_directory_is_made_if_its_parent_is_there() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("site");
    let lent = Lent::open(&path, OWNER).unwrap();
    assert_eq!(paths(&path), [""; 0], "looking writes nothing");
    lent.put_file("f", &Bytes(b"x"), false, "").unwrap();
    let error = |path: &Path| Lent::open(path, OWNER).err().unwrap();
    assert!(error(&parent.path().join("a/b")).to_string().contains("a/b"));
    assert!(matches!(error(&path.join("f")), DirectoryError::Io(_)));
}

#[test]
fn can_be_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Lent>();
}
