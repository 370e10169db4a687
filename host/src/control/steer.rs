//! How a run under way is stopped when there is something newer: at once while nothing is changed, and
//! else when the change under way has ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use springline_engine::event::{Event, Observer};
use springline_model::Cancel;
use springline_model::port::Seen;
use springline_model::run::Stage;

use crate::show::progress::warn_of_git;

/// The way to stop one run; an observer of it.
pub(super) struct Steer {
    cancel: Cancel,
    way: Mutex<Way>,
    seen: Mutex<Option<Arc<dyn Seen>>>,
}

#[derive(Default)]
struct Way {
    /// Whether a live object is being changed.
    applying: bool,
    superseded: bool,
    /// Whether it waits for health.
    waits: bool,
}

impl Steer {
    pub(super) fn new(cancel: Cancel) -> Self {
        Self { cancel, way: Mutex::default(), seen: Mutex::default() }
    }

    /// There is something newer.
    pub(super) fn supersede(&self) {
        let mut way = self.way();
        way.superseded = true;
        if !way.applying {
            self.cancel.cancel();
        }
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.way().superseded
    }

    /// Whether it does nothing but wait.
    pub(super) fn waits(&self) -> bool {
        self.way().waits
    }

    /// What the last look depended on, if nothing was to be done and that is known.
    pub(super) fn take_seen(&self) -> Option<Arc<dyn Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Steer {
    fn event(&self, event: &Event<'_>) {
        crate::crash::maybe(event);
        match event {
            Event::Unchanged(seen) => {
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(seen));
            }
            Event::Applying { .. } => self.way().applying = true,
            Event::StageBegun { stage, .. } => self.way().waits = *stage == Stage::Health,
            Event::Changed(_) | Event::StageDone { .. } => {
                let mut way = self.way();
                (way.applying, way.waits) = (false, false);
                if way.superseded {
                    self.cancel.cancel();
                }
            }
            event => warn_of_git(event, "it is tried again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use springline_model::history::Done;
    use springline_model::manifest::Action;

    use super::*;

    fn done() -> Done {
        let (live, summary) = ("a".to_owned(), String::new());
        Done { live, action: Action::Create, before: None, after: None, summary, error: None, hook: None }
    }

    #[test]
    fn a_change_under_way_is_finished() {
        let (cancel, done) = (Cancel::new(), done());
        let steer = Steer::new(cancel.clone());
        steer.event(&Event::Applying { live: "a", action: Action::Create });
        steer.supersede();
        assert!(!cancel.is_cancelled());
        steer.event(&Event::Changed(&done));
        assert!(cancel.is_cancelled());
    }

    #[test]
    fn what_waits_is_stopped_at_once() {
        let (cancel, done) = (Cancel::new(), done());
        let steer = Steer::new(cancel.clone());
        steer.event(&Event::Applying { live: "a", action: Action::Create });
        steer.event(&Event::Changed(&done));
        assert!(!cancel.is_cancelled() && !steer.is_superseded());
        steer.supersede();
        assert!(cancel.is_cancelled() && steer.is_superseded());
    }
}
