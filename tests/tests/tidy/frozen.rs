//! The plugin contract: it parses, and a frozen track stays as it was frozen.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::frozen::{differences, freeze, tag, track, wit_files};

use crate::assert_none;
use crate::contract::{host_items, parse};
use crate::workspace::root;

#[test]
fn the_contract_parses_with_all_its_worlds() {
    let resolve = parse(&root().join("wit"));
    let worlds: Vec<&str> = resolve.worlds.iter().map(|(_, world)| world.name.as_str()).collect();
    for world in ["build-step-plugin", "renderer-plugin", "deploy-target-plugin"] {
        assert!(worlds.contains(&world), "the world {world} is missing from {worlds:?}");
    }
    assert!(host_items(&resolve).contains_key("log.[method]sink.write"));
}

#[test]
fn frozen_tracks_are_unchanged() {
    assert_none("a frozen track was changed; make a new track instead", &problems(&root().join("wit")));
}

#[test]
fn tagged_releases_are_unchanged() {
    let mut problems = Vec::new();
    for entry in root().join("wit/tagged").read_dir().expect("releases are tagged").flatten() {
        let dir = entry.path();
        if !dir.is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        match differences(&dir) {
            Ok(wrong) => problems.extend(wrong.iter().map(|wrong| format!("tagged/{name}: {wrong}"))),
            Err(error) => problems.push(format!("tagged/{name}: {error:#}")),
        }
    }
    assert_none("a tagged contract was changed; tests/old would test something else", &problems);
}

/// What was changed that must not be: in the frozen copies, or in the contract itself while it is
/// of a frozen track.
fn problems(wit: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for track in frozen_tracks(wit) {
        let dir = wit.join("frozen").join(&track);
        match differences(&dir) {
            Ok(wrong) => problems.extend(wrong.iter().map(|wrong| format!("frozen/{track}: {wrong}"))),
            Err(error) => problems.push(format!("frozen/{track}: {error:#}")),
        }
    }
    let current = track(wit).expect("the contract names its track");
    let frozen = wit.join("frozen").join(&current);
    if problems.is_empty() && frozen.exists() {
        problems.extend(changed_exports(wit, &frozen));
        problems.extend(changed_imports(wit, &frozen));
    }
    problems
}

fn frozen_tracks(wit: &Path) -> Vec<String> {
    let entries = wit.join("frozen").read_dir().into_iter().flatten().flatten();
    let mut tracks: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    tracks.sort();
    tracks
}

