//! Compilation and its cache.

use std::fs;
use std::sync::Arc;

use serde_json::json;
use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::Plugins as _;

use crate::setup::{Setup, fault};

#[test]
fn a_plugin_is_compiled_once_for_all_processes() {
    let Some(setup) = Setup::cold() else { return };
    setup.runtime.describe(&setup.probe("probe-step")).unwrap();
    let cached = || {
        let files = fs::read_dir(setup.directory.path().join("cache")).unwrap().flatten();
        let mut files: Vec<_> =
            files.map(|file| (file.file_name(), file.metadata().unwrap().modified().unwrap())).collect();
        files.sort();
        files
    };
    let before = cached();
    assert_eq!(before.len(), 2, "the key and one component: {before:?}");
    let other = Setup::in_directory(Arc::clone(&setup.directory)).unwrap();
    other.runtime.describe(&other.probe("probe-step")).unwrap();
    assert_eq!(cached(), before);
}

#[test]
fn what_was_tampered_with_is_compiled_again() {
    let Some(setup) = Setup::cold() else { return };
    setup.runtime.describe(&setup.probe("probe-step")).unwrap();
    let cache = setup.directory.path().join("cache");
    let path = fs::read_dir(cache).unwrap().flatten().map(|file| file.path()).find(|path| path.extension().is_some());
    let path = path.unwrap();
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0x40;
    fs::write(&path, bad).unwrap();
    let other = Setup::in_directory(Arc::clone(&setup.directory)).unwrap();
    other.runtime.describe(&other.probe("probe-step")).unwrap();
    assert_eq!(fs::read(&path).unwrap().len(), good.len());
}

#[test]
fn what_is_no_plugin_or_another_kind_is_refused() {
    let Some(setup) = Setup::cold() else { return };
    let refused = |name: &str, bytes: &[u8], words: &str| {
        let found = fault(setup.runtime.describe(&setup.plugin(name, bytes.to_vec())));
        assert!(matches!(&found, Fault::Unusable { message } if message.contains(words)), "{found:?}");
    };
    refused("script", b"#!/bin/sh", "no WebAssembly");
    refused("module", b"\0asm\x01\0\0\0", "core WebAssembly module");
    refused("empty", b"\0asm\x0d\0\x01\0", "exports nothing");
    let renderer = setup.call(setup.probe("probe-renderer"), &json!({"mode": "nothing"}));
    let found = fault(setup.runtime.build(&renderer, setup.tree(&[])));
    let words = "it is a renderer, and a build-step is needed here";
    assert!(matches!(&found, Fault::Unusable { message } if message.contains(words)), "{found:?}");
}

#[test]
fn a_component_that_does_not_validate_is_refused_by_the_compiler() {
    let Some(setup) = Setup::cold() else { return };
    let good =
        fs::read(std::env::var_os("SPRINGLINE_GUESTS").map(std::path::PathBuf::from).unwrap().join("probe-step.wasm"));
    let mut bad = good.unwrap();
    // Somewhere in the code of the module inside, so that the outside stays readable.
    let middle = bad.len() / 3;
    bad[middle..middle + 64].fill(0xff);
    let found = fault(setup.runtime.describe(&setup.plugin("bad", bad)));
    assert!(matches!(found, Fault::Unusable { .. }), "{found:?}");
}

#[test]
fn compilation_has_limits_of_its_own() {
    let Some(setup) = Setup::cold() else { return };
    let mut call = setup.call(setup.probe("probe-step"), &json!({"mode": "copy"}));
    call.limits = Limits { compile_memory_mib: 64, ..Limits::default() };
    let found = fault(setup.runtime.build(&call, setup.tree(&[])));
    assert!(matches!(found, Fault::Limit { limit: Limit::CompileMemory, .. }), "{found:?}");
    call.limits = Limits { compile_seconds: 0, ..Limits::default() };
    let found = fault(setup.runtime.build(&call, setup.tree(&[])));
    assert!(matches!(found, Fault::Limit { limit: Limit::CompileTime, .. }), "{found:?}");
}
