//! Finds the applications of a rule in a repository.

use std::collections::BTreeSet;
use std::sync::Arc;

use springline_config::load_application;
use springline_model::fleet::{self, Found};
use springline_model::footprint::{Changes, Footprint};
use springline_model::port::{Sources, Tree};
use springline_model::tree::{EntryKind, join_path};

use super::plan::{Find, Rule};
use crate::cli::error::CliError;
use crate::paths;
use crate::project::read_text;

/// Deeper than this, no directory is looked at for one that matches.
const DEEPEST: usize = 32;

/// An application that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub name: Arc<str>,
    pub revision: Arc<str>,
    pub path: Arc<str>,
}

/// What a rule found, and what that depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Discovery {
    pub candidates: Vec<Candidate>,
    /// What of the source it depends on; nothing where it is looked for every time.
    pub footprint: Footprint,
}

impl Discovery {
    /// Whether a commit can make a difference to it.
    pub(super) fn meets(&self, changes: &Changes) -> bool {
        self.footprint.meets(changes)
    }
}

/// The tree of a revision, which is read once for all.
pub(super) type Trees<'t> = &'t dyn Fn(&str) -> Result<Arc<dyn Tree>, CliError>;

/// Finds a rule's applications. `known` are those that it found before, whose names stay if their
/// files can't be read.
pub(super) fn find(
    rule: &Rule,
    source: &dyn Sources,
    trees: Trees<'_>,
    known: &[Candidate],
) -> Result<Discovery, CliError> {
    let mut finder = Finder { rule, known, found: Discovery::default() };
    match &rule.find {
        Find::One { revision, path } => finder.one(trees(revision)?.as_ref(), (revision, path, "")),
        Find::Directories { revision, matches } => {
            let tree = trees(revision)?;
            finder.directories(tree.as_ref(), revision, matches)?;
        }
        Find::Branches { matches, path } => {
            for branch in source.branches()?.iter().filter(|branch| fleet::fits(matches, branch)) {
                let revision: Arc<str> = format!("refs/heads/{branch}").into();
                // What can't be read is not gone: then the rule fails, and all stays as it was found before.
                let tree = trees(&revision)?;
                if has_file(tree.as_ref(), path)? {
                    finder.one(tree.as_ref(), (&revision, path, branch));
                }
            }
            finder.found.footprint = Footprint::of_everything();
        }
    }
    finder.found.footprint = finder.found.footprint.packed();
    Ok(finder.found)
}

struct Finder<'a> {
    rule: &'a Rule,
    known: &'a [Candidate],
    found: Discovery,
}

impl Finder<'_> {
    fn one(&mut self, tree: &dyn Tree, (revision, path, branch): (&Arc<str>, &str, &str)) {
        self.found.footprint.add_path(&join_path(path, paths::APPLICATION));
        let same = |known: &&Candidate| known.revision == *revision && *known.path == *path;
        let name: Arc<str> = match (peek(tree, path), self.known.iter().find(same)) {
            (Some(application), _) => {
                fleet::name(&self.rule.name, Found { application: &application, path, branch }).into()
            }
            (None, Some(known)) => known.name.clone(),
            // What is wrong with the file is told when it is to be deployed.
            (None, None) => {
                let directory = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("application");
                fleet::name(&self.rule.name, Found { application: directory, path, branch }).into()
            }
        };
        self.found.candidates.push(Candidate { name, revision: revision.clone(), path: path.into() });
    }

    fn directories(&mut self, tree: &dyn Tree, revision: &Arc<str>, matches: &str) -> Result<(), CliError> {
        let deep = matches.split('/').any(|part| part == "**");
        let depth = if deep { DEEPEST } else { matches.trim_matches('/').split('/').count() };
        let mut open: Vec<(String, usize)> = vec![(String::new(), 0)];
        let mut paths = BTreeSet::new();
        while let Some((path, level)) = open.pop() {
            self.found.footprint.add_listing(&path);
            let Some(listing) = tree.directory(&path)? else { continue };
            for entry in listing.entries().iter().filter(|entry| entry.kind == EntryKind::Directory) {
                let below = join_path(&path, &entry.name);
                if fleet::fits(matches, &below) {
                    self.found.footprint.add_listing(&below);
                    if has_file(tree, &below)? {
                        paths.insert(below.clone());
                    }
                }
                if level + 1 < depth && leads_on(matches, &below) {
                    open.push((below, level + 1));
                }
            }
        }
        for path in paths {
            self.one(tree, (revision, &path, ""));
        }
        Ok(())
    }
}

/// Whether what matches may be below a directory.
fn leads_on(matches: &str, directory: &str) -> bool {
    let parts: Vec<&str> = matches.trim_matches('/').split('/').collect();
    let level = directory.split('/').count();
    let start = parts.iter().position(|part| *part == "**").unwrap_or(parts.len());
    let shared = level.min(start);
    let head = directory.split('/').take(shared).collect::<Vec<_>>().join("/");
    shared == 0 || fleet::fits(&parts[..shared].join("/"), &head)
}

fn has_file(tree: &dyn Tree, directory: &str) -> Result<bool, CliError> {
    let listing = tree.directory(directory)?;
    Ok(listing.is_some_and(|listing| listing.get(paths::APPLICATION).is_some_and(|entry| entry.kind.is_file())))
}

/// What the application in a directory calls itself, if its file can be read.
fn peek(tree: &dyn Tree, directory: &str) -> Option<String> {
    let file = join_path(directory, paths::APPLICATION);
    let text = read_text(tree, &file).ok()??;
    // Of thousands, the whole files are read when they are to be deployed.
    let plain = text.lines().find_map(|line| line.strip_prefix("application:")).map(str::trim);
    match plain.filter(|name| springline_config::check_name(name).is_ok()) {
        Some(name) => Some(name.to_owned()),
        None => load_application(&file, &text).ok().map(|(application, _)| application.application),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_lead_to_a_match_is_opened() {
        for (matches, directory, leads) in [
            ("apps/*", "apps", true),
            ("apps/*", "docs", false),
            ("a*/x/*", "abc", true),
            ("a*/x/*", "abc/y", false),
            ("**/deploy", "anything/at/all", true),
            ("apps/**/deploy", "docs", false),
            ("apps/**/deploy", "apps/a/b", true),
        ] {
            assert_eq!(leads_on(matches, directory), leads, "{matches} {directory}");
        }
    }
}
