//! Secrets that must not be written to git.

use serde_json::Value;
use springline_model::manifest::{Body, Object};

use crate::Ports;
use crate::error::Reason;

/// Refuses objects with a Kubernetes Secret whose values stand in it, readable for whoever reads the
/// repository. A directory is content, not a Kubernetes object, and is not looked into.
pub(crate) fn check(ports: Ports<'_>, objects: &[Object], branch: &str) -> Result<(), Reason> {
    for object in objects {
        if let Body::Blob(digest) = &object.body {
            let bytes = ports.blobs.get(digest)?;
            if holds_secret(&bytes) {
                return Err(Reason::SecretInGit { object: object.id.clone(), branch: branch.to_owned() });
            }
        }
    }
    Ok(())
}

/// Whether a manifest holds one. What is not JSON is looked at as text: better a word too much is
/// refused than a secret is written.
fn holds_secret(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains("apiVersion") {
        return false;
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => is_secret(&value),
        Err(_) => text.split("\n---").any(|document| {
            follows(document, "kind", is_secrets_name)
                && ["data", "stringData"].iter().any(|key| follows(document, key, |value| !is_nothing(value)))
        }),
    }
}

fn is_secret(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            let has = |key: &str| match map.get(key) {
                None | Some(Value::Null) => false,
                Some(Value::Object(values)) => !values.is_empty(),
                Some(_) => true,
            };
            (map.get("kind").and_then(Value::as_str) == Some("Secret") && (has("data") || has("stringData")))
                || map.values().any(is_secret)
        }
        Value::Array(items) => items.iter().any(is_secret),
        _ => false,
    }
}

/// Whether somewhere this key is followed by such a value.
fn follows(text: &str, key: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/'))
            && after.strip_prefix(':').is_some_and(|value| is_wanted(value.trim_start_matches([' ', '\t'])))
    })
}

/// Whether a value in YAML is `Secret`, in whatever form, or may be.
fn is_secrets_name(value: &str) -> bool {
    let mut value = value;
    loop {
        value = value.trim_start();
        let mark = match value.chars().next() {
            // A tag, an anchor; a reference may be to anything.
            Some('!' | '&') => value.find(char::is_whitespace),
            Some('*') => return true,
            // A block stands in the lines below.
            Some('|' | '>') => value.find('\n'),
            _ => break,
        };
        let Some(end) = mark else { return false };
        value = &value[end..];
    }
    if let Some(quoted) = value.strip_prefix('"') {
        // One with escapes may say anything.
        return is_word(quoted) || quoted.split('"').next().is_some_and(|text| text.contains('\\'));
    }
    is_word(value.strip_prefix('\'').unwrap_or(value))
}

fn is_word(value: &str) -> bool {
    value.strip_prefix("Secret").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// Whether a value in YAML is written as an empty one.
fn is_nothing(value: &str) -> bool {
    let line = value.lines().next().unwrap_or_default().trim();
    ["{}", "null", "~"].iter().any(|empty| line == *empty || line.starts_with(&format!("{empty} #")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_found_in_every_form() {
        for text in [
            "apiVersion: v1\nkind: Secret\nstringData:\n  password: x\n",
            "apiVersion: v1\nkind: \"Secret\" # yes\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data:\n    a: Yg==\n",
            "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}",
            "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"stringData\":{\"a\":\"b\"}}]}",
            "apiVersion: v1\nkind: !!str Secret\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind: &k Secret\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind: >-\n  Secret\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind:\n  Secret\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind: \"S\\u0065cret\"\ndata: {a: Yg==}\n",
            "apiVersion: v1\nkind: ConfigMap\n---\n'kind' : 'Secret'\napiVersion: v1\n\"stringData\": { a: b }\n",
        ] {
            assert!(holds_secret(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_secrets_is_left_alone() {
        for text in [
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n",
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {data: [{secretKey: a}]}\n",
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {a: b}}\n",
            "apiVersion: v1\nkind: Secret\ntype: Opaque\n",
            "apiVersion: v1\nkind: Secret\ndata: {}\n",
            "a page about kind: Secret and data: more\n",
            "{\"apiVersion\":\"v1\",\"kind\":\"SecretStore\",\"data\":{\"a\":1}}",
        ] {
            assert!(!holds_secret(text.as_bytes()), "{text}");
        }
    }
}
