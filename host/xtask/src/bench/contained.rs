//! Calls on all cores beside bare wasmtime, and the memory that many calls and many plugins take.

use std::path::Path;

use anyhow::Result;

use super::report::Row;
use super::{Bench, number};

/// Different plugins that are loaded at once.
const PLUGINS: usize = 1_000;
/// Calls after which memory must not have grown.
const CALLS: usize = 100_000;

/// Measures all of it with the smallest renderer there is.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let probe = bench.context.guests_dir().join("probe-renderer.wasm");
    for (files, config, what, aim) in [
        ("none", r#"{"mode":"inline","count":100}"#, "without files", 1.3),
        ("files", r#"{"mode":"all"}"#, "with 3 files", 2.0),
    ] {
        let measured = bench.measured(&["throughput".as_ref(), &probe, config.as_ref(), files.as_ref()])?;
        let [host, bare] = ["host-calls", "bare-calls"].map(|name| number(&measured, name));
        let row = Row::new(format!("all cores busy, time for each call {what}"), 1e6 / host?, "µs");
        rows.push(row.against("bare wasmtime, pooled", 1e6 / bare?).ratio_aim(aim));
    }
    let calls = CALLS.to_string();
    let config = r#"{"mode":"all"}"#;
    let measured = bench.measured(&["endless".as_ref(), &probe, config.as_ref(), calls.as_ref()])?;
    let row = Row::new(format!("memory after {CALLS} calls"), number(&measured, "late-bytes")? / 1e6, "MB");
    rows.push(row.against("after 5,000", number(&measured, "early-bytes")? / 1e6).ratio_aim(1.1));
    let count = PLUGINS.to_string();
    let measured = bench.measured(&[Path::new("many"), &probe, count.as_ref()])?;
    let (one, all) = (number(&measured, "one-bytes")?, number(&measured, "all-bytes")?);
    rows.push(Row::new(format!("memory with {PLUGINS} different plugins loaded"), all / 1e6, "MB"));
    rows.push(Row::new("of it, for each plugin", (all - one) / 1024.0 / (PLUGINS - 1) as f64, "KiB"));
    Ok(())
}
