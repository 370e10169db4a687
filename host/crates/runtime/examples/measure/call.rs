//! One call of a renderer: through the whole host, and through a bare wasmtime.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bare::Bare;
use crate::prepared::Prepared;
use crate::raw::Raw;
use crate::{INPUT, Result, median, microseconds};

/// How often the two take turns, and how many calls make a turn.
const TURNS: usize = 60;
const CALLS: usize = 20;

/// Measures both and compares what they rendered.
pub fn measure(plugin: &Path, config: &str) -> Result<Value> {
    let prepared = Prepared::new(plugin, config, &INPUT, |bytes| Bare::new(bytes, &INPUT))?;
    beside(&prepared)
}

/// The median times of a call on both sides, which take turns.
pub fn beside<R: Raw>(prepared: &Prepared<R>) -> Result<Value> {
    let (mut host_times, mut bare_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let host = turn(|| prepared.host())?;
        let bare = turn(|| prepared.bare())?;
        ratios.push(host.as_secs_f64() / bare.as_secs_f64());
        host_times.push(host);
        bare_times.push(bare);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    Ok(json!({
        "plugin": prepared.name,
        "host-microseconds": microseconds(median(host_times)),
        "bare-microseconds": microseconds(median(bare_times)),
        "ratio": ratios[ratios.len() / 2],
    }))
}

/// The median time of the calls of one turn.
fn turn(call: impl Fn() -> Result<()>) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}
