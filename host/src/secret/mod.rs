//! Kubernetes' Secrets: their values are hidden in texts that are shown, and no text with one is pushed to git. Both
//! ask the same function, so that what is pushed is what would be shown.

mod look;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use springline_engine::status::Differences;
use springline_model::Digest;
use springline_model::manifest::Difference;
use springline_yaml::{Map, Node, Schema, Value};

/// What kubectl keeps of what it applied; of a Secret, its values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Where a Secret has its values.
const VALUES: [&str; 2] = ["data", "stringData"];
/// Texts in texts that are read; what is deeper is not believed to be harmless.
const DEPTH: usize = 16;

/// Whether there is a Secret with values in a file. Its texts are looked at, too: manifests are in ConfigMaps and in
/// patches.
pub fn is_in(bytes: &[u8]) -> bool {
    Mask::default().masked(&String::from_utf8_lossy(bytes), 0).is_some()
}

/// Hides what is secret in two texts of one object.
pub fn hide(texts: [Option<String>; 2]) -> [Option<String>; 2] {
    let mut mask = Mask::default();
    texts.map(|text| text.map(|text| mask.hide(&text)))
}

/// Hides what is secret in the texts of differences: a target that deploys files does not know what is in them.
pub fn hide_in(differences: &mut Differences) {
    for explained in differences.changes.iter_mut().chain(&mut differences.alone.ignored) {
        let Difference { live, desired } = &mut explained.difference;
        [*live, *desired] = hide([live.take(), desired.take()]);
    }
}

/// Hides the values of Secrets in texts of one object. The same value is hidden as the same in all of them,
/// so that it is seen whether it changes, and in no other object.
#[derive(Debug, Default)]
pub struct Mask {
    seen: Vec<Digest>,
}

impl Mask {
    /// The text without what is secret in it. One that has no Secret in it stays as it is.
    pub fn hide(&mut self, text: &str) -> String {
        self.masked(text, 0).unwrap_or_else(|| text.to_owned())
    }

    /// The text without what is secret in it; none if there is no Secret in it. What nothing reads counts as one
    /// if it looks like one.
    fn masked(&mut self, text: &str, depth: usize) -> Option<String> {
        let text = look::cleaned(text);
        if !look::mentions_one(&text) {
            return None;
        }
        if depth > DEPTH {
            return Some(HIDDEN.to_owned());
        }
        let unread = || look::looks_like_one(&text).then(|| HIDDEN.to_owned());
        let Some(mut documents) = read(&text) else {
            return unread();
        };
        if let [only] = documents.as_slice()
            && only.as_text().is_some_and(|only| only.trim() == text.trim())
        {
            // Any prose is a text to YAML.
            return unread();
        }
        let mut found = false;
        for document in &mut documents {
            found |= self.hide_in(document, false, depth);
        }
        let written = || documents.iter().filter(|document| !document.is_null()).map(springline_yaml::write);
        found.then(|| written().collect::<Vec<_>>().join("---\n"))
    }

    /// Hides what is secret in a value, texts in it included; whether there is anything. An item of a `SecretList`
    /// is a Secret without saying so.
    fn hide_in(&mut self, node: &mut Node, is_item: bool, depth: usize) -> bool {
        let mut found = false;
        match &mut node.value {
            Value::Map(map) => {
                let kind = map.get("kind").and_then(Node::as_text).map(str::trim);
                let (is_secret, is_list) = (is_item || kind == Some("Secret"), kind == Some("SecretList"));
                if is_secret && VALUES.iter().any(|key| map.get(*key).is_some_and(is_something)) {
                    self.hide_values(map);
                    found = true;
                }
                for (key, below) in map {
                    found |= self.hide_in(below, is_list && key == "items", depth);
                }
            }
            Value::List(items) => {
                for item in items {
                    found |= self.hide_in(item, is_item, depth);
                }
            }
            Value::Text(text) => {
                if let Some(masked) = self.masked(text, depth + 1) {
                    *text = masked;
                    found = true;
                }
            }
            _ => {}
        }
        found
    }

    fn hide_values(&mut self, secret: &mut Map) {
        for key in VALUES {
            let Some(below) = secret.get_mut(key) else { continue };
            match &mut below.value {
                Value::Map(values) => values.values_mut().for_each(|value| *value = self.hidden(value)),
                Value::Null => {}
                _ => *below = self.hidden(below),
            }
        }
        let annotations = secret.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations.and_then(Node::as_map_mut) {
            annotations.shift_remove(LAST_APPLIED);
        }
    }

    fn hidden(&mut self, value: &Node) -> Node {
        let text = value.as_text().map_or_else(|| springline_yaml::write(value), str::to_owned);
        let digest = Digest::of(&text);
        let number = self.seen.iter().position(|seen| *seen == digest).unwrap_or_else(|| {
            self.seen.push(digest);
            self.seen.len() - 1
        });
        Node::text(format!("<hidden, value {}>", number + 1))
    }
}

/// What is shown of a text that may have a Secret in it and can't be read.
const HIDDEN: &str = "<hidden: there may be a Secret in it, and it can't be read>\n";

/// Whether there is something under a key.
fn is_something(node: &Node) -> bool {
    !node.is_null() && node.as_map().is_none_or(|map| !map.is_empty())
}

/// The documents of a text. What targets read as JSON is read as JSON here, also several values of it one after
/// the other: not all of it is YAML. None if nothing reads it.
fn read(text: &str) -> Option<Vec<Node>> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let json: Option<Vec<Node>> = values.map(|value| value.map(|Json(node)| node).ok()).collect();
    json.or_else(|| {
        // YAML 1.1 has more ends of lines, and there are readers of it.
        let lines = text.replace(['\u{85}', '\u{2028}', '\u{2029}'], "\n");
        springline_yaml::read(&lines, Schema::Kubernetes).ok()
    })
}

/// A value of JSON. One that says a key twice is none: who reads it decides which of them it is.
struct Json(Node);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json(Node::new(Value::Null)))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Json, E> {
        Ok(Json(Node::new(Value::Bool(yes))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json(Node::new(Value::Int(number.into()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json(Node::new(Value::Int(number.into()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json(Node::new(Value::Float(number))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json(Node::text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json(Node::new(Value::List(list))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some((key, Json(value))) = entries.next_entry::<String, _>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is said twice"));
            }
        }
        Ok(Json(Node::new(Value::Map(map))))
    }
}
