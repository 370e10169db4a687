//! Who may depend on whom; docs/ARCHITECTURE.md says why.

use std::path::Path;

use crate::assert_none;
use crate::workspace::{Package, linked_with, packages};

/// Libraries that only one crate may use, by the start of their names.
const OWNED: [(&str, &str); 7] = [
    ("wasmtime", "springline-runtime"),
    ("gix", "springline-source"),
    ("sled", "springline-store"),
    ("kube", "springline-cluster"),
    ("k8s-openapi", "springline-cluster"),
    ("docker_credential", "springline-registry"),
    ("axum", "springline"),
];

/// What must not even be linked into a crate that is plain logic.
const PURE: [&str; 2] = ["springline-model", "springline-engine"];
const IMPURE: [&str; 10] =
    ["axum", "gix", "hyper", "kube", "reqwest", "sled", "springline-store", "tokio", "wasmtime", "wasmtime-wasi"];

#[test]
fn crates_of_the_host_depend_on_the_model_alone() {
    let mut problems = Vec::new();
    for package in packages().iter().filter(|package| is_in(package, "host/crates")) {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.local) {
            let allowed = match dependency.name.as_str() {
                "springline-model" => package.name != "springline-model",
                "springline-testkit" | "springline-testcluster" => dependency.dev,
                _ => false,
            };
            if !allowed {
                problems.push(format!("{} depends on {}", package.name, dependency.name));
            }
        }
    }
    assert_none("siblings below host/crates must not know each other", &problems);
}

#[test]
fn what_runs_in_the_sandbox_knows_nothing_of_the_host() {
    let packages = packages();
    let guests: Vec<&Package> = packages.iter().filter(|package| is_guest_code(package)).collect();
    let mut problems = Vec::new();
    for package in &guests {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.local) {
            if !guests.iter().any(|guest| guest.name == dependency.name) {
                problems.push(format!("{} depends on {}", package.name, dependency.name));
            }
        }
    }
    assert_none("plugins and SDKs must not use the host's crates", &problems);
}

fn is_guest_code(package: &Package) -> bool {
    ["plugins", "sdk", "tests/guests"].iter().any(|dir| package.dir.starts_with(dir))
}

#[test]
fn heavy_libraries_have_one_owner() {
    let mut problems = Vec::new();
    for package in &packages() {
        for dependency in &package.dependencies {
            let owner = OWNED.iter().find(|(library, _)| is_of_family(&dependency.name, library));
            if let Some((library, owner)) = owner.filter(|(_, owner)| *owner != package.name) {
                problems
                    .push(format!("{} depends on {}, but {library} belongs to {owner}", package.name, dependency.name));
            }
        }
    }
    assert_none("a library is used outside its crate", &problems);
}

#[test]
fn the_engine_and_the_model_link_nothing_heavy() {
    let mut problems = Vec::new();
    for package in PURE {
        let linked = linked_with(package);
        problems
            .extend(IMPURE.iter().filter(|name| linked.contains(**name)).map(|name| format!("{package} links {name}")));
    }
    assert_none("plain logic must stay testable in seconds", &problems);
}

/// `wasmtime` and `wasmtime-wasi`, but not `wasmtimer`.
fn is_of_family(name: &str, library: &str) -> bool {
    name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn is_in(package: &Package, dir: &str) -> bool {
    package.dir.parent() == Some(Path::new(dir))
}
