//! Text that others wrote, as it can be shown on a terminal.

use std::fmt::Write as _;

/// Escapes what would do anything to a terminal or a line: control characters but the tab, line
/// and paragraph separators, and marks that reorder text.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape_into(text, &mut escaped);
    escaped
}

/// As [`escape`], but line breaks stay.
pub(crate) fn escape_lines(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            escaped.push('\n');
        }
        escape_into(line.strip_suffix('\r').unwrap_or(line), &mut escaped);
    }
    escaped
}

/// As [`escape`], to the end of another text.
pub(crate) fn escape_into(text: &str, escaped: &mut String) {
    for c in text.chars() {
        let harmful = (c.is_control() && c != '\t')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if harmful {
            // Writing to a string can't fail.
            let _ = write!(escaped, "{}", c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
}
