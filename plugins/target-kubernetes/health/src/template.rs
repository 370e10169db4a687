//! Text with expressions in it: `${status.readyReplicas} of ${spec.replicas} are ready`.

use cel::{Context, Value};

use crate::expression::{Expression, Located, NoValue, Position, Problem, position};
use crate::object;

/// Bytes of a message's source, and of a message.
const LENGTH: usize = 4_096;
/// Expressions in one message.
const PARTS: usize = 32;

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

/// A checked template.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    pub(crate) fn compile(text: &str) -> Result<Self, Located> {
        if text.len() > LENGTH {
            return Err((None, Problem::TooLarge("too long")));
        }
        let mut parts = Vec::new();
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let start = text.len() - rest.len() + at + 2;
            let length = end(&text[start..]).ok_or_else(|| (Some(position(text, start - 2)), Problem::Unclosed))?;
            let source = &text[start..start + length];
            let expression = Expression::compile(source)
                .map_err(|(at, problem)| (Some(shift(position(text, start), at)), problem))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Expression(expression));
            if parts.len() > PARTS {
                return Err((None, Problem::TooLarge("made of too many parts")));
            }
            rest = &text[start + length + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The text; what is missing is left out.
    pub(crate) fn render(&self, context: &Context<'_, '_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression(expression) => match expression.evaluate(context) {
                    Ok(value) => push(&mut text, &value),
                    Err(NoValue::Missing) => {}
                    Err(NoValue::Failed(why)) => return Err(why),
                },
            }
            if text.len() > LENGTH {
                text.truncate(text.floor_char_boundary(LENGTH));
                text.push('…');
                break;
            }
        }
        Ok(text.trim().to_owned())
    }
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::String(plain) => text.push_str(&plain[..plain.floor_char_boundary(LENGTH + 1)]),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if text.len() > LENGTH {
                    return;
                }
                if index > 0 {
                    text.push_str(", ");
                }
                push(text, item);
            }
        }
        other => text.push_str(&object::plain(other)),
    }
}

/// The bytes up to the brace that closes the expression.
fn end(text: &str) -> Option<usize> {
    let (mut open, mut quote, mut escaped) = (0_usize, None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(mark), _) if mark == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => open += 1,
            (None, b'}') if open == 0 => return Some(at),
            (None, b'}') => open -= 1,
            (None, _) => {}
        }
    }
    None
}

/// A place within an expression, as a place within the text around it.
fn shift(start: Position, inner: Option<Position>) -> Position {
    match inner {
        None => start,
        Some(inner) if inner.line == 1 => Position { line: start.line, column: start.column + inner.column - 1 },
        Some(inner) => Position { line: start.line + inner.line - 1, column: inner.column },
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
