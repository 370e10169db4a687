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
    going: Duration,
    slept: Vec<Duration>,
}

impl FakeClock {
    /// A clock that shows this moment.
    pub const fn at(now: Timestamp) -> Self {
        Self { state: Mutex::new(State { now, going: Duration::ZERO, slept: Vec::new() }) }
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.state().pass(by);
    }

    /// Sets it, back as well. That is no time that passes.
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

impl State {
    fn pass(&mut self, time: Duration) {
        self.now += milliseconds(time);
        self.going += time;
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

    fn going(&self) -> Duration {
        self.state().going
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.pass(duration);
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
