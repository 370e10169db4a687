//! Checks of what guests return, beyond its types.

use springline_model::plugin::Fault;

use crate::escape::{escape, escape_lines};
use crate::fault::contract;

/// The longest name of a live object, or of one of its versions, in bytes.
const NAME: usize = 2_048;
/// The longest message, in bytes.
const MESSAGE: usize = 16 << 10;
/// The longest text to compare, in bytes.
const TEXT: usize = 4 << 20;
/// The most bytes of a target's own notes.
const STATE: usize = 64 << 10;

/// A name that is kept and compared: as it is, or refused.
pub(super) fn name(what: &str, name: &str) -> Result<(), Fault> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME {
        "is longer than 2,048 bytes"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(contract(format!("{what} {wrong}: `{}`", line(name))))
}

/// As [`name()`], for one that may be absent.
pub(super) fn optional_name(what: &str, text: Option<&String>) -> Result<(), Fault> {
    text.map_or(Ok(()), |text| name(what, text))
}

/// A target's own notes.
pub(super) fn state(of: &str, state: &[u8]) -> Result<(), Fault> {
    if state.len() > STATE {
        return Err(contract(format!(
            "the state of `{}` has {} bytes, and 64 KiB are the most",
            line(of),
            state.len()
        )));
    }
    Ok(())
}

/// One line for people.
pub(super) fn line(text: &str) -> String {
    escape(cut(text, MESSAGE).trim_end())
}

/// A message for people, which may have several lines.
pub(super) fn message(text: &str) -> String {
    escape_lines(cut(text, MESSAGE).trim_end())
}

/// Text to compare.
pub(super) fn text(text: &str) -> String {
    escape_lines(cut(text, TEXT))
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_they_are_or_refused() {
        assert!(name("a ref", "a/b c.txt").is_ok());
        for bad in ["", "a\nb", "\u{1b}[2J", &"x".repeat(NAME + 1)] {
            assert!(matches!(name("a ref", bad), Err(Fault::Contract { .. })), "{bad:?}");
        }
    }

    #[test]
    fn messages_keep_their_lines_and_nothing_else() {
        assert_eq!(message("one\r\n\u{1b}two\n"), "one\n\\u{1b}two");
        assert_eq!(line("one\ntwo"), "one\\u{a}two");
        assert_eq!(line(&"ü".repeat(MESSAGE)).len(), MESSAGE);
    }

    #[test]
    fn notes_are_bounded() {
        assert!(state("x", &[0; STATE]).is_ok());
        assert!(state("x", &[0; STATE + 1]).is_err());
    }
}
