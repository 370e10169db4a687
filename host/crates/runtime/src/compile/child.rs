//! The compiler's side: a process that reads a component and writes machine code.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};
use wasmtime::Engine;

/// The exit code for a component that can't be compiled; standard error says why.
pub(super) const REFUSED: u8 = 10;
/// The exit code for a process that ran out of memory and noticed.
pub(super) const OUT_OF_MEMORY: u8 = 12;
const FAILED: u8 = 1;

/// What stands in front of the component on standard input: how far the process may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Address space, in MiB.
    pub(super) memory_mib: u64,
    /// Time, in seconds.
    pub(super) seconds: u64,
    /// Whether backtraces are to have lines of the source.
    pub(super) source_lines: bool,
}

impl Header {
    const LENGTH: usize = 17;

    pub(super) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.memory_mib.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seconds.to_le_bytes());
        bytes[16] = u8::from(self.source_lines);
        bytes
    }

    fn read(reader: &mut impl io::Read) -> io::Result<Self> {
        let (mut memory, mut seconds, mut source_lines) = ([0; 8], [0; 8], [0; 1]);
        reader.read_exact(&mut memory)?;
        reader.read_exact(&mut seconds)?;
        reader.read_exact(&mut source_lines)?;
        Ok(Self {
            memory_mib: u64::from_le_bytes(memory),
            seconds: u64::from_le_bytes(seconds),
            source_lines: source_lines != [0],
        })
    }

    /// Binds this process for the rest of its life.
    fn confine(self) -> io::Result<()> {
        let at_most = |value: u64| Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(Resource::Core, at_most(0))?;
        setrlimit(Resource::As, at_most(self.memory_mib.saturating_mul(1 << 20)))?;
        // The parent watches the clock on the wall. This one is for a process whose parent died;
        // all threads count.
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
        setrlimit(Resource::Cpu, at_most(self.seconds.saturating_mul(threads).saturating_add(1)))?;
        Ok(())
    }
}

/// The whole of the compiler's process: reads limits and a component from standard input, sets
/// the limits on itself, and writes what it compiled to standard output. For the hidden verb that
/// [`Compiler`](crate::Compiler) names, and for nothing else.
pub fn compile_child() -> ExitCode {
    match compile() {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            // If nobody listens, the exit code has to do.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::from(code)
        }
    }
}

fn compile() -> Result<(), (u8, String)> {
    let failed = |error: io::Error| (FAILED, error.to_string());
    let mut input = io::stdin().lock();
    let header = Header::read(&mut input).map_err(failed)?;
    header.confine().map_err(failed)?;
    let mut component = Vec::new();
    input.read_to_end(&mut component).map_err(failed)?;
    let engine =
        Engine::new(&crate::engine::config(header.source_lines)).map_err(|error| (FAILED, format!("{error:#}")))?;
    let compiled = engine.precompile_component(&component).map_err(|error| {
        let out_of_memory = error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
        });
        (if out_of_memory { OUT_OF_MEMORY } else { REFUSED }, format!("{error:#}"))
    })?;
    let mut output = io::stdout().lock();
    output.write_all(&compiled).and_then(|()| output.flush()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_way() {
        let header = Header { memory_mib: 4096, seconds: 180, source_lines: true };
        assert_eq!(Header::read(&mut &header.to_bytes()[..]).unwrap(), header);
        assert!(Header::read(&mut &header.to_bytes()[..16]).is_err());
    }
}
