//! Write Springline plugins in Rust.
