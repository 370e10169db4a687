//! Quoted text that goes on in lines with too little indentation.
//!
//! YAML wants them deeper than the key; the library that kubectl writes YAML with does not, and folds
//! long texts to the depth of their key. Spaces at the beginning of such a line mean nothing, so it
//! can be moved to where YAML wants it.

use std::borrow::Cow;

/// What the parser calls it.
pub(crate) const MESSAGE: &str = "invalid indentation in quoted scalar";
/// Bytes that are read again for it, so that a hostile text costs little more than an ordinary one.
const AGAIN: usize = 64 << 20;
/// Deeper than anything that may be nested.
const MARGIN: usize = 256;

/// A place where reading stopped.
pub(crate) struct Stop<E> {
    /// Why.
    pub(crate) error: E,
    /// The line, from 0, and the column, from 0, of a quoted text with too little indentation.
    pub(crate) folded: Option<(usize, usize)>,
}

impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Self { error, folded: None }
    }
}

/// Reads a text, and again as often as a quoted text in it has to be moved first.
pub(crate) fn read<T, E>(text: &str, mut once: impl FnMut(&str) -> Result<T, Stop<E>>) -> Result<T, E> {
    let mut text = Cow::Borrowed(text);
    let mut left = AGAIN;
    loop {
        let stop = match once(&text) {
            Ok(value) => return Ok(value),
            Err(stop) => stop,
        };
        let moved = stop.folded.and_then(|(line, column)| moved(&text, line, column));
        match (moved, left.checked_sub(text.len())) {
            (Some(moved), Some(rest)) => (text, left) = (Cow::Owned(moved), rest),
            _ => return Err(stop.error),
        }
    }
}

/// The text with the lines moved in which the quoted text at that place goes on.
fn moved(text: &str, line: usize, column: usize) -> Option<String> {
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let open = start + text[start..].char_indices().nth(column)?.0;
    let quote = text[open..].chars().next().filter(|quote| "'\"".contains(*quote))?;
    let inner = open + 1;
    let length = length(&text[inner..], quote)?;
    let quoted = &text[inner..inner + length];
    let lines = quoted.split_inclusive('\n').enumerate().map(|(at, line)| match at {
        0 => Cow::Borrowed(line),
        _ => Cow::Owned(format!("{:MARGIN$}{}", "", line.trim_start_matches([' ', '\t']))),
    });
    let inside: String = lines.collect();
    // Moved already, and still refused: something else is wrong.
    (inside != quoted).then(|| format!("{}{inside}{}", &text[..inner], &text[inner + length..]))
}

/// The bytes up to the closing quote.
fn length(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\\' && quote == '"' {
            chars.next();
        } else if char == quote {
            match chars.peek() {
                Some((_, '\'')) if quote == '\'' => chars.next(),
                _ => return Some(at),
            };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Value, read};

    fn text(given: &str) -> String {
        let documents = read(given, Schema::Kubernetes).unwrap();
        match &documents[0].get("a").unwrap().as_list().unwrap()[0].get("b").unwrap().value {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_that_kubectl_folded_are_read() {
        assert_eq!(text("a:\n  - b: 'one it''s\n    two\n    é three'\n    c: 1\n"), "one it's two é three");
        assert_eq!(
            text("a:\n  - b: \"one \\\"q\\\"\n    two\\n\\\n    three\n\n    four\"\n    c: 1\n"),
            "one \"q\" two\nthree\nfour"
        );
        assert_eq!(text("a:\n  - b: 'x\n    y'\n    c: 'x\n    y'\n    d: \"x\n    y\"\n"), "x y");
    }

    #[test]
    fn lines_stay_what_they_are() {
        let documents = read("a: 'x\ny'\nb:\n  c: 'x\n  y'\nd: 1\n", Schema::Core).unwrap();
        assert_eq!(documents[0].get("d").unwrap().line, 6);
    }

    #[test]
    fn what_is_not_closed_is_an_error_still() {
        for given in ["a:\n  - b: 'one\n    two\n", "a:\n  b: \"one\n  two\\", "a:\n  b: 'one\n--- two'\n"] {
            assert!(read(given, Schema::Core).is_err(), "{given}");
        }
    }
}
