//! What goes over the socket: frames of a letter, a length (four bytes, the largest first) and so many
//! bytes, which are data as it is or JSON.
//!
//! The owner says `H` (who it is) to everybody. The client answers `R` (the verb), and may say `C` (stop
//! it). The owner says `O` and `E` (what the verb prints), `Q` (a question, answered by `A`), and in the
//! end `X` (the exit code); or `N`, if it ends and has not begun with it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use bytes::{Buf as _, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::show::console::Screen;

/// The version of all this.
pub(super) const PROTOCOL: u32 = 2;
/// The longest frame. Longer data is sent in several.
pub(super) const LONGEST: usize = 1024 * 1024;
/// The letter and the length.
const HEAD: usize = 5;
/// So much is read at once.
const READ: usize = 64 * 1024;

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// Who owns the directory.
    Hello(Hello),
    /// The verb that is wanted.
    Request(Box<Request>),
    /// For standard output.
    Out(Bytes),
    /// For standard error.
    Err(Bytes),
    /// A question to the person.
    Ask(String),
    /// The answer; none if there is none.
    Answer(Option<String>),
    /// The verb is to stop.
    Cancel,
    /// The verb has ended, with this exit code.
    Exit(u8),
    /// The owner ends. Nothing of the verb was done.
    NotBegun,
}

/// Who owns the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub protocol: u32,
    pub version: String,
    pub pid: u32,
}

/// A verb, and who wants it from where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    pub protocol: u32,
    pub version: String,
    /// What follows the program's name.
    pub arguments: Vec<Raw>,
    pub directory: Raw,
    pub actor: String,
    pub out: Screen,
    pub err: Screen,
    pub width: Option<u16>,
    /// Whether there is a person to ask.
    pub answers: bool,
    /// The caller's time zone, as a value of `TZ`; none if it has no name.
    pub zone: Option<String>,
}

/// A text of the operating system's, which need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Raw {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&OsStr> for Raw {
    fn from(text: &OsStr) -> Self {
        text.to_str().map_or_else(|| Self::Bytes(text.as_bytes().to_vec()), |text| Self::Text(text.to_owned()))
    }
}

impl From<Raw> for OsString {
    fn from(raw: Raw) -> Self {
        match raw {
            Raw::Text(text) => text.into(),
            Raw::Bytes(bytes) => Self::from_vec(bytes),
        }
    }
}

/// Why there is no next frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("a frame that nobody knows: {0}")]
    Unknown(String),
    #[error("it was cut off within a frame")]
    CutOff,
}

impl FrameError {
    /// Whether only the time was over: what came until then is kept.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

impl Frame {
    /// The frame as bytes.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        match self {
            Self::Hello(hello) => with_head(b'H', &json(hello)?),
            Self::Request(request) => with_head(b'R', &json(request)?),
            Self::Out(data) => with_head(b'O', data),
            Self::Err(data) => with_head(b'E', data),
            Self::Ask(question) => with_head(b'Q', &json(question)?),
            Self::Answer(answer) => with_head(b'A', &json(answer)?),
            Self::Cancel => with_head(b'C', &[]),
            Self::Exit(code) => with_head(b'X', &json(code)?),
            Self::NotBegun => with_head(b'N', &[]),
        }
    }

    fn decode(letter: u8, body: Bytes) -> Result<Self, FrameError> {
        Ok(match letter {
            b'H' => Self::Hello(parse(&body)?),
            b'R' => Self::Request(parse(&body)?),
            b'O' => Self::Out(body),
            b'E' => Self::Err(body),
            b'Q' => Self::Ask(parse(&body)?),
            b'A' => Self::Answer(parse(&body)?),
            b'C' => Self::Cancel,
            b'X' => Self::Exit(parse(&body)?),
            b'N' => Self::NotBegun,
            other => return Err(FrameError::Unknown(format!("`{}`", other.escape_ascii()))),
        })
    }
}

