//! The only module that may use `unsafe`: it loads machine code.
#![allow(unsafe_code)]

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compile::cache::Verified;

/// Loads a compiled component.
///
/// # Errors
/// What wasmtime reports: it was compiled by another version, or for another configuration.
pub(crate) fn load(engine: &Engine, compiled: &Verified) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must be what wasmtime's compiler wrote. A `Verified` is made in two places
    // alone. Either this host's own compiler process has just written it, into a file that no other
    // user can open. Or it was read from the cache into memory, and the HMAC over it verified there,
    // by a key that no other user can read. Who can forge either runs as this user already. That the
    // version and the configuration fit is checked by wasmtime itself.
    unsafe { Component::deserialize(engine, compiled.bytes()) }
}
