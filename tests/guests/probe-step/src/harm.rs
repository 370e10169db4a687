//! What a build step should not do.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use springline_sdk::prelude::*;

/// Computes for ever.
pub fn compute() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Sleeps.
pub fn sleep(milliseconds: u64) -> String {
    std::thread::sleep(Duration::from_millis(milliseconds));
    "slept".into()
}

/// Takes memory, and touches it.
pub fn eat(mib: u64) -> String {
    let mut taken = Vec::new();
    while mib == 0 || taken.len() < usize::try_from(mib).unwrap_or(usize::MAX) {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
    format!("{} MiB", taken.len())
}

/// Recurses without end. With `frames` each call takes of the stack in linear memory as well,
/// which then runs out first.
pub fn recurse(frames: bool) -> u64 {
    if frames { recurse_with_frames(1) } else { recurse_plainly(black_box(1)) }
}

#[allow(unconditional_recursion)]
fn recurse_with_frames(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    1 + recurse_with_frames(black_box(frame[7] + 1)) + frame[9]
}

fn recurse_plainly(depth: u64) -> u64 {
    if depth == 0 { 1 } else { recurse_plainly(depth.wrapping_mul(3)) / 5 + depth }
}

/// Logs many lines.
pub fn flood(lines: u64) -> String {
    for line in 0..lines {
        println!("line {line} of a great many, none of which says anything");
    }
    "flooded".into()
}

/// Writes a large file.
pub fn fill(step: &Step, mib: u64) -> String {
    let Ok(mut file) = File::create(step.output().join("large")) else { return "not made".into() };
    let chunk = vec![7_u8; 1 << 20];
    let written = (0..mib).take_while(|_| file.write_all(&chunk).is_ok()).count();
    format!("{written} MiB")
}

/// Makes many files.
pub fn litter(step: &Step, files: u64) -> String {
    let made = (0..files).take_while(|n| fs::write(step.output().join(n.to_string()), "").is_ok()).count();
    format!("{made} files")
}

/// Opens many files at once.
pub fn open(step: &Step, files: u64) -> Result<String> {
    step.write("one", "1")?;
    let mut open = Vec::new();
    for _ in 0..files {
        open.push(File::open(step.output().join("one"))?);
    }
    Ok(format!("{} open", open.len()))
}

/// Connects to somewhere.
pub fn connect() -> String {
    match TcpStream::connect("192.0.2.1:80") {
        Ok(_) => "connected".into(),
        Err(error) => error.to_string(),
    }
}

/// An error of each kind.
pub fn fail(which: u64) -> Error {
    match which {
        0 => Error::invalid(Violation::new("no title").file("a.md").line(3)),
        1 => Error::denied("not mine"),
        2 => Error::conflict("moved"),
        3 => Error::Transient { message: "busy".into(), retry_after: Some(Duration::from_millis(1500)) },
        4 => Error::failed("gave up\n\u{1b}[31mred"),
        _ => Error::Invalid(Vec::new()),
    }
}
