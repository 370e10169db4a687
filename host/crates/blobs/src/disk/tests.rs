use std::process::Command;

use springline_model::ObjectId;
use springline_model::tree::{Entry, TreeError};

use super::*;

fn store() -> (tempfile::TempDir, DiskBlobs) {
    let dir = tempfile::tempdir().unwrap();
    let blobs = DiskBlobs::open(&dir.path().join("blobs")).unwrap();
    (dir, blobs)
}

fn entry(blobs: &DiskBlobs, path: &str, kind: EntryKind, bytes: &str) -> NewEntry {
    NewEntry { path: path.to_owned(), kind, digest: blobs.put(bytes.as_bytes()).unwrap() }
}

/// Overwrites the file of a blob, whatever its mode.
fn damage(blobs: &DiskBlobs, digest: &Digest, bytes: &[u8]) {
    let path = blobs.path(digest);
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
}

fn temporaries(blobs: &DiskBlobs) -> usize {
    fs::read_dir(&blobs.0.temporary).unwrap().count()
}

#[test]
fn what_is_put_is_there_once_and_read_only() {
    let (_dir, blobs) = store();
    let digest = blobs.put(b"abc").unwrap();
    assert_eq!(digest, Digest::of("abc"));
    let path = blobs.path(&digest);
    assert!(path.ends_with("ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{path:?}");
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let first = inode(&path);
    assert_eq!(blobs.put(b"abc").unwrap(), digest);
    assert_eq!(blobs.put_from(&mut &b"abc"[..]).unwrap(), (digest, 3));
    assert_eq!(inode(&path), first, "it was written again");

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o222, 0);
    for dir in [blobs.dir(), path.parent().unwrap()] {
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700, "{dir:?}");
    }
    assert_eq!(blobs.get(&digest).unwrap(), "abc");
    assert_eq!(blobs.size(&digest).unwrap(), 3);
    assert!(blobs.contains(&digest));
    assert_eq!(temporaries(&blobs), 0);
}

#[test]
fn large_blobs_are_streamed_and_read_from_any_offset() {
    let (_dir, blobs) = store();
    let bytes: Vec<u8> = (0..3 * CHUNK + 17).map(|at| (at * 7 % 251) as u8).collect();
    let (digest, size) = blobs.put_from(&mut &bytes[..]).unwrap();
    assert_eq!((digest, size), (Digest::of(&bytes), bytes.len() as u64));
    assert_eq!(blobs.put(&bytes).unwrap(), digest);
    assert_eq!(blobs.get(&digest).unwrap(), bytes);
    let open = blobs.open(&digest).unwrap();
    assert_eq!(open.size(), size);
    let mut buffer = [0; 100];
    assert_eq!(open.read_at(size - 40, &mut buffer).unwrap(), 40);
    assert_eq!(buffer[..40], bytes[bytes.len() - 40..]);
    assert_eq!(open.read_at(size, &mut buffer).unwrap(), 0);
}

#[test]
fn what_is_not_there_is_missing() {
    let (_dir, blobs) = store();
    let digest = Digest::of("nothing");
    assert!(!blobs.contains(&digest));
    assert!(matches!(blobs.get(&digest), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.open(&digest), Err(BlobError::Missing(_))));
    assert!(matches!(blobs.size(&digest), Err(BlobError::Missing(_))));
    assert!(matches!(blobs.tree(&digest), Err(BlobError::Missing(_))));
    assert!(matches!(blobs.check_tree(&digest), Err(BlobError::Missing(_))));
    blobs.remove(&digest).unwrap();
}

#[test]
fn damage_is_noticed_and_mended_by_putting_again() {
    let (_dir, blobs) = store();
    for damaged in [&b"abd"[..], b"", b"abcd"] {
        let digest = blobs.put(b"abc").unwrap();
        damage(&blobs, &digest, damaged);
        assert!(matches!(blobs.get(&digest), Err(BlobError::Damaged(d)) if d == digest));
        assert!(matches!(blobs.open(&digest), Err(BlobError::Damaged(_))));
        blobs.put(b"abc").unwrap();
        assert_eq!(blobs.get(&digest).unwrap(), "abc");
        damage(&blobs, &digest, damaged);
        blobs.put_from(&mut &b"abc"[..]).unwrap();
        assert_eq!(blobs.get(&digest).unwrap(), "abc");
    }
}

