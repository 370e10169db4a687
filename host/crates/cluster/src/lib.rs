//! Kubernetes clusters: the requests of the capability `kubernetes`, and a cache that follows the
//! API servers.
//!
//! Objects are texts from end to end: what an API server wrote is handed on as it wrote it, without
//! types in between that would lose what they don't know.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod cluster;
mod clusters;
mod connect;
mod discovery;
mod json;
mod link;
mod mask;
mod object;
mod path;
mod plugin;
mod proxy;
mod reading;
mod retry;
mod status;
mod token;
mod warning;
mod writing;

pub use clusters::{KubeClusters, OnChange, Options};
