//! What is looked after: the repositories, and the rules by which applications are found in them.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use springline_config::load_fleet;
use springline_model::fleet::{Fleet, Generator, fits};
use springline_model::run::Origin;
use springline_source::GitSource;

use super::find::BRANCHES;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::site;

/// A rule by which applications are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The repository, by its place in the list.
    pub repository: usize,
    pub find: Find,
    /// The template of the applications' names.
    pub name: String,
    /// Whether what is deployed of an application that is gone is removed.
    pub prune: bool,
    /// What messages call it.
    pub text: String,
    /// Whether the file says it no longer. What it found is looked after until it is known what the others find.
    pub is_retired: bool,
}

/// What a rule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Find {
    /// One application.
    One { revision: Arc<str>, path: String },
    /// One of every directory that matches.
    Directories { revision: Arc<str>, matches: String },
    /// One of every branch that matches.
    Branches { matches: String, path: String },
}

/// A repository that rules name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Its address or path.
    pub url: String,
    /// That, as anybody may read it.
    pub shown: String,
    /// How often it is asked for what is new.
    pub every: Duration,
    /// Whether a rule is about it.
    pub is_used: bool,
}

/// All that is looked after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub repositories: Vec<Address>,
    pub rules: Vec<Rule>,
}

impl Plan {
    /// The one application of `--repo`.
    pub(super) fn single(common: &Common, every: Duration) -> Result<Self, CliError> {
        let mut plan = Self::default();
        let here = std::path::absolute(common.path(Path::new(".")))
            .map_err(|error| CliError::new(Kind::State, format!("{}: {error}", common.repository())))?;
        let repository = plan.repository(&address(&here, &common.repository()), None, every);
        let path = site::directory(common.path.as_deref())?;
        let find = Find::One { revision: "HEAD".into(), path };
        plan.rules.push(rule(repository, find, "{application}", false, String::new()));
        Ok(plan)
    }

    /// Whether these plans of one application each look for it at the same place.
    pub(super) fn is_one(&self, other: &Self) -> bool {
        let places = |plan: &Self| plan.rules.iter().map(|rule| rule.find.clone()).collect::<Vec<_>>();
        let shown = |plan: &Self| plan.repositories.iter().map(|address| address.shown.clone()).collect::<Vec<_>>();
        (places(self), shown(self)) == (places(other), shown(other))
    }

    /// The one application that comes from there.
    pub(super) fn of_origin(origin: &Origin) -> Self {
        let mut plan = Self::default();
        let repository = plan.repository(&origin.repository, None, Duration::ZERO);
        let find = Find::One { revision: origin.revision.as_str().into(), path: origin.path.clone() };
        plan.rules.push(rule(repository, find, "{application}", false, String::new()));
        plan
    }

    /// Those of a fleet file.
    pub(super) fn of_fleet(file: &Path, text: &str, every: Duration) -> Result<Self, CliError> {
        let (fleet, _) = load_fleet(&file.display().to_string(), text)?;
        let directory = std::path::absolute(file.parent().unwrap_or(Path::new(".")))
            .map_err(|error| CliError::new(Kind::State, format!("{}: {error}", file.display())))?;
        Self::of(&fleet, &directory, every)
    }

    fn of(fleet: &Fleet, directory: &Path, every: Duration) -> Result<Self, CliError> {
        let mut plan = Self::default();
        let url = |named: &str| {
            let url = fleet.repositories.get(named).map_or(named, |repository| repository.url.as_str());
            address(directory, url)
        };
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        for member in &fleet.applications {
            let repository = plan.repository(&url(&member.repo), seconds(member.interval_seconds), every);
            let path = site::directory(member.path.as_deref())?;
            let find = Find::One { revision: member.revision.as_str().into(), path };
            let name = member.name.as_deref().unwrap_or("{application}");
            let place = member.path.as_deref().unwrap_or("the root");
            let text = format!("{place} of {} at {}", member.repo, member.revision);
            plan.rules.push(rule(repository, find, name, false, text));
        }
        for generator in &fleet.generators {
            let rule = match generator {
                Generator::Directories(of) => {
                    let repository = plan.repository(&url(&of.repo), seconds(of.interval_seconds), every);
                    let text = format!("directories {} of {} at {}", of.matches, of.repo, of.revision);
                    let find = Find::Directories { revision: of.revision.as_str().into(), matches: of.matches.clone() };
                    rule(repository, find, of.name.as_deref().unwrap_or("{application}"), of.prune, text)
                }
                Generator::Branches(of) => {
                    let repository = plan.repository(&url(&of.repo), seconds(of.interval_seconds), every);
                    let text = format!("branches {} of {}", of.matches, of.repo);
                    let path = site::directory(of.path.as_deref())?;
                    let find = Find::Branches { matches: of.matches.clone(), path };
                    rule(repository, find, of.name.as_deref().unwrap_or("{application}-{branch}"), of.prune, text)
                }
            };
            plan.rules.push(rule);
        }
        Ok(plan)
    }

