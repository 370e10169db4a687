//! Whether what a release is made of is still here, and still is what it was.

use springline_model::run::Place;

use crate::Ports;
use crate::chain::Chain;
use crate::error::Reason;
use crate::keep::check_objects;
use crate::past;

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
