//! Damaged states: each is either noticed or gives every answer as before. None panics or hangs.

use std::fs;
use std::path::{Path, PathBuf};

use springline_model::Digest;
use springline_model::port::{Store, StoreError};
use springline_store::SledStore;
use springline_testkit::sample;

use crate::suite::{everything, try_everything};
use crate::{Random, run_once};

/// A state with a past of several processes, of so many runs each, and all that is in it.
fn state(root: &Path, sessions: [usize; 3]) -> (PathBuf, String) {
    let directory = root.join("good");
    let place = sample::place("shop", "live");
    let mut text = String::new();
    for (session, length) in sessions.into_iter().enumerate() {
        let store = SledStore::open(&directory).unwrap();
        for at in 0..length {
            run_once(&store, &place, (session * 1_000 + at) as i64);
        }
        store.keep(&Digest::of([session as u8]), &sample::kept(sample::key("step"), "k", 1)).unwrap();
        text = everything(&store);
    }
    (directory, text)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What became of a damaged state.
#[derive(Debug, PartialEq)]
enum Found {
    /// It is damaged, said the store.
    Noticed,
    /// It is as it was.
    Whole,
}

fn look(directory: &Path, expected: &str, what: &str) -> Found {
    let read = SledStore::open(directory).and_then(|store| try_everything(&store));
    match read {
        Ok(text) => {
            assert_eq!(text, expected, "{what}: something is missing, and nobody noticed");
            Found::Whole
        }
        Err(StoreError::Damaged { .. }) => Found::Noticed,
        Err(other) => panic!("{what}: {other:?}"),
    }
}

fn snapshot(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory.join("db")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap.")).max().unwrap()
}

#[test]
fn a_state_with_missing_pieces_is_damaged() {
    let root = tempfile::tempdir().unwrap();
    let (good, expected) = state(root.path(), [3, 20, 4]);
    type Harm = fn(&Path);
    let cases: [(&str, Harm); 12] = [
        ("no database file", |at| fs::remove_file(at.join("db/db")).unwrap()),
        ("an empty database file", |at| fs::write(at.join("db/db"), "").unwrap()),
        ("no conf", |at| fs::remove_file(at.join("db/conf")).unwrap()),
        ("a garbled conf", |at| fs::write(at.join("db/conf"), "segment_size: many\n\u{1}\u{2}\u{3}\u{4}").unwrap()),
        ("no database", |at| fs::remove_dir_all(at.join("db")).unwrap()),
        ("no count of writes", |at| fs::remove_file(at.join("acknowledged")).unwrap()),
        ("a garbled count of writes", |at| fs::write(at.join("acknowledged"), "12").unwrap()),
        ("a garbled snapshot", |at| fs::write(snapshot(at), [7; 100]).unwrap()),
        ("an empty snapshot", |at| fs::write(snapshot(at), "").unwrap()),
        ("all zeros", |at| {
            let length = fs::metadata(at.join("db/db")).unwrap().len();
            fs::write(at.join("db/db"), vec![0; length as usize]).unwrap();
        }),
        ("garbage", |at| {
            let length = fs::metadata(at.join("db/db")).unwrap().len();
            let mut random = Random::seeded("garbage");
            fs::write(at.join("db/db"), (0..length).map(|_| random.below(256) as u8).collect::<Vec<_>>()).unwrap();
        }),
        ("an empty database in its place", |at| {
            let other = at.with_extension("other");
            drop(SledStore::open(&other).unwrap());
            fs::remove_dir_all(at.join("db")).unwrap();
            copy(&other.join("db"), &at.join("db"));
        }),
    ];
    for (at, (what, harm)) in cases.into_iter().enumerate() {
        let directory = root.path().join(at.to_string());
        copy(&good, &directory);
        harm(&directory);
        assert_eq!(look(&directory, &expected, what), Found::Noticed, "{what}");
        assert_eq!(look(&directory, &expected, what), Found::Noticed, "{what}, a second time");
    }
    assert_eq!(look(&good, &expected, "unharmed"), Found::Whole);
}

#[test]
fn a_snapshot_that_was_never_finished_is_harmless() {
    let root = tempfile::tempdir().unwrap();
    let (good, expected) = state(root.path(), [3, 20, 4]);
    for left in ["", "half of a snapshot"] {
        fs::write(good.join("db/snap.7FFFFFFFFFFFFFFF.generating"), left).unwrap();
        assert_eq!(look(&good, &expected, left), Found::Whole);
    }
}

#[test]
fn an_older_copy_of_the_database_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state");
    let place = sample::place("shop", "live");
    run_once(&SledStore::open(&directory).unwrap(), &place, 1);
    copy(&directory.join("db"), &root.path().join("older"));
    run_once(&SledStore::open(&directory).unwrap(), &place, 2);
    fs::remove_dir_all(directory.join("db")).unwrap();
    copy(&root.path().join("older"), &directory.join("db"));
    let error = SledStore::open(&directory).map(drop).unwrap_err();
    assert!(error.to_string().contains("the last of 4 writes is lost"), "{error}");
}

#[test]
fn whatever_happens_to_old_entries_is_noticed_or_harmless() {
    harm([3, 250, 4]);
}

#[test]
fn whatever_happens_to_new_entries_is_noticed_or_harmless() {
    harm([3, 4, 250]);
}

fn harm(sessions: [usize; 3]) {
    let root = tempfile::tempdir().unwrap();
    let (good, expected) = state(root.path(), sessions);
    let bytes = fs::read(good.join("db/db")).unwrap();
    let mut random = Random::seeded("damage");
    let mut noticed = 0;
    for round in 0..60 {
        let mut changed = bytes.clone();
        let at = random.below(bytes.len() as u64) as usize;
        let what = match round % 4 {
            0 => {
                changed.truncate(at);
                format!("cut off at {at}")
            }
            1 => {
                changed[at] ^= 1 << random.below(8);
                format!("a bit changed at {at}")
            }
            2 => {
                let end = (at + 4_096).min(changed.len());
                changed[at..end].fill(0);
                format!("zeros at {at}")
            }
            _ => {
                let end = (at + 1 + random.below(100_000) as usize).min(changed.len());
                changed[at..end].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
                format!("garbage at {at} to {end}")
            }
        };
        let directory = root.path().join(round.to_string());
        copy(&good, &directory);
        fs::write(directory.join("db/db"), changed).unwrap();
        noticed += usize::from(look(&directory, &expected, &what) == Found::Noticed);
        fs::remove_dir_all(directory).unwrap();
    }
    println!("{noticed} of 60 were noticed, the others were harmless");
    assert!(noticed > 5, "the damage hit nothing");
}
