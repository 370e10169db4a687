//! Revisions and their trees, read from git without a checkout.
