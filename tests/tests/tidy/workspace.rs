//! The workspace as cargo and git see it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// The directory of its manifest, relative to the root.
    pub dir: PathBuf,
    /// What its manifest depends on.
    pub dependencies: Vec<Dependency>,
}

/// A line of a manifest's dependencies.
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// Whether only the package's own tests use it.
    pub dev: bool,
    /// Whether it is of this workspace.
    pub local: bool,
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies below the root")
}

/// The packages of the workspace.
pub fn packages() -> Vec<Package> {
    let members = METADATA["packages"].as_array().expect("a list of packages");
    let members = members.iter().filter(|package| package["source"].is_null());
    members.map(package).collect()
}

fn package(package: &Value) -> Package {
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    let dir = manifest.parent().and_then(|dir| dir.strip_prefix(root()).ok()).expect("a member lies below the root");
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    Package {
        name: text(&package["name"]),
        dir: dir.to_owned(),
        dependencies: dependencies.iter().map(dependency).collect(),
    }
}

fn dependency(dependency: &Value) -> Dependency {
    Dependency {
        name: text(&dependency["name"]),
        dev: dependency["kind"] == "dev",
        local: dependency["path"].is_string(),
    }
}

/// The names of everything that a package of the workspace is linked with, itself included;
/// what only its tests or its build script use is not.
pub fn linked_with(name: &str) -> BTreeSet<String> {
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in METADATA["resolve"]["nodes"].as_array().expect("a graph") {
        let deps = node["deps"].as_array().expect("a list of edges").iter();
        let linked = deps.filter(|dep| {
            dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        });
        edges.insert(node["id"].as_str().expect("an id"), linked.filter_map(|dep| dep["pkg"].as_str()).collect());
    }
    let packages = METADATA["packages"].as_array().expect("a list of packages");
    let names: BTreeMap<&str, &str> =
        packages.iter().filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?))).collect();
    let mut open: Vec<&str> = names.iter().filter(|(_, package)| **package == name).map(|(id, _)| *id).collect();
    assert!(!open.is_empty(), "there is no package {name}");
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(edges.get(id).into_iter().flatten());
        }
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

/// The files that are or would be in git, relative to the root and sorted.
pub fn files() -> Vec<PathBuf> {
    let listed = output(Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]));
    let mut files: Vec<PathBuf> =
        listed.split('\0').filter(|name| !name.is_empty() && root().join(name).is_file()).map(PathBuf::from).collect();
    files.sort();
    files.dedup();
    files
}

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let version = output(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = output(Command::new(cargo).args(["metadata", "--format-version=1", "--filter-platform", host]));
    serde_json::from_str(&metadata).expect("`cargo metadata` prints JSON")
});

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the command prints UTF-8")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
