//! The same renderer in every language that has an SDK.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::report::Row;
use super::{Bench, number};
use crate::process;

/// The renderer that every SDK has as an example.
const EXAMPLE: &str = "render-placeholders";

/// Builds each one as its author would and measures it.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let mut languages: Vec<PathBuf> = fs::read_dir(bench.context.root.join("sdk"))?
        .map(|entry| Ok(entry?.path().join("examples").join(EXAMPLE)))
        .collect::<Result<_>>()?;
    languages.retain(|example| example.is_dir());
    languages.sort();
    for example in languages {
        let language = example.ancestors().nth(2).and_then(|sdk| sdk.file_name()).unwrap_or_default();
        let language = language.to_string_lossy().into_owned();
        process::output(Command::new(&bench.program).args(["plugin", "build", "--install"]).arg(&example))?;
        let component = example.join("build").join(format!("{EXAMPLE}.wasm"));
        let measured = bench.measured(&["language".as_ref(), &component, "{}".as_ref()])?;
        let get = |name: &str| number(&measured, name).context(language.clone());
        let (host, bare) = (get("host-microseconds")?, get("bare-microseconds")?);
        rows.push(Row::new(format!("a renderer in {language}: size"), get("bytes")? / 1024.0, "KiB"));
        rows.push(Row::new(format!("{language}: compiled"), get("cold-microseconds")? / 1e3, "ms"));
        rows.push(Row::new(format!("{language}: loaded"), get("warm-microseconds")? / 1e3, "ms"));
        rows.push(Row::new(format!("{language}: a call"), host, "µs").against("wasmtime-wasi", bare));
    }
    Ok(())
}
