//! JSON is YAML, but for one thing: how it escapes what lies beyond 16 bits.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::{Node, Value};

impl Node {
    /// The same as JSON.
    pub fn into_json(self) -> Json {
        match self.value {
            Value::Null => Json::Null,
            Value::Bool(yes) => Json::from(yes),
            Value::Int(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                _ => Json::Null,
            },
            Value::Float(number) => Json::from(number),
            Value::Text(text) => Json::from(text),
            Value::List(items) => items.into_iter().map(Self::into_json).collect(),
            Value::Map(map) => Json::Object(map.into_iter().map(|(key, node)| (key, node.into_json())).collect()),
        }
    }
}

/// The JSON text with `\ud83d\ude00`, two halves of one character, as `\U0001f600`, which YAML
/// knows. Lines stay as they are.
pub(crate) fn join_surrogates(text: &str) -> Cow<'_, str> {
    let mut joined = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        match surrogate_pair(escape) {
            Some(c) => {
                joined.push_str(before);
                joined.push_str(&format!("\\U{:08x}", u32::from(c)));
                rest = &escape[12..];
            }
            None => {
                // An escaped backslash must not be taken for the start of another escape.
                let end = at + escape.chars().take(2).map(char::len_utf8).sum::<usize>();
                joined.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    if joined.is_empty() {
        return Cow::Borrowed(text);
    }
    joined.push_str(rest);
    Cow::Owned(joined)
}

/// The character that `\uHHHH\uHHHH` at the start of the text stands for.
fn surrogate_pair(text: &str) -> Option<char> {
    let half = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let (high, low) = (half(0)?, half(6)?);
    let mut decoded = char::decode_utf16([high, low]);
    match (decoded.next()?, decoded.next()) {
        (Ok(c), None) => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_the_same_as_json() {
        let text = r#"{"z":[null,true,-1,18446744073709551615,1.5,"2"],"a":{}}"#;
        let node = crate::read(text, crate::Schema::Kubernetes).unwrap().remove(0);
        assert_eq!(node.into_json().to_string(), text);
    }

    #[test]
    fn only_pairs_are_joined() {
        assert_eq!(join_surrogates(r#"{"a": "\ud83d\ude00!"}"#), r#"{"a": "\U0001f600!"}"#);
        for text in [r"\\ud83d\\ude00", r"\ud83dx", r"\u00e9\u00e8", r"\n\", r"\é", "plain"] {
            assert_eq!(join_surrogates(text), text);
        }
    }
}
