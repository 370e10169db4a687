//! Prints from a thread of its own: a reader that stalls holds up nobody who prints.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use springline_model::Cancel;

use super::console::{Stream, print_here};

/// How much is kept for a reader that is slow, in bytes; what comes after that is left out.
const MOST: usize = 16 * 1024 * 1024;
/// How long a reader that stalls may hold up an end that somebody asked for.
const PATIENCE: Duration = Duration::from_secs(1);

static PRINTER: Mutex<Option<Sender<(Stream, String)>>> = Mutex::new(None);
static KEPT: AtomicUsize = AtomicUsize::new(0);
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// As long as this value is there, this process prints what is its own from a thread of its own.
pub struct Background {
    printed: Receiver<()>,
    cancel: Cancel,
}

/// Begins to print so. When it ends, it waits for the reader; after `cancel` was asked, not for long.
///
/// # Errors
/// No thread can be had.
pub fn begin(cancel: &Cancel) -> std::io::Result<Background> {
    let (sender, lines) = channel::<(Stream, String)>();
    let (ended, printed) = channel();
    thread::Builder::new().name("print".into()).spawn(move || {
        for (stream, text) in lines {
            KEPT.fetch_sub(text.len(), Ordering::Relaxed);
            print_here(stream, &text);
            if KEPT.load(Ordering::Relaxed) == 0
                && let left_out @ 1.. = LEFT_OUT.swap(0, Ordering::Relaxed)
            {
                print_here(Stream::Err, &format!("warning: {left_out} lines were left out, as nobody read them\n"));
            }
        }
        let _ = ended.send(());
    })?;
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    Ok(Background { printed, cancel: cancel.clone() })
}

/// Takes text over to be printed; false if nobody prints in the background.
pub fn take(stream: Stream, text: &str) -> bool {
    let printer = PRINTER.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(printer) = printer.as_ref() else { return false };
    if KEPT.fetch_add(text.len(), Ordering::Relaxed) > MOST {
        KEPT.fetch_sub(text.len(), Ordering::Relaxed);
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        return true;
    }
    printer.send((stream, text.to_owned())).is_ok()
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(PRINTER.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut asked: Option<Instant> = None;
        while let Err(RecvTimeoutError::Timeout) = self.printed.recv_timeout(Duration::from_millis(50)) {
            if self.cancel.is_cancelled() && asked.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return;
            }
        }
    }
}
