//! Places in a text.

use saphyr_parser::Marker;

/// A place in a file: where something starts, and how far it goes on that line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Characters on that line; 0 when it is a place between characters or goes on below.
    pub length: u32,
}

impl Span {
    /// The start of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 0 };
}

impl From<saphyr_parser::Span> for Span {
    fn from(span: saphyr_parser::Span) -> Self {
        let start = Self::from(span.start);
        let one_line = span.start.line() == span.end.line();
        let length = if one_line { span.end.col().saturating_sub(span.start.col()) } else { 0 };
        Self { length: narrow(length), ..start }
    }
}

impl From<Marker> for Span {
    fn from(marker: Marker) -> Self {
        Self { line: narrow(marker.line()).max(1), column: narrow(marker.col()).saturating_add(1), length: 0 }
    }
}

/// A file's size is capped far below `u32`.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
