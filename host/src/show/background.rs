//! Prints from a thread of its own: a reader that stalls holds up nobody who prints.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use springline_model::Cancel;

use super::console::{Stream, print_here};

/// How much is kept for a reader that is slow, in bytes; what comes after that is left out.
const MOST: usize = 16 * 1024 * 1024;
/// How long a reader that stalls may hold up an end that somebody asked for.
const PATIENCE: Duration = Duration::from_secs(1);

static PRINTER: Mutex<Option<Arc<Printer>>> = Mutex::new(None);

/// What waits to be printed.
#[derive(Default)]
struct Waiting {
    texts: VecDeque<(Stream, String)>,
    bytes: usize,
    /// The lines that were left out, and of which nothing was said yet.
    left_out: usize,
    /// Nothing more comes.
    ended: bool,
}

impl Waiting {
    fn add(&mut self, stream: Stream, text: &str) {
        if self.bytes > MOST {
            self.left_out += text.lines().count();
            return;
        }
        self.bytes += text.len();
        self.texts.push_back((stream, text.to_owned()));
    }

    /// What is printed next. What was left out is told when the reader has all that was kept.
    fn next(&mut self) -> Option<(Stream, String)> {
        if let Some((stream, text)) = self.texts.pop_front() {
            self.bytes -= text.len();
            return Some((stream, text));
        }
        let lines = match std::mem::take(&mut self.left_out) {
            0 => return None,
            1 => "1 line was".to_owned(),
            many => format!("{many} lines were"),
        };
        Some((Stream::Err, format!("warning: {lines} left out, as nobody read them\n")))
    }
}

#[derive(Default)]
struct Printer {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Printer {
    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        let done = act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        done
    }

    /// Prints all that comes until nothing more does.
    fn print_all(&self, print: impl Fn(Stream, &str)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let next = waiting.next();
            match next {
                Some((stream, text)) => {
                    drop(waiting);
                    print(stream, &text);
                    waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                }
                None if waiting.ended => return,
                None => waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

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
    let printer = Arc::<Printer>::default();
    let (ended, printed) = channel();
    let prints = Arc::clone(&printer);
    thread::Builder::new().name("print".into()).spawn(move || {
        prints.print_all(print_here);
        let _ = ended.send(());
    })?;
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
    Ok(Background { printed, cancel: cancel.clone() })
}

/// Takes text over to be printed; false if nobody prints in the background.
pub fn take(stream: Stream, text: &str) -> bool {
    let printer = PRINTER.lock().unwrap_or_else(PoisonError::into_inner);
    printer.as_ref().map(|printer| printer.with(|waiting| waiting.add(stream, text))).is_some()
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(printer) = PRINTER.lock().unwrap_or_else(PoisonError::into_inner).take() {
            printer.with(|waiting| waiting.ended = true);
        }
        let mut asked: Option<Instant> = None;
        while let Err(RecvTimeoutError::Timeout) = self.printed.recv_timeout(Duration::from_millis(50)) {
            if self.cancel.is_cancelled() && asked.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_left_out_and_told_when_all_that_was_kept_is_read() {
        let mut waiting = Waiting::default();
        let much = "x".repeat(MOST);
        waiting.add(Stream::Out, &much);
        waiting.add(Stream::Out, "kept\n");
        for text in ["left\n", "out\nof two lines\n"] {
            waiting.add(Stream::Out, text);
        }
        assert_eq!(waiting.next().map(|(_, text)| text.len()), Some(MOST));
        // There is room again.
        waiting.add(Stream::Err, "later\n");
        let rest: Vec<_> = std::iter::from_fn(|| waiting.next()).collect();
        let told = "warning: 3 lines were left out, as nobody read them\n";
        let rest: Vec<_> = rest.iter().map(|(stream, text)| (*stream, text.as_str())).collect();
        assert_eq!(rest, [(Stream::Out, "kept\n"), (Stream::Err, "later\n"), (Stream::Err, told)]);
        // It is told once, and counted anew.
        waiting.add(Stream::Out, &(much + "\n"));
        waiting.add(Stream::Out, "left out\n");
        let rest: Vec<_> = std::iter::from_fn(|| waiting.next()).map(|(_, text)| text).skip(1).collect();
        assert_eq!((rest, waiting.bytes), (vec!["warning: 1 line was left out, as nobody read them\n".to_owned()], 0));
    }

    #[test]
    fn who_prints_waits_for_no_reader_and_what_was_kept_is_printed_before_the_end() {
        let printer = Printer::default();
        let (open, gate) = channel::<()>();
        let printed = Mutex::new(String::new());
        thread::scope(|scope| {
            let (gate, printed) = (Mutex::new(gate), &printed);
            scope.spawn({
                let printer = &printer;
                move || {
                    printer.print_all(|_, text| {
                        gate.lock().unwrap().recv().unwrap();
                        printed.lock().unwrap().push_str(text);
                    });
                }
            });
            (0..3).for_each(|number| printer.with(|waiting| waiting.add(Stream::Out, &format!("{number} "))));
            assert_eq!(*printed.lock().unwrap(), "");
            printer.with(|waiting| waiting.ended = true);
            (0..3).for_each(|_| open.send(()).unwrap());
        });
        assert_eq!(printed.into_inner().unwrap(), "0 1 2 ");
    }
}
