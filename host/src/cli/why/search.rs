//! The search: renders with single files as they were before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;
use springline_engine::build::Source;
use springline_engine::overlay::Overlay;
use springline_engine::trial::{FileRead, Trial};
use springline_model::port::{Sources as _, Tree};
use springline_model::trace::{Found, find};
use springline_model::tree::Entry;
use springline_source::FileChange;

use super::value::{self, Field};
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::paths;
use crate::project::Picked;
use crate::show::console;
use crate::site::Site;

/// How many versions of a file are looked at.
const VERSIONS: usize = 64;
/// How many commits are looked at for them.
const COMMITS: usize = 20_000;

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub environment: &'a str,
    pub object: &'a str,
    pub field: &'a Field,
    /// What it is in the release that is deployed.
    pub value: &'a Value,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// With the file as it was before the commit, the value is another one.
    Proven,
    /// It can't be told from others.
    Candidate,
}

/// A file that has a part in the value.
#[derive(Debug)]
pub struct Part {
    pub read: FileRead,
    /// Where in it the value stands, if it is there as it is.
    pub line: Option<u32>,
}

/// A commit that made the value what it is.
pub struct Finding {
    pub state: State,
    pub change: FileChange,
    pub files: Vec<Part>,
    /// What the value would be.
    pub without: Without,
}

/// What the value would be without a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// Another one.
    Value(Value),
    /// There would be none.
    Nothing,
    /// Nothing can be rendered then, and why.
    Failed(String),
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => f.write_str(&value::short(value)),
            Self::Nothing => f.write_str("it is not there"),
            Self::Failed(why) => write!(f, "nothing can be rendered: {why}"),
        }
    }
}

/// All that was found.
pub struct Searched {
    pub findings: Vec<Finding>,
    /// Calls of which it is not known what they read.
    pub unknown: Vec<String>,
    /// How many files were not looked at.
    pub left_out: usize,
    pub renders: usize,
}

/// What came of a render with other files.
#[derive(Debug, Clone, PartialEq)]
enum Came {
    /// The same value.
    Same,
    /// Something else.
    Other(Without),
}

/// A file's present place in the source and its earlier versions.
struct Past {
    read: FileRead,
    changes: Vec<FileChange>,
    /// As it was before each of them; none if there was no such file.
    before: Vec<Option<Entry>>,
}

/// A search under way.
pub struct Search<'a> {
    app: &'a App,
    trial: &'a Trial<'a>,
    picked: Picked,
    subject: Subject<'a>,
    limit: usize,
    renders: usize,
    bar: ProgressBar,
}

impl<'a> Search<'a> {
    pub fn new(
        app: &'a App,
        trial: &'a Trial<'a>,
        picked: Picked,
        subject: Subject<'a>,
        limit: usize,
    ) -> Result<Self, CliError> {
        // What another revision names is never pinned in the work tree's lock file.
        let site = Site { work_dir: None, ..picked.site.clone() };
        let bar = ProgressBar::with_draw_target(Some(limit as u64), console::bars());
        Ok(Self { app, trial, picked: Picked { site, ..picked }, subject, limit, renders: 0, bar })
    }

