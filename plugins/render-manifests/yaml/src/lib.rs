//! YAML for plugins: documents become trees that know their lines, and trees become one text and
//! no other.
//!
//! The events come from `saphyr-parser`; what a plain scalar means is decided here, because
//! Kubernetes reads YAML 1.1 (`on` is true, `0644` is octal) where most else reads the core schema
//! of YAML 1.2.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod folded;
mod json;
pub mod kubernetes;
mod node;
mod read;
mod scalar;
mod write;

pub use node::{Map, Node, Value};
pub use read::{Error, check, read, read_json};
pub use scalar::Schema;
pub use write::write;
