//! The toolchains of the languages that plugins are written in: got by the program itself, as its
//! users get them.

use anyhow::{Context as _, Result};
use std::process::Command;

use crate::context::Context;
use crate::process;

/// Gets what is missing to build the examples of every SDK. A language that can't be had is told,
/// and left to the tests, which say what they skip, and fail in CI.
pub fn install(context: &Context) -> Result<()> {
    let sdks = context.root.join("sdk");
    let mut examples = Vec::new();
    for entry in sdks.read_dir().with_context(|| format!("can't read {}", sdks.display()))? {
        let example = entry?.path().join("examples/step-checklist");
        if example.join("plugin.yaml").exists() {
            examples.push(example);
        }
    }
    examples.sort();
    for example in examples {
        let mut command = Command::new(context.program());
        command.args(["plugin", "build", "--install"]).arg(&example);
        // Where the tests look; see tests/tests/e2e/sandbox.rs.
        command.env("SPRINGLINE_CACHE_DIR", context.target.join("tmp/cache"));
        command.env("CARGO_TARGET_DIR", context.target.join("tmp/desk-target"));
        if let Err(error) = process::run(&mut command) {
            println!("    {error:#}");
        }
    }
    Ok(())
}
