//! Memory with a great many different plugins loaded.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use springline_model::Digest;
use springline_model::plugin::Pinned;
use springline_model::port::Plugins as _;
use springline_testkit::MemoryBlobs;

use crate::{Plugin, Result, resident, runtime};

/// Loads and calls so many plugins that differ in a custom section, which is enough to make each
/// be compiled and loaded on its own.
pub fn measure(plugin: &Path, count: usize) -> Result<Value> {
    let plugin = Plugin::read(plugin)?;
    let plugins: Vec<Plugin> = (0..count).map(|number| numbered(&plugin, number)).collect();
    let directory = tempfile::tempdir()?;
    let runtime = runtime(directory.path(), &plugins, Arc::new(MemoryBlobs::new()))?;
    let mut first = 0;
    for (at, plugin) in plugins.iter().enumerate() {
        runtime.describe(&plugin.pinned)?;
        if at == 0 {
            first = resident()?;
        }
    }
    Ok(json!({
        "plugin": plugin.pinned.name,
        "bytes": plugin.bytes.len(),
        "count": count,
        "one-bytes": first,
        "all-bytes": resident()?,
    }))
}

/// The same component with another number in it.
fn numbered(plugin: &Plugin, number: usize) -> Plugin {
    let name = b"number";
    let text = number.to_string();
    let mut bytes = plugin.bytes.to_vec();
    // A custom section: 0, the length of the rest, the length of its name, its name, anything.
    bytes.extend([0, u8::try_from(1 + name.len() + text.len()).unwrap_or(u8::MAX), name.len() as u8]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(text.as_bytes());
    let pinned = Pinned { name: format!("{}-{number}", plugin.pinned.name), digest: Digest::of(&bytes) };
    Plugin { pinned, bytes: bytes.into() }
}
