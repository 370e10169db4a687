//! From the parser's events to a tree.

use std::collections::HashMap;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::issue::Issue;
use crate::pointer;
use crate::scalar::{self, Scalar};
use crate::source::Source;
use crate::span::Span;
use crate::syntax;
use crate::tree::{Content, Entry, NodeId, Tree};

/// How deep a document may nest, aliases included.
const MAX_DEPTH: usize = 64;
/// How many values a document may hold, aliases written out.
const MAX_NODES: usize = 500_000;

/// Reads the one document of a text. An empty text is a null.
///
/// # Errors
/// All that is wrong; reading stops early only where it can't go on.
pub(crate) fn compose(source: &Source) -> Result<(Tree, NodeId), Vec<Issue>> {
    let mut composer = Composer {
        source,
        tree: Tree::default(),
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        issues: Vec::new(),
    };
    let stopped = composer.read().err();
    let Composer { mut tree, root, mut issues, .. } = composer;
    issues.extend(stopped);
    if !issues.is_empty() {
        return Err(issues);
    }
    let root = root.unwrap_or_else(|| tree.add(Span::START, Content::Null));
    Ok((tree, root))
}

struct Composer<'a> {
    source: &'a Source,
    tree: Tree,
    /// The collections around the current place, the innermost last.
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    root: Option<NodeId>,
    issues: Vec<Issue>,
}

/// A collection that is being read.
struct Open {
    span: Span,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    Sequence(Vec<NodeId>),
    Mapping { entries: IndexMap<String, Entry>, next: Next },
}

/// What comes next in a mapping.
enum Next {
    Key,
    ValueOf(String, Span),
    /// The value of a key that was refused; it is read and dropped.
    Dropped,
}

