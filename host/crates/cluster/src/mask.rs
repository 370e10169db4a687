//! What is in a Secret must not get into messages: API servers repeat the values that they refuse.

use base64::Engine as _;
use serde_json::Value;
use springline_model::kubernetes::{Cause, KubernetesError};

const MASK: &str = "***";

/// Before what values an API server writes a value.
const MARKS: [&str; 3] = ["Invalid value: ", "Unsupported value: ", "Duplicate value: "];

/// An error without the values of the Secret, or the patch of one, that was sent.
pub fn of_secret(error: KubernetesError, sent: &str) -> KubernetesError {
    let values = values(sent);
    let mask = |text: String| masked(text, &values);
    match error {
        KubernetesError::Refused { code, reason, message, causes } => KubernetesError::Refused {
            code,
            reason,
            message: mask(message),
            causes: causes.into_iter().map(|cause| Cause { message: mask(cause.message), ..cause }).collect(),
        },
        KubernetesError::Unavailable { message, retry_after } => {
            KubernetesError::Unavailable { message: mask(message), retry_after }
        }
        KubernetesError::UnknownType(message) => KubernetesError::UnknownType(mask(message)),
        KubernetesError::Failed(message) => KubernetesError::Failed(mask(message)),
    }
}

/// Warnings without the values of the Secret that was sent.
pub fn warnings(warnings: Vec<String>, sent: &str) -> Vec<String> {
    let values = values(sent);
    warnings.into_iter().map(|warning| masked(warning, &values)).collect()
}

/// The values in `data` and `stringData`, as they are and decoded, the longest first.
fn values(sent: &str) -> Vec<String> {
    let object: Value = serde_json::from_str(sent).unwrap_or_default();
    let mut values = Vec::new();
    for name in ["data", "stringData"] {
        push_scalars(&mut values, &object[name]);
    }
    let decoded = values.iter().filter_map(|value| base64::engine::general_purpose::STANDARD.decode(value).ok());
    let decoded: Vec<String> = decoded.filter_map(|bytes| String::from_utf8(bytes).ok()).collect();
    values.extend(decoded);
    // A shorter one would take ordinary words out of the message; the marks still cover it.
    values.retain(|value| value.len() > 2);
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

fn push_scalars(values: &mut Vec<String>, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => {
            values.push(text.clone());
            // As Go and JSON quote it.
            values.push(Value::from(text.as_str()).to_string().trim_matches('"').to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| push_scalars(values, item)),
        Value::Object(members) => members.values().for_each(|member| push_scalars(values, member)),
        scalar => values.push(scalar.to_string()),
    }
}

fn masked(mut text: String, values: &[String]) -> String {
    for value in values {
        text = text.replace(value.as_str(), MASK);
    }
    for mark in MARKS {
        text = after_each(&text, mark, value_length);
    }
    after_each(&text, "Value:", |rest| rest.find('}').unwrap_or(rest.len()))
}

/// A text in which what follows a mark is masked, as long as it is.
fn after_each(text: &str, mark: &str, length: impl Fn(&str) -> usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        out.push_str(before);
        out.push_str(mark);
        out.push_str(MASK);
        rest = &after[length(after)..];
    }
    out.push_str(rest);
    out
}

/// How long the value is that a text begins with: a quoted one, or up to the colon before the reason.
fn value_length(text: &str) -> usize {
    let Some(quoted) = text.strip_prefix('"') else { return text.find(": ").unwrap_or(text.len()) };
    let mut escaped = false;
    for (at, letter) in quoted.char_indices() {
        match letter {
            '"' if !escaped => return at + 2,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = r#"{"kind":"Secret","metadata":{"name":"login"},"data":{"pin":12345678,"b":"aHVudGVyMg=="},
        "stringData":{"word":"pa\"ss\nword","list":["xyzzy"]}}"#;

    #[test]
    fn values_of_secrets_are_masked_wherever_they_are() {
        for text in [
            r".data.pin: expected string, got &value.valueUnstructured{Value:12345678}",
            r#"stringData.word: Invalid value: "pa\"ss\nword": too long"#,
            "what is pa\"ss\nword",
            "aHVudGVyMg== or hunter2 or xyzzy",
            r#"type: Invalid value: "other\" thing": no"#,
            "immutable: Invalid value: true: no",
        ] {
            let cause = Cause { reason: String::new(), message: text.into(), field: "data".into() };
            let refused = KubernetesError::Refused {
                code: 422,
                reason: "Invalid".into(),
                message: text.into(),
                causes: vec![cause],
            };
            let KubernetesError::Refused { message, causes, .. } = of_secret(refused, SENT) else { panic!() };
            assert_eq!(message, causes[0].message);
            assert!(message.contains(MASK), "{message}");
            for value in ["12345678", "pa\\\"ss", "pa\"ss", "hunter2", "aHVudGVyMg==", "xyzzy", "thing", "true"] {
                assert!(!message.contains(value), "{message}");
            }
        }
        assert_eq!(
            masked(
                r#"Secret "login" is invalid: type: Invalid value: "a": must be x, y: Invalid value: "b": no"#.into(),
                &[]
            ),
            r#"Secret "login" is invalid: type: Invalid value: ***: must be x, y: Invalid value: ***: no"#
        );
    }

    #[test]
    fn a_message_without_values_stays() {
        let message = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 14";
        assert_eq!(of_secret(KubernetesError::Failed(message.into()), SENT), KubernetesError::Failed(message.into()));
        assert_eq!(
            of_secret(KubernetesError::Failed(message.into()), "no JSON"),
            KubernetesError::Failed(message.into())
        );
        assert_eq!(warnings(vec!["the word xyzzy".into()], SENT), ["the word ***"]);
    }
}