    /// Searches.
    pub fn run(mut self) -> Result<Searched, CliError> {
        let (mut reads, unknown) = self.baseline()?;
        self.first_what_has_it(&mut reads)?;
        let (mut findings, mut candidates, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
        let mut left_out = 0;
        for read in reads {
            if self.renders >= self.limit {
                left_out += 1;
                continue;
            }
            self.bar.set_message(read.path.clone());
            let past = self.past(read)?;
            match self.introduced(&past)? {
                Some(finding) if finding.state == State::Proven => findings.push(finding),
                found => {
                    candidates.extend(found);
                    undecided.push(past);
                }
            }
        }
        // That nothing is rendered without a file says little where another one is known to decide.
        if findings.is_empty() {
            findings = self.together(&undecided)?;
        }
        if findings.is_empty() {
            findings = candidates;
        }
        // Where the value stands says more than what only passes it on; then the newest is the latest word.
        findings.sort_by_key(|finding| {
            let has_line = finding.files.iter().any(|file| file.line.is_some());
            (finding.state, !has_line, std::cmp::Reverse(finding.change.commit.time))
        });
        Ok(Searched { findings, unknown, left_out, renders: self.renders })
    }

    /// Renders the revision as it is, and says what was read.
    fn baseline(&mut self) -> Result<(Vec<FileRead>, Vec<String>), CliError> {
        let declared = self.picked.application()?;
        let chain = crate::resolve::chain(self.app, &self.picked, &declared)?;
        let environment = chain.environments.iter().find(|known| known.name == self.subject.environment);
        let environment = environment.ok_or_else(|| {
            CliError::new(
                Kind::Usage,
                format!("the deployed revision has no environment `{}`", self.subject.environment),
            )
        })?;
        let source = Source { revision: &self.picked.revision, tree: self.picked.tree.as_ref() };
        self.renders += 1;
        let tried = self.trial.render(&chain, environment, source)?;
        let subject = self.subject;
        let now = value::read(self.app, &tried.rendered.objects, subject.object, subject.field)?;
        if now.as_ref() != Some(subject.value) {
            return Err(CliError::new(
                Kind::Usage,
                "the deployed revision, rendered again, has another value there: it was deployed with other plugins or \
                 artifacts",
            )
            .hint("`springline history show --diff` shows what a sync changed, and its plugins"));
        }
        let (files, unknown) = self.trial.reads(&chain, environment, source, &tried)?;
        let mut reads: Vec<_> = files.into_iter().collect();
        for name in [paths::APPLICATION, paths::LOCK] {
            let path = self.picked.site.path(name);
            if !reads.iter().any(|read| read.path == path) {
                let call = "read by the host".to_owned();
                reads.push(FileRead { path, call, plugin: environment.render.plugin.clone() });
            }
        }
        reads.dedup_by(|a, b| a.path == b.path);
        Ok((reads, unknown))
    }

    fn entry(tree: &dyn Tree, path: &str) -> Result<Option<Entry>, CliError> {
        Ok(match find(tree, path)? {
            Found::Entry(entry) => Some(entry),
            _ => None,
        })
    }

    /// Where in a file of the revision the value stands.
    fn line(&self, path: &str) -> Result<Option<u32>, CliError> {
        let tree = self.picked.tree.as_ref();
        let Some(entry) = Self::entry(tree, path)?.filter(|entry| entry.kind.is_file()) else { return Ok(None) };
        let bytes = tree.read(&entry)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(value::line_of(&text, self.subject.field.key().as_deref(), self.subject.value))
    }

    /// Puts files with the value in them first: there may be more files than renders.
    fn first_what_has_it(&self, reads: &mut Vec<FileRead>) -> Result<(), CliError> {
        let mut sorted = Vec::with_capacity(reads.len());
        for read in reads.drain(..) {
            sorted.push((self.line(&read.path)?.is_none(), read));
        }
        sorted.sort_by_key(|(has_none, _)| *has_none);
        reads.extend(sorted.into_iter().map(|(_, read)| read));
        Ok(())
    }

    fn past(&self, read: FileRead) -> Result<Past, CliError> {
        let source = self.app.project.source()?;
        let changes = source.past(&read.path, &self.picked.revision, VERSIONS, COMMITS)?.changes;
        let mut before = Vec::with_capacity(changes.len());
        for change in &changes {
            before.push(match &change.before {
                Some(revision) => Self::entry(source.tree(revision)?.as_ref(), &read.path)?,
                None => None,
            });
        }
        Ok(Past { read, changes, before })
    }

    /// The commit whose version of the file has the value, if the file alone decides it: the newest with
    /// the value before which there was another one.
    fn introduced(&mut self, past: &Past) -> Result<Option<Finding>, CliError> {
        if past.changes.is_empty() {
            return Ok(None);
        }
        let (mut same, mut other) = (None, 0);
        let mut came = self.came(&[(&past.read.path, past.before[0].as_ref())])?;
        if came == Came::Same {
            same = Some(0);
            other = past.changes.len() - 1;
            if other == 0 {
                return Ok(None);
            }
            came = self.came(&[(&past.read.path, past.before[other].as_ref())])?;
            if came == Came::Same {
                return Ok(None);
            }
        }
        while let Some(known) = same.filter(|known| known + 1 < other) {
            if self.renders >= self.limit {
                break;
            }
            let middle = known + (other - known) / 2;
            match self.came(&[(&past.read.path, past.before[middle].as_ref())])? {
                Came::Same => same = Some(middle),
                found => (other, came) = (middle, found),
            }
        }
        let narrowed = same.is_none_or(|known| known + 1 == other);
        let line = self.line(&past.read.path)?;
        let Came::Other(without) = came else { return Ok(None) };
        let state = match without {
            Without::Value(_) | Without::Nothing if narrowed => State::Proven,
            _ => State::Candidate,
        };
        let files = vec![Part { read: past.read.clone(), line }];
        Ok(Some(Finding { state, change: past.changes[other].clone(), files, without }))
    }

    /// Commits that make it with several files together.
    fn together(&mut self, pasts: &[Past]) -> Result<Vec<Finding>, CliError> {
        let mut commits: BTreeMap<&str, Vec<(&Past, usize)>> = BTreeMap::new();
        for past in pasts {
            for (at, change) in past.changes.iter().enumerate() {
                commits.entry(&change.commit.id).or_default().push((past, at));
            }
        }
        let mut several: Vec<_> = commits.into_values().filter(|files| files.len() > 1).collect();
        several.sort_by_key(|files| std::cmp::Reverse(files[0].0.changes[files[0].1].commit.time));
        for files in several {
            if self.renders >= self.limit {
                break;
            }
            let replaced: Vec<_> =
                files.iter().map(|(past, at)| (past.read.path.as_str(), past.before[*at].as_ref())).collect();
            let Came::Other(without @ (Without::Value(_) | Without::Nothing)) = self.came(&replaced)? else { continue };
            let mut parts = Vec::new();
            for (past, _) in &files {
                parts.push(Part { read: past.read.clone(), line: self.line(&past.read.path)? });
            }
            let change = files[0].0.changes[files[0].1].clone();
            return Ok(vec![Finding { state: State::Candidate, change, files: parts, without }]);
        }
        Ok(Vec::new())
    }

    /// What comes of the revision with these files in the place of its own.
    fn came(&mut self, replaced: &[(&str, Option<&Entry>)]) -> Result<Came, CliError> {
        self.renders += 1;
        self.bar.inc(1);
        let mut tree = self.picked.tree.clone();
        for (path, entry) in replaced {
            tree = Arc::new(Overlay::new(tree, path, entry.cloned())?);
        }
        let picked = Picked {
            revision: self.picked.revision.clone(),
            tree,
            site: self.picked.site.clone(),
            name: self.picked.name.clone(),
        };
        match self.value_of(&picked) {
            Ok(value) if value.as_ref() == Some(self.subject.value) => Ok(Came::Same),
            Ok(value) => Ok(Came::Other(value.map_or(Without::Nothing, Without::Value))),
            // What is wrong with the state or with git is no answer.
            Err(error) if matches!(error.kind, Kind::State | Kind::Cancelled | Kind::NoSpace | Kind::Busy) => {
                Err(error)
            }
            Err(error) => {
                let why = error.message.lines().next().unwrap_or_default().to_owned();
                Ok(Came::Other(Without::Failed(why)))
            }
        }
    }

    fn value_of(&self, picked: &Picked) -> Result<Option<Value>, CliError> {
        let declared = picked.application()?;
        let chain = crate::resolve::chain(self.app, picked, &declared)?;
        let environment = chain.environments.iter().find(|known| known.name == self.subject.environment);
        let Some(environment) = environment else { return Ok(None) };
        let source = Source { revision: &picked.revision, tree: picked.tree.as_ref() };
        let tried = self.trial.render(&chain, environment, source)?;
        value::read(self.app, &tried.rendered.objects, self.subject.object, self.subject.field)
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
