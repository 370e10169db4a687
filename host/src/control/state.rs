//! What is known of every application that is looked after. No I/O happens here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_model::footprint::{Changes, Footprint};
use springline_model::port::{Revision, Seen};
use springline_model::run::Origin;

use super::crew::Crew;
use super::find::Discovery;
use super::index::Index;
use super::names::Refused;
use super::pace::{Key, Paces, Part, Why};
use super::pass::{Came, Failed};
use super::plan::{Address, Plan, Rule, is_same};
use super::queue::{Id, Queue};
use super::steer::Steer;

/// An application that is looked after.
pub(super) struct Member {
    pub name: Arc<str>,
    pub rule: usize,
    pub revision: Arc<str>,
    pub path: Arc<str>,
    /// The commit that it is to be at.
    pub wanted: Option<Arc<Revision>>,
    /// The commit that it was brought to, or the last one that nothing changed for it in.
    pub at: Option<Arc<Revision>>,
    /// What it depends on at that commit; none if that is not known.
    pub footprint: Option<Footprint>,
    /// Whether every commit is handed over to other repositories.
    pub delivers: bool,
    /// How often what it is made of became another, with which nothing that was found out before holds.
    pub era: u64,
    pub spots: Vec<Spot>,
    pub look: Look,
    /// Why it can't be read.
    pub problem: Option<Arc<str>>,
    /// Why something of it could not be handed over.
    pub undelivered: Option<Arc<str>>,
    /// The deployment under way, and of which commit.
    pub steer: Option<(Arc<Steer>, String)>,
    /// Whether nothing finds it any more.
    pub gone: bool,
    /// Whether it is gone, and all of it is to be removed.
    pub leaves: bool,
    /// Whether it was not looked at yet in the pass under way.
    pub pending: bool,
}

/// An environment, as it was when it was looked at last.
pub(super) struct Spot {
    pub environment: Arc<str>,
    pub state: Came,
    /// What there is to say of that.
    pub why: Option<Arc<str>>,
    /// What it came to in the pass under way.
    pub came: Option<Came>,
    /// What the look depended on that found nothing to do, if it was the last thing that happened.
    pub seen: Option<Arc<dyn Seen>>,
}

/// What an application is to be looked at for.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Every environment.
    pub all: bool,
    /// These environments, which were heard of.
    pub woken: BTreeSet<Arc<str>>,
}

impl Look {
    pub(super) fn means(&self, environment: &str) -> bool {
        self.all || self.woken.contains(environment)
    }
}

/// A repository, as far as it has been asked.
#[derive(Default)]
pub(super) struct Repository {
    pub heads: HashMap<Arc<str>, Arc<Revision>>,
    /// Why revisions of it, or rules, say nothing.
    pub problems: BTreeSet<(Arc<str>, String)>,
    /// How often it was asked.
    pub asked: u64,
}

/// What asking a repository came to.
#[derive(Default)]
pub(super) struct Polled {
    pub heads: BTreeMap<Arc<str>, Result<Arc<Revision>, String>>,
    /// What differs from the commit before.
    pub changes: HashMap<Arc<str>, Changes>,
    /// How long it took to find that out.
    pub comparing: HashMap<Arc<str>, Duration>,
    /// What rules found anew.
    pub found: Vec<(usize, Result<Discovery, String>)>,
}

/// Something that happened and is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// There is a new commit, which concerns so many applications, and so many others not.
    Revision {
        revision: Arc<str>,
        commit: String,
        concerned: usize,
        others: usize,
        /// How long it took to find that out.
        took: Duration,
    },
    /// A revision can't be had; told once for each reason.
    Unreadable { revision: Arc<str>, why: String },
    /// A name is wanted by something that does not get it.
    Taken { name: Arc<str>, rule: String, why: String },
    /// An application is looked after no longer.
    Orphaned { name: Arc<str>, stays: Option<Stays> },
}

/// Why what is deployed of an application that nothing finds any more is not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stays {
    /// Its rule does not say that it is.
    Unasked,
    /// Its rule does, and the fleet file has that rule no longer.
    Retired,
    /// Its rule does, and finds nothing at all any more.
    Alone,
    /// It is still there, by another name.
    Renamed,
}

/// What a rule found.
pub(super) struct Sought {
    pub found: Arc<Discovery>,
    /// Whether it could not be searched since its source changed, or never was.
    pub is_stale: bool,
    /// Whether it was searched.
    pub is_known: bool,
}

