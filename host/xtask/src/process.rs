//! Child processes and the lines that tell how far we are.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Prints `==> what`, does it, and prints how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {what}");
    let start = Instant::now();
    let result = work();
    let outcome = if result.is_ok() { "done in" } else { "FAILED after" };
    println!("    {outcome} {}", duration(start.elapsed()));
    result
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Runs a command to its end, its output going where ours goes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("can't start {}", program(command)))?;
    if !status.success() {
        bail!("a command failed ({status}); to see it by itself, run\n  {}", shell_line(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("can't start {}", program(command)))?;
    if !output.status.success() {
        bail!("a command failed ({}); to see it by itself, run\n  {}", output.status, shell_line(command));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", program(command)))
}

/// Whether a command can be started and succeeds; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a command and ends it when the time is up; whether it succeeded in time.
pub fn succeeds_within(limit: Duration, command: &mut Command) -> Result<bool> {
    let mut child =
        command.stdin(Stdio::null()).spawn().with_context(|| format!("can't start {}", program(command)))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The command as a line that a shell takes: directory, changed variables, program, arguments.
pub fn shell_line(command: &Command) -> String {
    let mut words = Vec::new();
    if let Some(dir) = command.get_current_dir() {
        words.push(format!("cd {} &&", quote(dir.as_os_str())));
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.to_string_lossy(), quote(value)));
        }
    }
    words.push(quote(command.get_program()));
    words.extend(command.get_args().map(quote));
    words.join(" ")
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

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
    fn a_shell_line_can_be_pasted() {
        let mut command = Command::new("cargo");
        command.current_dir("/a b").env("FLAGS", "it's").env_remove("OTHER").args(["test", "--", ""]);
        assert_eq!(shell_line(&command), r"cd '/a b' && FLAGS='it'\''s' cargo test -- ''");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(59)), "59 s");
        assert_eq!(duration(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_command_that_never_ends_is_ended() {
        let ended = succeeds_within(Duration::from_millis(1), Command::new("sleep").arg("60"));
        assert!(!ended.expect("`sleep` starts"));
    }
}
