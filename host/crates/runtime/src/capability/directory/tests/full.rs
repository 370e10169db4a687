//! A full disk, and one that can't be written.

use std::process::Command;

use super::*;

/// A small file system of its own; none where the tests may not mount one.
struct Mounted(TempDir);

impl Mounted {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=1m", "springline-test"], directory.path()).then_some(Self(directory))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount").args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let Some(mounted) = Mounted::new() else { return };
    let root = mounted.0.path();
    let lent = Lent::open(root, OWNER).unwrap();
    lent.put_file("kept", &Bytes(b"old"), false, "").unwrap();
    let large = vec![1; 2 << 20];
    for (path, expected) in [("kept", digest(b"old")), ("new/large", String::new())] {
        match lent.put_file(path, &Bytes(&large), false, &expected) {
            Err(DirectoryError::NoSpace(message)) => assert!(message.contains(path), "{message}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(paths(root), [JOURNAL, "kept"]);
    }
    assert_eq!(lent.read("kept", 0, 10).unwrap(), b"old");
    assert_eq!(lent.owned().unwrap(), ["kept"]);

    // Not one byte left, not even for the journal.
    let mut filler = std::fs::File::create(root.join("filler")).unwrap();
    while io::Write::write(&mut filler, &[0; 4096]).is_ok_and(|count| count > 0) {}
    for round in 0..1_000 {
        let path = format!("{}{round}", "long-name-".repeat(20));
        match lent.put_symlink(&path, &"t".repeat(1000), "") {
            Ok(()) => assert!(round < 999, "the journal must hit the end at some point"),
            Err(DirectoryError::NoSpace(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(!paths(root).iter().any(|path| is_temporary(path)));
    let owned = lent.owned().unwrap();
    assert_eq!(Lent::open(root, OWNER).unwrap().owned().unwrap(), owned);
    assert!(lent.inspect(&owned).unwrap().iter().all(Option::is_some));
    for path in owned {
        let digest = one(&lent, &path).unwrap().digest.unwrap().to_string();
        lent.remove(&path, &digest).unwrap();
    }
    assert_eq!(paths(root), [JOURNAL, "filler"]);
}

#[test]
fn a_read_only_directory_can_be_looked_at() {
    let Some(mounted) = Mounted::new() else { return };
    let root = mounted.0.path();
    Lent::open(root, OWNER).unwrap().put_file("f", &Bytes(b"x"), false, "").unwrap();
    if !mount(&["-o", "remount,ro"], root) {
        return;
    }
    let lent = Lent::open(root, OWNER).unwrap();
    assert_eq!(one(&lent, "f").unwrap().owner, OWNER);
    for result in [lent.put_file("g", &Bytes(b"x"), false, ""), lent.remove("f", &digest(b"x")), lent.adopt("f")] {
        match result {
            Err(DirectoryError::Io(message)) => {
                assert!(message.contains("read-only") && message.contains(root.to_str().unwrap()), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lent.owned().unwrap(), ["f"]);
}
