//! Values of desired objects.

use std::cell::RefCell;
use std::fmt;

use serde_json::Value;
use springline_config::Document;
use springline_model::manifest::{Body, Object};
use springline_model::port::Blobs as _;
use springline_model::run::Release;
use springline_model::trace::{Found, find};

use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::secret::Mask;

/// The longest value that is shown whole.
const SHOWN: usize = 120;

/// A value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// At a JSON pointer.
    Pointer(String),
    /// A line of text, from 1.
    Line(usize),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

impl Field {
    /// `/spec/replicas`, `spec.replicas`, or the number of a line.
    pub fn parse(text: &str) -> Result<Self, CliError> {
        match text.parse() {
            Ok(0) => Err(CliError::new(Kind::Usage, "`0` is no line: they are counted from 1")),
            Ok(line) => Ok(Self::Line(line)),
            _ if text.starts_with('/') => Ok(Self::Pointer(text.to_owned())),
            _ if text.is_empty() || text.split('.').any(str::is_empty) => {
                Err(CliError::new(Kind::Usage, format!("`{text}` names no value"))
                    .hint("a value is named by a JSON pointer (`/spec/replicas`), a path with dots (`spec.replicas`) or the number of a line"))
            }
            _ => Ok(Self::Pointer(
                text.split('.').map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect(),
            )),
        }
    }

    /// The value in a text; none if there is none.
    fn of(&self, name: &str, text: &str) -> Result<Option<Value>, CliError> {
        match self {
            Self::Line(line) => Ok(text.lines().nth(line - 1).map(Value::from)),
            Self::Pointer(pointer) => {
                // What is wrong with it would show its text, which may be secret.
                let document = Document::parse(name, text).map_err(|_| {
                    CliError::new(Kind::Usage, format!("`{name}` is no YAML or JSON: it has no value at {pointer}"))
                        .hint("a value of a text is named by the number of its line")
                })?;
                Ok(document.to_json().pointer(pointer).cloned())
            }
        }
    }

    /// Its last part, as it stands in a file.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Line(_) => None,
            Self::Pointer(pointer) => {
                let key = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err())?;
                Some(key.replace("~1", "/").replace("~0", "~"))
            }
        }
    }
}

/// The desired objects of a release.
pub fn objects(app: &App, release: &Release) -> Result<Vec<Object>, CliError> {
    let bytes = app.blobs.get(&release.objects)?;
    serde_json::from_slice(&bytes).map_err(|_| {
        CliError::new(Kind::State, format!("the objects of release {} can't be read", release.id.short()))
            .hint("`springline run` makes them again")
    })
}

/// The body of the object of this id, or of the one with the file of this path, and the path below it.
pub fn body_of<'o, 'i>(objects: &'o [Object], id: &'i str) -> Option<(&'o Body, &'i str)> {
    objects.iter().find_map(|object| match (id.strip_prefix(object.id.as_str())?, &object.body) {
        ("", body) => Some((body, "")),
        (path, body @ Body::Tree(_)) => Some((body, path.strip_prefix('/')?)),
        _ => None,
    })
}

/// A value, and what may be shown of it.
pub struct Seen {
    pub value: Value,
    pub shown: Value,
}

/// The value of an object; none if there is no such object or value.
pub fn read(
    app: &App,
    objects: &[Object],
    (id, field): (&str, &Field),
    mask: &RefCell<Mask>,
) -> Result<Option<Seen>, CliError> {
    let bytes = match body_of(objects, id) {
        None => return Ok(None),
        Some((Body::Blob(blob), _)) => app.blobs.get(blob)?,
        Some((Body::Tree(tree), path)) => {
            let tree = app.blobs.tree(tree)?;
            match find(tree.as_ref(), path)? {
                Found::Entry(entry) if entry.kind.is_file() => tree.read(&entry)?,
                _ => return Ok(None),
            }
        }
    };
    let text = str::from_utf8(&bytes).map_err(|_| CliError::new(Kind::Usage, format!("`{id}` is no text")))?;
    let Some(value) = field.of(id, text)? else { return Ok(None) };
    let shown = shown(field, (id, text), &value, mask);
    Ok(Some(Seen { value, shown }))
}

