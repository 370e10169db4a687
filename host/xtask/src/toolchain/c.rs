//! What the SDK for C takes: a native compiler for its unit tests, and clang for WASI.

use std::env;
use std::process::Command;

use anyhow::Result;

use super::apt;
use crate::process;

const NATIVE: [(&str, &str); 3] = [("make", "make"), ("cc", "gcc"), ("c++", "g++")];
const WASI: [&str; 4] = ["clang-22", "lld-22", "wasi-libc", "libclang-rt-22-dev-wasm32"];

/// Installs what is missing of it.
pub fn install_missing() -> Result<()> {
    let runs = |program: &str| process::succeeds(Command::new(program).arg("--version"));
    let mut missing: Vec<&str> =
        NATIVE.into_iter().filter(|(program, _)| !runs(program)).map(|(_, package)| package).collect();
    // Another clang with all that belongs to it does as well; a WASI SDK is named by its user.
    if env::var_os("WASI_SDK_PATH").is_none() && !compiles() {
        missing.extend(WASI);
    }
    if missing.is_empty() { Ok(()) } else { apt::install(&missing) }
}

/// Whether Debian's clang links an empty program for WASI.
fn compiles() -> bool {
    let mut clang = Command::new("clang-22");
    clang.args(["--target=wasm32-wasi", "-Wno-deprecated", "-mexec-model=reactor", "-fuse-ld=/usr/bin/wasm-ld-22"]);
    process::succeeds(clang.args(["-x", "c", "/dev/null", "-o", "/dev/null"]))
}
