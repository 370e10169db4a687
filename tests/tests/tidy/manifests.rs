//! Manifests: every crate takes its lints and versions from the workspace, and every library is
//! accounted for.

use std::collections::BTreeSet;
use std::fs;

use crate::assert_none;
use crate::workspace::{packages, root};

/// Crates with a module that can't do without `unsafe`: generated bindings, and the loading of
/// code that we compiled ourselves.
const NEEDS_UNSAFE: [&str; 2] = ["springline-runtime", "springline-sdk"];

#[test]
fn crates_inherit_from_the_workspace() {
    let mut problems = Vec::new();
    for package in packages() {
        let path = root().join(&package.dir).join("Cargo.toml");
        let manifest = fs::read_to_string(&path).expect("a member has a manifest");
        let inherits = match NEEDS_UNSAFE.contains(&package.name.as_str()) {
            true => repeats_lints(&manifest),
            false => manifest.contains("[lints]\nworkspace = true\n"),
        };
        if !inherits {
            problems.push(format!("{} does not inherit the lints", package.name));
        }
        for field in ["edition", "license", "publish", "rust-version", "version"] {
            if !manifest.contains(&format!("{field}.workspace = true\n")) {
                problems.push(format!("{} does not inherit `{field}`", package.name));
            }
        }
        let own = own_versions(&manifest);
        problems.extend(own.iter().map(|line| format!("{} names a version of its own: {line}", package.name)));
    }
    assert_none("one place says how crates are built", &problems);
}

/// Whether the manifest has all of the workspace's lints, `unsafe_code` softened from `forbid`, which
/// no module can lift, to `deny`.
fn repeats_lints(manifest: &str) -> bool {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    let tables: Vec<&str> = workspace.split("\n\n").filter(|table| table.starts_with("[workspace.lints.")).collect();
    assert!(!tables.is_empty(), "the workspace has lints");
    let softened = |table: &str| table.replace("[workspace.", "[").replace("\"forbid\"", "\"deny\"");
    tables.into_iter().all(|table| manifest.contains(softened(table).trim_end()))
}

/// The lines of the dependency tables that do not take their version from the workspace.
fn own_versions(manifest: &str) -> Vec<&str> {
    let mut in_dependencies = false;
    let mut own = Vec::new();
    for line in manifest.lines() {
        let is_entry = line.contains('=') && !line.starts_with([' ', '#']);
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && is_entry && !line.contains("workspace = true") {
            own.push(line);
        }
    }
    own
}

#[test]
fn every_library_is_accounted_for() {
    let text = fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md exists");
    let packages = packages();
    let external = packages.iter().flat_map(|package| &package.dependencies).filter(|dependency| !dependency.local);
    let names: BTreeSet<&str> = external.map(|dependency| dependency.name.as_str()).collect();
    let unmentioned = names.into_iter().filter(|name| !text.contains(&format!("`{name}`")));
    assert_none(
        "docs/dependencies.md does not say why these are used",
        &unmentioned.map(str::to_owned).collect::<Vec<_>>(),
    );
}

#[test]
fn a_version_of_its_own_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = { workspace = true, optional = true }\n\
                    c = \"1\"\n[target.'cfg(unix)'.dependencies]\nd = { version = \"1\" }\n[features]\ne = []\n";
    assert_eq!(own_versions(manifest), ["c = \"1\"", "d = { version = \"1\" }"]);
}
