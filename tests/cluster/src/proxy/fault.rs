//! What can go wrong with a request.

use std::time::Duration;

use serde_json::json;

/// What can go wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is closed without an answer, and the server never hears of it.
    Drop,
    /// The server does what it is asked, and the answer is lost.
    LoseAnswer,
    /// The server hears of it later.
    Delay(Duration),
    /// The server hears of it when the proxy is healed.
    Hold,
    /// An answer of this status, as the server words it, without its having been asked.
    Status(u16),
    /// 429, with the seconds after which to come again.
    TooManyRequests(u32),
    /// The stream of a watch breaks after so many events.
    BreakAfter(usize),
    /// The stream of a watch begins, and then nothing passes, though the connection stays open.
    Silence,
    /// A watch is told that what it starts from is gone: an event, as the server does it.
    Expire,
}

/// A fault, and which requests it is for.
pub struct Rule {
    pub left: usize,
    pub method: String,
    pub path: String,
    pub fault: Fault,
}

impl Fault {
    /// The status and all of the answer to give in place of the server's, if this is one that answers.
    pub fn answer(&self) -> Option<(u16, Vec<u8>)> {
        let (code, headers, body) = match self {
            Self::Status(code) => (*code, String::new(), status(*code)),
            Self::TooManyRequests(seconds) => (429, format!("Retry-After: {seconds}\r\n"), status(429)),
            Self::Expire => (200, String::new(), json!({"type": "ERROR", "object": status(410)})),
            _ => return None,
        };
        let body = format!("{body}\n");
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {code} By a test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        Some((code, [head, body].concat().into_bytes()))
    }
}

/// What Kubernetes says beside a status.
fn status(code: u16) -> serde_json::Value {
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("a test wants this to fail with {code}"),
        "reason": reason,
        "code": code,
    })
}
