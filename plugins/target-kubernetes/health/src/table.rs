//! The built-in rules, found by kind.

use crate::judge::Status;

/// A built-in rule as text: it is compiled when an object of its kind is judged.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) when: Option<&'static str>,
    pub(crate) status: Status,
    pub(crate) message: &'static str,
}

struct Entry {
    group: &'static str,
    kind: &'static str,
    rules: &'static [Rule],
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// What says that an object is being deleted.
pub(crate) const fn deleting() -> &'static [Rule] {
    DELETING
}

/// What goes after the rules of any kind.
pub(crate) const fn generic() -> &'static [Rule] {
    GENERIC
}

/// The rules of a kind; none if it has none of its own.
pub(crate) fn find(kind: &str, group: &str) -> &'static [Rule] {
    if let Ok(at) = EXACT.binary_search_by(|entry| (entry.group, entry.kind).cmp(&(group, kind))) {
        return EXACT[at].rules;
    }
    let fits = |entry: &&Entry| matches(entry.kind, kind) && matches(entry.group, group);
    WILD.iter().find(fits).map_or(&[], |entry| entry.rules)
}

/// The kinds that have rules of their own, as `KIND.GROUP`.
pub fn kinds() -> impl Iterator<Item = String> {
    EXACT.iter().chain(WILD).map(|entry| match entry.group {
        "" => entry.kind.to_owned(),
        group => format!("{}.{group}", entry.kind),
    })
}

/// Whether a text fits a pattern in which `*` stands for any text. Linear in text times stars.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
