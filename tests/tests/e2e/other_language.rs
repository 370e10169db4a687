//! A plugin in a language without an SDK: Zig.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::Sandbox;

/// PyPI's package of the compiler; its language changes from release to release.
const PACKAGE: &str = "ziglang==0.17.1";

/// The Zig of the package, kept in the cache; none, with a word about it, where there is no Python
/// or no package registry.
fn zig() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| env::home_dir().unwrap().join(".cache")).join("springline");
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("zig.lock")).unwrap();
    lock.lock().unwrap();
    let (venv, stamp) = (cache.join("zig"), cache.join("zig/package"));
    if !fs::read_to_string(&stamp).is_ok_and(|got| got == PACKAGE) {
        let python = venv.join("bin/python");
        let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
            .and_then(|_| run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE])));
        if let Err(why) = made {
            assert!(env::var_os("CI").is_none(), "CI must not skip: {why}");
            eprintln!("skipped: `python3 -m venv` and a package registry get what this takes: {why}");
            return None;
        }
        fs::write(&stamp, PACKAGE).unwrap();
    }
    let find = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
    Some(run(Command::new(venv.join("bin/python")).args(["-c", find])).unwrap().trim().into())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

#[test]
fn a_plugin_without_an_sdk_does_what_those_with_one_do() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let Some(zig) = zig() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let project = sandbox.path("zig");
    fs::create_dir(&project).unwrap();
    for from in ["abi.zig", "plugin.zig", "build.sh", "plugin.yaml"] {
        fs::copy(root.join("tests/other/zig").join(from), project.join(from)).unwrap();
    }
    run(Command::new("cp").arg("-R").arg(root.join("wit")).arg(&project)).unwrap();
    let springline = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.current_dir(&project).env("ZIG", &zig);
        sandbox.finish(command)
    };
    springline(&["plugin", "build"]).ok();
    let cases = root.join("tests/cases/step-checklist");
    let told = springline(&["plugin", "test", "--no-build", "--cases", cases.to_str().unwrap()]).ok();
    assert!(told.contains("all as expected"), "{told}");
}
