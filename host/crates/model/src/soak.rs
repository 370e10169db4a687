//! How long a release has been healthy where it is deployed.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::history::{Outcome, Record};
use crate::run::{Cause, Healthy, Standing, Timestamp};

/// For how long before it a look speaks, in milliseconds: more time than that passes unseen, or was skipped by
/// a clock.
const SPEAKS_FOR: i64 = 5 * 60 * 1000;

/// How long a release has been healthy where it is deployed, as far as looks tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// The release.
    pub release: Digest,
    /// When it was first found so.
    pub since: Timestamp,
    /// When it was found so last, give or take half of what a look speaks for.
    pub looked: Timestamp,
    /// For how many milliseconds up to then.
    pub milliseconds: i64,
}

impl Soak {
    /// For how many milliseconds it has been, if a look finds it so now.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> i64 {
        self.milliseconds.saturating_add(now.saturating_sub(self.looked).clamp(0, SPEAKS_FOR))
    }

    fn look(&mut self, now: Timestamp) {
        // So that not every look is written down.
        if !(0..SPEAKS_FOR / 2).contains(&now.saturating_sub(self.looked)) {
            (self.milliseconds, self.looked) = (self.at(now), now);
        }
    }
}

impl Standing {
    /// Takes note of what a look found of the release that is deployed.
    pub fn saw(&mut self, release: &Digest, is_healthy: bool, now: Timestamp) {
        if !is_healthy {
            self.soak = None;
            return;
        }
        if self.healthy.as_ref().is_none_or(|known| known.release != *release) {
            self.healthy = Some(Healthy { release: *release, since: now });
        }
        match &mut self.soak {
            Some(soak) if soak.release == *release => soak.look(now),
            soak => *soak = Some(Soak { release: *release, since: now, looked: now, milliseconds: 0 }),
        }
    }

    /// Takes note of a sync that has just ended. Another release than the one that soaks ends that, and what was
    /// approved of is used up by its promotion. One that never got to the target says nothing of what is there.
    pub fn recorded(&mut self, record: &Record, now: Timestamp) {
        let Some(release) = record.release.as_ref().filter(|_| record.reached_the_target()) else { return };
        self.saw(release, record.is_good(), now);
        if record.cause == Cause::Promotion && record.outcome == Outcome::Succeeded {
            self.approvals.retain(|approval| record.from != Some(approval.release));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn soaked(looks: &[i64]) -> i64 {
        let (release, mut standing) = (Digest::of("r"), Standing::default());
        looks.iter().for_each(|at| standing.saw(&release, true, *at));
        standing.soak.map_or(0, |soak| soak.at(looks.last().copied().unwrap_or_default()))
    }

    #[test]
    fn only_time_that_looks_speak_for_counts() {
        assert_eq!(soaked(&[0, MINUTE, 2 * MINUTE]), 2 * MINUTE);
        let every_minute: Vec<_> = (0..=60).map(|at| at * MINUTE).collect();
        assert_eq!(soaked(&every_minute), 60 * MINUTE);
        // Nobody looked for an hour, or the clock jumped by one.
        assert_eq!(soaked(&[0, MINUTE, 61 * MINUTE]), 5 * MINUTE);
        // It was set back.
        assert_eq!(soaked(&[100 * MINUTE, 103 * MINUTE, 3 * MINUTE, 4 * MINUTE]), 4 * MINUTE);
    }

    #[test]
    fn another_release_and_an_unhealthy_look_end_it() {
        let [a, b] = ["a", "b"].map(Digest::of);
        let mut standing = Standing::default();
        standing.saw(&a, true, 0);
        standing.saw(&b, false, 1);
        assert_eq!((standing.soak.clone(), standing.healthy.clone().unwrap().release), (None, a));
        standing.saw(&a, true, MINUTE);
        assert_eq!(standing.soak.clone().unwrap().since, MINUTE, "it begins anew");
        standing.saw(&b, true, 2 * MINUTE);
        assert_eq!((standing.soak.unwrap().release, standing.healthy.unwrap().release), (b, b));
    }
}
