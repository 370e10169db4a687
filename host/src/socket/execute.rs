//! One client of the owner, and the verb that it wants.

use std::ffi::OsString;
use std::io;
use std::iter::once;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser as _;
use jiff::tz::TimeZone;
use springline_model::Cancel;

use super::frame::{Frame, FrameError, Frames, Hello, LONGEST, PROTOCOL, Request};
use super::outbox::Outbox;
use crate::app::Owner;
use crate::cli::error::{CliError, Kind};
use crate::cli::{self, Cli, Output};
use crate::show;
use crate::show::console::{self, Client, Stream, Wire};
use crate::turns::Turns;

/// How long a client may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(10);

/// Serves one client until its verb has ended. `begin` says whether a verb may still begin.
pub(super) fn client(
    owner: &Arc<Owner>,
    stream: &UnixStream,
    cancel: &Cancel,
    begin: impl Fn() -> bool,
) -> io::Result<()> {
    let outbox = Arc::<Outbox>::default();
    let writer = stream.try_clone()?;
    let reader = stream.try_clone()?;
    stream.set_read_timeout(Some(REQUEST))?;
    thread::scope(|scope| {
        scope.spawn(|| {
            outbox.drain(&writer);
            outbox.break_off();
        });
        let served = serve(owner, (stream, reader), &outbox, (cancel, &begin));
        outbox.close();
        served
    })?;
    stream.shutdown(std::net::Shutdown::Both)
}

fn serve(
    owner: &Arc<Owner>,
    (stream, reader): (&UnixStream, UnixStream),
    outbox: &Arc<Outbox>,
    (cancel, begin): (&Cancel, &dyn Fn() -> bool),
) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let hello = Hello { protocol: PROTOCOL, version: version.clone(), pid: std::process::id() };
    send(outbox, &Frame::Hello(hello))?;
    let mut frames = Frames::new(reader);
    let said = frames.next();
    if !begin() {
        return send(outbox, &Frame::NotBegun);
    }
    let request = match said {
        Ok(Some(Frame::Request(request))) => request,
        // One that only looked whether somebody is there, or that came to the wrong door.
        Ok(_) | Err(_) => return Ok(()),
    };
    if (request.protocol, &request.version) != (PROTOCOL, &version) {
        // One that does not look at what it was told.
        let words = format!("error: this is Springline {version}, and {} asks\n", request.version.escape_debug());
        send(outbox, &Frame::Err(words.into()))?;
        return send(outbox, &Frame::Exit(Kind::Busy.code()));
    }
    stream.set_read_timeout(None)?;
    let (sender, answers) = channel();
    let turns = Arc::clone(&owner.turns);
    let wire = Arc::new(Remote { outbox: Arc::clone(outbox), answers: Mutex::new(answers), turns });
    let listening = {
        let (cancel, outbox) = (cancel.clone(), Arc::clone(outbox));
        thread::Builder::new()
            .name("springline-client".into())
            .spawn(move || listen(frames, &cancel, &outbox, &sender))?
    };
    let code = execute(owner, *request, wire, cancel);
    send(outbox, &Frame::Exit(code))?;
    drop(listening);
    Ok(())
}

/// Hears what the client says until it is gone.
fn listen(mut frames: Frames<UnixStream>, cancel: &Cancel, outbox: &Outbox, answers: &Sender<Option<String>>) {
    loop {
        match frames.next() {
            Ok(Some(Frame::Cancel)) => cancel.cancel(),
            Ok(Some(Frame::Answer(answer))) => drop(answers.send(answer)),
            Err(error) if error.is_timeout() => {}
            // It is gone, or might as well be.
            Ok(_) | Err(FrameError::Io(_) | FrameError::CutOff | FrameError::TooLong(_) | FrameError::Unknown(_)) => {
                cancel.cancel();
                outbox.break_off();
                return;
            }
        }
    }
}

fn send(outbox: &Outbox, frame: &Frame) -> io::Result<()> {
    outbox.add(&frame.encode().map_err(io::Error::other)?)
}

/// What leads to a client.
struct Remote {
    outbox: Arc<Outbox>,
    answers: Mutex<Receiver<Option<String>>>,
    turns: Arc<Turns>,
}

impl Wire for Remote {
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(LONGEST) {
            let piece = Bytes::copy_from_slice(piece);
            let frame = match stream {
                Stream::Out => Frame::Out(piece),
                Stream::Err => Frame::Err(piece),
            };
            send(&self.outbox, &frame)?;
        }
        Ok(())
    }

    fn ask(&self, question: &str) -> Option<String> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        send(&self.outbox, &Frame::Ask(question.to_owned())).ok()?;
        self.turns.while_asking(|| answers.recv().ok().flatten())
    }
}

