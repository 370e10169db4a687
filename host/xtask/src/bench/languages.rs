//! The same renderer in every language that has an SDK.

use anyhow::Result;

use super::report::Row;
use super::{Bench, number};
use crate::toolchain::languages;

/// The renderer that every SDK has as an example.
const EXAMPLE: &str = "render-placeholders";

/// Builds each one as its author would and measures it.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    for example in languages::build(bench.context, EXAMPLE)? {
        let language = example.ancestors().nth(2).and_then(|sdk| sdk.file_name()).unwrap_or_default();
        let language = language.to_string_lossy().into_owned();
        let component = example.join("build").join(format!("{EXAMPLE}.wasm"));
        let measured = bench.measured(&["language".as_ref(), &component, "{}".as_ref()])?;
        let (loaded, call) = (&measured["loaded"], &measured["call"]);
        rows.push(Row::new(format!("a renderer in {language}: size"), number(loaded, "bytes")? / 1024.0, "KiB"));
        rows.push(Row::new(format!("{language}: compiled"), number(loaded, "cold-microseconds")? / 1e3, "ms"));
        rows.push(Row::new(format!("{language}: loaded"), number(loaded, "warm-microseconds")? / 1e3, "ms"));
        let row = Row::new(format!("{language}: a call"), number(call, "host-microseconds")?, "µs");
        rows.push(row.against("wasmtime-wasi", number(call, "bare-microseconds")?));
    }
    Ok(())
}
