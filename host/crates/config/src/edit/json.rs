//! Values of JSON files.

use std::ops::Range;

use serde_json::Value;

use super::{EditError, There, Wanted, quoted, replaced};

pub(super) fn get(wanted: &Wanted<'_>, text: &str) -> Result<String, EditError> {
    let whole = parse(wanted, text)?;
    let range = find(wanted, text)?;
    match whole.pointer(wanted.pointer) {
        Some(Value::String(value)) => Ok(value.clone()),
        _ => Ok(text[range].to_owned()),
    }
}

pub(super) fn set(wanted: &Wanted<'_>, text: &str) -> Result<String, EditError> {
    let mut whole = parse(wanted, text)?;
    let range = find(wanted, text)?;
    if whole.pointer(wanted.pointer).and_then(Value::as_str) == Some(wanted.value) {
        return Ok(text.to_owned());
    }
    let edited = replaced(text, range, &quoted(wanted.value));
    if let Some(value) = whole.pointer_mut(wanted.pointer) {
        *value = wanted.value.into();
    }
    if parse(wanted, &edited)? != whole {
        return Err(wanted.unreadable("setting the value would change others too"));
    }
    Ok(edited)
}

fn parse(wanted: &Wanted<'_>, text: &str) -> Result<Value, EditError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| wanted.unreadable(error.to_string()))
}

/// Where the value is. The text is JSON, as somebody has checked.
fn find(wanted: &Wanted<'_>, text: &str) -> Result<Range<usize>, EditError> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut scanner = Scanner { bytes: text.as_bytes(), at: start };
    scanner.blank();
    for (reached, token) in wanted.path.iter().enumerate() {
        match scanner.enter(token) {
            Ok(()) => {}
            Err(Stop::Twice) => {
                return Err(wanted.not_one(scanner.line(), format!("is named twice: `{token}`")));
            }
            Err(Stop::There(there)) => return Err(wanted.missing(reached, &there)),
        }
    }
    if matches!(scanner.bytes.get(scanner.at), Some(b'{' | b'[')) {
        return Err(wanted.not_one(scanner.line(), "is not a single value"));
    }
    let start = scanner.at;
    scanner.skip();
    Ok(start..scanner.at)
}

enum Stop {
    There(There),
    Twice,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn line(&self) -> usize {
        self.bytes[..self.at.min(self.bytes.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Past a piece of punctuation, and the blank after it.
    fn past(&mut self) {
        self.at += 1;
        self.blank();
    }

    /// Goes to the value of a key, or to an item.
    fn enter(&mut self, token: &str) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{') => self.enter_object(token),
            Some(b'[') => {
                let wanted = token.parse::<usize>().ok().filter(|n| n.to_string() == token);
                let mut items = 0;
                self.past();
                while self.peek().is_some_and(|byte| byte != b']') {
                    if Some(items) == wanted {
                        return Ok(());
                    }
                    items += 1;
                    self.skip();
                    self.separator();
                }
                Err(Stop::There(There::Items(items)))
            }
            _ => Err(Stop::There(There::Value)),
        }
    }

    fn enter_object(&mut self, token: &str) -> Result<(), Stop> {
        let (mut keys, mut found) = (Vec::new(), None);
        self.past();
        while self.peek().is_some_and(|byte| byte != b'}') {
            let start = self.at;
            self.skip();
            let key = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or_default();
            let key: String = serde_json::from_str(key).unwrap_or_default();
            self.blank();
            self.past();
            if key == token {
                if found.is_some() {
                    return Err(Stop::Twice);
                }
                found = Some(self.at);
            }
            keys.push(key);
            self.skip();
            self.separator();
        }
        self.at = found.ok_or(Stop::There(There::Keys(keys)))?;
        Ok(())
    }

    fn separator(&mut self) {
        self.blank();
        if self.peek() == Some(b',') {
            self.past();
        }
    }

    /// Past a whole value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.skip_text(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => {
                    while self.peek().is_some_and(|byte| !b",:]}{[\" \t\n\r".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                return;
            }
        }
    }
}
