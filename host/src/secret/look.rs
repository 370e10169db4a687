//! What of a text has to be looked at for Secrets, and what looks like one where nothing reads the text.

use std::borrow::Cow;

use super::VALUES;

/// What a Secret calls itself; the second is how `!!binary` writes it.
const NAMES: [&str; 2] = ["Secret", "U2VjcmV0"];
/// How escapes of letters begin, and a line that goes on.
const ESCAPES: [&str; 5] = ["\\x", "\\u00", "\\U0000", "\\\n", "\\\r"];

/// The text without what is in it only because of its encoding: what stands between the letters of UTF-16 and
/// UTF-32, and marks of byte order.
pub fn cleaned(text: &str) -> Cow<'_, str> {
    const NOISE: [char; 3] = ['\0', '\u{feff}', '\u{fffd}'];
    if text.contains(NOISE) { text.replace(NOISE, "").into() } else { text.into() }
}

/// Whether every word is there without which there is no Secret.
pub fn mentions_one(text: &str) -> bool {
    let has_words = |text: &str| {
        NAMES.iter().any(|name| text.contains(name))
            && text.contains("kind")
            && VALUES.iter().any(|key| text.contains(key))
    };
    has_words(text) || (ESCAPES.iter().any(|escape| text.contains(escape)) && has_words(&plain(text)))
}

/// Whether a text that nothing reads has lines in it like those of a Secret.
pub fn looks_like_one(text: &str) -> bool {
    let text = plain(text);
    follows(&text, "kind", is_secrets_name) && VALUES.iter().any(|key| follows(&text, key, |value| !is_nothing(value)))
}

/// The text without quotes, and with what escapes stand for, however often they are escaped.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"', '\'']) {
        plain.push_str(&rest[..at]);
        let is_escape = rest[at..].starts_with('\\');
        rest = &rest[at + 1..];
        if is_escape {
            rest = rest.trim_start_matches('\\');
            let hex = |digits: usize| {
                let code = rest.get(1..=digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, digits))
            };
            let stands_for = match rest.bytes().next() {
                Some(b'x') => hex(2),
                Some(b'u') => hex(4),
                Some(b'U') => hex(8),
                Some(b'n' | b'r' | b't') => Some(('\n', 0)),
                Some(b'\n' | b'\r') => {
                    rest = rest.trim_start();
                    None
                }
                _ => None,
            };
            if let Some((letter, digits)) = stands_for {
                plain.push(letter);
                rest = &rest[1 + digits..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Whether somewhere this key is followed by such a value.
fn follows(text: &str, key: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/'))
            && text[at + key.len()..].trim_start().strip_prefix(':').is_some_and(&is_wanted)
    })
}

/// Whether a value is `Secret`, in whatever form, or may be.
fn is_secrets_name(value: &str) -> bool {
    let mut value = value.trim_start();
    while let Some(first) = value.chars().next() {
        let mark = match first {
            '!' if value.split_whitespace().next().is_some_and(|tag| tag.contains("binary")) => return true,
            // A reference may be to anything.
            '*' => return true,
            // A tag, an anchor.
            '!' | '&' => value.find(char::is_whitespace),
            // A block stands in the lines below.
            '|' | '>' | '#' => value.find('\n'),
            _ => break,
        };
        let Some(end) = mark else { return false };
        value = value[end..].trim_start();
    }
    let Some(rest) = value.strip_prefix("Secret") else { return false };
    !rest.strip_prefix("List").unwrap_or(rest).starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a value is written as an empty one.
fn is_nothing(value: &str) -> bool {
    let line = value.trim_start_matches([' ', '\t']).lines().next().unwrap_or_default().trim();
    ["{}", "null", "~"].iter().any(|empty| line == *empty || line.starts_with(&format!("{empty} #")))
}
