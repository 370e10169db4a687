//! The hostile guests: the table that is published names all that they do, and tests do all of it.

use std::collections::BTreeSet;
use std::fs;

use crate::assert_none;
use crate::workspace::root;

const GUESTS: &str = "tests/guests/hostile";
const TESTS_OF_SERVERS: [&str; 2] = ["host/crates/runtime/tests/calls", "tests/tests/e2e/registry"];
const TESTS: [&str; 2] = ["host/crates/runtime/tests/hostile", "tests/tests/e2e"];

#[test]
fn the_table_of_attacks_is_complete() {
    let readme = read(&format!("{GUESTS}/README.md"));
    let bombs = read("host/crates/runtime/tests/hostile/bombs.rs");
    let in_rust = read(&format!("{GUESTS}/src/lib.rs"));
    let in_c: String = sources(&format!("{GUESTS}/c")).concat();
    let attacks = [
        ("In Rust", variants(&in_rust, "enum Attack {").collect()),
        ("In C", between(&in_c, "equal(name, \"", "\", length)")),
        ("Bombs", between(between_once(&bombs, "const BOMBS", "];"), "    \"", "\",\n")),
    ];
    let mut problems = Vec::new();
    for (chapter, done) in attacks {
        let mut told = table(&readme, chapter);
        assert!(told.len() > 10, "`{chapter}` has a table");
        problems.extend(done.difference(&told).map(|attack| format!("{chapter}: `{attack}` is not in the table")));
        told = told.difference(&done).cloned().collect();
        problems.extend(told.iter().map(|attack| format!("{chapter}: there is no attack `{attack}`")));
    }
    assert_none("README.md of the hostile guests", &problems);
}

#[test]
fn every_attack_is_led_by_a_test() {
    let readme = read(&format!("{GUESTS}/README.md"));
    let tests: String = TESTS.iter().flat_map(|dir| sources(dir)).collect();
    let attacks = ["In Rust", "In C", "Bombs"].into_iter().flat_map(|chapter| table(&readme, chapter));
    let idle = attacks.filter(|attack| !tests.contains(&format!("\"{attack}\"")));
    assert_none("no test leads these attacks", &idle.collect::<Vec<_>>());
}

#[test]
fn the_memory_of_every_attack_is_measured() {
    let readme = read(&format!("{GUESTS}/README.md"));
    let tests = read("host/crates/runtime/tests/hostile/memory.rs");
    let measured = between_once(&tests, "const ATTACKS", "];");
    for (chapter, guest) in [("In Rust", "hostile"), ("In C", "hostile-c")] {
        assert_eq!(table(&readme, chapter), between(measured, &format!("(\"{guest}\", \""), "\","), "{chapter}");
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let readme = read(&format!("{GUESTS}/README.md"));
    let tests: String = TESTS_OF_SERVERS.iter().flat_map(|dir| sources(dir)).collect();
    let chapter = between_once(&readme, "## Servers, registries and secrets\n", "\n## ");
    let named = chapter.lines().filter(|row| row.starts_with('|')).flat_map(|row| row.split('`').skip(1).step_by(2));
    let named: BTreeSet<&str> = named.filter(|name| name.contains('_')).collect();
    assert!(named.len() > 10, "{named:?}");
    let gone = named.iter().filter(|name| !tests.contains(&format!("fn {name}()"))).map(ToString::to_string);
    assert_none("there is no such test", &gone.collect::<Vec<_>>());
}

/// The first column of a chapter's table.
fn table(readme: &str, chapter: &str) -> BTreeSet<String> {
    let text = between_once(readme, &format!("## {chapter}\n"), "\n## ");
    between(text, "\n| `", "` |")
}

/// The variants of an enum, as they are written in a config.
fn variants(source: &str, name: &str) -> impl Iterator<Item = String> {
    let lines = between_once(source, name, "\n}").lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| kebab(line.trim_end_matches(',')))
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

/// Everything between these two, wherever they are.
fn between(text: &str, start: &str, end: &str) -> BTreeSet<String> {
    let found = text.split(start).skip(1).filter_map(|rest| rest.split_once(end));
    found.map(|(name, _)| name.to_owned()).collect()
}

/// What comes after the first `start`, up to the next `end` if there is one.
fn between_once<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("`{start}` is somewhere"));
    rest.split_once(end).map_or(rest, |(found, _)| found)
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every source of a directory.
fn sources(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(dir)).unwrap_or_else(|error| panic!("{dir}: {error}"));
    let paths = entries.flatten().map(|entry| entry.path());
    let is_source = |extension: &std::ffi::OsStr| extension == "rs" || extension == "c";
    paths.filter(|path| path.extension().is_some_and(is_source)).flat_map(fs::read_to_string).collect()
}
