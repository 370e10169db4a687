//! Who works: so many threads at a time, besides those that wait for something.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::Id;
use super::steer::Steer;

/// Whoever is at an application for so long is taken to wait.
const LONG: Duration = Duration::from_secs(5);
/// So many threads there are at most.
const MOST: usize = 512;

/// The threads that work.
#[derive(Default)]
pub(super) struct Crew {
    /// How many are to work at a time.
    size: usize,
    /// How many there are.
    hired: usize,
    at_work: HashMap<Id, (Instant, Arc<Steer>)>,
}

impl Crew {
    pub(super) fn of(size: usize) -> Self {
        Self { size: size.max(1), ..Self::default() }
    }

    /// One more, if too few are there that don't wait.
    pub(super) fn hire(&mut self, now: Instant) -> bool {
        let hires = self.hired < MOST && self.ready(now) < self.size;
        self.hired += usize::from(hires);
        hires
    }

    /// Whether there are more than are needed.
    pub(super) fn is_surplus(&self, now: Instant) -> bool {
        self.ready(now) > self.size
    }

    /// One is there no more.
    pub(super) fn left(&mut self) {
        self.hired -= 1;
    }

    pub(super) fn begins(&mut self, id: Id, steer: Arc<Steer>, now: Instant) {
        self.at_work.insert(id, (now, steer));
    }

    pub(super) fn ended(&mut self, id: Id) {
        self.at_work.remove(&id);
    }

    /// Those that have nothing to do or are at work, and don't wait.
    fn ready(&self, now: Instant) -> usize {
        let waits = |(since, steer): &&(Instant, Arc<Steer>)| now >= *since + LONG || steer.waits();
        self.hired - self.at_work.values().filter(waits).count()
    }
}

#[cfg(test)]
mod tests {
    use springline_engine::event::{Event, Observer as _};
    use springline_model::Cancel;
    use springline_model::run::Stage;

    use super::*;

    fn steer() -> Arc<Steer> {
        Arc::new(Steer::new(Cancel::new()))
    }

    fn hires(crew: &mut Crew, now: Instant) -> usize {
        std::iter::from_fn(|| crew.hire(now).then_some(())).count()
    }

    #[test]
    fn those_that_take_long_are_not_counted_and_go_when_they_are_too_many() {
        let (mut crew, now) = (Crew::of(2), Instant::now());
        assert_eq!(hires(&mut crew, now), 2);
        (0..2).for_each(|id| crew.begins(id, steer(), now));
        assert_eq!(hires(&mut crew, now + LONG / 2), 0);
        assert_eq!(hires(&mut crew, now + LONG), 2);
        (2..4).for_each(|id| crew.begins(id, steer(), now + LONG));
        assert_eq!(hires(&mut crew, now + 2 * LONG), 2);
        crew.ended(0);
        assert!(crew.is_surplus(now + 2 * LONG));
        crew.left();
        assert!(!crew.is_surplus(now + 2 * LONG));
    }

    #[test]
    fn who_waits_for_health_is_not_counted_at_once() {
        let (mut crew, now) = (Crew::of(1), Instant::now());
        let waiting = steer();
        assert_eq!(hires(&mut crew, now), 1);
        crew.begins(7, waiting.clone(), now);
        let (stage, environment) = (Stage::Health, Some("live"));
        waiting.event(&Event::StageBegun { stage, environment, units: None });
        assert_eq!(hires(&mut crew, now), 1);
        waiting.event(&Event::StageDone { stage, environment, detail: "", took: Duration::ZERO });
        assert!(crew.is_surplus(now));
    }

    #[test]
    fn there_is_an_end_to_them() {
        let (mut crew, now) = (Crew::of(16), Instant::now());
        let mut time = now;
        for round in 0..100 {
            for _ in 0..hires(&mut crew, time) {
                let id = Id::try_from(crew.at_work.len()).unwrap();
                crew.begins(id, steer(), time);
            }
            time = now + LONG * (round + 1);
        }
        assert_eq!(crew.hired, MOST);
    }
}
