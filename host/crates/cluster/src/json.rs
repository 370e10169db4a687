//! Parts of JSON texts by where they are, so that what an API server wrote is passed on as it wrote
//! it: the order of its members, its numbers, and what no type here knows of.
//!
//! The texts have to be JSON already ([`is_json`]); of others, parts are left out.

use std::ops::Range;

use serde::de::IgnoredAny;

/// Whether a text is JSON. One that is nested deeper than serde_json goes is taken for it: an object
/// like that must not keep others of its list from being read.
pub fn is_json(text: &str) -> bool {
    let read = serde_json::from_str::<IgnoredAny>(text);
    read.err().is_none_or(|error| error.to_string().starts_with("recursion limit exceeded"))
}

/// One member of an object, or one element of an array, whose name is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'t> {
    /// The name as it is written, without the quotes.
    pub name: &'t str,
    /// From the name to the end of the value.
    pub whole: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// The members of an object or the elements of an array. Nothing for any other value.
pub fn parts(text: &str) -> Parts<'_> {
    let start = blank_end(text.as_bytes(), 0);
    match text.as_bytes().get(start) {
        Some(b'{') => Parts { text, at: start + 1, named: true },
        Some(b'[') => Parts { text, at: start + 1, named: false },
        _ => Parts { text, at: text.len(), named: false },
    }
}

/// The value of one member of an object.
pub fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    parts(text).find(|part| part.name == name).and_then(|part| text.get(part.value))
}

/// Walks over the parts of a value.
pub struct Parts<'t> {
    text: &'t str,
    at: usize,
    named: bool,
}

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        let bytes = self.text.as_bytes();
        let mut start = blank_end(bytes, self.at);
        if bytes.get(start) == Some(&b',') {
            start = blank_end(bytes, start + 1);
        }
        let mut name = "";
        let mut value = start;
        if self.named {
            let end = string_end(bytes, start)?;
            name = self.text.get(start + 1..end - 1)?;
            let colon = blank_end(bytes, end);
            value = blank_end(bytes, (bytes.get(colon) == Some(&b':')).then_some(colon + 1)?);
        }
        let end = value_end(bytes, value)?;
        self.at = end;
        Some(Part { name, whole: start..end, value: value..end })
    }
}

fn blank_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// Where the string ends that starts here, its quote included.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from) != Some(&b'"') {
        return None;
    }
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the value ends that starts here.
fn value_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut depth = 0_usize;
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                at = string_end(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') if depth > 0 => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            Some(b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r') | None if depth == 0 => {
                return (at > from).then_some(at);
            }
            Some(_) => at += 1,
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(&str, &str)> {
        parts(text).map(|part| (part.name, &text[part.value])).collect()
    }

    #[test]
    fn parts_are_found_whatever_is_in_them() {
        let text = r#" { "a" : 1 , "b":"},\"]" ,"c":{"d":[1,{"e":"{"}]},"f":[ ] , "g\"":null}"#;
        assert_eq!(
            texts(text),
            [("a", "1"), ("b", r#""},\"]""#), ("c", r#"{"d":[1,{"e":"{"}]}"#), ("f", "[ ]"), (r#"g\""#, "null")]
        );
        assert_eq!(texts(r#"[1.50,"x",{"y":2}]"#), [("", "1.50"), ("", r#""x""#), ("", r#"{"y":2}"#)]);
        assert_eq!(texts("{}"), []);
        assert_eq!(texts("7"), []);
        assert_eq!(member(text, "c"), Some(r#"{"d":[1,{"e":"{"}]}"#));
        assert_eq!(member(text, "d"), None);
    }

    #[test]
    fn depth_is_no_obstacle() {
        let deep = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(9999), "]".repeat(9999));
        assert!(is_json(&deep));
        assert_eq!(member(&deep, "b"), Some("1"));
    }

    /// Every beginning of a text is walked over to its end without a panic.
    #[test]
    fn a_cut_text_gives_fewer_parts() {
        let text = r#"{"metadata":{"name":"ä\\\"","x":[1,[2]]},"b":-1e5}"#;
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let cut = &text[..end];
            assert!(parts(cut).count() <= 2, "{cut}");
            assert_eq!(is_json(cut), end == text.len(), "{cut}");
        }
    }
}
