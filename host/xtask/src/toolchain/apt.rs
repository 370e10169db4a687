//! Debian's packages, installed only as root and never without saying so.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::process;

/// Whether the lists of packages were fetched by this process.
static UPDATED: AtomicBool = AtomicBool::new(false);

/// Whether this system installs packages with apt.
pub fn exists() -> bool {
    process::succeeds(Command::new("apt-get").arg("--version"))
}

/// Installs packages; as anyone but root, fails with the command that would do it.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !exists() {
        bail!("not installed: {names}, and there is no apt-get here to install them with");
    }
    if process::output(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!(
            "not installed: {names}; run\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"
        );
    }
    update()?;
    println!("    apt-get install {names}");
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(command.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

/// Fetches the lists of packages, once a process. As anyone but root the lists stay as they are.
pub fn update() -> Result<()> {
    if UPDATED.swap(true, Ordering::Relaxed) || process::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Ok(());
    }
    println!("    apt-get update");
    process::run(Command::new("apt-get").args(["update", "-qq"]))
}

/// The packages whose name matches a regular expression.
pub fn search(pattern: &str) -> Result<Vec<String>> {
    let found = process::output(Command::new("apt-cache").args(["search", "--names-only", pattern]))?;
    Ok(found.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}
