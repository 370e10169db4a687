//! What every implementation of a port must pass, whatever it is made of.

mod blobs;
mod store;
mod store_history;
mod store_kept;
mod store_pages;

pub use blobs::{blobs_damage_suite, blobs_suite};
pub use store::store_suite;
