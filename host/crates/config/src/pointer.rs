//! JSON pointers (RFC 6901), and texts as messages show them.

use std::borrow::Cow;

use crate::source::printable;

/// How much of a text a message shows, in characters.
const SHOWN: usize = 60;

/// Adds a step to a pointer.
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// The pointer one step further.
pub(crate) fn join(pointer: &str, token: &str) -> String {
    let mut joined = pointer.to_owned();
    push(&mut joined, token);
    joined
}

/// The steps of a pointer.
pub(crate) fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| {
        if token.contains('~') { Cow::Owned(token.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(token) }
    })
}

/// A text as a message shows it: its beginning, and nothing that speaks to a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).map(printable).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_survives_being_joined_and_split() {
        let pointer = join(&join("", "a/b~c"), "~1");
        assert_eq!(pointer, "/a~1b~0c/~01");
        assert_eq!(tokens(&pointer).collect::<Vec<_>>(), ["a/b~c", "~1"]);
        assert_eq!(tokens("").count(), 0);
    }
}
