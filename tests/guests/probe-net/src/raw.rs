//! Requests through `wasi:http` as it is: it can say what the SDK would not.

use springline_sdk::bindings::http::wasi::http::outgoing_handler;
use springline_sdk::bindings::http::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use springline_sdk::bindings::http::wasi::io::streams::StreamError;
use springline_sdk::prelude::*;

/// Asks a server, with any text for the path.
pub fn get(authority: &str, path: &str) -> Result<String> {
    let request = request(&Method::Get, authority, path)?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| failed(&code))?;
    Ok(begun(&answer)?.status().to_string())
}

/// Begins to send a body, and goes on with what is known only when the answer has begun.
pub fn post(authority: &str, rest: impl FnOnce() -> Result<Vec<u8>>) -> Result<String> {
    let request = request(&Method::Post, authority, "/")?;
    let body = request.body().map_err(|()| Error::failed("there is no body"))?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| failed(&code))?;
    let stream = body.write().map_err(|()| Error::failed("the body has no stream"))?;
    stream.blocking_write_and_flush(b"begun:").map_err(|error| Error::failed(error.to_string()))?;
    let response = begun(&answer)?;
    // That it is cut off is told by how the answer ends.
    let _ = stream.blocking_write_and_flush(&rest()?);
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    let body = response.consume().map_err(|()| Error::failed("the answer has no body"))?;
    let said = body.stream().map_err(|()| Error::failed("the answer has no stream"))?;
    let mut text = Vec::new();
    loop {
        match said.blocking_read(1024) {
            Ok(bytes) => text.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(Error::failed(error.to_string())),
        }
    }
    Ok(format!("{}:{}", response.status(), String::from_utf8_lossy(&text)))
}

fn request(method: &Method, authority: &str, path: &str) -> Result<OutgoingRequest> {
    let request = OutgoingRequest::new(Fields::new());
    let set = request.set_method(method).and_then(|()| request.set_scheme(Some(&Scheme::Http)));
    let set = set.and_then(|()| request.set_authority(Some(authority)));
    let set = set.and_then(|()| request.set_path_with_query(Some(path)));
    set.map_err(|()| Error::failed(format!("`{path}` can't be asked for at `{authority}`")))?;
    Ok(request)
}

/// An answer that has begun.
fn begun(answer: &FutureIncomingResponse) -> Result<IncomingResponse> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(failed(&code)),
        _ => Err(Error::failed("the answer is gone")),
    }
}

fn failed(code: &ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied => Error::Denied(code.to_string()),
        _ => Error::failed(code.to_string()),
    }
}
