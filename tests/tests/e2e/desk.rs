//! The plugin author's desk, as an author uses it: outside any repository, with the real toolchain.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::code::{CONFIG, DEPLOY, DIFFERS, PLUGIN, SOURCE, STATE, USAGE};
use crate::sandbox::{Outcome, Sandbox, guests, skip};

/// A directory outside any repository, and the program.
pub struct Desk {
    sandbox: Sandbox,
}

impl Desk {
    pub fn new() -> Option<Self> {
        let sandbox = Sandbox::empty()?;
        fs::create_dir_all(sandbox.path("desk")).unwrap();
        Some(Self { sandbox })
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.sandbox.path("desk").join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program on the desk, with the author's own tools: their home is the real one.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.current_dir(self.path(""));
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // What is compiled once serves all tests.
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("desk-target"));
        command
    }

    pub fn finish(&self, command: Command) -> Outcome {
        self.sandbox.finish(command)
    }

    pub fn springline(&self, arguments: &[&str]) -> Outcome {
        self.finish(self.command(arguments))
    }

    /// A project of any language, whose component is a guest of the tests.
    fn probe(&self, guest: &str, kind: &str) -> Option<()> {
        let component = guests()?.join(format!("{guest}.wasm"));
        self.write(
            "probe/plugin.yaml",
            format!("name: probe\nlanguage: other\nkind: {kind}\ncommand: [cp, source.wasm, build/probe.wasm]\n"),
        );
        self.write("probe/source.wasm", fs::read(component).unwrap());
        Some(())
    }
}

/// Whether rustc itself can make components; without it, says so and fails in CI.
pub fn has_rust() -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output();
    let there = output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists());
    if !there {
        skip("`rustup target add wasm32-wasip2` gets what this test needs");
    }
    there
}

