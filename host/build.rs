//! Puts the built-in plugins into the program: every `*.wasm` in the directory that
//! `SPRINGLINE_PLUGINS` names. `cargo xtask guests` makes them. Without the variable the program
//! carries none, which is enough for `cargo check`. Puts the SDKs into it as well, for
//! `springline plugin new`.

#[path = "build/manifest.rs"]
mod manifest;
#[path = "build/sdks.rs"]
mod sdks;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest as _, Sha256};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=SPRINGLINE_PLUGINS");
    let mut plugins = match env::var_os("SPRINGLINE_PLUGINS") {
        Some(directory) => components(Path::new(&directory))?,
        None => Vec::new(),
    };
    plugins.sort();
    let mut code = String::from("static BUILTINS: &[Builtin] = &[\n");
    for plugin in &plugins {
        println!("cargo::rerun-if-changed={}", plugin.display());
        let name = plugin.file_stem().unwrap_or_default().to_string_lossy();
        let digest: [u8; 32] = Sha256::digest(fs::read(plugin)?).into();
        let path = plugin.canonicalize()?;
        writeln!(
            code,
            "    Builtin {{ name: {name:?}, digest: Digest::from_bytes({digest:?}), bytes: include_bytes!({path:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    fs::write(out.join("builtins.rs"), code)?;
    sdks::embed(&out)
}

fn components(directory: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            found.push(path);
        }
    }
    Ok(found)
}
