//! A real Kubernetes API server for tests: etcd, kube-apiserver and, when asked, the controller
//! manager, on ports and in a directory of their own; and a [`Proxy`] in front of it that makes what
//! goes wrong between a client and a server.
//!
//! `cargo xtask test` builds the programs from `tests/apiserver` and says where they are, or takes
//! those that `KUBEBUILDER_ASSETS` names.
#![allow(clippy::unwrap_used, reason = "a test kit: what goes wrong in it is a failed test")]

mod cluster;
mod http;
mod kept;
mod keys;
mod kubectl;
mod programs;
mod proxy;

pub use cluster::Cluster;
pub use http::Answer;
pub use kubectl::Outcome;
pub use programs::skip;
pub use proxy::{Fault, Proxy, Request};

/// Those who may ask, each by a context of the kubeconfig; the first may do anything, the others
/// what a test binds them to.
pub const USERS: [&str; 3] = ["admin", "ada", "ben"];

/// The token of one of [`USERS`].
#[must_use]
pub fn token(user: &str) -> String {
    format!("{user}-token")
}
