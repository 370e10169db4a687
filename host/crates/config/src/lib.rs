//! springline.yaml, host.yaml, fleet.yaml and springline.lock, read with errors that name the line.
//!
//! Each file goes the same way: its YAML becomes a [`Document`], whose every value knows its
//! place; the document is checked against a JSON Schema made from the model's types, and for what
//! a schema can't say; then it is decoded. Everything that is wrong is told at once, in a
//! [`ConfigError`] that prints as a compiler's message does.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod application;
mod branch;
mod compose;
mod cost;
mod decode;
mod document;
mod edit;
mod explain;
mod fleet;
mod issue;
mod load;
mod lock;
mod names;
mod node;
mod operator;
mod pointer;
mod published;
mod scalar;
mod schema;
mod source;
mod span;
mod suggest;
mod syntax;
mod tree;
mod words;

pub use application::load_application;
pub use document::{Document, locate};
pub use edit::{EditError, set_value, value_at};
pub use explain::Part;
pub use fleet::load_fleet;
pub use issue::{ConfigError, Issue};
pub use lock::{Lock, LockedPlugin, PluginSource};
pub use names::{InvalidName, PluginName, check_name, check_path, check_source};
pub use operator::load_operator;
pub use published::{application_schema, fleet_schema, operator_schema};
pub use schema::{CompiledSchema, InvalidSchema, SchemaCache, validate_plugin_config};
pub use span::Span;
pub use suggest::nearest;
