//! Plugins in OCI registries: push, pull, signatures and trust.
