//! An object as expressions see it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::objects::Key;
use cel::{ExecutionError, Value};
use serde_json::{Map, Value as Json};

/// How deep an object may be nested; what lies deeper is left out.
const DEPTH: usize = 100;

static EMPTY: LazyLock<Json> = LazyLock::new(|| Json::Object(Map::new()));

/// The variables of one object, each made when it is first asked for.
pub(crate) struct Variables<'o> {
    object: &'o Json,
    conditions: Vec<Value>,
    made: [OnceLock<Box<dyn Val>>; crate::functions::VARIABLES.len()],
}

impl<'o> Variables<'o> {
    pub(crate) fn new(object: &'o Json) -> Self {
        let conditions = match field(object, "status").get("conditions") {
            Some(Json::Array(items)) => items.iter().filter(|item| item.is_object()).filter_map(value).collect(),
            _ => Vec::new(),
        };
        Self { object, conditions, made: Default::default() }
    }

    /// The conditions of the object's status.
    pub(crate) fn conditions(&self) -> &[Value] {
        &self.conditions
    }

    fn make(&self, name: &str) -> Option<Box<dyn Val>> {
        let made = match name {
            "object" => value(self.object).unwrap_or(Value::Null),
            "conditions" => Value::List(Arc::new(self.conditions.clone())),
            _ => value(field(self.object, name)).unwrap_or(Value::Null),
        };
        made.try_into().ok()
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let at = crate::functions::VARIABLES.iter().position(|name| *name == variable)?;
        let slot = &self.made[at];
        if slot.get().is_none() {
            let _ = slot.set(self.make(variable)?);
        }
        slot.get().map(|made| CowVal::Borrowed(made.as_ref()))
    }
}

/// A mapping of an object; an empty one if it has none.
pub(crate) fn field<'o>(object: &'o Json, name: &str) -> &'o Json {
    object.get(name).filter(|value| value.is_object()).unwrap_or(&EMPTY)
}

/// A value as expressions see it; none for null, which Kubernetes reads as if nothing were there.
pub(crate) fn value(json: &Json) -> Option<Value> {
    convert(json, DEPTH)
}

fn convert(json: &Json, depth: usize) -> Option<Value> {
    let below = depth.checked_sub(1)?;
    Some(match json {
        Json::Null => return None,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(whole)) => Value::UInt(whole),
            (None, None) => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => {
            let items = items.iter().map(|item| convert(item, below).unwrap_or(Value::Null));
            Value::List(Arc::new(items.collect()))
        }
        Json::Object(fields) => {
            let fields = fields.iter().filter_map(|(key, field)| Some((key.as_str(), convert(field, below)?)));
            map(fields)
        }
    })
}

/// A mapping of these fields.
pub(crate) fn map<'f>(fields: impl Iterator<Item = (&'f str, Value)>) -> Value {
    fields.map(|(key, value)| (Key::from(key), value)).collect::<HashMap<Key, Value>>().into()
}

/// What a mapping has under a key.
pub(crate) fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.map.get(&Key::from(key)),
        _ => None,
    }
}

/// A text under a key; empty if there is none.
pub(crate) fn text(value: &Value, key: &str) -> Arc<String> {
    match get(value, key) {
        Some(Value::String(text)) => Arc::clone(text),
        Some(other) => Arc::new(plain(other)),
        None => Arc::default(),
    }
}

/// A value that is no text, as text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Opaque(_) => String::new(),
        Value::Map(_) => "{…}".to_owned(),
        Value::List(_) => "[…]".to_owned(),
        _ => String::new(),
    }
}

/// How many values a value is made of.
pub(crate) fn size(value: &Value) -> u64 {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Map(map) => 1 + map.map.values().map(size).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 64,
        _ => 1,
    }
}

/// A whole number, also one that is written as text, as some controllers do.
pub(crate) fn whole(json: Option<&Json>) -> Option<i64> {
    match json? {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// An error that says this.
pub(crate) fn failed(function: &str, message: &str) -> ExecutionError {
    ExecutionError::FunctionError { function: function.to_owned(), message: message.to_owned() }
}
