//! wasmtime's engine and all that goes with it, made when a plugin is executed for the first time.

use std::hash::Hash as _;
use std::num::NonZeroUsize;
use std::path::Path;

use springline_model::{Digest, Hasher};
use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::compile::cache::Cache;
use crate::epoch::Ticker;
use crate::fault::DEEPEST;
use crate::state::CallState;

/// Stack for a guest, in bytes.
const GUEST_STACK: usize = 1 << 20;
/// Stack for a guest and the host functions it calls, in bytes.
const STACK: usize = GUEST_STACK + (2 << 20);
/// Calls that run at once; others wait for a place.
const CALLS: u32 = 64;
/// What one component may have of each at most.
const MEMORIES: u32 = 4;
const TABLES: u32 = 32;
const CORE_INSTANCES: u32 = 64;

/// What decides which machine code is made and how it behaves. The compiler's process uses the
/// same. With `source_lines`, what tells lines of the source is kept beside the machine code.
pub(crate) fn config(source_lines: bool) -> Config {
    let mut config = Config::new();
    let details = if source_lines { WasmBacktraceDetails::Enable } else { WasmBacktraceDetails::Disable };
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(STACK)
        .memory_init_cow(true)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(DEEPEST))
        // Names come from the name section in any case.
        .wasm_backtrace_details(details);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(CALLS)
        .total_core_instances(CALLS * CORE_INSTANCES)
        .total_memories(CALLS * MEMORIES)
        .total_tables(CALLS * TABLES)
        .total_stacks(CALLS)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES / 2)
        .table_elements(1_000_000)
        .max_unused_warm_slots(16);
    pool
}

/// What executes plugins.
pub(crate) struct Machine {
    /// wasmtime.
    pub(crate) engine: Engine,
    /// Everything that a plugin may import.
    pub(crate) linker: Linker<CallState>,
    /// The machine code of plugins.
    pub(crate) cache: Cache,
    /// Identifies the machine code that the engine can load.
    pub(crate) code: Digest,
    /// Counts epochs while calls run.
    pub(crate) ticker: Ticker,
    /// Drives calls that wait.
    pub(crate) tokio: tokio::runtime::Handle,
    /// Its threads.
    threads: Option<tokio::runtime::Runtime>,
    /// One permit a call.
    pub(crate) places: Semaphore,
}

impl Machine {
    /// Makes one that keeps machine code in this directory.
    ///
    /// # Errors
    /// The directory is not this user's, or the operating system refuses threads or address space.
    pub(crate) fn new(cache: &Path, source_lines: bool) -> Result<Self, String> {
        let cache = Cache::open(cache)?;
        let mut pooled = config(source_lines);
        pooled.allocation_strategy(pool());
        // The pool reserves address space, which may be limited. Without it all works, only slower.
        let engine = Engine::new(&pooled)
            .or_else(|_| Engine::new(&config(source_lines)))
            .map_err(|error| format!("wasmtime can't be started: {error:#}"))?;
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("springline-calls")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| format!("tokio can't be started: {error}"))?;
        let mut linker = Linker::new(&engine);
        crate::link::add_all(&mut linker).map_err(|error| format!("the contract can't be linked: {error:#}"))?;
        let mut code = Sha256(Hasher::domain("springline-code/1"));
        engine.precompile_compatibility_hash().hash(&mut code);
        source_lines.hash(&mut code);
        Ok(Self {
            cache,
            linker,
            code: code.0.finish(),
            ticker: Ticker::new(engine.weak()),
            tokio: threads.handle().clone(),
            threads: Some(threads),
            places: Semaphore::new(CALLS as usize),
            engine,
        })
    }
}

impl Drop for Machine {
    /// Waits for no thread: one that looks up a name does that for as long as the system likes.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Hashes what only implements [`std::hash::Hash`], the same in every process.
struct Sha256(Hasher);

impl std::hash::Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finish();
        u64::from_le_bytes(std::array::from_fn(|at| digest.as_bytes()[at]))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_end_waits_for_no_name_that_is_looked_up() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine::new(&directory.path().join("cache"), false).unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        let given_up = Arc::new(AtomicBool::new(false));
        let gives_up = Arc::clone(&given_up);
        machine.tokio.spawn_blocking(move || {
            begun.send(()).unwrap();
            // It is answered after the machine has gone: only a machine that waits sees it give up.
            let answer: Result<(), _> = answered.recv_timeout(Duration::from_secs(60));
            gives_up.store(answer.is_err(), Ordering::SeqCst);
        });
        has_begun.recv().unwrap();
        drop(machine);
        assert!(!given_up.load(Ordering::SeqCst));
        answer.send(()).unwrap();
    }
}
