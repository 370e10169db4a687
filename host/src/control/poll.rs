//! Asks repositories what is new: one poller for each, however many applications it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use springline_model::Cancel;
use springline_model::fleet::fits;
use springline_model::footprint::Changes;
use springline_model::port::{Revision, SourceError, Sources as _, Tree};
use springline_source::GitSource;

use super::find::{BRANCHES, Candidate, Discovery, find};
use super::plan::{Find, Rule};
use super::state::Polled;
use crate::cli::error::CliError;

/// A repository on this machine is looked at so often: that costs next to nothing.
const NEARBY: Duration = Duration::from_secs(2);
/// The longest pause of a repository that can't be asked.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A repository that is asked.
pub(super) struct Place {
    url: String,
    mirrors: PathBuf,
    source: Mutex<Option<Arc<GitSource>>>,
    /// Whether it is to be opened anew: what is open may have no place for what came since.
    anew: AtomicBool,
    /// The trees of revisions, as long as somebody uses them.
    trees: Mutex<HashMap<String, Weak<dyn Tree>>>,
}

impl Place {
    pub(super) fn new(url: &str, mirrors: &Path) -> Self {
        let (url, mirrors) = (url.to_owned(), mirrors.to_owned());
        let anew = AtomicBool::default();
        Self { url, mirrors, source: Mutex::default(), anew, trees: Mutex::default() }
    }

    /// What is there as of now, asked for if it is elsewhere; how long that may be silent.
    fn ask(&self, within: (Duration, &Cancel)) -> Result<Arc<GitSource>, CliError> {
        let anew = self.anew.load(Ordering::Relaxed);
        let source = match self.source() {
            _ if GitSource::is_address(&self.url) => {
                Arc::new(GitSource::fetch(&self.url, None, &self.mirrors, within)?)
            }
            Some(known) if !anew => known,
            _ => Arc::new(GitSource::open(Path::new(&self.url))?),
        };
        if anew {
            self.trees.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.anew.store(false, Ordering::Relaxed);
        }
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source.clone());
        Ok(source)
    }

    /// What was there when it was asked last.
    pub(super) fn source(&self) -> Option<Arc<GitSource>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tree of a commit: one for all that use it at a time.
    pub(super) fn tree(&self, source: &GitSource, revision: &Revision) -> Result<Arc<dyn Tree>, CliError> {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = trees.get(&revision.id).and_then(Weak::upgrade) {
            return Ok(tree);
        }
        trees.retain(|_, tree| tree.strong_count() > 0);
        let tree = source.tree(revision)?;
        trees.insert(revision.id.clone(), Arc::downgrade(&tree));
        Ok(tree)
    }
}

/// A rule, and what it found last; it is stale if it was not, or could not be, searched since.
pub(super) struct Searched {
    pub at: usize,
    pub rule: Rule,
    pub known: Arc<Discovery>,
    pub is_stale: bool,
}

/// What was known before, to which what is found is compared.
pub(super) struct Before {
    pub rules: Vec<Searched>,
    pub heads: HashMap<Arc<str>, Arc<Revision>>,
}

/// Asks a repository what its revisions are and what its rules find there; how long it may be silent.
pub(super) fn poll(place: &Place, before: &Before, within: (Duration, &Cancel)) -> Result<Polled, CliError> {
    let source = place.ask(within)?;
    let mut polled = Polled::default();
    let fixed = before.rules.iter().filter_map(|searched| searched.rule.revision());
    for revision in fixed.collect::<BTreeSet<_>>() {
        see(&source, revision, before, &mut polled);
    }
    // They have to live until everything is found, or each would be read anew.
    let held = std::cell::RefCell::new(BTreeMap::<String, Arc<dyn Tree>>::new());
    let trees = |revision: &str| -> Result<Arc<dyn Tree>, CliError> {
        if let Some(tree) = held.borrow().get(revision) {
            return Ok(tree.clone());
        }
        let tree = place.tree(&source, &source.resolve(revision)?)?;
        held.borrow_mut().insert(revision.to_owned(), tree.clone());
        Ok(tree)
    };
    for searched in &before.rules {
        let found = match &searched.rule.find {
            Find::Branches { matches, .. } => branches(&source, matches).and_then(|(branches, number)| {
                if !searched.is_stale && searched.known.branches == number {
                    return Ok(None);
                }
                let found = find(&searched.rule, &branches, &trees, &searched.known.candidates)?;
                Ok(Some(Discovery { branches: number, ..found }))
            }),
            _ if is_as_before(searched, before, &polled) => Ok(None),
            _ => find(&searched.rule, &[], &trees, &searched.known.candidates).map(Some),
        };
        if let (Find::Branches { .. }, Ok(Some(found))) = (&searched.rule.find, &found) {
            for Candidate { revision, .. } in &found.candidates {
                see(&source, revision, before, &mut polled);
            }
        }
        if found.is_err() {
            place.anew.store(true, Ordering::Relaxed);
        }
        polled.found.extend(found.map_err(|error| error.message).transpose().map(|found| (searched.at, found)));
    }
    Ok(polled)
}

