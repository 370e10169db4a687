//! The chain: from a revision to reality, on ports alone.
//!
//! [`run::run`] is a straight pipe, each stage taking what the one before it made: build what is
//! missing, render, plan, apply in waves that wait for health, run hooks, record. Nothing here knows a runtime, a
//! storage engine or git, so all of it is tested on fakes in seconds.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apply;
pub mod build;
pub mod chain;
pub mod deliver;
pub mod error;
pub mod event;
pub mod footprint;
pub mod garbage;
pub mod heal;
mod health;
mod hooks;
pub mod intact;
mod keep;
mod origin;
pub mod overlay;
pub mod owned;
mod past;
mod patient;
pub mod plan;
mod progress;
pub mod promote;
pub mod record;
pub mod redeploy;
pub mod release;
pub mod remove;
pub mod render;
pub mod restraint;
pub mod review;
pub mod rollback;
pub mod run;
pub mod standing;
pub mod status;
mod sync;
#[cfg(test)]
mod tests;
pub mod trial;

use springline_model::Cancel;
use springline_model::port::{Blobs, Clock, Plugins, Repositories, Store};

/// The world, as the engine sees it.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Runs, releases, inventories, kept results and history.
    pub store: &'a dyn Store,
    /// Bytes by digest.
    pub blobs: &'a dyn Blobs,
    /// Runs plugins.
    pub plugins: &'a dyn Plugins,
    /// Finds the targets of releases.
    pub targets: &'a dyn chain::Targets,
    /// Git repositories that are told what is deployed; none if none is.
    pub repositories: Option<&'a dyn Repositories>,
    /// Whether there is a Kubernetes Secret with values in a file. What reads YAML is the host's.
    pub is_secret: fn(&[u8]) -> bool,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Is told what happens.
    pub observer: &'a dyn event::Observer,
    /// Asks the engine to stop.
    pub cancel: &'a Cancel,
}
