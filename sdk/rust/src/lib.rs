//! Write Springline plugins in Rust.
//!
//! A plugin is a library with one attribute in it: [`build_step`] or [`renderer`] on a function,
//! or [`deploy_target`] on an `impl` of [`Target`]. Compiled for `wasm32-wasip2` it is a component
//! that the host runs; compiled natively it is an ordinary library whose tests run it against
//! [`fake::Host`].
//!
//! ```
//! use springline_sdk::prelude::*;
//!
//! #[config]
//! struct Config {
//!     /// Who is greeted.
//!     name: String,
//! }
//!
//! /// Greets somebody.
//! #[build_step]
//! fn hello(config: Config, step: &mut Step) -> Result<String> {
//!     step.write("hello.txt", format!("Hello, {}", config.name))?;
//!     Ok("1 file".into())
//! }
//! # fn main() {
//! let host = springline_sdk::fake::Host::new();
//! assert_eq!(host.run::<Plugin>(json!({ "name": "Ada" })).unwrap(), "1 file");
//! assert_eq!(host.output("hello.txt").unwrap(), b"Hello, Ada");
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

// So that the attributes can name this crate in its own tests as they do in a plugin.
extern crate self as springline_sdk;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[allow(unsafe_code, missing_docs, clippy::all, clippy::unwrap_used)] // Generated: see bindgen/.
pub mod bindings {
    #[rustfmt::skip]
    pub mod build_step;
    #[rustfmt::skip]
    pub mod deploy_target;
    #[rustfmt::skip]
    pub mod host;
    #[cfg(feature = "http")]
    #[rustfmt::skip]
    pub mod http;
    #[cfg(feature = "kubernetes")]
    #[rustfmt::skip]
    pub mod kubernetes;
    #[rustfmt::skip]
    pub mod renderer;
}

mod blob;
mod context;
mod deploy;
mod directory;
mod error;
#[cfg(not(target_family = "wasm"))]
pub mod fake;
pub mod files;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
mod hooks;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod insight;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod log;
mod object;
pub mod plugin;
mod render;
pub mod secrets;
mod step;

pub use blob::{Blob, BlobWriter};
pub use context::{Artifact, Context};
pub use deploy::{Action, Applied, Change, Deploy, Difference, Health, HealthStatus, Identity, Observed, Target};
pub use directory::{Directory, Node, NodeKind};
pub use error::{AtPath, Error, Result, Violation};
pub use hooks::{Cleanup, Hook, Hooks, Phase};
pub use insight::{Account, Child, Insight};
pub use object::{Body, EntryKind, Object, TreeEntry};
pub use render::Render;
pub use step::Step;

pub use springline_sdk_macros::{build_step, config, deploy_target, renderer};
pub use {schemars, serde, serde_json};

/// What nearly every plugin needs.
pub mod prelude {
    pub use crate::plugin::{BuildStep as _, Describe as _, Renderer as _};
    pub use crate::{
        Action, Applied, AtPath as _, Body, Change, Context, Deploy, Difference, Error, Health, Hooks, Identity,
        Insight, Object, Observed, Render, Result, Step, Target, Violation, build_step, config, deploy_target,
        renderer,
    };
    pub use crate::{debug, error, info, warn};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}
