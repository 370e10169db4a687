//! How soon environments are looked at again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The first pause of an environment; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The pause of an environment, and when it is over.
struct Pace {
    pause: Duration,
    again: Instant,
    repaired: bool,
}

/// The environments that are to be left alone for a while: one that failed, and one that was repaired.
/// A repair's own writes don't wake it, and a repair that somebody keeps undoing is made ever more rarely.
#[derive(Default)]
pub(super) struct Paces(BTreeMap<String, Pace>);

impl Paces {
    /// Whether an environment is to be looked at now: of one that pauses, what wakes it is looked at when
    /// the pause is over, as it is in any case.
    pub(super) fn is_due(&self, environment: &str, woken: bool, now: Instant) -> bool {
        self.0.get(environment).map_or(woken, |pace| pace.again <= now)
    }

    /// When the next pause is over.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|pace| pace.again).min()
    }

    /// An environment failed; how long it pauses now.
    pub(super) fn failed(&mut self, environment: &str, now: Instant) -> Duration {
        let pause = self.0.get(environment).map_or(FIRST_PAUSE, |pace| (pace.pause * 2).min(LONGEST_PAUSE));
        self.pause(environment, pause, false, now)
    }

    /// An environment was repaired. If it had been repaired before its pause, somebody undoes repairs.
    pub(super) fn repaired(&mut self, environment: &str, now: Instant) {
        let pause = self.0.get(environment).map_or(FIRST_PAUSE, |pace| match pace.repaired {
            true => (pace.pause * 2).min(LONGEST_PAUSE),
            false => pace.pause,
        });
        self.pause(environment, pause, true, now);
    }

    /// Nothing was to be done: once that is so after its pause, an environment pauses no more.
    pub(super) fn quiet(&mut self, environment: &str, now: Instant) {
        if self.is_due(environment, false, now) {
            self.0.remove(environment);
        }
    }

    fn pause(&mut self, environment: &str, pause: Duration, repaired: bool, now: Instant) -> Duration {
        self.0.insert(environment.to_owned(), Pace { pause, again: now + pause, repaired });
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_woken_is_looked_at_at_once_unless_it_pauses() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        assert!(paces.is_due("a", true, now) && !paces.is_due("a", false, now));
        assert_eq!(paces.failed("a", now), FIRST_PAUSE);
        assert!(!paces.is_due("a", true, now), "its own writes woke it");
        assert!(paces.is_due("b", true, now), "another's pause");
        assert!(paces.is_due("a", false, now + FIRST_PAUSE));
        assert_eq!(paces.next(), Some(now + FIRST_PAUSE));
    }

    #[test]
    fn a_failure_that_lasts_pauses_ever_longer_up_to_a_bound() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        let pauses: Vec<_> = (0..12).map(|_| paces.failed("a", now).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn a_repair_that_is_undone_at_once_is_made_ever_more_rarely() {
        let (mut paces, mut now) = (Paces::default(), Instant::now());
        let mut waited = Vec::new();
        for _ in 0..4 {
            assert!(paces.is_due("a", true, now));
            paces.repaired("a", now);
            let over = paces.next().unwrap();
            waited.push((over - now).as_secs());
            assert!(!paces.is_due("a", true, over - SECOND / 2));
            now = over;
        }
        assert_eq!(waited, [1, 2, 4, 8]);
    }

    #[test]
    fn only_what_is_quiet_after_its_pause_is_at_its_first_pace_again() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        paces.repaired("a", now);
        paces.repaired("a", now);
        paces.quiet("a", now + SECOND);
        assert!(!paces.is_due("a", true, now + SECOND), "it was quiet within its pause");
        paces.quiet("a", now + 2 * SECOND);
        assert!(paces.is_due("a", true, now + 2 * SECOND));
        paces.repaired("a", now);
        assert_eq!(paces.next(), Some(now + FIRST_PAUSE));
    }

    #[test]
    fn a_repair_after_failures_keeps_their_pause() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        paces.failed("a", now);
        paces.failed("a", now);
        paces.repaired("a", now);
        assert_eq!(paces.next(), Some(now + 2 * SECOND));
        paces.repaired("a", now);
        assert_eq!(paces.next(), Some(now + 4 * SECOND));
    }
}
