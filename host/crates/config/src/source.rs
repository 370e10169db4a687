//! The text of a file, by lines.

use std::sync::OnceLock;

use crate::span::Span;

/// The longest line that is shown whole, in characters.
const WHOLE_LINE: usize = 160;
/// How much of a longer one is shown before the place.
const BEFORE: usize = 60;

/// A file's name and text.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub text: String,
    /// Where each line starts, in bytes; made when the first issue needs it.
    starts: OnceLock<Vec<usize>>,
}

/// A line of the source as an issue shows it.
pub(crate) struct Excerpt {
    pub text: Option<String>,
    pub caret: u32,
    pub length: u32,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), starts: OnceLock::new() }
    }

    /// The line of that number, from 1, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let starts = self.starts.get_or_init(|| line_starts(&self.text));
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *starts.get(index)?;
        let end = starts.get(index + 1).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }

    /// The text that a span covers on its line.
    pub fn covered(&self, span: Span) -> Option<String> {
        let line = self.line(span.line)?;
        Some(line.chars().skip(span.column as usize - 1).take(span.length as usize).collect())
    }

    /// The line around a span, fit for a terminal.
    pub fn excerpt(&self, span: Span) -> Excerpt {
        let nothing = Excerpt { text: None, caret: 1, length: 1 };
        let Some(line) = self.line(span.line) else { return nothing };
        let line: Vec<char> = line.trim_end().chars().map(printable).collect();
        if line.is_empty() {
            return nothing;
        }
        let place = (span.column as usize - 1).min(line.len());
        let (first, last) = if line.len() <= WHOLE_LINE {
            (0, line.len())
        } else {
            let first = place.saturating_sub(BEFORE);
            (first, (first + WHOLE_LINE).min(line.len()))
        };
        let mut text: String = line[first..last].iter().collect();
        let mut caret = place - first + 1;
        if first > 0 {
            text.insert(0, '…');
            caret += 1;
        }
        if last < line.len() {
            text.push('…');
        }
        let length = (span.length as usize).clamp(1, (last - place).max(1));
        Excerpt {
            text: Some(text),
            caret: u32::try_from(caret).unwrap_or(1),
            length: u32::try_from(length).unwrap_or(1),
        }
    }
}

/// A character of one column that does nothing to a terminal.
pub(crate) fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        // Control characters, and those that turn the writing direction round.
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') => {
            '\u{fffd}'
        }
        c => c,
    }
}

/// YAML ends a line by a line feed, a carriage return, or both.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|&(index, &byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(index + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(index, _)| index + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let source = Source::new("x", "a\nb\r\nc\rd");
        assert_eq!(
            (1..=5).map(|n| source.line(n)).collect::<Vec<_>>(),
            [Some("a"), Some("b"), Some("c"), Some("d"), None]
        );
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_place() {
        let text = format!("{}here{}", "x".repeat(1_000), "y".repeat(1_000));
        let excerpt = Source::new("x", &text).excerpt(Span { line: 1, column: 1_001, length: 4 });
        let shown: Vec<char> = excerpt.text.unwrap().chars().collect();
        let caret = excerpt.caret as usize;
        assert!(shown.len() < 170);
        assert_eq!(shown[caret - 1..caret + 3].iter().collect::<String>(), "here");
    }

    #[test]
    fn nothing_shown_speaks_to_the_terminal() {
        let excerpt = Source::new("x", "a: \u{1b}[31mred\t\u{202e}x").excerpt(Span { line: 1, column: 4, length: 1 });
        assert_eq!(excerpt.text.unwrap(), "a: \u{fffd}[31mred \u{fffd}x");
    }
}
