//! The bindings that are checked in belong to the contract that is checked in.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

#[test]
fn bindings_are_current() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stamp = format!("// Generated from wit/ by sdk/rust/bindgen. wit: {}", fingerprint(&sdk.join("../../wit")));
    for world in ["host", "http", "kubernetes", "build_step", "renderer", "deploy_target"] {
        let code = fs::read_to_string(sdk.join(format!("src/bindings/{world}.rs"))).unwrap();
        let first = code.lines().next().unwrap();
        assert_eq!(first, stamp, "wit/ has changed: cargo run --manifest-path sdk/rust/bindgen/Cargo.toml");
    }
}

/// As `sdk/rust/bindgen` computes it.
fn fingerprint(wit: &Path) -> String {
    let directories = [wit.to_owned(), wit.join("deps/host")];
    let entries = directories.iter().flat_map(|directory| fs::read_dir(directory).unwrap());
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.strip_prefix(wit).unwrap().to_str().unwrap());
        hasher.update([0]);
        hasher.update(fs::read(&file).unwrap());
        hasher.update([0]);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
