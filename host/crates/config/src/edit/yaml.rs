//! Values of YAML files.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{EditError, There, Wanted, quoted, replaced};
use crate::scalar::{self, Scalar};

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 256;

pub(super) fn get(wanted: &Wanted<'_>, text: &str) -> Result<String, EditError> {
    let found = find(wanted, &events(wanted, text)?, text)?;
    Ok(found.value)
}

pub(super) fn set(wanted: &Wanted<'_>, text: &str) -> Result<String, EditError> {
    let before = events(wanted, text)?;
    let found = find(wanted, &before, text)?;
    if found.is_text && found.value == wanted.value {
        return Ok(text.to_owned());
    }
    if is_shared(&before, found.event) {
        let why = "has an anchor, itself or what it is in, that other places refer to: they would change with it";
        return Err(wanted.not_one(found.line, why));
    }
    for edited in found.candidates(text, wanted.value) {
        let Ok(after) = events(wanted, &edited) else { continue };
        if only_differs_at(&before, &after, found.event, wanted.value) {
            return Ok(edited);
        }
    }
    Err(wanted.not_one(found.line, "can't be set without changing what is around it: write it as a plain value once"))
}

/// An event of the parser, with its place in bytes.
struct Met {
    what: What,
    range: Range<usize>,
    line: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Scalar { text: String, style: Style, anchor: usize, tag: Option<String> },
    Alias(usize),
    Begin { mapping: bool, anchor: usize, tag: Option<String> },
    End,
    Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
}

fn events(wanted: &Wanted<'_>, text: &str) -> Result<Vec<Met>, EditError> {
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    // A mark at the start is no character of the document's.
    let offset = usize::from(text.starts_with('\u{feff}'));
    let byte = |index: usize| starts.get(index).copied().unwrap_or(text.len());
    let mut events = Vec::new();
    let mut depth = 0_usize;
    let body = if offset == 1 { &text['\u{feff}'.len_utf8()..] } else { text };
    for event in Parser::new_from_str(body) {
        let (event, span) = event.map_err(|error| wanted.unreadable(error.to_string()))?;
        let tag = |tag: Option<std::borrow::Cow<'_, saphyr_parser::Tag>>| tag.map(|tag| tag.to_string());
        let what = match event {
            Event::Scalar(text, style, anchor, name) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                What::Scalar { text: text.into_owned(), style, anchor, tag: tag(name) }
            }
            Event::Alias(anchor) => What::Alias(anchor),
            Event::SequenceStart(anchor, name) => What::Begin { mapping: false, anchor, tag: tag(name) },
            Event::MappingStart(anchor, name) => What::Begin { mapping: true, anchor, tag: tag(name) },
            Event::SequenceEnd | Event::MappingEnd => What::End,
            Event::DocumentStart(_) => What::Document,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        match what {
            What::Begin { .. } => depth += 1,
            What::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(wanted.unreadable(format!("it is more than {MAX_DEPTH} levels deep")));
        }
        let (start, end) = (byte(span.start.index() + offset), byte(span.end.index() + offset));
        let range = match &what {
            What::Scalar { style, .. } => scalar_range(text, start..end.max(start), *style),
            _ => start..end,
        };
        events.push(Met { what, range, line: span.start.line().max(1) });
    }
    Ok(events)
}

/// Where a scalar stands, by its own marks: what the parser says of it goes on to what comes next, and
/// begins with a block's first line.
fn scalar_range(text: &str, range: Range<usize>, style: Style) -> Range<usize> {
    let mut range = range;
    // A tag or an anchor in front of it is not the value.
    while text[range.clone()].starts_with(['!', '&']) {
        let Some(end) = text[range.clone()].find(char::is_whitespace) else { break };
        let rest = text[range.start + end..range.end].trim_start().len();
        range.start = range.end - rest;
    }
    let within = &text[range.clone()];
    match style {
        Style::Plain => range.start..range.start + within.trim_end().len(),
        Style::Single => {
            let mut end = 1;
            while let Some(quote) = within.get(end..).and_then(|rest| rest.find('\'')) {
                end += quote + 1;
                if !within[end..].starts_with('\'') {
                    break;
                }
                end += 1;
            }
            range.start..range.start + end.min(within.len())
        }
        Style::Double => {
            let mut escaped = false;
            let closing = within.char_indices().skip(1).find(|(_, c)| {
                let closes = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                closes
            });
            range.start..closing.map_or(range.end, |(at, _)| range.start + at + 1)
        }
        Style::Block if within.starts_with(['|', '>']) => range,
        Style::Block => {
            let above = text[..range.start].trim_end();
            let line = above.rfind(['\n', '\r']).map_or(0, |end| end + 1);
            let header = above[line..].split(" #").next().unwrap_or_default();
            header.rfind(['|', '>']).map_or(range.start, |mark| line + mark)..range.end
        }
    }
}

