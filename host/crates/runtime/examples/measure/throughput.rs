//! Calls a second on all cores, and what they leave in memory.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bare::Bare;
use crate::prepared::Prepared;
use crate::{INPUT, Result, resident};

/// How often the two take turns, and how long each turn is.
const TURNS: usize = 12;
const TURN: Duration = Duration::from_millis(250);
/// Calls after which memory should have found its level.
const WARM: u64 = 5_000;

/// Calls a second on all cores, through the host and through a bare wasmtime that take turns.
pub fn measure(plugin: &Path, config: &str, files: bool) -> Result<Value> {
    let prepared = prepared(plugin, config, if files { &INPUT } else { &[] })?;
    let (mut host, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let by_host = a_second(|| prepared.host())?;
        let by_bare = a_second(|| prepared.bare())?;
        // The first turn warms up.
        if turn > 0 {
            ratios.push(by_bare / by_host);
            host.push(by_host);
            bare.push(by_bare);
        }
    }
    Ok(json!({
        "plugin": prepared.name,
        "host-calls": middle(host),
        "bare-calls": middle(bare),
        "ratio": middle(ratios),
    }))
}

/// Resident memory after some calls, and after many.
pub fn endless(plugin: &Path, config: &str, calls: u64) -> Result<Value> {
    let prepared = prepared(plugin, config, &INPUT)?;
    let mut early = 0;
    for call in 0..calls {
        prepared.host()?;
        if call == WARM {
            early = resident()?;
        }
    }
    Ok(json!({ "plugin": prepared.name, "early-bytes": early, "late-bytes": resident()? }))
}

fn prepared(plugin: &Path, config: &str, input: &[(&'static str, &'static str)]) -> Result<Prepared<Bare>> {
    Prepared::new(plugin, config, input, |bytes| Bare::new(bytes, input))
}

/// How many calls all cores make in a second.
fn a_second(call: impl Fn() -> Result<()> + Sync) -> Result<f64> {
    let cores = thread::available_parallelism()?.get();
    let (done, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let failed = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| -> std::result::Result<(), String> {
                    while !ended.load(Ordering::Relaxed) {
                        call().map_err(|error| error.to_string())?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        thread::sleep(TURN);
        ended.store(true, Ordering::Relaxed);
        workers.into_iter().find_map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into())).err())
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(done.into_inner() as f64 / start.elapsed().as_secs_f64()),
    }
}

/// The middle one; zero of none.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
