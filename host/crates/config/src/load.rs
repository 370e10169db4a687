//! Reading a file into typed data: its YAML, then its schema, then what no schema can say.

use serde::de::DeserializeOwned;

use crate::decode::decode;
use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::node::NodeRef;
use crate::pointer::join;
use crate::schema::CompiledSchema;

/// The version of the formats that is read.
const VERSION: u64 = 1;

/// A check that a schema can't make. It meets documents that break the schema, and then passes
/// over what it does not understand: all that is wrong with a file is told at once.
pub(crate) type Check = fn(&Document, &mut Vec<Issue>);

/// Reads the whole document as a `T`.
pub(crate) fn load<T: DeserializeOwned>(
    document: &Document,
    schema: &CompiledSchema,
    check: Check,
) -> Result<T, ConfigError> {
    if let Some(newer) = newer_version(document) {
        return Err(document.error(vec![newer]));
    }
    let value = document.to_json();
    let mut issues = Vec::new();
    if !schema.is_valid(&value) {
        issues = schema.issues(document, "", &value, None);
    }
    check(document, &mut issues);
    let decoded = decode(document.root());
    match decoded {
        Ok(decoded) if issues.is_empty() => Ok(decoded),
        Err((pointer, message)) if issues.is_empty() => {
            Err(document.error(vec![document.issue(&pointer, message, None)]))
        }
        _ => Err(document.error(issues)),
    }
}

/// A file of a newer format has keys that are not known here; only its version is worth a word.
fn newer_version(document: &Document) -> Option<Issue> {
    let version = document.root().get("version")?.number()?.as_u64().filter(|version| *version > VERSION)?;
    let message =
        format!("version {version} of this file's format is newer than this Springline, which reads {VERSION}");
    Some(document.issue("/version", message, Some("use a newer Springline".to_owned())))
}

/// Tells of names that stand twice in the key `key` of the items of a list at `pointer`.
pub(crate) fn unique(document: &Document, list: NodeRef<'_>, pointer: &str, key: &str, issues: &mut Vec<Issue>) {
    let mut first = std::collections::HashMap::new();
    for (index, item) in list.items().enumerate() {
        let Some(name) = item.get(key) else { continue };
        let Some(text) = name.text() else { continue };
        if let Some(line) = first.get(text) {
            let at = join(&join(pointer, &index.to_string()), key);
            let text = crate::pointer::shown(text);
            let message = format!("the {key} `{text}` is here twice: first on line {line}");
            issues.push(document.issue(&at, message, Some("give each its own".to_owned())));
        } else {
            first.insert(text, name.span().line);
        }
    }
}