/// What may be shown of a value: where there is a Secret in the text, no line of it, and of its values none.
fn shown(field: &Field, (id, text): (&str, &str), value: &Value, mask: &RefCell<Mask>) -> Value {
    let masked = mask.borrow_mut().hide(text);
    let found = match field {
        _ if masked == text => return value.clone(),
        Field::Line(_) => None,
        Field::Pointer(_) => field.of(id, &masked).ok().flatten(),
    };
    found.unwrap_or_else(|| Value::from("<hidden: there is a Secret in it>"))
}

/// A value on one line, cut if it is long.
pub fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The line of a file where a value most likely stands: with its key, or else alone in the file.
pub fn line_of(text: &str, key: Option<&str>, value: &Value) -> Option<u32> {
    let words = match value {
        Value::String(words) if !words.trim().is_empty() => words.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    let with_value = || (1_u32..).zip(text.lines()).filter(|(_, line)| line.contains(&words));
    let with_key = with_value().find(|(_, line)| key.is_some_and(|key| line.contains(key)));
    let mut all = with_value();
    let only = all.next().filter(|_| all.next().is_none());
    with_key.or(only).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_in_three_ways() {
        let pointer = |text: &str| match Field::parse(text).map_err(|error| error.message) {
            Ok(Field::Pointer(pointer)) => pointer,
            other => panic!("{other:?}"),
        };
        assert_eq!(pointer("/spec/replicas"), "/spec/replicas");
        assert_eq!(pointer("spec.containers.0.image"), "/spec/containers/0/image");
        assert_eq!(pointer("metadata.a/b"), "/metadata/a~1b");
        assert!(matches!(Field::parse("12"), Ok(Field::Line(12))));
        for wrong in ["", ".", "a..b", ".a", "0"] {
            assert!(Field::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Field::Pointer("/spec/containers/0".into()).key().as_deref(), Some("containers"));
    }

    #[test]
    fn a_text_has_lines_only() {
        let of = |field: Field| field.of("robots.txt", "User-agent: *\n").map_err(|error| (error.kind, error.message));
        assert_eq!(of(Field::Line(1)), Ok(Some(json!("User-agent: *"))));
        let (kind, message) = of(Field::Pointer("/a".into())).unwrap_err();
        assert_eq!((kind, message.as_str()), (Kind::Usage, "`robots.txt` is no YAML or JSON: it has no value at /a"));
    }

    #[test]
    fn no_value_of_a_secret_is_shown() {
        let text = "kind: Secret\nmetadata:\n  name: token\ndata:\n  key: aHVudGVyMg==\n";
        for (field, seen) in
            [("metadata.name", "token"), ("data.key", "<hidden, value"), ("data", "<hidden"), ("5", "<hidden")]
        {
            let field = Field::parse(field).map_err(|error| error.message).unwrap();
            let value = field.of("a", text).map_err(|error| error.message).unwrap().unwrap();
            let shown = shown(&field, ("a", text), &value, &RefCell::default()).to_string();
            assert!(shown.contains(seen) && !shown.contains("aHVudGVyMg"), "{shown}");
        }
        let plain = "kind: ConfigMap\ndata:\n  key: seen\n";
        assert_eq!(shown(&Field::Line(3), ("a", plain), &json!("  key: seen"), &RefCell::default()), "  key: seen");
    }

    #[test]
    fn the_line_is_the_one_with_the_key() {
        let text = "replicas: 3\nport: 3000\nother: 3\n";
        assert_eq!(line_of(text, Some("replicas"), &json!(3)), Some(1));
        assert_eq!(line_of(text, Some("none"), &json!(3)), None, "it could be any of three");
        assert_eq!(line_of(text, None, &json!("3000")), Some(2));
        assert_eq!(line_of(text, None, &json!([3])), None);
    }
}
