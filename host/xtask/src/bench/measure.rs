//! How long commands take, and how much memory.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::shell_line;

/// How long a command takes that must succeed; what it prints is dropped.
pub fn took(command: &mut Command) -> Result<Duration> {
    command.stdout(Stdio::null());
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.with_context(|| format!("can't start {}", command.get_program().display()))?;
    let took = start.elapsed();
    match output.status.success() {
        true => Ok(took),
        false => bail!("{} failed: {}", shell_line(command), String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// Something to be measured again and again.
pub type Measured<'m> = &'m mut dyn FnMut() -> Result<Duration>;

/// The medians of several things that take turns, so that what slows the machine down for a while
/// slows all of them. The first round warms up and does not count.
pub fn in_turns<const N: usize>(rounds: usize, mut all: [Measured<'_>; N]) -> Result<[Duration; N]> {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=rounds {
        for (measured, times) in all.iter_mut().zip(&mut times) {
            let time = measured()?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    Ok(times.map(median))
}

/// The middle one; zero of none.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most memory that was ever resident, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Of the command's own process.
    pub own: u64,
    /// Of one of the processes that it started; 0 if it started none.
    pub child: u64,
}

/// The peaks of memory of a command that must succeed. What is used in the last millisecond of a
/// process is missed. All zero where the system has no `/proc`.
pub fn peak_memory(command: &mut Command) -> Result<Peak> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = spawned.with_context(|| format!("can't start {}", command.get_program().display()))?;
    let mut peak = Peak::default();
    let status = loop {
        peak.own = peak.own.max(high_water(process.id()));
        for child in descendants(process.id()) {
            peak.child = peak.child.max(high_water(child));
        }
        if let Some(status) = process.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(1));
    };
    match status.success() {
        true => Ok(peak),
        false => bail!("{} failed ({status})", shell_line(command)),
    }
}

fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    high_water_in(&status).unwrap_or(0)
}

/// `VmHWM:     1234 kB`, in bytes.
fn high_water_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn descendants(process: u32) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return found };
    for thread in threads.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            found.push(child);
            found.extend(descendants(child));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_in_kibibytes() {
        assert_eq!(high_water_in("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n"), Some(1_263_616));
        assert_eq!(high_water_in("Name:\tx\n"), None);
    }

    #[test]
    fn what_takes_turns_is_called_equally_often() {
        let (mut a, mut b) = (0, 0);
        let mut first = || {
            a += 1;
            // The first one does not count.
            Ok(Duration::from_secs([100, 3, 1, 2][a - 1]))
        };
        let mut second = || {
            b += 1;
            Ok(Duration::from_secs(7))
        };
        let medians = in_turns(3, [&mut first, &mut second]).expect("no failure");
        assert_eq!(medians.map(|median| median.as_secs()), [2, 7]);
        assert_eq!((a, b), (4, 4));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_of_a_child_is_seen() {
        let peak = peak_memory(Command::new("sh").args(["-c", "sleep 0.2; true"])).expect("`sh` starts");
        assert!(peak.own > 0 && peak.child > 0, "{peak:?}");
    }
}
