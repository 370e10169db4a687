//! Asking work to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Asks work under way to stop at the next point where it can. Clones ask the same work.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    flag: AtomicBool,
    children: Mutex<Vec<Weak<Asked>>>,
}

impl Cancel {
    /// One that nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One for a part of the work: it is asked when this one is, and can be asked alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::new();
        {
            let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
            children.retain(|other| other.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        // Whoever asked before the child was on the list did not ask it.
        if self.is_cancelled() {
            child.cancel();
        }
        child
    }

    /// Asks.
    pub fn cancel(&self) {
        self.0.ask();
    }

    /// Whether anybody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.flag.load(Ordering::SeqCst)
    }

    /// What a clone of this sets when somebody asks; for code that polls a flag of its own kind.
    pub fn flag(&self) -> &AtomicBool {
        &self.0.flag
    }
}

impl Asked {
    fn ask(&self) {
        self.flag.store(true, Ordering::SeqCst);
        let children: Vec<_> = {
            let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            children.iter().filter_map(Weak::upgrade).collect()
        };
        children.iter().for_each(|child| child.ask());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_asked_with_the_whole_and_alone() {
        let whole = Cancel::new();
        let (one, other) = (whole.child(), whole.child());
        let part = one.clone().child();
        one.cancel();
        assert!(one.is_cancelled() && part.is_cancelled());
        assert!(!whole.is_cancelled() && !other.is_cancelled());
        whole.cancel();
        assert!(other.is_cancelled() && whole.child().is_cancelled());
    }
}