#[test]
fn a_tree_is_read_as_it_was_put() {
    let (_dir, blobs) = store();
    let digest = blobs
        .put_tree(vec![
            entry(&blobs, "z/deep/file", EntryKind::File, "deep"),
            entry(&blobs, "run", EntryKind::Executable, "#!/bin/sh"),
            NewEntry { path: "empty".into(), kind: EntryKind::Directory, digest: Digest::of("") },
            NewEntry { path: "z".into(), kind: EntryKind::Directory, digest: Digest::of("") },
            entry(&blobs, "link", EntryKind::Symlink, "z/deep"),
        ])
        .unwrap();
    let tree = blobs.tree(&digest).unwrap();
    assert_eq!(tree.id(), ObjectId::Blob(digest));
    let root = tree.directory("").unwrap().unwrap();
    let shown: Vec<_> = root.entries().iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(
        shown,
        [
            ("empty", EntryKind::Directory),
            ("link", EntryKind::Symlink),
            ("run", EntryKind::Executable),
            ("z", EntryKind::Directory)
        ]
    );
    assert_eq!(tree.read(root.get("link").unwrap()).unwrap(), "z/deep");
    assert_eq!(tree.size(root.get("run").unwrap()).unwrap(), 9);
    assert!(tree.directory("empty").unwrap().unwrap().entries().is_empty());
    for nothing in ["nowhere", "run", "run/x", "link", "z//deep", "/", "."] {
        assert!(tree.directory(nothing).unwrap().is_none(), "{nothing:?}");
        assert!(tree.subtree(nothing).unwrap().is_none(), "{nothing:?}");
    }

    let below = tree.subtree("z/deep").unwrap().unwrap();
    let file = below.directory("").unwrap().unwrap().get("file").unwrap().clone();
    assert_eq!(below.read(&file).unwrap(), "deep");
    assert_eq!(below.id(), tree.directory("z").unwrap().unwrap().get("deep").unwrap().id);
    assert!(matches!(tree.read(root.get("z").unwrap()), Err(TreeError::Io(_))));
    let foreign = Entry { name: "x".into(), kind: EntryKind::File, id: ObjectId::Git("00".into()) };
    assert!(matches!(tree.read(&foreign), Err(TreeError::Io(_))));
}

#[test]
fn equal_trees_are_one_and_different_ones_are_not() {
    let (_dir, blobs) = store();
    let put = |entries: &[(&str, EntryKind, &str)]| {
        blobs.put_tree(entries.iter().map(|(p, kind, bytes)| entry(&blobs, p, *kind, bytes)).collect()).unwrap()
    };
    let file = EntryKind::File;
    let tree = put(&[("a/x", file, "1"), ("b/x", file, "1")]);
    assert_eq!(tree, put(&[("b/x", file, "1"), ("a/x", file, "1")]));
    assert_ne!(tree, put(&[("a/x", EntryKind::Executable, "1"), ("b/x", file, "1")]));
    let children = blobs.children(&tree).unwrap();
    assert_eq!(children.len(), 2);
    assert_eq!(children[0], children[1], "equal directories are one");
    assert_eq!(blobs.children(&children[0].0).unwrap(), [(Digest::of("1"), file)]);

    let empty = blobs.put_tree(Vec::new()).unwrap();
    assert_eq!(blobs.get(&empty).unwrap(), "springline-directory/1\n");
    assert!(blobs.tree(&empty).unwrap().directory("").unwrap().unwrap().entries().is_empty());
}

#[test]
fn bad_entries_are_refused() {
    let (_dir, blobs) = store();
    let refused = |entries: &[(&str, EntryKind)]| {
        let entries = entries.iter().map(|(path, kind)| entry(&blobs, path, *kind, "x")).collect();
        assert!(matches!(blobs.put_tree(entries), Err(BlobError::Io(_))));
    };
    let file = EntryKind::File;
    for path in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\nb"] {
        refused(&[(path, file)]);
    }
    refused(&[("a", file), ("a/b", file)]);
    refused(&[("a/b", file), ("a", file)]);
    refused(&[("a", file), ("a", file)]);
    refused(&[("a", file), ("a", EntryKind::Directory)]);
    refused(&[("a", EntryKind::Directory), ("a", EntryKind::Symlink)]);
    refused(&[("a", EntryKind::Submodule)]);

    let digest = Digest::of("never put");
    let lost = vec![NewEntry { path: "a".into(), kind: file, digest }];
    assert!(matches!(blobs.put_tree(lost), Err(BlobError::Missing(d)) if d == digest));
    let no_directory = blobs.put(b"text").unwrap();
    assert!(matches!(blobs.tree(&no_directory), Err(BlobError::Io(_))));
}

