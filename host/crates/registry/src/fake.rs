//! A registry on a port of this machine that answers as a test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What is asked: `METHOD PATH`, and the body.
pub(crate) struct Asked {
    pub(crate) what: String,
    length: usize,
    body: BufReader<TcpStream>,
}

impl Asked {
    /// Reads on; the whole body comes in pieces of at most so many bytes.
    pub(crate) fn pieces(&mut self, most: usize, mut each: impl FnMut(&[u8])) {
        while self.length > 0 {
            let mut piece = vec![0; most.min(self.length)];
            self.body.read_exact(&mut piece).unwrap();
            self.length -= piece.len();
            each(&piece);
        }
    }

    /// Waits until whoever asks is gone.
    pub(crate) fn wait(&mut self) {
        let _ = self.body.read_to_end(&mut Vec::new());
    }

    pub(crate) fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        self.pieces(usize::MAX, |piece| body.extend_from_slice(piece));
        body
    }
}

/// Starts one and returns its name.
pub(crate) fn registry(answer: impl Fn(&mut Asked, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("localhost:{}", listener.local_addr().unwrap().port());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || serve(stream, answer.as_ref()));
        }
    });
    name
}

/// One request of one connection.
fn serve(mut stream: TcpStream, answer: &dyn Fn(&mut Asked, &mut TcpStream)) {
    let mut body = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    for line in body.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        head.push(line);
    }
    let Some(first) = head.first() else { return };
    let what = first.rsplit_once(' ').unwrap().0.to_owned();
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    answer(&mut Asked { what, length: length.unwrap_or(0), body }, &mut stream);
}

/// A whole answer.
pub(crate) fn whole(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    // Whoever asked may be gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
