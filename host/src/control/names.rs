//! Who has which name. A name is had once: whoever has it keeps it as long as it is there.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use springline_model::run::Origin;

use super::find::{Candidate, Unnamed};
use super::plan::{Rule, is_same};
use super::queue::Id;
use super::state::{Member, News, Sought, State, Stays};

/// The way out for who wants a name that others want.
const RENAME: &str = "`name` in the fleet file gives it another name";
/// How many of the others a message names.
const NAMED: usize = 3;

/// An application that was found, and by which rule.
#[derive(Clone)]
struct Claim {
    rule: usize,
    candidate: Candidate,
}

/// A name that somebody wants and does not get, where that is, and why.
pub(super) type Refused = (Arc<str>, String, String);

impl State {
    /// Takes over what the rules found.
    pub(super) fn reconcile(&mut self, news: &mut Vec<News>) {
        let claims = |rule: usize| self.sought[rule].found.candidates.iter().map(move |found| (rule, found));
        let mut claims: Vec<Claim> = (0..self.sought.len())
            .flat_map(claims)
            .map(|(rule, candidate)| Claim { rule, candidate: candidate.clone() })
            .chain(self.called_before())
            .collect();
        self.members.reserve_exact(claims.len().saturating_sub(self.members.len()));
        // By name, and then in the order of the file.
        claims.sort_by(|one, other| one.candidate.name.cmp(&other.candidate.name));
        let (mut kept, mut wanted, mut refused) = (HashSet::new(), HashSet::new(), BTreeSet::new());
        for claims in claims.chunk_by(|one, other| one.candidate.name == other.candidate.name) {
            let name = &claims[0].candidate.name;
            wanted.insert(name.clone());
            let winner = self.whose(name, claims);
            if let Some(winner) = winner {
                kept.insert(self.put(winner.rule, winner.candidate.clone()));
            }
            for other in claims.iter().filter(|claim| winner.is_none_or(|winner| !self.is_one(winner, claim))) {
                let why = match winner {
                    Some(winner) => {
                        format!(
                            "another application is called `{name}` already, in {}: {RENAME}",
                            self.place_of(winner)
                        )
                    }
                    None if claims.iter().all(|other| self.is_one(&claims[0], other)) => {
                        format!("`{name}` was somewhere else before, and that could not be read yet")
                    }
                    None => {
                        let others = claims.iter().filter(|claim| !self.is_one(other, claim));
                        let mut others = others.map(|claim| self.place_of(claim));
                        let named: BTreeSet<String> = others.by_ref().take(NAMED).collect();
                        let named = Vec::from_iter(named).join(", ");
                        let more = if others.next().is_some() { ", …" } else { "" };
                        format!(
                            "several applications are called `{name}` ({named}{more}): none of them is deployed; {RENAME}"
                        )
                    }
                };
                refused.insert((name.clone(), self.place_of(other), why));
            }
        }
        for id in (0..).take(self.members.len()) {
            let member = &self.members[id as usize];
            if member.gone || kept.contains(&id) {
                continue;
            }
            let mut is_removed = false;
            if !wanted.contains(&member.name) {
                let stays = self.stays(member.rule, (&member.revision, &member.path));
                is_removed = stays.is_none();
                news.push(News::Orphaned { name: member.name.clone(), stays });
                self.forget_before(id);
            }
            self.let_go(id, is_removed);
        }
        self.reconcile_before(&wanted, news);
        let known = std::mem::replace(&mut self.refused, refused);
        news.extend(self.refused.difference(&known).cloned().map(|(name, rule, why)| News::Taken { name, rule, why }));
        self.forget_heads();
    }

    /// What can't be read now, and was looked after before this loop began: it has the name that it had.
    fn called_before(&self) -> Vec<Claim> {
        let unnamed = (0..)
            .zip(&self.sought)
            .flat_map(|(rule, sought)| sought.found.unnamed.iter().map(move |unnamed| (rule, unnamed)));
        let called = |(rule, unnamed): (usize, &Unnamed)| {
            let repository = self.plan.rules[rule].repository;
            let origin = self.origin_at(repository, (&unnamed.revision, &unnamed.path));
            let (name, _) = self.before.iter().find(|(_, was)| was.iter().any(|was| is_from(&was.origin, &origin)))?;
            let (name, revision, path) = (name.clone(), unnamed.revision.clone(), unnamed.path.clone());
            Some(Claim { rule, candidate: Candidate { name, revision, path } })
        };
        unnamed.filter_map(called).collect()
    }

