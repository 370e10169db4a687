//! Plain data and the ports: what every part of Springline speaks.
//!
//! Nothing here does I/O or knows a runtime, a storage engine or a version control system. The
//! crates beside this one implement the [`port`]s and never import each other; `host` alone puts
//! them together.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod application;
pub mod call;
pub mod cancel;
pub mod capability;
pub mod digest;
pub mod fleet;
pub mod footprint;
pub mod history;
pub mod kubernetes;
pub mod manifest;
pub mod newest;
pub mod operator;
pub mod outbox;
pub mod page;
pub mod plugin;
pub mod port;
mod power;
pub mod reference;
pub mod registry;
pub mod repository;
pub mod run;
pub mod seen;
pub mod soak;
mod store;
pub mod trace;
pub mod tree;
pub mod trust;

pub use cancel::Cancel;
pub use digest::{Digest, Hasher, ObjectId};
