//! What every [`Blobs`] must pass.

use std::collections::BTreeSet;

use springline_model::port::{BlobError, Blobs, NewEntry};
use springline_model::trace::{Found, find};
use springline_model::tree::{Entry, EntryKind, TreeError};
use springline_model::{Digest, ObjectId};

/// Checks all that a blob store promises while nobody meddles with its bytes. `make` gives an empty
/// store each time it is called.
///
/// # Panics
/// Where the store breaks a promise.
pub fn blobs_suite(make: impl Fn() -> Box<dyn Blobs>) {
    bytes_are_found_by_their_digest(&*make());
    a_reader_is_stored_like_its_bytes(&*make());
    an_open_blob_reads_from_any_offset(&*make());
    what_is_not_there_is_missing(&*make());
    removed_is_gone_and_can_be_made_again(&*make());
    a_tree_shows_its_entries(&*make());
    an_empty_tree_is_a_tree(&*make());
    a_trees_digest_is_that_of_its_content(&*make());
    a_tree_that_makes_no_sense_is_refused(&*make());
    everything_of_a_tree_is_reached_by_children(&*make());
    what_a_tree_lost_is_reported(&*make());
}

/// Checks that damage is noticed. `make` gives an empty store and a way to change the stored bytes
/// of one of its blobs.
///
/// # Panics
/// Where the store breaks a promise.
pub fn blobs_damage_suite(make: impl Fn() -> (Box<dyn Blobs>, Box<dyn Fn(&Digest)>)) {
    let (blobs, damage) = make();
    damaged_bytes_are_never_given_out(&*blobs, &*damage);
    let (blobs, damage) = make();
    a_check_removes_what_is_damaged(&*blobs, &*damage);
}

fn entry(path: &str, kind: EntryKind, digest: Digest) -> NewEntry {
    NewEntry { path: path.into(), kind, digest }
}

/// A tree of every kind of entry.
fn sample(blobs: &dyn Blobs) -> Digest {
    let entries = vec![
        entry("index.html", EntryKind::File, blobs.put(b"<p>hello").unwrap()),
        entry("bin/run", EntryKind::Executable, blobs.put(b"#!/bin/sh").unwrap()),
        entry("a/b/c", EntryKind::File, blobs.put(b"deep").unwrap()),
        entry("a/b.c", EntryKind::File, blobs.put(b"").unwrap()),
        entry("latest", EntryKind::Symlink, blobs.put(b"a/b").unwrap()),
        entry("empty", EntryKind::Directory, Digest::of("")),
    ];
    blobs.put_tree(entries).unwrap()
}

fn found(blobs: &dyn Blobs, tree: &Digest, path: &str) -> Entry {
    match find(&*blobs.tree(tree).unwrap(), path).unwrap() {
        Found::Entry(entry) => entry,
        other => panic!("{path}: {other:?}"),
    }
}

fn bytes_are_found_by_their_digest(blobs: &dyn Blobs) {
    let long = vec![7_u8; 3 << 20];
    for bytes in [&b""[..], b"hello", &long] {
        let digest = blobs.put(bytes).unwrap();
        assert_eq!(digest, Digest::of(bytes));
        assert!(blobs.contains(&digest));
        assert_eq!(blobs.get(&digest).unwrap(), bytes);
        assert_eq!(blobs.size(&digest).unwrap(), bytes.len() as u64);
        assert_eq!(blobs.put(bytes).unwrap(), digest, "writing it again changes nothing");
    }
    blobs.sync().unwrap();
    let listed: BTreeSet<_> = blobs.list().unwrap().into_iter().collect();
    let expected = [(Digest::of(""), 0), (Digest::of("hello"), 5), (Digest::of(&long), 3 << 20)];
    assert_eq!(listed, expected.into());
}

fn a_reader_is_stored_like_its_bytes(blobs: &dyn Blobs) {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (digest, length) = blobs.put_from(&mut bytes.as_slice()).unwrap();
    assert_eq!((digest, length), (Digest::of(&bytes), bytes.len() as u64));
    assert_eq!(blobs.get(&digest).unwrap(), bytes);
    assert_eq!(blobs.put_from(&mut std::io::empty()).unwrap(), (Digest::of(""), 0));

    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the reader broke"))
        }
    }
    let before = blobs.list().unwrap().len();
    assert!(blobs.put_from(&mut Broken).is_err());
    assert_eq!(blobs.list().unwrap().len(), before, "a half-written blob is no blob");
}

