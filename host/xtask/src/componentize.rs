//! Core modules for WASI preview 1, made components by wit-component and its adapter.

use std::fs;

use anyhow::{Context as _, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// Replaces each of these modules with its component.
pub fn run(modules: &[String]) -> Result<()> {
    for path in modules {
        let module = fs::read(path).with_context(|| format!("can't read {path}"))?;
        let component = component_of(&module).with_context(|| format!("can't make a component of {path}"))?;
        fs::write(path, component).with_context(|| format!("can't write {path}"))?;
    }
    Ok(())
}

/// Replaces each of these modules, which know nothing of components, with the component of the world
/// in a file, which includes worlds of a directory.
pub fn embed(args: &[String]) -> Result<()> {
    let [wit, world, modules @ ..] = args else { bail!("embed WIT_DIR WORLD.wit MODULE…") };
    let mut resolve = Resolve::default();
    resolve.push_dir(wit).with_context(|| format!("can't read {wit}"))?;
    let package = resolve.push_file(world).with_context(|| format!("can't read {world}"))?;
    let world = resolve.select_world(&[package], None)?;
    for path in modules {
        let mut module = fs::read(path).with_context(|| format!("can't read {path}"))?;
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        let component = ComponentEncoder::default().validate(true).module(&module)?.encode();
        let component = component.with_context(|| format!("can't make a component of {path}"))?;
        fs::write(path, component).with_context(|| format!("can't write {path}"))?;
    }
    Ok(())
}

fn component_of(module: &[u8]) -> Result<Vec<u8>> {
    let encoder = ComponentEncoder::default().validate(true).module(module)?;
    encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?.encode()
}