/// The full names of the branches that match, and a number that stands for them and their commits.
fn branches(source: &GitSource, matches: &str) -> Result<(Vec<Arc<str>>, u64), CliError> {
    let (mut names, mut hasher) = (Vec::new(), DefaultHasher::new());
    for branch in source.branches()?.iter().filter(|branch| fits(matches, branch)) {
        let name: Arc<str> = format!("{BRANCHES}{branch}").into();
        match source.resolve(&name) {
            Ok(commit) => (&name, commit.id).hash(&mut hasher),
            // It went meanwhile.
            Err(SourceError::UnknownRevision { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        names.push(name);
    }
    Ok((names, hasher.finish()))
}

/// Sees where a revision is, and what differs from where it was.
fn see(source: &GitSource, revision: &Arc<str>, before: &Before, polled: &mut Polled) {
    let head = source.resolve(revision);
    if let (Ok(new), Some(old)) = (&head, before.heads.get(revision))
        && new.id != old.id
    {
        // A commit that is gone, as after a forced push, can't be compared.
        let began = Instant::now();
        let changes = source.changed(old, new).unwrap_or_else(|_| Changes::unknown());
        polled.comparing.insert(revision.clone(), began.elapsed());
        polled.changes.insert(revision.clone(), changes);
    }
    polled.heads.insert(revision.clone(), head.map(Arc::new).map_err(|error| error.to_string()));
}

/// Whether a rule finds what it found before, as nothing that it depends on changed.
fn is_as_before(Searched { rule, known, is_stale, .. }: &Searched, before: &Before, polled: &Polled) -> bool {
    let Some(revision) = rule.revision() else { return false };
    let Some(Ok(new)) = polled.heads.get(revision) else {
        // What is not there finds nothing; that is told of the revision.
        return true;
    };
    let is_same = |old: &Arc<Revision>| {
        old.id == new.id || polled.changes.get(revision).is_some_and(|changes| !known.meets(changes))
    };
    !is_stale && before.heads.get(revision).is_some_and(is_same)
}

/// When a repository is asked.
pub(super) struct Timing {
    pub due: Instant,
    failures: u32,
    pub under_way: bool,
    /// Whether it is to be asked again at once when it has been.
    again: bool,
    /// Whether it is asked at all.
    pub is_used: bool,
}

impl Timing {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, failures: 0, under_way: false, again: false, is_used: true }
    }

    /// It is to be asked now.
    pub(super) fn now(&mut self, now: Instant) {
        if self.under_way {
            self.again = true;
        } else {
            self.due = now;
        }
    }

    /// It was asked. `spread` is a number by which its next time is moved, so that not all come at once.
    pub(super) fn asked(&mut self, now: Instant, went_well: bool, (every, is_near): (Duration, bool), spread: u64) {
        self.under_way = false;
        if std::mem::take(&mut self.again) {
            self.due = now;
            return;
        }
        self.failures = if went_well { 0 } else { self.failures.saturating_add(1) };
        let every = if is_near { every.min(NEARBY) } else { every };
        let pause = match self.failures {
            0 => every,
            failures => every.min(Duration::from_secs(1) * 2u32.saturating_pow(failures - 1)).min(LONGEST_PAUSE),
        };
        self.due = now + spread_out(pause, spread);
    }
}

/// How long it is till the next one is due that is not due yet. Those that are wait for others to end: that wakes.
pub(super) fn next_due(timings: &[Timing], now: Instant, longest: Duration) -> Duration {
    let waiting = timings.iter().filter(|timing| timing.is_used && !timing.under_way && timing.due > now);
    waiting.map(|timing| timing.due - now).min().unwrap_or(longest)
}

/// A pause, longer by up to a tenth of it.
pub(super) fn spread_out(pause: Duration, spread: u64) -> Duration {
    let tenth = u64::try_from(pause.as_millis() / 10).unwrap_or(u64::MAX);
    pause + Duration::from_millis(if tenth == 0 { 0 } else { spread % tenth })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_repository_that_fails_is_asked_again_soon_and_then_more_rarely() {
        let now = Instant::now();
        let mut timing = Timing::new(now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            timing.asked(now, false, (2 * MINUTE, false), 0);
            pauses.push((timing.due - now).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        timing.asked(now, true, (2 * MINUTE, false), 7);
        assert_eq!(timing.due - now, 2 * MINUTE + Duration::from_millis(7));
        timing.asked(now, true, (2 * MINUTE, true), 0);
        assert_eq!(timing.due - now, NEARBY);
    }

    #[test]
    fn what_is_told_of_while_it_is_asked_is_not_lost() {
        let now = Instant::now();
        let mut timing = Timing::new(now);
        timing.under_way = true;
        timing.now(now);
        timing.asked(now, true, (MINUTE, false), 0);
        assert_eq!(timing.due, now);
        timing.asked(now, true, (MINUTE, false), 0);
        assert_eq!(timing.due, now + MINUTE);
    }

    #[test]
    fn one_that_can_not_be_asked_yet_is_not_waited_for_without_a_pause() {
        let now = Instant::now();
        let mut timings: Vec<Timing> = (0..3).map(|_| Timing::new(now)).collect();
        timings[0].under_way = true;
        assert_eq!(next_due(&timings, now, MINUTE), MINUTE);
        timings[2].due = now + MINUTE / 2;
        assert_eq!(next_due(&timings, now, MINUTE), MINUTE / 2);
    }

    #[test]
    fn not_all_come_at_once() {
        for spread in [0, 1, 5999, 6000, u64::MAX] {
            let spread = spread_out(MINUTE, spread);
            assert!(spread >= MINUTE && spread < MINUTE + MINUTE / 10);
        }
    }
}
