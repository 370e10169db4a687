//! Objects as an API server gives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use springline_model::kubernetes::ApiKind;

use crate::json;

/// What metadata is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// What tells it from an earlier one of its name.
    pub uid: String,
    /// The version of its content.
    pub resource_version: String,
    /// Its labels.
    pub labels: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<String>,
    deletion_grace_period_seconds: Option<i64>,
    finalizers: Option<Vec<String>>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Its text.
    pub text: Arc<str>,
    /// What is known about it.
    pub metadata: Metadata,
}

impl Live {
    /// Reads an object from a text that is JSON. `managed` keeps `metadata.managedFields`; `kind` is
    /// stated where the text doesn't, as in a list. None for anything but an object with a name.
    pub fn read(text: &str, kind: &ApiKind, managed: bool) -> Option<Self> {
        let (mut typed, mut metadata) = (false, None);
        for part in json::parts(text) {
            match part.name {
                "kind" => typed = true,
                "metadata" => metadata = Some(part.value),
                _ => {}
            }
        }
        let place = metadata?;
        let metadata: Metadata = serde_json::from_str(text.get(place.clone())?).ok()?;
        if metadata.name.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let start = text.find('{')? + 1;
        out.push('{');
        if !typed {
            let stated = [("apiVersion", kind.api_version()), ("kind", kind.kind.clone())];
            for (name, value) in stated {
                out.push_str(&format!("\"{name}\":{},", serde_json::Value::String(value)));
            }
        }
        out.push_str(text.get(start..place.start)?);
        let inner = text.get(place.clone())?;
        if managed {
            out.push_str(inner)
        } else {
            push_without(&mut out, inner, "managedFields")
        }
        out.push_str(text.get(place.end..)?);
        Some(Self { text: out.into(), metadata })
    }

    /// Whether an object that the answer to its deletion shows is still there: until somebody lets go
    /// of it, or its time to end is over.
    pub fn is_held(&self) -> bool {
        let metadata = &self.metadata;
        let free = metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        metadata.deletion_timestamp.is_some() && !(free && metadata.deletion_grace_period_seconds == Some(0))
    }
}

/// An object without one of its members.
fn push_without(out: &mut String, text: &str, name: &str) {
    if !json::parts(text).any(|part| part.name == name) {
        out.push_str(text);
        return;
    }
    out.push('{');
    let mut first = true;
    for part in json::parts(text).filter(|part| part.name != name) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push_str(&text[part.whole]);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_everything_but_who_manages_its_fields() {
        let kind = ApiKind::new("example.com/v1", "Cake");
        let text = r#"{"kind":"Cake","apiVersion":"example.com/v1","metadata":{"name":"a","managedFields":[{"f:x":{}}],"labels":{"b":"c"},"uid":"u","resourceVersion":"7"},"spec":{"z":1.50,"big":9223372036854775807,"a":1E2}}"#;
        let live = Live::read(text, &kind, false).unwrap();
        assert_eq!(&*live.text, text.replace(r#""managedFields":[{"f:x":{}}],"#, ""));
        assert_eq!((live.metadata.uid.as_str(), live.metadata.resource_version.as_str()), ("u", "7"));
        assert_eq!(live.metadata.labels.unwrap()["b"], "c");
        assert_eq!(&*Live::read(text, &kind, true).unwrap().text, text);
    }

    #[test]
    fn an_object_of_a_list_states_its_type() {
        let kind = ApiKind::new("v1", "Pod");
        let live = Live::read(r#"{"metadata":{"managedFields":[],"name":"a"}}"#, &kind, false).unwrap();
        assert_eq!(&*live.text, r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#);
    }

    #[test]
    fn a_deleted_object_is_there_while_it_is_held() {
        let kind = ApiKind::new("v1", "Pod");
        for (metadata, held) in [
            ("", false),
            (r#","deletionTimestamp":"t","deletionGracePeriodSeconds":0"#, false),
            (r#","deletionTimestamp":"t","deletionGracePeriodSeconds":30"#, true),
            (r#","deletionTimestamp":"t","deletionGracePeriodSeconds":0,"finalizers":["x"]"#, true),
            (r#","deletionTimestamp":"t""#, true),
        ] {
            let text = format!(r#"{{"metadata":{{"name":"a"{metadata}}}}}"#);
            assert_eq!(Live::read(&text, &kind, false).unwrap().is_held(), held, "{metadata}");
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        let kind = ApiKind::new("v1", "Pod");
        for text in ["{}", "[]", "7", r#"{"metadata":7}"#, r#"{"metadata":{}}"#, r#"{"metadata":{"name":7}}"#] {
            assert_eq!(Live::read(text, &kind, false), None, "{text}");
        }
    }
}