/// Executes a verb for a client; returns its exit code.
fn execute(owner: &Arc<Owner>, request: Request, wire: Arc<Remote>, cancel: &Cancel) -> u8 {
    let client = Client {
        actor: request.actor,
        out: request.out,
        err: request.err,
        width: request.width,
        answers: request.answers,
        zone: request.zone.filter(|zone| std::env::var("TZ").ok().as_ref() != Some(zone)).and_then(zone),
        wire,
    };
    let arguments: Vec<OsString> = request.arguments.into_iter().map(OsString::from).collect();
    let directory = PathBuf::from(OsString::from(request.directory));
    console::with(Some(Arc::new(client)), || {
        let mut cli = match Cli::try_parse_from(once(OsString::from("springline")).chain(arguments)) {
            Ok(cli) => cli,
            Err(error) => {
                show::note(error.render().ansi());
                return Kind::Usage.code();
            }
        };
        let as_json = cli.common.output == Output::Json;
        cli.common.called_from(&directory);
        cli.common.session.owner = Some(Arc::clone(owner));
        let ended = match cli.verb.is_local() {
            true => Err(CliError::new(Kind::Usage, "this verb is not executed by another process")),
            false => catch_unwind(AssertUnwindSafe(|| beside_others(owner, &cli, cancel))).unwrap_or_else(|_| {
                let message = "the process that owns the state failed in this verb, which is a bug";
                Err(CliError::new(Kind::State, message).hint("what it says about it is on its standard error"))
            }),
        };
        match ended {
            Ok(code) => number(code),
            Err(error) => {
                show::error(&error, as_json);
                error.kind.code()
            }
        }
    })
}

/// Runs a verb in a process that does other things as well.
fn beside_others(owner: &Owner, cli: &Cli, cancel: &Cancel) -> Result<ExitCode, CliError> {
    let _held_off = if cli.verb.writes_blobs() { Some(owner.turns.hold_off(cancel)?) } else { None };
    cli::run(cli, cancel)
}

/// The number of an exit code, which the standard library only lets us compare.
fn number(code: ExitCode) -> u8 {
    (0..=u8::MAX).find(|number| ExitCode::from(*number) == code).unwrap_or(u8::MAX)
}

/// The time zone that a value of `TZ` means.
fn zone(name: String) -> Option<TimeZone> {
    let name = name.strip_prefix(':').unwrap_or(&name);
    match name {
        "" => Some(TimeZone::UTC),
        name => TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_has_its_number() {
        assert_eq!(number(ExitCode::SUCCESS), 0);
        for code in 0..=u8::MAX {
            assert_eq!(number(ExitCode::from(code)), code);
        }
    }

    #[test]
    fn a_client_is_asked_can_stop_its_verb_and_ends_it_when_it_goes() {
        let (here, there) = UnixStream::pair().unwrap();
        let (cancel, outbox, (sender, answers)) = (Cancel::new(), Arc::<Outbox>::default(), channel());
        let wire = Remote { outbox: Arc::clone(&outbox), answers: Mutex::new(answers), turns: Arc::default() };
        thread::scope(|scope| {
            let frames = Frames::new(here.try_clone().unwrap());
            scope.spawn(|| outbox.drain(&here));
            let listening = scope.spawn(|| listen(frames, &cancel, &outbox, &sender));
            let client = scope.spawn(|| {
                let mut said = Frames::new(there.try_clone().unwrap());
                let say = |frame: Frame| std::io::Write::write_all(&mut &there, &frame.encode().unwrap()).unwrap();
                assert_eq!(said.next().unwrap(), Some(Frame::Ask("Really? ".into())));
                say(Frame::Answer(Some("y\n".into())));
                let mut data = 0;
                while data < 2 * LONGEST + 1 {
                    let Some(Frame::Out(piece)) = said.next().unwrap() else { panic!("no data") };
                    data += piece.len();
                }
                say(Frame::Cancel);
                while !cancel.is_cancelled() {
                    thread::yield_now();
                }
                // It goes while it is asked.
                assert_eq!(said.next().unwrap(), Some(Frame::Ask("And now? ".into())));
                there.shutdown(std::net::Shutdown::Both).unwrap();
            });
            assert_eq!(wire.ask("Really? ").as_deref(), Some("y\n"));
            wire.write(Stream::Out, &vec![b'x'; 2 * LONGEST + 1]).unwrap();
            client_asked(&cancel);
            send(&outbox, &Frame::Ask("And now? ".into())).unwrap();
            client.join().unwrap();
            listening.join().unwrap();
            assert_eq!(wire.write(Stream::Err, b"more").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        });
        drop(sender);
        assert_eq!(wire.ask("Anybody? "), None);
    }

    fn client_asked(cancel: &Cancel) {
        while !cancel.is_cancelled() {
            thread::yield_now();
        }
    }

    #[test]
    fn zones_are_known_by_name_and_by_rule() {
        for name in ["", "UTC", ":UTC", "CET-1CEST,M3.5.0,M10.5.0/3"] {
            assert!(zone(name.into()).is_some(), "{name}");
        }
        assert!(zone("no/such/zone".into()).is_none());
    }
}
