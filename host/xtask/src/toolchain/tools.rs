//! Programs of others that the tests hold ours against: a registry, what else pushes to one, pulls
//! from one and signs there, and a Kubernetes control plane. They are built once, into the cache that all clones share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{apt, kube};
use crate::context::Context;
use crate::process;

/// A program that is built from its Go module.
struct GoTool {
    name: &'static str,
    version: &'static str,
    package: &'static str,
    /// What building it takes, on one core.
    cost: &'static str,
}

const ORAS: GoTool = GoTool { name: "oras", version: "1.3.6", package: "oras.land/oras/cmd/oras", cost: "1 minute" };
const COSIGN: GoTool =
    GoTool { name: "cosign", version: "3.1.3", package: "github.com/sigstore/cosign/v3/cmd/cosign", cost: "5 minutes" };
const WKG: &str = "0.16.1";
const DOCKER_REGISTRY: &str = "docker-registry";

/// Finds or gets every tool, and returns the variables that tell the tests where each is. What
/// can't be had is said; the tests that need it are skipped, or fail where nothing may be skipped.
pub fn find(context: &Context) -> Vec<(String, PathBuf)> {
    let directory = directory(context);
    let mut found = Vec::new();
    let mut keep = |name: &str, tool: Result<PathBuf>| match tool {
        Ok(path) => found.push((format!("SPRINGLINE_{}", name.to_uppercase().replace('-', "_")), path)),
        Err(error) => println!("    there is no {name}: {error:#}"),
    };
    keep(DOCKER_REGISTRY, docker_registry());
    for tool in [ORAS, COSIGN] {
        keep(tool.name, tool.find(&directory));
    }
    keep("referrers", referrers(context, &directory));
    keep("wkg", wkg(&directory));
    keep("kube", kube::find(context, &directory));
    found
}

fn directory(context: &Context) -> PathBuf {
    context.cache.join("tools")
}

/// What pushes and pulls without looking at what it is.
pub fn oras(context: &Context) -> Result<PathBuf> {
    ORAS.find(&directory(context))
}

/// The programs of a Kubernetes API server.
pub fn kube(context: &Context) -> Result<PathBuf> {
    kube::find(context, &directory(context))
}

/// Debian's registry.
pub fn docker_registry() -> Result<PathBuf> {
    let installed = || on_path(DOCKER_REGISTRY);
    if installed().is_none() {
        apt::install(&[DOCKER_REGISTRY])?;
    }
    match installed() {
        Some(path) => Ok(path),
        None => bail!("the package {DOCKER_REGISTRY} brought no program of this name"),
    }
}

impl GoTool {
    fn find(&self, directory: &Path) -> Result<PathBuf> {
        let directory = directory.join(format!("{}-{}", self.name, self.version));
        let program = directory.join(self.name);
        if program.exists() {
            return Ok(program);
        }
        needs_go()?;
        println!("    building {} {} (once, {} of one core)", self.name, self.version, self.cost);
        fs::create_dir_all(&directory)?;
        let mut command = Command::new("go");
        command.args(["install", "-ldflags=-s -w", &format!("{}@v{}", self.package, self.version)]);
        command.env("GOBIN", &directory).env("CGO_ENABLED", "0").current_dir(&directory);
        process::run(&mut command)?;
        Ok(program)
    }
}

/// A registry with the referrers API, from the module in `tests/referrers`. Go sees by itself whether
/// it has to be built again.
fn referrers(context: &Context, directory: &Path) -> Result<PathBuf> {
    needs_go()?;
    fs::create_dir_all(directory)?;
    let program = directory.join("referrers");
    let mut command = Command::new("go");
    command.args(["build", "-o"]).arg(&program).arg(".");
    process::run(command.env("CGO_ENABLED", "0").current_dir(context.root.join("tests/referrers")))?;
    Ok(program)
}

/// Fails, and says how to get it, where there is no Go.
pub fn needs_go() -> Result<()> {
    if !process::succeeds(Command::new("go").arg("version")) {
        bail!("building it takes Go 1.26 or newer (https://go.dev/dl)");
    }
    Ok(())
}

/// wkg, not optimised: it only ever moves a few megabytes.
fn wkg(directory: &Path) -> Result<PathBuf> {
    let root = directory.join(format!("wkg-{WKG}"));
    let program = root.join("bin/wkg");
    if program.exists() {
        return Ok(program);
    }
    println!("    building wkg {WKG} (once, 3 minutes of one core)");
    fs::create_dir_all(directory)?;
    let target = directory.join("wkg-building");
    let mut command = Command::new("cargo");
    command.args(["install", "wkg", "--quiet", "--locked", "--version", WKG, "--profile", "dev", "--root"]).arg(&root);
    command.env("CARGO_TARGET_DIR", &target).env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("RUSTFLAGS");
    process::run(command.current_dir(directory))?;
    fs::remove_dir_all(&target)?;
    Ok(program)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}
