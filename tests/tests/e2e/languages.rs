//! The same three plugins in every language that has an SDK: each gives the bytes that tests/cases
//! expect.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::desk::Desk;
use crate::sandbox::{root, skip};

const EXAMPLES: [&str; 3] = ["render-placeholders", "step-checklist", "target-shelf"];
/// What tools make, and what no component depends on.
const MADE: [&str; 10] = [
    "build",
    "dist",
    "node_modules",
    "target",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
    "test",
    "tests",
];

/// Every SDK that has examples.
fn sdks() -> Vec<PathBuf> {
    let entries = root().join("sdk").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut sdks: Vec<_> = entries.filter(|sdk| sdk.join("examples").is_dir()).collect();
    sdks.sort();
    sdks
}

/// Identifies everything that a component of this SDK is made of.
fn key(sdk: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    for directory in [sdk, &root().join("wit"), &root().join("host/crates/toolchain/src")] {
        hash(directory, &mut hasher);
    }
    fs::read(root().join("Cargo.lock")).unwrap().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn hash(directory: &Path, hasher: &mut DefaultHasher) {
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !MADE.contains(&name.as_str()) {
            hash(&path, hasher);
        } else if path.is_file() {
            (name, fs::read(&path).unwrap()).hash(hasher);
        }
    }
}

/// The component of an example, built if nothing that it is made of was built before; none, with a
/// word about it, where its toolchain is not there.
fn component(desk: &Desk, sdk: &Path, example: &str, key: &str) -> Option<PathBuf> {
    let language = sdk.file_name().unwrap().to_string_lossy();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("components/{language}-{key}-{example}.wasm"));
    if kept.exists() {
        return Some(kept);
    }
    let project = sdk.join("examples").join(example);
    let outcome = desk.springline(&["plugin", "build", project.to_str().unwrap(), "-o", "json"]);
    if outcome.stderr.contains("takes what is not here") {
        skip(&format!("{language}, {example}:\n{}", outcome.stderr));
        return None;
    }
    let built = outcome.json();
    let at = desk.path("").join(built["component"].as_str().unwrap());
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    // As a whole: another run of the tests may look at the same time.
    let temporary = kept.with_extension(format!("{}.new", std::process::id()));
    fs::copy(at, &temporary).unwrap();
    fs::rename(temporary, &kept).unwrap();
    Some(kept)
}

#[test]
fn every_language_gives_the_same_bytes() {
    let Some(desk) = Desk::new() else { return };
    let mut wrong = Vec::new();
    let mut tested = 0;
    for sdk in sdks() {
        let key = key(&sdk);
        for example in EXAMPLES {
            let Some(component) = component(&desk, &sdk, example, &key) else { continue };
            let cases = root().join("tests/cases").join(example);
            let arguments =
                ["plugin", "test", "--component", component.to_str().unwrap(), "--cases", cases.to_str().unwrap()];
            let outcome = desk.springline(&arguments);
            tested += 1;
            if outcome.code != 0 {
                wrong.push(format!("{}/{example}:\n{}{}", sdk.display(), outcome.stdout, outcome.stderr));
            }
        }
    }
    if tested == 0 {
        skip("no language was tested");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_language_has_all_three_examples_and_templates() {
    let mut missing = Vec::new();
    for sdk in sdks() {
        for example in EXAMPLES.map(|example| sdk.join("examples").join(example).join("plugin.yaml")) {
            missing.extend((!example.exists()).then_some(example));
        }
        missing.extend((!sdk.join("template").is_dir()).then(|| sdk.join("template")));
    }
    assert!(missing.is_empty(), "{missing:?}");
}
