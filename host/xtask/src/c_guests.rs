//! The hostile guests in C: clang and lld alone, without a C library or bindings, so that nothing
//! stands between an attack and the host.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::process;
use crate::toolchain::{apt, debian};

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
    let clang = clang()?;
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

/// A clang that compiles to WebAssembly and has an lld beside it.
fn clang() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    if !apt::exists() {
        bail!("no clang here compiles to WebAssembly: install clang and lld 16 or newer");
    }
    apt::update()?;
    let newest = |pattern| apt::search(pattern).map(|names| names.into_iter().max_by_key(|name| number_at_end(name)));
    let clang = newest("^clang-[0-9]+$")?.context("this system's packages have no clang")?;
    apt::install(&[&clang, &clang.replace("clang", "lld")])?;
    installed().context("clang was installed, but it does not compile to WebAssembly")
}

fn installed() -> Option<PathBuf> {
    let named = Path::new("/usr/bin").read_dir().ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = named.filter(|path| is_versioned_clang(path)).collect();
    found.sort_by_key(|path| std::cmp::Reverse(number_at_end(&path.to_string_lossy())));
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

fn number_at_end(name: &str) -> u32 {
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
