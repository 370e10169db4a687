//! Cargo as we call it: always the same selection and environment, so that nothing heavy is
//! compiled twice.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::context::Context;
use crate::process;

/// `cargo VERB` in the workspace, with the variables that the host's build script reads.
pub fn cargo(context: &Context, verb: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&context.root).arg(verb);
    command.env("CARGO_TARGET_DIR", &context.target);
    command.env("SPRINGLINE_PLUGINS", context.plugins_dir());
    command
}

/// Builds every program of the workspace, the plugins built before being embedded in it.
///
/// The whole workspace is selected although only one program is wanted: cargo turns on the union
/// of the features that the selected packages ask for, and another selection would compile
/// wasmtime again.
pub fn build_programs(context: &Context) -> Result<()> {
    process::run(cargo(context, "build").args(["--locked", "--workspace", "--bins"]))
}

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// The directory of its manifest.
    pub dir: PathBuf,
    /// The file name, without extension, of the module that it compiles to; none if it has no
    /// `cdylib` target.
    pub module: Option<String>,
}

/// The packages of the workspace.
pub fn packages(context: &Context) -> Result<Vec<Package>> {
    let metadata = process::output(cargo(context, "metadata").args(["--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` printed no packages")?;
    packages
        .iter()
        .map(|package| package_of(package).context("`cargo metadata` printed a package without a name"))
        .collect()
}

fn package_of(package: &Value) -> Option<Package> {
    let manifest = PathBuf::from(package["manifest_path"].as_str()?);
    let is_cdylib = |target: &&Value| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    let module = package["targets"].as_array()?.iter().find(is_cdylib);
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        dir: manifest.parent()?.to_owned(),
        module: module.and_then(|target| target["name"].as_str()).map(|name| name.replace('-', "_")),
    })
}
