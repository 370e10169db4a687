//! One client's connection: its requests are handed on one after the other, and their answers back.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::thread;

use rustls::{ServerConnection, StreamOwned};

use super::{Fault, Request, Shared};
use crate::http::{Head, Upstream, connect, copy};

type Client = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// Serves a client until one of both sides has enough, or something is to go wrong.
pub fn serve(stream: TcpStream, id: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let session = ServerConnection::new(shared.identity.clone()).map_err(io::Error::other)?;
    let mut client: Client = BufReader::with_capacity(64 << 10, StreamOwned::new(session, stream));
    let mut upstream = None;
    while let Some((head, body)) = read(&mut client)? {
        let (at, fault) = shared.asked(id, &head);
        match &fault {
            Some(Fault::Drop) => return Ok(()),
            Some(Fault::Delay(time)) => thread::sleep(*time),
            Some(Fault::Hold) => shared.hold(),
            _ => {}
        }
        if let Some((status, answer)) = fault.as_ref().and_then(Fault::answer) {
            shared.answered(at, status);
            client.get_mut().write_all(&answer)?;
            client.get_mut().flush()?;
            continue;
        }
        let upstream = match &mut upstream {
            Some(upstream) => upstream,
            none => none.insert(shared.connect(id)?),
        };
        let answer = ask(upstream, &head, &body)?;
        let events = match fault {
            Some(Fault::LoseAnswer) => return Ok(()),
            Some(Fault::BreakAfter(events)) => Some(events),
            _ => None,
        };
        shared.answered(at, answer.status()?);
        if let Some(Fault::Silence) = fault {
            client.get_mut().write_all(&answer.raw)?;
            client.get_mut().flush()?;
            shared.hold();
            return Ok(());
        }
        hand_back(upstream, &mut client, &answer, head.word(0), events)?;
        shared.idle(id);
        if head.closes() || answer.closes() {
            return Ok(());
        }
    }
    Ok(())
}

/// A request, its body as it is on the wire; none where the client has gone.
fn read(client: &mut Client) -> io::Result<Option<(Head, Vec<u8>)>> {
    let Some(head) = Head::read(client)? else { return Ok(None) };
    let mut body = Vec::new();
    copy(client, head.framing()?, |piece| {
        body.extend_from_slice(piece.raw);
        Ok(())
    })?;
    Ok(Some((head, body)))
}

/// Hands on a request and reads how the answer begins.
fn ask(upstream: &mut Upstream, head: &Head, body: &[u8]) -> io::Result<Head> {
    let stream = upstream.get_mut();
    stream.write_all(&head.raw)?;
    stream.write_all(body)?;
    stream.flush()?;
    Ok(Head::read(upstream)?.ok_or(ErrorKind::UnexpectedEof)?)
}

/// Hands back an answer as it comes; where only so many events may pass, it breaks after the last.
fn hand_back(
    from: &mut Upstream,
    to: &mut Client,
    answer: &Head,
    method: &str,
    mut events: Option<usize>,
) -> io::Result<()> {
    let mut pending = answer.raw.clone();
    let mut deliver = |pending: &mut Vec<u8>| {
        to.get_mut().write_all(pending)?;
        pending.clear();
        to.get_mut().flush()
    };
    if from.buffer().is_empty() {
        // A watch may have nothing to tell for long.
        deliver(&mut pending)?;
    }
    copy(from, answer.framing_of_answer(method)?, |piece| {
        if let Some(end) = events.as_mut().and_then(|left| last_event(piece.data, left)) {
            pending.extend_from_slice(&piece.raw[..end]);
            deliver(&mut pending)?;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        pending.extend_from_slice(piece.raw);
        if piece.more { Ok(()) } else { deliver(&mut pending) }
    })?;
    deliver(&mut pending)
}

/// Where the last event ends that may pass, if it ends in these bytes; else what is left is counted.
fn last_event(data: &[u8], left: &mut usize) -> Option<usize> {
    let ends: Vec<usize> = (1..=data.len()).filter(|end| data[end - 1] == b'\n').collect();
    let last = if *left == 0 { Some(0) } else { ends.get(*left - 1).copied() };
    *left = left.saturating_sub(ends.len());
    last.filter(|_| !data.is_empty())
}

impl Shared {
    /// Writes down what was asked, and finds what is to go wrong with it.
    fn asked(&self, id: usize, head: &Head) -> (usize, Option<Fault>) {
        let mut request = Request::new(head.word(0), head.word(1), head.header("Content-Type").unwrap_or_default());
        let mut state = self.lock();
        let rule = state.rules.iter_mut().find(|rule| rule.left > 0 && request.is(&rule.method, &rule.path));
        let fault = rule.map(|rule| {
            rule.left -= 1;
            rule.fault.clone()
        });
        request.failed = fault.is_some();
        if let Some(connection) = state.connection(id) {
            connection.watches = request.method == "WATCH";
        }
        state.requests.push(request);
        self.changed.notify_all();
        (state.requests.len() - 1, fault)
    }

    fn answered(&self, at: usize, status: u16) {
        self.lock().requests[at].status = Some(status);
    }

    fn idle(&self, id: usize) {
        if let Some(connection) = self.lock().connection(id) {
            connection.watches = false;
        }
    }

    /// Waits until the proxy is healed.
    fn hold(&self) {
        let state = self.lock();
        let held_since = state.healed;
        drop(self.changed.wait_while(state, |state| state.healed == held_since).unwrap());
    }

    fn connect(&self, id: usize) -> io::Result<Upstream> {
        let upstream = connect(self.upstream, &self.trust)?;
        if let Some(connection) = self.lock().connection(id) {
            connection.ends.push(upstream.get_ref().sock.try_clone()?);
        }
        Ok(upstream)
    }
}

#[cfg(test)]
mod tests {
    use super::last_event;

    #[test]
    fn the_last_event_that_may_pass_is_found_wherever_it_ends() {
        let mut left = 3;
        assert_eq!(last_event(b"one\ntw", &mut left), None);
        assert_eq!(last_event(b"", &mut left), None);
        assert_eq!(last_event(b"o\nthree\nfour\n", &mut left), Some(8));
        assert_eq!(last_event(b"one\n", &mut 0), Some(0));
    }
}
