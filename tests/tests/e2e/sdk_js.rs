//! The SDK for JavaScript and TypeScript: its own tests, and what only the real host shows of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::desk::Desk;
use crate::sandbox::{root, skip};
use crate::tools::{kept, output, succeeds};

fn sdk() -> PathBuf {
    root().join("sdk/js")
}

/// Where the packages are that `springline plugin build --install` gets, at the place where the
/// programs under test look for them; none, with a word about it, without Node or a registry.
fn tools() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/toolchains/javascript");
    let from = sdk().join("toolchain");
    let got = kept(&tools, &fs::read(from.join("package-lock.json")).unwrap(), || {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(from.join(name), tools.join(name)).unwrap();
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
        output(Command::new("npm").args(npm).arg(&tools)).map(drop)
    });
    match got {
        Ok(()) => Some(tools),
        Err(why) => {
            skip(&format!("Node 20 with npm (https://nodejs.org) and a package registry get what this takes: {why}"));
            None
        }
    }
}

/// A new project called `hello-js`, with the engine that is done soonest.
fn project(desk: &Desk, language: &str, kind: &str) -> PathBuf {
    desk.springline(&["plugin", "new", "--lang", language, "--kind", kind, "hello-js"]).ok();
    let project = desk.path("hello-js");
    let manifest = fs::read_to_string(project.join("package.json")).unwrap();
    let engine = "{\n  \"springline\": { \"engine\": \"quickjs\" },";
    fs::write(project.join("package.json"), manifest.replacen('{', engine, 1)).unwrap();
    // As `npm install` links it: TypeScript finds the SDK there.
    let scope = project.join("node_modules/@springline");
    fs::create_dir_all(&scope).unwrap();
    symlink("../../sdk", scope.join("sdk")).unwrap();
    project
}

/// Runs a project's unit tests, and tells how many passed.
#[track_caller]
fn unit_tests(project: &Path, tools: &Path) -> usize {
    let tool = sdk().join("bin/springline-js.mjs");
    let told = succeeds(Command::new("node").arg(tool).arg("test").arg(project).arg("--tools").arg(tools));
    let count = |what: &str| {
        let line = told.lines().find_map(|line| line.trim_start_matches(['#', 'ℹ']).trim().strip_prefix(what));
        line.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or_else(|| panic!("no `{what}`:\n{told}"))
    };
    assert_eq!((count("fail "), count("skipped "), count("todo ")), (0, 0, 0), "{told}");
    count("pass ")
}

fn typescript(tools: &Path, project: &Path) -> Command {
    let mut tsc = Command::new("node");
    tsc.arg(tools.join("node_modules/typescript/bin/tsc")).args(["--noEmit", "--project"]).arg(project);
    tsc.arg("--typeRoots").arg(tools.join("node_modules/@types"));
    tsc
}

#[test]
fn the_sdk_and_the_examples_have_no_type_errors() {
    let Some(tools) = tools() else { return };
    succeeds(&mut typescript(&tools, &sdk().join("tsconfig.json")));
}

#[test]
fn the_sdk_and_the_examples_pass_their_own_tests() {
    let Some(tools) = tools() else { return };
    assert!(unit_tests(&sdk(), &tools) >= 25);
    for example in ["step-checklist", "render-placeholders", "target-shelf"] {
        assert!(unit_tests(&sdk().join("examples").join(example), &tools) >= 2);
    }
}

#[test]
fn a_lock_file_names_no_registry() {
    for lock in ["package-lock.json", "toolchain/package-lock.json"] {
        let text = fs::read_to_string(sdk().join(lock)).unwrap();
        assert!(
            !text.contains("\"resolved\""),
            "{lock}: `omit-lockfile-registry-resolved=true` in .npmrc leaves it out"
        );
    }
}

#[test]
fn the_templates_are_plugins_that_pass_their_own_tests() {
    let Some(tools) = tools() else { return };
    for language in ["typescript", "javascript"] {
        for kind in ["build-step", "renderer", "deploy-target"] {
            let Some(desk) = Desk::new() else { return };
            let project = project(&desk, language, kind);
            assert_eq!(unit_tests(&project, &tools), 1);
            succeeds(&mut typescript(&tools, &project.join("tsconfig.json")));
            desk.springline(&["plugin", "build", "hello-js"]).ok();
            let tested = desk.springline(&["plugin", "test", "hello-js", "--no-build"]).ok();
            assert!(tested.contains("1 case"), "{tested}");
        }
    }
}

/// Fails in many ways.
const FAULTS: &str = r#"import { buildStep, object, string, Transient } from "@springline/sdk";

export default buildStep({
  name: "hello-js",
  version: "0.1.0",
  summary: "Fails in many ways.",
  config: object({ mode: string() }),

  run({ mode }) {
    switch (mode) {
      case "later":
        return Promise.resolve("later");
      case "retry":
        throw new Transient("busy", { retryAfter: 1500 });
      case "log":
        console.log("one", { two: 2 });
        console.error("three");
        return "";
      default:
        return length(undefined);
    }
  },
});

function length(value: string | undefined): string {
  return `${(value as string).length}`;
}
"#;

#[test]
fn an_exception_names_the_line_of_the_plugin() {
    if tools().is_none() {
        return;
    }
    let Some(desk) = Desk::new() else { return };
    let project = project(&desk, "typescript", "build-step");
    desk.write("hello-js/src/index.ts", FAULTS);
    let case = |name: &str, file: &str, expected: &str| {
        desk.write(&format!("hello-js/cases/{name}/case.yaml"), format!("config: {{ mode: {name} }}\n"));
        desk.write(&format!("hello-js/cases/{name}/expected/{file}"), expected);
    };
    fs::remove_dir_all(project.join("cases")).unwrap();
    let place = FAULTS.lines().position(|line| line.contains("value as string")).unwrap() + 1;
    let thrown = format!("TypeError: cannot read property 'length' of undefined (src/index.ts:{place})");
    case("throw", "error.yaml", &format!("kind: failed\nmessage: \"{thrown}\"\n"));
    let later = "the plugin answers later, and QuickJS has no event loop: build it with StarlingMonkey";
    case("later", "error.yaml", &format!("kind: failed\nmessage: \"{later}\"\n"));
    case("retry", "error.yaml", "kind: transient\nmessage: busy\n");
    case("log", "summary.txt", "\n");
    case("log", "log.txt", "info one {\"two\":2}\nerror three\n");
    desk.springline(&["plugin", "test", "hello-js"]).ok();
}
