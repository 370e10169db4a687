//! Plugins in OCI registries: push, pull, signatures and trust.
//!
//! [`OciRegistry`] speaks the distribution protocol by itself: every answer is bounded in size and
//! time before it is read, a redirect is followed only where it may go, credentials are shown to
//! nobody but the registry, and bytes are checked against the digest that names them. [`signing`]
//! makes and verifies signatures in cosign's formats, [`Policy`] decides whose plugins are taken.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auth;
mod challenge;
mod client;
mod credentials;
#[cfg(test)]
mod fake;
mod manifest;
mod pages;
mod policy;
mod referrers;
pub mod signing;
mod transport;
mod upload;

pub use client::{OciRegistry, RegistryConfig};
pub use manifest::{MAX_COMPONENT, read_artifact};
pub use policy::{BadKey, Policy, Untrusted, Verdict};
