//! A clock that moves when it is told to.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use springline_model::port::Clock;
use springline_model::run::Timestamp;

/// A clock that stands still until somebody sleeps or [`advance`](FakeClock::advance)s it.
#[derive(Debug)]
pub struct FakeClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    slept: Vec<Duration>,
}

impl FakeClock {
    /// A clock that shows this moment.
    pub const fn at(now: Timestamp) -> Self {
        Self { state: Mutex::new(State { now, slept: Vec::new() }) }
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.state().now += milliseconds(by);
    }

    /// Sets it, back as well.
    pub fn set(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// How long everybody slept, in the order in which they did.
    pub fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Default for FakeClock {
    /// A clock that shows 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(1_767_225_600_000)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.now += milliseconds(duration);
        state.slept.push(duration);
    }
}

fn milliseconds(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_millis()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_takes_no_time_but_moves_the_clock() {
        let clock = FakeClock::at(1_000);
        clock.sleep(Duration::from_secs(5));
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now(), 6_001);
        assert_eq!(clock.slept(), [Duration::from_secs(5)]);
    }
}
