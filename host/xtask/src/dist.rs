//! `cargo xtask dist`: the program as a release archive, with its checksum.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::{cargo, guests, no_arguments, process, setup};

/// What goes into the archive beside the program.
const DOCUMENTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];

/// Builds the plugins, the program with the plugins in it, and the archive.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    no_arguments("dist", args)?;
    let toolchain = setup::prepare(context)?;
    guests::build(context, &toolchain)?;
    process::step("Compiling the program for release", || {
        process::run(cargo::cargo(context, "build").args(["--locked", "--release", "--package", "springline"]))
    })?;
    process::step("Packing", || pack(context))
}

fn pack(context: &Context) -> Result<()> {
    let name = format!("springline-{}-{ARCH}-{OS}", env!("CARGO_PKG_VERSION"));
    let dist = context.target.join("dist");
    let dir = dist.join(&name);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    let program = format!("springline{EXE_SUFFIX}");
    copy(&context.target.join("release").join(&program), &dir.join(&program))?;
    for document in DOCUMENTS {
        copy(&context.root.join(document), &dir.join(document))?;
    }
    let archive = dist.join(format!("{name}.tar.gz"));
    process::run(Command::new("tar").arg("-C").arg(&dist).arg("-czf").arg(&archive).arg(&name))?;
    let bytes = fs::read(&archive)?;
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(dist.join(format!("{name}.tar.gz.sha256")), format!("{sum}  {name}.tar.gz\n"))?;
    println!("    {} ({} KiB)\n    sha256 {sum}", archive.display(), bytes.len().div_ceil(1024));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("can't copy {}", from.display()))?;
    Ok(())
}
