//! What the fuzz target began with and what it found, through the function that it calls.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use springline_registry as registry;

#[path = "../../../../tests/fuzz/src/registry.rs"]
mod entry;

#[test]
fn answers_and_signatures_of_every_kind_can_be_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus/registry");
    let files: Vec<_> = fs::read_dir(corpus).unwrap().flatten().collect();
    assert!(!files.is_empty());
    files.iter().for_each(|file| entry::check(&fs::read(file.path()).unwrap()));
}
