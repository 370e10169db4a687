//! Core modules for WASI preview 1, made components by wit-component and its adapter.

use std::fs;

use anyhow::{Context as _, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

/// Replaces each of these modules with its component.
pub fn run(modules: &[String]) -> Result<()> {
    for path in modules {
        let module = fs::read(path).with_context(|| format!("can't read {path}"))?;
        let component = component_of(&module).with_context(|| format!("can't make a component of {path}"))?;
        fs::write(path, component).with_context(|| format!("can't write {path}"))?;
    }
    Ok(())
}

fn component_of(module: &[u8]) -> Result<Vec<u8>> {
    let encoder = ComponentEncoder::default().validate(true).module(module)?;
    encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?.encode()
}
