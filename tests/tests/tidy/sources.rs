//! Files: how long they are, what they must not mention, and that every guest is used.

use std::fs;
use std::path::Path;

use crate::assert_none;
use crate::workspace::{files, root};

const MAX_LINES: usize = 600;

#[test]
fn files_stay_small() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(root().join(file)).expect("Rust is UTF-8");
        let lines = text.lines().count();
        if lines > MAX_LINES && !is_generated(&text) {
            problems.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert_none(&format!("a file does one thing, in at most {MAX_LINES} lines"), &problems);
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.starts_with("//") && line.to_lowercase().contains("generated "))
}

#[test]
fn no_file_names_a_machine() {
    // Put together here, so that this file does not contain them.
    let paths = [concat!("/wo", "rk/"), concat!("/tm", "p/t-"), concat!("/ro", "ot/")];
    let mut problems = Vec::new();
    for file in files() {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for path in paths.iter().filter(|path| mentions(line, path)) {
                problems.push(format!("{}:{}: {path}", file.display(), number + 1));
            }
        }
    }
    assert_none("paths that exist on one machine only", &problems);
}

/// Whether the line has this absolute path, rather than a longer one that ends like it.
fn mentions(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "-_.}/".contains(c)))
}

#[test]
fn every_guest_is_used_by_a_test() {
    let guests = root().join("tests/guests");
    let guests = guests.read_dir().into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let names: Vec<String> = guests.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let is_test = |file: &&Path| ["tests/tests", "tests/cases", "host"].iter().any(|dir| file.starts_with(dir));
    let files = files();
    let tests: Vec<String> = files
        .iter()
        .map(|file| file.as_path())
        .filter(is_test)
        .filter_map(|file| fs::read_to_string(root().join(file)).ok())
        .collect();
    let unused = names.into_iter().filter(|name| !tests.iter().any(|test| test.contains(name.as_str())));
    assert_none("no test runs these guests of tests/guests", &unused.collect::<Vec<_>>());
}

#[test]
fn a_path_is_found_where_it_starts() {
    let path = concat!("/wo", "rk/");
    assert!(mentions(&format!("cd {path}x"), path));
    assert!(mentions(&format!("\"{path}x\""), path));
    assert!(!mentions(&format!("docs{path}x"), path));
}
