//! Whose an object is: the marks that it carries itself.

use springline_sdk::Deploy;
use springline_sdk::prelude::*;
use springline_sdk::serde_json::Map;

use crate::content::digest;
use crate::options::annotation;

/// The annotation that names the owner, and the label that finds what it owns.
pub const MARK: &str = "springline.dev/owner";
/// The annotation of what is run within a sync and not kept.
pub const HOOK_MARK: &str = "springline.dev/hook";

/// An application in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `APPLICATION/ENVIRONMENT`.
    pub name: String,
}

impl Owner {
    /// The owner of what this call deploys.
    pub fn of(deploy: &Deploy) -> Self {
        let context = deploy.context();
        Self { name: format!("{}/{}", context.application(), context.environment().unwrap_or_default()) }
    }

    /// The value of the label: a label's value can't hold every name.
    pub fn label(&self) -> String {
        digest(&self.name)
    }

    /// Marks an object that is to be applied, whatever marks the manifest has.
    pub fn mark(&self, object: &mut Value) {
        unset(object, "annotations", HOOK_MARK);
        set(object, "annotations", MARK, self.name.clone());
        set(object, "labels", MARK, self.label());
    }

    /// Who else a live object says that it belongs to, be it kept or run; none if it is this owner's or
    /// nobody's.
    pub fn other<'l>(&self, live: &'l Value) -> Option<&'l str> {
        marks(live).into_iter().flatten().find(|owner| *owner != self.name)
    }

    /// Marks an object that is run and not kept.
    pub fn mark_hook(&self, object: &mut Value) {
        unset(object, "annotations", MARK);
        unset(object, "labels", MARK);
        set(object, "annotations", HOOK_MARK, self.name.clone());
    }
}

/// Who owns a live object; none if nobody says so.
pub fn owner_of(live: &Value) -> Option<&str> {
    marks(live)[0]
}

/// Whether anybody owns a live object or runs it.
pub fn is_owned(live: &Value) -> bool {
    marks(live).into_iter().flatten().next().is_some()
}

/// Who keeps a live object, and who runs it.
fn marks(live: &Value) -> [Option<&str>; 2] {
    [MARK, HOOK_MARK].map(|key| annotation(live, key).filter(|owner| !owner.is_empty()))
}

/// Whether two objects carry the same mark of an owner: it counts even where labels or annotations are
/// ignored.
pub fn is_marked_alike(one: &Value, other: &Value) -> bool {
    let label = |object: &Value| object.get("metadata")?.get("labels")?.get(MARK).cloned();
    owner_of(one) == owner_of(other) && label(one) == label(other)
}

/// An object's content without the marks of its owner.
pub fn without_marks(content: &Value) -> Value {
    let mut content = content.clone();
    let Some(metadata) = content.get_mut("metadata").and_then(Value::as_object_mut) else { return content };
    for field in ["annotations", "labels"] {
        if let Some(Value::Object(map)) = metadata.get_mut(field) {
            map.shift_remove(MARK);
            if map.is_empty() {
                metadata.shift_remove(field);
            }
        }
    }
    content
}

fn unset(object: &mut Value, field: &str, key: &str) {
    let map = object.get_mut("metadata").and_then(|metadata| metadata.get_mut(field));
    if let Some(Value::Object(map)) = map {
        map.shift_remove(key);
    }
}

fn set(object: &mut Value, field: &str, key: &str, text: String) {
    let Some(map) = object.as_object_mut() else { return };
    let metadata = map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata
        && let Value::Object(map) = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()))
    {
        map.insert(key.to_owned(), Value::String(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_set_and_read_and_left_out() {
        let owner = Owner { name: "shop/prod".into() };
        let bare = json!({ "metadata": { "name": "a", "labels": { "x": "y" } } });
        let mut marked = bare.clone();
        owner.mark(&mut marked);
        assert_eq!(owner_of(&marked), Some("shop/prod"));
        assert_eq!(owner_of(&bare), None);
        assert_eq!(marked["metadata"]["labels"][MARK].as_str().unwrap().len(), 16);
        assert_eq!(without_marks(&marked), bare);
        let mut hook = bare.clone();
        owner.mark_hook(&mut hook);
        assert_eq!(owner_of(&hook), None);
        let other = Owner { name: "shop/test".into() };
        assert_ne!(owner.label(), other.label());
        for object in [&marked, &hook] {
            assert!(is_owned(object));
            assert_eq!((owner.other(object), other.other(object)), (None, Some("shop/prod")));
        }
        other.mark_hook(&mut marked);
        other.mark(&mut hook);
        for object in [&marked, &hook] {
            assert_eq!((owner.other(object), other.other(object)), (Some("shop/test"), None));
        }
        assert_eq!(marked["metadata"]["labels"], bare["metadata"]["labels"]);
        assert!(!is_owned(&bare) && other.other(&bare).is_none());
    }
}
