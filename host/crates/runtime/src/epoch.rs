//! The clock by which computing guests are interrupted.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often a guest that computes gives way, so that its limits are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Raises the engine's epoch while calls run, and sleeps while none does.
pub(crate) struct Ticker(Arc<Shared>);

struct Shared {
    engine: EngineWeak,
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    running: usize,
    started: bool,
    ended: bool,
}

impl Ticker {
    /// One for this engine. Its thread starts with the first call.
    pub(crate) fn new(engine: EngineWeak) -> Self {
        Self(Arc::new(Shared { engine, calls: Mutex::default(), changed: Condvar::new() }))
    }

    /// Ticks at least as long as the guard lives.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(crate) fn running(&self) -> std::io::Result<Running<'_>> {
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if !calls.started {
            let shared = Arc::clone(&self.0);
            std::thread::Builder::new().name("springline-epochs".into()).spawn(move || shared.tick())?;
            calls.started = true;
        }
        calls.running += 1;
        if calls.running == 1 {
            self.0.changed.notify_all();
        }
        Ok(Running(&self.0))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn tick(&self) {
        loop {
            let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let calls = self
                .changed
                .wait_while(calls, |calls| calls.running == 0 && !calls.ended)
                .unwrap_or_else(PoisonError::into_inner);
            if calls.ended {
                return;
            }
            drop(calls);
            std::thread::sleep(TICK);
            match self.engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }
}

/// A call that runs.
pub(crate) struct Running<'t>(&'t Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
    }
}
