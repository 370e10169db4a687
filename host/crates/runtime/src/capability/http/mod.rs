//! `wasi:http`, outgoing. The types and bodies are wasmtime's; who may be reached, and the
//! connection itself, are ours.

mod address;
mod body;
mod connect;
mod gate;
mod send;

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub(crate) use self::connect::Connector;
pub use self::connect::{Addresses, Resolver};
pub(crate) use self::gate::Gate;
use crate::state::CallState;

/// How requests of plugins reach the network.
#[derive(Clone)]
pub struct Network {
    /// Finds the addresses of a name.
    pub resolver: Arc<dyn Resolver>,
    /// Files of certificates (PEM) whose authorities are trusted besides those that the system
    /// trusts.
    pub authorities: Vec<PathBuf>,
}

impl Default for Network {
    fn default() -> Self {
        Self { resolver: Arc::new(connect::System), authorities: Vec::new() }
    }
}

/// What a call needs for `wasi:http`.
pub(crate) struct Http {
    context: WasiHttpCtx,
    gate: Gate,
}

impl Http {
    /// Requests go through this gate. Headers have so many KiB at most.
    pub(crate) fn new(gate: Gate, headers_kib: u64) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(usize::try_from(headers_kib.saturating_mul(1024)).unwrap_or(usize::MAX));
        Self { context, gate }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http.context, table: &mut self.table, hooks: &mut self.http.gate }
    }
}

/// Links `wasi:http/types` and `wasi:http/outgoing-handler`.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, CallState::http)?;
    types::add_to_linker::<_, WasiHttp>(linker, &LinkOptions::default().into(), CallState::http)
}
