//! A document's values, each with its place.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::span::Span;

/// The place of a node in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// Values by their id. An alias is a second use of one id, so it costs nothing here; what it
/// costs when it is written out is counted in `Node::size`.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

/// A value.
#[derive(Debug)]
pub(crate) struct Node {
    pub span: Span,
    /// Nodes in it, itself and what aliases bring in included.
    pub size: u32,
    /// Levels in it, itself included.
    pub height: u32,
    pub content: Content,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Sequence(Vec<NodeId>),
    Mapping(IndexMap<String, Entry>),
}

/// A value of a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub key: Span,
    pub value: NodeId,
}

impl Tree {
    /// Adds a value whose parts are there already.
    pub fn add(&mut self, span: Span, content: Content) -> NodeId {
        let (mut size, mut height) = (1_u32, 0);
        let mut count = |id: NodeId| {
            let part = self.node(id);
            size = size.saturating_add(part.size);
            height = height.max(part.height);
        };
        match &content {
            Content::Sequence(items) => items.iter().copied().for_each(&mut count),
            Content::Mapping(entries) => entries.values().for_each(|entry| count(entry.value)),
            _ => {}
        }
        // The parser stops long before 2^32 nodes.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { span, size, height: height + 1, content });
        id
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The value as JSON.
    pub fn to_json(&self, id: NodeId) -> Value {
        match &self.node(id).content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::Sequence(items) => items.iter().map(|item| self.to_json(*item)).collect(),
            Content::Mapping(entries) => {
                let mut map = Map::with_capacity(entries.len());
                map.extend(entries.iter().map(|(key, entry)| (key.clone(), self.to_json(entry.value))));
                Value::Object(map)
            }
        }
    }
}
