//! What is owned, and on which target: an inventory belongs to the target that it was applied to.

use std::borrow::Cow;

use serde::Serialize;
use springline_model::port::Target;
use springline_model::run::{Inventory, Owned, Place, Release};

use crate::Ports;
use crate::chain;
use crate::error::Reason;
use crate::keep::read_json;
use crate::past;
use crate::plan::failed;

/// How many objects a line names.
const NAMED: usize = 5;

/// What is still there on a target that a place is on no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// The target.
    pub target: String,
    /// The live objects.
    pub live: Vec<String>,
}

impl Stays {
    /// All that an inventory knows of.
    pub(crate) fn of(inventory: &Inventory) -> Vec<Self> {
        let stays = inventory.elsewhere.iter();
        stays.map(|(target, owned)| Self { target: target.clone(), live: owned.keys().cloned().collect() }).collect()
    }
}

impl std::fmt::Display for Stays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = self.live.len().saturating_sub(NAMED);
        f.write_str(&self.live[..self.live.len() - more].join(", "))?;
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        write!(f, " on target `{}`", self.target)
    }
}

/// The target that a release is on: the one that is declared, unless it was deployed to another.
pub(crate) fn target_of<'t>(
    ports: Ports<'_>,
    release: &Release,
    declared: &'t chain::Target,
) -> Result<Cow<'t, chain::Target>, Reason> {
    if release.target == declared.name {
        return Ok(Cow::Borrowed(declared));
    }
    ports.targets.of(release).map(Cow::Owned)
}

/// What is written down of what is owned; none where nothing is, or it was lost.
///
/// # Errors
/// What the store or the blob store reports.
pub(crate) fn written(ports: Ports<'_>, place: &Place) -> Result<Option<Inventory>, Reason> {
    let Some(digest) = ports.store.inventory(place)? else { return Ok(None) };
    let mut known: Inventory = match read_json(ports, &digest) {
        Err(reason) if reason.is_lost() => return Ok(None),
        read => read?,
    };
    if known.target.is_none()
        && let Some(live) = past::newest_live(ports, place)?
    {
        known.target = past::release(ports, place, &live)?.map(|release| release.target);
    }
    Ok(Some(known))
}

/// What this application owns on a target: what is written down, or where nothing is, what the marks on the
/// target itself say.
pub(crate) fn inventory(
    ports: Ports<'_>,
    place: &Place,
    target: &dyn Target,
    uses: &chain::Target,
) -> Result<Inventory, Reason> {
    let mut known = match written(ports, place)? {
        Some(known) if known.target.as_ref().is_none_or(|target| *target == uses.name) => {
            return Ok(Inventory { target: Some(uses.name.clone()), ..known });
        }
        known => known.unwrap_or_default(),
    };
    if !known.turn_to(&uses.name) {
        let called = target.owned().map_err(|error| failed(uses, error))?;
        known.objects = called.value.into_iter().map(|live| (live, Owned::default())).collect();
    }
    Ok(known)
}
