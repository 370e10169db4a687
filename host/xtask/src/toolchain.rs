//! What compiles plugins to WebAssembly: rustup's `wasm32-wasip2`, or Debian's packages where
//! rustup can't get it.

use std::env;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::process;

pub mod apt;
pub mod clang;
pub mod debian;
pub mod kube;
pub mod languages;
pub mod tools;

/// The variable that forces one of the two.
const FORCE: &str = "SPRINGLINE_GUEST_TOOLCHAIN";
const TARGET: &str = "wasm32-wasip2";
/// How long rustup may take to fetch the target; where it has no network it may hang.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// What compiles plugins.
pub enum Toolchain {
    /// The compiler in use has a standard library for `wasm32-wasip2`, which links components.
    Native,
    /// Debian's compiler and linker, and a standard library that we built ourselves.
    Debian(debian::Toolchain),
}

impl Display for Toolchain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => write!(f, "by the compiler in use, for {TARGET}"),
            Self::Debian(toolchain) => write!(f, "{toolchain}"),
        }
    }
}

/// Finds or installs a toolchain for plugins.
pub fn find(context: &Context) -> Result<Toolchain> {
    let forced = env::var(FORCE).ok().filter(|value| !value.is_empty());
    match forced.as_deref() {
        None => {}
        Some("debian") => return debian::find(context).map(Toolchain::Debian),
        Some("rustup") if has_native_target()? || rustup_adds_target()? => return Ok(Toolchain::Native),
        Some("rustup") => bail!("rustup could not add {TARGET}; run `rustup target add {TARGET}` to see why"),
        Some(other) => bail!("{FORCE} is `{other}`, but must be `rustup` or `debian`"),
    }
    if has_native_target()? || rustup_adds_target()? {
        return Ok(Toolchain::Native);
    }
    println!("    rustup can't give us {TARGET}; trying Debian's packages");
    let toolchain = debian::find(context);
    toolchain.map(Toolchain::Debian).with_context(|| {
        format!("plugins can't be compiled here; the simplest way out is `rustup target add {TARGET}` with a network")
    })
}

/// The release in the name of one of LLVM's packages or programs: the first number; 0 without one.
fn release_in(name: &str) -> u32 {
    name.split('-').find_map(|part| part.parse().ok()).unwrap_or(0)
}

/// Whether the compiler in use has a standard library for the target.
fn has_native_target() -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libs = process::output(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
    let libs = PathBuf::from(libs.trim());
    let Ok(entries) = libs.read_dir() else { return Ok(false) };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

fn rustup_adds_target() -> Result<bool> {
    if !process::succeeds(Command::new("rustup").arg("--version")) {
        return Ok(false);
    }
    println!("    rustup target add {TARGET}");
    let added = process::succeeds_within(RUSTUP_LIMIT, Command::new("rustup").args(["target", "add", TARGET]))?;
    Ok(added && has_native_target()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_wherever_it_stands() {
        for name in ["lld-22", "clang-22", "/usr/bin/wasm-ld-22", "libclang-rt-22-dev-wasm32"] {
            assert_eq!(release_in(name), 22, "{name}");
        }
        assert_eq!(release_in("/usr/bin/wasm-ld"), 0);
    }
}
