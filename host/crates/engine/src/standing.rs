//! What stands in the way of a sync: what people said of an environment, and what became of it before.

use serde::Serialize;
use springline_model::Digest;
use springline_model::history::Record;
use springline_model::newest::Newest;
use springline_model::run::{Approval, Cause, Pin, Place, Standing, Suspension, Timestamp};
use springline_model::soak::Soak;

use crate::Ports;
use crate::chain::Environment;
use crate::error::Reason;
use crate::past;

/// Why an environment is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Obstacle {
    /// It is held at a release.
    Pinned(Pin),
    /// Somebody said that it is to be left alone.
    Suspended(Suspension),
    /// Its releases come from another environment.
    Promoted {
        /// Which.
        from: String,
    },
    /// A person deploys it.
    Manual,
    /// What is to be deployed failed here, and was rolled back.
    RolledBack(RolledBack),
}

/// A release that failed and was rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RolledBack {
    /// The release.
    pub release: Digest,
    /// Its revision; empty if nobody knows it any more.
    pub revision: String,
    /// When it was rolled back.
    pub at: Timestamp,
    /// How it failed.
    pub why: String,
}

impl RolledBack {
    /// Whether it may be of this revision.
    #[must_use]
    pub fn is_of(&self, revision: &str) -> bool {
        self.revision == revision || self.revision.is_empty()
    }
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pinned(Pin { release, by, why, .. }) => {
                write!(f, "pinned to release {} by {by}{}", release.short(), said(why))
            }
            Self::Suspended(Suspension { by, why, .. }) => write!(f, "suspended by {by}{}", said(why)),
            Self::Promoted { from } => write!(f, "waits for promotion from {from}"),
            Self::Manual => f.write_str("not automated: it is deployed when somebody asks"),
            Self::RolledBack(RolledBack { release, .. }) => {
                write!(f, "release {} failed here and was rolled back", release.short())
            }
        }
    }
}

fn said(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

/// What stands in the way of deploying a revision in an environment, for a run of this cause. A person
/// may deploy what `springline watch` leaves to people, but nobody what is pinned, nor past the
/// environment that its releases come from.
///
/// # Errors
/// What the store reports.
pub fn obstacle(
    ports: Ports<'_>,
    place: &Place,
    environment: &Environment,
    (cause, revision): (&Cause, &str),
) -> Result<Option<Obstacle>, Reason> {
    if !matches!(cause, Cause::Run | Cause::Sync | Cause::Push | Cause::Promotion) {
        return Ok(None);
    }
    if let Some(pin) = ports.store.standing(place)?.pin {
        return Ok(Some(Obstacle::Pinned(pin)));
    }
    beneath_pin(ports, place, environment, (cause, revision))
}

/// What stands in the way of it besides a pin: who lets go of a pin to deploy asks for that first.
///
/// # Errors
/// What the store reports.
pub fn beneath_pin(
    ports: Ports<'_>,
    place: &Place,
    environment: &Environment,
    (cause, revision): (&Cause, &str),
) -> Result<Option<Obstacle>, Reason> {
    let by_itself = *cause == Cause::Push;
    let Standing { suspended, .. } = ports.store.standing(place)?;
    if let Some(suspended) = suspended.filter(|_| by_itself) {
        return Ok(Some(Obstacle::Suspended(suspended)));
    }
    if let Some(from) = environment.promote_from.clone().filter(|_| *cause != Cause::Promotion) {
        return Ok(Some(Obstacle::Promoted { from }));
    }
    if by_itself && !environment.sync.automated {
        return Ok(Some(Obstacle::Manual));
    }
    if by_itself {
        let back = rolled_back(ports, place)?.filter(|back| back.is_of(revision));
        return Ok(back.map(Obstacle::RolledBack));
    }
    Ok(None)
}

/// The release that was rolled back last, if nothing was deployed since. It is not tried again by
/// itself.
///
/// # Errors
/// What the store reports.
pub fn rolled_back(ports: Ports<'_>, place: &Place) -> Result<Option<RolledBack>, Reason> {
    let last = past::newest(ports, place, Newest::Sync)?.filter(|record| record.cause == Cause::Rollback);
    let Some(Record { from: Some(release), started, note, .. }) = last else { return Ok(None) };
    // Its records may be gone; the release is kept as long as this one names it.
    let revision = past::release(ports, place, &release)?.map(|release| release.revision).unwrap_or_default();
    Ok(Some(RolledBack { release, revision, at: started, why: note.unwrap_or_default() }))
}

/// Takes the pin from an environment; the pin that it had. Who did, and why, is told by the record of
/// what is deployed next.
///
/// # Errors
/// What the store reports.
pub fn unpin(ports: Ports<'_>, place: &Place, (by, why): (&str, Option<&str>)) -> Result<Option<Pin>, Reason> {
    let (mut pin, at) = (None, ports.clock.now());
    ports.store.set_standing(place, &mut |standing| {
        pin = standing.pin.take();
        if let Some(pin) = &pin {
            let (by, why) = (by.to_owned(), why.unwrap_or_default().to_owned());
            standing.unpinned = Some(Pin { release: pin.release, by, why, at });
        }
    })?;
    Ok(pin)
}

/// What a record tells of why: what somebody said, and of a pin that was taken off before.
pub(crate) fn told(ports: Ports<'_>, place: &Place, why: Option<&str>) -> Option<String> {
    let unpinned = ports.store.standing(place).ok().and_then(|standing| standing.unpinned);
    let unpinned = unpinned
        .map(|Pin { release, by, why, .. }| format!("unpinned from release {} by {by}{}", release.short(), said(&why)));
    why.map(str::to_owned).into_iter().chain(unpinned).reduce(|a, b| format!("{a}; {b}"))
}

/// What was told once is not told again; if that is lost, it is told twice.
pub(crate) fn unpinned_is_told(ports: Ports<'_>, place: &Place) {
    let _ = ports.store.set_standing(place, &mut |standing| standing.unpinned = None);
}

/// Notes what somebody approves of, in the stead of what they approved of before. What others approved of
/// is theirs to take back.
///
/// # Errors
/// What the store reports.
pub fn approve(ports: Ports<'_>, place: &Place, approval: &Approval) -> Result<(), Reason> {
    ports.store.set_standing(place, &mut |standing| {
        standing.approvals.retain(|known| known.by != approval.by);
        standing.approvals.push(approval.clone());
    })?;
    Ok(())
}

/// Takes back all approvals of a release; those that there were.
///
/// # Errors
/// What the store reports.
pub fn withdraw(ports: Ports<'_>, place: &Place, release: &Digest) -> Result<Vec<Approval>, Reason> {
    let mut withdrawn = Vec::new();
    ports.store.set_standing(place, &mut |standing| {
        withdrawn = standing.approvals.extract_if(.., |approval| approval.release == *release).collect();
    })?;
    Ok(withdrawn)
}

/// Notes what a look at what is deployed found. What is lost of it is found by the next look, so it fails
/// nothing.
pub(crate) fn seen(ports: Ports<'_>, place: &Place, release: &Digest, healthy: bool) {
    let now = ports.clock.now();
    let _ = ports.store.set_standing(place, &mut |standing| standing.saw(release, healthy, now));
}

/// How long a release has been healthy, as far as looks tell.
pub(crate) fn soak(ports: Ports<'_>, place: &Place, release: &Digest) -> Result<Option<Soak>, Reason> {
    Ok(ports.store.standing(place)?.soak.filter(|soak| soak.release == *release))
}
