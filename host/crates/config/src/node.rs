//! A value of a document, to walk from.

use serde_json::Number;

use crate::span::Span;
use crate::tree::{Content, NodeId, Tree};

/// A value of a document.
#[derive(Clone, Copy)]
pub(crate) struct NodeRef<'a> {
    tree: &'a Tree,
    id: NodeId,
}

impl<'a> NodeRef<'a> {
    pub fn new(tree: &'a Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    pub fn content(self) -> &'a Content {
        &self.tree.node(self.id).content
    }

    pub fn span(self) -> Span {
        self.tree.node(self.id).span
    }

    pub fn is_collection(self) -> bool {
        matches!(self.content(), Content::Sequence(_) | Content::Mapping(_))
    }

    /// The text, if it is one.
    pub fn text(self) -> Option<&'a str> {
        match self.content() {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(self) -> Option<&'a Number> {
        match self.content() {
            Content::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(self, key: &str) -> Option<Self> {
        self.child(key).filter(|(key, _)| key.is_some()).map(|(_, node)| node)
    }

    /// What one step of a JSON pointer leads to, with the place of its key if it has one.
    pub fn child(self, token: &str) -> Option<(Option<Span>, Self)> {
        match self.content() {
            Content::Mapping(entries) => entries.get(token).map(|entry| (Some(entry.key), self.at(entry.value))),
            Content::Sequence(items) => items.get(token.parse::<usize>().ok()?).map(|id| (None, self.at(*id))),
            _ => None,
        }
    }

    /// The keys and values of a mapping; nothing for anything else.
    pub fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = match self.content() {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(move |(key, entry)| (key.as_str(), self.at(entry.value)))
    }

    /// The items of a list; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items: &[NodeId] = match self.content() {
            Content::Sequence(items) => items,
            _ => &[],
        };
        items.iter().map(move |id| self.at(*id))
    }

    fn at(self, id: NodeId) -> Self {
        Self { tree: self.tree, id }
    }
}
