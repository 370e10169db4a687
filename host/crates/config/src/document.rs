//! A YAML file whose every value knows its place.

use std::sync::OnceLock;

use serde_json::Value;
use springline_model::plugin::Violation;

use crate::compose::compose;
use crate::issue::{ConfigError, Issue};
use crate::node::NodeRef;
use crate::pointer;
use crate::source::Source;
use crate::span::Span;
use crate::syntax;
use crate::tree::{Content, NodeId, Tree};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// A YAML 1.2 document: its values as the core schema reads them, and the place of each.
///
/// Anchors and aliases work; merge keys (`<<`) and tags beyond the core schema's are refused.
/// So is what is easily misread: a key that is not text, a key that is there twice, a number with
/// leading zeros, a number that can't be held exactly.
#[derive(Debug)]
pub struct Document {
    source: Source,
    values: OnceLock<(Tree, NodeId)>,
}

impl Document {
    /// Reads the text of the file of that name, which is used in messages only.
    ///
    /// # Errors
    /// All that is wrong with it: as YAML, or against the limits of 4 MiB, 64 levels and 500,000
    /// values.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        if text.len() > MAX_BYTES {
            let empty = Source::new(name, "");
            let message = format!("the file has {} bytes, and {MAX_BYTES} are read at most", text.len());
            return Err(ConfigError::new(name, vec![Issue::at(&empty, Span::START, "", message, None)]));
        }
        let source = Source::new(name, text);
        match compose(&source) {
            Ok(values) => Ok(Self { source, values: values.into() }),
            Err(issues) => {
                let issues = syntax::conflict(&source).map_or(issues, |conflict| vec![conflict]);
                Err(ConfigError::new(name, issues))
            }
        }
    }

    /// The same in less memory: its values are read again when somebody asks for them, as to tell of a place.
    #[must_use]
    pub fn folded(self) -> Self {
        Self { values: OnceLock::new(), ..self }
    }

    fn values(&self) -> (&Tree, NodeId) {
        let (tree, root) = self.values.get_or_init(|| {
            // The text was read before.
            compose(&self.source).unwrap_or_else(|_| {
                let mut tree = Tree::default();
                let root = tree.add(Span::START, Content::Null);
                (tree, root)
            })
        });
        (tree, *root)
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Whether there is nothing in it but comments.
    pub fn is_empty(&self) -> bool {
        matches!(self.root().content(), Content::Null)
    }

    /// The whole document as JSON, aliases written out.
    pub fn to_json(&self) -> Value {
        let (tree, root) = self.values();
        tree.to_json(root)
    }

    /// The place that a JSON pointer names: of a scalar the value, of a list or a mapping its key
    /// (an item of a list has none; then its start). Where the document does not go that far, the
    /// last value on the way.
    pub fn span_at(&self, pointer: &str) -> Span {
        let (key, node) = self.follow(pointer);
        match key {
            Some(key) if node.is_collection() => key,
            _ => node.span(),
        }
    }

    /// The place of the value itself that a JSON pointer names.
    pub(crate) fn value_span_at(&self, pointer: &str) -> Span {
        self.follow(pointer).1.span()
    }

    /// The place of the key that a JSON pointer ends in; of an item of a list, its start.
    pub fn key_span_at(&self, pointer: &str) -> Span {
        let (key, node) = self.follow(pointer);
        key.unwrap_or_else(|| node.span())
    }

    /// An issue at the value that a JSON pointer names, as [`span_at`](Self::span_at) finds it.
    pub fn issue(&self, pointer: &str, message: impl Into<String>, suggestion: Option<String>) -> Issue {
        Issue::at(&self.source, self.span_at(pointer), pointer, message, suggestion)
    }

    /// An issue at the key that a JSON pointer ends in.
    pub fn key_issue(&self, pointer: &str, message: impl Into<String>, suggestion: Option<String>) -> Issue {
        Issue::at(&self.source, self.key_span_at(pointer), pointer, message, suggestion)
    }

    /// The error of this file with these issues, of which there is at least one.
    pub fn error(&self, issues: Vec<Issue>) -> ConfigError {
        ConfigError::new(self.name(), issues)
    }

    /// What a plugin found wrong with its config, which stands at the pointer `config`. A
    /// violation that names a file of the plugin's input keeps that in its message and is shown
    /// at the config.
    pub fn violations(&self, config: &str, plugin: &str, violations: &[Violation]) -> ConfigError {
        let issue = |violation: &Violation| {
            let pointer = format!("{config}{}", violation.pointer.as_deref().unwrap_or_default());
            let what = match violation.pointer {
                Some(_) => violation.message.clone(),
                None => violation.to_string(),
            };
            self.issue(&pointer, format!("plugin `{plugin}`: {what}"), None)
        };
        self.error(violations.iter().map(issue).collect())
    }

    pub(crate) fn root(&self) -> NodeRef<'_> {
        let (tree, root) = self.values();
        NodeRef::new(tree, root)
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Goes down a pointer as far as there is something: the last key, and what is there.
    fn follow(&self, pointer: &str) -> (Option<Span>, NodeRef<'_>) {
        let mut place = (None, self.root());
        for token in pointer::tokens(pointer) {
            match place.1.child(&token) {
                Some(next) => place = next,
                None => break,
            }
        }
        place
    }
}

/// The line and the column, both from 1, of the value that a JSON pointer names.
pub fn locate(document: &Document, pointer: &str) -> (u32, u32) {
    let span = document.span_at(pointer);
    (span.line, span.column)
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
