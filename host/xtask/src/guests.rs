//! `cargo xtask guests`: the plugins, and the guests that the tests run, compiled to components.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cargo::{self, Package};
use crate::context::Context;
use crate::toolchain::{Toolchain, debian};
use crate::{c_guests, no_arguments, process, setup};

/// What guests are compiled with; see the workspace's Cargo.toml.
const PROFILE: &str = "guest";

/// Builds every guest and prints how large each is.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    no_arguments("guests", args)?;
    let toolchain = setup::prepare(context)?;
    build_all(context, &toolchain)
}

/// Builds every guest, those in C too, which only the tests run.
pub fn build_all(context: &Context, toolchain: &Toolchain) -> Result<()> {
    build(context, toolchain)?;
    process::step("Compiling the guests in C", || {
        for component in c_guests::build(context)? {
            copy_if_changed(&component, &context.guests_dir().join(c_guests::file_name(&component)))?;
        }
        Ok(())
    })
}

/// Builds the guests in Rust and prints how large each is. What is up to date stays as it is, its
/// time of change included, so that the host is not built again for it.
pub fn build(context: &Context, toolchain: &Toolchain) -> Result<()> {
    let packages = cargo::packages(context)?;
    let kinds = [("plugins", context.plugins_dir()), ("tests/guests", context.guests_dir())];
    let guests: Vec<(Package, &Path)> = packages
        .into_iter()
        .filter_map(|package| {
            let parent = package.dir.parent()?;
            let (_, to) = kinds.iter().find(|(dir, _)| parent == context.root.join(dir))?;
            Some((package, to.as_path()))
        })
        .collect();
    process::step(&format!("Compiling {} plugins and guests", guests.len()), || {
        let made = compile(context, toolchain, &guests)?;
        for (_, to) in &kinds {
            fs::create_dir_all(to).with_context(|| format!("can't make {}", to.display()))?;
            remove_stale(to, &guests)?;
        }
        install(toolchain, context, &guests, &made)
    })
}

/// Compiles all guests in one call of cargo; returns the directory of the modules.
fn compile(context: &Context, toolchain: &Toolchain, guests: &[(Package, &Path)]) -> Result<PathBuf> {
    let (target, dir) = match toolchain {
        Toolchain::Native => ("wasm32-wasip2", context.target.join("guest-build")),
        Toolchain::Debian(_) => (debian::TARGET, context.target.join("guest-build-debian")),
    };
    let mut command = cargo::cargo(context, "build");
    command.args(["--locked", "--profile", PROFILE, "--target", target]).env("CARGO_TARGET_DIR", &dir);
    for (package, _) in guests {
        if package.module.is_none() {
            bail!("{} is no plugin: its Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`", package.name);
        }
        command.args(["--package", &package.name]);
    }
    let flags = [remap_flag(&cargo_home()?, "/cargo"), remap_flag(&context.root, "/springline")];
    match toolchain {
        Toolchain::Native => {
            command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join(std::ffi::OsStr::new("\x1f")));
        }
        Toolchain::Debian(toolchain) => toolchain.apply(&mut command, &flags),
    }
    process::run(&mut command)?;
    Ok(dir.join(target).join(PROFILE))
}

/// Keeps this machine's paths out of the modules: they would be in the messages of panics.
fn remap_flag(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("CARGO_HOME").filter(|dir| !dir.is_empty()) {
        return Ok(dir.into());
    }
    Ok(env::home_dir().context("neither CARGO_HOME nor HOME is set")?.join(".cargo"))
}

/// Copies what changed to where it is looked for, as `NAME.wasm`, and prints the sizes.
fn install(toolchain: &Toolchain, context: &Context, guests: &[(Package, &Path)], made: &Path) -> Result<()> {
    let mut rows = Vec::new();
    let mut modules = Vec::new();
    for (package, to) in guests {
        let module = made.join(format!("{}.wasm", package.module.as_deref().unwrap_or_default()));
        let component = to.join(format!("{}.wasm", package.name));
        rows.push((package.name.as_str(), component.clone()));
        modules.push((module, component));
    }
    let components = match toolchain {
        Toolchain::Native => modules,
        Toolchain::Debian(_) => componentize_all(context, modules)?,
    };
    for (from, to) in components {
        copy_if_changed(&from, &to)?;
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, path) in rows {
        println!("    {name:width$} {:>5} KiB", path.metadata()?.len().div_ceil(1024));
    }
    Ok(())
}

/// Makes components beside the modules, whose names end in `.component`.
fn componentize_all(context: &Context, modules: Vec<(PathBuf, PathBuf)>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut components = Vec::new();
    for (module, to) in modules {
        let component = module.with_extension("component");
        fs::copy(&module, &component).with_context(|| format!("can't copy {}", module.display()))?;
        components.push((component, to));
    }
    let paths: Vec<PathBuf> = components.iter().map(|(component, _)| component.clone()).collect();
    debian::componentize(context, &paths)?;
    Ok(components)
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let temporary = to.with_extension("new");
    fs::write(&temporary, new).with_context(|| format!("can't write {}", temporary.display()))?;
    fs::rename(&temporary, to).with_context(|| format!("can't write {}", to.display()))
}

/// Removes what an earlier build left of a guest that is gone.
fn remove_stale(dir: &Path, guests: &[(Package, &Path)]) -> Result<()> {
    for entry in dir.read_dir()? {
        let path = entry?.path();
        let is_guest = |(package, to): &(Package, &Path)| path == to.join(format!("{}.wasm", package.name));
        if !guests.iter().any(is_guest) && !c_guests::is_one(&path) {
            fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
        }
    }
    Ok(())
}
