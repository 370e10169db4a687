//! WASI 0.2 as guests get it: nothing of the machine, and the same on every machine. Clocks stand
//! still, chance is seeded by the call, files come from the call.

pub(crate) mod cli;
pub(crate) mod clocks;
pub(crate) mod filesystem;
pub(crate) mod random;
mod streams;
