//! As much of HTTP/1.1 over TLS as asking the server, and standing in front of it, take.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// A connection to the server.
pub type Upstream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Heads larger than this are nobody's.
const MAX_HEAD: usize = 1 << 20;

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, however long.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What trusts this server and no other.
pub fn trusting(certificates: &Path) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificates).map_err(Error::other)? {
        roots.add(certificate.map_err(Error::other)?).map_err(Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(Error::other)?.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

/// Opens a connection to the server.
pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Upstream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let session = ClientConnection::new(config.clone(), address.ip().into()).map_err(Error::other)?;
    Ok(BufReader::with_capacity(64 << 10, StreamOwned::new(session, stream)))
}

/// Asks once.
pub fn ask(mut to: Upstream, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let stream = to.get_mut();
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    let head = Head::read(&mut to)?.ok_or(ErrorKind::UnexpectedEof)?;
    let mut answer = Answer { status: head.status()?, body: Vec::new() };
    copy(&mut to, head.framing_of_answer(method)?, |piece| {
        answer.body.extend_from_slice(piece.data);
        Ok(())
    })?;
    Ok(answer)
}

/// The first line and the headers of a request or an answer.
pub struct Head {
    /// All of it, the empty line included.
    pub raw: Vec<u8>,
    text: String,
}

impl Head {
    /// Reads one; none where the other side has closed instead.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut raw = Vec::new();
        loop {
            let start = raw.len();
            from.take((MAX_HEAD - start) as u64).read_until(b'\n', &mut raw)?;
            match &raw[start..] {
                [] if start == 0 => return Ok(None),
                b"\r\n" => break,
                line if line.ends_with(b"\n") => {}
                _ => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        let text = String::from_utf8_lossy(&raw).into_owned();
        Ok(Some(Self { raw, text }))
    }

    /// A word of the first line.
    pub fn word(&self, at: usize) -> &str {
        self.text.split([' ', '\r']).nth(at).unwrap_or_default()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.text.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether the connection ends with this message.
    pub fn closes(&self) -> bool {
        self.header("Connection").is_some_and(|word| word.eq_ignore_ascii_case("close"))
    }

    /// The status of an answer.
    pub fn status(&self) -> io::Result<u16> {
        self.word(1).parse().map_err(Error::other)
    }

    /// How long the body of this request is.
    pub fn framing(&self) -> io::Result<Framing> {
        if self.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked);
        }
        self.header("Content-Length")
            .map_or(Ok(Framing::Length(0)), |length| length.parse().map(Framing::Length).map_err(Error::other))
    }

    /// How long the body of this answer is.
    pub fn framing_of_answer(&self, method: &str) -> io::Result<Framing> {
        match self.status()? {
            _ if method == "HEAD" => Ok(Framing::Length(0)),
            204 | 304 => Ok(Framing::Length(0)),
            _ if self.header("Transfer-Encoding").is_none() && self.header("Content-Length").is_none() => {
                Ok(Framing::ToTheEnd)
            }
            _ => self.framing(),
        }
    }
}

/// How the end of a body is found.
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// Where a chunk is empty.
    Chunked,
    /// Where the connection ends.
    ToTheEnd,
}

/// A part of a body.
pub struct Piece<'b> {
    /// Its bytes on the wire.
    pub raw: &'b [u8],
    /// What they mean; empty where they only tell lengths.
    pub data: &'b [u8],
    /// Whether the next piece is here already.
    pub more: bool,
}

/// Hands on a body as it comes.
pub fn copy<R: Read, F>(from: &mut BufReader<R>, framing: Framing, mut sink: F) -> io::Result<()>
where
    F: FnMut(Piece<'_>) -> io::Result<()>,
{
    match framing {
        Framing::Length(length) => copy_bytes(from, length, &mut sink),
        Framing::ToTheEnd => copy_bytes(from, u64::MAX, &mut sink),
        Framing::Chunked => {
            while copy_chunk(from, &mut sink)? > 0 {}
            Ok(())
        }
    }
}

/// Hands on a chunk, and returns its length.
fn copy_chunk<R: Read, F>(from: &mut BufReader<R>, sink: &mut F) -> io::Result<u64>
where
    F: FnMut(Piece<'_>) -> io::Result<()>,
{
    let mut line = Vec::new();
    from.take(MAX_HEAD as u64).read_until(b'\n', &mut line)?;
    let digits = String::from_utf8_lossy(&line);
    let digits = digits.split(['\r', ';']).next().unwrap_or_default();
    let length = u64::from_str_radix(digits, 16).map_err(|_| Error::from(ErrorKind::UnexpectedEof))?;
    sink(Piece { raw: &line, data: b"", more: !from.buffer().is_empty() })?;
    copy_bytes(from, length, sink)?;
    copy_bytes(from, 2, &mut |piece: Piece<'_>| sink(Piece { data: b"", ..piece }))?;
    Ok(length)
}

fn copy_bytes<R: Read, F>(from: &mut BufReader<R>, length: u64, sink: &mut F) -> io::Result<()>
where
    F: FnMut(Piece<'_>) -> io::Result<()>,
{
    let mut left = length;
    while left > 0 {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return if length == u64::MAX { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        sink(Piece { raw: &bytes[..taken], data: &bytes[..taken], more: taken < bytes.len() })?;
        from.consume(taken);
        left -= taken as u64;
    }
    Ok(())
}
