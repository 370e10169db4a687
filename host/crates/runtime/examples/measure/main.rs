//! Measures what takes wasmtime to be measured, for `cargo xtask bench`, and prints it as JSON.
//!
//! - `measure call PLUGIN CONFIG`: a renderer, called through the whole host and through a bare
//!   wasmtime.
//! - `measure load PLUGIN…`: how long each plugin takes to be compiled and to be loaded.
//! - `measure language PLUGIN CONFIG`: a renderer in any language, beside wasmtime with wasmtime-wasi.
//! - `measure throughput PLUGIN CONFIG files|none`: calls a second on all cores, of both.
//! - `measure endless PLUGIN CONFIG CALLS`: memory after some calls, and after so many.
//! - `measure many PLUGIN COUNT`: memory with so many different plugins loaded.

mod bare;
mod call;
mod language;
mod load;
mod many;
mod prepared;
mod raw;
mod throughput;
mod wasi;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use springline_model::Digest;
use springline_model::plugin::{Limits, Pinned};
use springline_model::port::Blobs;
use springline_runtime::{Compiler, Network, Runtime, RuntimeConfig};

/// What goes wrong is shown and nothing else.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The argument with which this program compiles for itself.
const COMPILE: &str = "compile";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let measured = match args[..] {
        [COMPILE] => return springline_runtime::compile_child(),
        ["call", plugin, config] => call::measure(Path::new(plugin), config),
        ["load", ref plugins @ ..] => load::measure(plugins),
        ["language", plugin, config] => language::measure(Path::new(plugin), config),
        ["throughput", plugin, config, files] => throughput::measure(Path::new(plugin), config, files == "files"),
        ["endless", plugin, config, calls] => {
            count(calls).and_then(|calls| throughput::endless(Path::new(plugin), config, calls as u64))
        }
        ["many", plugin, plugins] => count(plugins).and_then(|count| many::measure(Path::new(plugin), count)),
        _ => Err("usage: measure call|load|throughput|endless|many …; see the head of its source".into()),
    };
    match measured {
        Ok(measured) => {
            println!("{measured:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count(text: &str) -> Result<usize> {
    text.parse().map_err(|_| format!("`{text}` is no number").into())
}

/// What is rendered.
const INPUT: [(&str, &str); 3] = [
    ("deployment.yaml", include_str!("input/deployment.yaml")),
    ("namespace.yaml", include_str!("input/namespace.yaml")),
    ("service.yaml", include_str!("input/service.yaml")),
];

/// A plugin on disk.
#[derive(Clone)]
struct Plugin {
    pinned: Pinned,
    bytes: Bytes,
}

impl Plugin {
    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { pinned: Pinned { name, digest: Digest::of(&bytes) }, bytes: bytes.into() })
    }
}

/// A runtime that knows these plugins and keeps everything below this directory.
fn runtime(directory: &Path, plugins: &[Plugin], blobs: Arc<dyn Blobs>) -> Result<Runtime> {
    let plugins = plugins.to_vec();
    Ok(Runtime::new(RuntimeConfig {
        blobs,
        loader: Arc::new(move |digest| {
            let known = plugins.iter().find(|plugin| plugin.pinned.digest == *digest);
            known.map(|plugin| plugin.bytes.clone()).ok_or_else(|| format!("there is no plugin {digest}"))
        }),
        limits: Arc::new(|_| Limits::default()),
        cache: directory.join("cache"),
        compiler: Compiler { program: std::env::current_exe()?, arguments: vec![COMPILE.into()] },
        scratch: directory.join("scratch"),
        source_lines: false,
        network: Network::default(),
        clusters: None,
        fingerprint_key: directory.join("fingerprint.key"),
    }))
}

/// The middle one; zero of none.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Memory of this process that is resident, in bytes.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