fn with_head(letter: u8, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST);
    let length = length.ok_or(FrameError::TooLong(body.len()))?;
    let mut frame = Vec::with_capacity(HEAD + body.len());
    frame.push(letter);
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    Ok(frame)
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    serde_json::to_vec(value).map_err(|error| FrameError::Unknown(error.to_string()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(body).map_err(|error| FrameError::Unknown(error.to_string()))
}

/// Frames that are read from somewhere.
pub(super) struct Frames<R> {
    from: R,
    read: BytesMut,
}

impl<R: Read> Frames<R> {
    pub fn new(from: R) -> Self {
        Self { from, read: BytesMut::new() }
    }

    /// The next frame; none at the end.
    ///
    /// # Errors
    /// What is no frame. After a time-out it can be called again.
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = self.whole()? {
                return Ok(Some(frame));
            }
            let mut chunk = [0; READ];
            match self.from.read(&mut chunk) {
                Ok(0) if self.read.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::CutOff),
                Ok(length) => self.read.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The first frame of what was read, if it is there as a whole.
    fn whole(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((&letter, rest)) = self.read.split_first() else { return Ok(None) };
        let Some((length, _)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST {
            return Err(FrameError::TooLong(length));
        }
        if self.read.len() < HEAD + length {
            return Ok(None);
        }
        self.read.advance(HEAD);
        Frame::decode(letter, self.read.split_to(length).freeze()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            protocol: PROTOCOL,
            version: "1".into(),
            arguments: vec![Raw::from(OsStr::new("status")), Raw::from(OsStr::from_bytes(b"\xff\xfe"))],
            directory: Raw::from(OsStr::new("/")),
            actor: "me@here".into(),
            out: Screen { terminal: true, colors: false },
            err: Screen { terminal: false, colors: true },
            width: Some(80),
            answers: true,
            zone: None,
        }
    }

    fn all() -> Vec<Frame> {
        vec![
            Frame::Hello(Hello { protocol: PROTOCOL, version: "1".into(), pid: 7 }),
            Frame::Request(Box::new(request())),
            Frame::Out(Bytes::from_static(b"\x00\xff data")),
            Frame::Err(Bytes::new()),
            Frame::Ask("Really?".into()),
            Frame::Answer(None),
            Frame::Cancel,
            Frame::Exit(130),
        ]
    }

    /// Gives a byte at a time, and a time-out before each.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (into[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn frames_arrive_as_they_were_sent_however_slowly() {
        let bytes: Vec<u8> = all().iter().flat_map(|frame| frame.encode().unwrap()).collect();
        let mut frames = Frames::new(Slow(&bytes, false));
        let mut arrived = Vec::new();
        loop {
            match frames.next() {
                Ok(Some(frame)) => arrived.push(frame),
                Ok(None) => break,
                Err(error) => assert!(error.is_timeout(), "{error}"),
            }
        }
        assert_eq!(arrived, all());
        let Frame::Request(request) = &arrived[1] else { panic!("{arrived:?}") };
        assert_eq!(OsString::from(request.arguments[1].clone()), OsStr::from_bytes(b"\xff\xfe"));
    }

    #[test]
    fn what_is_cut_off_anywhere_is_no_frame() {
        for frame in all() {
            let bytes = frame.encode().unwrap();
            for end in 1..bytes.len() {
                let error = Frames::new(&bytes[..end]).next().unwrap_err();
                assert!(matches!(error, FrameError::CutOff), "{frame:?} to {end}: {error}");
            }
        }
        assert!(Frames::new(&[][..]).next().unwrap().is_none());
    }

    #[test]
    fn a_length_that_lies_takes_no_memory_and_garbage_is_told() {
        let error = |bytes: &[u8]| Frames::new(bytes).next().unwrap_err();
        assert!(matches!(error(b"O\xff\xff\xff\xffx"), FrameError::TooLong(0xffff_ffff)));
        assert!(matches!(error(b"O\x00\x10\x00\x01"), FrameError::TooLong(_)));
        for garbage in [
            &b"Z\x00\x00\x00\x00"[..],
            b"H\x00\x00\x00\x02{}",
            b"X\x00\x00\x00\x03300",
            b"R\x00\x00\x00\x04\xff\xff\xff\xff",
        ] {
            assert!(matches!(error(garbage), FrameError::Unknown(_)), "{garbage:?}");
        }
        // A client of HTTP that came to the wrong door.
        assert!(matches!(error(b"GET / HTTP/1.1\r\n"), FrameError::TooLong(_)));
        assert!(Frame::Out(Bytes::from(vec![0; LONGEST + 1])).encode().is_err());
    }
}
