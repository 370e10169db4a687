//! Springline.
fn main() {}