impl Default for Sought {
    fn default() -> Self {
        Self { found: Arc::default(), is_stale: true, is_known: false }
    }
}

/// An environment as somebody looked after it before.
pub(super) struct Was {
    pub environment: String,
    pub origin: Origin,
}

/// Environments as somebody looked after them before, by application.
pub(super) type Before = HashMap<Arc<str>, Vec<Was>>;
/// The environments that somebody deployed in and nobody looked after, by application.
pub(super) type ByHand = HashMap<Arc<str>, Vec<String>>;

/// Everything.
#[derive(Default)]
pub(super) struct State {
    pub plan: Plan,
    pub repositories: Vec<Repository>,
    pub sought: Vec<Sought>,
    pub members: Vec<Member>,
    /// The places of members that are gone.
    pub(super) free: Vec<Id>,
    pub(super) by_name: HashMap<Arc<str>, Id>,
    pub queue: Queue,
    pub crew: Crew,
    pub paces: Paces<Key>,
    index: Index,
    pub(super) refused: BTreeSet<Refused>,
    /// Those that are to be removed.
    pub leaving: HashMap<Arc<str>, Id>,
    /// What was looked after before this loop began, and was not looked at since.
    pub before: Before,
    /// The environments that something was deployed in by hand before.
    pub by_hand: ByHand,
    /// How what failed first in the pass under way failed; if nothing did yet, in the one before that had such.
    pub failed: Failed,
    /// How many of the pass under way are not looked at yet.
    pub pending: usize,
    /// Whether the first pass has begun: before it, nobody works.
    pub started: bool,
    pub stopping: bool,
}

impl State {
    pub(super) fn new(plan: Plan) -> Self {
        let repositories = plan.repositories.iter().map(|_| Repository::default()).collect();
        let sought = plan.rules.iter().map(|_| Sought::default()).collect();
        Self { plan, repositories, sought, ..Self::default() }
    }

    pub(super) fn id(&self, name: &str) -> Option<Id> {
        self.by_name.get(name).copied()
    }

    pub(super) fn member(&mut self, id: Id) -> &mut Member {
        &mut self.members[id as usize]
    }

    pub(super) fn repository_of(&self, member: &Member) -> usize {
        self.plan.rules[member.rule].repository
    }

    /// All that are looked after.
    pub(super) fn live(&self) -> impl Iterator<Item = (Id, &Member)> {
        (0..).zip(&self.members).filter(|(_, member)| !member.gone)
    }

    /// Follows another plan from now on. Repositories and rules keep their places: those that are there no
    /// longer are used no longer.
    pub(super) fn follow(&mut self, plan: Plan) -> Vec<News> {
        self.plan.repositories.iter_mut().for_each(|known| known.is_used = false);
        let mut places = Vec::new();
        for address in plan.repositories {
            let known = self.plan.repositories.iter().position(|known| is_same(&known.url, &address.url));
            places.push(known.unwrap_or(self.repositories.len()));
            match known {
                // It is called as it was.
                Some(at) => {
                    let known = &mut self.plan.repositories[at];
                    let (url, shown) = (std::mem::take(&mut known.url), std::mem::take(&mut known.shown));
                    *known = Address { url, shown, ..address };
                }
                None => {
                    self.plan.repositories.push(address);
                    self.repositories.push(Repository::default());
                }
            }
        }
        let retired = self.plan.rules.iter_mut().map(|rule| std::mem::replace(&mut rule.is_retired, true));
        let retired: Vec<bool> = retired.collect();
        for mut rule in plan.rules {
            rule.repository = places[rule.repository];
            let known = self.plan.rules.iter().position(|known| known.finds_as(&rule));
            match known {
                Some(at) => {
                    self.plan.rules[at] = rule;
                    if retired.get(at) == Some(&true) {
                        self.sought[at] = Sought::default();
                    }
                }
                None => {
                    self.plan.rules.push(rule);
                    self.sought.push(Sought::default());
                }
            }
        }
        let mut news = Vec::new();
        if self.retire() {
            self.reconcile(&mut news);
        }
        news
    }