/// Where the value is, and what it is.
struct Found {
    /// Which event it is.
    event: usize,
    style: Style,
    range: Range<usize>,
    /// The end of its key, if it has one.
    key_end: Option<usize>,
    line: usize,
    value: String,
    /// Whether it is a text, and not a number or nothing.
    is_text: bool,
}

fn find(wanted: &Wanted<'_>, events: &[Met], text: &str) -> Result<Found, EditError> {
    let mut found = None;
    let mut missing = None;
    for (at, met) in events.iter().enumerate() {
        if met.what != What::Document {
            continue;
        }
        match walk(wanted, events, at + 1) {
            Ok(one) if found.is_some() => {
                return Err(wanted.not_one(events[one.0].line, "is in more than one document of the file"));
            }
            Ok(one) => found = Some(one),
            Err(Stop::There(reached, there)) => {
                if missing.as_ref().is_none_or(|(before, _)| reached > *before) {
                    missing = Some((reached, there));
                }
            }
            Err(Stop::Twice(line, key)) => return Err(wanted.not_one(line, format!("is named twice: `{key}`"))),
        }
    }
    let Some((event, key)) = found else {
        let (reached, there) = missing.unwrap_or((0, There::Nothing));
        return Err(wanted.missing(reached, &there));
    };
    let met = &events[event];
    let key_end = key.map(|key| events[key].range.end);
    let (value, style, is_text) = match &met.what {
        What::Scalar { tag: Some(tag), .. } if !tag.ends_with("str") && tag != "!" => {
            return Err(wanted.not_one(met.line, format!("has the tag `{tag}`, which is not for text")));
        }
        What::Scalar { text, style, tag, .. } => {
            let plain = *style == Style::Plain && tag.is_none();
            (text.clone(), *style, !plain || matches!(scalar::resolve(text), Ok(Scalar::Text)))
        }
        What::Alias(_) => (text[met.range.clone()].trim_end().to_owned(), Style::Plain, false),
        _ => return Err(wanted.not_one(met.line, "is not a single value")),
    };
    Ok(Found { event, style, range: met.range.clone(), key_end, line: met.line, value, is_text })
}

/// Whether other places refer to this node, or to one that it is in.
fn is_shared(events: &[Met], event: usize) -> bool {
    let anchor = |met: &Met| match met.what {
        What::Scalar { anchor, .. } | What::Begin { anchor, .. } => anchor,
        _ => 0,
    };
    let mut around = Vec::new();
    for met in &events[..event] {
        match met.what {
            What::Begin { .. } => around.push(anchor(met)),
            What::End => drop(around.pop()),
            _ => {}
        }
    }
    around.push(anchor(&events[event]));
    events.iter().any(|met| matches!(met.what, What::Alias(to) if around.contains(&to)))
}

enum Stop {
    There(usize, There),
    Twice(usize, String),
}

/// Follows the pointer from a node: the event that it leads to, and that of its key.
fn walk(wanted: &Wanted<'_>, events: &[Met], start: usize) -> Result<(usize, Option<usize>), Stop> {
    let (mut at, mut key) = (start, None);
    for (reached, token) in wanted.path.iter().enumerate() {
        match events.get(at).map(|met| &met.what) {
            Some(What::Begin { mapping: true, .. }) => {
                let (mut keys, mut value) = (Vec::new(), None);
                let mut next = at + 1;
                while events.get(next).is_some_and(|met| met.what != What::End) {
                    let after = past(events, next);
                    if let What::Scalar { text, .. } = &events[next].what {
                        if text == token {
                            if value.is_some() {
                                return Err(Stop::Twice(events[next].line, text.clone()));
                            }
                            value = Some((after, Some(next)));
                        }
                        keys.push(text.clone());
                    }
                    next = past(events, after);
                }
                (at, key) = value.ok_or(Stop::There(reached, There::Keys(keys)))?;
            }
            Some(What::Begin { mapping: false, .. }) => {
                let index = token.parse::<usize>().ok().filter(|index| index.to_string() == *token);
                let (mut items, mut item) = (0, None);
                let mut next = at + 1;
                while events.get(next).is_some_and(|met| met.what != What::End) {
                    if Some(items) == index {
                        item = Some((next, None));
                    }
                    items += 1;
                    next = past(events, next);
                }
                (at, key) = item.ok_or(Stop::There(reached, There::Items(items)))?;
            }
            Some(What::Document | What::End) | None => return Err(Stop::There(reached, There::Nothing)),
            Some(What::Scalar { text, style: Style::Plain, .. }) if reached == 0 && text.is_empty() => {
                return Err(Stop::There(reached, There::Nothing));
            }
            Some(_) => return Err(Stop::There(reached, There::Value)),
        }
    }
    Ok((at, key))
}

