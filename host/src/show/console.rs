//! Where what is printed goes: to this process's own streams, or to the client whose verb this thread
//! executes.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use anstream::adapter::strip_str;
use indicatif::{ProgressDrawTarget, TermLike};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How often bars are drawn, each second.
const DRAWN: u8 = 10;
/// As wide as a terminal is taken to be that does not tell.
const WIDTH: u16 = 80;

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Data.
    Out,
    /// Progress and messages.
    Err,
}

/// What leads to a client.
pub trait Wire: Send + Sync {
    /// Sends what a verb prints.
    ///
    /// # Errors
    /// The client is gone.
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()>;

    /// Asks the person there; none if there is no answer.
    fn ask(&self, question: &str) -> Option<String>;
}

/// A stream of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Whether it is a terminal.
    pub terminal: bool,
    /// Whether colours are wanted there.
    pub colors: bool,
}

/// A client whose verb is executed here.
pub struct Client {
    /// Who, as `USER@HOST`.
    pub actor: String,
    /// Its standard output.
    pub out: Screen,
    /// Its standard error.
    pub err: Screen,
    /// How wide its terminal is.
    pub width: Option<u16>,
    /// Whether there is a person to ask.
    pub answers: bool,
    /// Its time zone, where it is not this process's.
    pub zone: Option<TimeZone>,
    /// What leads to it.
    pub wire: Arc<dyn Wire>,
}

impl Client {
    fn print(&self, stream: Stream, text: &str) {
        let colors = match stream {
            Stream::Out => self.out.colors,
            Stream::Err => self.err.colors,
        };
        // A client that went away ends nothing here; its verb is cancelled.
        let _ = match colors {
            true => self.wire.write(stream, text.as_bytes()),
            false => self.wire.write(stream, strip_str(text).to_string().as_bytes()),
        };
    }
}

thread_local! {
    static CLIENT: RefCell<Option<Arc<Client>>> = const { RefCell::new(None) };
}

/// The client whose verb this thread executes; none where it is this process's own. Whoever prints from
/// other threads takes it along ([`with`]).
pub fn client() -> Option<Arc<Client>> {
    CLIENT.with_borrow(Clone::clone)
}

/// Does something for a client: what is printed meanwhile, by this thread, goes there.
pub fn with<T>(client: Option<Arc<Client>>, act: impl FnOnce() -> T) -> T {
    struct Before(Option<Arc<Client>>);
    impl Drop for Before {
        fn drop(&mut self) {
            CLIENT.set(self.0.take());
        }
    }
    let _before = Before(CLIENT.replace(client));
    act()
}

/// Prints text, in colours where they are wanted. A reader that went away ends nothing.
pub fn print(stream: Stream, text: &str) {
    match client() {
        Some(client) => client.print(stream, text),
        None if super::background::take(stream, text) => {}
        None => print_here(stream, text),
    }
}

/// Prints text to this process's own streams, and waits for who reads it.
pub fn print_here(stream: Stream, text: &str) {
    let _ = match stream {
        Stream::Out => anstream::stdout().write_all(text.as_bytes()),
        Stream::Err => anstream::stderr().write_all(text.as_bytes()),
    };
}

/// Prints bytes as they are.
///
/// # Errors
/// What keeps them; [`io::ErrorKind::BrokenPipe`] if the reader went away.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    match client() {
        Some(client) => client.wire.write(Stream::Out, bytes),
        None => {
            let mut out = io::stdout();
            out.write_all(bytes)?;
            out.flush()
        }
    }
}

/// Whether there is a person who can be asked.
pub fn answers() -> bool {
    match client() {
        Some(client) => client.answers,
        None => io::stdin().is_terminal() && io::stderr().is_terminal(),
    }
}

/// Asks the person; none if there is no answer.
pub fn ask(question: &str) -> Option<String> {
    if let Some(client) = client() {
        return client.wire.ask(question);
    }
    ask_here(question)
}

/// Asks the person at this process's own terminal.
pub fn ask_here(question: &str) -> Option<String> {
    let _ = write!(anstream::stderr(), "{question}");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok().map(|_| answer)
}

/// Where bars are drawn: nowhere unless standard error is a terminal.
pub fn bars() -> ProgressDrawTarget {
    match client() {
        Some(client) if client.err.terminal => ProgressDrawTarget::term_like_with_hz(Box::new(Terminal(client)), DRAWN),
        None if io::stderr().is_terminal() => ProgressDrawTarget::stderr_with_hz(DRAWN),
        _ => ProgressDrawTarget::hidden(),
    }
}

/// The time zone of whoever reads.
pub fn zone() -> TimeZone {
    client().and_then(|client| client.zone.clone()).unwrap_or_else(TimeZone::system)
}

/// The terminal of a client.
struct Terminal(Arc<Client>);

impl Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    fn send(&self, text: &str) -> io::Result<()> {
        self.0.wire.write(Stream::Err, text.as_bytes())
    }

    fn by(&self, number: usize, letter: char) -> io::Result<()> {
        if number == 0 { Ok(()) } else { self.send(&format!("\x1b[{number}{letter}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.0.width.unwrap_or(WIDTH)
    }

    fn move_cursor_up(&self, number: usize) -> io::Result<()> {
        self.by(number, 'A')
    }

    fn move_cursor_down(&self, number: usize) -> io::Result<()> {
        self.by(number, 'B')
    }

    fn move_cursor_right(&self, number: usize) -> io::Result<()> {
        self.by(number, 'C')
    }

    fn move_cursor_left(&self, number: usize) -> io::Result<()> {
        self.by(number, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.send(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.send(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.send("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Paper(Mutex<Vec<(Stream, String)>>);

    impl Wire for Paper {
        fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().push((stream, String::from_utf8_lossy(bytes).into_owned()));
            Ok(())
        }

        fn ask(&self, _: &str) -> Option<String> {
            Some("y\n".into())
        }
    }

    #[test]
    fn what_is_printed_for_a_client_goes_there_and_what_comes_after_does_not() {
        let paper = Arc::new(Paper::default());
        let client = Arc::new(Client {
            actor: "me@there".into(),
            out: Screen { terminal: false, colors: false },
            err: Screen { terminal: true, colors: true },
            width: None,
            answers: true,
            zone: None,
            wire: paper.clone(),
        });
        with(Some(client), || {
            crate::show::line(crate::show::paint(crate::show::GOOD, "data"));
            crate::show::note(crate::show::paint(crate::show::GOOD, "note"));
            assert_eq!(ask("Really? ").as_deref(), Some("y\n"));
            // A thread prints for nobody else, unless it takes the client along.
            let taken = self::client();
            std::thread::spawn(move || {
                assert!(self::client().is_none());
                with(taken, || print(Stream::Out, "more\n"));
            })
            .join()
            .unwrap();
            with(None, || assert!(self::client().is_none()));
        });
        assert!(self::client().is_none());
        let printed = paper.0.lock().unwrap().clone();
        let printed: Vec<_> = printed.iter().map(|(stream, text)| (*stream, text.as_str())).collect();
        assert_eq!(
            printed,
            [(Stream::Out, "data\n"), (Stream::Err, "\u{1b}[32mnote\u{1b}[0m\n"), (Stream::Out, "more\n")]
        );
    }
}
