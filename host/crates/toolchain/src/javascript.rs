//! JavaScript and TypeScript: esbuild bundles the plugin, an engine makes it a component.
//!
//! What does it is the SDK's own tool, `springline-js`, so that `npm run build` in the project comes
//! to the same. It needs no `npm install` in the project: the packages may lie in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{BuildError, Job, Missing, Project, Toolchain, find, missing, run};

/// The oldest Node that will do.
const NODE: u32 = 20;
const ESBUILD: &str = "esbuild";
const STARLINGMONKEY: &str = "@bytecodealliance/componentize-js";
const QUICKJS: &str = "componentize-qjs";

/// JavaScript and TypeScript.
pub struct JavaScript;

impl Toolchain for JavaScript {
    fn missing(&self, job: &Job<'_>) -> Vec<Missing> {
        match node_version() {
            Some(version) if version >= NODE => {}
            Some(version) => {
                return vec![missing(format!("Node {NODE} or newer (https://nodejs.org); here is {version}"), &[])];
            }
            None => return vec![missing(format!("Node {NODE} or newer, with npm (https://nodejs.org)"), &[])],
        }
        let lacking = lacking(job);
        if lacking.is_empty() {
            return Vec::new();
        }
        let what = format!("{} (from npm)", lacking.join(", "));
        if find("npm").is_none() {
            return vec![missing(format!("{what}, and npm to get them (https://nodejs.org)"), &[])];
        }
        // With the SDK's lock file: the same versions of everything, everywhere.
        let (from, cache) = (lock_directory(job.project), cache(job));
        let (manifest, lock) = (from.join("package.json"), from.join("package-lock.json"));
        let [manifest, lock, cache] = [&manifest, &lock, &cache].map(|path| path.to_string_lossy());
        let install = ["npm", "ci", "--prefix", &cache, "--ignore-scripts", "--no-audit", "--no-fund"];
        vec![missing(what, &[&["mkdir", "-p", &cache], &["cp", &manifest, &lock, &cache], &install])]
    }

    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let tool = project.sdk().join("bin").join("springline-js.mjs");
        if !tool.is_file() {
            let place = project.shown(&tool);
            return Err(BuildError::Project(format!("{place} is not there: the SDK is not beside the project")));
        }
        let work = project.work()?;
        let scratch = tempfile::tempdir_in(&work).map_err(|error| BuildError::io(&work, &error))?;
        let built = scratch.path().join("plugin.wasm");
        let mut node = Command::new("node");
        node.arg(&tool).arg("build").arg(&project.directory).arg("--out").arg(&built);
        node.args(["--kind", &project.kind]).arg("--tools").arg(cache(job));
        run(node.current_dir(&project.directory), job.say)?;
        fs::read(&built).map_err(|error| BuildError::io(&built, &error))
    }
}

/// The first number of the version of the Node on `PATH`.
fn node_version() -> Option<u32> {
    find("node")?;
    let version = run(Command::new("node").arg("--version"), &|_| {}).ok()?;
    major(&version)
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The packages that are neither in the project, in whatever version it wants, nor in the cache, in
/// the version that the SDK wants.
fn lacking(job: &Job<'_>) -> Vec<String> {
    let wanted = read(&lock_directory(job.project).join("package.json"));
    let version_of = |name: &str| wanted["dependencies"][name].as_str().unwrap_or("latest").to_owned();
    let in_project = |name: &str| {
        let mut above = job.project.directory.ancestors();
        above.any(|directory| installed(directory, name).is_some())
    };
    let packages = [ESBUILD, engine(job.project)].into_iter().map(|name| (name, version_of(name)));
    packages
        .filter(|(name, version)| !in_project(name) && installed(&cache(job), name).as_ref() != Some(version))
        .map(|(name, version)| format!("{name}@{version}"))
        .collect()
}

/// The package that makes components with the engine that the project's package.json names.
fn engine(project: &Project) -> &'static str {
    let manifest = read(&project.directory.join("package.json"));
    match manifest["springline"]["engine"].as_str() {
        Some("quickjs") => QUICKJS,
        _ => STARLINGMONKEY,
    }
}

/// The version of a package that is installed in a directory.
fn installed(directory: &Path, name: &str) -> Option<String> {
    let manifest = read(&directory.join("node_modules").join(name).join("package.json"));
    manifest["version"].as_str().map(str::to_owned)
}

fn cache(job: &Job<'_>) -> PathBuf {
    job.cache.join("javascript")
}

/// Where the SDK says what it builds with.
fn lock_directory(project: &Project) -> PathBuf {
    project.sdk().join("toolchain")
}

/// A JSON file; null if it can't be read.
fn read(path: &Path) -> Value {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_project_may_have_any_version_and_the_cache_must_have_the_right_one() {
        let directory = tempfile::tempdir().unwrap();
        let (here, cache) = (directory.path().join("plugin"), directory.path().join("cache"));
        let wanted = r#"{ "dependencies": { "esbuild": "2.0.0", "componentize-qjs": "3.0.0" } }"#;
        write(&here.join("sdk/toolchain/package.json"), wanted);
        write(&here.join("package.json"), r#"{ "springline": { "engine": "quickjs" } }"#);
        let project = Project {
            component: here.join("build/x.wasm"),
            directory: here.clone(),
            name: "x".into(),
            language: Language::TypeScript,
            kind: "build-step".into(),
            command: Vec::new(),
        };
        let job = Job { project: &project, cache: &cache, debug: false, say: &|_| {} };
        assert_eq!(lacking(&job), ["esbuild@2.0.0", "componentize-qjs@3.0.0"]);

        write(&here.join("node_modules/esbuild/package.json"), r#"{ "version": "1.9.9" }"#);
        let cached = cache.join("javascript/node_modules/componentize-qjs/package.json");
        write(&cached, r#"{ "version": "2.9.9" }"#);
        assert_eq!(lacking(&job), ["componentize-qjs@3.0.0"]);
        write(&cached, r#"{ "version": "3.0.0" }"#);
        assert!(lacking(&job).is_empty());
    }

    #[test]
    fn node_says_its_version() {
        assert_eq!((major("v20.20.2\n"), major("v8"), major("20")), (Some(20), Some(8), None));
    }
}
