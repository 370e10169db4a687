//! The plugin that only lists and reads. It is made as a user's would be, outside the workspace,
//! with the profile of the shipped ones.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::toolchain::{Toolchain, debian};
use crate::{cargo, process};

const SOURCE: &str = include_str!("reader/lib.rs");
const PROFILE: &str = "guest";

/// Compiles it below `dir`; returns the component.
pub fn build(context: &Context, toolchain: &Toolchain, dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir.join("src"))?;
    fs::write(dir.join("src/lib.rs"), SOURCE)?;
    fs::write(dir.join("Cargo.toml"), manifest(&context.root))?;
    // The versions of the workspace.
    fs::copy(context.root.join("Cargo.lock"), dir.join("Cargo.lock"))?;
    // Where the plugins' dependencies are compiled already.
    let (target, built) = match toolchain {
        Toolchain::Native => ("wasm32-wasip2", context.target.join("guest-build")),
        Toolchain::Debian(_) => (debian::TARGET, context.target.join("guest-build-debian")),
    };
    let mut command = cargo::cargo(context, "build");
    command.args(["--offline", "--quiet", "--profile", PROFILE, "--target", target]);
    command.current_dir(dir).env("CARGO_TARGET_DIR", &built);
    let flags = flags(&context.root)?;
    match toolchain {
        Toolchain::Native => {
            command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join(std::ffi::OsStr::new("\x1f")));
        }
        Toolchain::Debian(toolchain) => toolchain.apply(&mut command, &flags),
    }
    process::run(&mut command)?;
    let component = dir.join("reader.wasm");
    fs::copy(built.join(target).join(PROFILE).join("reader.wasm"), &component)?;
    if let Toolchain::Debian(_) = toolchain {
        debian::componentize(context, std::slice::from_ref(&component))?;
    }
    Ok(component)
}

fn manifest(root: &Path) -> String {
    let sdk = root.join("sdk/rust").display().to_string();
    format!(
        "[package]\nname = \"reader\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nspringline-sdk = {{ path = {sdk:?} }}\n\n\
         [profile.{PROFILE}]\ninherits = \"release\"\nopt-level = \"z\"\nlto = \"fat\"\ncodegen-units = 1\n\
         panic = \"abort\"\nstrip = \"symbols\"\n\n[workspace]\n"
    )
}

/// The flags that the shipped plugins are compiled with; others would compile their dependencies
/// again.
fn flags(root: &Path) -> Result<Vec<OsString>> {
    let home = match env::var_os("CARGO_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => env::home_dir().context("neither CARGO_HOME nor HOME is set")?.join(".cargo"),
    };
    let remap = |from: &Path, to: &str| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push(to);
        flag
    };
    Ok(vec![remap(&home, "=/cargo"), remap(root, "=/springline")])
}