    /// Lets go of what rules found that are there no longer, once it is known what the others find in that
    /// repository. Whether there was something.
    fn retire(&mut self) -> bool {
        let Plan { repositories, rules } = &self.plan;
        let unknown = rules.iter().zip(&self.sought).filter(|(rule, sought)| !rule.is_retired && !sought.is_known);
        let unknown: Vec<&str> = unknown.map(|(rule, _)| &*repositories[rule.repository].shown).collect();
        let is_over = |rule: &Rule| {
            let shown = &repositories[rule.repository].shown;
            rule.is_retired && !unknown.iter().any(|unknown| is_same(unknown, shown))
        };
        let over = rules.iter().zip(&mut self.sought).filter(|(rule, _)| is_over(rule));
        let found = over.map(|(_, sought)| std::mem::take(&mut sought.found));
        found.fold(false, |any, found| any | !found.candidates.is_empty())
    }

    /// Whether every rule was searched.
    pub(super) fn is_all_known(&self) -> bool {
        let mut rules = self.plan.rules.iter().zip(&self.sought);
        rules.all(|(rule, sought)| rule.is_retired || sought.is_known)
    }

    /// Whether an environment is looked after, or may be as far as is known.
    pub(super) fn looks_after(&self, application: &str, environment: &str) -> bool {
        let Some(id) = self.id(application) else { return !self.is_all_known() };
        let member = &self.members[id as usize];
        let is_read = member.problem.is_none() && !member.spots.is_empty();
        !is_read || member.spots.iter().any(|spot| *spot.environment == *environment)
    }

    /// Takes in what a repository was found to be.
    pub(super) fn take_in(&mut self, repository: usize, polled: Polled) -> Vec<News> {
        let (mut news, mut problems) = (Vec::new(), BTreeSet::new());
        self.repositories[repository].asked += 1;
        let mut anew = false;
        for (rule, found) in polled.found {
            let sought = &mut self.sought[rule];
            sought.is_stale = found.is_err();
            match found {
                Ok(found) => {
                    anew |= sought.found.candidates != found.candidates
                        || sought.found.unnamed != found.unnamed
                        || !sought.is_known;
                    sought.is_known = true;
                    sought.found = Arc::new(found);
                }
                Err(why) => drop(problems.insert((self.plan.rules[rule].text.as_str().into(), why))),
            }
        }
        let mut moved = Vec::new();
        for (revision, head) in polled.heads {
            match head {
                Ok(commit) => {
                    let old = self.repositories[repository].heads.insert(revision.clone(), commit.clone());
                    if old.as_ref().is_none_or(|old| old.id != commit.id) {
                        moved.push((revision, old, commit));
                    }
                }
                Err(why) => drop(problems.insert((revision, why))),
            }
        }
        self.complain(repository, problems, &mut news);
        for (revision, old, commit) in moved {
            let nothing = Changes::unknown();
            let changes = polled.changes.get(&revision).unwrap_or(&nothing);
            let step = (old.as_deref(), &commit, changes);
            let began = Instant::now();
            let (concerned, others) = self.advance(repository, &revision, step);
            if old.is_some() {
                let commit = commit.id.clone();
                let took = began.elapsed() + polled.comparing.get(&revision).copied().unwrap_or_default();
                news.push(News::Revision { revision, commit, concerned, others, took });
            }
        }
        if self.retire() || anew {
            self.reconcile(&mut news);
        }
        news
    }

    /// Tells what of this was not so when the repository was asked before.
    fn complain(&mut self, repository: usize, mut problems: BTreeSet<(Arc<str>, String)>, news: &mut Vec<News>) {
        let own = self.sought.iter().zip(&self.plan.rules).filter(|(_, rule)| rule.repository == repository);
        let unnamed = own.flat_map(|(sought, _)| &sought.found.unnamed);
        problems.extend(unnamed.map(|unnamed| (unnamed.revision.clone(), unnamed.why.clone())));
        let known = std::mem::replace(&mut self.repositories[repository].problems, problems);
        let new = self.repositories[repository].problems.difference(&known).cloned();
        news.extend(new.map(|(revision, why)| News::Unreadable { revision, why }));
    }

    /// A revision is at another commit: those that it concerns are queued, and for the others nothing
    /// changed. How many there are of each.
    fn advance(
        &mut self,
        repository: usize,
        revision: &Arc<str>,
        (old, commit, changes): (Option<&Revision>, &Arc<Revision>, &Changes),
    ) -> (usize, usize) {
        let met = self.index.concerned(changes);
        let (mut concerned, mut others) = (0, 0);
        for id in 0..self.members.len() {
            let member = &self.members[id];
            if member.gone || member.revision != *revision || self.repository_of(member) != repository {
                continue;
            }
            let id = Id::try_from(id).unwrap_or(Id::MAX);
            let touched = self.is_touched(id, changes, &met);
            if !touched && !self.members[id as usize].delivers && self.follows(id, old) {
                others += 1;
                let member = self.member(id);
                member.wanted = Some(commit.clone());
                member.at = Some(commit.clone());
            } else {
                concerned += 1;
                self.want(id, commit.clone(), touched);
            }
        }
        (concerned, others)
    }

