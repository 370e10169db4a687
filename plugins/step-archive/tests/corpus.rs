//! What the fuzz target began with and what it found, through the function that it calls.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[path = "../../../tests/fuzz/src/archive.rs"]
mod archive;

#[test]
fn what_is_packed_is_unpacked_and_nothing_leads_out() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/archive");
    let files: Vec<_> = fs::read_dir(corpus).unwrap().flatten().collect();
    assert!(!files.is_empty());
    files.iter().for_each(|file| archive::check(&fs::read(file.path()).unwrap()));
}