#[test]
fn a_plugin_is_written_built_tested_run_and_inspected() {
    let Some(desk) = Desk::new().filter(|_| has_rust()) else { return };
    let new = ["plugin", "new", "--lang", "rust", "--kind", "build-step", "my-step"];
    let said = desk.springline(&new).ok();
    assert!(said.contains("springline plugin build"), "{said}");
    desk.springline(&new).fails(USAGE, &["my-step is there already", "nothing is overwritten"]);

    let built = desk.springline(&["plugin", "build", "my-step", "-o", "json"]).json();
    assert_eq!(built["component"], "my-step/build/my-step.wasm");
    let tested = desk.springline(&["plugin", "test", "my-step"]).ok();
    assert!(tested.contains("1 case, all as expected"), "{tested}");

    let inspected = desk.springline(&["plugin", "inspect", "my-step/build/my-step.wasm", "-o", "json"]).json();
    assert_eq!(inspected["digest"], built["digest"]);
    assert_eq!((inspected["kind"].as_str(), inspected["track"].as_str()), (Some("build-step"), Some("0.1")));
    assert_eq!((&inspected["denied"], inspected["backtraces"].as_str()), (&serde_json::json!([]), Some("names")));
    let producers = inspected["producers"].as_array().unwrap();
    assert!(producers.iter().any(|producer| producer["name"] == "rustc"), "{producers:?}");

    let run = ["plugin", "run", "my-step", "--with", "{ name: Bob }", "--out", "made", "-o", "json"];
    assert_eq!(desk.springline(&run).json()["summary"], "1 file");
    assert_eq!(fs::read_to_string(desk.path("made/hello.txt")).unwrap(), "Hello, Bob\n");
    desk.springline(&run).fails(USAGE, &["made is not empty"]);
    desk.springline(&["plugin", "run", "my-step", "--with", "{ nam: Bob }"]).fails(CONFIG, &["did you mean `name`?"]);

    // A change of what it does is seen, and taken when asked.
    let source = fs::read_to_string(desk.path("my-step/src/lib.rs")).unwrap();
    desk.write("my-step/src/lib.rs", source.replace("Hello, {}\\n\", config", "Good day, {}\\n\", config"));
    let outcome = desk.springline(&["plugin", "test", "my-step"]);
    assert_eq!(outcome.code, DIFFERS, "{outcome:#?}");
    for word in ["differs  greets", "expected/out/hello.txt", "-Hello, Ada", "+Good day, Ada", "--update"] {
        assert!(outcome.stdout.contains(word), "`{word}` is not in:\n{}", outcome.stdout);
    }
    let outcome = desk.springline(&["plugin", "test", "my-step", "--no-build", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["cases"][0]["differences"][0]["found"]["text"], "Good day, Ada\n");
    desk.springline(&["plugin", "test", "my-step", "--no-build", "--update"]).ok();
    desk.springline(&["plugin", "test", "my-step", "--no-build", "greets"]).ok();
    assert_eq!(
        fs::read_to_string(desk.path("my-step/cases/greets/expected/out/hello.txt")).unwrap(),
        "Good day, Ada\n"
    );

    // Source that does not compile is the compiler's to explain.
    desk.write("my-step/src/lib.rs", "fn broken(");
    desk.springline(&["plugin", "build", "my-step"]).fails(PLUGIN, &["src/lib.rs:1:", "cargo build"]);
    assert!(!desk.path(".springline").exists() && !desk.path("my-step/.springline").exists());
}

#[test]
fn every_kind_of_rust_template_builds_and_passes() {
    let Some(desk) = Desk::new().filter(|_| has_rust()) else { return };
    for kind in ["renderer", "deploy-target"] {
        let name = format!("my-{kind}");
        desk.springline(&["plugin", "new", "--lang", "rust", "--kind", kind, &name]).ok();
        let tested = desk.springline(&["plugin", "test", &name]).ok();
        assert!(tested.contains("1 case, all as expected"), "{tested}");
    }
}

#[test]
fn a_trap_is_told_with_its_line_and_the_same_source_gives_the_same_bytes() {
    let Some(desk) = Desk::new().filter(|_| has_rust()) else { return };
    desk.springline(&["plugin", "new", "--lang", "rust", "--kind", "build-step", "trap"]).ok();
    let source = "\
use springline_sdk::prelude::*;

#[config]
struct Config {
    at: usize,
}

/// Looks where nothing may be.
#[build_step]
fn run(config: Config, step: &mut Step) -> Result<String> {
    info!(\"looking at {}\", config.at);
    step.write(\"found\", look(&[1, 2, 3], config.at))?;
    Ok(String::new())
}

#[inline(never)]
fn look(bytes: &[u8], at: usize) -> [u8; 1] {
    [bytes[at]]
}
";
    desk.write("trap/src/lib.rs", source);
    let run = ["plugin", "run", "trap", "--with", "{ at: 7 }"];
    let stderr = desk.springline(&run).fails(PLUGIN, &["it trapped", "looking at 7", "index out of bounds"]);
    assert!(stderr.contains("in trap::look\n") && !stderr.contains("std::"), "{stderr}");

    let stderr =
        desk.springline(&[&run[..], &["--debug"]].concat()).fails(PLUGIN, &["in trap::look at src/lib.rs:18:"]);
    assert!(stderr.contains("called by run at src/lib.rs:12:"), "{stderr}");

    // Wherever the project lies.
    let first = desk.springline(&["plugin", "build", "trap", "-o", "json"]).json();
    fs::create_dir_all(desk.path("a/longer/place")).unwrap();
    fs::rename(desk.path("trap"), desk.path("a/longer/place/trap")).unwrap();
    let mut again = desk.command(&["plugin", "build", "a/longer/place/trap", "-o", "json"]);
    again.env("CARGO_TARGET_DIR", desk.path("another-target"));
    let again = desk.finish(again).json();
    assert_eq!(again["digest"], first["digest"]);
}

#[test]
fn what_is_missing_is_told_with_the_way_to_get_it() {
    let Some(desk) = Desk::new() else { return };
    desk.springline(&["plugin", "new", "--lang", "rust", "--kind", "renderer", "my-renderer"]).ok();
    let empty = desk.path("empty");
    fs::create_dir_all(&empty).unwrap();
    let mut command = desk.command(&["plugin", "build", "my-renderer"]);
    command.env("PATH", &empty);
    desk.finish(command).fails(USAGE, &["takes what is not here", "Rust 1.95 or newer", "rustup.rs"]);

    // A compiler that has not the target, and a rustup that would get it.
    let rustc = |version: &str| format!("[ \"$1\" = --version ] && echo 'rustc {version} (x)' || echo /nowhere");
    let place = |name: &str, script: &str| {
        desk.write(&format!("empty/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(empty.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    place("cargo", "exit 1");
    place("rustup", "exit 1");
    for (version, arguments, word) in [
        (
            "1.94.2",
            vec!["plugin", "build", "my-renderer"],
            "Rust 1.95 or newer, with cargo (https://rustup.rs installs it): this is Rust 1.94",
        ),
        ("1.95.0", vec!["plugin", "build", "my-renderer"], "rustup target add wasm32-wasip2"),
        ("1.95.0", vec!["plugin", "build", "my-renderer", "--install"], "`rustup target add wasm32-wasip2` failed"),
    ] {
        place("rustc", &rustc(version));
        let mut command = desk.command(&arguments);
        command.env("PATH", format!("{}:/bin:/usr/bin", empty.display())).env_remove("RUSTC");
        let outcome = desk.finish(command);
        assert!(outcome.code != 0 && outcome.stderr.contains(word), "{outcome:#?}");
    }
    desk.springline(&["plugin", "build", "nowhere"])
        .fails(USAGE, &["no plugin project in nowhere", "springline plugin new"]);
    desk.springline(&["plugin", "new", "--lang", "rust", "--kind", "renderer", "My Step"]).fails(USAGE, &["my-step"]);
}

#[test]
fn toolchains_are_kept_nowhere_that_others_could_fill() {
    let Some(desk) = Desk::new() else { return };
    desk.springline(&["plugin", "new", "--lang", "rust", "--kind", "renderer", "my-renderer"]).ok();
    let mut command = desk.command(&["plugin", "build", "my-renderer"]);
    let names = ["HOME", "XDG_CACHE_HOME", "SPRINGLINE_CACHE_DIR"];
    // Empty is as not set, which the sandbox would mend.
    for name in names {
        command.env(name, "");
    }
    desk.finish(command).fails(STATE, &names);
}

#[test]
fn a_project_that_is_wrong_is_told_with_its_line() {
    let Some(desk) = Desk::new() else { return };
    let Some(()) = desk.probe("probe-step", "renderer") else { return };
    for (text, words) in [
        ("name: probe\nlanguage: fortran\nkind: renderer\n", ["plugin.yaml:2:", "fortran"]),
        ("name: probe\nlanguage: rust\nkid: renderer\n", ["plugin.yaml:3:", "kid"]),
        ("name: probe\nlanguage: other\nkind: renderer\n", ["plugin.yaml:1:", "command"]),
        ("name: probe\nlanguage: rust\nkind: renderer\ncomponent: /etc/x\n", ["plugin.yaml:4:", "/etc/x"]),
    ] {
        let yaml = desk.path("bad/plugin.yaml");
        desk.write("bad/plugin.yaml", text);
        desk.springline(&["plugin", "build", "bad"]).fails(CONFIG, &words);
        fs::remove_file(yaml).unwrap();
    }
    // The component is of another kind than the project says, or none at all.
    desk.write("probe/cases/one/case.yaml", "config: { mode: copy }\n");
    desk.springline(&["plugin", "test", "probe"]).fails(PLUGIN, &["says that this is a renderer", "is a build-step"]);
    desk.write("probe/source.wasm", "text");
    desk.springline(&["plugin", "build", "probe"]).fails(PLUGIN, &["no WebAssembly"]);
    let yaml = fs::read_to_string(desk.path("probe/plugin.yaml")).unwrap();
    desk.write("probe/plugin.yaml", yaml.replace("[cp, source.wasm, build/probe.wasm]", "[\"true\"]"));
    fs::remove_dir_all(desk.path("probe/build")).unwrap();
    desk.springline(&["plugin", "build", "probe"]).fails(PLUGIN, &["`true` succeeded, and left no component"]);
}

#[test]
fn cases_that_misbehave_or_lead_out_are_told() {
    let Some(desk) = Desk::new() else { return };
    let Some(()) = desk.probe("probe-step", "build-step") else { return };
    desk.springline(&["plugin", "test", "probe"]).fails(USAGE, &["can't be listed", "cases/first"]);
    desk.write("probe/cases/copies/case.yaml", "config: { mode: copy }\n");
    desk.write("probe/cases/copies/in/a/b.txt", "text\n");
    desk.write("probe/cases/traps/case.yaml", "config: { mode: panic }\n");
    desk.write("probe/cases/traps/expected/error.yaml", "kind: trap\n");
    desk.write("probe/cases/loops/case.yaml", "config: { mode: loop }\nlimits: { compute-seconds: 1 }\n");
    desk.write("probe/cases/loops/expected/error.yaml", "kind: limit\nlimit: compute-seconds\n");
    let outcome = desk.springline(&["plugin", "test", "probe"]);
    assert_eq!(outcome.code, DIFFERS, "{outcome:#?}");
    assert!(outcome.stdout.contains("3 cases, 1 not as expected"), "{}", outcome.stdout);
    desk.springline(&["plugin", "test", "probe", "--update"]).ok();
    desk.springline(&["plugin", "test", "probe"]).ok();
    // What was expected stays as it was written, as it holds.
    assert_eq!(fs::read_to_string(desk.path("probe/cases/traps/expected/error.yaml")).unwrap(), "kind: trap\n");

    desk.springline(&["plugin", "test", "probe", "../copies"]).fails(USAGE, &["no name of a case"]);
    desk.springline(&["plugin", "test", "probe", "gone"]).fails(USAGE, &["no case `gone`"]);
    desk.write("probe/cases/copies/case.yaml", "config: { mode: copy }\nowned: [/etc/passwd]\n");
    desk.springline(&["plugin", "test", "probe"]).fails(CONFIG, &["case.yaml:2:", "/etc/passwd"]);
    desk.write("probe/cases/copies/case.yaml", "config: { mode: copy }\ncontest: {}\n");
    desk.springline(&["plugin", "test", "probe"]).fails(CONFIG, &["case.yaml:2:1: unknown key `contest`"]);

    // A link stands neither for a case nor for what is in one.
    desk.write("probe/cases/copies/case.yaml", "config: { mode: copy }\n");
    desk.write("outside/x", "untouched\n");
    symlink(desk.path("outside"), desk.path("probe/cases/link")).unwrap();
    desk.springline(&["plugin", "test", "probe"]).fails(USAGE, &["link is no directory"]);
    fs::remove_file(desk.path("probe/cases/link")).unwrap();
    for part in ["in", "expected"] {
        fs::remove_dir_all(desk.path("probe/cases/copies").join(part)).unwrap();
        symlink(desk.path("outside"), desk.path("probe/cases/copies").join(part)).unwrap();
        desk.springline(&["plugin", "test", "probe", "--update"]).fails(SOURCE, &["it is no directory"]);
        fs::remove_file(desk.path("probe/cases/copies").join(part)).unwrap();
        fs::create_dir(desk.path("probe/cases/copies").join(part)).unwrap();
    }
    assert_eq!(fs::read_to_string(desk.path("outside/x")).unwrap(), "untouched\n");
}

#[test]
fn a_renderer_is_called_by_hand_with_artifacts_and_values() {
    let (Some(desk), Some(guests)) = (Desk::new(), guests()) else { return };
    desk.write("renderer.wasm", fs::read(guests.join("probe-renderer.wasm")).unwrap());
    desk.write("deploy/robots.txt", "none\n");
    desk.write("made/page.txt", "page\n");
    desk.write("other/notes.txt", "notes\n");
    let run = |with: &str, further: &[&str]| {
        let given = ["plugin", "run", "renderer.wasm", "--in", "deploy", "--artifact", "site=made"];
        let more = ["--artifact", "notes=other", "--with", with, "-o", "json"];
        desk.springline(&[&given[..], &more[..], further].concat())
    };
    let all = run("{ mode: all }", &[]).json();
    assert_eq!(all["objects"][0]["path"], "in/robots.txt");
    let trees: Vec<&String> = all["trees"].as_object().unwrap().keys().collect();
    assert_eq!(trees, ["artifacts/notes", "artifacts/site"]);
    run("{ mode: artifacts }", &["--out", "rendered"]).ok();
    assert_eq!(fs::read_to_string(desk.path("rendered/site/page.txt")).unwrap(), "page\n");
    assert_eq!(fs::read_to_string(desk.path("rendered/notes/notes.txt")).unwrap(), "notes\n");
    desk.write("values.yaml", "color: blue\n");
    for (values, at) in [("{ color: blue }", "given"), ("@values.yaml", "of-a-file")] {
        run("{ mode: ask }", &["--values", values, "--environment", "live", "--out", at]).ok();
        let said = |name: &str| fs::read_to_string(desk.path(at).join(name)).unwrap();
        assert_eq!((said("values"), said("environment")), (r#"{"color":"blue"}"#.to_owned(), "live".to_owned()));
        assert_eq!(said("names"), "notes,site");
    }
    run("{ mode: all }", &["--artifact", "gone=nowhere"]).fails(USAGE, &["there is no directory nowhere"]);
    run("{ mode: all }", &["--artifact", "site"]).fails(USAGE, &["`--artifact site` is not NAME=DIR"]);
}

#[test]
fn a_target_is_called_by_hand_with_desired_objects_and_the_directory_itself() {
    let Some(desk) = Desk::new() else { return };
    let target = crate::registry::builtin(&desk.sandbox, "target-directory");
    desk.write("desired/new/page.txt", "page\n");
    desk.write("desired/old.txt", "new\n");
    desk.write("live/old.txt", "old\n");
    let run = |further: &[&str]| {
        let target = target.to_str().unwrap();
        desk.springline(&[&["plugin", "run", target, "--desired", "desired", "--live", "live"], further].concat())
    };
    // What is there and nobody's is not overwritten without a word.
    run(&[]).fails(DEPLOY, &["`old.txt` is there already", "adopt: true"]);
    assert_eq!(fs::read_to_string(desk.path("live/old.txt")).unwrap(), "old\n");
    let said = run(&["--with", "{ adopt: true }", "-o", "json"]).json();
    let plan: Vec<&str> = said["plan"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(plan.len() == 2 && plan[0].starts_with("create new/page.txt"), "{plan:?}");
    assert!(plan[1].starts_with("update old.txt"), "{plan:?}");
    assert_eq!(said["health"], serde_json::json!(["healthy new/page.txt", "healthy old.txt"]));
    assert_eq!(fs::read_to_string(desk.path("live/new/page.txt")).unwrap(), "page\n");
    assert_eq!(fs::read_to_string(desk.path("live/old.txt")).unwrap(), "new\n");
    assert_eq!(run(&[]).ok(), "nothing to change\n");
}

#[test]
fn a_case_grants_a_secret_from_a_file_beside_it() {
    let Some(desk) = Desk::new() else { return };
    let Some(()) = desk.probe("probe-net", "build-step") else { return };
    let ops = "[ { secret: token }, { log: 'it is {secret}' }, { write: { path: a.txt, text: '{reversed}' } } ]";
    let case = |grants: &str| desk.write("probe/cases/reads/case.yaml", format!("config: {{ ops: {ops} }}\n{grants}"));
    case("grants: { secrets: { token: { file: token } } }\n");
    desk.write("probe/cases/reads/token", "hunter2-hunter3\n");
    desk.write("probe/cases/reads/expected/log.txt", "info it is [secret token]\n");
    desk.write("probe/cases/reads/expected/out/a.txt", "3retnuh-2retnuh");
    desk.springline(&["plugin", "test", "probe"]).ok();
    // Without the grant, and without the file.
    case("");
    let denied = desk.springline(&["plugin", "test", "probe"]);
    assert_eq!(denied.code, DIFFERS, "{denied:#?}");
    assert!(denied.stdout.contains("the secret `token` is not granted"), "{}", denied.stdout);
    case("grants: { secrets: { token: { file: gone } } }\n");
    let gone = desk.springline(&["plugin", "test", "probe"]);
    assert_eq!(gone.code, DIFFERS, "{gone:#?}");
    assert!(gone.stdout.contains("cases/reads/gone can't be read"), "{}", gone.stdout);
}

#[test]
fn an_upgrade_that_asks_for_more_is_told_from_one_that_does_not() {
    let Some(desk) = Desk::new() else { return };
    let same = desk.springline(&["plugin", "diff", "step-site", "step-site"]).ok();
    assert!(same.contains("nothing that the contract knows differs"), "{same}");
    let other = desk.springline(&["plugin", "diff", "step-site", "step-archive", "-o", "json"]).json();
    assert_eq!((&other["asks-for-more"], &other["breaks"]), (&false.into(), &true.into()));
    let more = desk.springline(&["plugin", "diff", "render-template", "target-directory"]);
    assert_eq!(more.code, DIFFERS, "{more:#?}");
    for word in ["! asks for directory", "! kind renderer -> deploy-target", "it asks for more", "size "] {
        assert!(more.stdout.contains(word), "`{word}` is not in:\n{}", more.stdout);
    }
}

#[test]
fn a_project_is_watched_until_it_is_stopped() {
    let Some(desk) = Desk::new() else { return };
    let Some(()) = desk.probe("probe-step", "build-step") else { return };
    desk.write("probe/cases/copies/case.yaml", "config: { mode: copy }\n");
    desk.write("probe/cases/copies/in/a.txt", "one\n");
    desk.springline(&["plugin", "test", "probe", "--update"]).ok();
    let mut command = desk.command(&["plugin", "dev", "probe"]);
    let mut watching = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut round = || {
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if line.starts_with("watching") {
                break;
            }
            said = said + &line + "\n";
        }
        said
    };
    assert!(round().contains("1 case, all as expected"));
    desk.write("probe/cases/copies/in/a.txt", "two\n");
    let said = round();
    assert!(said.contains("changed: cases/copies/in/a.txt") && said.contains("+two"), "{said}");
    desk.write("probe/plugin.yaml", "name: probe\n");
    let said = round();
    assert!(said.contains("error:") && said.contains("plugin.yaml:1:"), "{said}");
    let stopped = Command::new("kill").args(["-INT", &watching.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
