//! Makes one request over a connection of its own.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use springline_model::plugin::Limit;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::{Incoming, Outgoing};
use super::gate::{Admitted, Shared};

/// A connection being driven, which ends when nobody wants it any more.
struct Driven(JoinHandle<hyper::Result<()>>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Makes a request. What it returns is the answer, as far as its headers, and the connection, which
/// must live as long as the answer is read.
pub(super) async fn send(
    shared: Arc<Shared>,
    admitted: Admitted,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<(Response<WasiBody>, Connection), Error> {
    let end = Instant::now() + Duration::from_secs(shared.limits.http_total_seconds);
    let sent = timeout_at(end, exchange(&shared, &admitted, request, options, end)).await;
    sent.unwrap_or(Err(Error::HttpResponseTimeout)).map_err(|error| match error {
        // It has been told already.
        Error::HttpRequestDenied => error,
        error => shared.failed(&admitted, error),
    })
}

async fn exchange(
    shared: &Arc<Shared>,
    admitted: &Admitted,
    request: Request<WasiBody>,
    options: RequestOptions,
    end: Instant,
) -> Result<(Response<WasiBody>, Connection), Error> {
    let limits = &shared.limits;
    let within = |wanted: Option<Duration>, most: u64| {
        wanted.unwrap_or(Duration::MAX).min(Duration::from_secs(most)).max(Duration::from_millis(1))
    };
    let connecting = within(options.connect_timeout, limits.http_connect_seconds);
    let beginning = within(options.first_byte_timeout, limits.http_first_byte_seconds);
    let pausing = within(options.between_bytes_timeout, limits.http_between_bytes_seconds);
    // What can't be said needs no connection.
    let request = prepare(shared, admitted, request)?;

    let (stream, place) = timeout(connecting, async {
        let place = Arc::clone(&shared.open).acquire_owned().await.map_err(|_| Error::ConnectionLimitReached)?;
        let addresses = shared.connector.addresses(&admitted.server).await?;
        shared.judge(admitted, &addresses)?;
        shared.note(admitted, true);
        Ok::<_, Error>((shared.connector.connect(&admitted.server, &addresses).await?, place))
    })
    .await
    .map_err(|_| Error::ConnectionTimeout)??;

    let headers = usize::try_from(limits.http_headers_kib.saturating_mul(1024)).unwrap_or(usize::MAX);
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(headers.max(8 << 10))
        .max_header_size(headers)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(shared, error))?;
    let driven = Driven(tokio::spawn(async move {
        let ended = connection.await;
        drop(place);
        ended
    }));
    let answer = timeout(beginning, sender.send_request(request))
        .await
        .map_err(|_| Error::ConnectionReadTimeout)?
        .map_err(|error| of_hyper(shared, error))?;
    let shared = Arc::clone(shared);
    let answer = answer.map(|body| Incoming::new(body, shared, pausing, end).boxed_unsync());
    let connection = async move {
        let mut driven = driven;
        // How it ended is what the body ended with.
        let _ = (&mut driven.0).await;
        Ok(())
    };
    Ok((answer, Box::new(connection)))
}

/// The request as it goes over the wire: the path alone, and the host that was judged.
fn prepare(shared: &Arc<Shared>, admitted: &Admitted, request: Request<WasiBody>) -> Result<Request<Outgoing>, Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // `OPTIONS *` and an absolute address would both be about something else than the path.
    if !path.starts_with('/') {
        return Err(Error::HttpRequestUriInvalid);
    }
    parts.uri = Uri::builder().path_and_query(path).build().map_err(|_| Error::HttpRequestUriInvalid)?;
    parts.version = http::Version::HTTP_11;
    let host = HeaderValue::try_from(admitted.server.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    parts.headers.insert(header::HOST, host);
    let body = Outgoing::new(body, Arc::clone(shared), admitted.server.clone());
    Ok(Request::from_parts(parts, body))
}

/// What went wrong on a connection.
pub(super) fn of_hyper(shared: &Shared, error: hyper::Error) -> Error {
    if error.is_parse_too_large() {
        let most = shared.limits.http_headers_kib;
        return shared.past(Limit::HttpHeaders, format!("{most} KiB of headers in an answer"));
    }
    // A body of ours that failed says itself why.
    match error.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(Error::HttpRequestDenied) => return Error::HttpRequestDenied,
        Some(Error::HttpRequestBodySize(size)) => return Error::HttpRequestBodySize(*size),
        _ => {}
    }
    if error.is_incomplete_message() || error.is_closed() {
        Error::HttpResponseIncomplete
    } else if error.is_timeout() {
        Error::HttpResponseTimeout
    } else {
        Error::HttpProtocolError
    }
}
