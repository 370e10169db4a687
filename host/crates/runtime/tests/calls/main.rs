//! Real calls of real components: `cargo xtask test` builds them and says where they are, in the
//! variable `SPRINGLINE_GUESTS`. Without it the tests say so and pass, but not where `CI` is set.
#![allow(clippy::unwrap_used)]

mod besides;
mod clusters;
mod compile;
mod harm;
mod neighbour;
mod net;
mod render;
mod server;
mod setup;
mod step;
mod target;
mod tls;
