//! The search: renders with single files as they were before.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;
use springline_engine::build::Source;
use springline_engine::chain::Chain;
use springline_engine::overlay::Overlay;
use springline_engine::trial::{FileRead, Trial};
use springline_model::Cancel;
use springline_model::manifest::Object;
use springline_model::plugin::Pinned;
use springline_model::port::{Sources as _, Tree};
use springline_model::run::Release;
use springline_model::trace::{Found, find};
use springline_model::tree::Entry;
use springline_source::FileChange;

use super::turn::{self, Tried, Turn};
use super::value::{self, Field};
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::paths;
use crate::project::Picked;
use crate::resolve::{self, Purpose};
use crate::secret::Mask;
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
    /// The release.
    pub release: &'a Release,
    /// All that it desires, if the revision has to make all of it.
    pub whole: Option<&'a [Object]>,
    /// What may not be shown of values.
    pub mask: &'a RefCell<Mask>,
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
    pub read: Read,
    /// Where in it the value stands, if it is there as it is.
    pub line: Option<u32>,
}

/// A file that was read, and by whom.
#[derive(Debug, Clone)]
pub struct Read {
    pub path: String,
    pub by: Reader,
}

/// Who read a file.
#[derive(Debug, Clone)]
pub enum Reader {
    /// The host itself.
    Host,
    /// A plugin, in the call of that name.
    Plugin { call: String, plugin: Pinned },
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
pub enum Came {
    /// The same value.
    Same,
    /// Something else.
    Other(Without),
}

/// A file's present place in the source and its earlier versions.
struct Past {
    read: Read,
    line: Option<u32>,
    now: Option<Entry>,
    changes: Vec<FileChange>,
    /// As it was before each of them; none if there was no such file.
    before: Vec<Option<Entry>>,
    /// What came of versions that were tried.
    tried: Vec<(Option<Entry>, Came)>,
}

/// A search under way.
pub struct Search<'a> {
    app: &'a App,
    trial: &'a Trial<'a>,
    picked: Picked,
    subject: Subject<'a>,
    limit: usize,
    renders: usize,
    cancel: &'a Cancel,
    bar: ProgressBar,
}

