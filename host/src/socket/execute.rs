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
use crate::show::console::{self, Client, Screen, Stream, Wire};

/// How long a client may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(10);

/// Serves one client until its verb has ended.
pub(super) fn client(owner: &Arc<Owner>, stream: &UnixStream, cancel: &Cancel) -> io::Result<()> {
    let outbox = Arc::<Outbox>::default();
    let writer = stream.try_clone()?;
    let reader = stream.try_clone()?;
    stream.set_read_timeout(Some(REQUEST))?;
    thread::scope(|scope| {
        scope.spawn(|| {
            outbox.drain(&writer);
            outbox.break_off();
        });
        let served = serve(owner, (stream, reader), &outbox, cancel);
        outbox.close();
        served
    })?;
    stream.shutdown(std::net::Shutdown::Both)
}

fn serve(
    owner: &Arc<Owner>,
    (stream, reader): (&UnixStream, UnixStream),
    outbox: &Arc<Outbox>,
    cancel: &Cancel,
) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    send(outbox, &Frame::Hello(Hello { protocol: PROTOCOL, version, pid: std::process::id() }))?;
    let mut frames = Frames::new(reader);
    let request = match frames.next() {
        Ok(Some(Frame::Request(request))) => request,
        // One that only looked whether somebody is there, or that came to the wrong door.
        Ok(_) | Err(_) => return Ok(()),
    };
    stream.set_read_timeout(None)?;
    let (sender, answers) = channel();
    let wire = Arc::new(Remote { outbox: Arc::clone(outbox), answers: Mutex::new(answers) });
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
        answers.recv().ok().flatten()
    }
}

/// Executes a verb for a client; returns its exit code.
fn execute(owner: &Arc<Owner>, request: Request, wire: Arc<Remote>, cancel: &Cancel) -> u8 {
    let screen = |screen: super::frame::Screen| Screen { terminal: screen.terminal, colors: screen.colors };
    let client = Client {
        actor: request.actor,
        out: screen(request.out),
        err: screen(request.err),
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
            false => catch_unwind(AssertUnwindSafe(|| cli::run(cli, cancel))).unwrap_or_else(|_| {
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
    fn zones_are_known_by_name_and_by_rule() {
        for name in ["", "UTC", ":UTC", "CET-1CEST,M3.5.0,M10.5.0/3"] {
            assert!(zone(name.into()).is_some(), "{name}");
        }
        assert!(zone("no/such/zone".into()).is_none());
    }
}