    /// Who of those that want a name gets it: who has it; else the only one that wants it.
    fn whose<'c>(&self, name: &str, claims: &'c [Claim]) -> Option<&'c Claim> {
        let has_it = |member: &Member, claim: &Claim| {
            let Candidate { revision, path, .. } = &claim.candidate;
            self.repository_of(member) == self.plan.rules[claim.rule].repository
                && (&member.revision, &member.path) == (revision, path)
        };
        // Before the first pass nothing was deployed, and nobody has a name for being read first.
        if let Some(member) = self.id(name).filter(|_| self.started).map(|id| &self.members[id as usize]) {
            let mut having = claims.iter().filter(|claim| has_it(member, claim));
            let first = having.next();
            // Several rules may find it.
            let by_its_rule = having.find(|claim| claim.rule == member.rule);
            if let Some(claim) = by_its_rule.or(first) {
                return Some(claim);
            }
        }
        let before = self.before.get(name).map_or(&[][..], Vec::as_slice);
        let was_there = |claim: &&Claim| before.iter().any(|was| is_from(&was.origin, &self.origin(claim)));
        if let Some(claim) = claims.iter().find(was_there) {
            return Some(claim);
        }
        // It may still be where it was.
        let is_unknown = |repository: &str| {
            let mut rules = self.plan.rules.iter().zip(&self.sought);
            rules.any(|(rule, sought)| {
                !sought.is_known
                    && !rule.is_retired
                    && is_same(&self.plan.repositories[rule.repository].shown, repository)
            })
        };
        if before.iter().any(|was| is_unknown(&was.origin.repository)) {
            return None;
        }
        let (first, others) = claims.split_first()?;
        others.iter().all(|other| self.is_one(first, other)).then_some(first)
    }

    /// Whether two rules have found the same.
    fn is_one(&self, one: &Claim, other: &Claim) -> bool {
        let repository = |claim: &Claim| self.plan.rules[claim.rule].repository;
        repository(one) == repository(other) && one.candidate == other.candidate
    }

    /// Why what a rule finds no longer is not removed, if it is not: as what is still there by another name. A rule
    /// that finds nothing at all any more may be what is wrong.
    fn stays(&self, rule: usize, place: (&str, &str)) -> Option<Stays> {
        let Rule { prune, is_retired, repository, .. } = self.plan.rules[rule];
        match () {
            () if !prune => Some(Stays::Unasked),
            () if is_retired => Some(Stays::Retired),
            () if self.is_found(repository, place) => Some(Stays::Renamed),
            () if self.sought[rule].found.candidates.is_empty() => Some(Stays::Alone),
            () => None,
        }
    }

    /// Whether something is found there, by whatever name.
    fn is_found(&self, repository: usize, place: (&str, &str)) -> bool {
        let mut rules = self.plan.rules.iter().zip(&self.sought).filter(|(rule, _)| rule.repository == repository);
        rules.any(|(_, Sought { found, .. })| {
            let named = found.candidates.iter().map(|found| (&*found.revision, &*found.path));
            let unnamed = found.unnamed.iter().map(|found| (&*found.revision, &*found.path));
            named.chain(unnamed).any(|found| found == place)
        })
    }

    /// What was there before the loop began, and is told and removed now, is not told again as what went meanwhile.
    fn forget_before(&mut self, id: Id) {
        let member = &self.members[id as usize];
        let origin = self.origin_of(member);
        if let Some(was) = self.before.get_mut(&member.name) {
            was.retain(|was| !is_from(&was.origin, &origin));
        }
    }

    /// What went while nobody watched is told, and removed, as what goes now.
    fn reconcile_before(&mut self, wanted: &HashSet<Arc<str>>, news: &mut Vec<News>) {
        if self.before.is_empty() || !self.is_all_known() {
            return;
        }
        let went = self.before.extract_if(|name, _| !wanted.contains(name)).collect::<Vec<_>>();
        for (name, was) in went {
            let found_by = |origin: &Origin| {
                let mut rules = (0..).zip(&self.plan.rules);
                let rule = rules.find(|(_, rule)| {
                    is_same(&self.plan.repositories[rule.repository].shown, &origin.repository)
                        && !rule.is_retired
                        && rule.covers(&origin.revision, &origin.path)
                });
                Some((rule?.0, origin.clone()))
            };
            // What no rule is about is somebody else's.
            let Some((rule, origin)) = was.iter().find_map(|was| found_by(&was.origin)) else { continue };
            let stays = self.stays(rule, (&origin.revision, &origin.path));
            if stays.is_none() {
                let found = (rule, origin.revision.as_str().into(), origin.path.as_str().into());
                let id = self.add(Member { gone: true, ..Member::new(name.clone(), found) });
                self.begin_to_leave(id);
            }
            news.push(News::Orphaned { name, stays });
        }
    }

    fn origin(&self, Claim { rule, candidate }: &Claim) -> Origin {
        let repository = self.plan.rules[*rule].repository;
        let Candidate { revision, path, .. } = candidate;
        self.origin_at(repository, (revision, path))
    }

    /// Where an application comes from.
    pub(super) fn origin_of(&self, member: &Member) -> Origin {
        self.origin_at(self.repository_of(member), (&member.revision, &member.path))
    }

    fn origin_at(&self, repository: usize, (revision, path): (&str, &str)) -> Origin {
        let repository = self.plan.repositories[repository].shown.clone();
        Origin { repository, revision: revision.to_owned(), path: path.to_owned(), by_itself: true }
    }

    fn place_of(&self, Claim { rule, candidate }: &Claim) -> String {
        let Rule { repository, .. } = &self.plan.rules[*rule];
        let shown = &self.plan.repositories[*repository].shown;
        let path = if candidate.path.is_empty() { "its root" } else { &candidate.path };
        format!("{path} of {shown} at {}", candidate.revision)
    }

    fn put(&mut self, rule: usize, candidate: Candidate) -> Id {
        let Candidate { name, revision, path } = candidate;
        self.stop_leaving(&name);
        let repository = self.plan.rules[rule].repository;
        let head = self.repositories[repository].heads.get(&revision).cloned();
        let id = match self.id(&name) {
            Some(id) => {
                let stays = self.repository_of(&self.members[id as usize]) == repository;
                let member = self.member(id);
                member.rule = rule;
                if stays && (&member.revision, &member.path) == (&revision, &path) {
                    return id;
                }
                (member.revision, member.path) = (revision, path);
                (member.at, member.wanted) = (None, None);
                member.era += 1;
                self.set_footprint(id, None);
                id
            }
            None => {
                let id = self.add(Member::new(name.clone(), (rule, revision, path)));
                self.by_name.insert(name, id);
                id
            }
        };
        self.member(id).look.all = true;
        if let Some(head) = head {
            self.want(id, head, true);
        }
        id
    }

    /// An application that is new has a number that nobody has any more.
    fn add(&mut self, member: Member) -> Id {
        let next = Id::try_from(self.members.len()).unwrap_or(Id::MAX);
        let id = self.free.pop().unwrap_or(next);
        match self.members.get_mut(id as usize) {
            Some(free) => *free = member,
            None => self.members.push(member),
        }
        id
    }

    /// An application is looked after no longer. What is under way of it comes to its end first.
    fn let_go(&mut self, id: Id, leaves: bool) {
        self.passed(id);
        let member = self.member(id);
        member.gone = true;
        let name = member.name.clone();
        self.by_name.remove(&name);
        self.queue.drop(id);
        self.set_footprint(id, None);
        if leaves {
            self.begin_to_leave(id);
        }
        self.free_if_gone(id);
    }

    fn begin_to_leave(&mut self, id: Id) {
        let name = self.members[id as usize].name.clone();
        // One at a time: it would never be told to stop.
        self.stop_leaving(&name);
        let member = self.member(id);
        (member.leaves, member.problem) = (true, None);
        member.spots.clear();
        self.leaving.insert(name, id);
        self.queue.want(id);
        if self.started {
            self.member(id).pending = true;
            self.pending += 1;
        }
    }

    /// It is back, or all of it that is to go has gone.
    pub(super) fn stop_leaving(&mut self, name: &str) {
        let Some(id) = self.leaving.remove(name) else { return };
        let member = self.member(id);
        member.leaves = false;
        if let Some((steer, _)) = &member.steer {
            steer.supersede();
        }
        self.passed(id);
        self.queue.drop(id);
        self.free_if_gone(id);
    }

    /// Gives the number of an application that is gone to the next one, unless something is under way.
    pub(super) fn free_if_gone(&mut self, id: Id) {
        let member = &self.members[id as usize];
        let rule = member.rule;
        if !member.is_done() || member.name.is_empty() || self.queue.is_running(id) {
            return;
        }
        self.paces.let_go(id);
        let nothing: Arc<str> = "".into();
        let husk = Member::new(nothing.clone(), (rule, nothing.clone(), nothing));
        *self.member(id) = Member { gone: true, ..husk };
        self.free.push(id);
    }

    /// Forgets where branches were that nothing is found in any more. What has no name yet may get one.
    fn forget_heads(&mut self) {
        let rules = self.plan.rules.iter().filter(|rule| !rule.is_retired);
        let mut used: HashSet<(usize, Arc<str>)> =
            rules.filter_map(|rule| Some((rule.repository, rule.revision()?.clone()))).collect();
        let rules = self.plan.rules.iter().zip(&self.sought);
        used.extend(rules.flat_map(|(rule, sought)| {
            sought.found.candidates.iter().map(|found| (rule.repository, found.revision.clone()))
        }));
        let own = self.live().map(|(_, member)| (self.repository_of(member), member.revision.clone()));
        used.extend(own);
        for (at, repository) in self.repositories.iter_mut().enumerate() {
            repository.heads.retain(|revision, _| used.contains(&(at, revision.clone())));
        }
    }
}

/// Whether an environment comes from there, deployed by itself or not.
pub(super) fn is_from(origin: &Origin, other: &Origin) -> bool {
    (&origin.revision, &origin.path) == (&other.revision, &other.path) && is_same(&origin.repository, &other.repository)
}
