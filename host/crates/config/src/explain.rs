//! From what the validator says to what a person can act on.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use crate::branch::{self, Reduced};
use crate::document::Document;
use crate::issue::Issue;
use crate::names;
use crate::pointer::{self, shown};
use crate::suggest::{did_you_mean, nearest};
use crate::words::{self, Expected};

/// How many keys or values a suggestion lists.
const LISTED: usize = 12;

/// Explains what a validator found in one value of a document.
pub(crate) struct Explainer<'a> {
    pub document: &'a Document,
    /// The JSON pointer at which the value stands.
    pub base: &'a str,
    pub schema: &'a Value,
    /// Whose value it is.
    pub of: Option<&'a str>,
    /// What of the value stands elsewhere.
    pub part: Option<Part<'a>>,
}

/// A property of a value that stands in a document of its own.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Its key in the value.
    pub key: &'a str,
    /// The document.
    pub document: &'a Document,
    /// The JSON pointer at which it stands there.
    pub pointer: &'a str,
}

impl Part<'_> {
    /// What is left of a pointer into the value after the key; none if it leads elsewhere.
    fn below<'p>(&self, pointer: &'p str) -> Option<&'p str> {
        let rest = pointer.strip_prefix('/')?.strip_prefix(self.key)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }
}

/// One explained error.
struct Finding {
    /// The JSON pointer from the value.
    pointer: String,
    /// Shown at the key, not at the value.
    at_key: bool,
    topic: Topic,
    message: String,
    suggestion: Option<String>,
}

enum Topic {
    /// A key that is not known, and what it most likely means.
    Unknown(Option<String>),
    Missing(String),
    Other,
}

