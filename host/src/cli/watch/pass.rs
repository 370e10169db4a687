//! What one look at everything comes to.

use std::collections::BTreeMap;

use super::pace::Why;

/// What a look at an environment came to; of several in one pass, that which is further down is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    NotDeployed,
    InSync,
    /// It was not looked at: somebody undoes its repairs.
    Paused,
    Drifted,
    /// What would be removed waits for a confirmation.
    Unconfirmed,
    Repaired,
    Promoted,
    Failed,
}

/// The environments that one look at everything is through with.
#[derive(Default)]
pub(super) struct Pass<'a>(BTreeMap<&'a str, Came>);

impl<'a> Pass<'a> {
    /// Whether an environment is still to be looked at: if it was not in this pass, and does not pause. One
    /// that pauses is as it was.
    pub(super) fn wants(&mut self, environment: &'a str, pauses: Option<Why>) -> bool {
        if self.0.contains_key(environment) {
            return false;
        }
        match pauses {
            None => return true,
            Some(Why::Failed) => self.note(environment, Came::Failed),
            Some(Why::Undone) => self.note(environment, Came::Paused),
        }
        false
    }

    /// An environment was looked at.
    pub(super) fn note(&mut self, environment: &'a str, came: Came) {
        let known = self.0.entry(environment).or_insert(came);
        *known = came.max(*known);
    }

    /// How many environments came to what. Each is counted once.
    pub(super) fn figures(&self) -> [(&'static str, usize); 8] {
        let words = [
            ("in-sync", Came::InSync),
            ("repaired", Came::Repaired),
            ("promoted", Came::Promoted),
            ("drifted", Came::Drifted),
            ("unconfirmed", Came::Unconfirmed),
            ("paused", Came::Paused),
            ("failed", Came::Failed),
            ("not-deployed", Came::NotDeployed),
        ];
        words.map(|(word, came)| (word, self.0.values().filter(|other| **other == came).count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pass: &Pass<'_>) -> Vec<(&'static str, usize)> {
        pass.figures().into_iter().filter(|(_, n)| *n > 0).collect()
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let mut pass = Pass::default();
        assert!(pass.wants("a", None) && pass.wants("b", None));
        // It was woken before its turn came.
        pass.note("b", Came::Repaired);
        assert!(!pass.wants("b", None) && pass.wants("a", None));
        pass.note("a", Came::InSync);
        // Its own writes wake it.
        pass.note("b", Came::InSync);
        assert_eq!(said(&pass), [("in-sync", 1), ("repaired", 1)]);
    }

    #[test]
    fn what_pauses_is_counted_and_not_looked_at() {
        let mut pass = Pass::default();
        assert!(!pass.wants("broken", Some(Why::Failed)) && !pass.wants("undone", Some(Why::Undone)));
        assert_eq!(said(&pass), [("paused", 1), ("failed", 1)]);
        // Its pause was over before the pass was.
        pass.note("undone", Came::Repaired);
        assert_eq!(said(&pass), [("repaired", 1), ("failed", 1)]);
    }
}
