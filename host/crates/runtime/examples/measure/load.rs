//! How long plugins take to be compiled, and to be loaded when they were compiled before.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use springline_model::Digest;
use springline_model::plugin::Pinned;
use springline_model::port::Plugins as _;
use springline_testkit::MemoryBlobs;

use crate::{Plugin, Result, median, microseconds, runtime};

/// How often each is compiled.
const COMPILED: usize = 3;
/// How often each is loaded.
const LOADED: usize = 15;

/// Measures each of these plugins, and the start of wasmtime, which none of them is charged with.
/// Loading includes the call that asks a plugin what it is.
pub fn measure(paths: &[&str]) -> Result<Value> {
    let plugins = paths.iter().map(|path| Plugin::read(Path::new(path))).collect::<Result<Vec<_>>>()?;
    let mut start = Vec::new();
    let mut cold = vec![Vec::new(); plugins.len()];
    for _ in 0..COMPILED {
        each(tempfile::tempdir()?.path(), &plugins, &mut start, &mut cold)?;
    }
    let directory = tempfile::tempdir()?;
    let mut warm = vec![Vec::new(); plugins.len()];
    for _ in 0..=LOADED {
        each(directory.path(), &plugins, &mut start, &mut warm)?;
    }
    let measured = plugins.iter().zip(cold).zip(warm).map(|((plugin, cold), mut warm)| {
        // The first time it was compiled.
        warm.remove(0);
        json!({
            "plugin": plugin.pinned.name,
            "bytes": plugin.bytes.len(),
            "cold-microseconds": microseconds(median(cold)),
            "warm-microseconds": microseconds(median(warm)),
        })
    });
    let measured: Vec<Value> = measured.collect();
    Ok(json!({ "start-microseconds": microseconds(median(start)), "plugins": measured }))
}

/// Lets a fresh runtime load all of them, and adds how long each took.
fn each(directory: &Path, plugins: &[Plugin], start: &mut Vec<Duration>, times: &mut [Vec<Duration>]) -> Result<()> {
    let runtime = runtime(directory, plugins, Arc::new(MemoryBlobs::new()))?;
    let began = Instant::now();
    let nobody = Pinned { name: "nobody".into(), digest: Digest::of("nobody") };
    // Wasmtime is started before the plugin is looked for.
    if runtime.describe(&nobody).is_ok() {
        return Err("a plugin that there is not was described".into());
    }
    start.push(began.elapsed());
    for (plugin, times) in plugins.iter().zip(times) {
        let began = Instant::now();
        runtime.describe(&plugin.pinned)?;
        times.push(began.elapsed());
    }
    Ok(())
}
