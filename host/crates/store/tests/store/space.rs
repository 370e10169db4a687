//! A full disk, on a small file system of its own. Skipped where none can be mounted.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use springline_model::port::{Store, StoreError};
use springline_store::SledStore;
use springline_testkit::sample;

use crate::run_once;

/// A small file system that is unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

/// Fills what is left, and returns the file that does.
fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("ballast");
    let mut file = File::create(&path).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
    path
}

#[test]
fn a_full_disk_is_said_to_be_full_and_nothing_acknowledged_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(&root.path().join("disk"), "6m") else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let state = disk.0.join("state");
    let place = sample::place("shop", "live");
    let store = SledStore::open(&state).unwrap();
    let mut last = run_once(&store, &place, 0);
    let ballast = fill(&disk.0);
    let error = loop {
        let mut run = sample::run("shop", 1);
        let finished = store.begin(&run).and_then(|number| {
            run.number = number;
            run.steps = (0..100).map(|at| Arc::new(sample::step(&format!("{number}/{at}")))).collect();
            store.finish(sample::finish(&place, &run, &number.to_string()))
        });
        match finished {
            Ok(sealed) => last = sealed,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StoreError::NoSpace(path) if path.contains("state")), "{error:?}");
    let again = store.begin(&sample::run("shop", 2)).unwrap_err();
    assert!(matches!(again, StoreError::NoSpace(_)), "no more writes after it: {again:?}");
    assert!(!store.history(&Default::default()).unwrap().records.is_empty(), "reading goes on");
    drop(store);

    if let Err(error) = SledStore::open(&state).map(drop) {
        assert!(matches!(error, StoreError::NoSpace(_)), "{error:?}");
    }
    fs::remove_file(ballast).unwrap();
    let store = SledStore::open(&state).unwrap();
    let history = store.history(&Default::default()).unwrap().records;
    assert!(history.contains(&last), "what was acknowledged is there");
    assert!(store.verify().unwrap()[0].broken.is_none());
    run_once(&store, &place, 9);
}

#[test]
fn a_state_that_finds_no_space_to_begin_with_says_so() {
    let root = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(&root.path().join("disk"), "1m") else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let ballast = fill(&disk.0);
    let error = SledStore::open(&disk.0.join("state")).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::NoSpace(_)), "{error:?}");
    fs::remove_file(ballast).unwrap();
    let store = SledStore::open(&disk.0.join("state")).unwrap();
    assert!(store.runs(0).unwrap().is_empty());
}
