//! What a verb prints, on its way to a client that may be slow.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many bytes wait for a client before the verb waits, too: a run ends although nobody reads.
const MOST: usize = 16 * 1024 * 1024;

/// Bytes that one thread writes and others add to.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Nothing more comes.
    closed: bool,
    /// The other side is gone.
    broken: bool,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn add(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        while !state.broken && !state.waiting.is_empty() && state.waiting.len() + bytes.len() > MOST {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.waiting.extend_from_slice(bytes);
        self.changed.notify_all();
        Ok(())
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// The other side is gone: nobody waits for it.
    pub fn break_off(&self) {
        self.state().broken = true;
        self.changed.notify_all();
    }

    /// Writes all that comes until nothing more does.
    pub fn drain(&self, mut to: impl Write) {
        let mut state = self.state();
        loop {
            if state.broken || (state.closed && state.waiting.is_empty()) {
                return;
            }
            if state.waiting.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let bytes = std::mem::take(&mut state.waiting);
            self.changed.notify_all();
            drop(state);
            let written = to.write_all(&bytes);
            state = self.state();
            state.broken |= written.is_err();
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use super::*;

    /// Writes only when it is let.
    struct Gate(Receiver<()>, usize);

    impl Write for &mut Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_client_that_does_not_read_stops_nobody_until_much_waits_for_it() {
        let outbox = Outbox::default();
        let (open, gate) = channel();
        let mut gate = Gate(gate, 0);
        thread::scope(|scope| {
            scope.spawn(|| outbox.drain(&mut gate));
            for _ in 0..16 {
                outbox.add(&vec![0; MOST / 16]).unwrap();
            }
            (0..17).for_each(|_| open.send(()).unwrap());
            outbox.add(&[0; 10]).unwrap();
            outbox.close();
        });
        assert_eq!(gate.1, MOST + 10);
    }

    #[test]
    fn one_that_is_gone_is_told_to_those_who_wait_and_to_those_who_come() {
        let outbox = Outbox::default();
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                // It may be gone before there is anything to wait for.
                outbox.add(&vec![0; MOST]).and_then(|()| outbox.add(&[0])).unwrap_err().kind()
            });
            outbox.break_off();
            assert_eq!(waits.join().unwrap(), io::ErrorKind::BrokenPipe);
        });
        assert_eq!(outbox.add(b"more").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        outbox.drain(io::sink());
    }
}
