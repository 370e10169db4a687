//! Runs plugins: wasmtime, limits, grants, and the files that a guest sees.
//!
//! A plugin is a WebAssembly component. It is compiled once, by a process of its own
//! ([`compile_child`]), and kept as machine code that only this user can write. Every call gets a
//! fresh instance in a fresh store, with limits on all that it can use up, and sees nothing of the
//! machine: its files are the call's, its clock stands still, its chance is seeded. A call that
//! fails does so with a typed [`Fault`](springline_model::plugin::Fault), and nothing else ends
//! with it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backtrace;
mod bindings;
mod bounds;
mod call;
mod capability;
mod compile;
mod config;
mod engine;
mod epoch;
mod escape;
mod fault;
mod files;
mod inspect;
mod key;
mod link;
mod loaded;
mod logs;
mod meter;
mod plugin;
mod runtime;
mod state;
mod target;
mod trusted;
mod wasi;

pub use capability::directory::{DirectoryError, mark_owned};
pub use capability::http::{Addresses, Network, Resolver};
pub use compile::compile_child;
pub use config::{Compiler, LimitsOf, Loader, RuntimeConfig};
pub use inspect::{Interfaces, interfaces};
pub use link::provides;
pub use runtime::Runtime;