fn an_open_blob_reads_from_any_offset(blobs: &dyn Blobs) {
    let digest = blobs.put(b"0123456789").unwrap();
    let open = blobs.open(&digest).unwrap();
    assert_eq!(open.size(), 10);
    let mut buffer = [0; 4];
    for (offset, expected) in [(0, &b"0123"[..]), (3, b"3456"), (8, b"89"), (10, b""), (u64::MAX, b"")] {
        let mut read = Vec::new();
        let mut at = offset;
        while read.len() < buffer.len() {
            let rest = buffer.len() - read.len();
            let length = open.read_at(at, &mut buffer[..rest]).unwrap();
            if length == 0 {
                break;
            }
            read.extend_from_slice(&buffer[..length]);
            at += length as u64;
        }
        assert_eq!(read, expected, "from {offset}");
    }
}

fn what_is_not_there_is_missing(blobs: &dyn Blobs) {
    let digest = Digest::of("never written");
    assert!(!blobs.contains(&digest));
    assert!(matches!(blobs.get(&digest), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.open(&digest).map(drop), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.size(&digest), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.tree(&digest).map(drop), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.check_tree(&digest), Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(blobs.children(&digest), Err(BlobError::Missing(d)) if d == digest));
    blobs.remove(&digest).unwrap();
    assert!(blobs.list().unwrap().is_empty());
}

fn removed_is_gone_and_can_be_made_again(blobs: &dyn Blobs) {
    let digest = blobs.put(b"x").unwrap();
    blobs.remove(&digest).unwrap();
    assert!(!blobs.contains(&digest));
    assert!(blobs.list().unwrap().is_empty());
    blobs.put(b"x").unwrap();
    assert_eq!(blobs.get(&digest).unwrap(), &b"x"[..]);
}

fn a_tree_shows_its_entries(blobs: &dyn Blobs) {
    let digest = sample(blobs);
    assert!(blobs.contains(&digest));
    let tree = blobs.tree(&digest).unwrap();
    assert_eq!(tree.id(), ObjectId::Blob(digest));

    let root = tree.directory("").unwrap().unwrap();
    let names: Vec<_> = root.entries().iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(
        names,
        [
            ("a", EntryKind::Directory),
            ("bin", EntryKind::Directory),
            ("empty", EntryKind::Directory),
            ("index.html", EntryKind::File),
            ("latest", EntryKind::Symlink),
        ]
    );
    for (path, bytes) in [("index.html", "<p>hello"), ("bin/run", "#!/bin/sh"), ("a/b/c", "deep"), ("latest", "a/b")] {
        let entry = found(blobs, &digest, path);
        assert_eq!(entry.id, ObjectId::Blob(Digest::of(bytes)), "{path}");
        assert_eq!(tree.read(&entry).unwrap(), bytes, "{path}");
        assert_eq!(tree.size(&entry).unwrap(), bytes.len() as u64, "{path}");
    }
    assert_eq!(found(blobs, &digest, "bin/run").kind, EntryKind::Executable);
    assert!(tree.directory("empty").unwrap().unwrap().entries().is_empty());
    for none in ["none", "a/none", "index.html", "index.html/x", "latest", "latest/c"] {
        assert!(tree.directory(none).unwrap().is_none(), "{none} is no directory");
        assert!(tree.subtree(none).unwrap().is_none(), "{none} is no directory");
    }

    let below = tree.subtree("a").unwrap().unwrap();
    assert_eq!(below.id(), found(blobs, &digest, "a").id);
    assert!(below.directory("b").unwrap().unwrap().get("c").is_some());
    assert_eq!(tree.subtree("").unwrap().unwrap().id(), tree.id());
    blobs.check_tree(&digest).unwrap();
}

fn an_empty_tree_is_a_tree(blobs: &dyn Blobs) {
    let digest = blobs.put_tree(Vec::new()).unwrap();
    let tree = blobs.tree(&digest).unwrap();
    assert!(tree.directory("").unwrap().unwrap().entries().is_empty());
    assert!(blobs.children(&digest).unwrap().is_empty());
    blobs.check_tree(&digest).unwrap();
}

fn a_trees_digest_is_that_of_its_content(blobs: &dyn Blobs) {
    let (a, b) = (blobs.put(b"a").unwrap(), blobs.put(b"b").unwrap());
    let tree = |entries: &[(&str, EntryKind, Digest)]| {
        blobs.put_tree(entries.iter().map(|(path, kind, digest)| entry(path, *kind, *digest)).collect()).unwrap()
    };
    let file = EntryKind::File;
    let first = tree(&[("x/1", file, a), ("x/2", file, b)]);
    assert_eq!(first, tree(&[("x/2", file, b), ("x/1", file, a)]), "the order of the entries means nothing");
    assert_eq!(first, tree(&[("x", EntryKind::Directory, a), ("x/1", file, a), ("x/2", file, b)]));
    let others = [
        tree(&[("x/1", file, a), ("x/2", file, a)]),
        tree(&[("x/1", file, a), ("x/3", file, b)]),
        tree(&[("x/1", file, a), ("x/2", EntryKind::Executable, b)]),
        tree(&[("x/1", file, a), ("x/2", EntryKind::Symlink, b)]),
        tree(&[("x/1", file, a)]),
        tree(&[("x/1", file, a), ("x/2", file, b), ("y", EntryKind::Directory, a)]),
    ];
    assert_eq!(BTreeSet::from(others).len(), others.len(), "each difference shows");
    assert!(!others.contains(&first));
    let below = tree(&[("1", file, a), ("2", file, b)]);
    assert_eq!(found(blobs, &first, "x").id, ObjectId::Blob(below), "a directory is a tree itself");
}

fn a_tree_that_makes_no_sense_is_refused(blobs: &dyn Blobs) {
    let a = blobs.put(b"a").unwrap();
    let file = |path: &str| entry(path, EntryKind::File, a);
    for path in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\\b", "a\nb"] {
        assert!(blobs.put_tree(vec![file(path)]).is_err(), "{path:?}");
    }
    assert!(blobs.put_tree(vec![file("a"), file("a")]).is_err(), "one name twice");
    assert!(blobs.put_tree(vec![file("a"), file("a/b")]).is_err(), "a file with a file below it");
    assert!(blobs.put_tree(vec![file("a/b"), file("a")]).is_err(), "a file with a file below it");
}