impl<'a> Search<'a> {
    pub fn new(
        app: &'a App,
        trial: &'a Trial<'a>,
        picked: Picked,
        subject: Subject<'a>,
        (limit, cancel): (usize, &'a Cancel),
    ) -> Self {
        // What another revision names is never pinned in the work tree's lock file.
        let site = Site { work_dir: None, ..picked.site.clone() };
        let bar = ProgressBar::with_draw_target(Some(limit as u64), console::bars());
        Self { app, trial, picked: Picked { site, ..picked }, subject, limit, renders: 0, cancel, bar }
    }

    /// Searches.
    pub fn run(mut self) -> Result<Searched, CliError> {
        let (reads, unknown) = self.baseline()?;
        let mut left_out = 0;
        let mut pasts = Vec::new();
        let mut guesses = Vec::new();
        for (line, read) in self.first_what_has_it(reads)? {
            if self.renders >= self.limit {
                left_out += 1;
                continue;
            }
            self.bar.set_message(read.path.clone());
            let mut past = self.past(read, line)?;
            guesses.push(self.with(&mut past, turn::guess)?);
            pasts.push(past);
        }
        let mut findings = Vec::new();
        for (past, guess) in pasts.iter_mut().zip(&mut guesses).filter(|(_, guess)| guess.is_some()) {
            let proven = self.with(past, turn::newest)?;
            *guess = proven.or(guess.take());
        }
        // A value that went there and back may be the same at both ends.
        if !guesses.iter().flatten().any(|turn| turn.state == State::Proven) {
            for (past, guess) in pasts.iter_mut().zip(&mut guesses).filter(|(_, guess)| guess.is_none()) {
                *guess = self.with(past, turn::newest)?;
            }
        }
        let (mut candidates, mut undecided) = (Vec::new(), Vec::new());
        for (past, guess) in pasts.iter().zip(guesses) {
            match guess {
                Some(turn) if turn.state == State::Proven => findings.push(past.finding(turn)),
                found => {
                    candidates.extend(found.map(|turn| past.finding(turn)));
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
    fn baseline(&mut self) -> Result<(Vec<Read>, Vec<String>), CliError> {
        let declared = self.picked.application()?;
        let chain = self.resolved(&self.picked)?;
        let environment = chain.environments.iter().find(|known| known.name == self.subject.environment);
        let environment = environment.ok_or_else(|| {
            CliError::new(
                Kind::Usage,
                format!("the deployed revision has no environment `{}`", self.subject.environment),
            )
        })?;
        let source = Source::chosen(&self.picked.revision, self.picked.tree.as_ref());
        self.renders += 1;
        let tried = self.trial.render(&chain, environment, source)?;
        let subject = self.subject;
        let now = value::read(self.app, &tried.rendered.objects, (subject.object, subject.field), subject.mask)?;
        let is_whole = subject.whole.is_none_or(|whole| *whole == *tried.rendered.objects);
        if !is_whole || now.map(|found| found.value).as_ref() != Some(subject.value) {
            return Err(CliError::new(
                Kind::Usage,
                "the deployed revision, rendered again, has another value there: it was deployed with other plugins or \
                 artifacts, or from another directory",
            )
            .hint("`springline history show --diff` shows what a sync changed, and its plugins"));
        }
        let (files, unknown) = self.trial.reads(&chain, environment, source, &tried)?;
        let of_plugin = |FileRead { path, call, plugin }| Read { path, by: Reader::Plugin { call, plugin } };
        let mut reads: Vec<_> = files.into_iter().map(of_plugin).collect();
        let taken = declared.value.artifacts.values().filter_map(|artifact| artifact.taken.as_ref());
        for name in [paths::APPLICATION, paths::LOCK].into_iter().chain(taken.map(|taken| taken.file.as_str())) {
            let path = self.picked.site.path(name);
            if !reads.iter().any(|read| read.path == path) {
                reads.push(Read { path, by: Reader::Host });
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

    /// Files with the value in them first, and where in them it stands: there may be more files than renders.
    fn first_what_has_it(&self, reads: Vec<Read>) -> Result<Vec<(Option<u32>, Read)>, CliError> {
        let mut sorted = Vec::with_capacity(reads.len());
        for read in reads {
            self.go_on()?;
            sorted.push((self.line(&read.path)?, read));
        }
        sorted.sort_by_key(|(line, _)| line.is_none());
        Ok(sorted)
    }

    fn go_on(&self) -> Result<(), CliError> {
        if self.cancel.is_cancelled() {
            return Err(CliError::new(Kind::Cancelled, "stopped before the search was done"));
        }
        Ok(())
    }

    fn past(&self, read: Read, line: Option<u32>) -> Result<Past, CliError> {
        let source = self.app.project.source()?;
        let changes = source.past(&read.path, &self.picked.revision, (VERSIONS, COMMITS), self.cancel)?.changes;
        self.go_on()?;
        let now = Self::entry(self.picked.tree.as_ref(), &read.path)?;
        let mut before = Vec::with_capacity(changes.len());
        for change in &changes {
            before.push(match &change.before {
                Some(revision) => Self::entry(source.tree(revision)?.as_ref(), &read.path)?,
                None => None,
            });
        }
        Ok(Past { read, line, now, changes, before, tried: Vec::new() })
    }

    /// Has versions of a file tried.
    fn with<T>(&mut self, past: &mut Past, ask: impl FnOnce(usize, &mut dyn FnMut(usize) -> Tried) -> T) -> T {
        let changes = past.changes.len();
        ask(changes, &mut |at| self.tried(past, at))
    }

    /// What comes of the revision with the file as it was before a change; none if no more may be rendered.
    fn tried(&mut self, past: &mut Past, at: usize) -> Tried {
        let version = &past.before[at];
        if *version == past.now {
            return Ok(Some(Came::Same));
        }
        if let Some((_, came)) = past.tried.iter().find(|(tried, _)| tried == version) {
            return Ok(Some(came.clone()));
        }
        if self.renders >= self.limit {
            return Ok(None);
        }
        let came = self.came(&[(&past.read.path, version.as_ref())])?;
        past.tried.push((version.clone(), came.clone()));
        Ok(Some(came))
    }

    /// Commits that make it with several files together.
    fn together(&mut self, pasts: &[&Past]) -> Result<Vec<Finding>, CliError> {
        let mut commits: BTreeMap<&str, Vec<(&Past, usize)>> = BTreeMap::new();
        for past in pasts {
            for (at, change) in past.changes.iter().enumerate() {
                commits.entry(&change.commit.id).or_default().push((*past, at));
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
            let change = files[0].0.changes[files[0].1].clone();
            let files = files.iter().map(|(past, _)| past.part()).collect();
            return Ok(vec![Finding { state: State::Candidate, change, files, without }]);
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
            newer: self.picked.newer.clone(),
        };
        // The bytes of an earlier artifact may be gone.
        match self.resolved(&picked) {
            Ok(chain) => self.value_in(&picked, &chain).or_else(|error| no_answer(error, &[Kind::State])),
            Err(error) => no_answer(error, &[]),
        }
    }

    fn resolved(&self, picked: &Picked) -> Result<Chain, CliError> {
        resolve::chain_of(self.app, picked, &picked.application()?, Purpose::Ask(self.subject.release))
    }

    fn value_in(&self, picked: &Picked, chain: &Chain) -> Result<Came, CliError> {
        let environment = chain.environments.iter().find(|known| known.name == self.subject.environment);
        let Some(environment) = environment else { return Ok(Came::Other(Without::Nothing)) };
        let source = Source::chosen(&picked.revision, picked.tree.as_ref());
        let tried = self.trial.render(chain, environment, source)?;
        let Subject { object, field, value, mask, .. } = self.subject;
        Ok(match value::read(self.app, &tried.rendered.objects, (object, field), mask)? {
            Some(found) if found.value == *value => Came::Same,
            found => Came::Other(found.map_or(Without::Nothing, |found| Without::Value(found.shown))),
        })
    }
}

/// Why nothing came of a render; what is wrong with the machine is passed on.
fn no_answer(error: CliError, passed_on: &[Kind]) -> Result<Came, CliError> {
    if matches!(error.kind, Kind::Cancelled | Kind::NoSpace | Kind::Busy) || passed_on.contains(&error.kind) {
        return Err(error);
    }
    let why = error.message.lines().next().unwrap_or_default().to_owned();
    Ok(Came::Other(Without::Failed(why)))
}

impl Past {
    fn part(&self) -> Part {
        Part { read: self.read.clone(), line: self.line }
    }

    fn finding(&self, Turn { at, without, state }: Turn) -> Finding {
        Finding { state, change: self.changes[at].clone(), files: vec![self.part()], without }
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