impl Explainer<'_> {
    /// The issues of the value, and those of its part that stands elsewhere.
    pub fn issues<'i>(&self, errors: impl Iterator<Item = ValidationError<'i>>) -> (Vec<Issue>, Vec<Issue>) {
        let mut findings = Vec::new();
        errors.for_each(|error| self.explain(&error, &mut findings));
        drop_missing_that_are_misspelt(&mut findings);
        let is_elsewhere = |finding: &Finding| self.part.is_some_and(|part| part.below(&finding.pointer).is_some());
        let (elsewhere, here): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_elsewhere);
        let issues = |findings: Vec<Finding>| findings.into_iter().map(|finding| self.issue(finding)).collect();
        (issues(here), issues(elsewhere))
    }

    /// Where a pointer into the value leads.
    fn place(&self, pointer: &str) -> (&Document, String) {
        match self.part.and_then(|part| Some((part, part.below(pointer)?))) {
            Some((part, below)) => (part.document, format!("{}{below}", part.pointer)),
            None => (self.document, format!("{}{pointer}", self.base)),
        }
    }

    fn issue(&self, finding: Finding) -> Issue {
        let (document, pointer) = self.place(&finding.pointer);
        let message = match self.of {
            Some(of) => format!("{of}: {}", finding.message),
            None => finding.message,
        };
        if finding.at_key {
            document.key_issue(&pointer, message, finding.suggestion)
        } else {
            document.issue(&pointer, message, finding.suggestion)
        }
    }

    fn explain(&self, error: &ValidationError<'_>, out: &mut Vec<Finding>) {
        let here = error.instance_path().as_str();
        let value = error.instance().as_ref();
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let known = self.known_keys(error);
                out.extend(unexpected.iter().map(|key| unknown_key(here, key, value, &known)));
            }
            Kind::Required { property } => out.push(self.missing_key(error, property)),
            Kind::PropertyNames { error: inner } => {
                let name = inner.instance();
                let name = name.as_str().unwrap_or_default();
                let (message, suggestion) = self.describe(inner);
                let pointer = pointer::join(here, name);
                out.push(Finding { pointer, at_key: true, topic: Topic::Other, message, suggestion });
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match branch::reduce(context, here) {
                Reduced::Branch(errors) => errors.iter().for_each(|error| self.explain(error, out)),
                Reduced::Expected { at, expected } => {
                    let found = value.pointer(at.strip_prefix(here).unwrap_or_default()).unwrap_or(value);
                    let (message, suggestion) = self.unexpected(&at, &expected, found);
                    out.push(Finding { pointer: at, at_key: false, topic: Topic::Other, message, suggestion });
                }
            },
            _ => {
                let (message, suggestion) = self.describe(error);
                out.push(Finding { pointer: here.to_owned(), at_key: false, topic: Topic::Other, message, suggestion });
            }
        }
    }

    /// What one error says of one value.
    fn describe(&self, error: &ValidationError<'_>) -> (String, Option<String>) {
        let value = error.instance().as_ref();
        let value_shown = words::quoted(value);
        let text = value.as_str().unwrap_or_default();
        if let Some(expected) = Expected::of(error) {
            return self.unexpected(error.instance_path().as_str(), &expected, value);
        }
        let message = match error.kind() {
            Kind::Pattern { pattern } => match names::explain_pattern(pattern, text) {
                Some(invalid) => return (invalid.message, invalid.suggestion),
                None => format!("{value_shown} does not match the pattern `{}`", shown(pattern)),
            },
            Kind::Minimum { limit } => format!("{value_shown} is too small: it must be at least {limit}"),
            Kind::Maximum { limit } => format!("{value_shown} is too large: it may be at most {limit}"),
            Kind::ExclusiveMinimum { limit } => format!("{value_shown} is too small: it must be more than {limit}"),
            Kind::ExclusiveMaximum { limit } => format!("{value_shown} is too large: it must be less than {limit}"),
            Kind::MultipleOf { multiple_of } => format!("{value_shown} is not a multiple of {multiple_of}"),
            Kind::MinItems { limit } => {
                format!("the list needs at least {}, and has {}", words::items(*limit), words::len(value))
            }
            Kind::MaxItems { limit } => {
                format!("the list may have at most {}, and has {}", words::items(*limit), words::len(value))
            }
            Kind::MinLength { limit: 1 } => "the text is empty".to_owned(),
            Kind::MinLength { limit } => format!("{value_shown} is too short: at least {limit} characters are needed"),
            Kind::MaxLength { limit } => format!("{value_shown} is too long: at most {limit} characters are allowed"),
            Kind::MinProperties { limit } => {
                format!("the mapping needs at least {}, and has {}", words::keys(*limit), words::len(value))
            }
            Kind::MaxProperties { limit } => {
                format!("the mapping may have at most {}, and has {}", words::keys(*limit), words::len(value))
            }
            Kind::UniqueItems => "the list has the same item twice".to_owned(),
            Kind::Format { format } => format!("{value_shown} is not a valid `{}`", shown(format)),
            Kind::FalseSchema => "nothing may stand here".to_owned(),
            Kind::OneOfMultipleValid { .. } => {
                "this fits more than one of the forms of which exactly one is allowed".to_owned()
            }
            _ => words::printable_line(&error.to_string()),
        };
        (message, None)
    }

    /// What to say when something else was expected.
    fn unexpected(&self, here: &str, expected: &Expected, found: &Value) -> (String, Option<String>) {
        let (document, place) = self.place(here);
        let written = document.source().covered(document.value_span_at(&place)).unwrap_or_default();
        if let (Some(text), true) = (found.as_str(), expected.has_texts()) {
            let options = expected.texts();
            let message = format!("`{}` is not one of {}", shown(text), words::list(options.iter().copied(), LISTED));
            return (message, nearest(text, options).map(did_you_mean));
        }
        let message = format!("expected {}, found {}", expected.words(), words::found(found, &written));
        (message, expected.instead_of(found, &written))
    }

    fn missing_key(&self, error: &ValidationError<'_>, property: &Value) -> Finding {
        let key = property.as_str().unwrap_or_default();
        let about = self.schema_around(error).and_then(|schema| self.property(schema, key));
        let about = about.and_then(|property| property.get("description")?.as_str());
        let about = about.and_then(words::first_sentence);
        Finding {
            pointer: error.instance_path().as_str().to_owned(),
            at_key: false,
            message: format!("missing key `{}`", shown(key)),
            suggestion: about.map(|about| format!("`{}`: {about}", shown(key))),
            topic: Topic::Missing(key.to_owned()),
        }
    }

    /// The keys that the schema knows where it found one that it does not know.
    fn known_keys(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let properties = self.schema_around(error).and_then(|schema| schema.get("properties")?.as_object());
        properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The schema whose keyword made the error.
    fn schema_around(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let keyword = error.schema_path().as_str();
        self.schema.pointer(keyword.rsplit_once('/')?.0)
    }

    /// The schema of a property, through one reference.
    fn property<'s>(&'s self, schema: &'s Value, key: &str) -> Option<&'s Value> {
        let property = schema.get("properties")?.get(key)?;
        match property.get("$ref").and_then(Value::as_str) {
            Some(reference) if property.get("description").is_none() => {
                self.schema.pointer(reference.strip_prefix('#')?)
            }
            _ => Some(property),
        }
    }
}

fn unknown_key(here: &str, key: &str, value: &Value, known: &[&str]) -> Finding {
    let free = known.iter().copied().filter(|known| value.get(known).is_none());
    let meant = nearest(key, free.clone());
    let suggestion = match (meant, known) {
        (Some(meant), _) => Some(did_you_mean(meant)),
        (None, []) => None,
        (None, [only]) => Some(format!("the only key here is `{}`", shown(only))),
        (None, _) => Some(format!("the keys here are {}", words::list(known.iter().copied(), LISTED))),
    };
    Finding {
        pointer: pointer::join(here, key),
        at_key: true,
        message: format!("unknown key `{}`", shown(key)),
        suggestion,
        topic: Topic::Unknown(meant.map(str::to_owned)),
    }
}

/// A key that is missing because it is misspelt is one mistake, told once.
fn drop_missing_that_are_misspelt(findings: &mut Vec<Finding>) {
    let misspelt: Vec<(String, String)> = findings
        .iter()
        .filter_map(|finding| match &finding.topic {
            Topic::Unknown(Some(meant)) => Some((finding.pointer.rsplit_once('/')?.0.to_owned(), meant.clone())),
            _ => None,
        })
        .collect();
    if misspelt.is_empty() {
        return;
    }
    let misspelt: std::collections::HashSet<_> = misspelt.into_iter().collect();
    findings.retain(|finding| match &finding.topic {
        Topic::Missing(key) => !misspelt.contains(&(finding.pointer.clone(), key.clone())),
        _ => true,
    });
}
