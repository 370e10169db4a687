//! The web as the fake host has it: answers that a test gives.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Host, LAST};
use crate::error::{Error, Result};
use crate::http::{Response, Single};

/// Answers by method and URL, and what was asked.
#[derive(Debug, Default)]
pub(super) struct Web {
    answers: RefCell<BTreeMap<(String, String), Response>>,
    requests: RefCell<Vec<Requested>>,
}

/// A request that a plugin made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// Its method.
    pub method: String,
    /// Its URL.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Host {
    /// Grants requests of this method for this URL, and gives their answer. Any other is denied.
    pub fn answer(&self, method: &str, url: &str, answer: Response) -> &Self {
        self.0.web.answers.borrow_mut().insert((method.to_owned(), url.to_owned()), answer);
        self
    }

    /// The requests that were granted, in their order.
    pub fn requests(&self) -> Vec<Requested> {
        self.0.web.requests.borrow().clone()
    }
}

pub(super) fn exchange(single: &Single<'_>) -> Result<Response> {
    let (method, url) = (single.method.to_owned(), single.url.to_string());
    let denied = || Error::denied(format!("{method} {url} is not granted"));
    let state = LAST.with(|last| last.borrow().upgrade()).ok_or_else(denied)?;
    let answer = state.web.answers.borrow().get(&(method.clone(), url.clone())).cloned().ok_or_else(denied)?;
    let (headers, body) = (single.headers.to_vec(), single.body.to_vec());
    state.web.requests.borrow_mut().push(Requested { method, url: url.clone(), headers, body });
    if answer.body.len() > single.limit {
        return Err(Error::failed(format!("{url} answers with more than {} bytes", single.limit)));
    }
    Ok(answer)
}
