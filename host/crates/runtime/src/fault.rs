//! How a call failed: from what wasmtime and the host functions report to a [`Fault`].

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::BlobError;
use springline_model::tree::TreeError;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi_http::FieldMapError;

use crate::backtrace;
use crate::escape::escape;

/// Frames of a backtrace that are collected.
pub(crate) const DEEPEST: usize = 24;

/// A call went past this limit, which lets it have `most`.
pub(crate) fn limit(limit: Limit, most: impl std::fmt::Display) -> Fault {
    let message = match limit.setting() {
        Some(setting) => format!("{most} (`{setting}` in host.yaml)"),
        None => most.to_string(),
    };
    Fault::Limit { limit, message }
}

/// What the call returned breaks the contract.
pub(crate) fn contract(message: impl Into<String>) -> Fault {
    Fault::Contract { message: message.into() }
}

/// A blob that the call needs could not be read or written.
pub(crate) fn of_blob(error: &BlobError) -> Fault {
    match error {
        BlobError::Missing(_) | BlobError::Damaged(_) => Fault::Lost { message: error.to_string() },
        BlobError::NoSpace(_) => Fault::NoSpace { message: error.to_string() },
        BlobError::Io(_) => Fault::Host { message: error.to_string() },
    }
}

/// A tree that the call needs could not be read.
pub(crate) fn of_tree(error: &TreeError) -> Fault {
    match error {
        TreeError::Lost { .. } => Fault::Lost { message: error.to_string() },
        TreeError::Submodule { .. } | TreeError::NotUtf8 { .. } => Fault::Failed { message: error.to_string() },
        TreeError::Io(_) => Fault::Host { message: error.to_string() },
    }
}

/// The fault that a host function found, which the call ends with whatever the guest makes of it.
/// Clones belong to the same call.
#[derive(Clone, Default)]
pub(crate) struct Verdict(Arc<Mutex<Option<Fault>>>);

impl Verdict {
    /// Fails the call. The first fault counts.
    pub(crate) fn record(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }

    /// Fails the call here and now: the error is to be returned to wasmtime.
    pub(crate) fn stop(&self, fault: Fault) -> wasmtime::Error {
        let error = wasmtime::Error::msg(fault.to_string());
        self.record(fault);
        error
    }

    /// The fault, if there is one.
    pub(crate) fn take(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The fault that a trap stands for, if the host functions recorded none. `refused` is for a growth
/// of memory or tables that was refused: guests trap on it sooner or later.
pub(crate) fn of_trap(error: &wasmtime::Error, limits: &Limits, refused: Option<Fault>) -> Fault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => return limit(Limit::Stack, format!("the stack, in {}", frames(error))),
        // What a guest keeps in memory of its stack runs out first in languages that keep much there.
        Some(Trap::MemoryOutOfBounds) if recursed(error) => {
            return limit(Limit::Stack, format!("most likely the stack in its memory, in {}", frames(error)));
        }
        _ => {}
    }
    if let Some(refused) = refused {
        return refused;
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::Host { message: format!("there is no room for one more call: {error}") };
    }
    if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ResourceTableError::Full))) {
        return handles(limits);
    }
    if let Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields) =
        error.chain().find_map(|cause| cause.downcast_ref())
    {
        return limit(Limit::HttpHeaders, format!("{} KiB of headers in a request", limits.http_headers_kib));
    }
    // wasmtime has no types for these.
    let message = error.root_cause().to_string();
    if message.contains("store handle limit exceeded") {
        return handles(limits);
    }
    if message.contains("instance count too high") {
        return limit(Limit::Instances, format!("{} core instances", limits.instances));
    }
    if message.contains("fuel allocated for hostcalls") {
        return contract(format!("more than {} MiB in one call", crate::call::MOST_BYTES_A_CALL >> 20));
    }
    let frames = frames(error);
    let message = escape(&message);
    Fault::Trap { message: if frames.is_empty() { message } else { format!("{message}, in {frames}") } }
}

fn handles(limits: &Limits) -> Fault {
    limit(Limit::Handles, format!("{} open handles", limits.handles))
}

/// Whether the innermost calls are deep, and half of them or more of one function.
fn recursed(error: &wasmtime::Error) -> bool {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return false };
    let frames = backtrace.frames();
    let of = |function: u32| frames.iter().filter(|frame| frame.func_index() == function).count();
    frames.len() >= DEEPEST && frames.iter().any(|frame| of(frame.func_index()) >= DEEPEST / 2)
}

/// The text of a backtrace. The names of functions are the guest's word: demangling makes much of
/// little, so what is written is bounded while it is written.
fn text_of(backtrace: &WasmBacktrace) -> String {
    let mut text = CutLines::default();
    // Past its bound it fails, and what was written until then is all there is.
    let _ = write!(text, "{backtrace}");
    text.kept
}

/// Keeps the beginning of each line.
#[derive(Default)]
struct CutLines {
    kept: String,
    /// Bytes of the present line that were kept, and of all lines that were written.
    line: usize,
    written: usize,
}

impl std::fmt::Write for CutLines {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        const LINE: usize = 400;
        const MOST: usize = 1 << 20;
        for c in text.chars().take(MOST.saturating_sub(self.written)) {
            if c == '\n' {
                self.line = 0;
            } else if self.line >= LINE {
                continue;
            } else {
                self.line += c.len_utf8();
            }
            self.kept.push(c);
        }
        self.written += text.len();
        if self.written < MOST { Ok(()) } else { Err(std::fmt::Error) }
    }
}

/// Where the trap was, innermost first, one function a line, with its place in the source where that
/// is known.
fn frames(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    backtrace::shown(&text_of(backtrace), backtrace.frames().len() >= DEEPEST).join("\n  called by ")
}
