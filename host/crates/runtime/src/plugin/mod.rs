//! What plugins export: one adapter a track of the contract.

pub(crate) mod v0_1;
