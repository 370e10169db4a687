//! The hostile guests in C: clang and lld alone, without a C library or bindings, so that nothing
//! stands between an attack and the host.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::process;
use crate::toolchain::{clang, debian};

const SOURCES: &str = "tests/guests/hostile/c";
/// The guests, and what each is compiled with.
const VARIANTS: [(&str, &[&str]); 3] =
    [("hostile-c", &[]), ("hostile-c-start", &["-DLOOP_IN_START"]), ("hostile-c-describe", &["-DLOOP_IN_DESCRIBE"])];
const FLAGS: [&str; 11] = [
    "--target=wasm32-unknown-unknown",
    "-mreference-types",
    "-mbulk-memory",
    "-Oz",
    "-nostdlib",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fuse-ld=lld",
    "-Wl,--no-entry,--strip-debug",
];

/// Compiles them; returns the components, `NAME.component` each.
pub fn build(context: &Context) -> Result<Vec<PathBuf>> {
    let sources = context.root.join(SOURCES);
    let files: Vec<PathBuf> = sources.read_dir()?.flatten().map(|entry| entry.path()).collect();
    let mut files: Vec<&Path> =
        files.iter().map(PathBuf::as_path).filter(|path| path.extension() == Some(OsStr::new("c"))).collect();
    files.sort_unstable();
    let to = context.target.join("guest-build-c");
    fs::create_dir_all(&to).with_context(|| format!("can't make {}", to.display()))?;
    let clang = clang::find()?;
    let mut components = Vec::new();
    for (name, defines) in VARIANTS {
        let component = to.join(format!("{name}.component"));
        let mut command = Command::new(&clang);
        command.args(FLAGS).args(defines).args(&files).arg("-o").arg(&component);
        process::run(&mut command)?;
        components.push(component);
    }
    let mut embed = debian::components(context);
    embed.arg("embed").arg(context.root.join("wit")).arg(sources.join("hostile.wit")).args(&components);
    process::run(&mut embed)?;
    Ok(components)
}

/// What a component is called where guests are looked for.
pub fn file_name(component: &Path) -> PathBuf {
    component.with_extension("wasm").file_name().unwrap_or_default().into()
}

/// Whether a file where guests are looked for is one of these.
pub fn is_one(path: &Path) -> bool {
    VARIANTS.iter().any(|(name, _)| path.file_name() == Some(OsStr::new(&format!("{name}.wasm"))))
}
