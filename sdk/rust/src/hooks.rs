//! Hooks: objects that are run within a sync and not kept.

use crate::deploy::{Deploy, Target};
use crate::error::Result;
use crate::object::Object;

/// A deploy target with hooks: objects that are run within a sync and not kept, such as a migration
/// before a rollout. `#[deploy_target(hooks)]` exports it.
///
/// A hook is applied as a [`Create`](crate::Action::Create) with its own `state`, judged like any
/// object (healthy means done, degraded means failed), and removed as a
/// [`Delete`](crate::Action::Delete). It is no part of the inventory and never drifts. The host runs
/// hooks when a sync has changes to apply.
pub trait Hooks: Target {
    /// The hooks among the desired objects, which [`Target::identify`] leaves out. Depends on what
    /// that may depend on.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for hooks that can't be understood.
    fn hooks(&self, desired: &[Object], deploy: &mut Deploy) -> Result<Vec<Hook>>;
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Before anything else is applied.
    Before,
    /// Among the other objects, by its wave.
    During,
    /// When everything is applied and healthy.
    After,
    /// When the sync has failed.
    Failure,
}

/// When what a hook made is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// Before it is made again.
    pub before_creation: bool,
    /// When it succeeded.
    pub success: bool,
    /// When it failed.
    pub failure: bool,
}

/// A desired object that is run within a sync and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The live object that it makes.
    pub live: String,
    /// The id of the desired object.
    pub object: String,
    /// When it runs.
    pub phase: Phase,
    /// When within its phase: in ascending order.
    pub wave: i32,
    /// When it is removed.
    pub cleanup: Cleanup,
    /// The target's own notes for `apply`, as in a change; at most 64 KiB.
    pub state: Vec<u8>,
}
