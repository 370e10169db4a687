//! Checks of what guests return, beyond its types. Secrets are masked before a text is cut and
//! escaped: after that, one could be there in a part or another form.

use springline_model::plugin::Fault;

use crate::capability::masks::Masks;
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
pub(super) fn name(masks: &Masks, what: &str, name: &str) -> Result<(), Fault> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME {
        "is longer than 2,048 bytes"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(contract(format!("{what} {wrong}: `{}`", line(masks, name))))
}

/// As [`name()`], for one that may be absent.
pub(super) fn optional_name(masks: &Masks, what: &str, text: Option<&String>) -> Result<(), Fault> {
    text.map_or(Ok(()), |text| name(masks, what, text))
}

/// A target's own notes.
pub(super) fn state(masks: &Masks, of: &str, state: &[u8]) -> Result<(), Fault> {
    if state.len() > STATE {
        return Err(contract(format!(
            "the state of `{}` has {} bytes, and 64 KiB are the most",
            line(masks, of),
            state.len()
        )));
    }
    Ok(())
}

/// One line for people.
pub(super) fn line(masks: &Masks, text: &str) -> String {
    escape(masks.mask_cut(text, MESSAGE).trim_end())
}

/// A message for people, which may have several lines.
pub(super) fn message(masks: &Masks, text: &str) -> String {
    escape_lines(masks.mask_cut(text, MESSAGE).trim_end())
}

/// Text to compare.
pub(super) fn text(masks: &Masks, text: &str) -> String {
    escape_lines(&masks.mask_cut(text, TEXT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_they_are_or_refused() {
        let masks = Masks::default();
        assert!(name(&masks, "a ref", "a/b c.txt").is_ok());
        for bad in ["", "a\nb", "\u{1b}[2J", &"x".repeat(NAME + 1)] {
            assert!(matches!(name(&masks, "a ref", bad), Err(Fault::Contract { .. })), "{bad:?}");
        }
    }

    #[test]
    fn messages_keep_their_lines_and_nothing_else() {
        let masks = Masks::default();
        assert_eq!(message(&masks, "one\r\n\u{1b}two\n"), "one\n\\u{1b}two");
        assert_eq!(line(&masks, "one\ntwo"), "one\\u{a}two");
        assert_eq!(line(&masks, &"ü".repeat(MESSAGE)).len(), MESSAGE);
    }

    #[test]
    fn notes_are_bounded() {
        let masks = Masks::default();
        assert!(state(&masks, "x", &[0; STATE]).is_ok());
        assert!(state(&masks, "x", &[0; STATE + 1]).is_err());
    }

    #[test]
    fn a_secret_is_masked_before_it_is_cut_or_escaped() {
        const SECRET: &str = "hun\"ter2\u{7}hunter2";
        let masks = Masks::default();
        masks.add("token", SECRET.as_bytes()).unwrap();
        for (shown, most) in [(line as fn(&Masks, &str) -> String, MESSAGE), (message, MESSAGE), (text, TEXT)] {
            let cut = shown(&masks, &format!("{}{SECRET}", "x".repeat(most - 11)));
            assert!(cut.ends_with("x[secret tok") && cut.len() == most, "{}", &cut[most - 40..]);
            assert_eq!(shown(&masks, &format!("a {SECRET} z")), "a [secret token] z");
        }
    }
}
