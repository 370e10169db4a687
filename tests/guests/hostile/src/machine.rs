//! Computing, waiting, memory and the stack.

use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::io::Read as _;
use std::time::Duration;

use springline_sdk::prelude::*;

/// Computes for ever.
pub fn compute() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Sleeps for 500 years.
pub fn sleep() -> String {
    std::thread::sleep(Duration::from_secs(500 * 365 * 24 * 3600));
    "slept".into()
}

/// Reads what has ended until it goes on.
pub fn wait_for_input() -> String {
    let mut byte = [0];
    while !matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
    "there was input".into()
}

/// Takes memory, and touches it.
pub fn eat() -> String {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Recurses without end.
pub fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { 1 } else { recurse(black_box(depth.wrapping_mul(3).wrapping_add(1))) / 5 + depth }
}

/// Recurses without end, with an array in each frame.
pub fn recurse_in_memory(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX { 1 } else { recurse_in_memory(black_box(frame[7] + 1)) + frame[9] }
}

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Fails if an earlier call left anything: in a variable, in `/out` or in a temporary file.
pub fn remember() -> Result<String> {
    let calls = CALLS.get();
    CALLS.set(calls + 1);
    let left = ["/out/left", "/tmp/left", "/in/left"].map(|path| fs::read(path).is_ok());
    for path in ["/out/left", "/tmp/left"] {
        let _ = fs::write(path, "left behind");
    }
    match (calls, left) {
        (0, [false, false, false]) => Ok("nothing was left".into()),
        found => Err(Error::failed(format!("an earlier call left something: {found:?}"))),
    }
}
