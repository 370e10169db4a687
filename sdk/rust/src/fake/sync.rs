//! One sync, as the real host drives it.

use std::collections::BTreeSet;

use super::Host;
use crate::deploy::{Action, Change, Target};
use crate::error::{Error, Result};
use crate::object::Object;

/// What a sync did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// The changes, in the order in which they were applied.
    pub changes: Vec<Change>,
    /// The live objects that are owned afterwards, sorted: the next sync's inventory.
    pub owned: Vec<String>,
}

impl Host {
    /// Brings live to desired as the real host does: identifies, plans, applies change by change in
    /// waves, deletes last. `owned` is the inventory. A delete of what is not owned or is still
    /// desired panics, as does a second plan that finds anything left to do.
    ///
    /// # Errors
    /// What the target reports.
    pub fn sync(&self, target: &impl Target, desired: &[Object], owned: &[String]) -> Result<Synced> {
        let identities = target.identify(desired, &mut self.deploy())?;
        let wanted: BTreeSet<_> = identities.into_iter().map(|identity| identity.live).collect();
        let mut changes = target.plan(desired, owned, &mut self.deploy())?;
        changes.sort_by_key(|change| match change.action {
            Action::Delete => (true, -i64::from(change.wave)),
            _ => (false, i64::from(change.wave)),
        });
        for change in &changes {
            if change.action == Action::Delete {
                let may_go = owned.contains(&change.live) && !wanted.contains(&change.live);
                assert!(may_go, "`{}` may not be deleted", change.live);
            } else {
                assert!(wanted.contains(&change.live), "`{}` was not identified", change.live);
            }
            let applied = target.apply(change, &mut self.deploy())?;
            assert_eq!(applied.after, change.after, "`{}` became something else than planned", change.live);
        }
        let owned: Vec<_> = wanted.into_iter().collect();
        let left = target.plan(desired, &owned, &mut self.deploy())?;
        if left.is_empty() {
            Ok(Synced { changes, owned })
        } else {
            Err(Error::failed(format!("not converged: {left:?}")))
        }
    }
}