#[test]
fn checking_a_tree_removes_what_is_damaged_and_nothing_else() {
    let (_dir, blobs) = store();
    let entries =
        ["a/1", "a/2", "b/3"].map(|path| entry(&blobs, path, EntryKind::File, &format!("content of {path}"))).to_vec();
    let tree = blobs.put_tree(entries.clone()).unwrap();
    blobs.check_tree(&tree).unwrap();

    damage(&blobs, &entries[0].digest, b"x");
    damage(&blobs, &entries[2].digest, b"y");
    assert!(matches!(blobs.check_tree(&tree), Err(BlobError::Damaged(d)) if d == entries[0].digest));
    let there: Vec<_> = entries.iter().map(|entry| blobs.contains(&entry.digest)).collect();
    assert_eq!(there, [false, true, false]);
    assert!(matches!(blobs.check_tree(&tree), Err(BlobError::Missing(d)) if d == entries[0].digest));

    let (node, _) = blobs.children(&tree).unwrap()[0];
    damage(&blobs, &node, b"springline-directory/1\n");
    let read = blobs.tree(&tree).unwrap().directory("a");
    assert!(matches!(&read, Err(TreeError::Lost { id, .. }) if *id == ObjectId::Blob(node)), "{read:?}");
    assert!(matches!(blobs.check_tree(&tree), Err(BlobError::Damaged(d)) if d == node));
    assert!(!blobs.contains(&node) && blobs.contains(&tree));
}

#[test]
fn the_list_has_every_blob_and_nothing_else() {
    let (_dir, blobs) = store();
    let mut put: Vec<_> =
        ["", "a", "bb", "ccc"].map(|text| (blobs.put(text.as_bytes()).unwrap(), text.len() as u64)).to_vec();
    put.sort_unstable();
    fs::write(blobs.dir().join("stray"), "").unwrap();
    fs::create_dir_all(blobs.dir().join("zz")).unwrap();
    fs::write(blobs.path(&put[0].0).parent().unwrap().join("stray"), "").unwrap();
    assert_eq!(blobs.list().unwrap(), put);
    blobs.remove(&put[0].0).unwrap();
    assert_eq!(blobs.list().unwrap(), put[1..]);
}

#[test]
fn syncing_few_and_many_leaves_no_mark() {
    let (dir, blobs) = store();
    let marker = blobs.dir().join("unsynced");
    for count in [3, 200] {
        for at in 0..count {
            blobs.put(format!("{count}/{at}").as_bytes()).unwrap();
        }
        assert!(marker.exists());
        blobs.sync().unwrap();
        assert!(!marker.exists());
    }
    blobs.put(b"not synced").unwrap();
    drop(blobs);
    let again = DiskBlobs::open(&dir.path().join("blobs")).unwrap();
    again.sync().unwrap();
    assert!(!marker.exists());
}

#[test]
fn only_stale_temporary_files_are_removed() {
    let (dir, blobs) = store();
    let [fresh, stale] = ["fresh", "stale"].map(|name| blobs.0.temporary.join(name));
    for file in [&fresh, &stale] {
        fs::write(file, "").unwrap();
    }
    let then = std::time::SystemTime::now() - STALE * 2;
    File::open(&stale).unwrap().set_modified(then).unwrap();
    DiskBlobs::open(&dir.path().join("blobs")).unwrap();
    assert!(fresh.exists() && !stale.exists());
}

#[test]
fn eight_threads_put_and_read_the_same() {
    let (_dir, blobs) = store();
    let expected: Vec<_> = (0..200).map(|at: u32| Digest::of(at.to_string())).collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (at, digest) in expected.iter().enumerate() {
                    assert_eq!(blobs.put(at.to_string().as_bytes()).unwrap(), *digest);
                    assert_eq!(blobs.get(digest).unwrap(), at.to_string());
                    if at % 50 == 0 {
                        blobs.sync().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(blobs.list().unwrap().len(), expected.len());
    blobs.sync().unwrap();
    assert!(!blobs.dir().join("unsynced").exists());
}

/// A small file system of its own, unmounted at the end.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// None where it is not allowed: mounting takes the superuser.
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_behind() {
    let Some(tmpfs) = Tmpfs::mount("256k") else {
        eprintln!("not tested: a tmpfs can't be mounted here");
        return;
    };
    let blobs = DiskBlobs::open(&tmpfs.0.path().join("blobs")).unwrap();
    let small = blobs.put(b"small").unwrap();
    let large = vec![7; 1024 * 1024];
    assert!(matches!(blobs.put(&large), Err(BlobError::NoSpace(place)) if place.ends_with("blobs")));
    assert_eq!(temporaries(&blobs), 0);
    assert!(matches!(blobs.put_from(&mut &large[..]), Err(BlobError::NoSpace(_))));
    assert_eq!(temporaries(&blobs), 0);
    assert_eq!(blobs.get(&small).unwrap(), "small");
    assert_eq!(blobs.list().unwrap(), [(small, 5)]);
    blobs.sync().unwrap();
    blobs.put(&large[..64 * 1024]).unwrap();
}
