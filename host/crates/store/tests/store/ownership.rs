//! Whose a state directory is, and which version it has.

use std::fs;
use std::path::Path;

use springline_model::port::{Store, StoreError};
use springline_store::SledStore;
use springline_testkit::sample;

use crate::run_once;

fn refusal(directory: &Path) -> StoreError {
    SledStore::open(directory).map(drop).unwrap_err()
}

fn damage(directory: &Path) -> String {
    match refusal(directory) {
        StoreError::Damaged { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_owner_is_told_who_the_first_one_is() {
    let root = tempfile::tempdir().unwrap();
    let store = SledStore::open_as(root.path(), "run").unwrap();
    let error = refusal(root.path());
    let StoreError::Busy { owner, .. } = &error else { panic!("{error:?}") };
    assert!(owner.starts_with(&format!("`springline run` (pid {}, since ", std::process::id())), "{owner}");
    drop(store);
    SledStore::open(root.path()).unwrap();
}

#[test]
fn what_a_dead_owner_left_is_no_obstacle() {
    let root = tempfile::tempdir().unwrap();
    drop(SledStore::open(root.path()).unwrap());
    for left in ["", "garbage", r#"{"pid":1,"verb":"run","since":0}"#] {
        fs::write(root.path().join("lock"), left).unwrap();
        drop(SledStore::open(root.path()).unwrap());
    }
}

#[test]
fn a_newer_state_is_refused_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    drop(SledStore::open(root.path()).unwrap());
    fs::write(root.path().join("version"), "3\n").unwrap();
    let error = refusal(root.path());
    assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }), "{error:?}");
    assert_eq!(fs::read_to_string(root.path().join("version")).unwrap(), "3\n");
}

#[test]
fn a_version_that_is_none_is_damage() {
    let root = tempfile::tempdir().unwrap();
    drop(SledStore::open(root.path()).unwrap());
    for text in ["", "0\n", "one", "-1", "1.0", "\u{0}\u{0}", "99999999999"] {
        fs::write(root.path().join("version"), text).unwrap();
        assert!(damage(root.path()).contains("`version`"), "{text:?}");
    }
    fs::remove_file(root.path().join("version")).unwrap();
    assert!(damage(root.path()).contains("`version` file is missing"));
    fs::write(root.path().join("version"), "1").unwrap();
    SledStore::open(root.path()).unwrap();
}

#[test]
fn a_setup_that_was_cut_off_is_done_again() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("below/state");
    fs::create_dir_all(state.join("db")).unwrap();
    fs::write(state.join("setup"), "").unwrap();
    fs::write(state.join("db/conf"), "half of it").unwrap();
    let store = SledStore::open(&state).unwrap();
    run_once(&store, &sample::place("shop", "live"), 1);
    drop(store);
    // Cut off at its very end: the version is there, and so is the marker.
    fs::write(state.join("setup"), "").unwrap();
    assert_eq!(SledStore::open(&state).unwrap().runs(0).unwrap().len(), 1);
}

#[test]
fn a_place_that_is_no_directory_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal(&file);
    assert!(matches!(&error, StoreError::Io(message) if message.contains("file")), "{error:?}");
}
