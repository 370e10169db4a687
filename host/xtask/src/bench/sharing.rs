//! Pushing and pulling a plugin of 10 MB, beside oras on the same registry.

use std::cell::Cell;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::measure::{in_turns, took};
use super::report::Row;
use super::{Bench, milliseconds};
use crate::process;
use crate::toolchain::tools;

const BYTES: usize = 10_000_000;
const ROUNDS: usize = 7;
/// The round whose plugin is pulled, and what signs it.
const PULLED: u64 = 1;
const KEY: &str = "bench";

/// Measures both, if the registry and oras are to be had.
pub fn measure(bench: &Bench<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let tools = tools::docker_registry().and_then(|registry| Ok((registry, tools::oras(bench.context)?)));
    let (registry, oras) = match tools {
        Ok(tools) => tools,
        Err(error) => {
            println!("    not measured: {error:#}");
            return Ok(());
        }
    };
    let sharing = Sharing::start(bench, &registry, oras)?;
    let round = Cell::new(0);
    let next = || {
        round.set(round.get() + 1);
        round.get()
    };
    let [push, oras_push] =
        in_turns(ROUNDS, [&mut || took(&mut sharing.push(next())?), &mut || sharing.push_with_oras(next())])?;
    sharing.sign()?;
    let [pull, trusting, oras_pull] = in_turns(
        ROUNDS,
        [
            &mut || took(&mut sharing.pull()),
            &mut || took(sharing.pull().arg("--state").arg(sharing.state())),
            &mut || sharing.pull_with_oras(),
        ],
    )?;
    let row = Row::new("`plugin push` of 10 MB, compiled and described first", milliseconds(push), "ms");
    rows.push(row.against("oras push", milliseconds(oras_push)));
    let row = Row::new("`plugin pull` of 10 MB", milliseconds(pull), "ms");
    rows.push(row.against("oras pull", milliseconds(oras_pull)));
    let verifying = trusting.saturating_sub(pull);
    rows.push(Row::new("`plugin pull` of 10 MB, verifying its signature", milliseconds(verifying), "ms"));
    Ok(())
}

/// A registry with a plugin that is large.
struct Sharing<'b> {
    bench: &'b Bench<'b>,
    oras: PathBuf,
    dir: PathBuf,
    address: String,
    registry: Child,
}

impl Drop for Sharing<'_> {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.registry.kill();
        let _ = self.registry.wait();
    }
}

impl<'b> Sharing<'b> {
    fn start(bench: &'b Bench<'b>, registry: &Path, oras: PathBuf) -> Result<Self> {
        let dir = bench.dir.join("sharing");
        fs::create_dir_all(dir.join("data"))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = format!(
            "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage: {{ filesystem: {{ \
             rootdirectory: {} }} }}\nhttp: {{ addr: \"{address}\" }}\n",
            dir.join("data").display()
        );
        fs::write(dir.join("config.yml"), config)?;
        let mut command = Command::new(registry);
        command
            .arg("serve")
            .arg(dir.join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let registry = command.spawn().context("the registry can't be started")?;
        let sharing = Self { bench, oras, dir, address, registry };
        let began = Instant::now();
        while TcpStream::connect(&sharing.address).is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                bail!("the registry does not listen on {}", sharing.address);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(sharing)
    }

    /// A plugin whose bytes no registry has seen.
    fn plugin(&self, round: u64) -> Result<PathBuf> {
        let mut bytes = fs::read(self.bench.context.guests_dir().join("probe-renderer.wasm"))?;
        let mut section = vec![4];
        section.extend_from_slice(b"bulk");
        // Numbers of a simple generator, so that no compression helps.
        let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        while bytes.len() + section.len() < BYTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            section.extend_from_slice(&state.to_le_bytes());
        }
        bytes.push(0);
        let mut length = section.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(section);
        let path = self.dir.join("plugin.wasm");
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn springline(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.bench.program);
        command.current_dir(&self.dir).args(args);
        command.env("SPRINGLINE_CACHE_DIR", self.bench.dir.join("cache"));
        command.env("SPRINGLINE_CONFIG_DIR", self.dir.join("config"));
        command
    }

    fn push(&self, round: u64) -> Result<Command> {
        let mut command = self.springline(&["plugin", "push"]);
        command.arg(self.plugin(round)?).arg(self.reference(round));
        Ok(command)
    }

    fn reference(&self, round: u64) -> String {
        format!("oci://{}/bench/plugin:1.0.{round}", self.address)
    }

    /// Signs what is pulled, and writes down whose signature is asked for.
    fn sign(&self) -> Result<()> {
        let public = process::output(&mut self.springline(&["key", "new", KEY]))?;
        process::output(self.push(PULLED)?.args(["--sign", KEY]))?;
        fs::create_dir_all(self.state())?;
        fs::write(self.state().join("bench.pub"), public)?;
        let rules =
            format!("keys: {{ {KEY}: {{ file: bench.pub }} }}, rules: [ {{ match: \"**\", signed-by: [ {KEY} ] }} ]");
        fs::write(self.state().join("host.yaml"), format!("version: 1\ntrust: {{ {rules} }}\n"))?;
        Ok(())
    }

    /// The state directory of an operator who asks for a signature.
    fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    fn push_with_oras(&self, round: u64) -> Result<Duration> {
        self.plugin(round)?;
        let reference = format!("{}/bench/other:1.0.{round}", self.address);
        let mut command = Command::new(&self.oras);
        command.current_dir(&self.dir).args(["push", "--plain-http", &reference, "plugin.wasm:application/wasm"]);
        took(&mut command)
    }

    fn pull(&self) -> Command {
        let to = self.dir.join("pulled.wasm");
        let _ = fs::remove_file(&to);
        let mut command = self.springline(&["plugin", "pull", &self.reference(PULLED), "-O"]);
        command.arg(to);
        command
    }

    fn pull_with_oras(&self) -> Result<Duration> {
        let reference = format!("{}/bench/plugin:1.0.{PULLED}", self.address);
        let to = self.dir.join("oras");
        let _ = fs::remove_dir_all(&to);
        let mut command = Command::new(&self.oras);
        took(command.current_dir(&self.dir).args(["pull", "--plain-http", &reference, "-o"]).arg(&to))
    }
}
