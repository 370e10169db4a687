//! What MiniJinja reports, as a violation that names the place and what would be right.

use std::error::Error as _;
use std::sync::Arc;

use minijinja::{Error, ErrorKind};
use springline_sdk::Violation;

use crate::context::Root;
use crate::engine::FUEL;
use crate::suggest::did_you_mean;

/// The violation behind this error of rendering `template`. `templates` are the files there are.
pub fn violation(error: &Error, template: &str, root: &Arc<Root>, templates: &[String]) -> Violation {
    let cause = innermost(error);
    let detail = cause.detail().unwrap_or_default();
    let message = match cause.kind() {
        ErrorKind::UndefinedError => undefined(detail, root),
        ErrorKind::TemplateNotFound => {
            let Some(name) = quoted(detail, &['"', '\'']) else { return place(detail.to_owned(), cause, template) };
            let hint = did_you_mean(name, templates.iter().map(String::as_str));
            format!("there is no template `{name}` in the input directory{hint}")
        }
        ErrorKind::OutOfFuel => format!("this computes too much: a template may use {FUEL} units of fuel"),
        ErrorKind::SyntaxError => detail.to_owned(),
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    };
    place(message, cause, template)
}

/// The violation in the place that the error names.
fn place(message: String, cause: &Error, template: &str) -> Violation {
    let violation = Violation::new(message).file(cause.name().unwrap_or(template));
    match cause.line().and_then(|line| u32::try_from(line).ok()) {
        Some(line) => violation.line(line),
        None => violation,
    }
}

/// The error that caused the others: an include reports that of what it includes.
fn innermost(error: &Error) -> &Error {
    let mut cause = error;
    while let Some(next) = cause.source().and_then(|source| source.downcast_ref::<Error>()) {
        cause = next;
    }
    cause
}

/// What is between two of these marks.
fn quoted<'t>(text: &'t str, marks: &[char]) -> Option<&'t str> {
    text.split(marks).nth(1)
}

fn undefined(detail: &str, root: &Arc<Root>) -> String {
    let Some(expression) = quoted(detail, &['`']) else {
        return if detail.is_empty() {
            "a value is not defined".to_owned()
        } else {
            format!("a value is not defined: {detail}")
        };
    };
    let hint = parts(expression).and_then(|parts| {
        let (missing, of) = parts.split_last()?;
        let names = root.names_below(of)?;
        Some(did_you_mean(missing, names.iter().map(String::as_str)))
    });
    format!("`{expression}` is not defined{}", hint.unwrap_or_default())
}

/// The parts of `a.b["c"]`; none if it is anything else.
fn parts(expression: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in expression.split(['.', '[']) {
        let part = part.strip_suffix(']').unwrap_or(part).trim_matches(['"', '\'']);
        if part.is_empty() || part.contains(['(', ')', ' ']) {
            return None;
        }
        parts.push(part);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_have_parts() {
        assert_eq!(parts("a.b[\"c-d\"].e"), Some(vec!["a", "b", "c-d", "e"]));
        assert_eq!(parts("(...).b"), None);
        assert_eq!(parts("f(x)"), None);
    }
}
