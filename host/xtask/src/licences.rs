//! Whether every dependency's licence is on the allow list of deny.toml, and whether one has a
//! known hole. cargo-deny does both where it is installed; otherwise we check the licences
//! ourselves and say that advisories were not looked at.

use std::collections::BTreeSet;
use std::env::consts::OS;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cargo::cargo;
use crate::context::Context;
use crate::process;

/// Checks the licences, and the advisories where that is possible.
pub fn check(context: &Context) -> Result<()> {
    if process::succeeds(Command::new("cargo").args(["deny", "--version"])) {
        process::run(cargo(context, "deny").args(["--locked", "check", "licenses", "bans", "sources"]))?;
        if process::succeeds(cargo(context, "deny").args(["fetch"])) {
            return process::run(cargo(context, "deny").args(["--locked", "check", "advisories"]));
        }
        println!("    advisories were NOT checked: their database can't be reached");
        return Ok(());
    }
    let checked = check_ourselves(context)?;
    println!("    the licences of {checked} packages are allowed (those of this system, {OS})");
    println!("    advisories were NOT checked: cargo-deny is not installed (cargo install --locked cargo-deny)");
    Ok(())
}

fn check_ourselves(context: &Context) -> Result<usize> {
    let deny = fs::read_to_string(context.root.join("deny.toml")).context("can't read deny.toml")?;
    let allowed = allowed_licences(&deny).context("deny.toml has no list `allow` under [licenses]")?;
    let host = host_triple()?;
    let mut metadata = cargo(context, "metadata");
    metadata.args(["--format-version=1", "--locked", "--filter-platform", &host]);
    let metadata: Value = serde_json::from_str(&process::output(&mut metadata)?)?;
    let used: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().into_iter().flatten().filter_map(|node| node["id"].as_str()).collect();
    let mut refused = Vec::new();
    let packages = metadata["packages"].as_array().context("`cargo metadata` printed no packages")?;
    for package in packages.iter().filter(|package| package["id"].as_str().is_some_and(|id| used.contains(id))) {
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(licence, &allowed) {
            refused.push(format!("{} {} ({licence})", text(&package["name"]), text(&package["version"])));
        }
    }
    match refused.is_empty() {
        true => Ok(used.len()),
        false => bail!("deny.toml does not allow the licence of {}", refused.join(", ")),
    }
}

fn host_triple() -> Result<String> {
    let version = process::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// The strings of `allow = […]` under `[licenses]`.
fn allowed_licences(toml: &str) -> Option<BTreeSet<String>> {
    let without_comments: String =
        toml.lines().map(|line| line.split('#').next().unwrap_or("").to_owned() + "\n").collect();
    let (_, section) = without_comments.split_once("[licenses]\n")?;
    let section = section.split("\n[").next()?;
    let (_, list) = section.split_once("allow = [")?;
    let list = list.split(']').next()?;
    Some(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Whether an SPDX expression can be satisfied with allowed licences alone.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let result = any_of(&mut rest, allowed);
    result && rest.is_empty()
}

/// `all OR all …`
fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut result = all_of(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        result |= all_of(words, allowed);
    }
    result
}

/// `licence AND licence …`
fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        result &= one(words, allowed);
    }
    result
}

/// A licence, one with an exception, or an expression in parentheses.
fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let result = any_of(words, allowed);
            match *words {
                [")", rest @ ..] => *words = rest,
                _ => return false,
            }
            result
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.contains(*licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> BTreeSet<String> {
        let toml = "[advisories]\nallow = [\"x\"]\n[licenses]\n# Permissive ones.\nallow = [\n  \"MIT\", # short\n  \
                    \"Apache-2.0\",\n  \"Apache-2.0 WITH LLVM-exception\",\n]\n[bans]\nallow = [\"y\"]\n";
        allowed_licences(toml).expect("a list")
    }

    #[test]
    fn the_allow_list_is_read_from_its_section() {
        assert_eq!(allowed().into_iter().collect::<Vec<_>>(), ["Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT"]);
    }

    #[test]
    fn expressions_are_satisfied_by_allowed_licences() {
        let allowed = allowed();
        let yes = [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ];
        let no = ["GPL-3.0", "MIT AND GPL-3.0", "MIT WITH LLVM-exception", "none", "", "(MIT", "MIT MIT"];
        for expression in yes {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in no {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
    }
}