    /// Whether a change may concern an application. What is not known counts as a change.
    fn is_touched(&self, id: Id, changes: &Changes, met: &[Id]) -> bool {
        let Some(footprint) = &self.members[id as usize].footprint else { return true };
        changes.is_unknown() || footprint.is_everything() || met.binary_search(&id).is_ok()
    }

    /// Whether an application is where the step to a new commit begins, and nothing is under way that
    /// brings it elsewhere.
    fn follows(&self, id: Id, old: Option<&Revision>) -> bool {
        let member = &self.members[id as usize];
        let (Some(old), Some(at)) = (old, &member.at) else { return false };
        at.id == old.id && member.steer.as_ref().is_none_or(|(_, under_way)| *under_way == at.id)
    }

    /// An application is to be at this commit, and pauses of failures that it touches end. What is older is
    /// superseded, unless nothing that it is known to depend on has changed since: it would never come to its end
    /// where commits come faster than it is built.
    pub(super) fn want(&mut self, id: Id, commit: Arc<Revision>, touched: bool) {
        let member = self.member(id);
        if let Some((steer, under_way)) = &member.steer
            && touched
            && *under_way != commit.id
        {
            steer.supersede();
        }
        member.wanted = Some(commit);
        // What failed for a reason that this commit does not change has its time.
        if !touched && member.steer.is_none() && self.paces.waiting(id).next().is_some() {
            return;
        }
        self.paces.end_failures(id);
        self.queue.want(id);
    }

    /// What an application depends on from now on.
    pub(super) fn set_footprint(&mut self, id: Id, footprint: Option<Footprint>) {
        if let Some(old) = self.members[id as usize].footprint.take() {
            self.index.remove(id, &old);
        }
        if let Some(new) = footprint {
            self.index.add(id, &new);
            self.members[id as usize].footprint = Some(new);
        }
    }

    /// What work on an application came to: the commit that it is at, if it got there, and what it depends on and
    /// whether it hands over, if that was found out. What was begun in another era says nothing of this one.
    pub(super) fn came_to(&mut self, id: Id, era: u64, at: Option<Arc<Revision>>, found: Option<(Footprint, bool)>) {
        let member = self.member(id);
        if member.gone || member.era != era {
            member.at = None;
            member.spots.iter_mut().for_each(|spot| spot.seen = None);
            return;
        }
        // A commit may have come meanwhile that changes nothing for it.
        if at.is_none() || member.at.is_none() || member.at != member.wanted {
            member.at = at;
        }
        if let Some((footprint, delivers)) = found {
            member.delivers = delivers;
            self.set_footprint(id, Some(footprint));
        }
    }

    /// The environments of an application, in their order; what is known of those that stay, stays.
    pub(super) fn set_spots(&mut self, id: Id, names: &[&str]) {
        let member = self.member(id);
        if names.iter().copied().eq(member.spots.iter().map(|spot| &*spot.environment)) {
            return;
        }
        let mut old = std::mem::take(&mut member.spots);
        // As many places as there are environments: a push would make four.
        let spots = names.iter().map(|name| match old.iter().position(|spot| *spot.environment == **name) {
            Some(at) => old.swap_remove(at),
            None => Spot { environment: (*name).into(), state: Came::NotDeployed, why: None, came: None, seen: None },
        });
        member.spots = spots.collect();
    }

    /// Nothing that was found out holds any more.
    pub(super) fn look_anew(&mut self) {
        let ids: Vec<Id> = self.live().map(|(id, _)| id).collect();
        for id in ids {
            let member = self.member(id);
            member.at = None;
            member.era += 1;
            member.look.all = true;
            member.spots.iter_mut().for_each(|spot| spot.seen = None);
            self.paces.end_failures(id);
            self.queue.want(id);
        }
    }

