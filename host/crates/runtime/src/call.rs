//! One call: a fresh store, a fresh instance, and a watch over both.

use std::time::{Duration, Instant};

use springline_model::Cancel;
use springline_model::call::Usage;
use springline_model::plugin::{Fault, Limit, Limits, LogLine};
use wasmtime::{Store, UpdateDeadline};

use crate::engine::Machine;
use crate::fault::{limit, of_trap};
use crate::meter::Meter;
use crate::state::CallState;

/// The most bytes that cross from a guest at once, by a host function's arguments or a result.
pub(crate) const MOST_BYTES_A_CALL: usize = 64 << 20;

/// How often a waiting call is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// How a call ended.
pub(crate) struct Ended<T> {
    /// What it returned, or how it failed.
    pub(crate) result: Result<T, Fault>,
    /// What it had.
    pub(crate) state: CallState,
    /// What it logged.
    pub(crate) log: Vec<LogLine>,
    /// What it took.
    pub(crate) usage: Usage,
}

/// Executes `body` in a store of its own, on this thread, and watches over it.
pub(crate) fn execute<T>(
    machine: &Machine,
    state: CallState,
    cancel: &Cancel,
    body: impl AsyncFnOnce(&mut Store<CallState>) -> wasmtime::Result<T>,
) -> Ended<T> {
    let limits = state.limits.clone();
    let mut store = Store::new(&machine.engine, state);
    let (watched, wall) = machine.tokio.block_on(async {
        let Some(_place) = place(machine, cancel).await else { return (Watched::Cancelled, Duration::ZERO) };
        let _ticking = match machine.ticker.running() {
            Ok(running) => running,
            Err(error) => return (Watched::Host(format!("a thread can't be started: {error}")), Duration::ZERO),
        };
        let meter = Meter::new();
        confine(&mut store, &limits, &meter);
        let started = Instant::now();
        let watched = watch(meter.measure(body(&mut store)), &limits, started, cancel).await;
        (watched, started.elapsed())
    });
    let state = store.into_data();
    let result = match watched {
        Watched::Cancelled => Err(Fault::Cancelled),
        Watched::TooLong => Err(limit(Limit::Wall, format!("{} s", limits.wall_seconds))),
        Watched::Host(message) => Err(Fault::Host { message }),
        Watched::Ended(result) => match (state.failure(), result) {
            (Some(fault), _) => Err(fault),
            (None, Ok(value)) => Ok(value),
            (None, Err(error)) => Err(of_trap(&error, &limits, state.bounds.refused(&limits))),
        },
    };
    let usage = Usage { wall, memory: state.bounds.peak_memory() };
    Ended { result, log: state.logs.finish(), usage, state }
}

/// Waits for a place to run.
async fn place<'m>(machine: &'m Machine, cancel: &Cancel) -> Option<tokio::sync::SemaphorePermit<'m>> {
    loop {
        if cancel.is_cancelled() {
            return None;
        }
        if let Ok(permit) = tokio::time::timeout(LOOK, machine.places.acquire()).await {
            // The semaphore is never closed.
            return permit.ok();
        }
    }
}

/// Sets the limits that wasmtime itself enforces.
fn confine(store: &mut Store<CallState>, limits: &Limits, meter: &Meter) {
    store.limiter(|state| &mut state.bounds);
    store.set_hostcall_fuel(MOST_BYTES_A_CALL);
    store.set_max_component_handles(limits.handles as usize);
    store.data_mut().table.set_max_capacity(limits.handles as usize);
    store.set_epoch_deadline(1);
    let meter = meter.clone();
    let most = limits.compute_seconds;
    store.epoch_deadline_callback(move |store| {
        if meter.computed() > Duration::from_secs(most) {
            let fault = limit(Limit::Compute, format!("{most} s of computing"));
            return Err(store.data().verdict.stop(fault));
        }
        // Whoever drives the call looks at its other limits now.
        Ok(UpdateDeadline::Yield(1))
    });
}

enum Watched<T> {
    Ended(wasmtime::Result<T>),
    Cancelled,
    TooLong,
    Host(String),
}

/// Drives a call until it ends, is cancelled or takes too long. In the latter cases it is dropped,
/// and whatever it waits for with it.
async fn watch<T>(
    call: impl Future<Output = wasmtime::Result<T>>,
    limits: &Limits,
    started: Instant,
    cancel: &Cancel,
) -> Watched<T> {
    let most = Duration::from_secs(limits.wall_seconds);
    let mut call = std::pin::pin!(call);
    loop {
        let left = most.saturating_sub(started.elapsed());
        match tokio::time::timeout(LOOK.min(left), call.as_mut()).await {
            Ok(result) => return Watched::Ended(result),
            Err(_) if cancel.is_cancelled() => return Watched::Cancelled,
            Err(_) if started.elapsed() >= most => return Watched::TooLong,
            Err(_) => {}
        }
    }
}
