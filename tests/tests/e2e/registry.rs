//! Plugins are shared through a real registry, and through ones that lie.

mod claims;
mod cosign;
mod evil;
mod others;
mod service;
mod share;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::code::{CONFIG, DENIED, PLUGIN, SOURCE};
use crate::sandbox::{APPLICATION, Sandbox};

/// A site whose pages are made by a plugin of a registry.
fn site_with(plugin: &str) -> String {
    APPLICATION.replace("plugin: step-site", &format!("plugin: \"{plugin}\""))
}

/// The file of a built-in plugin.
pub fn builtin(sandbox: &Sandbox, name: &str) -> PathBuf {
    let file = sandbox.path(&format!("{name}.wasm"));
    let directory = std::env::var_os("SPRINGLINE_PLUGINS").map(PathBuf::from);
    let beside = sandbox.program().parent().unwrap().parent().unwrap().join("plugins");
    let from = directory.filter(|directory| directory.exists()).unwrap_or(beside).join(format!("{name}.wasm"));
    fs::copy(&from, &file).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    file
}

/// The same plugin with other bytes: a custom section more, which says nothing.
fn variant(sandbox: &Sandbox, file: &Path, word: &str) -> PathBuf {
    let mut bytes = fs::read(file).unwrap();
    let name = format!("x-{word}");
    bytes.extend([0, u8::try_from(name.len() + 1).unwrap(), u8::try_from(name.len()).unwrap()]);
    bytes.extend(name.as_bytes());
    let path = sandbox.path(&format!("{word}.wasm"));
    fs::write(&path, bytes).unwrap();
    path
}

/// Pushes a file and returns what the push says.
#[track_caller]
fn push(sandbox: &Sandbox, file: &Path, reference: &str, further: &[&str]) -> Value {
    let file = file.to_str().unwrap();
    let arguments = [&["plugin", "push", file, reference, "-o", "json"], further].concat();
    sandbox.springline(&arguments).json()
}
