//! What checking against a schema costs, found out beforehand.
//!
//! A schema of a few lines can take longer to check than the universe lasts: forty definitions
//! that each refer to the next one twice do. Schemas come from plugins, which are not trusted, so
//! the steps that a check could take are counted first, each pair of a value and a schema once.

use std::collections::HashMap;

use serde_json::Value;

use crate::pointer::shown;

/// The most steps that one check may take.
const MAX_STEPS: u64 = 1_000_000;
/// The most schemas that may be under way at once, references followed: it bounds the stack.
const MAX_DEPTH: u32 = 256;
/// The most values in a schema.
const MAX_SIZE: u64 = 50_000;

/// Keywords whose schema is for the same value.
const SAME: &[&str] = &["not", "if", "then", "else"];
/// Keywords whose list of schemas is for the same value.
const SAME_LIST: &[&str] = &["allOf", "anyOf", "oneOf"];
/// Keywords whose mapping of schemas is for the same value.
const SAME_MAP: &[&str] = &["dependentSchemas", "dependencies"];
/// Keywords whose schema, or list of schemas, is for what is in the value.
const BELOW: &[&str] = &[
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "contentSchema",
];
/// Ways to refer that are not counted here, and so not taken.
const REFUSED: &[&str] = &["$dynamicRef", "$recursiveRef"];

/// Whether the cost of a schema is the same for every value of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// At most this many steps for each value in the value.
    PerValue(u64),
    /// The schema refers to itself: it depends.
    Recursive,
}

/// Looks at a schema.
///
/// # Errors
/// Why it can't be used.
pub(crate) fn of_schema(schema: &Value) -> Result<Cost, String> {
    if size(schema) > MAX_SIZE {
        return Err(format!("it has more than {MAX_SIZE} values"));
    }
    let mut survey = Survey { root: schema, known: HashMap::new(), recursive: false };
    let steps = survey.steps(schema, 0)?;
    match (survey.recursive, steps) {
        (true, _) => Ok(Cost::Recursive),
        (false, steps) if steps > MAX_STEPS => Err("checking against it could take too long".to_owned()),
        (false, steps) => Ok(Cost::PerValue(steps)),
    }
}

/// Whether this value can be checked against the schema in few enough steps.
pub(crate) fn affordable(cost: Cost, schema: &Value, value: &Value) -> bool {
    if let Cost::PerValue(steps) = cost
        && steps.saturating_mul(size(value)) <= MAX_STEPS
    {
        return true;
    }
    let mut count = Count { root: schema, known: HashMap::new() };
    count.steps(value, schema, 0).is_some_and(|steps| steps <= MAX_STEPS)
}

fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// Counts the steps of a schema with all its references written out.
struct Survey<'a> {
    root: &'a Value,
    /// None while the schema is under way.
    known: HashMap<*const Value, Option<u64>>,
    recursive: bool,
}

impl<'a> Survey<'a> {
    fn steps(&mut self, schema: &'a Value, depth: u32) -> Result<u64, String> {
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(Some(steps)) => return Ok(*steps),
            Some(None) => {
                self.recursive = true;
                return Ok(1);
            }
            None => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("its references go more than {MAX_DEPTH} deep"));
        }
        self.known.insert(schema, None);
        let mut steps = 1_u64;
        for part in parts(self.root, schema)? {
            steps = steps.saturating_add(self.steps(part.schema, depth + 1)?.saturating_mul(part.times));
        }
        self.known.insert(schema, Some(steps));
        Ok(steps)
    }
}

/// Counts the steps for one value.
struct Count<'a> {
    root: &'a Value,
    /// None while the pair is under way: the validator goes round such a circle once.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
}

impl<'a> Count<'a> {
    /// None if it goes too deep.
    fn steps(&mut self, value: &'a Value, schema: &'a Value, depth: u32) -> Option<u64> {
        let pair = (std::ptr::from_ref(value), std::ptr::from_ref(schema));
        if let Some(known) = self.known.get(&pair) {
            return Some(known.unwrap_or(1));
        }
        if depth > MAX_DEPTH || self.known.len() as u64 > MAX_STEPS {
            return None;
        }
        self.known.insert(pair, None);
        let mut steps = 1_u64;
        for part in parts(self.root, schema).ok()? {
            let mut add = |value: &'a Value| {
                let more = self.steps(value, part.schema, depth + 1)?.saturating_mul(part.times);
                steps = steps.saturating_add(more);
                Some(())
            };
            match (part.place, value) {
                (Place::Same, _) => add(value)?,
                (Place::Key(key), Value::Object(map)) => map.get(key).map_or(Some(()), add)?,
                (Place::Below, Value::Object(map)) => map.values().try_for_each(add)?,
                (Place::Below, Value::Array(items)) => items.iter().try_for_each(add)?,
                _ => {}
            }
        }
        self.known.insert(pair, Some(steps));
        Some(steps)
    }
}

