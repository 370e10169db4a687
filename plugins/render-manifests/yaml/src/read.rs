//! From text to trees.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::folded::{self, Stop};
use crate::json::join_surrogates;
use crate::node::{Map, Node, Value};
use crate::scalar::{NoValue, Schema, resolve};

/// How deep lists and mappings may be nested.
const DEPTH: usize = 128;
/// How many nodes aliases may add to a text, so that a short one can't become a huge tree.
const ALIASED: usize = 200_000;
/// Bytes of a key. A longer one could not be written in front of its value.
const KEY: usize = 1_000;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub message: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Error {}

/// The documents of a text; an empty one is [`Value::Null`]. Aliases and merge keys are resolved,
/// keys become text.
///
/// # Errors
/// The first place where the text is no YAML, or has no equal in JSON.
pub fn read(text: &str, schema: Schema) -> Result<Vec<Node>, Error> {
    folded::read(text, |text| {
        let mut reader = Reader { schema, documents: Vec::new(), open: Vec::new(), anchors: Vec::new(), aliased: 0 };
        each_event(text, |event, line| reader.event(event, line))?;
        Ok(reader.documents)
    })
}

/// The value of a JSON text; none if it is empty.
///
/// # Errors
/// The first place where the text is no JSON. What JSON forbids and YAML allows is not refused.
pub fn read_json(text: &str) -> Result<Option<Node>, Error> {
    let mut documents = read(&join_surrogates(text), Schema::Core)?;
    match documents.get(1) {
        Some(second) => Err(Error { line: second.line, message: "a second value begins here".into() }),
        None => Ok(documents.pop()),
    }
}

/// Whether a text is YAML at all. Tags of any meaning are accepted.
///
/// # Errors
/// The first place where it is not.
pub fn check(text: &str) -> Result<(), Error> {
    folded::read(text, |text| {
        let mut depth = 0_usize;
        each_event(text, |event, line| {
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
            check_depth(depth, line)
        })
    })
}

fn check_depth(depth: usize, line: u32) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Error { line, message: format!("nested deeper than {DEPTH} levels") });
    }
    Ok(())
}

fn each_event<'t>(text: &'t str, mut take: impl FnMut(Event<'t>, u32) -> Result<(), Error>) -> Result<(), Stop<Error>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            let (line, column) = (error.marker().line(), error.marker().col());
            let folded = (error.info() == folded::MESSAGE).then(|| (line.saturating_sub(1), column));
            Stop { error: Error { line: to_line(line), message: error.info().to_owned() }, folded }
        })?;
        take(event, to_line(span.start.line()))?;
    }
    Ok(())
}

fn to_line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// A list or a mapping that has not ended yet.
struct Open {
    line: u32,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        map: Map,
        /// The key that waits for its value, and whether it is a merge key.
        key: Option<(String, bool)>,
        /// What `<<` names, in order.
        merged: Vec<Node>,
    },
}

