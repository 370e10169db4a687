//! Core modules made components.

use std::collections::BTreeSet;
use std::path::Path;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Encoding, KnownCustom, Name, Parser, Payload};
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

/// Whether a core module says itself which world it is for, as what `wit-bindgen` generates does.
pub fn names_world(module: &[u8]) -> bool {
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    sections.into_iter().any(
        |section| matches!(section, Payload::CustomSection(section) if section.name().starts_with("component-type")),
    )
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

/// What a component says of its making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Making {
    /// The languages and tools that made it, such as `Rust` and `1.95.0`, sorted.
    pub producers: Vec<(String, String)>,
    /// Whether functions have names.
    pub has_names: bool,
    /// Whether it has debug information.
    pub has_debug_info: bool,
}

/// Looks at the custom sections of a component and of the modules in it. What is damaged is left
/// out.
pub fn making(bytes: &[u8]) -> Making {
    let mut making = Making::default();
    let mut producers = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let Payload::CustomSection(section) = payload else { continue };
        match section.as_known() {
            KnownCustom::Name(names) => {
                let functions = names.into_iter().flatten().any(|name| matches!(name, Name::Function(_)));
                making.has_names |= functions;
            }
            KnownCustom::Producers(fields) => {
                let values = fields.into_iter().flatten().flat_map(|field| field.values.into_iter().flatten());
                producers.extend(values.map(|value| (value.name.to_owned(), value.version.to_owned())));
            }
            _ => making.has_debug_info |= section.name() == ".debug_line",
        }
    }
    making.producers = producers.into_iter().collect();
    making
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_its_world_in_a_custom_section() {
        let module = b"\0asm\x01\0\0\0".to_vec();
        let with = |name: &str| {
            let length = u8::try_from(name.len()).unwrap();
            [module.as_slice(), &[0, length + 1, length], name.as_bytes()].concat()
        };
        assert!(names_world(&with("component-type:build-step-plugin")));
        assert!(!names_world(&with("name")) && !names_world(&module) && !names_world(b"\0asm"));
    }

    #[test]
    fn only_components_pass() {
        assert!(check(b"\0asm\x0d\0\x01\0").is_ok());
        assert!(check(b"\0asm\x01\0\0\0").unwrap_err().to_string().contains("core WebAssembly module"));
        assert!(check(b"#!/bin/sh").unwrap_err().to_string().contains("no WebAssembly"));
    }
}