/// A schema in another one.
struct Part<'a> {
    schema: &'a Value,
    place: Place<'a>,
    /// How often it is gone through.
    times: u64,
}

/// What a schema in another one is for.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The same value.
    Same,
    /// The value of one key.
    Key(&'a str),
    /// Anything in the value.
    Below,
}

/// The schemas that stand in one schema, references followed.
fn parts<'a>(root: &'a Value, schema: &'a Value) -> Result<Vec<Part<'a>>, String> {
    let Some(keywords) = schema.as_object() else { return Ok(Vec::new()) };
    // What is left over is found out by going through all the rest once more.
    let again = keywords.contains_key("unevaluatedProperties") || keywords.contains_key("unevaluatedItems");
    let times = if again { 2 } else { 1 };
    let mut parts = Vec::new();
    for (keyword, argument) in keywords {
        let keyword = keyword.as_str();
        let mut add = |schema, place| parts.push(Part { schema, place, times });
        if keyword == "$ref" {
            add(refer(root, argument)?, Place::Same);
        } else if REFUSED.contains(&keyword) {
            return Err(format!("`{keyword}` is not supported here"));
        } else if keyword == "$id" && !std::ptr::eq(schema, root) {
            return Err("`$id` is not supported below the root".to_owned());
        } else if SAME.contains(&keyword) {
            add(argument, Place::Same);
        } else if BELOW.contains(&keyword) {
            match argument {
                Value::Array(schemas) => schemas.iter().for_each(|schema| add(schema, Place::Below)),
                schema => add(schema, Place::Below),
            }
        } else if SAME_LIST.contains(&keyword) {
            argument.as_array().into_iter().flatten().for_each(|schema| add(schema, Place::Same));
        } else if SAME_MAP.contains(&keyword) {
            argument.as_object().into_iter().flatten().for_each(|(_, schema)| add(schema, Place::Same));
        } else if keyword == "properties" {
            argument.as_object().into_iter().flatten().for_each(|(key, schema)| add(schema, Place::Key(key)));
        } else if keyword == "patternProperties" {
            argument.as_object().into_iter().flatten().for_each(|(_, schema)| add(schema, Place::Below));
        }
    }
    Ok(parts)
}

/// The schema that a reference names.
fn refer<'a>(root: &'a Value, reference: &Value) -> Result<&'a Value, String> {
    let reference = reference.as_str().unwrap_or_default();
    let pointer = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
    let found = pointer.and_then(|pointer| root.pointer(pointer));
    found.ok_or_else(|| {
        format!("`$ref` names `{}`, and may name `#` or `#/POINTER` in this schema only", shown(reference))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doubling(keyword: &str, last: Value) -> Value {
        let mut definitions = serde_json::Map::new();
        for index in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/{}", index + 1) });
            definitions.insert(index.to_string(), json!({ keyword: [next, next] }));
        }
        definitions.insert("40".into(), last);
        json!({ "$defs": definitions, "$ref": "#/$defs/0" })
    }

    #[test]
    fn a_schema_that_doubles_is_refused() {
        for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            assert!(of_schema(&doubling(keyword, json!({}))).is_err(), "{keyword}");
        }
    }

    #[test]
    fn a_schema_that_doubles_with_the_depth_of_the_value_is_refused_for_deep_ones() {
        let schema =
            json!({ "type": "object", "properties": { "a": { "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] } } });
        let cost = of_schema(&schema).unwrap();
        assert_eq!(cost, Cost::Recursive);
        let nested = |depth| (0..depth).fold(json!(1), |value, _| json!({ "a": value }));
        assert!(affordable(cost, &schema, &nested(5)));
        assert!(!affordable(cost, &schema, &nested(50)));
        let single = json!({ "properties": { "a": { "$ref": "#" } } });
        assert!(affordable(of_schema(&single).unwrap(), &single, &nested(60)), "one way down is cheap at any depth");
    }

    #[test]
    fn long_chains_of_references_are_refused() {
        let mut definitions = serde_json::Map::new();
        for index in 0..10_000 {
            definitions.insert(index.to_string(), json!({ "$ref": format!("#/$defs/{}", index + 1) }));
        }
        definitions.insert("10000".into(), json!({}));
        assert!(of_schema(&json!({ "$defs": definitions, "$ref": "#/$defs/0" })).unwrap_err().contains("deep"));
    }

    #[test]
    fn an_ordinary_schema_costs_what_it_looks_like() {
        let schema = json!({
            "$defs": { "unused": {}, "name": { "type": "string" } },
            "properties": { "a": { "$ref": "#/$defs/name" }, "b": { "items": { "$ref": "#/$defs/name" } } },
            "enum": [{ "$ref": "data, not a reference" }],
        });
        assert_eq!(of_schema(&schema), Ok(Cost::PerValue(6)));
        assert!(affordable(Cost::PerValue(6), &schema, &json!({ "a": "x", "b": ["y"] })));
    }
}