    /// The environments of an application that are declared no longer, of those that are known. `declared` are
    /// all that there are.
    pub(super) fn gone_of(&mut self, id: Id, declared: &[&str]) -> Vec<String> {
        let member = &self.members[id as usize];
        let mut known: Vec<String> = member.spots.iter().map(|spot| spot.environment.to_string()).collect();
        // Wherever it was then: the name is this one's.
        known.extend(self.before.remove(&member.name).into_iter().flatten().map(|was| was.environment));
        if self.before.is_empty() {
            self.before = Before::new();
        }
        known.extend(self.by_hand.remove(&member.name).into_iter().flatten());
        known.retain(|environment| !declared.contains(&environment.as_str()));
        known
    }

    /// Whether this was said of an environment already.
    pub(super) fn is_said(&self, id: Id, environment: &str, (came, why): (Came, Option<&str>)) -> bool {
        let spot = self.members[id as usize].spots.iter().find(|spot| *spot.environment == *environment);
        spot.is_some_and(|spot| (spot.state, spot.why.as_deref()) == (came, why))
    }

    /// Those that nothing but reality can have changed, with what to hold against it.
    pub(super) fn quiet(&self, is_meant: &dyn Fn(&Self, &Member) -> bool) -> Vec<(Id, Vec<Arc<dyn Seen>>)> {
        let is_there = |member: &Member| member.problem.is_none() && member.at.is_some() && member.at == member.wanted;
        let known = self.live().filter(|(id, member)| {
            is_meant(self, member)
                && is_there(member)
                && !member.spots.is_empty()
                && !self.queue.is_ready(*id)
                && member.steer.is_none()
        });
        let seen = |member: &Member| member.spots.iter().map(|spot| spot.seen.clone()).collect::<Option<Vec<_>>>();
        known.filter_map(|(id, member)| Some((id, seen(member)?))).collect()
    }

    /// Whether nothing happened to an application since it was found to be quiet.
    fn is_quiet(&self, id: Id) -> bool {
        let member = &self.members[id as usize];
        member.spots.iter().all(|spot| spot.seen.is_some()) && member.steer.is_none() && !self.queue.is_ready(id)
    }

    /// Begins a pass: everything that does not pause is to be looked at. Of those that are `quiet`, sorted,
    /// it is known that a look would find nothing.
    pub(super) fn begin_pass(&mut self, now: Instant, quiet: &[Id]) {
        (self.pending, self.started) = (0, true);
        self.members.iter_mut().for_each(|member| member.pending = false);
        for id in 0..self.members.len() {
            let key = Id::try_from(id).unwrap_or(Id::MAX);
            if self.members[id].is_done() {
                continue;
            }
            if quiet.binary_search(&key).is_ok() && self.is_quiet(key) {
                self.members[id].spots.iter_mut().for_each(|spot| spot.came = spot.came.or(Some(spot.state)));
                continue;
            }
            let member = &self.members[id];
            let looks = member.spots.iter().map(|spot| (key, Part::Look(spot.environment.clone())));
            let pauses: Vec<Option<Why>> = looks.map(|look| self.paces.pauses(&look, now)).collect();
            let rests = !pauses.is_empty() && pauses.iter().all(Option::is_some) && !self.queue.is_ready(key);
            let member = &mut self.members[id];
            for (spot, pause) in member.spots.iter_mut().zip(&pauses) {
                spot.came = spot.came.or(pause.map(|why| match why {
                    Why::Failed => Came::Failed,
                    Why::Undone => Came::Paused,
                }));
            }
            if rests {
                continue;
            }
            member.look.all = true;
            member.pending = true;
            self.pending += 1;
            self.queue.want(key);
        }
    }

    /// An application was looked at.
    pub(super) fn passed(&mut self, id: Id) {
        if std::mem::take(&mut self.member(id).pending) {
            self.pending -= 1;
        }
    }

    /// When the worker that has nothing to do has to look again at the latest.
    pub(super) fn next(&self, now: Instant, longest: Duration) -> Duration {
        let next = self.queue.next().map_or(longest, |next| next.saturating_duration_since(now));
        next.clamp(Duration::from_millis(1), longest)
    }
}

impl Member {
    /// Whether there is nothing more to be done for it.
    pub(super) const fn is_done(&self) -> bool {
        self.gone && !self.leaves
    }

    pub(super) fn new(name: Arc<str>, (rule, revision, path): (usize, Arc<str>, Arc<str>)) -> Self {
        Self {
            name,
            rule,
            revision,
            path,
            wanted: None,
            at: None,
            footprint: None,
            delivers: false,
            era: 0,
            spots: Vec::new(),
            look: Look::default(),
            problem: None,
            undelivered: None,
            steer: None,
            gone: false,
            leaves: false,
            pending: false,
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
