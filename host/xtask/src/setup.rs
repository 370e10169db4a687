//! `cargo xtask setup`: whatever building takes is found or installed.

use std::process::Command;

use anyhow::{Result, bail};

use crate::context::Context;
use crate::toolchain::{self, Toolchain};
use crate::{no_arguments, process};

/// Finds or installs what building takes, and says what was found.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    no_arguments("setup", args)?;
    prepare(context)?;
    println!("Ready. Next: cargo xtask demo");
    Ok(())
}

/// Finds or installs what building takes.
pub fn prepare(context: &Context) -> Result<Toolchain> {
    process::step("Looking for what building takes", || {
        if !process::succeeds(Command::new("git").arg("--version")) {
            bail!("git is not installed: install it with your system's package manager");
        }
        let toolchain = toolchain::find(context)?;
        println!("    plugins are compiled {toolchain}");
        Ok(toolchain)
    })
}
