//! Hides what is secret in texts that are shown: the values of Kubernetes' Secrets.

use springline_model::Digest;
use springline_yaml::{Map, Node, Schema, Value};

/// What kubectl keeps of what it applied; of a Secret, its values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
        let Ok(mut documents) = springline_yaml::read(text, Schema::Kubernetes) else {
            return if names_a_secret(text) { HIDDEN.to_owned() } else { text.to_owned() };
        };
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
        let digest = Digest::of(&text);
        let number = self.seen.iter().position(|seen| *seen == digest).unwrap_or_else(|| {
            self.seen.push(digest);
            self.seen.len() - 1
        });
        Node::text(format!("<hidden, {} characters, value {}>", text.chars().count(), number + 1))
    }
}

/// What is shown of a text that names a Secret and can't be read.
const HIDDEN: &str = "<hidden: there is a Secret in it, and it can't be read as YAML>\n";

/// Whether a text can have a Secret in it. An escape in YAML or JSON can stand for any letter.
fn may_hold_secrets(text: &str) -> bool {
    let may_be = |word: &str| text.contains(word) || text.contains('\\');
    may_be("Secret") && may_be("kind") && (may_be("data") || may_be("stringData"))
}

/// Whether a line says that something is a Secret.
fn names_a_secret(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches([' ', '\t', '-', '{', '"', '\'']);
        line.starts_with("kind") && line.contains("Secret")
    })
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
        let broken = "kind: Secret\ndata: { a: aHVudGVyMg==\n";
        assert_eq!(Mask::default().hide(broken), HIDDEN);
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "kind:   ConfigMap # Secret\ndata: {a:  1}\n",
            "<p>kind of a Secret: data</p>\n",
            "a\\b Secret kind data: [",
        ] {
            assert_eq!(Mask::default().hide(text), text);
        }
    }
}