/// The event after a whole node.
fn past(events: &[Met], at: usize) -> usize {
    let mut depth = 0_usize;
    for (next, met) in events.iter().enumerate().skip(at) {
        match met.what {
            What::Begin { .. } => depth += 1,
            What::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return next + 1;
        }
    }
    events.len()
}

impl Found {
    /// The texts that may be what is wanted, the nicest first.
    fn candidates(&self, text: &str, value: &str) -> Vec<String> {
        let double = quoted(value);
        let single = format!("'{}'", value.replace('\'', "''"));
        let plain = is_plain(value).then(|| value.to_owned());
        let forms: Vec<String> = match self.style {
            Style::Single if !value.contains(char::is_control) => vec![single, double],
            Style::Single | Style::Double => vec![double],
            Style::Plain | Style::Block => plain.into_iter().chain([double]).collect(),
        };
        let mut candidates = Vec::new();
        for form in forms {
            match self.style {
                Style::Block => candidates.extend(self.in_place_of_block(text, &form)),
                Style::Plain if text[self.range.clone()].trim().is_empty() => {
                    candidates.extend(self.inserted(text, &form))
                }
                _ => {
                    let trimmed = text[self.range.clone()].trim_end().len();
                    candidates.push(replaced(text, self.range.start..self.range.start + trimmed, &form));
                }
            }
        }
        candidates
    }

    /// Where there is nothing yet.
    fn inserted(&self, text: &str, form: &str) -> Vec<String> {
        let mut places = Vec::new();
        if let Some(end) = self.key_end {
            let colon = text[end..]
                .find(':')
                .filter(|colon| text[end..end + colon].trim_matches(['\'', '"', ' ', '\t']).is_empty());
            places.extend(colon.map(|colon| end + colon + 1));
        }
        places.push(self.range.start);
        let before = |place: usize| if text[..place].ends_with([' ', '\t', '\n']) { "" } else { " " };
        places.into_iter().map(|place| replaced(text, place..place, &format!("{}{form}", before(place)))).collect()
    }

    /// A block scalar's lines go; what stands behind its mark, as a comment, stays.
    fn in_place_of_block(&self, text: &str, form: &str) -> Vec<String> {
        let start = self.range.start;
        let mark = text[start..].find(|c: char| !"|>+-0123456789".contains(c)).map_or(text.len(), |end| start + end);
        let line_end = text[mark..].find(['\n', '\r']).map_or(text.len(), |end| mark + end);
        let kept = &text[mark..line_end];
        // The line's own end is that of the last line, and empty lines after it stay.
        let content = text[start..self.range.end].trim_end_matches(['\n', '\r', ' ', '\t']).len() + start;
        vec![replaced(text, start..content.max(line_end), &format!("{form}{kept}"))]
    }
}

/// Whether a text can stand without quotes anywhere, and is read as a text then.
fn is_plain(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@+-".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !value.ends_with(':')
        && value.chars().all(allowed)
        && matches!(scalar::resolve(value), Ok(Scalar::Text))
        && !is_older_word(value)
}

/// What readers of YAML 1.1 take for something else than text.
fn is_older_word(value: &str) -> bool {
    let word = value.to_ascii_lowercase();
    matches!(word.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "null" | "true" | "false")
        || value.chars().all(|c| c.is_ascii_digit() || "._:+-eE".contains(c))
}

/// Whether two readings differ in this one scalar alone, and it is the text that was wanted.
fn only_differs_at(before: &[Met], after: &[Met], event: usize, value: &str) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).enumerate().all(|(at, (old, new))| {
            if at != event {
                return old.what == new.what;
            }
            let marks = |what: &What| match what {
                What::Scalar { anchor, tag, .. } => (*anchor, tag.clone()),
                _ => (0, None),
            };
            match &new.what {
                _ if marks(&old.what) != marks(&new.what) => false,
                What::Scalar { text, style, tag, .. } => {
                    let is_text =
                        *style != Style::Plain || tag.is_some() || matches!(scalar::resolve(text), Ok(Scalar::Text));
                    text == value && is_text
                }
                _ => false,
            }
        })
}
