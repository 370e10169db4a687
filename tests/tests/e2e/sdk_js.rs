//! The SDK for JavaScript and TypeScript: its own tests, and what only the real host shows of it.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Outcome, Sandbox, files};

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("sdk/js")
}

/// Where the packages are that `springline plugin build --install` gets, at the place where the
/// programs under test look for them; none, with a word about it, without Node or a registry.
fn tools() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/toolchains/javascript");
    fs::create_dir_all(&tools).unwrap();
    let lock = File::create(tools.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read(sdk().join("toolchain/package-lock.json")).unwrap();
    let stamp = tools.join("installed");
    if fs::read(&stamp).is_ok_and(|got| got == wanted) {
        return Some(tools);
    }
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sdk().join("toolchain").join(name), tools.join(name)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&tools);
    match output(&mut npm) {
        Ok(_) => fs::write(&stamp, wanted).unwrap(),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "CI must not skip: {why}");
            eprintln!(
                "skipped: Node 20 with npm (https://nodejs.org) and a package registry get what this takes: {why}"
            );
            return None;
        }
    }
    Some(tools)
}

/// What a command printed, if it succeeded; else that and why.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}\n{text}")) }
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    output(command).unwrap_or_else(|why| panic!("{why}"))
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
            let Some(sandbox) = Sandbox::empty() else { return };
            let project = Project::new(&sandbox, &sdk().join("template").join(language).join(kind));
            project.use_quickjs();
            assert_eq!(unit_tests(&project.directory, &tools), 1);
            succeeds(&mut typescript(&tools, &project.directory.join("tsconfig.json")));
            project.run(&["plugin", "build"]).ok();
            let tested = project.run(&["plugin", "test", "--no-build"]).ok();
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
    let Some(sandbox) = Sandbox::empty() else { return };
    let project = Project::new(&sandbox, &sdk().join("template/typescript/build-step"));
    project.use_quickjs();
    project.write("src/index.ts", FAULTS);
    let case = |name: &str, file: &str, expected: &str| {
        project.write(&format!("cases/{name}/case.yaml"), &format!("config: {{ mode: {name} }}\n"));
        project.write(&format!("cases/{name}/expected/{file}"), expected);
    };
    fs::remove_dir_all(project.directory.join("cases")).unwrap();
    let place = FAULTS.lines().position(|line| line.contains("value as string")).unwrap() + 1;
    let thrown = format!("TypeError: cannot read property 'length' of undefined (src/index.ts:{place})");
    case("throw", "error.yaml", &format!("kind: failed\nmessage: \"{thrown}\"\n"));
    let later = "the plugin answers later, and QuickJS has no event loop: build it with StarlingMonkey";
    case("later", "error.yaml", &format!("kind: failed\nmessage: \"{later}\"\n"));
    case("retry", "error.yaml", "kind: transient\nmessage: busy\n");
    case("log", "summary.txt", "\n");
    case("log", "log.txt", "info one {\"two\":2}\nerror three\n");
    project.run(&["plugin", "test"]).ok();
}

/// A project as `springline plugin new` makes one: with the SDK and the contract in it.
struct Project<'s> {
    sandbox: &'s Sandbox,
    directory: PathBuf,
}

impl<'s> Project<'s> {
    /// One of this template, called `hello-js`.
    fn new(sandbox: &'s Sandbox, template: &Path) -> Self {
        let project = Self { sandbox, directory: sandbox.path("project") };
        for (path, text) in files(template) {
            project.write(&path, &text.replace("{{name}}", "hello-js"));
        }
        for directory in ["bin", "src", "tool", "toolchain"] {
            for (path, text) in files(&sdk().join(directory)) {
                project.write(&format!("sdk/{directory}/{path}"), &text);
            }
        }
        for name in ["package.json", "tsconfig.plugin.json"] {
            project.write(&format!("sdk/{name}"), &fs::read_to_string(sdk().join(name)).unwrap());
        }
        for (path, text) in files(&sdk().join("../../wit")) {
            project.write(&format!("sdk/wit/{path}"), &text);
        }
        // As `npm install` links it: TypeScript finds the SDK there.
        let scope = project.directory.join("node_modules/@springline");
        fs::create_dir_all(&scope).unwrap();
        symlink("../../sdk", scope.join("sdk")).unwrap();
        project
    }

    /// Builds with the engine that is done soonest.
    fn use_quickjs(&self) {
        let path = self.directory.join("package.json");
        let manifest = fs::read_to_string(&path).unwrap();
        let engine = "{\n  \"springline\": { \"engine\": \"quickjs\" },";
        fs::write(path, manifest.replacen('{', engine, 1)).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program in the project.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.sandbox.command(arguments);
        command.current_dir(&self.directory);
        self.sandbox.finish(command)
    }
}
