//! Clocks. The one on the wall stands at [`WALL_CLOCK`]. The monotonic one starts at [`START`] and moves
//! only when the guest waits, by exactly what it waits for, so that what a guest can see does not
//! depend on how fast anything runs. Waiting itself is real.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::bindings::wasi::clocks::wall_clock::Datetime;
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::state::CallState;

/// What the clock on the wall shows: 1980-01-01T00:00:00Z, the earliest date that a zip archive
/// can carry.
pub(crate) const WALL_CLOCK: Datetime = Datetime { seconds: 315_532_800, nanoseconds: 0 };

/// Where the monotonic clock starts, in nanoseconds. Not at 0: Go's runtime refuses to begin at
/// that moment.
const START: u64 = 1_000_000_000;

/// A call's monotonic clock. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

struct Time {
    /// In nanoseconds.
    now: u64,
    /// How often it was moved.
    moves: u64,
    /// When those are due that the guest waits for at present.
    awaited: Vec<u64>,
}

impl Default for Time {
    fn default() -> Self {
        Self { now: START, moves: 0, awaited: Vec::new() }
    }
}

impl Clock {
    fn now(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn wait(&self, due: u64) -> Awaited<'_> {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        time.awaited.push(due);
        Awaited { clock: self, due, moves: time.moves }
    }
}

/// A moment that the guest waits for, alone or among others.
struct Awaited<'c> {
    clock: &'c Clock,
    due: u64,
    moves: u64,
}

impl Awaited<'_> {
    /// Moves the clock to the moment. Of several that are waited for together, only the earliest
    /// can, however late it is in reality: it ends the waiting for all of them.
    fn reach(&self) -> bool {
        let mut time = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        if time.now >= self.due {
            return true;
        }
        if time.moves != self.moves || time.awaited.iter().any(|other| *other < self.due) {
            return false;
        }
        time.now = self.due;
        time.moves += 1;
        true
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let mut time = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = time.awaited.iter().position(|due| *due == self.due) {
            time.awaited.swap_remove(at);
        }
    }
}

/// A moment that a guest can wait for.
struct Timer {
    clock: Clock,
    due: u64,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        let now = self.clock.now();
        if self.due <= now {
            return;
        }
        let awaited = self.clock.wait(self.due);
        // All that is waited for together is known before any of it can be ready.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_nanos(self.due - now)).await;
        while !awaited.reach() {
            tokio::task::yield_now().await;
        }
    }
}

impl CallState {
    fn timer(&mut self, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.table.push(Timer { clock: self.clock.clone(), due })?;
        subscribe(&mut self.table, timer)
    }
}

impl monotonic_clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.now())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(self.clock.now().saturating_add(duration))
    }
}

impl wall_clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        Ok(WALL_CLOCK)
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 1, nanoseconds: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn time_moves_by_what_was_waited_for_and_no_more() {
        let clock = Clock::default();
        assert_eq!(clock.now(), START);
        block_on(Timer { clock: clock.clone(), due: START + 1_500_000 }.ready());
        assert_eq!(clock.now(), START + 1_500_000);
        block_on(Timer { clock: clock.clone(), due: START + 10 }.ready());
        assert_eq!(clock.now(), START + 1_500_000, "what is past is ready at once");
    }

    #[test]
    fn of_two_the_earlier_one_is_ready_alone_in_any_order() {
        for dues in [[START + 2_000_000, START + 2_000_001], [START + 2_000_001, START + 2_000_000]] {
            let clock = Clock::default();
            let mut timers = dues.map(|due| Timer { clock: clock.clone(), due });
            let [a, b] = &mut timers;
            let (mut a, mut b) = (a.ready(), b.ready());
            let ready = block_on(std::future::poll_fn(|context| {
                let ready = [a.as_mut().poll(context).is_ready(), b.as_mut().poll(context).is_ready()];
                if ready == [false, false] { std::task::Poll::Pending } else { std::task::Poll::Ready(ready) }
            }));
            assert_eq!(ready, [dues[0] == START + 2_000_000, dues[1] == START + 2_000_000]);
            assert_eq!(clock.now(), START + 2_000_000);
        }
    }
}
