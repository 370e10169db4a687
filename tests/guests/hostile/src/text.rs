//! Text that is too long, or that a terminal would obey.

use std::io::Write as _;

use springline_sdk::prelude::*;

/// Colours, titles, links, the clipboard, carriage returns, C1 controls, marks that reorder, separators.
pub const POISON: &str = "\u{1b}[2J\u{1b}[31mred\u{1b}]8;;https://example.org/\u{1b}\\click\u{1b}]8;;\u{1b}\\ \
    \u{1b}]0;title\u{7} \u{1b}]52;c;cGF3bmVk\u{7} over\rwritten\u{8}\u{8}\u{7f} \u{9b}31m \u{202e}reversed\u{202c} \
    \u{2066}isolated\u{2069} \u{61c}mark \u{2028}separated\u{2029} \u{85}next \0nul";

/// So many bytes.
pub fn mib(count: u64) -> usize {
    usize::try_from(count << 20).unwrap_or(usize::MAX)
}

/// Logs one line through every way there is.
pub fn log_long(count: u64) -> String {
    let line = "x".repeat(mib(count));
    springline_sdk::info!("{line}");
    println!("{line}");
    eprintln!("{line}");
    "logged".into()
}

/// Logs many lines.
pub fn log_flood(count: u64) -> String {
    for line in 0..count {
        springline_sdk::warn!("line {line} of a great many, none of which says anything");
        println!("line {line} of standard output");
    }
    "flooded".into()
}

/// Logs poison, and lines that look like another's.
pub fn log_poison() -> String {
    springline_sdk::info!("{POISON}");
    springline_sdk::error!("first\nerror: forged line\r\n2026-01-01T00:00:00Z INFO forged");
    println!("{POISON}");
    eprintln!("{POISON}");
    let _ = std::io::stdout().write_all(b"\xff\xfe\xed\xa0\x80 no text\n");
    "logged".into()
}

/// Violations with a text, a file and a pointer of poison.
pub fn violations(count: u64) -> Vec<Violation> {
    (0..count).map(|n| Violation::new(format!("{n} {POISON}")).file(format!("{POISON}.md")).pointer(POISON)).collect()
}
