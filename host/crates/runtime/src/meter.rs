//! How long a call computed, as opposed to waited.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Counts the time that a call spends computing. Clones count for the same call.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Times>);

struct Times {
    origin: Instant,
    /// Nanoseconds computed in the stretches that are over.
    computed: AtomicU64,
    /// When the present stretch began, in nanoseconds since the origin, plus one; 0 outside.
    since: AtomicU64,
}

impl Meter {
    /// One that stands at zero.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Times { origin: Instant::now(), computed: AtomicU64::new(0), since: AtomicU64::new(0) }))
    }

    /// How long the call computed so far.
    pub(crate) fn computed(&self) -> Duration {
        let present = match self.0.since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.now().saturating_sub(since - 1),
        };
        Duration::from_nanos(self.0.computed.load(Ordering::Relaxed) + present)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.origin.elapsed().as_nanos()).unwrap_or(u64::MAX - 1)
    }

    /// Counts the time that this future spends being polled.
    pub(crate) fn measure<F: Future>(&self, future: F) -> Metered<F> {
        Metered { future: Box::pin(future), meter: self.clone() }
    }
}

/// See [`Meter::measure`].
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Meter,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = self.meter.now();
        self.meter.0.since.store(began + 1, Ordering::Relaxed);
        let polled = self.future.as_mut().poll(context);
        let times = &self.meter.0;
        times.computed.fetch_add(self.meter.now() - began, Ordering::Relaxed);
        times.since.store(0, Ordering::Relaxed);
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_computing() {
        let meter = Meter::new();
        let mut polls = 0;
        let mut seen = Duration::ZERO;
        let inner = meter.clone();
        let mut metered = meter.measure(std::future::poll_fn(|_| {
            std::thread::sleep(Duration::from_millis(2));
            seen = inner.computed();
            polls += 1;
            if polls < 2 { Poll::Pending } else { Poll::Ready(()) }
        }));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut metered).poll(&mut context).is_pending());
        let first = meter.computed();
        assert!(first >= Duration::from_millis(2));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(meter.computed(), first, "the clock stands still outside");
        assert!(Pin::new(&mut metered).poll(&mut context).is_ready());
        drop(metered);
        assert!(seen >= Duration::from_millis(4), "and runs on inside");
    }
}
