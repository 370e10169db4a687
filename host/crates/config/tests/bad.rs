//! Files that are wrong, each beside what is said of it: `bad/NAME.yaml` and `bad/NAME.txt`.
//!
//! A name that begins with `host-` is read as host.yaml, with `lock-` as springline.lock, all
//! others as springline.yaml. With `UPDATE_BAD=1` the messages are written anew, to be read and
//! committed.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use springline_config::{ConfigError, Lock, load_application, load_operator};

fn read(name: &str, text: &str) -> Result<(), ConfigError> {
    match name.split_once('-') {
        Some(("host", _)) => load_operator("host.yaml", text).map(drop),
        Some(("lock", _)) => Lock::parse("springline.lock", text).map(drop),
        _ => load_application("springline.yaml", text).map(drop),
    }
}

fn names(directory: &Path, extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let with = files.filter(|path| path.extension().is_some_and(|e| e == extension));
    with.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_bad_file_is_told_what_is_wrong_with_it() {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad"));
    let update = std::env::var_os("UPDATE_BAD").is_some();
    let mut wrong = Vec::new();
    for name in names(&directory, "yaml") {
        let text = std::fs::read_to_string(directory.join(format!("{name}.yaml"))).unwrap();
        let Err(error) = read(&name, &text) else { panic!("{name}.yaml is not bad") };
        let message = format!("{error}\n");
        let path = directory.join(format!("{name}.txt"));
        if update {
            std::fs::write(&path, &message).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != message {
            wrong.push(format!("--- {name}\n{message}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "other messages than in tests/bad; with UPDATE_BAD=1 they are kept:\n{}",
        wrong.join("\n")
    );
    assert_eq!(names(&directory, "txt"), names(&directory, "yaml"));
}
