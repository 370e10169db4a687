//! What the host finds out about a component before anything is compiled.

use springline_model::plugin::Fault;

use crate::escape::escape;
use crate::inspect::inspect;

/// Looks at the bytes. What it says of them can be shown on a terminal, and is short.
pub fn check(data: &[u8]) {
    match inspect(data) {
        Ok(shape) => assert!(shape.imports.is_sorted(), "imports are in order"),
        Err(Fault::Unusable { message }) => {
            assert!(message.len() < 8_000, "a message of {} bytes", message.len());
            assert_eq!(message, escape(&message), "what is harmful would reach the terminal");
        }
        Err(other) => panic!("another fault than that it can't be used: {other:?}"),
    }
}
