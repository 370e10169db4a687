//! Nothing is read, written or removed outside the directory.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

#[test]
fn links_on_the_way_are_not_followed() {
    for (directory, lent) in both() {
        let (root, outside) = (directory.path(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        symlink(outside.path(), root.join("escape")).unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::write(root.join("real/secret"), "inside").unwrap();
        std::fs::create_dir(root.join("real/sub")).unwrap();
        symlink("real", root.join("inside")).unwrap();
        match lent.put_file("inside/sub/new", &Bytes(b"x"), false, "") {
            Err(DirectoryError::Conflict(message)) => assert!(message.contains("`inside`"), "{message}"),
            other => panic!("{other:?}"),
        }
        for link in ["escape", "inside"] {
            let path = format!("{link}/secret");
            assert_eq!(one(&lent, &path), None);
            assert!(lent.read(&path, 0, 10).is_err());
            lent.remove(&path, &digest(b"secret")).unwrap();
            for path in [&path, &format!("{link}/new"), &format!("{link}/dir/new")] {
                match lent.put_file(path, &Bytes(b"x"), false, "") {
                    Err(DirectoryError::Conflict(message)) => assert!(message.contains(&format!("`{link}`"))),
                    other => panic!("{path}: {other:?}"),
                }
                assert!(matches!(lent.adopt(path), Err(DirectoryError::Conflict(_))));
            }
        }
        assert_eq!(paths(outside.path()), ["secret"]);
        assert_eq!(std::fs::read(root.join("real/secret")).unwrap(), b"inside");

        // A link at the path itself is replaced, not followed.
        let target = outside.path().to_str().unwrap().to_owned() + "/secret";
        symlink(&target, root.join("last")).unwrap();
        assert_eq!(one(&lent, "last").unwrap().link, target);
        assert!(lent.read("last", 0, 10).is_err());
        lent.put_file("last", &Bytes(b"mine"), false, &digest(target.as_bytes())).unwrap();
        assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
        assert_eq!(lent.read("last", 0, 10).unwrap(), b"mine");
    }
}

#[test]
fn paths_and_targets_that_leave_are_denied() {
    for (directory, lent) in both() {
        for path in ["../x", "/etc/passwd", "a/../../x", ".", "", JOURNAL, "a/.springline-tmp-0123456789abcdef"] {
            let denied = |result: Result<(), DirectoryError>| {
                assert!(matches!(result, Err(DirectoryError::Denied(_))), "{path}: {result:?}");
            };
            denied(lent.put_file(path, &Bytes(b"x"), false, ""));
            denied(lent.put_symlink(path, "x", ""));
            denied(lent.remove(path, ""));
            denied(lent.adopt(path));
            denied(lent.read(path, 0, 1).map(drop));
            denied(lent.inspect(&[path.to_owned()]).map(drop));
        }
        for target in ["/etc", "..", "a/../../..", ".springline-owned"] {
            assert!(matches!(lent.put_symlink("l", target, ""), Err(DirectoryError::Denied(_))), "{target}");
        }
        assert!(paths(directory.path()).is_empty());
    }
}

#[test]
fn a_pipe_in_the_way_holds_nobody() {
    for (directory, lent) in both() {
        rustix::fs::mkfifoat(CWD, directory.path().join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        assert_eq!(one(&lent, "pipe").unwrap().kind, NodeKind::Other);
        assert!(lent.read("pipe", 0, 1).is_err());
        assert!(matches!(lent.put_file("pipe", &Bytes(b"x"), false, ""), Err(DirectoryError::Conflict(_))));
        assert!(matches!(lent.remove("pipe", ""), Err(DirectoryError::Conflict(_))));
    }
}

/// Set when the work is over, by a failed assertion as well.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody swaps a directory for a link to the outside, to and fro, while we work in it.
#[test]
fn no_race_leads_out() {
    for (directory, lent) in both() {
        let (root, outside) = (directory.path(), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(outside.path().join("b")).unwrap();
        std::fs::write(outside.path().join("b/old"), "outside").unwrap();
        symlink(outside.path(), root.join("link")).unwrap();
        let done = AtomicBool::new(false);
        let (mut worked, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let swap = |from: &str, to: &str| {
                        renameat_with(CWD, root.join(from), CWD, root.join(to), RenameFlags::EXCHANGE)
                    };
                    swap("a", "link").unwrap();
                    std::thread::yield_now();
                }
            });
            let _done = Done(&done);
            for round in 0..150 {
                match lent.put_file(&format!("a/b/{round}"), &Bytes(b"ours"), false, "") {
                    Ok(()) => worked += 1,
                    Err(DirectoryError::Conflict(_)) => refused += 1,
                    Err(other) => panic!("{other:?}"),
                }
                assert!(!matches!(lent.read("a/b/old", 0, 10), Ok(bytes) if bytes == b"outside"));
                lent.remove("a/b/old", &digest(b"outside")).unwrap();
            }
        });
        assert_eq!(paths(outside.path()), ["b", "b/old"], "{worked} worked, {refused} were refused");
    }
}
