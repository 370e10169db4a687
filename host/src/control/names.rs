//! Who has which name. A name is had once: whoever has it keeps it as long as it is there.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::find::Candidate;
use super::plan::Rule;
use super::queue::Id;
use super::state::{Member, News, State};

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
            .collect();
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
            for other in claims.iter().filter(|claim| winner.is_none_or(|winner| !self.is_same(winner, claim))) {
                let why = match winner {
                    Some(_) => format!("another application is called `{name}` already"),
                    None => format!("several applications are called `{name}`: none of them is deployed"),
                };
                refused.insert((name.clone(), self.place_of(other), why));
            }
        }
        for id in (0..).take(self.members.len()) {
            let member = &self.members[id as usize];
            if member.gone || kept.contains(&id) {
                continue;
            }
            if !wanted.contains(&member.name) {
                news.push(self.orphaned(member));
            }
            self.let_go(id);
        }
        let known = std::mem::replace(&mut self.refused, refused);
        news.extend(self.refused.difference(&known).cloned().map(|(name, rule, why)| News::Taken { name, rule, why }));
        self.forget_heads();
    }

    /// Who of those that want a name gets it: who has it; else the only one that wants it.
    fn whose<'c>(&self, name: &str, claims: &'c [Claim]) -> Option<&'c Claim> {
        let has_it = |member: &Member, claim: &Claim| {
            let Candidate { revision, path, .. } = &claim.candidate;
            self.repository_of(member) == self.plan.rules[claim.rule].repository
                && (&member.revision, &member.path) == (revision, path)
        };
        if let Some(member) = self.id(name).map(|id| &self.members[id as usize]) {
            let mut having = claims.iter().filter(|claim| has_it(member, claim));
            let first = having.next();
            // Several rules may find it.
            let by_its_rule = having.find(|claim| claim.rule == member.rule);
            if let Some(claim) = by_its_rule.or(first) {
                return Some(claim);
            }
        }
        let (first, others) = claims.split_first()?;
        others.iter().all(|other| self.is_same(first, other)).then_some(first)
    }

    /// Whether two rules have found the same.
    fn is_same(&self, one: &Claim, other: &Claim) -> bool {
        let repository = |claim: &Claim| self.plan.rules[claim.rule].repository;
        repository(one) == repository(other) && one.candidate == other.candidate
    }

    fn orphaned(&self, member: &Member) -> News {
        let Member { name, rule, .. } = member;
        // A rule that finds nothing at all any more may be what is wrong.
        let prune = self.plan.rules[*rule].prune && !self.sought[*rule].found.candidates.is_empty();
        News::Orphaned { name: name.clone(), rule: *rule, prune }
    }

    fn place_of(&self, Claim { rule, candidate }: &Claim) -> String {
        let Rule { repository, .. } = &self.plan.rules[*rule];
        let url = &self.plan.repositories[*repository].url;
        let path = if candidate.path.is_empty() { "its root" } else { &candidate.path };
        format!("{path} of {url} at {}", candidate.revision)
    }

    fn put(&mut self, rule: usize, candidate: Candidate) -> Id {
        let Candidate { name, revision, path } = candidate;
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
                self.set_footprint(id, None);
                id
            }
            None => self.add(Member::new(name, (rule, revision, path))),
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
        self.by_name.insert(member.name.clone(), id);
        match self.members.get_mut(id as usize) {
            Some(free) => *free = member,
            None => self.members.push(member),
        }
        id
    }

    /// An application is looked after no longer. What is under way of it comes to its end first.
    fn let_go(&mut self, id: Id) {
        self.passed(id);
        let member = self.member(id);
        member.gone = true;
        let name = member.name.clone();
        self.by_name.remove(&name);
        self.queue.drop(id);
        self.set_footprint(id, None);
        self.free_if_gone(id);
    }

    /// Gives the number of an application that is gone to the next one, unless something is under way.
    pub(super) fn free_if_gone(&mut self, id: Id) {
        let Member { gone, rule, ref name, .. } = self.members[id as usize];
        if !gone || name.is_empty() || self.queue.is_running(id) {
            return;
        }
        self.paces.let_go(id);
        let nothing: Arc<str> = "".into();
        let husk = Member::new(nothing.clone(), (rule, nothing.clone(), nothing));
        *self.member(id) = Member { gone: true, ..husk };
        self.free.push(id);
    }

    /// Forgets where branches were that nothing is found in any more.
    fn forget_heads(&mut self) {
        let mut used: HashSet<(usize, Arc<str>)> =
            self.plan.rules.iter().filter_map(|rule| Some((rule.repository, rule.revision()?.clone()))).collect();
        let own = self.live().map(|(_, member)| (self.repository_of(member), member.revision.clone()));
        used.extend(own.collect::<Vec<_>>());
        for (at, repository) in self.repositories.iter_mut().enumerate() {
            repository.heads.retain(|revision, _| used.contains(&(at, revision.clone())));
        }
    }
}
