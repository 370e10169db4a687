//! The toolchains of the languages that plugins are written in: got by the program itself, as its
//! users get them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::process;

/// Builds the example of this name of every SDK, and gets what is missing for it; returns those that
/// were built. A language that can't be had is told.
pub fn build(context: &Context, example: &str) -> Result<Vec<PathBuf>> {
    let sdks = context.root.join("sdk");
    let mut examples = Vec::new();
    for entry in sdks.read_dir().with_context(|| format!("can't read {}", sdks.display()))? {
        let example = entry?.path().join("examples").join(example);
        if example.join("plugin.yaml").exists() {
            examples.push(example);
        }
    }
    examples.sort();
    let mut built = Vec::new();
    for example in examples {
        let mut command = Command::new(context.program());
        command.args(["plugin", "build", "--install"]).arg(&example);
        // Where the tests look; see tests/tests/e2e/sandbox.rs.
        command.env("SPRINGLINE_CACHE_DIR", context.target.join("tmp/cache"));
        command.env("CARGO_TARGET_DIR", context.target.join("tmp/desk-target"));
        match process::run(&mut command) {
            Ok(()) => built.push(example),
            Err(error) => println!("    {error:#}"),
        }
    }
    Ok(built)
}
