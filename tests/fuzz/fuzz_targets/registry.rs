#![no_main]

// The registry's own reading of answers and signatures, without what speaks to it.
#[path = "../src/registry.rs"]
mod entry;
#[path = "../../../host/crates/registry/src/manifest.rs"]
#[allow(dead_code)]
mod manifest;
#[path = "../../../host/crates/registry/src/signing/mod.rs"]
#[allow(dead_code)]
mod signing;

mod registry {
    pub(crate) use crate::manifest::read_artifact;
    pub(crate) use crate::signing;
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::check(data));
