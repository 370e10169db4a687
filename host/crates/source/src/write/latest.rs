//! The latest commits of a reference, those that merges brought as well.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::ObjectId;
use springline_model::repository::Commit;

use super::described;

/// How many commits of a reference are looked at.
const COMMITS: usize = 128;

/// A commit with its parents.
struct Found {
    parents: Vec<ObjectId>,
    commit: Commit,
}

/// The latest commits from this one on, by all parents, each before its parents and else newest first.
/// It goes as far as to one of `until`, and a bounded number of commits.
pub(super) fn latest(repository: &gix::Repository, tip: ObjectId, until: &[ObjectId]) -> Vec<Commit> {
    let mut seen: HashSet<ObjectId> = until.iter().copied().collect();
    let (mut open, mut read) = (BinaryHeap::new(), HashMap::new());
    let mut reach = |open: &mut BinaryHeap<_>, read: &mut HashMap<_, _>, id: ObjectId| {
        if !seen.insert(id) {
            return;
        }
        // A shallow clone ends somewhere.
        let Ok(commit) = repository.find_commit(id) else { return };
        open.push((commit.time().map(|time| time.seconds).unwrap_or_default(), id));
        read.insert(id, commit);
    };
    reach(&mut open, &mut read, tip);
    let mut found: Vec<Found> = Vec::new();
    let mut places = HashMap::new();
    while found.len() < COMMITS
        && let Some((_, id)) = open.pop()
        && let Some(commit) = read.remove(&id)
    {
        let parents: Vec<_> = commit.parent_ids().map(gix::Id::detach).collect();
        parents.iter().for_each(|parent| reach(&mut open, &mut read, *parent));
        places.insert(id, found.len());
        found.push(Found { parents, commit: described(&commit) });
    }
    children_first(found, &places)
}

/// Times alone are no order: a proposal may be older than what it was merged into.
fn children_first(found: Vec<Found>, places: &HashMap<ObjectId, usize>) -> Vec<Commit> {
    let mut children = vec![0_usize; found.len()];
    let inner = |parents: &[ObjectId]| -> Vec<usize> {
        parents.iter().filter_map(|parent| places.get(parent).copied()).collect()
    };
    let parents: Vec<_> = found.iter().map(|found| inner(&found.parents)).collect();
    for parent in parents.iter().flatten() {
        children[*parent] += 1;
    }
    let mut commits: Vec<_> = found.into_iter().map(|found| Some(found.commit)).collect();
    let mut ready: BinaryHeap<_> = (!commits.is_empty()).then_some(Reverse(0)).into_iter().collect();
    let mut ordered = Vec::with_capacity(commits.len());
    while let Some(Reverse(at)) = ready.pop() {
        ordered.extend(commits[at].take());
        for parent in &parents[at] {
            children[*parent] -= 1;
            if children[*parent] == 0 {
                ready.push(Reverse(*parent));
            }
        }
    }
    ordered
}
