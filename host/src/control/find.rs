//! Finds the applications of a rule in a repository.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use springline_config::load_application;
use springline_model::fleet::{self, Found};
use springline_model::footprint::{Changes, Footprint};
use springline_model::port::Tree;
use springline_model::tree::{EntryKind, TreeError, join_path};

use super::plan::{Find, Rule};
use crate::cli::error::{CliError, Kind};
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

/// An application that could not be read, and never was: it has no name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unnamed {
    pub revision: Arc<str>,
    pub path: Arc<str>,
    pub why: String,
}

/// What a rule found, and what that depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Discovery {
    pub candidates: Vec<Candidate>,
    pub unnamed: Vec<Unnamed>,
    /// What of the source it depends on; nothing where branches are looked for.
    pub footprint: Footprint,
    /// Stands for the branches that matched, and their commits.
    pub branches: u64,
}

impl Discovery {
    /// Whether a commit can make a difference to it.
    pub(super) fn meets(&self, changes: &Changes) -> bool {
        self.footprint.meets(changes)
    }
}

/// The tree of a revision, which is read once for all.
pub(super) type Trees<'t> = &'t dyn Fn(&str) -> Result<Arc<dyn Tree>, CliError>;

/// Finds a rule's applications. `branches` are those that match it, by their full names; `known` are the
/// applications that it found before, whose names stay if their files can't be read.
pub(super) fn find(
    rule: &Rule,
    branches: &[Arc<str>],
    trees: Trees<'_>,
    known: &[Candidate],
) -> Result<Discovery, CliError> {
    let known = known.iter().map(|known| ((&*known.revision, &*known.path), known)).collect();
    let mut finder = Finder { rule, known, found: Discovery::default() };
    match &rule.find {
        Find::One { revision, path } => finder.one(trees(revision)?.as_ref(), (revision, path, ""))?,
        Find::Directories { revision, matches } => {
            let tree = trees(revision)?;
            finder.directories(tree.as_ref(), revision, matches)?;
        }
        Find::Branches { path, .. } => {
            for revision in branches {
                // What can't be read is not gone: then the rule fails, and all stays as it was found before.
                let tree = trees(revision)?;
                if finder.has_file(tree.as_ref(), revision, path)? {
                    let branch = revision.strip_prefix(BRANCHES).unwrap_or(revision);
                    finder.one(tree.as_ref(), (revision, path, branch))?;
                }
            }
        }
    }
    finder.found.footprint = finder.found.footprint.packed();
    Ok(finder.found)
}

/// What the full names of branches begin with.
pub(super) const BRANCHES: &str = "refs/heads/";

struct Finder<'a> {
    rule: &'a Rule,
    known: HashMap<(&'a str, &'a str), &'a Candidate>,
    found: Discovery,
}

impl Finder<'_> {
    fn one(&mut self, tree: &dyn Tree, (revision, path, branch): (&Arc<str>, &str, &str)) -> Result<(), CliError> {
        self.found.footprint.add_path(&join_path(path, paths::APPLICATION));
        let known = self.known.get(&(&**revision, path)).copied();
        let named = peek(tree, path)?
            .map(|application| fleet::name(&self.rule.name, Found { application: &application, path, branch }))
            .and_then(|name| match name.as_str() {
                "" => Err(format!("`{}` names {} nothing", self.rule.name, if path.is_empty() { "it" } else { path })),
                _ => Ok(name),
            });
        let candidate = match (named, known) {
            // What they share is in memory once.
            (Ok(name), Some(known)) if *known.name == *name => known.clone(),
            (Ok(name), Some(known)) => Candidate { name: name.into(), ..known.clone() },
            (Ok(name), None) => Candidate { name: name.into(), revision: revision.clone(), path: path.into() },
            // What is wrong with its file is told when it is to be deployed.
            (Err(_), Some(known)) => known.clone(),
            (Err(why), None) => {
                self.found.unnamed.push(Unnamed { revision: revision.clone(), path: path.into(), why });
                return Ok(());
            }
        };
        self.found.candidates.push(candidate);
        Ok(())
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
                    if self.has_file(tree, revision, &below)? {
                        paths.insert(below.clone());
                    }
                }
                if level + 1 < depth && leads_on(matches, &below) {
                    open.push((below, level + 1));
                }
            }
        }
        for path in paths {
            self.one(tree, (revision, &path, ""))?;
        }
        Ok(())
    }

    /// Whether there is an application in a directory, or one was there and may still be.
    fn has_file(&mut self, tree: &dyn Tree, revision: &Arc<str>, directory: &str) -> Result<bool, CliError> {
        match tree.directory(directory) {
            Ok(listing) => Ok(listing
                .is_some_and(|listing| listing.get(paths::APPLICATION).is_some_and(|entry| entry.kind.is_file()))),
            // Somebody has committed what nobody can read: the others are found all the same.
            Err(error @ (TreeError::NotUtf8 { .. } | TreeError::Submodule { .. })) => {
                let is_known = self.known.contains_key(&(&**revision, directory));
                if !is_known {
                    let (revision, path, why) = (revision.clone(), directory.into(), error.to_string());
                    self.found.unnamed.push(Unnamed { revision, path, why });
                }
                Ok(is_known)
            }
            Err(error) => Err(error.into()),
        }
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

/// What the application in a directory calls itself, or why that can't be told.
fn peek(tree: &dyn Tree, directory: &str) -> Result<Result<String, String>, CliError> {
    let file = join_path(directory, paths::APPLICATION);
    let text = match read_text(tree, &file) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Err(format!("there is no {file}"))),
        Err(error) if error.kind == Kind::Config => return Ok(Err(error.message)),
        Err(error) => return Err(error),
    };
    // Of thousands, the whole files are read when they are to be deployed.
    let plain = text.lines().find_map(|line| line.strip_prefix("application:")).map(str::trim);
    if let Some(name) = plain.filter(|name| springline_config::check_name(name).is_ok()) {
        return Ok(Ok(name.to_owned()));
    }
    let read = load_application(&file, &text);
    Ok(read.map(|(application, _)| application.application).map_err(|error| error.to_string()))
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
