//! The cluster of the tests is a real one, and what stands in front of it does what it is told.

#![allow(missing_docs, clippy::unwrap_used)]

mod cluster;
mod proxy;
