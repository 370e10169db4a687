//! kubectl, as a person at the terminal would use it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Outcome {
    /// Its standard output, if it succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Its standard output as JSON, if it succeeded.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Its standard error, if it failed and the words are in it.
    #[track_caller]
    pub fn fails(self, words: &[&str]) -> String {
        assert_ne!(self.code, 0, "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        self.stderr
    }
}

/// kubectl, not started yet.
pub fn command<S: AsRef<OsStr>>(program: &Path, home: &Path, kubeconfig: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir(home);
    command.env("HOME", home).env("KUBECONFIG", kubeconfig).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Runs a command with this on its standard input.
pub fn run(mut command: Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // It may end without having read all of it; what it says then tells why.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}
