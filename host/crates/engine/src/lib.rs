//! The chain: from a revision to reality, on ports alone.
