//! What the fuzz target began with and what it found, through the function that it calls.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[path = "../../../../tests/fuzz/src/directory.rs"]
mod directory;

#[test]
fn directories_of_every_kind_can_be_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus/directory");
    let files: Vec<_> = fs::read_dir(corpus).unwrap().flatten().collect();
    assert!(!files.is_empty());
    files.iter().for_each(|file| directory::check(&fs::read(file.path()).unwrap()));
}
