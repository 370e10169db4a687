//! Programs: where they are, and running them.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BuildError;

/// The program of that name on `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    directories().into_iter().map(|directory| directory.join(name)).find(|path| is_program(path))
}

/// The program on `PATH` that is called `name` or `name-NUMBER`, the highest number first: Debian's
/// `clang-22`.
pub(crate) fn newest(name: &str) -> Option<PathBuf> {
    let prefix = format!("{name}-");
    let number = |path: &PathBuf| {
        let file = path.file_name()?.to_str()?;
        file.strip_prefix(&prefix)?.parse::<u32>().ok()
    };
    let numbered = directories()
        .into_iter()
        .filter_map(|directory| directory.read_dir().ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| number(path).is_some() && is_program(path));
    numbered.max_by_key(number).or_else(|| find(name))
}

fn directories() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Runs a command to its end and returns what it printed on standard output. `say` is told the
/// command first.
///
/// # Errors
/// [`BuildError::Start`], and [`BuildError::Failed`] with all that it printed.
pub(crate) fn run(command: &mut Command, say: &dyn Fn(&str)) -> Result<String, BuildError> {
    let line = shell_line(std::iter::once(command.get_program()).chain(command.get_args()));
    say(&line);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| BuildError::Start { command: line.clone(), message: error.to_string() })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Err(BuildError::Failed { command: line, status: output.status.to_string(), output: printed.trim_end().to_owned() })
}

/// A program and its arguments as a line that a shell takes.
pub fn shell_line<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failing_command_printed_is_kept() {
        let said = std::cell::RefCell::new(String::new());
        let error = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), &|line| {
            *said.borrow_mut() = line.to_owned();
        });
        let BuildError::Failed { command, output, .. } = error.unwrap_err() else { panic!() };
        assert_eq!((command.as_str(), output.as_str()), ("sh -c 'echo out; echo err >&2; exit 3'", "out\nerr"));
        assert_eq!(*said.borrow(), command);
    }

    #[test]
    fn a_line_means_the_same_to_a_shell() {
        let words = ["printf", "%s|", "plain", "two words", "it's", "", "$HOME"];
        let told = Command::new("sh").args(["-c", &shell_line(words)]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), "plain|two words|it's||$HOME|");
    }

    #[test]
    fn programs_are_found_on_the_path_alone() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(newest("no-such-program-anywhere"), None);
    }
}
