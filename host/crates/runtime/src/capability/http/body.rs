//! The bodies of requests and answers, counted and timed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::address::Server;
use super::gate::Shared;
use super::send::of_hyper;

/// The body of a request, on its way out.
pub(super) struct Outgoing {
    body: WasiBody,
    shared: Arc<Shared>,
    server: Server,
}

impl Outgoing {
    pub(super) const fn new(body: WasiBody, shared: Arc<Shared>, server: Server) -> Self {
        Self { body, shared, server }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            // Trailers are bounded as headers are.
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            if let Err(error) = self.shared.count_sent(&self.server, bytes) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, on its way in.
pub(super) struct Incoming {
    body: hyper::body::Incoming,
    shared: Arc<Shared>,
    pausing: Duration,
    /// When the server has paused for too long.
    paused: Pin<Box<Sleep>>,
    /// When the answer has taken too long.
    end: Pin<Box<Sleep>>,
}

impl Incoming {
    /// A body that may pause for so long, and must have ended then.
    pub(super) fn new(body: hyper::body::Incoming, shared: Arc<Shared>, pausing: Duration, end: Instant) -> Self {
        Self { body, shared, pausing, paused: Box::pin(sleep(pausing)), end: Box::pin(sleep_until(end)) }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // A server that never pauses must end as well.
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let next = Instant::now() + self.pausing;
                self.paused.as_mut().reset(next);
                let counted = self.shared.count_received(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(counted.map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(of_hyper(&self.shared, error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.paused.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(Error::ConnectionReadTimeout))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
