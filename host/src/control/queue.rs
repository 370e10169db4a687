//! Who is next: each application once, whatever it is there for, and those that have to wait when
//! their time has come.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// An application, by its place in the list of all.
pub(super) type Id = u32;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Ready,
    Running,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    phase: Phase,
    /// Whether there is more to do when what is under way has ended.
    again: bool,
    timer: Option<Instant>,
}

/// The applications that have something to do.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: Vec<Entry>,
    ready: VecDeque<Id>,
    timers: BTreeSet<(Instant, Id)>,
}

impl Queue {
    fn entry(&mut self, id: Id) -> &mut Entry {
        let at = id as usize;
        if self.entries.len() <= at {
            self.entries.resize(at + 1, Entry::default());
        }
        &mut self.entries[at]
    }

    /// It has something to do now.
    pub(super) fn want(&mut self, id: Id) {
        self.unset(id);
        let entry = self.entry(id);
        match entry.phase {
            Phase::Idle => {
                entry.phase = Phase::Ready;
                self.ready.push_back(id);
            }
            Phase::Ready => {}
            Phase::Running => entry.again = true,
        }
    }

    /// It has something to do then, or earlier if it is wanted earlier.
    pub(super) fn want_at(&mut self, id: Id, at: Instant) {
        let timer = self.entry(id).timer;
        if timer.is_none_or(|timer| at < timer) {
            self.unset(id);
            self.entry(id).timer = Some(at);
            self.timers.insert((at, id));
        }
    }

    fn unset(&mut self, id: Id) {
        if let Some(timer) = self.entry(id).timer.take() {
            self.timers.remove(&(timer, id));
        }
    }

    /// It is gone: it has nothing to do any more.
    pub(super) fn drop(&mut self, id: Id) {
        self.unset(id);
        self.ready.retain(|other| *other != id);
        let entry = self.entry(id);
        entry.again = false;
        if entry.phase == Phase::Ready {
            entry.phase = Phase::Idle;
        }
    }

    /// The next one, which is under way from now on.
    pub(super) fn take(&mut self, now: Instant) -> Option<Id> {
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            self.entry(id).timer = None;
            self.want(id);
        }
        let id = self.ready.pop_front()?;
        self.entry(id).phase = Phase::Running;
        Some(id)
    }

    /// What was under way has ended.
    pub(super) fn done(&mut self, id: Id) {
        let entry = self.entry(id);
        entry.phase = Phase::Idle;
        if std::mem::take(&mut entry.again) {
            self.want(id);
        }
    }

    pub(super) fn is_running(&self, id: Id) -> bool {
        self.entries.get(id as usize).is_some_and(|entry| entry.phase == Phase::Running)
    }

    pub(super) fn is_ready(&self, id: Id) -> bool {
        self.entries.get(id as usize).is_some_and(|entry| entry.phase == Phase::Ready)
    }

    /// Whether nobody waits for a worker.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether somebody has something to do now.
    pub(super) fn has_work(&self, now: Instant) -> bool {
        !self.ready.is_empty() || self.next().is_some_and(|next| next <= now)
    }

    /// When the next one's time comes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_is_there_once_in_the_order_they_came() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for id in [3, 1, 3, 2, 1] {
            queue.want(id);
        }
        let taken: Vec<Id> = std::iter::from_fn(|| queue.take(now)).collect();
        assert_eq!(taken, [3, 1, 2]);
        assert!(queue.is_running(3) && queue.is_empty());
    }

    #[test]
    fn what_is_wanted_while_it_is_under_way_comes_again_when_that_has_ended() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.want(7);
        assert_eq!(queue.take(now), Some(7));
        queue.want(7);
        queue.want(7);
        // One that is stuck holds up nobody, itself included.
        queue.want(8);
        assert_eq!((queue.take(now), queue.take(now)), (Some(8), None));
        queue.done(7);
        assert_eq!((queue.take(now), queue.take(now)), (Some(7), None));
        queue.done(7);
        assert_eq!(queue.take(now), None);
    }

    #[test]
    fn a_pause_ends_when_it_is_over_or_when_there_is_something_new() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let second = Duration::from_secs(1);
        queue.want_at(1, now + 5 * second);
        queue.want_at(1, now + 9 * second);
        queue.want_at(2, now + 3 * second);
        assert_eq!((queue.take(now), queue.next()), (None, Some(now + 3 * second)));
        queue.want(1);
        assert_eq!(queue.take(now), Some(1));
        assert_eq!(queue.next(), Some(now + 3 * second));
        assert_eq!(queue.take(now + 3 * second), Some(2));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn one_that_is_gone_does_not_come() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.want(1);
        queue.want_at(2, now);
        queue.want(3);
        assert_eq!(queue.take(now), Some(1));
        queue.want(1);
        [1, 2, 3].into_iter().for_each(|id| queue.drop(id));
        queue.done(1);
        assert_eq!(queue.take(now), None);
    }
}
