//! Records that are asked for at every look: the newest of some sort in a place. The store keeps where they
//! are, so that no look walks the history.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::history::{Outcome, Record};
use crate::run::{Cause, Stage};

/// Which record of a place is wanted: the newest that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// It tells of a release whose sync got to the target: what is live is of it, at least in part.
    Live,
    /// It is of a sync that was neither a repair of drift nor a rollback that somebody stopped, and not aside of what
    /// is to be deployed here.
    Attempt,
    /// It is of a sync that was no repair of drift, and got to the target or was to bring something back.
    Sync,
    /// Everything was healthy in its end.
    Healthy,
    /// So it was, and its release is another one than that of the newest.
    HealthyBefore,
}

/// The places in a chain of the newest records of each sort.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Marks {
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy: Option<(u64, Digest)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy_before: Option<u64>,
}

impl Marks {
    /// Takes note of a record that was put at the end of the chain.
    pub fn take(&mut self, record: &Record) {
        let this = Some(record.sequence);
        let is_back = record.cause == Cause::Rollback;
        let is_repair = record.cause == Cause::Drift;
        let is_stopped = is_back && matches!(record.outcome, Outcome::Cancelled { .. });
        let is_live = record.release.is_some() && record.reached_the_target();
        if is_live {
            self.live = this;
        }
        if !is_repair && !is_stopped && !record.is_aside() {
            self.attempt = this;
        }
        if is_back || (record.release.is_some() && record.is_deployment()) {
            self.sync = this;
        }
        if let Some(release) = record.release.filter(|_| record.is_good()) {
            match self.healthy {
                Some((before, other)) if other != release => self.healthy_before = Some(before),
                _ => {}
            }
            self.healthy = Some((record.sequence, release));
        }
    }

    /// Where the record is.
    pub fn of(&self, wanted: Newest) -> Option<u64> {
        match wanted {
            Newest::Live => self.live,
            Newest::Attempt => self.attempt,
            Newest::Sync => self.sync,
            Newest::Healthy => self.healthy.map(|(sequence, _)| sequence),
            Newest::HealthyBefore => self.healthy_before,
        }
    }
}

impl Record {
    /// Whether its sync succeeded or, if it did not, tried at least to change something.
    pub fn reached_the_target(&self) -> bool {
        match &self.outcome {
            Outcome::Succeeded => true,
            Outcome::Failed { stage, .. } | Outcome::Cancelled { stage } => {
                *stage == Stage::Health || (*stage == Stage::Apply && self.counts.applied() + self.counts.failed > 0)
            }
        }
    }

    /// Whether it tells of a change without a release of its own: what is removed where a place was before, or what is
    /// handed over. A sync that has no release yet does not get as far as to a plan.
    fn is_aside(&self) -> bool {
        let got_to_a_plan = match &self.outcome {
            Outcome::Succeeded => true,
            Outcome::Failed { stage, .. } | Outcome::Cancelled { stage } => *stage >= Stage::Plan,
        };
        self.release.is_none() && got_to_a_plan
    }

    /// Whether its sync was no repair of drift, and got to the target or was to bring something back.
    pub fn is_deployment(&self) -> bool {
        self.cause == Cause::Rollback || (self.cause != Cause::Drift && self.reached_the_target())
    }

    /// Whether its sync succeeded with everything healthy. What failed after that, as a test in a hook may, did
    /// not. Of what an earlier Springline wrote it is not known: it said nothing of what it saw unhealthy, too.
    pub fn is_good(&self) -> bool {
        self.outcome == Outcome::Succeeded && self.healthy == Some(true)
    }
}
