//! A verb that another process executes.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use jiff::tz::TimeZone;
use springline_model::Cancel;

use super::connect;
use super::frame::{Frame, FrameError, Frames, Hello, PROTOCOL, Raw, Request};
use crate::app::own_actor;
use crate::cli::error::{CliError, Kind};
use crate::show::console::{self, Screen};

/// How long an owner may take to say who it is.
const HELLO: Duration = Duration::from_secs(10);
/// How long a request to stop may go unnoticed.
const NOTICE: Duration = Duration::from_millis(50);

/// An owner that answers.
pub struct Connection {
    state: PathBuf,
    owner: Hello,
    stream: UnixStream,
    frames: Frames<UnixStream>,
}

/// The owner of a state directory, if there is one that answers at its socket.
///
/// # Errors
/// One that does not, or that is of another version.
pub fn reach(state: &Path) -> Result<Option<Connection>, CliError> {
    let Ok(stream) = connect(state) else { return Ok(None) };
    let failed = |error: io::Error| broken(state, &error.to_string());
    stream.set_read_timeout(Some(HELLO)).map_err(failed)?;
    let mut frames = Frames::new(stream.try_clone().map_err(failed)?);
    match frames.next() {
        Ok(Some(Frame::Hello(owner))) => {
            same_version(state, &owner)?;
            Ok(Some(Connection { state: state.to_owned(), owner, stream, frames }))
        }
        // It was about to end.
        Ok(None) => Ok(None),
        Err(FrameError::Io(error)) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
        Err(error) if error.is_timeout() => {
            let message = format!("the process that owns {} does not answer", state.display());
            Err(CliError::new(Kind::Busy, message).hint("if it hangs, end it: what it has recorded stays"))
        }
        Ok(Some(_)) => Err(broken(state, "it does not say who it is")),
        Err(error) => Err(broken(state, &error.to_string())),
    }
}

fn same_version(state: &Path, owner: &Hello) -> Result<(), CliError> {
    let own = env!("CARGO_PKG_VERSION");
    if owner.version == own && owner.protocol == PROTOCOL {
        return Ok(());
    }
    let Hello { version, pid, protocol } = owner;
    let state = state.display();
    let message = match version == own {
        true => format!(
            "the state in {state} is in use by another build of Springline {own} (pid {pid}), which speaks version \
             {protocol} of the protocol, and this one {PROTOCOL}"
        ),
        false => format!("the state in {state} is in use by Springline {version} (pid {pid}), and this is {own}"),
    };
    Err(CliError::new(Kind::Busy, message).hint("use the same one, or start it again with this one"))
}

fn broken(state: &Path, why: &str) -> CliError {
    CliError::new(Kind::State, format!("what answers at the socket in {} can't be understood: {why}", state.display()))
        .hint("if no Springline runs there, remove `springline.sock`")
}

impl Connection {
    /// Has a verb executed, whose output comes here. Returns its exit code; none if the owner ends and has not
    /// begun with it.
    ///
    /// # Errors
    /// The owner ends before the verb does.
    pub fn execute(mut self, cancel: &Cancel) -> Result<Option<u8>, CliError> {
        let request = request().map_err(|error| CliError::new(Kind::State, format!("this directory: {error}")))?;
        let request = Frame::Request(Box::new(request)).encode().map_err(|error| {
            CliError::new(
                Kind::Usage,
                format!("so many arguments can't be sent to the process that owns the state: {error}"),
            )
        })?;
        // If it can't be sent, what comes back says why.
        let _ = self.stream.write_all(&request);
        self.stream.set_read_timeout(Some(NOTICE)).map_err(|_| self.ended())?;
        let mut asked = false;
        let mut printed = Ok(());
        loop {
            if cancel.is_cancelled() && !asked {
                asked = true;
                self.send(&Frame::Cancel)?;
            }
            match self.frames.next() {
                Ok(Some(Frame::Out(data))) => printed = printed.and(put(io::stdout(), &data)),
                Ok(Some(Frame::Err(data))) => drop(put(io::stderr(), &data)),
                Ok(Some(Frame::Ask(question))) => self.send(&Frame::Answer(console::ask_here(&question)))?,
                Ok(Some(Frame::Exit(code))) => return code_of(code, printed),
                Ok(Some(Frame::NotBegun)) => return Ok(None),
                Err(error) if error.is_timeout() => {}
                Ok(Some(_)) | Err(FrameError::Unknown(_) | FrameError::TooLong(_)) => {
                    return Err(broken(&self.state, "it says what it should not"));
                }
                Ok(None) | Err(FrameError::Io(_) | FrameError::CutOff) => return Err(self.ended()),
            }
        }
    }

    fn send(&mut self, frame: &Frame) -> Result<(), CliError> {
        let bytes = frame.encode().map_err(|error| broken(&self.state, &error.to_string()))?;
        self.stream.write_all(&bytes).map_err(|_| self.ended())
    }

    fn ended(&self) -> CliError {
        let Hello { pid, .. } = self.owner;
        let message = format!("the process that owns {} (pid {pid}) ended before this verb did", self.state.display());
        CliError::new(Kind::State, message).hint("what was done until then is recorded: run it again to go on")
    }
}

/// Prints what a verb prints. A reader that went away ends nothing.
fn put(mut stream: impl io::Write, data: &[u8]) -> io::Result<()> {
    match stream.write_all(data).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// The exit code of a verb: none says that all is well where not all of its output was printed.
fn code_of(code: u8, printed: io::Result<()>) -> Result<Option<u8>, CliError> {
    match printed {
        Err(error) if code == 0 => Err(CliError::new(
            Kind::State.unless_full(&error),
            format!("the verb came to its end, but what it prints can't be written: {error}"),
        )),
        _ => Ok(Some(code)),
    }
}

/// The time zone of this process: what `TZ` says, or else the name of the system's.
fn zone() -> Option<String> {
    let system = || TimeZone::system().iana_name().map(str::to_owned);
    std::env::var("TZ").ok().or_else(system)
}

/// The verb that this process was called with.
fn request() -> io::Result<Request> {
    let (out, err) = (io::stdout(), io::stderr());
    Ok(Request {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        arguments: std::env::args_os().skip(1).map(|argument| Raw::from(argument.as_os_str())).collect(),
        directory: Raw::from(std::env::current_dir()?.as_os_str()),
        actor: own_actor(),
        out: Screen { terminal: out.is_terminal(), colors: AutoStream::choice(&out) != ColorChoice::Never },
        err: Screen { terminal: err.is_terminal(), colors: AutoStream::choice(&err) != ColorChoice::Never },
        width: rustix::termios::tcgetwinsize(&err).ok().map(|size| size.ws_col).filter(|width| *width > 0),
        answers: console::answers(),
        zone: zone(),
    })
}
