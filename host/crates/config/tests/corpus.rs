//! What the fuzz targets began with and what they found, through the functions that they call.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[path = "../../../../tests/fuzz/src/config.rs"]
mod config;
#[path = "../../../../tests/fuzz/src/schema.rs"]
mod schema;

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus").join(target);
    let files: Vec<_> = fs::read_dir(corpus).unwrap().flatten().collect();
    assert!(!files.is_empty());
    files.iter().for_each(|file| check(&fs::read(file.path()).unwrap()));
}

#[test]
fn files_of_every_kind_can_be_read_or_refused() {
    replay("config", config::check);
}

#[test]
fn schemas_of_every_kind_can_be_used_or_refused() {
    replay("schema", schema::check);
}
