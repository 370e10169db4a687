//! Rust, for `wasm32-wasip2`, whose linker makes components.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{BuildError, Job, Missing, Project, Toolchain, find, missing, run};

const TARGET: &str = "wasm32-wasip2";

/// The oldest Rust that the SDK is made for.
const OLDEST: (u32, u32) = (1, 95);

/// What a plugin is built with, unless its manifest has a release profile of its own: small first.
const PROFILE: [&str; 4] = ["opt-level=\"z\"", "lto=true", "codegen-units=1", "panic=\"abort\""];

/// Rust.
pub struct Rust;

impl Toolchain for Rust {
    fn missing(&self, job: &Job<'_>) -> Vec<Missing> {
        let what = format!("Rust {}.{} or newer, with cargo (https://rustup.rs installs it)", OLDEST.0, OLDEST.1);
        if find("cargo").is_none() || find("rustc").is_none() {
            return vec![missing(what, &[])];
        }
        match version(job) {
            Some(version) if version >= OLDEST => {}
            Some((major, minor)) => return vec![missing(format!("{what}: this is Rust {major}.{minor}"), &[])],
            None => return vec![missing(format!("{what}: `rustc --version` fails here"), &[])],
        }
        if has_target(job) {
            return Vec::new();
        }
        let what = format!("Rust's standard library for {TARGET}");
        match find("rustup") {
            Some(_) => vec![missing(what, &[&["rustup", "target", "add", TARGET]])],
            None => vec![missing(
                format!(
                    "{what}: the compiler here does not come from rustup, whose `rustup target add {TARGET}` gets it"
                ),
                &[],
            )],
        }
    }

    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let package = package(job)?;
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&project.directory).args(["build", "--release", "--quiet", "--target", TARGET]);
        cargo.args(["--package", &package.name]);
        for setting in settings(job)? {
            cargo.args(["--config", &format!("profile.release.{setting}")]);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(project, &package.workspace)).env_remove("RUSTFLAGS");
        run(&mut cargo, job.say)?;
        let built = package.target.join(TARGET).join("release").join(format!("{}.wasm", package.library));
        fs::read(&built).map_err(|error| BuildError::io(&built, &error))
    }
}

/// The compiler that the project is built with: its directory may choose one.
fn rustc(job: &Job<'_>) -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(&job.project.directory);
    command
}

/// The version of that compiler.
fn version(job: &Job<'_>) -> Option<(u32, u32)> {
    parse(&run(rustc(job).arg("--version"), &|_| {}).ok()?)
}

/// The version in what `rustc --version` prints, such as `rustc 1.95.0 (0123456789 2026-04-16)`.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("rustc ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether that compiler has a standard library for the target.
fn has_target(job: &Job<'_>) -> bool {
    let mut command = rustc(job);
    let Ok(libs) = run(command.args(["--print", "target-libdir", "--target", TARGET]), &|_| {}) else { return false };
    let Ok(entries) = Path::new(libs.trim()).read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// The package of a project, as cargo sees it.
struct Package {
    name: String,
    library: String,
    target: PathBuf,
    workspace: PathBuf,
}

fn package(job: &Job<'_>) -> Result<Package, BuildError> {
    let directory = &job.project.directory;
    let manifest = directory.join("Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(directory).args(["metadata", "--format-version=1", "--no-deps", "--quiet"]);
    let text = run(&mut cargo, &|_| {})?;
    let wrong = |message: &str| BuildError::Project(format!("{}: {message}", job.project.shown(&manifest)));
    let metadata: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let is_ours = |package: &&Value| {
        let path = package["manifest_path"].as_str().map(Path::new);
        path.and_then(|path| fs::canonicalize(path).ok()) == fs::canonicalize(&manifest).ok()
    };
    let package = metadata["packages"].as_array().and_then(|packages| packages.iter().find(is_ours));
    let package = package.ok_or_else(|| wrong("it declares no package"))?;
    let is_component = |target: &&Value| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    let library = package["targets"].as_array().and_then(|targets| targets.iter().find(is_component));
    let library = library
        .and_then(|target| target["name"].as_str())
        .ok_or_else(|| wrong("it is no plugin: it needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Package {
        name: text(&package["name"]),
        library: library.replace('-', "_"),
        target: text(&metadata["target_directory"]).into(),
        workspace: text(&metadata["workspace_root"]).into(),
    })
}

/// Settings of the release profile. Function names stay, for backtraces; lines are for `--debug`.
fn settings(job: &Job<'_>) -> Result<Vec<String>, BuildError> {
    let manifest = job.project.directory.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| BuildError::io(&manifest, &error))?;
    let has_own = text.lines().any(|line| line.trim_start().starts_with("[profile.release]"));
    let mut settings: Vec<String> =
        if has_own { Vec::new() } else { PROFILE.iter().map(|setting| (*setting).to_owned()).collect() };
    let (debug, strip) = if job.debug { ("line-tables-only", "none") } else { ("none", "debuginfo") };
    settings.extend([format!("debug=\"{debug}\""), format!("strip=\"{strip}\"")]);
    Ok(settings)
}

/// The flags of the user's own, and those that keep this machine's paths out of the component: the
/// same source gives the same bytes wherever it lies.
fn flags(project: &Project, workspace: &Path) -> OsString {
    let mut flags: Vec<OsString> = match (env::var_os("CARGO_ENCODED_RUSTFLAGS"), env::var("RUSTFLAGS")) {
        (Some(encoded), _) if !encoded.is_empty() => vec![encoded],
        (_, Ok(plain)) => plain.split_whitespace().map(OsString::from).collect(),
        _ => Vec::new(),
    };
    let home = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    // Of several that fit a path, rustc takes the last one.
    let places = [(home.as_deref(), "/cargo"), (Some(workspace), "."), (Some(project.directory.as_path()), ".")];
    for (from, to) in places {
        if let Some(from) = from {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            flags.push(flag);
        }
    }
    flags.join(std::ffi::OsStr::new("\x1f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse("rustc 1.95.0 (0a1b2c3d4 2026-04-16)\n"), Some((1, 95)));
        assert_eq!(parse("rustc 1.97.0-nightly (0a1b2c3d4 2026-06-01)"), Some((1, 97)));
        assert_eq!(parse("error: no toolchain"), None);
        assert!(parse("rustc 1.100.0").unwrap() > OLDEST && parse("rustc 1.94.9").unwrap() < OLDEST);
    }
}
