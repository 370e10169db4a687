//! Plugins without rustup's `wasm32-wasip2`: Debian's rustc and lld compile them for
//! `wasm32-wasip1`, with a standard library built once from Debian's source package, and
//! wit-component turns the module into a component.

use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, release_in};
use crate::context::Context;
use crate::process;

/// What the modules are compiled for.
pub const TARGET: &str = "wasm32-wasip1";
const RUSTC: &str = "/usr/bin/rustc";
/// Where Debian's wasi-libc puts its objects.
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";
const WASI_OBJECTS: [&str; 3] = ["libc.a", "crt1-command.o", "crt1-reactor.o"];

/// Debian's compiler and linker, and a standard library of our own.
pub struct Toolchain {
    linker: PathBuf,
    sysroot: PathBuf,
    release: String,
}

impl Display for Toolchain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "by Debian's rustc {} for {TARGET}, then made components", self.release)
    }
}

impl Toolchain {
    /// Makes a cargo command compile for [`TARGET`] with this toolchain.
    pub fn apply(&self, command: &mut Command, flags: &[OsString]) {
        let mut sysroot = OsString::from("--sysroot=");
        sysroot.push(&self.sysroot);
        let mut all = vec![sysroot, linker_flag(&self.linker)];
        all.extend_from_slice(flags);
        apply(command, &all);
    }
}

/// The compiler, and flags for what it compiles for the target. The library path that cargo sets
/// for us belongs to another compiler.
fn apply(command: &mut Command, flags: &[OsString]) {
    command.env("RUSTC", RUSTC).env("CARGO_ENCODED_RUSTFLAGS", flags.join(std::ffi::OsStr::new("\x1f")));
    command.env_remove("RUSTFLAGS").env_remove("LD_LIBRARY_PATH").env_remove("RUSTC_WRAPPER");
}

fn linker_flag(linker: &Path) -> OsString {
    let mut flag = OsString::from("-Clinker=");
    flag.push(linker);
    flag
}

/// Finds or makes the toolchain.
pub fn find(context: &Context) -> Result<Toolchain> {
    let linker = install_missing()?;
    let version = process::output(Command::new(RUSTC).arg("-vV"))?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").to_owned();
    let release = field("release: ");
    let sysroot = context.cache.join("sysroot").join(format!("{release}-{ARCH}"));
    if !sysroot.join(".complete").exists() {
        build_sysroot(context, &linker, &sysroot, &field("host: "))?;
    }
    Ok(Toolchain { linker, sysroot, release })
}

/// Installs what is missing of the compiler, its source, the linker and the C library, and
/// returns the linker.
fn install_missing() -> Result<PathBuf> {
    let mut missing = Vec::new();
    let has_source = Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir()
        || Path::new("/usr/src").read_dir().is_ok_and(|mut entries| entries.any(is_rust_source));
    if !Path::new(RUSTC).exists() || !has_source {
        apt::update()?;
        // The build for browsers is newer than the distribution's own.
        match apt::search("^rustc-web$")?.is_empty() {
            true => missing.extend(["rustc".to_owned(), "rust-src".to_owned()]),
            false => missing.extend(["rustc-web".to_owned(), "rust-web-src".to_owned()]),
        }
    }
    if newest_linker().is_none() {
        apt::update()?;
        let newest = apt::search("^lld-[0-9]+$")?.into_iter().max_by_key(|name| release_in(name));
        missing.push(newest.context("this system's packages have no lld")?);
    }
    if WASI_OBJECTS.iter().any(|name| !Path::new(WASI_LIBC).join(name).exists()) {
        missing.push("wasi-libc".to_owned());
    }
    if !missing.is_empty() {
        apt::install(&missing.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    newest_linker().context("there is no /usr/bin/wasm-ld-NN although an lld is installed")
}

fn is_rust_source(entry: std::io::Result<fs::DirEntry>) -> bool {
    entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("rustc-"))
}

fn newest_linker() -> Option<PathBuf> {
    let entries = Path::new("/usr/bin").read_dir().ok()?;
    let linkers = entries.flatten().map(|entry| entry.path());
    let named =
        linkers.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("wasm-ld-")));
    named.max_by_key(|path| release_in(&path.to_string_lossy()))
}

/// Builds the standard library and lays it out as a sysroot. The directory appears when all is in
/// it, so that an interrupted build leaves nothing half-made behind.
fn build_sysroot(context: &Context, linker: &Path, sysroot: &Path, host: &str) -> Result<()> {
    println!("    compiling Rust's standard library for {TARGET} (once, 1 to 2 minutes)");
    let building = sysroot.with_extension("building");
    remove_dir(&building)?;
    let project = building.join("project");
    fs::create_dir_all(project.join("src"))?;
    fs::write(
        project.join("Cargo.toml"),
        "[package]\nname = \"sysroot\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[profile.release]\ndebug = false\n[workspace]\n",
    )?;
    fs::write(project.join("src/lib.rs"), "")?;
    let mut cargo = crate::cargo::cargo(context, "build");
    cargo.current_dir(&project).args(["--release", "--quiet", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
    // Lets a stable compiler take flags that nightly ones have; what it compiles is the same.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", building.join("target"));
    apply(&mut cargo, &["-Cembed-bitcode=yes".into(), linker_flag(linker), "-Zforce-unstable-if-unmarked".into()]);
    process::run(&mut cargo)?;

    let made = building.join("sysroot");
    let libs = made.join("lib/rustlib").join(TARGET).join("lib");
    let objects = libs.join("self-contained");
    fs::create_dir_all(&objects)?;
    copy_rlibs(&building.join("target").join(TARGET).join("release/deps"), &libs)?;
    for name in WASI_OBJECTS {
        fs::copy(Path::new(WASI_LIBC).join(name), objects.join(name)).with_context(|| format!("can't copy {name}"))?;
    }
    // Derive macros are libraries of the host.
    std::os::unix::fs::symlink(Path::new("/usr/lib/rustlib").join(host), made.join("lib/rustlib").join(host))?;
    fs::write(made.join(".complete"), "")?;
    remove_dir(sysroot)?;
    fs::rename(&made, sysroot)?;
    remove_dir(&building)
}

fn copy_rlibs(from: &Path, to: &Path) -> Result<()> {
    let mut copied = 0;
    for entry in from.read_dir().with_context(|| format!("can't read {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rlib") {
            fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
            copied += 1;
        }
    }
    if copied == 0 {
        bail!("the standard library was compiled, but nothing of it is in {}", from.display());
    }
    Ok(())
}

fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Turns modules into components, in place.
pub fn componentize(context: &Context, modules: &[PathBuf]) -> Result<()> {
    process::run(components(context).arg("componentize").args(modules))
}

/// This program again, compiled with the feature that makes components and to a place of its own, so
/// that nobody else waits for wit-component. To be given a verb.
pub fn components(context: &Context) -> Command {
    let mut cargo = crate::cargo::cargo(context, "run");
    cargo.args(["--locked", "--quiet", "--package", "xtask", "--features", "componentize"]);
    // Compiling it well would take longer than it ever runs.
    cargo.args(["--config", "profile.dev.opt-level=0", "--config", "profile.dev.package.'*'.opt-level=0"]);
    cargo.env("CARGO_TARGET_DIR", context.cache.join("componentize"));
    cargo.arg("--");
    cargo
}