fn everything_of_a_tree_is_reached_by_children(blobs: &dyn Blobs) {
    let digest = sample(blobs);
    let mut reached = BTreeSet::from([digest]);
    let mut trees = vec![digest];
    while let Some(tree) = trees.pop() {
        for (child, kind) in blobs.children(&tree).unwrap() {
            if reached.insert(child) && kind == EntryKind::Directory {
                trees.push(child);
            }
        }
    }
    let listed: BTreeSet<_> = blobs.list().unwrap().into_iter().map(|(digest, _)| digest).collect();
    assert_eq!(reached, listed, "nodes and blobs, and nothing besides");
}

fn what_a_tree_lost_is_reported(blobs: &dyn Blobs) {
    let digest = sample(blobs);
    let file = found(blobs, &digest, "a/b/c");
    let tree = blobs.tree(&digest).unwrap();
    let lost = Digest::of("deep");
    blobs.remove(&lost).unwrap();
    assert!(matches!(tree.read(&file), Err(TreeError::Lost { id, .. }) if id == ObjectId::Blob(lost)));
    assert!(matches!(blobs.check_tree(&digest), Err(BlobError::Missing(d)) if d == lost));
    blobs.put(b"deep").unwrap();
    blobs.check_tree(&digest).unwrap();

    let ObjectId::Blob(node) = found(blobs, &digest, "a/b").id else { panic!("no blob") };
    blobs.remove(&node).unwrap();
    let tree = blobs.tree(&digest).unwrap();
    assert!(matches!(tree.directory("a/b"), Err(TreeError::Lost { id, .. }) if id == ObjectId::Blob(node)));
    assert!(matches!(blobs.check_tree(&digest), Err(BlobError::Missing(d)) if d == node));
    assert_eq!(sample(blobs), digest, "making it again mends it");
    blobs.check_tree(&digest).unwrap();
}

fn damaged_bytes_are_never_given_out(blobs: &dyn Blobs, damage: &dyn Fn(&Digest)) {
    let tree = sample(blobs);
    let file = found(blobs, &tree, "a/b/c");
    let digest = Digest::of("deep");
    damage(&digest);
    assert!(blobs.contains(&digest), "its bytes are not looked at");
    assert!(matches!(blobs.get(&digest), Err(BlobError::Damaged(d)) if d == digest));
    assert!(matches!(blobs.open(&digest).map(drop), Err(BlobError::Damaged(d)) if d == digest));
    let read = blobs.tree(&tree).unwrap().read(&file);
    assert!(matches!(read, Err(TreeError::Lost { id, .. }) if id == ObjectId::Blob(digest)));
    damage(&tree);
    assert!(matches!(blobs.tree(&tree).map(drop), Err(BlobError::Damaged(d)) if d == tree));
    assert!(matches!(blobs.children(&tree), Err(BlobError::Damaged(d)) if d == tree));
}

fn a_check_removes_what_is_damaged(blobs: &dyn Blobs, damage: &dyn Fn(&Digest)) {
    let tree = sample(blobs);
    let ObjectId::Blob(node) = found(blobs, &tree, "a/b").id else { panic!("no blob") };
    for digest in [Digest::of("deep"), node, tree] {
        damage(&digest);
        assert!(matches!(blobs.check_tree(&tree), Err(BlobError::Damaged(d)) if d == digest));
        assert!(!blobs.contains(&digest), "what is damaged is removed");
        assert!(matches!(blobs.check_tree(&tree), Err(BlobError::Missing(d)) if d == digest));
        assert_eq!(sample(blobs), tree, "it is made again");
        blobs.check_tree(&tree).unwrap();
    }
}
