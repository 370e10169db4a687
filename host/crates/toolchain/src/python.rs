//! Python, by componentize-py.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Job, Missing, Toolchain, find, missing, run};

/// The version of componentize-py that plugins are built with: another one brings another CPython.
const VERSION: &str = "0.25.1";
/// The CPython in that version, which decides what packages a plugin may use.
const CPYTHON: &str = "3.14";
/// Packages that a plugin takes besides the SDK.
const REQUIREMENTS: &str = "requirements.txt";

/// Python.
pub struct Python;

impl Toolchain for Python {
    fn missing(&self, job: &Job<'_>) -> Vec<Missing> {
        if componentize(job.cache).is_some() && (!has_requirements(job) || has_pip(job.cache)) {
            return Vec::new();
        }
        let mut all = Vec::new();
        if !has_venv() {
            all.push(interpreter());
        }
        let (venv, pip) = (text(&venv(job.cache)), text(&venv(job.cache).join("bin/pip")));
        let package = format!("componentize-py=={VERSION}");
        let commands = [&["python3", "-m", "venv", &venv][..], &[&pip, "install", "--quiet", &package]];
        all.push(missing(format!("componentize-py {VERSION}"), &commands));
        all
    }

    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let Some(tool) = componentize(job.cache) else { return Err(BuildError::Missing(self.missing(job))) };
        let work = project.work()?;
        let scratch = tempfile::tempdir_in(&work).map_err(|error| BuildError::io(&work, &error))?;
        let component = scratch.path().join("component.wasm");
        let mut command = Command::new(tool);
        command.current_dir(&project.directory);
        command.arg("--quiet").arg("--wit-path").arg(project.wit()).args(["--world", &project.world()]);
        command.args(["componentize", "--python-path", "."]).arg("--python-path").arg(project.sdk().join("src"));
        if has_requirements(job) {
            command.arg("--python-path").arg(packages(job, &work)?);
        }
        command.args(["springline.component", "--output"]).arg(&component);
        // componentize-py adds the packages of the environment it runs in: they are not the
        // plugin's, so it gets one without any.
        let nothing = scratch.path().join("site-packages");
        fs::create_dir(&nothing).map_err(|error| BuildError::io(&nothing, &error))?;
        command.env("VIRTUAL_ENV", scratch.path()).env("RUST_BACKTRACE", "0");
        run(&mut command, job.say).map_err(in_the_plugin)?;
        fs::read(&component).map_err(|error| BuildError::io(&component, &error))
    }
}

/// componentize-py of the right version: the one on `PATH`, or the one in the cache.
fn componentize(cache: &Path) -> Option<PathBuf> {
    let is_right = |tool: &PathBuf| {
        let version = run(Command::new(tool).arg("--version"), &|_| {});
        version.is_ok_and(|text| text.split_whitespace().last() == Some(VERSION))
    };
    let ours = venv(cache).join("bin/componentize-py");
    [find("componentize-py"), Some(ours).filter(|tool| tool.is_file())].into_iter().flatten().find(is_right)
}

/// Where the cache has componentize-py.
fn venv(cache: &Path) -> PathBuf {
    cache.join(format!("componentize-py-{VERSION}"))
}

fn has_requirements(job: &Job<'_>) -> bool {
    job.project.directory.join(REQUIREMENTS).is_file()
}

fn has_pip(cache: &Path) -> bool {
    venv(cache).join("bin/pip").is_file()
}

/// Whether there is a Python that can make a virtual environment with pip in it.
fn has_venv() -> bool {
    find("python3")
        .is_some_and(|python| run(Command::new(python).args(["-c", "import ensurepip, venv"]), &|_| {}).is_ok())
}

fn interpreter() -> Missing {
    let what = "Python 3.11 or newer, with the modules `venv` and `ensurepip`";
    match find("apt-get") {
        Some(_) => missing(what, &[&["apt-get", "install", "--yes", "--quiet", "python3-venv"]]),
        None => missing(format!("{what} (https://www.python.org)"), &[]),
    }
}

/// The directory with the packages that the project requires, got again when they change. Only
/// wheels without machine code can be in a component.
fn packages(job: &Job<'_>, work: &Path) -> Result<PathBuf, BuildError> {
    let requirements = job.project.directory.join(REQUIREMENTS);
    let wanted = fs::read(&requirements).map_err(|error| BuildError::io(&requirements, &error))?;
    let packages = work.join("python-packages");
    let stamp = packages.join(REQUIREMENTS);
    if fs::read(&stamp).is_ok_and(|got| got == wanted) {
        return Ok(packages);
    }
    if packages.exists() {
        fs::remove_dir_all(&packages).map_err(|error| BuildError::io(&packages, &error))?;
    }
    let mut pip = Command::new(venv(job.cache).join("bin/pip"));
    pip.current_dir(&job.project.directory);
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-compile", "--requirement", REQUIREMENTS]);
    pip.arg("--target").arg(&packages).args(["--only-binary", ":all:", "--platform", "any"]);
    pip.args(["--implementation", "py", "--abi", "none", "--python-version", CPYTHON]);
    run(&mut pip, job.say)?;
    fs::write(&stamp, wanted).map_err(|error| BuildError::io(&stamp, &error))?;
    Ok(packages)
}

/// An error that names the plugin's own files, instead of where componentize-py mounts them, and
/// without the traceback of componentize-py around the plugin's.
fn in_the_plugin(error: BuildError) -> BuildError {
    match error {
        BuildError::Failed { command, status, output } => {
            BuildError::Failed { command, status, output: plugins_traceback(&output) }
        }
        other => other,
    }
}

fn plugins_traceback(output: &str) -> String {
    let inner = output.split_once("AssertionError: ").map_or(output, |(_, inner)| inner);
    let inner = inner.split("\n\nCaused by:").next().unwrap_or(inner);
    let inner = inner.split("\n\nStack backtrace:").next().unwrap_or(inner);
    // The project is the first directory of the Python path.
    inner.trim_end().replace("File \"/0/", "File \"")
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_plugin_is_told_without_what_is_around_it() {
        let output = "Traceback (most recent call last):\n  File \"/x/bin/componentize-py\", line 8, in <module>\n\
                      AssertionError: Traceback (most recent call last):\n  File \"/0/app.py\", line 2, in <module>\n\
                      TypeError: no\n\n\nCaused by:\n    TypeError: no\n\nStack backtrace:\n   0: <anyhow>";
        let told = "Traceback (most recent call last):\n  File \"app.py\", line 2, in <module>\nTypeError: no";
        assert_eq!(plugins_traceback(output), told);
        assert_eq!(plugins_traceback("error: unrecognized subcommand"), "error: unrecognized subcommand");
    }

    #[test]
    fn what_is_missing_comes_with_the_commands_that_get_it() {
        let cache = tempfile::tempdir().unwrap();
        if find("componentize-py").is_some() {
            return;
        }
        let project = crate::Project {
            directory: cache.path().to_owned(),
            name: "a".into(),
            language: crate::Language::Python,
            kind: "build-step".into(),
            component: cache.path().join("build/a.wasm"),
            command: Vec::new(),
        };
        let job = Job { project: &project, cache: cache.path(), debug: false, say: &|_| {} };
        let all = Python.missing(&job);
        let last = all.last().unwrap();
        assert_eq!(last.what, "componentize-py 0.25.1");
        assert_eq!(last.commands[0][..3], ["python3", "-m", "venv"]);
        assert_eq!(last.commands[1].last().unwrap(), "componentize-py==0.25.1");
    }
}
