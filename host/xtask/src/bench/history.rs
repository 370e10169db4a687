//! Pages of a long history, and what is written of a run with many steps.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::report::Row;
use super::{Bench, number};
use crate::process;

/// The example of the store's crate that measures.
pub const EXAMPLE: &str = "measure_store";
/// How many records there are.
const RECORDS: u64 = 1_000_000;
/// How many steps the run has.
const STEPS: u64 = 1_000;

/// Measures both.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let filled = measured(bench, "history", RECORDS)?;
    rows.push(Row::new(format!("filling in {RECORDS} records"), number(&filled, "filled-seconds")?, "s"));
    // Nothing of it is in memory any more.
    let mut forget = std::process::Command::new("dd");
    let file = bench.dir.join("store-history/db/db");
    process::run(forget.arg(format!("if={}", file.display())).args(["iflag=nocache", "count=0", "status=none"]))?;
    let history = measured(bench, "history", RECORDS)?;
    for page in history["pages"].as_array().context("no page was measured")? {
        let name = page["page"].as_str().context("a page has no name")?;
        let what = format!("a page of 50 among {RECORDS} records: {name}");
        rows.push(Row::new(format!("{what}, the first time"), number(page, "first-milliseconds")?, "ms"));
        rows.push(Row::new(what, number(page, "milliseconds")?, "ms").aim(10.0));
    }
    let in_vain = format!("two filters that have nothing in common, through all {RECORDS} records");
    rows.push(Row::new(in_vain, number(&history, "in-vain-milliseconds")?, "ms"));
    rows.push(Row::new("of it, opening the state", number(&history, "open-milliseconds")?, "ms"));
    let run = measured(bench, "run", STEPS)?;
    let milliseconds = number(&run, "environment-milliseconds")?;
    rows.push(Row::new(
        format!("an environment of a run with {STEPS} steps, written down durably"),
        milliseconds,
        "ms",
    ));
    Ok(())
}

fn measured(bench: &Bench<'_>, what: &str, count: u64) -> Result<Value> {
    let program = bench.context.target.join("debug/examples").join(EXAMPLE);
    let state = bench.dir.join(format!("store-{what}"));
    let count = count.to_string();
    let args: [&Path; 3] = [what.as_ref(), &state, count.as_ref()];
    let printed = process::output(std::process::Command::new(program).args(args))?;
    serde_json::from_str(&printed).context("the example printed no JSON")
}
