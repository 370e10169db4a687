//! The SDK for Go: its own tests, and what only the real host shows of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Outcome, Sandbox, files};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether there is a Go to test with.
fn has_go() -> bool {
    if Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(env::var_os("CI").is_none(), "there is no Go, and CI must not skip: https://go.dev/dl has it");
    eprintln!("skipped: there is no Go on PATH; https://go.dev/dl has it");
    false
}

/// Go in a directory. What it compiled stays for the next time, outside the clone.
fn go(directory: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(directory).env("GOCACHE", cache()).env("GOFLAGS", "").env("GOPROXY", "off").env("GOWORK", "off");
    go
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} in {:?}\n{stdout}{stderr}", command.get_current_dir());
    stdout
}

#[test]
fn the_sdk_passes_its_own_tests() {
    if !has_go() {
        return;
    }
    let sdk = root().join("sdk/go");
    assert_eq!(succeeds(Command::new("gofmt").arg("-l").arg(&sdk)), "", "`gofmt -w sdk/go` mends these");
    succeeds(go(&sdk).args(["vet", "./..."]));
    succeeds(go(&sdk).args(["vet", "./..."]).env("GOOS", "wasip1").env("GOARCH", "wasm"));
    let tested = succeeds(go(&sdk).args(["test", "./..."]));
    assert!(tested.lines().filter(|line| line.starts_with("ok")).count() >= 4, "{tested}");
    assert_eq!(succeeds(go(&sdk).args(["list", "-m", "all"])), "springline.dev/sdk-go\n", "the SDK depends on nothing");
}

#[test]
fn the_examples_pass_their_own_tests() {
    if !has_go() {
        return;
    }
    for example in ["step-checklist", "render-placeholders", "target-shelf"] {
        let directory = root().join("sdk/go/examples").join(example);
        succeeds(go(&directory).args(["vet", "."]));
        succeeds(go(&directory).args(["test", "."]));
    }
}

#[test]
fn the_templates_are_plugins_that_pass_their_own_tests() {
    if !has_go() {
        return;
    }
    for kind in ["build-step", "renderer", "deploy-target"] {
        let Some(sandbox) = Sandbox::empty() else { return };
        let project = Project::new(&sandbox, &root().join("sdk/go/template").join(kind));
        succeeds(go(&project.directory).args(["vet", "./..."]));
        succeeds(go(&project.directory).args(["test", "."]));
        project.run(&["plugin", "build"]).ok();
        let tested = project.run(&["plugin", "test", "--no-build"]).ok();
        assert!(tested.contains("1 case"), "{tested}");
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_everywhere() {
    if !has_go() {
        return;
    }
    let (Some(here), Some(there)) = (Sandbox::empty(), Sandbox::empty()) else { return };
    let mut components = Vec::new();
    for sandbox in [&here, &there] {
        let project = Project::new(sandbox, &root().join("sdk/go/template/build-step"));
        project.run(&["plugin", "build"]).ok();
        components.push(fs::read(project.directory.join("build/hello-go.wasm")).unwrap());
    }
    assert!(components[0] == components[1], "the place is in the component");
}

#[test]
fn the_collector_and_the_host_do_not_get_in_each_others_way() {
    if !has_go() {
        return;
    }
    let Some(sandbox) = Sandbox::empty() else { return };
    let project = Project::new(&sandbox, &root().join("sdk/go/tests/garbage"));
    let case = |name: &str, text: &str| project.write(&format!("cases/{name}/case.yaml"), text);
    case("files", "context: { application: garbage }\n");
    for number in 0..2000 {
        let path = format!("{}/{number}.txt", number % 37);
        project.write(&format!("cases/files/in/{path}"), &format!("file {number} ").repeat(100));
        project.write(&format!("cases/files/expected/out/{path}"), &format!("FILE {number} ").repeat(100));
    }
    project.write("cases/files/expected/summary.txt", "2000 files\n");

    let value = "x".repeat(100_000);
    let values: String = (0..35).map(|number| format!("v{number}: {value}, ")).collect();
    case("large", &format!("config: {{ mode: large }}\ncontext: {{ values: {{ {values} }} }}\n"));
    project.write("cases/large/expected/summary.txt", "3500000 bytes\n");
    project.run(&["plugin", "test"]).ok();
}

#[test]
fn a_panic_names_the_line_of_the_plugin() {
    if !has_go() {
        return;
    }
    let Some(sandbox) = Sandbox::empty() else { return };
    let project = Project::new(&sandbox, &root().join("sdk/go/tests/garbage"));
    let source = fs::read_to_string(project.directory.join("main.go")).unwrap();
    let line = |text: &str| source.lines().position(|line| line.contains(text)).unwrap() + 1;
    let panicked = format!(
        "panic: runtime error: index out of range [5] with length 0 at main.run (hello-go/main.go:{})",
        line("none[len")
    );
    project.write("cases/panic/case.yaml", "config: { mode: panic }\n");
    project.write("cases/panic/expected/error.yaml", &format!("kind: failed\nmessage: '{panicked}'\n"));
    // One in another goroutine ends the program: it traps, and the log has what Go says of it.
    project.write("cases/goroutine/case.yaml", "config: { mode: goroutine }\n");
    project.write("cases/goroutine/expected/error.yaml", "kind: failed\nmessage: not this\n");
    let shown = project.run(&["plugin", "test"]);
    let shown = format!("{}{}", shown.stdout, shown.stderr);
    assert!(shown.contains("ok       panic"), "{shown}");
    assert!(shown.contains("kind: trap"), "{shown}");
    assert!(shown.contains(&format!("hello-go/main.go:{}", line("nobody can catch"))), "{shown}");
}

/// A project as `springline plugin new` makes one: with the SDK and the contract in it.
struct Project<'s> {
    sandbox: &'s Sandbox,
    directory: PathBuf,
}

impl<'s> Project<'s> {
    /// One of these files, called `hello-go`.
    fn new(sandbox: &'s Sandbox, from: &Path) -> Self {
        let project = Self { sandbox, directory: sandbox.path("project") };
        for (path, text) in files(from) {
            let text = text.replace("{{name}}", "hello-go").replace("module garbage", "module hello-go");
            let text = text.replace("name: garbage", "name: hello-go").replace("=> ../..", "=> ./sdk");
            project.write(&path, &text);
        }
        for (path, text) in files(&root().join("sdk/go")) {
            if !["template/", "examples/", "tests/"].iter().any(|left_out| path.starts_with(left_out)) {
                project.write(&format!("sdk/{path}"), &text);
            }
        }
        for (path, text) in files(&root().join("wit")) {
            project.write(&format!("sdk/wit/{path}"), &text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program in the project.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.sandbox.command(arguments);
        command.current_dir(&self.directory).env("GOCACHE", cache()).env("GOFLAGS", "").env("GOPROXY", "off");
        self.sandbox.finish(command)
    }
}
