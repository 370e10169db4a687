//! The SDK for Go: its own tests, and what only the real host shows of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::desk::Desk;
use crate::sandbox::{Outcome, root, skip};
use crate::tools::succeeds;

/// Whether there is a Go to test with.
fn has_go() -> bool {
    if Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    skip("there is no Go on PATH; https://go.dev/dl has it");
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

/// The program on the desk, with the same Go.
fn springline(desk: &Desk, arguments: &[&str]) -> Outcome {
    let mut command = desk.command(arguments);
    command.env("GOCACHE", cache()).env("GOFLAGS", "").env("GOPROXY", "off");
    desk.finish(command)
}

/// A new project.
fn project(desk: &Desk, kind: &str, name: &str) -> PathBuf {
    springline(desk, &["plugin", "new", "--lang", "go", "--kind", kind, name]).ok();
    desk.path(name)
}

/// One that asks the host for much while Go's collector is at work, or panics.
fn garbage(desk: &Desk) {
    let project = project(desk, "build-step", "garbage");
    fs::remove_dir_all(project.join("cases")).unwrap();
    fs::copy(root().join("sdk/go/tests/garbage/main.go"), project.join("main.go")).unwrap();
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
        let Some(desk) = Desk::new() else { return };
        let project = project(&desk, kind, "hello-go");
        succeeds(go(&project).args(["vet", "./..."]));
        succeeds(go(&project).args(["test", "."]));
        springline(&desk, &["plugin", "build", "hello-go"]).ok();
        let tested = springline(&desk, &["plugin", "test", "hello-go", "--no-build"]).ok();
        assert!(tested.contains("1 case"), "{tested}");
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_everywhere() {
    if !has_go() {
        return;
    }
    let (Some(here), Some(there)) = (Desk::new(), Desk::new()) else { return };
    let mut components = Vec::new();
    for desk in [&here, &there] {
        let project = project(desk, "build-step", "hello-go");
        springline(desk, &["plugin", "build", "hello-go"]).ok();
        components.push(fs::read(project.join("build/hello-go.wasm")).unwrap());
    }
    assert!(components[0] == components[1], "the place is in the component");
}

#[test]
fn the_collector_and_the_host_do_not_get_in_each_others_way() {
    if !has_go() {
        return;
    }
    let Some(desk) = Desk::new() else { return };
    garbage(&desk);
    let case = |name: &str, text: &str| desk.write(&format!("garbage/cases/{name}/case.yaml"), text);
    case("files", "context: { application: garbage }\n");
    for number in 0..2000 {
        let path = format!("{}/{number}.txt", number % 37);
        desk.write(&format!("garbage/cases/files/in/{path}"), format!("file {number} ").repeat(100));
        desk.write(&format!("garbage/cases/files/expected/out/{path}"), format!("FILE {number} ").repeat(100));
    }
    desk.write("garbage/cases/files/expected/summary.txt", "2000 files\n");

    let value = "x".repeat(100_000);
    let values: String = (0..35).map(|number| format!("v{number}: {value}, ")).collect();
    case("large", &format!("config: {{ mode: large }}\ncontext: {{ values: {{ {values} }} }}\n"));
    desk.write("garbage/cases/large/expected/summary.txt", "3500000 bytes\n");
    springline(&desk, &["plugin", "test", "garbage"]).ok();
}

#[test]
fn a_panic_names_the_line_of_the_plugin() {
    if !has_go() {
        return;
    }
    let Some(desk) = Desk::new() else { return };
    garbage(&desk);
    let source = fs::read_to_string(desk.path("garbage/main.go")).unwrap();
    let line = |text: &str| source.lines().position(|line| line.contains(text)).unwrap() + 1;
    let panicked = format!(
        "panic: runtime error: index out of range [5] with length 0 at main.run (garbage/main.go:{})",
        line("none[len")
    );
    desk.write("garbage/cases/panic/case.yaml", "config: { mode: panic }\n");
    desk.write("garbage/cases/panic/expected/error.yaml", format!("kind: failed\nmessage: '{panicked}'\n"));
    // One in another goroutine ends the program: it traps, and the log has what Go says of it.
    desk.write("garbage/cases/goroutine/case.yaml", "config: { mode: goroutine }\n");
    desk.write("garbage/cases/goroutine/expected/error.yaml", "kind: failed\nmessage: not this\n");
    let shown = springline(&desk, &["plugin", "test", "garbage"]);
    let shown = format!("{}{}", shown.stdout, shown.stderr);
    assert!(shown.contains("ok       panic"), "{shown}");
    assert!(shown.contains("kind: trap"), "{shown}");
    assert!(shown.contains(&format!("garbage/main.go:{}", line("nobody can catch"))), "{shown}");
}
