//! What one look at everything comes to.

use std::time::{Duration, Instant};

use super::pace::Key;
use super::state::State;
use crate::cli::error::Kind;

/// What a look at an environment came to; of several in one pass, that which is further down is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    NotDeployed,
    InSync,
    /// It is left alone: somebody said so.
    Suspended,
    /// It was not looked at: somebody undoes its repairs.
    Paused,
    /// There is something newer, and a person or a promotion brings it.
    OutOfSync,
    Drifted,
    /// What would be removed waits for a confirmation.
    Unconfirmed,
    Repaired,
    Deployed,
    Promoted,
    Failed,
}

impl Came {
    /// All of them, with the words by which they are told.
    pub(super) const ALL: [(&'static str, Self); 11] = [
        ("in-sync", Self::InSync),
        ("deployed", Self::Deployed),
        ("promoted", Self::Promoted),
        ("repaired", Self::Repaired),
        ("drifted", Self::Drifted),
        ("unconfirmed", Self::Unconfirmed),
        ("out-of-sync", Self::OutOfSync),
        ("suspended", Self::Suspended),
        ("paused", Self::Paused),
        ("failed", Self::Failed),
        ("not-deployed", Self::NotDeployed),
    ];

    /// The word by which it is told.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, other)| *other == self).map_or("", |(word, _)| word)
    }
}

/// The kinds of what failed first: in the pass under way, and in the last one before that had such.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failed {
    pub now: Option<Kind>,
    pub before: Option<Kind>,
}

impl State {
    /// How many sources could not be read when they were asked last.
    pub(super) fn unreadable(&self) -> usize {
        let used = self.plan.repositories.iter().zip(&self.repositories).filter(|(address, _)| address.is_used);
        used.map(|(_, repository)| repository.problems.len()).sum()
    }

    /// Something failed; how long it pauses.
    pub(super) fn fails(&mut self, key: &Key, looked: (Instant, Instant), kind: Kind) -> Duration {
        self.failed.now.get_or_insert(kind);
        self.paces.failed(key, looked)
    }

    /// From here on counts what is told of the next pass.
    pub(super) fn count_anew(&mut self) {
        self.members.iter_mut().flat_map(|member| &mut member.spots).for_each(|spot| spot.came = None);
        self.failed = Failed { now: None, before: self.failed.now.or(self.failed.before) };
    }
}

/// What could not be had or named besides environments, in the pass under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Besides {
    /// Sources that could not be read.
    pub unreadable: usize,
    /// What has no name, as others want it or have it.
    pub nameless: usize,
}

/// What a pass ends with, if something failed in it.
pub(super) fn ends_with(came: &[Came], besides: Besides, failed: Failed) -> Option<Kind> {
    if besides.unreadable > 0 {
        return Some(Kind::Source);
    }
    let nameless = (besides.nameless > 0).then_some(Kind::Config);
    let any_failed = nameless.is_some() || came.contains(&Came::Failed);
    any_failed.then(|| failed.now.or(nameless).or(failed.before).unwrap_or(Kind::Deploy))
}

/// How many environments came to what. Each is counted once.
pub(super) fn figures(came: &[Came], besides: Besides) -> Vec<(&'static str, usize)> {
    let counted = |sort: Came| came.iter().filter(|other| **other == sort).count();
    let besides_of = |sort: Came| if sort == Came::Failed { besides.nameless } else { 0 };
    let counts = Came::ALL.iter().map(|(word, sort)| (*word, counted(*sort) + besides_of(*sort)));
    counts.chain([("unreadable", besides.unreadable)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_by_its_word() {
        let came = [Came::InSync, Came::Failed, Came::InSync, Came::Deployed];
        let said = |besides| figures(&came, besides).into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>();
        assert_eq!(said(Besides::default()), [("in-sync", 2), ("deployed", 1), ("failed", 1)]);
        let besides = Besides { unreadable: 3, nameless: 1 };
        assert_eq!(said(besides), [("in-sync", 2), ("deployed", 1), ("failed", 2), ("unreadable", 3)]);
        assert!(Came::ALL.iter().all(|(word, came)| came.word() == *word));
    }

    #[test]
    fn a_pass_in_which_something_failed_ends_with_its_kind() {
        let ends = |came: &[Came], (unreadable, nameless), (now, before)| {
            let besides = Besides { unreadable, nameless };
            ends_with(came, besides, Failed { now, before })
        };
        let calm = [Came::InSync, Came::Unconfirmed, Came::Drifted, Came::OutOfSync, Came::Suspended];
        assert_eq!(ends(&[], (0, 0), (None, None)), None);
        assert_eq!(ends(&calm, (0, 0), (None, Some(Kind::Plugin))), None, "it was mended since");
        assert_eq!(ends(&[Came::Failed], (0, 0), (Some(Kind::Plugin), Some(Kind::State))), Some(Kind::Plugin));
        assert_eq!(ends(&[Came::Failed], (0, 0), (None, Some(Kind::State))), Some(Kind::State), "it pauses");
        assert_eq!(ends(&calm, (1, 0), (None, None)), Some(Kind::Source));
        assert_eq!(ends(&calm, (0, 1), (None, None)), Some(Kind::Config));
    }
}
