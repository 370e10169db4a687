//! Which object a text is: grants are asked for what it says, and so is the API server.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use springline_model::kubernetes::{ApiKind, ObjectName};

/// What of an object says which one it is. A key that is there twice is an error: whoever reads the
/// other one would see another object.
#[derive(Deserialize)]
struct Head<'t> {
    #[serde(borrow, rename = "apiVersion")]
    api_version: Cow<'t, str>,
    #[serde(borrow)]
    kind: Cow<'t, str>,
    #[serde(borrow)]
    metadata: Metadata<'t>,
}

#[derive(Deserialize)]
struct Metadata<'t> {
    #[serde(borrow)]
    name: Cow<'t, str>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'t, str>>,
}

/// The name of the object of this text.
///
/// # Errors
/// It is no object, or does not say which one.
pub(super) fn name_of(text: &str) -> Result<ObjectName, String> {
    let Head { api_version, kind, metadata } = serde_json::from_str(text)
        .map_err(|error| format!("this is no object of Kubernetes with an apiVersion, a kind and a name: {error}"))?;
    if api_version.is_empty() || kind.is_empty() || metadata.name.is_empty() {
        return Err("the object has an empty apiVersion, kind or name".into());
    }
    let kind = ApiKind::new(&api_version, &kind);
    if kind.version.is_empty() {
        return Err(format!("the apiVersion `{api_version}` has no version"));
    }
    let namespace = metadata.namespace.unwrap_or_default().into_owned();
    Ok(ObjectName { kind, namespace, name: metadata.name.into_owned() })
}

/// Refuses a patch that is no JSON object.
///
/// # Errors
/// Why it is none.
pub(super) fn check_patch(text: &str) -> Result<(), String> {
    serde_json::from_str::<HashMap<Cow<'_, str>, IgnoredAny>>(text)
        .map(drop)
        .map_err(|error| format!("the patch is no JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_which_one_it_is() {
        let text = r#"{"kind":"Deployment","apiVersion":"apps/v1","spec":{"metadata":{"name":"other"}},
            "metadata":{"labels":{"name":"x"},"name":"we\u0062","namespace":"shop"}}"#;
        let name = name_of(text).unwrap();
        assert_eq!((name.kind.to_string().as_str(), name.kind.version.as_str()), ("Deployment.apps", "v1"));
        assert_eq!((name.namespace.as_str(), name.name.as_str()), ("shop", "web"));
        let whole = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a","namespace":null}}"#;
        assert_eq!(name_of(whole).unwrap().namespace, "");
    }

    #[test]
    fn what_does_not_say_it_or_says_it_twice_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        for text in [
            "",
            "[]",
            "null",
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{}}"#,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":""}}"#,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"generateName":"a-"}}"#,
            r#"{"apiVersion":"apps/","kind":"Deployment","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":1,"kind":"Secret","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}} x"#,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b","namespace":"c"}}"#,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"metadata":{"name":"b"}}"#,
            r#"{"apiVersion":"v1","kind":"ConfigMap","kind":"Secret","metadata":{"name":"a"}}"#,
            deep.as_str(),
        ] {
            assert!(name_of(text).is_err(), "{}", &text[..text.len().min(200)]);
        }
    }

    #[test]
    fn a_patch_is_an_object() {
        assert!(check_patch(r#"{"metadata":{"labels":null}}"#).is_ok());
        for text in ["", "1", "[{}]", r#"{"a":"#] {
            assert!(check_patch(text).is_err(), "{text}");
        }
    }
}
