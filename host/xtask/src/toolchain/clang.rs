//! Clang, for the guests in C. What plugins in C take beside it, `springline plugin build --install`
//! gets, of the same release.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, release_in};

/// A clang that compiles to WebAssembly and has an lld beside it; installed where there is none.
pub fn find() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    if !apt::exists() {
        bail!("no clang here compiles to WebAssembly: install clang and lld 16 or newer");
    }
    apt::update()?;
    let release = newest_for_wasi()?;
    apt::install(&[&format!("clang-{release}"), &format!("lld-{release}")])?;
    installed().context("clang was installed, but it does not compile to WebAssembly")
}

/// The newest release that has a runtime library for WASI too, as not every one has.
fn newest_for_wasi() -> Result<u32> {
    let libraries = apt::search("^libclang-rt-[0-9]+-dev-wasm32$")?;
    libraries.iter().map(|name| release_in(name)).max().context("this system's packages have no clang for WebAssembly")
}

fn installed() -> Option<PathBuf> {
    let named = Path::new("/usr/bin").read_dir().ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = named.filter(|path| is_versioned_clang(path)).collect();
    found.sort_by_key(|path| std::cmp::Reverse(release_in(&path.to_string_lossy())));
    found.push("clang".into());
    found.into_iter().find(|clang| links_wasm(clang))
}

fn is_versioned_clang(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_prefix("clang-"));
    name.is_some_and(|version| version.parse::<u32>().is_ok_and(|version| version >= 16))
}

fn links_wasm(clang: &Path) -> bool {
    let linker = Command::new(clang).args(["--target=wasm32-unknown-unknown", "--print-prog-name=wasm-ld"]).output();
    linker.is_ok_and(|found| Path::new(String::from_utf8_lossy(&found.stdout).trim()).is_absolute())
}
