//! One value of a YAML or JSON file is set, and every other byte stays as it was: comments, order,
//! quotes, line ends.
//!
//! These are files of other people: what [`Document`](crate::Document) refuses, such as merge keys,
//! several documents and tags, is none of this module's business. What was written is read again,
//! and is the result only if nothing but the one value differs.

mod json;
mod yaml;

use std::ops::Range;

use crate::pointer::{shown, tokens};
use crate::suggest::nearest;

/// The largest file that is edited, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// Why a value can't be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file can't be read, or is too large.
    #[error("`{file}` can't be read: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        message: String,
    },
    /// There is nothing at the pointer.
    #[error("`{file}` has nothing at `{pointer}`: {there}")]
    Missing {
        /// The file.
        file: String,
        /// The pointer.
        pointer: String,
        /// What is there instead, as far as the pointer goes, and the nearest key.
        there: String,
    },
    /// What is at the pointer is no single value.
    #[error("`{file}`, line {line}: what is at `{pointer}` {why}")]
    NotOne {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The pointer.
        pointer: String,
        /// What it is.
        why: String,
    },
}

/// The file of that name with one value set: the text at `pointer` becomes `value`. A name that ends
/// in `.json` says that it is JSON; everything else is YAML.
///
/// # Errors
/// See [`EditError`].
pub fn set_value(file: &str, text: &str, pointer: &str, value: &str) -> Result<String, EditError> {
    let unreadable = |message: String| EditError::Unreadable { file: file.to_owned(), message };
    if text.len() > MAX_BYTES {
        return Err(unreadable(format!("it has {} bytes, and {MAX_BYTES} are edited at most", text.len())));
    }
    if !pointer.starts_with('/') {
        return Err(missing(file, pointer, "a pointer starts with `/`, as in `/site/digest`".to_owned()));
    }
    let path: Vec<String> = tokens(pointer).map(|token| token.into_owned()).collect();
    let wanted = Wanted { file, pointer, path: &path, value };
    if file.to_ascii_lowercase().ends_with(".json") { json::set(&wanted, text) } else { yaml::set(&wanted, text) }
}

/// The text of the value at a pointer.
///
/// # Errors
/// See [`EditError`].
pub fn value_at(file: &str, text: &str, pointer: &str) -> Result<String, EditError> {
    let path: Vec<String> = tokens(pointer).map(|token| token.into_owned()).collect();
    let wanted = Wanted { file, pointer, path: &path, value: "" };
    if file.to_ascii_lowercase().ends_with(".json") { json::get(&wanted, text) } else { yaml::get(&wanted, text) }
}

/// What is to be set, and where.
struct Wanted<'a> {
    file: &'a str,
    pointer: &'a str,
    path: &'a [String],
    value: &'a str,
}

impl Wanted<'_> {
    fn unreadable(&self, message: impl Into<String>) -> EditError {
        EditError::Unreadable { file: self.file.to_owned(), message: message.into() }
    }

    fn not_one(&self, line: usize, why: impl Into<String>) -> EditError {
        EditError::NotOne { file: self.file.to_owned(), line, pointer: self.pointer.to_owned(), why: why.into() }
    }

    /// Nothing is there: `reached` steps of the way are, and then there are these keys, or so many items.
    fn missing(&self, reached: usize, there: &There) -> EditError {
        let at = match reached {
            0 => "its top".to_owned(),
            _ => format!("`/{}`", self.path[..reached].join("/")),
        };
        let wanted = self.path.get(reached).map_or("", String::as_str);
        let there = match there {
            There::Keys(keys) if keys.is_empty() => format!("{at} is empty"),
            There::Keys(keys) => {
                let near = nearest(wanted, keys.iter().map(String::as_str));
                let near = near.map(|near| format!(", the nearest key is `{}`", shown(near))).unwrap_or_default();
                let named: Vec<String> = keys.iter().take(8).map(|key| format!("`{}`", shown(key))).collect();
                let more = if keys.len() > named.len() { ", …" } else { "" };
                format!("{at} has {}{more}{near}", named.join(", "))
            }
            There::Items(number) => format!("{at} is a list of {number}, counted from 0"),
            There::Value => format!("{at} is a single value"),
            There::Nothing => "it is empty".to_owned(),
        };
        missing(self.file, self.pointer, there)
    }
}

fn missing(file: &str, pointer: &str, there: String) -> EditError {
    EditError::Missing { file: file.to_owned(), pointer: pointer.to_owned(), there }
}

/// What is where a pointer goes no further.
#[derive(Debug, Clone)]
enum There {
    Keys(Vec<String>),
    Items(usize),
    Value,
    Nothing,
}

/// A text with a part of it replaced.
fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    [&text[..range.start], by, &text[range.end..]].concat()
}

/// A text in double quotes, as both YAML and JSON read it.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests;
