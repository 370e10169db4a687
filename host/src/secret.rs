//! Hides what is secret in texts that are shown: the values of Kubernetes' Secrets.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use springline_engine::status::Differences;
use springline_model::Digest;
use springline_model::manifest::Difference;
use springline_yaml::{Map, Node, Schema, Value};

/// What kubectl keeps of what it applied; of a Secret, its values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
        if !may_hold_secrets(text) {
            return text.to_owned();
        }
        let Some(mut documents) = read(text) else { return HIDDEN.to_owned() };
        let mut found = false;
        for document in &mut documents {
            found |= self.hide_in(document);
        }
        if !found {
            return text.to_owned();
        }
        let written: Vec<String> =
            documents.iter().filter(|document| !document.is_null()).map(springline_yaml::write).collect();
        written.join("---\n")
    }

    /// Hides what is secret in a value; whether there is anything.
    fn hide_in(&mut self, node: &mut Node) -> bool {
        let is_secret = node.get("kind").and_then(Node::as_text) == Some("Secret");
        let mut found = is_secret;
        match &mut node.value {
            Value::Map(map) => {
                if is_secret {
                    self.hide_values(map);
                }
                for below in map.values_mut() {
                    found |= self.hide_in(below);
                }
            }
            Value::List(items) => {
                for item in items {
                    found |= self.hide_in(item);
                }
            }
            _ => {}
        }
        found
    }

    fn hide_values(&mut self, secret: &mut Map) {
        for key in ["data", "stringData"] {
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
        if is_hidden(&text) {
            return value.clone();
        }
        let digest = Digest::of(&text);
        let number = self.seen.iter().position(|seen| *seen == digest).unwrap_or_else(|| {
            self.seen.push(digest);
            self.seen.len() - 1
        });
        Node::text(format!("<hidden, {} characters, value {}>", text.chars().count(), number + 1))
    }
}

/// What is shown of a text that may have a Secret in it and can't be read.
const HIDDEN: &str = "<hidden: there may be a Secret in it, and it can't be read>\n";

/// Whether a target has hidden it: `<hidden, 7 bytes, 3f9a1c2b>`.
fn is_hidden(text: &str) -> bool {
    let inner = text.strip_prefix("<hidden, ").and_then(|text| text.strip_suffix('>'));
    inner.and_then(|inner| inner.split_once(" bytes, ")).is_some_and(|(number, fingerprint)| {
        number.bytes().all(|byte| byte.is_ascii_digit()) && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether a text can have a Secret in it. An escape in YAML or JSON can stand for a letter.
fn may_hold_secrets(text: &str) -> bool {
    let has_letters_escaped = ["\\x", "\\u00", "\\U0000", "\\\n", "\\\r"].iter().any(|escape| text.contains(escape));
    let may_be = |word: &str| has_letters_escaped || text.contains(word);
    may_be("Secret") && may_be("kind") && (may_be("data") || may_be("stringData"))
}

/// The documents of a text. What targets read as JSON is read as JSON here, also several values of it one after
/// the other: not all of it is YAML. None if nothing reads it.
fn read(text: &str) -> Option<Vec<Node>> {
    let json = || -> Option<Vec<Node>> {
        let values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
        values.map(|value| value.map(|Json(node)| node).ok()).collect()
    };
    let yaml = || springline_yaml::read(text, Schema::Kubernetes).ok();
    if text.trim_start().starts_with(['{', '[']) { json().or_else(yaml) } else { yaml().or_else(json) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_hidden_and_their_changes_are_seen() {
        let secret = |key: &str, other: &str| {
            format!(
                "# token\napiVersion: v1\nkind: Secret\nmetadata: {{ name: a }}\nstringData: {{ key: {key}, other: {other} }}\n"
            )
        };
        let mut mask = Mask::default();
        let (one, other) = (mask.hide(&secret("hunter2", "same")), mask.hide(&secret("hunter3", "same")));
        for text in [&one, &other] {
            assert!(!text.contains("hunter") && !text.contains("same") && text.contains("name: a"), "{text}");
        }
        assert!(one.contains("<hidden, 7 characters, value 1>") && other.contains("<hidden, 7 characters, value 3>"));
        assert!(one.contains("<hidden, 4 characters, value 2>") && other.contains("<hidden, 4 characters, value 2>"));
    }

    #[test]
    fn they_are_found_wherever_they_are() {
        let list = r#"{"kind":"List","items":[{"kind":"ConfigMap","data":{"a":"shown"}},{"kind":"Secret","data":{"a":"aHVudGVyMg=="}}]}"#;
        let several = "kind: ConfigMap\ndata: { a: shown }\n---\nkind: \"\\x53ecret\"\ndata:\n  a: aHVudGVyMg==\n";
        let odd = "kind: Secret\nmetadata: { annotations: { kubectl.kubernetes.io/last-applied-configuration: 'aHVudGVyMg==' } }\ndata: aHVudGVyMg==\nx: shown\n";
        for text in [list, several, odd] {
            let hidden = Mask::default().hide(text);
            assert!(!hidden.contains("aHVudGVyMg") && hidden.contains("shown"), "{hidden}");
        }
        // Targets read these, and the reader of YAML does not.
        let pair = r#"{"kind":"Secret","metadata":{"name":"shown","annotations":{"note":"\ud83d\ude00"}},"data":{"k":"aHVudGVyMg=="}}"#;
        let lines = "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"shown\"}}\n{\"kind\":\"Secret\",\"data\":{\"k\":\"aHVudGVyMg==\"}}\n";
        let great = r#"{"kind":"Secret","x":"shown","y":123456789012345678901234567890,"data":{"k":"aHVudGVyMg=="}}"#;
        for text in [pair, lines, great] {
            let hidden = Mask::default().hide(text);
            assert!(
                !hidden.contains("aHVudGVyMg") && hidden.contains("shown") && hidden.contains("<hidden, 12"),
                "{hidden}"
            );
        }
        for text in [
            r#"{"kind":"Secret","kind":"ConfigMap","data":{"k":"aHVudGVyMg=="}}"#,
            r#"{"kind":"ConfigMap","data":{"k":"aHVudGVyMg=="},"kind":"Secret"}"#,
            "- a: [\n- {apiVersion: v1, kind: Secret, data: {k: aHVudGVyMg==}}\n",
            "{apiVersion: v1, kind: Secret, data: {k: aHVudGVyMg==}",
            "apiVersion: v1\n\"\\x6bind\": \"\\x53ecret\"\n\"\\x64ata\": [",
            "{\"kind\":\"Secret\",\"data\":{\"k\":\"aHVudGVyMg==\"}} and more",
        ] {
            assert_eq!(Mask::default().hide(text), HIDDEN, "{text}");
        }
        let broken = "kind: Secret\ndata: { a: aHVudGVyMg==\n";
        assert_eq!(Mask::default().hide(broken), HIDDEN);
    }

    #[test]
    fn what_a_target_has_hidden_stays_told_apart() {
        let text = "kind: Secret\ndata:\n  a: <hidden, 7 bytes, 3f9a1c2b>\n  b: <hidden, x bytes, y>\n";
        let hidden = Mask::default().hide(text);
        assert!(hidden.contains("<hidden, 7 bytes, 3f9a1c2b>") && !hidden.contains("x bytes"), "{hidden}");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "kind:   ConfigMap # Secret\ndata: {a:  1}\n",
            "<p>kind of a Secret: data</p>\n",
            "var a = /\\b/; // a \\n of no kind: [",
        ] {
            assert_eq!(Mask::default().hide(text), text);
        }
    }
}