/// What plugins export never changes within a track: the files must be the same, apart from the
/// patch version of the host package, which grows.
fn changed_exports(wit: &Path, frozen: &Path) -> Vec<String> {
    let own = |dir: &Path| -> Vec<PathBuf> {
        let files = wit_files(dir).expect("the contract can be listed");
        files.into_iter().filter(|file| !file.starts_with("deps")).collect()
    };
    let (now, then) = (own(wit), own(frozen));
    let mut problems = Vec::new();
    for file in now.iter().chain(&then) {
        let text = |dir: &Path| fs::read_to_string(dir.join(file)).map(|text| without_patch(&text)).ok();
        if text(wit) != text(frozen) {
            problems.push(format!(
                "{} differs from frozen/{}",
                file.display(),
                frozen.file_name().unwrap_or_default().display()
            ));
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// The text with `springline:host/NAME@1.2.3` as `springline:host/NAME@1.2`.
fn without_patch(text: &str) -> String {
    let mut parts = text.split("springline:host/");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("springline:host/");
        let name = part.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(part.len());
        match part[name..].splitn(3, '.').collect::<Vec<_>>()[..] {
            [major, minor, patch] if major.starts_with('@') => {
                let rest = patch.trim_start_matches(|c: char| c.is_ascii_digit());
                result.push_str(&format!("{}{major}.{minor}{rest}", &part[..name]));
            }
            _ => result.push_str(part),
        }
    }
    result
}

/// What plugins import may grow, but nothing of it may change or go.
fn changed_imports(wit: &Path, frozen: &Path) -> Vec<String> {
    let (now, then) = (host_items(&parse(wit)), host_items(&parse(frozen)));
    let mut problems = Vec::new();
    for (name, before) in then {
        match now.get(&name) {
            None => problems.push(format!("springline:host: {name} is gone")),
            Some(after) if *after != before => {
                problems.push(format!("springline:host: {name} was `{before}` and is `{after}`"));
            }
            Some(_) => {}
        }
    }
    problems
}

/// A copy of the contract, frozen; deleted with the value.
fn frozen_copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary directory");
    for file in wit_files(&root().join("wit")).expect("the contract can be listed") {
        let to = copy.path().join(&file);
        fs::create_dir_all(to.parent().expect("a file has a directory")).expect("a directory is made");
        fs::copy(root().join("wit").join(&file), to).expect("a file is copied");
    }
    let track = track(copy.path()).expect("the contract names its track");
    freeze(copy.path(), &track).expect("the contract is frozen");
    assert!(freeze(copy.path(), &track).is_err(), "a track is frozen once");
    assert!(freeze(copy.path(), "99.9").is_err(), "only the track at hand can be frozen");
    let tagged = tag(copy.path(), &format!("{track}.9-test")).expect("the contract is tagged");
    assert_eq!(differences(&tagged).expect("it has its checksums"), Vec::<String>::new());
    assert!(tag(copy.path(), &format!("{track}.9-test")).is_err(), "a release is tagged once");
    assert!(tag(copy.path(), "99.9.0").is_err(), "only releases of the track at hand are tagged");
    copy
}

/// Replaces text in a file, which must have it.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("the file is there");
    assert!(text.contains(from), "{} has no `{from}`", file.display());
    fs::write(file, text.replacen(from, to, 1)).expect("the file is written");
}

#[test]
fn what_was_just_frozen_is_unchanged() {
    let copy = frozen_copy();
    assert_eq!(problems(copy.path()), Vec::<String>::new());
}

#[test]
fn a_change_to_the_frozen_copy_is_found() {
    let copy = frozen_copy();
    let frozen = copy.path().join("frozen").join(track(copy.path()).expect("a track"));
    edit(&frozen.join("types.wit"), "record violation", "record complaint");
    fs::remove_file(frozen.join("renderer.wit")).expect("the file was there");
    fs::write(frozen.join("more.wit"), "").expect("the file is written");
    let problems = problems(copy.path()).join("\n");
    for expected in ["types.wit was changed", "renderer.wit is gone", "more.wit was added"] {
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn a_change_to_what_plugins_export_is_found() {
    let copy = frozen_copy();
    edit(
        &copy.path().join("renderer.wit"),
        "config: string,",
        "config: string,\n        /// More.\n        more: string,",
    );
    let problems = problems(copy.path()).join("\n");
    assert!(problems.contains("renderer.wit differs"), "{problems}");
}

#[test]
fn what_plugins_import_may_grow_but_not_change() {
    let copy = frozen_copy();
    let host = copy.path().join("deps/host/host.wit");
    edit(&host, "interface context {", "interface context {\n    /// New.\n    later: func() -> u32;");
    assert_eq!(problems(copy.path()), Vec::<String>::new(), "an addition is compatible");
    edit(&host, "enum level { debug, info, warn, error }", "enum level { debug, info, warn, error, fatal }");
    edit(&host, "revision: func() -> string;", "");
    let problems = problems(copy.path()).join("\n");
    assert!(problems.contains("log.level was") && problems.contains("context.revision is gone"), "{problems}");
}

#[test]
fn the_patch_of_the_host_package_may_grow() {
    let text = "import springline:host/log@0.1.0;\nuse springline:host/blobs@0.1.12.{blob};\n// springline:host/files. 1.2.3\n";
    let expected =
        "import springline:host/log@0.1;\nuse springline:host/blobs@0.1.{blob};\n// springline:host/files. 1.2.3\n";
    assert_eq!(without_patch(text), expected);
}
