//! The SDK for C: its own tests, its examples and templates on the real host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Outcome, Sandbox, root, skip};
use crate::tools::succeeds;

/// The SDK and the contract where a test may build; none, with a word about it, without a compiler.
fn sdk(sandbox: &Sandbox) -> Option<PathBuf> {
    for program in ["cc", "c++", "make"] {
        if !Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()) {
            skip(&format!("there is no `{program}`; `apt-get install gcc g++ make` gets it"));
            return None;
        }
    }
    let copy = sandbox.path("springline/sdk/c");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    for (from, to) in [("sdk/c", "sdk/c"), ("wit", "wit")] {
        succeeds(Command::new("cp").arg("-R").arg(root().join(from)).arg(sandbox.path("springline").join(to)));
    }
    // What was built by hand in the clone has no place in a test.
    succeeds(
        Command::new("find")
            .arg(&copy)
            .args(["-name", "build", "-type", "d", "-prune", "-exec", "rm", "-r", "{}", "+"]),
    );
    Some(copy)
}

/// Make in a directory. What a make that started us says is not for it.
fn make(directory: &Path, arguments: &[&str]) -> Command {
    let mut make = Command::new("make");
    make.args(["-s", "-j2", "-C"]).arg(directory).args(arguments);
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    make
}

/// The program in a directory.
fn springline(sandbox: &Sandbox, directory: &Path, arguments: &[&str]) -> Outcome {
    let mut command = sandbox.command(arguments);
    command.current_dir(directory);
    sandbox.finish(command)
}

/// Builds a project; none, with a word about it, without a clang for WASI.
fn build(sandbox: &Sandbox, directory: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let outcome = springline(sandbox, directory, &[&["plugin", "build"], arguments].concat());
    if outcome.code != 0 && outcome.stderr.contains("building it takes what is not here") {
        skip(&outcome.stderr);
        return None;
    }
    outcome.ok();
    let components = directory.join("build").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_component = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".wasm") && !name.ends_with(".module.wasm")
    };
    Some(fs::read(components.into_iter().find(is_component).unwrap()).unwrap())
}

#[test]
fn its_bindings_are_of_the_same_contract_as_those_for_rust() {
    let stamp = |file: &str| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        text.lines().next().and_then(|line| line.split_once("wit: ")).unwrap().1.to_owned()
    };
    // The SDK for Rust has a test that compares its own with wit/.
    let current = stamp("sdk/rust/src/bindings/host.rs");
    for name in ["host", "build_step", "renderer", "deploy_target"] {
        for extension in ["c", "h"] {
            let file = format!("sdk/c/src/bindings/{name}.{extension}");
            assert_eq!(stamp(&file), current, "{file} is not of this contract: sdk/c/bindgen.sh");
        }
    }
}

#[test]
fn the_sdk_and_its_examples_pass_their_own_tests() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let Some(sdk) = sdk(&sandbox) else { return };
    let told = succeeds(&mut make(&sdk, &["check"]));
    // Seven of the SDK, and one of each example.
    assert_eq!(told.lines().filter(|line| line.starts_with("ok test_")).count(), 10, "{told}");
}

#[test]
fn a_new_project_passes_its_tests_natively_and_on_the_real_host() {
    let Some(sandbox) = Sandbox::empty() else { return };
    if sdk(&sandbox).is_none() {
        return;
    }
    for kind in ["build-step", "renderer", "deploy-target"] {
        let name = format!("my-{kind}");
        springline(&sandbox, &sandbox.path(""), &["plugin", "new", "--lang", "c", "--kind", kind, &name]).ok();
        let project = sandbox.path(&name);
        let told = succeeds(&mut make(&project, &["check"]));
        assert!(told.contains("ok test_plugin"), "{told}");
        if build(&sandbox, &project, &[]).is_none() {
            return;
        }
        let told = springline(&sandbox, &project, &["plugin", "test", "--no-build"]).ok();
        assert!(told.contains("1 case, all as expected"), "{told}");
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_in_every_directory() {
    let (Some(here), Some(there)) = (Sandbox::empty(), Sandbox::empty()) else { return };
    let (Some(one), Some(other)) = (sdk(&here), sdk(&there)) else { return };
    let example = "examples/render-placeholders";
    let Some(first) = build(&here, &one.join(example), &["--debug"]) else { return };
    assert!(
        Some(&first) == build(&there, &other.join(example), &["--debug"]).as_ref(),
        "the place is in the component"
    );
    let plain = build(&here, &one.join(example), &[]).unwrap();
    assert!(plain.len() * 2 < first.len(), "{} bytes without debug information, {} with", plain.len(), first.len());
}

#[test]
fn a_trap_names_the_function_and_the_line() {
    let Some(sandbox) = Sandbox::empty() else { return };
    springline(&sandbox, &sandbox.path(""), &["plugin", "new", "--lang", "c", "--kind", "build-step", "divides"]).ok();
    let project = sandbox.path("divides");
    let source = fs::read_to_string(project.join("plugin.c")).unwrap();
    let divide = "__attribute__((noinline)) static int divide(size_t by)\n{\n    return 100 / (int)by;\n}\n\nstatic springline_result run";
    let source = source.replace("static springline_result run", divide);
    let source = source.replace("step, \"1 file\"", "step, \"%d files\", divide(springline_violations())");
    fs::write(project.join("plugin.c"), &source).unwrap();
    let line = 1 + source.lines().position(|line| line.contains("100 /")).unwrap();
    for (how, place) in [(&[][..], "in divide".to_owned()), (&["--debug"], format!("in divide at plugin.c:{line}:"))] {
        if build(&sandbox, &project, how).is_none() {
            return;
        }
        let told = springline(&sandbox, &project, &["plugin", "test", "--no-build"]);
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(told.code == 1 && all.contains("integer divide by zero") && all.contains(&place), "{all}");
    }
}

#[test]
fn an_installed_sdk_is_found_by_pkg_config() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let Some(sdk) = sdk(&sandbox) else { return };
    if build(&sandbox, &sdk.join("examples/step-checklist"), &[]).is_none() {
        return;
    }
    let place = sandbox.path("installed");
    let to = format!("DESTDIR={}", place.display());
    succeeds(&mut make(&sdk, &["install", &to, "PREFIX=/opt/springline"]));
    let prefix = place.join("opt/springline");
    for (file, words) in [
        ("lib/pkgconfig/springline.pc", "libdir=${prefix}/lib/wasm32-wasi"),
        ("lib/pkgconfig/springline-fake.pc", "prefix=/opt/springline"),
    ] {
        assert!(fs::read_to_string(prefix.join(file)).unwrap().contains(words), "{file}");
    }
    assert!(prefix.join("lib/wasm32-wasi/libspringline.a").exists());
    let test = sandbox.path("test_plugin");
    let mut compiler = Command::new("cc");
    compiler.current_dir(sdk.join("examples/target-shelf")).args(["plugin.c", "test_plugin.c", "-o"]).arg(&test);
    compiler.arg("-I").arg(prefix.join("include")).arg("-L").arg(prefix.join("lib")).arg("-lspringline-fake");
    succeeds(&mut compiler);
    succeeds(&mut Command::new(test));
}
