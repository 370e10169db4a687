//! Processes that end with us, even when we are killed.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs the program in place of the shell, and kills it when our end of its standard input closes,
/// which it does however we end.
const WATCHED: &str = r#"exec 3<&0; (cat <&3 >/dev/null; kill -9 $$) & exec 3<&-; exec "$@" </dev/null"#;
/// Waits for the same, and removes a directory that others may still be writing to.
const SWEEPER: &str = r#"cat >/dev/null; until rm -rf -- "$1" 2>/dev/null; do sleep 0.1; done"#;

/// A process that ends with the value.
pub struct Kept(Child);

impl Kept {
    /// Starts a program in a directory; what it prints goes to a file.
    pub fn start(program: &Path, arguments: &[&str], directory: &Path, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = shell(WATCHED);
        command.current_dir(directory).arg(program).args(arguments);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    /// Removes a directory when the value ends.
    pub fn sweeper(directory: &Path) -> Self {
        let mut command = shell(SWEEPER);
        command.arg(directory).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A shell that a Ctrl-C at the terminal does not reach: it is ours to end.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).stdin(Stdio::piped()).process_group(0);
    command
}
