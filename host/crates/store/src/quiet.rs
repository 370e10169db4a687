//! Keeps the storage engine's panics in.
//!
//! Given damaged files the engine may panic, on the calling thread or on one of its own. None of it
//! may reach the terminal or end the program.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

use crate::fault::{Fault, Result};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// How the engine calls its own threads.
const ENGINE_THREADS: [&str; 2] = ["sled-io-", "log flusher"];

/// Makes panics silent where they are expected: on threads inside [`guarded`] and on the engine's
/// own. All others go to the hook that was set before. It is installed once and stays: to take it
/// out again could take another one's hook out as well.
pub(crate) fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_quiet() {
                previous(info);
            }
        }));
    });
}

fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).unwrap_or(false)
        || thread::current().name().is_some_and(|name| ENGINE_THREADS.iter().any(|engine| name.starts_with(engine)))
}

/// Does something with the engine; a panic is damage.
pub(crate) fn guarded<T>(act: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(act));
    QUIET.set(before);
    done.unwrap_or_else(|payload| {
        // An assertion's text spans lines; the first one says what failed.
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let first = text.unwrap_or_default().lines().next().unwrap_or_default();
        Err(Fault::Damaged(format!("its database can't be read ({first})")))
    })
}

/// As [`guarded`], on a thread of its own; none if it did not come to an end in this time.
pub(crate) fn guarded_within<T: Send + 'static>(
    limit: Duration,
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    let (send, receive) = mpsc::sync_channel(1);
    let act = move || {
        // Nobody waits any more after the time is over.
        send.send(guarded(act)).ok();
    };
    thread::Builder::new().name("springline-store".into()).spawn(act).map_err(Fault::io("starting a thread"))?;
    receive.recv_timeout(limit).map_or(Ok(None), |done| done.map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage_and_told_in_one_line() {
        install();
        let done: Result<()> = guarded(|| panic!("left is {}\nright is 2", 1));
        let Err(Fault::Damaged(message)) = done else { panic!("{done:?}") };
        assert_eq!(message, "its database can't be read (left is 1)");
        assert!(!is_quiet(), "only while it lasts");
    }

    #[test]
    fn what_never_ends_is_given_up() {
        let done = guarded_within(Duration::from_millis(20), || -> Result<()> {
            loop {
                thread::park();
            }
        });
        assert!(matches!(done, Ok(None)));
    }
}
