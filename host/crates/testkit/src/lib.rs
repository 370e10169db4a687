//! Fakes of the ports, and the tests every Store and every Blobs must pass.
//!
//! The fakes keep the ports' promises: the same answers, the same errors. Where they can be told to
//! fail, they fail in ways that the real ones can.
#![allow(clippy::unwrap_used, reason = "a test kit: what goes wrong in it is a failed test")]

pub mod sample;
pub mod suite;

mod blobs;
mod clock;
mod clusters;
mod live;
mod plugins;
mod reader;
mod registry;
mod store;
mod target;
mod tree;

pub use blobs::MemoryBlobs;
pub use clock::FakeClock;
pub use clusters::{FakeClusters, Hung};
pub use live::{Live, LiveObject};
pub use plugins::{Content, FakePlugins, Output};
pub use reader::{Files, Reader};
pub use registry::FakeRegistry;
pub use store::MemoryStore;
pub use suite::{blobs_damage_suite, blobs_suite, store_suite};
pub use tree::MemoryTree;