struct Reader {
    schema: Schema,
    documents: Vec<Node>,
    open: Vec<Open>,
    /// By the anchors' numbers, which the parser counts up from 1: what each stands for, and of how
    /// many nodes that consists.
    anchors: Vec<Option<(Node, usize)>>,
    aliased: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: u32) -> Result<(), Error> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                let value = self.scalar(text, style, tag.as_deref(), line)?;
                self.node(Node { line, value }, anchor, is_merge)
            }
            Event::SequenceStart(anchor, tag) => {
                expect_tag(tag.as_deref(), "seq", line)?;
                self.open(Open { line, anchor, content: Content::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                expect_tag(tag.as_deref(), "map", line)?;
                let content = Content::Map { map: Map::new(), key: None, merged: Vec::new() };
                self.open(Open { line, anchor, content })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => Ok(()),
        }
    }

    fn scalar(&self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, line: u32) -> Result<Value, Error> {
        let plain = || {
            resolve(&text, self.schema).map_err(|no_value| Error {
                line,
                message: match no_value {
                    NoValue::NotFinite => format!("`{text}` is no number that JSON can hold; quote it if it is text"),
                    NoValue::TooLarge => format!("`{text}` does not fit 64 bits; quote it if it is text"),
                },
            })
        };
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { plain() } else { Ok(Value::Text(text.into_owned())) };
        };
        let value = match core_tag(tag) {
            Some("str" | "timestamp") => Value::Text(text.clone().into_owned()),
            Some("int") => plain()?,
            Some("float") => match plain()? {
                Value::Int(number) => Value::Float(number as f64),
                other => other,
            },
            Some("bool" | "null") => plain()?,
            _ => return Err(unknown_tag(tag, line)),
        };
        let fits = match core_tag(tag) {
            Some("int") => matches!(value, Value::Int(_)),
            Some("float") => matches!(value, Value::Float(_)),
            Some("bool") => matches!(value, Value::Bool(_)),
            Some("null") => matches!(value, Value::Null),
            _ => true,
        };
        if fits { Ok(value) } else { Err(Error { line, message: format!("`{text}` is not what its tag says") }) }
    }

    fn open(&mut self, open: Open) -> Result<(), Error> {
        if let Some(Open { content: Content::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(Error { line: open.line, message: "a key is a list or a mapping; keys must be text".into() });
        }
        check_depth(self.open.len() + 1, open.line)?;
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(Open { line, anchor, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { mut map, merged, .. } => {
                for node in merged {
                    merge(&mut map, node)?;
                }
                Value::Map(map)
            }
        };
        self.node(Node { line, value }, anchor, false)
    }

    fn alias(&mut self, anchor: usize, line: u32) -> Result<(), Error> {
        let Some((node, size)) = self.anchors.get(anchor).and_then(Option::as_ref) else {
            return Err(Error { line, message: "an alias refers to what contains it".into() });
        };
        self.aliased += size;
        if self.aliased > ALIASED {
            return Err(Error { line, message: format!("aliases add more than {ALIASED} values") });
        }
        let node = node.clone();
        check_depth(self.open.len() + height(&node), line)?;
        self.node(node, 0, false)
    }

    /// Puts a whole node where it belongs.
    fn node(&mut self, node: Node, anchor: usize, is_merge: bool) -> Result<(), Error> {
        if anchor != 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            self.anchors[anchor] = Some((node.clone(), size(&node)));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { map, key, merged }) => match key.take() {
                None => *key = Some((to_key(node, map)?, is_merge)),
                Some((_, true)) => merged.push(node),
                Some((name, false)) => {
                    map.insert(name, node);
                }
            },
        }
        Ok(())
    }
}

/// The text of a key, which must be new to the mapping.
fn to_key(node: Node, map: &Map) -> Result<String, Error> {
    let line = node.line;
    let key = match node.value {
        Value::Text(text) => text,
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Null => return Err(Error { line, message: "a key is empty".into() }),
        Value::List(_) | Value::Map(_) => {
            return Err(Error { line, message: "a key is a list or a mapping; keys must be text".into() });
        }
    };
    if key.len() > KEY {
        return Err(Error { line, message: format!("a key is longer than {KEY} bytes") });
    }
    match map.get(&key) {
        Some(first) if first.line != 0 => {
            Err(Error { line, message: format!("`{key}` is there already; its first value is in line {}", first.line) })
        }
        Some(_) => Err(Error { line, message: format!("`{key}` is there already") }),
        None => Ok(key),
    }
}

/// Adds what `<<` names; what the mapping has already stays.
fn merge(map: &mut Map, node: Node) -> Result<(), Error> {
    match node.value {
        Value::Map(other) => {
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| match item.value {
            Value::Map(_) => merge(map, item),
            _ => Err(no_merge(item.line)),
        }),
        _ => Err(no_merge(node.line)),
    }
}

fn no_merge(line: u32) -> Error {
    Error { line, message: "`<<` merges mappings, and this is none".into() }
}

/// The name of a tag of YAML's own, such as `str`.
fn core_tag(tag: &Tag) -> Option<&str> {
    if tag.is_yaml_core_schema() {
        Some(&tag.suffix)
    } else if tag.handle == "!" && tag.suffix.is_empty() || tag.handle.is_empty() && tag.suffix == "!" {
        Some("str")
    } else {
        None
    }
}

