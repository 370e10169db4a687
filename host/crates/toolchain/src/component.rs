//! Core modules made components.

use std::path::Path;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::error::BuildError;

/// Makes a component of a core module for WASI preview 1 (a reactor) that says itself which world
/// it is for: what `wit-bindgen` for C and Rust links into it.
///
/// # Errors
/// [`BuildError::Component`].
pub fn of_module(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| BuildError::Component(format!("the module can't be made a component: {error:#}")))
}

/// As [`of_module`], for a module that does not say which world it is for: it is `world` of the
/// contract in the directory `wit` (with `deps` in it).
///
/// # Errors
/// [`BuildError::Component`], also for a contract that can't be read.
pub fn of_module_for(module: &[u8], wit: &Path, world: &str) -> Result<Vec<u8>, BuildError> {
    let told = |error: String| BuildError::Component(format!("{}: {error}", wit.display()));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).map_err(|error| told(format!("{error:#}")))?;
    let world = resolve.select_world(&[package], Some(world)).map_err(|error| told(format!("{error:#}")))?;
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| told(format!("{error:#}")))?;
    of_module(&module)
}

/// Whether these bytes are a component.
///
/// # Errors
/// [`BuildError::Component`] says what they are instead.
pub fn check(bytes: &[u8]) -> Result<(), BuildError> {
    let first = Parser::new(0).parse_all(bytes).next();
    match first {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => Err(BuildError::Component(
            "what was built is a core WebAssembly module, and a plugin is a component".into(),
        )),
        _ => Err(BuildError::Component("what was built is no WebAssembly".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_pass() {
        assert!(check(b"\0asm\x0d\0\x01\0").is_ok());
        assert!(check(b"\0asm\x01\0\0\0").unwrap_err().to_string().contains("core WebAssembly module"));
        assert!(check(b"#!/bin/sh").unwrap_err().to_string().contains("no WebAssembly"));
    }
}
