//! Runs plugins: wasmtime, limits, grants and the files a guest sees.
