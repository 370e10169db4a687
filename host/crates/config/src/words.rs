//! The words of messages: what was expected, what was found.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::pointer::shown;
use crate::source::printable;

/// How many values "expected" lists.
const LISTED: usize = 12;

/// What a schema wants in one place: any of some types and of some values.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    types: Vec<JsonType>,
    values: Vec<Value>,
}

impl Expected {
    /// What an error says was expected, if it is about the type or the choice of a value.
    pub fn of(error: &ValidationError<'_>) -> Option<Self> {
        let mut expected = Self::default();
        match error.kind() {
            Kind::Type { kind: TypeKind::Single(kind) } => expected.types.push(*kind),
            Kind::Type { kind: TypeKind::Multiple(kinds) } => expected.types.extend(kinds.iter()),
            Kind::Constant { expected_value } => expected.values.push(expected_value.as_ref().clone()),
            Kind::Enum { options } => expected.values.extend(options.as_array().into_iter().flatten().cloned()),
            _ => return None,
        }
        Some(expected)
    }

    /// Takes in what else would do.
    pub fn or(&mut self, other: Self) {
        let types = other.types.into_iter().filter(|kind| !self.types.contains(kind)).collect::<Vec<_>>();
        let values = other.values.into_iter().filter(|value| !self.values.contains(value)).collect::<Vec<_>>();
        self.types.extend(types);
        self.values.extend(values);
    }

    /// Whether a text would do only if it is one of some.
    pub fn has_texts(&self) -> bool {
        !self.wants(JsonType::String) && self.values.iter().any(Value::is_string)
    }

    pub fn texts(&self) -> Vec<&str> {
        self.values.iter().filter_map(Value::as_str).collect()
    }

    fn wants(&self, kind: JsonType) -> bool {
        self.types.contains(&kind)
    }

    fn wants_number(&self) -> bool {
        self.wants(JsonType::Integer) || self.wants(JsonType::Number)
    }

    /// As in "expected …". An empty value is named only where nothing else would do: nobody
    /// writes one on purpose.
    pub fn words(&self) -> String {
        let types =
            self.types.iter().filter(|kind| **kind != JsonType::Null || self.types.len() == 1).map(|kind| match kind {
                JsonType::Array => "a list".to_owned(),
                JsonType::Boolean => "`true` or `false`".to_owned(),
                JsonType::Integer => "a whole number".to_owned(),
                JsonType::Null => "nothing".to_owned(),
                JsonType::Number => "a number".to_owned(),
                JsonType::Object => "a mapping".to_owned(),
                JsonType::String => "text".to_owned(),
            });
        let values = self.values.iter().take(LISTED).map(quoted);
        or(types.chain(values).collect())
    }

    /// What to write instead of what was found.
    pub fn instead_of(&self, found: &Value, written: &str) -> Option<String> {
        let written = shown(written);
        match found {
            Value::Null => Some("write a value after the `:`, or remove the key".to_owned()),
            Value::Number(_) | Value::Bool(_)
                if self.wants(JsonType::String) || self.texts().contains(&written.as_str()) =>
            {
                Some(format!("put quotes around it: `\"{written}\"`"))
            }
            Value::String(text) if self.wants(JsonType::Boolean) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "y" => Some("write `true`".to_owned()),
                "no" | "off" | "false" | "n" => Some("write `false`".to_owned()),
                _ => None,
            },
            Value::String(text) if self.wants_number() && text.parse::<f64>().is_ok_and(f64::is_finite) => {
                Some(format!("write `{text}`, without quotes"))
            }
            Value::Array(_) if self.wants(JsonType::Object) => Some("write `KEY: VALUE` lines, without `-`".to_owned()),
            Value::Object(_) if self.wants(JsonType::Array) => Some("begin each item with `- `".to_owned()),
            Value::String(_) | Value::Number(_) | Value::Bool(_)
                if self.wants(JsonType::Array) && !written.is_empty() =>
            {
                Some(format!("for a list of one write `[{written}]`"))
            }
            _ => None,
        }
    }
}

/// As in "…, found …". `written` is how the file writes it.
pub(crate) fn found(value: &Value, written: &str) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(_) if !written.is_empty() => format!("the number `{}`", shown(written)),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text `{}`", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// A value between backticks; a collection by its kind.
pub(crate) fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", shown(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// Words between backticks, as many as a reader wants.
pub(crate) fn list<'a>(words: impl ExactSizeIterator<Item = &'a str>, most: usize) -> String {
    let more = words.len() > most;
    let mut list = words.take(most).map(|word| format!("`{}`", shown(word))).collect::<Vec<_>>().join(", ");
    if more {
        list.push_str(", …");
    }
    list
}

pub(crate) fn items(number: u64) -> String {
    count(number, "item")
}

pub(crate) fn keys(number: u64) -> String {
    count(number, "key")
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How many items or keys a value has.
pub(crate) fn len(value: &Value) -> String {
    let len = value.as_array().map_or_else(|| value.as_object().map_or(0, serde_json::Map::len), Vec::len);
    if len == 0 { "none".to_owned() } else { len.to_string() }
}

/// A description's first sentence.
pub(crate) fn first_sentence(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = text.split_inclusive(". ").next()?.trim_end();
    (!sentence.is_empty()).then(|| printable_line(sentence))
}

/// A text as one line that does nothing to a terminal.
pub(crate) fn printable_line(text: &str) -> String {
    text.chars().take(300).map(|c| if c == '\n' { ' ' } else { printable(c) }).collect()
}

fn or(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}