impl Composer<'_> {
    /// Reads to the end. The error is the issue that it could not go past.
    fn read(&mut self) -> Result<(), Issue> {
        let mut parser = Parser::new_from_str(&self.source.text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| syntax::explain(self.source, &error))?;
            let span = Span::from(span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let help = "remove the `---` line and what follows, or put it into a file of its own";
                        return Err(self.issue(span, "a second document begins here, and the file may hold one", help));
                    }
                }
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(text.into_owned(), style, anchor, tag.as_deref(), span)?
                }
                Event::SequenceStart(anchor, tag) => {
                    self.begin(Parts::Sequence(Vec::new()), "seq", anchor, tag.as_deref(), span)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let parts = Parts::Mapping { entries: IndexMap::new(), next: Next::Key };
                    self.begin(parts, "map", anchor, tag.as_deref(), span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, parts: Parts, kind: &str, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Issue> {
        if let Some(tag) = tag.filter(|tag| !(is_local(tag) || tag.is_yaml_core_schema() && tag.suffix == kind)) {
            self.refuse_tag(tag, span);
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.issue(span, format!("more than {MAX_DEPTH} levels deep"), "nest less"));
        }
        self.open.push(Open { span, anchor, parts });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Issue> {
        let Some(Open { span, anchor, parts }) = self.open.pop() else { return Ok(()) };
        let content = match parts {
            Parts::Sequence(items) => Content::Sequence(items),
            Parts::Mapping { entries, .. } => Content::Mapping(entries),
        };
        self.finish(span, content, anchor)
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Issue> {
        let plain = style == ScalarStyle::Plain;
        if let Some(Open { parts: Parts::Mapping { next, .. }, .. }) = self.open.last() {
            match next {
                Next::Key => {
                    self.key(text, plain && tag.is_none(), span);
                    return Ok(());
                }
                // A value that is not there is shown at its key.
                Next::ValueOf(_, key) if plain && text.is_empty() => {
                    let key = *key;
                    return self.finish(key, Content::Null, anchor);
                }
                _ => {}
            }
        }
        let content = self.meaning(text, plain, tag, span);
        self.finish(span, content, anchor)
    }

    /// What a scalar means, by its tag or, plain and without one, by its form.
    fn meaning(&mut self, text: String, plain: bool, tag: Option<&Tag>, span: Span) -> Content {
        let resolved = match tag {
            None if plain => scalar::resolve(&text),
            None => Ok(Scalar::Text),
            Some(tag) if is_local(tag) || (tag.is_yaml_core_schema() && tag.suffix == "str") => Ok(Scalar::Text),
            Some(tag) if tag.is_yaml_core_schema() => {
                let resolved = scalar::resolve(&text);
                if let Ok(value) = &resolved
                    && !fits(&tag.suffix, value)
                {
                    self.refuse_tag(tag, span);
                }
                resolved
            }
            Some(tag) => {
                self.refuse_tag(tag, span);
                Ok(Scalar::Text)
            }
        };
        match resolved {
            Ok(Scalar::Null) => Content::Null,
            Ok(Scalar::Bool(value)) => Content::Bool(value),
            Ok(Scalar::Number(number)) => Content::Number(number),
            Ok(Scalar::Text) => Content::Text(text),
            Err(refused) => {
                let issue = self.issue(span, refused.message, refused.suggestion);
                self.issues.push(issue);
                Content::Null
            }
        }
    }

    /// Takes a scalar as the next key of the innermost mapping.
    fn key(&mut self, text: String, plain: bool, span: Span) {
        let problem = if plain && text == "<<" {
            Some((
                "merge keys (`<<`) are not supported".to_owned(),
                "write the keys out, or use an alias for the whole value".to_owned(),
            ))
        } else if plain && text.is_empty() {
            Some(("a key is missing".to_owned(), "write one before the `:`".to_owned()))
        } else if plain && !matches!(scalar::resolve(&text), Ok(Scalar::Text)) {
            Some((format!("the key `{text}` is not text"), format!("write `\"{text}\"`")))
        } else {
            self.first_use(&text).map(|first| {
                let message =
                    format!("the key `{}` is here twice: first on line {}", pointer::shown(&text), first.line);
                (message, "remove one of them, or rename it".to_owned())
            })
        };
        let refused = problem.map(|(message, help)| self.issue(span, message, help));
        if let Some(Open { parts: Parts::Mapping { next, .. }, .. }) = self.open.last_mut() {
            *next = if refused.is_some() { Next::Dropped } else { Next::ValueOf(text, span) };
        }
        self.issues.extend(refused);
    }

    /// Where the innermost mapping has that key already.
    fn first_use(&self, key: &str) -> Option<Span> {
        match &self.open.last()?.parts {
            Parts::Mapping { entries, .. } => entries.get(key).map(|entry| entry.key),
            Parts::Sequence(_) => None,
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Issue> {
        let Some(&node) = self.anchors.get(&anchor) else {
            return Err(self.issue(span, "this alias stands inside of what it names", "write the value out"));
        };
        self.place(node, span);
        Ok(())
    }

    /// Adds a value that is complete.
    fn finish(&mut self, span: Span, content: Content, anchor: usize) -> Result<(), Issue> {
        let id = self.tree.add(span, content);
        let node = self.tree.node(id);
        if self.tree.len() > MAX_NODES || node.size as usize > MAX_NODES {
            return Err(self.issue(
                span,
                format!("more than {MAX_NODES} values, aliases written out"),
                "split the file",
            ));
        }
        if node.height as usize > MAX_DEPTH {
            return Err(self.issue(
                span,
                format!("more than {MAX_DEPTH} levels deep, aliases written out"),
                "nest less",
            ));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        self.place(id, span);
        Ok(())
    }

    /// Puts a value where it stands.
    fn place(&mut self, id: NodeId, span: Span) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return;
        };
        let Parts::Mapping { entries, next } = &mut open.parts else {
            if let Parts::Sequence(items) = &mut open.parts {
                items.push(id);
            }
            return;
        };
        match std::mem::replace(next, Next::Key) {
            Next::ValueOf(name, key) => {
                entries.insert(name, Entry { key, value: id });
            }
            Next::Dropped => {}
            Next::Key => {
                *next = Next::Dropped;
                let templated = self.source.line(span.line).is_some_and(|line| line.contains("{{"));
                let help = if templated { "put quotes around a text with `{{`" } else { "write the key as text" };
                let issue = self.issue(span, "a list, a mapping or an alias can't be a key", help);
                self.issues.push(issue);
            }
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        let name = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() };
        let issue = self.issue(span, format!("the tag `{}` is not supported here", pointer::shown(&name)), "remove it");
        self.issues.push(issue);
    }

    fn issue(&self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Issue {
        Issue::at(self.source, span, self.pointer(), message, Some(help.into()))
    }

    /// The place that is being read.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match &open.parts {
                Parts::Sequence(items) => pointer::push(&mut pointer, &items.len().to_string()),
                Parts::Mapping { next: Next::ValueOf(key, _), .. } => pointer::push(&mut pointer, key),
                Parts::Mapping { .. } => {}
            }
        }
        pointer
    }
}

/// The tag `!`: not to be resolved by form.
fn is_local(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!"
}

fn fits(kind: &str, value: &Scalar) -> bool {
    match (kind, value) {
        ("null", Scalar::Null) | ("bool", Scalar::Bool(_)) | ("float", Scalar::Number(_)) => true,
        ("int", Scalar::Number(number)) => !number.is_f64(),
        _ => false,
    }
}