fn expect_tag(tag: Option<&Tag>, name: &str, line: u32) -> Result<(), Error> {
    match tag {
        Some(tag) if core_tag(tag) != Some(name) && core_tag(tag) != Some("str") => Err(unknown_tag(tag, line)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, line: u32) -> Error {
    let name =
        if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { format!("{}{}", tag.handle, tag.suffix) };
    Error { line, message: format!("the tag `{name}` has no meaning here") }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn height(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(height).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = read(text, Schema::Kubernetes).unwrap();
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn error(text: &str) -> (u32, String) {
        let error = read(text, Schema::Kubernetes).unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn knows_documents_and_lines() {
        let documents = read("# first\na: 1\n---\n---\nb:\n  - c: on\n    d: 'on'\n...\n", Schema::Kubernetes).unwrap();
        assert_eq!(documents.iter().map(Node::is_null).collect::<Vec<_>>(), [false, true, false]);
        let item = &documents[2].get("b").unwrap().as_list().unwrap()[0];
        assert_eq!(item.line, 6);
        assert_eq!(item.get("c").unwrap().value, Value::Bool(true));
        assert_eq!(item.get("d").unwrap(), &Node { line: 7, value: Value::Text("on".into()) });
        assert!(read("", Schema::Core).unwrap().is_empty());
    }

    #[test]
    fn reads_json_as_well() {
        let node = read_json("{\n\t\"a\": [1, \"\\u00e9\\n\\ud83d\\ude00\", {\"b\": null}],\n\t\"c\":true\n}")
            .unwrap()
            .unwrap();
        assert_eq!(node.get("a").unwrap().as_list().unwrap()[1].as_text(), Some("é\n😀"));
        assert_eq!(node.get("c").unwrap().line, 3);
    }

    #[test]
    fn resolves_aliases_and_merge_keys() {
        let node = one("base: &b {p: 1, q: 2}\nmore:\n  <<: *b\n  q: 3\nlist: [*b, &t text, *t]\n");
        let more = node.get("more").unwrap().as_map().unwrap();
        assert_eq!(more.keys().collect::<Vec<_>>(), ["q", "p"]);
        assert_eq!(more["q"].value, Value::Int(3));
        assert_eq!(node.get("list").unwrap().as_list().unwrap()[2].as_text(), Some("text"));
    }

    #[test]
    fn tags_are_heeded() {
        let node = one("a: !!str 12\nb: !!int '12'\nc: !!float 1\nd: ! 12\n");
        assert_eq!(node.get("a").unwrap().as_text(), Some("12"));
        assert_eq!(node.get("b").unwrap().value, Value::Int(12));
        assert_eq!(node.get("c").unwrap().value, Value::Float(1.0));
        assert_eq!(node.get("d").unwrap().as_text(), Some("12"));
        assert_eq!(error("a: 1\nb: !Ref x"), (2, "the tag `!Ref` has no meaning here".into()));
        assert_eq!(error("b: !!binary aGk="), (1, "the tag `!!binary` has no meaning here".into()));
        check("b: !Ref x\nc: !!binary aGk=").unwrap();
    }

    #[test]
    fn refuses_with_the_line() {
        assert_eq!(error("a: 1\nb: 2\na: 3\n"), (3, "`a` is there already; its first value is in line 1".into()));
        assert_eq!(error("a:\n  - {{ x }}: 1\n").0, 2);
        assert_eq!(error("a: &a [*a]").1, "an alias refers to what contains it");
        assert_eq!(error("a: 1\n  b: 2\n").0, 2);
        assert_eq!(error("a: .inf").1, "`.inf` is no number that JSON can hold; quote it if it is text");
    }

    #[test]
    fn a_short_text_does_not_become_a_huge_tree() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for at in 1..10 {
            let items = vec![format!("*a{}", at - 1); 9].join(", ");
            text.push_str(&format!("a{at}: &a{at} [{items}]\n"));
        }
        assert_eq!(error(&text).1, "aliases add more than 200000 values");
        assert_eq!(error(&"- ".repeat(1_000)).1, "nested deeper than 128 levels");
        assert!(read(&"[".repeat(100_000), Schema::Core).is_err());
    }
}
