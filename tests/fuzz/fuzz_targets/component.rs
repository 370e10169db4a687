#![no_main]

// The runtime's own look at a component, without wasmtime, which it does not need.
#[path = "../src/component.rs"]
mod entry;
#[path = "../../../host/crates/runtime/src/escape.rs"]
#[allow(dead_code)]
mod escape;
#[path = "../../../host/crates/runtime/src/inspect.rs"]
#[allow(dead_code)]
mod inspect;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::check(data));
