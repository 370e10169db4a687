//! The SDK for Python: its own tests, with the Python that is here.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::{Sandbox, root, skip};
use crate::tools::{python_with, succeeds};

fn sdk() -> PathBuf {
    root().join("sdk/python")
}

/// A Python with what the package says that its tests take.
fn python() -> Option<PathBuf> {
    let of = fs::read(sdk().join("pyproject.toml")).unwrap();
    python_with("sdk-python", &format!("{}[build,test]", sdk().display()), &of)
}

#[test]
fn its_own_tests_pass_and_none_is_skipped() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command.current_dir(sdk()).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    let told = succeeds(&mut command);
    let summary = told.lines().last().unwrap_or_default();
    assert!(summary.contains(" passed") && !told.contains("skipped"), "{told}");
}

/// A plugin that makes every mistake on request.
const MISTAKES: &str = r#"
import logging
from dataclasses import dataclass

from springline import Step, build_step


@dataclass
class Config:
    how: str


@build_step
def hello_py(config: Config, step: Step) -> str:
    """Makes mistakes."""
    match config.how:
        case "missing":
            step.read_text("docs/gone.md")
        case "key":
            return look_up({}, "color")
        case "late":
            import wave
        case "codecs":
            text = b"\xe9".decode("latin-1") + b"\xe9\0".decode("utf-16-le") + "x".encode("idna").decode()
            logging.getLogger("codecs").warning("%s", text)
    return "fine"


def look_up(table: dict[str, str], key: str) -> str:
    return table[key]
"#;

/// What is expected of each: a file and its text.
const EXPECTED: [(&str, &str, &str); 6] = [
    (
        "missing",
        "error.yaml",
        "kind: invalid\nviolations: [ { message: there is no such file, file: docs/gone.md } ]\n",
    ),
    ("key", "error.yaml", "kind: failed\nmessage: \"KeyError: 'color' (app.py:29)\"\n"),
    (
        "key",
        "log.txt",
        "error app.py:19 in hello_py\nerror     return look_up({}, \"color\")\n\
         error app.py:29 in look_up\nerror     return table[key]\nerror KeyError: 'color'\n",
    ),
    (
        "late",
        "error.yaml",
        "kind: failed\nmessage: \"ModuleNotFoundError: No module named 'wave'; import at the top of a file: a component \
         has nothing to import from later (app.py:21)\"\n",
    ),
    ("codecs", "summary.txt", "fine\n"),
    ("codecs", "log.txt", "warn codecs: ééx\n"),
];

#[test]
fn what_goes_wrong_in_a_component_is_told_with_its_line() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.springline(&["plugin", "new", "--lang", "python", "--kind", "build-step", "hello-py"]).ok();
    sandbox.write("hello-py/app.py", MISTAKES.trim_start());
    fs::remove_dir_all(sandbox.repo().join("hello-py/cases")).unwrap();
    for (case, file, text) in EXPECTED {
        sandbox.write(&format!("hello-py/cases/{case}/case.yaml"), format!("config: {{ how: {case} }}\n"));
        sandbox.write(&format!("hello-py/cases/{case}/expected/{file}"), text);
    }
    if !build(&sandbox) {
        return;
    }
    let tested = sandbox.springline(&["plugin", "test", "hello-py", "--no-build"]).ok();
    assert!(tested.contains("4 cases, all as expected"), "{tested}");
}

/// Builds a project, and tries a broken one first; false, with a word about it, where there is no
/// Python or no package registry.
fn build(sandbox: &Sandbox) -> bool {
    sandbox.springline(&["plugin", "new", "--lang", "python", "--kind", "renderer", "broken"]).ok();
    sandbox.write("broken/app.py", "import springline\n\n1 / 0\n");
    let built = sandbox.springline(&["plugin", "build", "broken", "--install"]);
    if built.stderr.contains("venv") && !built.stderr.contains("componentize --python-path") {
        skip(&format!("Python and a package registry get what this takes:\n{}", built.stderr));
        return false;
    }
    let told = built.fails(5, &["File \"app.py\", line 3, in <module>", "ZeroDivisionError: division by zero"]);
    assert!(!told.contains("Stack backtrace"), "{told}");
    sandbox.springline(&["plugin", "build", "hello-py"]).ok();
    true
}
