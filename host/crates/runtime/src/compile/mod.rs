//! Compilation, in a process of its own: wasmtime promises safety of execution, not that of
//! compilation.

pub(crate) mod cache;
mod child;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use springline_model::Cancel;
use springline_model::plugin::{Fault, Limit, Limits};

pub use child::compile_child;

use self::child::{Header, OUT_OF_MEMORY, REFUSED};
use crate::config::Compiler;
use crate::fault::limit;

/// Compiles a component. `directory` is where the processes exchange their bytes.
///
/// # Errors
/// [`Fault::Unusable`] if the compiler refuses the component, [`Fault::Limit`] if it goes past one
/// of the limits of compilation, [`Fault::Cancelled`], and [`Fault::Host`].
pub(crate) fn compile(
    compiler: &Compiler,
    source_lines: bool,
    directory: &std::path::Path,
    component: &[u8],
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Vec<u8>, Fault> {
    let host = |error: std::io::Error| Fault::Host { message: format!("compiling it failed: {error}") };
    let mut input = tempfile::tempfile_in(directory).map_err(host)?;
    let mut output = tempfile::tempfile_in(directory).map_err(host)?;
    let mut errors = tempfile::tempfile_in(directory).map_err(host)?;
    let header = Header { memory_mib: limits.compile_memory_mib, seconds: limits.compile_seconds, source_lines };
    input.write_all(&header.to_bytes()).map_err(host)?;
    input.write_all(component).map_err(host)?;
    input.seek(SeekFrom::Start(0)).map_err(host)?;
    let child = Command::new(&compiler.program)
        .args(&compiler.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(input)
        .stdout(output.try_clone().map_err(host)?)
        .stderr(errors.try_clone().map_err(host)?)
        .spawn()
        .map_err(|error| Fault::Host {
            message: format!("the compiler {} can't be started: {error}", compiler.program.display()),
        })?;
    let ended = wait(child, Duration::from_secs(limits.compile_seconds), cancel).map_err(host)?;
    let status = match ended {
        Ended::Cancelled => return Err(Fault::Cancelled),
        Ended::TooLong => return Err(too_long(limits)),
        Ended::Itself(status) => status,
    };
    if !status.success() {
        return Err(explain(status, &tail(&mut errors), limits));
    }
    let mut compiled = Vec::new();
    output.seek(SeekFrom::Start(0)).map_err(host)?;
    output.read_to_end(&mut compiled).map_err(host)?;
    Ok(compiled)
}

enum Ended {
    Itself(ExitStatus),
    TooLong,
    Cancelled,
}

fn wait(mut child: Child, limit: Duration, cancel: &Cancel) -> std::io::Result<Ended> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Itself(status));
        }
        let stopped = if cancel.is_cancelled() {
            Some(Ended::Cancelled)
        } else if started.elapsed() > limit {
            Some(Ended::TooLong)
        } else {
            None
        };
        if let Some(stopped) = stopped {
            // It may have ended on its own in the meantime.
            let _ = child.kill();
            child.wait()?;
            return Ok(stopped);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn explain(status: ExitStatus, said: &str, limits: &Limits) -> Fault {
    /// What a panic ends with.
    const PANICKED: i32 = 101;
    const SIGINT: i32 = 2;
    const SIGABRT: i32 = 6;
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    const SIGXCPU: i32 = 24;
    match (status.code(), status.signal()) {
        (Some(code), _) if code == i32::from(REFUSED) => {
            Fault::Unusable { message: format!("its WebAssembly can't be compiled: {said}") }
        }
        (Some(code), _) if code == i32::from(OUT_OF_MEMORY) => too_much_memory(limits),
        (Some(PANICKED), _) => Fault::Unusable { message: format!("the compiler gave up on it: {said}") },
        (_, Some(SIGINT | SIGTERM)) => Fault::Cancelled,
        (_, Some(SIGXCPU)) => too_long(limits),
        // Out of memory by its own limit, or by the machine's.
        (_, Some(SIGABRT)) if said.contains("memory allocation") => too_much_memory(limits),
        (_, Some(SIGKILL)) => too_much_memory(limits),
        (_, Some(signal)) => {
            Fault::Unusable { message: format!("the compiler crashed on it (signal {signal}): {said}") }
        }
        _ => Fault::Host { message: format!("compiling it failed ({status}): {said}") },
    }
}

fn too_long(limits: &Limits) -> Fault {
    limit(Limit::CompileTime, format!("{} s to compile it", limits.compile_seconds))
}

fn too_much_memory(limits: &Limits) -> Fault {
    limit(Limit::CompileMemory, format!("{} MiB of memory to compile it", limits.compile_memory_mib))
}

/// The end of what the compiler said, on one line, control characters escaped.
fn tail(errors: &mut File) -> String {
    const KEPT: u64 = 2_000;
    let mut bytes = Vec::new();
    let read = errors
        .metadata()
        .and_then(|metadata| errors.seek(SeekFrom::Start(metadata.len().saturating_sub(KEPT))))
        .and_then(|_| errors.read_to_end(&mut bytes));
    match read {
        Ok(_) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            crate::escape::escape(&lines.join(" / "))
        }
        Err(error) => error.to_string(),
    }
}
