//! Plugins of earlier releases of the contract, made from its tagged copies, on today's host.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, has_rust};
use crate::sandbox::root;
use crate::tools::succeeds;

const PLUGINS: [&str; 3] = ["pre1-renderer", "pre1-step", "pre1-target"];

/// Copies what the plugins are made of to another place.
fn copy(to: &Path) {
    for part in ["tests/old", "wit/tagged"] {
        let to = to.join(part);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        succeeds(Command::new("cp").arg("-a").arg(root().join(part)).arg(to));
    }
}

#[test]
fn plugins_of_earlier_releases_run_and_are_made_again_byte_for_byte() {
    let Some(desk) = Desk::new().filter(|_| has_rust()) else { return };
    copy(&desk.path("another/place"));
    for plugin in PLUGINS {
        let here = root().join("tests/old").join(plugin);
        let cases = root().join("tests/old/cases").join(plugin);
        let (here, cases) = (here.to_str().unwrap(), cases.to_str().unwrap());
        let tested = desk.springline(&["plugin", "test", here, "--cases", cases]).ok();
        assert!(tested.contains("all as expected"), "{tested}");
        let first = desk.springline(&["plugin", "build", here, "-o", "json"]).json();

        let there = desk.path("another/place/tests/old").join(plugin);
        let mut again = desk.command(&["plugin", "build", there.to_str().unwrap(), "-o", "json"]);
        again.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("desk-again"));
        let again = desk.finish(again).json();
        assert_eq!(again["digest"], first["digest"], "{plugin}");
    }
}
