//! Whether what a release is made of is still here, and still is what it was.

use springline_model::run::{Pin, Place, Release};

use crate::Ports;
use crate::chain::Chain;
use crate::error::{Lost, Reason};
use crate::keep::check_objects;
use crate::past;

/// Reads all that a release deploys.
///
/// # Errors
/// Something of it is lost or damaged ([`Reason::ReleaseLost`]); what keeps it from being read.
pub fn check(ports: Ports<'_>, release: &Release) -> Result<(), Reason> {
    check_objects(ports, &release.objects).map_err(|reason| lost_of(release, reason))
}

/// As [`check`], of what an environment is to be held at and is not yet.
///
/// # Errors
/// As [`check`]; a release that is not known, or whose target can't be used.
pub fn check_pinned(ports: Ports<'_>, place: &Place, pin: &Pin) -> Result<(), Reason> {
    if past::newest_live(ports, place)? == Some(pin.release) {
        return Ok(());
    }
    let release = past::release(ports, place, &pin.release)?.ok_or(Reason::NoRelease(pin.release))?;
    check(ports, &release)?;
    ports.targets.of(&release).map(drop)
}

/// What is lost, said of the release that it is lost of.
pub(crate) fn lost_of(release: &Release, reason: Reason) -> Reason {
    if !reason.is_lost() {
        return reason;
    }
    let (environment, revision) = (release.environment.clone(), release.revision.clone());
    Reason::ReleaseLost(Box::new(Lost { release: release.id, environment, revision, why: reason.to_string() }))
}

/// What of the release that is live is lost or damaged, if something is: then it can neither be repaired nor
/// deployed again. Everything is read.
///
/// # Errors
/// What the store reports, or what keeps something from being read.
pub fn lost(ports: Ports<'_>, place: &Place, chain: &Chain) -> Result<Option<String>, Reason> {
    let Some(id) = past::newest_live(ports, place)? else { return Ok(None) };
    let Some(release) = past::release(ports, place, &id)? else { return Ok(None) };
    let is_built =
        |name: &str| chain.artifacts.iter().any(|artifact| artifact.name == name && !artifact.steps.is_empty());
    let check = || -> Result<(), Reason> {
        check_objects(ports, &release.objects)?;
        // One that was taken is somebody else's.
        for (_, artifact) in release.artifacts.iter().filter(|(name, _)| is_built(name)) {
            ports.blobs.check_tree(artifact)?;
        }
        Ok(())
    };
    match check() {
        Ok(()) => Ok(None),
        Err(reason) if reason.is_lost() => Ok(Some(format!("release {}: {reason}", id.short()))),
        Err(reason) => Err(reason),
    }
}