    /// The repository of an address, asked as often as the most frequent of its rules wants.
    fn repository(&mut self, url: &str, every: Option<Duration>, default: Duration) -> usize {
        let at = match self.repositories.iter().position(|known| is_same(&known.url, url)) {
            Some(at) => at,
            None => {
                let (shown, every) = (GitSource::shown(url), every.unwrap_or(default));
                self.repositories.push(Address { url: url.to_owned(), shown, every, is_used: true });
                return self.repositories.len() - 1;
            }
        };
        let known = &mut self.repositories[at];
        known.every = known.every.min(every.unwrap_or(default));
        at
    }
}

/// The address of a repository, or its path without detours.
fn address(directory: &Path, url: &str) -> String {
    if GitSource::is_address(url) {
        return url.to_owned();
    }
    let path = directory.join(url);
    let clean = || {
        path.components().fold(PathBuf::new(), |mut clean, part| {
            if part == Component::ParentDir {
                clean.pop();
            } else {
                clean.push(part);
            }
            clean
        })
    };
    path.canonicalize().unwrap_or_else(|_| clean()).display().to_string()
}

/// Whether two addresses differ in nothing that a server sees a difference in.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|url| url.trim_end_matches('/'));
    let is_bare = || one.trim_end_matches(".git") == other.trim_end_matches(".git");
    one == other || is_bare() && [one, other].into_iter().all(GitSource::is_address)
}

fn rule(repository: usize, find: Find, name: &str, prune: bool, text: String) -> Rule {
    Rule { repository, find, name: name.to_owned(), prune, text, is_retired: false }
}

impl Rule {
    /// The revision that all its applications follow; none where each has its own.
    pub(super) fn revision(&self) -> Option<&Arc<str>> {
        match &self.find {
            Find::One { revision, .. } | Find::Directories { revision, .. } => Some(revision),
            Find::Branches { .. } => None,
        }
    }

    /// Whether it finds the same, by the same names.
    pub(super) fn finds_as(&self, other: &Self) -> bool {
        (self.repository, &self.find, &self.name) == (other.repository, &other.find, &other.name)
    }

    /// Whether it would find an application there.
    pub(super) fn covers(&self, at: &str, directory: &str) -> bool {
        match &self.find {
            Find::One { revision, path } => **revision == *at && path == directory,
            Find::Directories { revision, matches } => **revision == *at && fits(matches, directory),
            Find::Branches { matches, path } => {
                path == directory && at.strip_prefix(BRANCHES).is_some_and(|branch| fits(matches, branch))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_asked_as_often_as_the_most_impatient_wants() {
        let text = "\
repositories: { platform: { url: https://git.example.com/platform.git } }
applications:
  - { repo: platform, path: apps/shop, interval-seconds: 60 }
  - { repo: 'https://git.example.com/platform/', path: apps/blog, interval-seconds: 30 }
  - { name: other, repo: ../other }
  - { name: again, repo: ../state/../other/ }
generators:
  - branches: { repo: platform, match: feature/* }
";
        let (fleet, _) = load_fleet("fleet.yaml", text).unwrap();
        let every = Duration::from_secs(180);
        let plan = Plan::of(&fleet, Path::new("/srv/state"), every).unwrap();
        let urls: Vec<_> = plan.repositories.iter().map(|known| (known.url.as_str(), known.every.as_secs())).collect();
        assert_eq!(urls, [("https://git.example.com/platform.git", 30), ("/srv/other", 180)]);
        assert_eq!(plan.rules.iter().map(|rule| rule.repository).collect::<Vec<_>>(), [0, 0, 1, 1, 0]);
        assert_eq!(plan.rules[0].find, Find::One { revision: "HEAD".into(), path: "apps/shop".into() });
        assert_eq!(plan.rules[4].name, "{application}-{branch}");
    }
}
