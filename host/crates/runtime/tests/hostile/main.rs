//! The hostile guests (tests/guests/hostile), called through the runtime: each attack ends in a typed
//! fault or comes to nothing, while a neighbour's call runs in the same process and is not harmed.
#![allow(clippy::unwrap_used)]

mod attack;
mod bombs;
mod cache;
mod files;
mod handles;
mod machine;
mod memory;
mod names;
#[path = "../calls/neighbour.rs"]
mod neighbour;
#[path = "../calls/server.rs"]
#[allow(dead_code)] // It is shared, as `setup` is.
mod server;
#[path = "../calls/setup.rs"]
#[allow(dead_code)] // It is shared with the other tests, which use more of it.
mod setup;
mod text;
mod wasm;
