//! A plugin in a language without an SDK: Zig.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::{Sandbox, root};
use crate::tools::{python_with, succeeds};

/// PyPI's package of the compiler; its language changes from release to release.
const PACKAGE: &str = "ziglang==0.17.1";

/// The Zig of the package.
fn zig() -> Option<PathBuf> {
    let python = python_with("zig", PACKAGE, PACKAGE.as_bytes())?;
    let find = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
    Some(succeeds(Command::new(python).args(["-c", find])).trim().into())
}

#[test]
fn a_plugin_without_an_sdk_does_what_those_with_one_do() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let Some(zig) = zig() else { return };
    let project = sandbox.path("zig");
    fs::create_dir(&project).unwrap();
    for from in ["abi.zig", "plugin.zig", "build.sh", "plugin.yaml"] {
        fs::copy(root().join("tests/other/zig").join(from), project.join(from)).unwrap();
    }
    succeeds(Command::new("cp").arg("-R").arg(root().join("wit")).arg(&project));
    let springline = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.current_dir(&project).env("ZIG", &zig);
        sandbox.finish(command)
    };
    springline(&["plugin", "build"]).ok();
    let cases = root().join("tests/cases/step-checklist");
    let told = springline(&["plugin", "test", "--no-build", "--cases", cases.to_str().unwrap()]).ok();
    assert!(told.contains("all as expected"), "{told}");
}
