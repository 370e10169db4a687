//! Requests through `wasi:http` as it is: it can say what the SDK would not.

use springline_sdk::bindings::http::wasi::http::outgoing_handler;
use springline_sdk::bindings::http::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, OutgoingRequest, Scheme,
};
use springline_sdk::prelude::*;

/// Asks a server, with any text for the path.
pub fn get(authority: &str, path: &str) -> Result<String> {
    let request = OutgoingRequest::new(Fields::new());
    let set = request.set_scheme(Some(&Scheme::Http)).and_then(|()| request.set_authority(Some(authority)));
    let set = set.and_then(|()| request.set_path_with_query(Some(path)));
    set.map_err(|()| Error::failed(format!("`{path}` can't be asked for at `{authority}`")))?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| failed(&code))?;
    status(&answer)
}

fn status(answer: &FutureIncomingResponse) -> Result<String> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response.status().to_string()),
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
