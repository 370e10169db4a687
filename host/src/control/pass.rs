//! What one look at everything comes to.

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

/// How many environments came to what. Each is counted once.
pub(super) fn figures(came: impl Iterator<Item = Came> + Clone) -> Vec<(&'static str, usize)> {
    Came::ALL.iter().map(|(word, sort)| (*word, came.clone().filter(|other| other == sort).count())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_by_its_word() {
        let came = [Came::InSync, Came::Failed, Came::InSync, Came::Deployed];
        let said: Vec<_> = figures(came.into_iter()).into_iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(said, [("in-sync", 2), ("deployed", 1), ("failed", 1)]);
        assert!(Came::ALL.iter().all(|(word, came)| came.word() == *word));
    }
}
