//! What a developer runs, as a library: the part that the tests use as well.

pub mod frozen;
