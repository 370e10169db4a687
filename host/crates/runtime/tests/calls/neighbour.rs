//! A plugin that does nobody any harm, and must not notice what others do.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use springline_model::port::Plugins as _;

use crate::setup::Setup;

/// Does harm while a good plugin is called again and again in the same process. Each of its calls must
/// come out right, before the harm, during it and after it.
pub fn beside_a_neighbour<T>(setup: &Setup, harm: impl FnOnce() -> T) -> T {
    let neighbour = Neighbour::new(setup);
    neighbour.work(0);
    let over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        let (started, begun) = std::sync::mpsc::channel();
        let (neighbour, over) = (&neighbour, &over);
        let working = scope.spawn(move || {
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                let _ = started.send(());
                rounds += 1;
                neighbour.work(rounds);
            }
        });
        // A call of the neighbour is on its way when the harm begins.
        begun.recv().unwrap();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(harm));
        over.store(true, Ordering::Relaxed);
        working.join().expect("the neighbour is not harmed");
        done
    });
    neighbour.work(u64::MAX);
    let scratch = setup.directory.path().join("scratch");
    let left: Vec<_> = std::fs::read_dir(scratch).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "files were left behind: {left:?}");
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A plugin that does nobody any harm.
struct Neighbour<'s>(&'s Setup);

impl<'s> Neighbour<'s> {
    fn new(setup: &'s Setup) -> Self {
        Self(setup)
    }

    /// Copies a file, and sleeps for a moment, so that a call is on its way most of the time.
    fn work(&self, round: u64) {
        let text = format!("round {round}");
        let call = |config: Value| self.0.call(self.0.probe("probe-step"), &config);
        let built = self.0.runtime.build(&call(json!({"mode": "copy"})), self.0.tree(&[("a", &text)]));
        assert_eq!(self.0.file(&built.unwrap().value.tree, "a"), text);
        let slept = self.0.runtime.build(&call(json!({"mode": "sleep", "count": 20})), self.0.tree(&[]));
        assert_eq!(slept.unwrap().value.summary, "slept");
    }
}
