//! What a [`Runtime`](crate::Runtime) is made of.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use springline_model::Digest;
use springline_model::plugin::{Limits, Pinned};
use springline_model::port::{Blobs, Clusters};

use crate::capability::http::Network;

/// Gives the bytes of the component with this digest, or says why it can't. The runtime checks
/// them against the digest.
pub type Loader = Arc<dyn Fn(&Digest) -> Result<Bytes, String> + Send + Sync>;

/// The limits of a plugin, for when a call brings none of its own: it is compiled under them when
/// it is described first.
pub type LimitsOf = Arc<dyn Fn(&Pinned) -> Limits + Send + Sync>;

/// What a [`Runtime`](crate::Runtime) is made of. Nothing of it is touched before a plugin is used.
#[derive(Clone)]
pub struct RuntimeConfig {
    /// Where outputs go and where the bytes of objects come from.
    pub blobs: Arc<dyn Blobs>,
    /// Where components come from.
    pub loader: Loader,
    /// The operator's limits.
    pub limits: LimitsOf,
    /// The directory that keeps compiled components. It is made if it is missing, and must belong
    /// to this user alone: machine code is loaded from it.
    pub cache: PathBuf,
    /// The program that compiles.
    pub compiler: Compiler,
    /// A directory for what does not fit in memory during a call. It is made if it is missing.
    pub scratch: PathBuf,
    /// Whether a trap's backtrace has lines of the source where the component has debug
    /// information. Off, that information, which anybody may have written, is never parsed in this
    /// process; functions are named either way.
    pub source_lines: bool,
    /// How requests of plugins reach the network.
    pub network: Network,
    /// The Kubernetes clusters that grants name; none if the operator's file declares none.
    pub clusters: Option<Arc<dyn Clusters>>,
    /// The file with the key of fingerprints. It is made, for this user alone, when the first one is
    /// asked for.
    pub fingerprint_key: PathBuf,
}

/// A program that calls [`compile_child`](crate::compile_child) and nothing else: this host with a
/// hidden verb. It is started with an empty environment.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}
