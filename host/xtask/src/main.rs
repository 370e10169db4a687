//! What a developer runs: setup, demo, test, bench, dist.
fn main() {}
