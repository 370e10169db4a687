//! One request through `wasi:http`.

use super::{Response, Single};
use crate::bindings::http::wasi::http::outgoing_handler;
use crate::bindings::http::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use crate::bindings::http::wasi::io::streams::{InputStream, StreamError};
use crate::error::{Error, Result};

/// How many bytes are written or read at once.
const CHUNK: usize = 4096;

/// Makes the request.
pub(crate) fn exchange(single: &Single<'_>) -> Result<Response> {
    let request = OutgoingRequest::new(fields(single)?);
    let refused = |what: &str| Error::failed(format!("{}: its {what} can't be sent", single.url));
    request.set_method(&method(single.method)).map_err(|()| refused("method"))?;
    let scheme = if single.url.scheme == "http" { Scheme::Http } else { Scheme::Https };
    request.set_scheme(Some(&scheme)).map_err(|()| refused("scheme"))?;
    request.set_authority(Some(&single.url.authority)).map_err(|()| refused("host"))?;
    request.set_path_with_query(Some(&single.url.path)).map_err(|()| refused("path"))?;
    let options = RequestOptions::new();
    if let Some(timeout) = single.timeout {
        let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
        // What a host can't set it leaves at its own.
        let _ = options.set_connect_timeout(nanoseconds);
        let _ = options.set_first_byte_timeout(nanoseconds);
        let _ = options.set_between_bytes_timeout(nanoseconds);
    }
    let body = match single.body {
        [] => None,
        _ => Some(request.body().map_err(|()| refused("body"))?),
    };
    let failed = |code: &ErrorCode| of_code(single, code);
    let answer = outgoing_handler::handle(request, Some(options)).map_err(|code| failed(&code))?;
    let sent = body.map_or(Ok(()), |body| send(body, single.body));
    answer.subscribe().block();
    let response = match answer.get() {
        Some(Ok(response)) => response.map_err(|code| failed(&code))?,
        _ => return Err(Error::failed(format!("{}: the answer is gone", single.url))),
    };
    // An answer before the end of a request's body is one as well.
    if response.status() < 300 {
        sent.map_err(|why| Error::failed(format!("{}: its body could not be sent: {why}", single.url)))?;
    }
    read(single, &response)
}

fn fields(single: &Single<'_>) -> Result<Fields> {
    let mut entries: Vec<_> =
        single.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
    if !single.body.is_empty() {
        entries.push(("content-length".to_owned(), single.body.len().to_string().into_bytes()));
    }
    Fields::from_list(&entries).map_err(|error| {
        let why = match error {
            HeaderError::Forbidden => "one of its headers is the host's to set",
            _ => "one of its headers is wrong",
        };
        Error::failed(format!("{}: {why}", single.url))
    })
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        "CONNECT" => Method::Connect,
        "TRACE" => Method::Trace,
        other => Method::Other(other.to_owned()),
    }
}

fn send(body: OutgoingBody, bytes: &[u8]) -> std::result::Result<(), String> {
    let stream = body.write().map_err(|()| "it has no stream".to_owned())?;
    for chunk in bytes.chunks(CHUNK) {
        stream.blocking_write_and_flush(chunk).map_err(|error| error.to_string())?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| code.to_string())
}

fn read(single: &Single<'_>, response: &IncomingResponse) -> Result<Response> {
    let gone = || Error::failed(format!("{}: the answer's body is gone", single.url));
    let mut answer = Response::new(response.status(), Vec::new());
    answer.headers = response.headers().entries();
    let body: IncomingBody = response.consume().map_err(|()| gone())?;
    let stream: InputStream = body.stream().map_err(|()| gone())?;
    loop {
        match stream.blocking_read(CHUNK as u64 * 16) {
            Ok(bytes) if answer.body.len() + bytes.len() > single.limit => {
                return Err(Error::failed(format!("{} answers with more than {} bytes", single.url, single.limit)));
            }
            Ok(bytes) => answer.body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Ok(answer),
            Err(StreamError::LastOperationFailed(error)) => {
                let why = error.to_debug_string();
                return Err(Error::transient(format!("{}: the answer broke off: {why}", single.url)));
            }
        }
    }
}

fn of_code(single: &Single<'_>, code: &ErrorCode) -> Error {
    let message = format!("{} {}: {code}", single.method, single.url);
    match code {
        ErrorCode::HttpRequestDenied => Error::Denied(message),
        ErrorCode::DnsTimeout
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::HttpResponseTimeout => Error::transient(message),
        _ => Error::Failed(message),
    }
}
