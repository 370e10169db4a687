//! What an upgrade of a plugin changes: powers, config, interfaces.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};
use springline_model::call::canonical_json;
use springline_model::capability::imported_by;
use springline_model::plugin::Description;

/// How deep a config's schema is compared.
const DEEPEST: usize = 12;

/// What differs between two versions of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginDiff {
    /// Name, version, kind and track, where they differ: what, before, after.
    pub identity: Vec<(String, String, String)>,
    /// Powers.
    pub capabilities: Vec<PowerChange>,
    /// The config, property by property.
    pub config: Vec<ConfigChange>,
    /// Interfaces that are imported now and were not.
    pub imports_added: Vec<String>,
    /// Interfaces that were imported and are no more.
    pub imports_removed: Vec<String>,
}

/// A power that is asked for now and was not, or was and is not, or for another reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PowerChange {
    /// Its name, such as `directory`.
    pub name: String,
    /// Why it was asked for; none if it was not.
    pub before: Option<String>,
    /// Why it is asked for; none if it is not any more.
    pub after: Option<String>,
    /// Whether it can be used now and could not before: named *and* imported.
    pub is_more: bool,
}

/// A change of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConfigChange {
    /// The place, a JSON pointer; `*` stands for the items of a list and the values of a map.
    pub pointer: String,
    /// What changed.
    pub what: String,
    /// Whether a config that was right may be refused now, or mean something else.
    pub breaks: bool,
}

impl PluginDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.identity.is_empty()
            && self.capabilities.is_empty()
            && self.config.is_empty()
            && self.imports_added.is_empty()
            && self.imports_removed.is_empty()
    }

    /// Whether the new one can use a power that the old one could not.
    pub fn asks_for_more(&self) -> bool {
        self.capabilities.iter().any(|change| change.is_more)
    }

    /// Whether a config that was right may no longer be, or the kind is another.
    pub fn breaks(&self) -> bool {
        self.config.iter().any(|change| change.breaks) || self.identity.iter().any(|(what, ..)| what == "kind")
    }

    /// As lines for people, each with a sign in front: `+`, `-`, `~`, or `!` for what asks for more or
    /// breaks.
    pub fn lines(&self) -> Vec<(char, String)> {
        let mut lines = Vec::new();
        for (what, before, after) in &self.identity {
            lines.push((if what == "kind" { '!' } else { '~' }, format!("{what} {before} -> {after}")));
        }
        for PowerChange { name, before, after, is_more } in &self.capabilities {
            lines.push(match (before, after) {
                (_, Some(after)) if *is_more => ('!', format!("asks for {name}: {after}")),
                (None, Some(after)) => ('+', format!("names {name}, without importing it: {after}")),
                (Some(before), None) => ('-', format!("no longer asks for {name}: {before}")),
                (before, after) => {
                    let text = |reason: &Option<String>| reason.clone().unwrap_or_default();
                    ('~', format!("asks for {name} for another reason: {} -> {}", text(before), text(after)))
                }
            });
        }
        for ConfigChange { pointer, what, breaks } in &self.config {
            lines.push((if *breaks { '!' } else { '~' }, format!("config {pointer}: {what}")));
        }
        lines.extend(self.imports_added.iter().map(|import| ('+', format!("imports {import}"))));
        lines.extend(self.imports_removed.iter().map(|import| ('-', format!("no longer imports {import}"))));
        lines
    }
}

/// What differs from `old` to `new`.
pub fn compare(old: &Description, new: &Description) -> PluginDiff {
    let pairs = [
        ("name", old.name.clone(), new.name.clone()),
        ("version", old.version.clone(), new.version.clone()),
        ("kind", old.kind.to_string(), new.kind.to_string()),
        ("track", old.track.clone(), new.track.clone()),
    ];
    let identity = pairs.into_iter().filter(|(_, before, after)| before != after);
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (old.imports.iter().collect(), new.imports.iter().collect());
    let mut config = Vec::new();
    let schemas = Schemas { old: &old.config_schema, new: &new.config_schema };
    schemas.compare(&old.config_schema, &new.config_schema, "", DEEPEST, &mut config);
    PluginDiff {
        identity: identity.map(|(what, before, after)| (what.to_owned(), before, after)).collect(),
        capabilities: powers(old, new),
        config,
        imports_added: after.difference(&before).map(|import| (*import).clone()).collect(),
        imports_removed: before.difference(&after).map(|import| (*import).clone()).collect(),
    }
}

fn powers(old: &Description, new: &Description) -> Vec<PowerChange> {
    let reason = |description: &Description, name: &str| {
        description.capabilities.iter().find(|capability| capability.name == name).map(|found| found.reason.clone())
    };
    let named = old.capabilities.iter().chain(&new.capabilities).map(|capability| capability.name.as_str());
    let names: BTreeSet<&str> = named.collect();
    let changes = names.into_iter().map(|name| {
        let (before, after) = (reason(old, name), reason(new, name));
        let is_more = has(new, name) && !has(old, name);
        PowerChange { name: name.to_owned(), before, after, is_more }
    });
    changes.filter(|change| change.is_more || change.before != change.after).collect()
}

/// Whether a plugin names a power and imports what it takes.
fn has(description: &Description, capability: &str) -> bool {
    let names = description.capabilities.iter().any(|named| named.name == capability);
    names && description.imports.iter().any(|import| imported_by(import) == Some(capability))
}

struct Schemas<'s> {
    old: &'s Value,
    new: &'s Value,
}

impl Schemas<'_> {
    fn compare(&self, old: &Value, new: &Value, pointer: &str, deeper: usize, found: &mut Vec<ConfigChange>) {
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        if old == new && self.old == self.new || deeper == 0 {
            return;
        }
        let mut told = |pointer: String, what: String, breaks: bool| found.push(ConfigChange { pointer, what, breaks });
        for (keyword, is_limit) in [
            ("type", true),
            ("enum", true),
            ("const", true),
            ("format", false),
            ("pattern", true),
            ("minimum", true),
            ("maximum", true),
            ("minLength", true),
            ("maxLength", true),
            ("minItems", true),
            ("maxItems", true),
            ("default", false),
        ] {
            let (before, after) = (old.get(keyword), new.get(keyword));
            if before != after {
                let breaks = keyword == "default" || (is_limit && narrows(keyword, before, after));
                let shown = |value: Option<&Value>| value.map_or("none".to_owned(), canonical_json);
                let what = format!("{keyword} {} -> {}", shown(before), shown(after));
                told(pointer.to_owned(), what, breaks);
            }
        }
        let (before, after) = (properties(old), properties(new));
        let (needed, needs) = (required(old), required(new));
        for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
            let at = format!("{pointer}/{key}");
            let is_needed = needs.contains(key.as_str());
            match (before.get(key), after.get(key)) {
                (None, Some(property)) => {
                    let need = if is_needed { ", required" } else { "" };
                    told(at, format!("new, {}{need}", type_of(resolve(self.new, property))), is_needed);
                }
                (Some(_), None) => {
                    let refuses = new.get("additionalProperties") == Some(&Value::Bool(false));
                    told(at, if refuses { "gone: it is refused now" } else { "gone" }.to_owned(), true);
                }
                _ if is_needed && !needed.contains(key.as_str()) => told(at, "required now".to_owned(), true),
                _ if !is_needed && needed.contains(key.as_str()) => told(at, "no longer required".to_owned(), false),
                _ => {}
            }
        }
        let strict = |schema: &Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
        if strict(old) != strict(new) {
            let what = if strict(new) { "unknown keys are refused now" } else { "unknown keys are accepted now" };
            told(pointer.to_owned(), what.to_owned(), strict(new));
        }
        for (key, property) in &before {
            if let Some(other) = after.get(key) {
                self.compare(property, other, &format!("{pointer}/{key}"), deeper - 1, found);
            }
        }
        for keyword in ["items", "additionalProperties"] {
            if let (Some(before @ Value::Object(_)), Some(after @ Value::Object(_))) =
                (old.get(keyword), new.get(keyword))
            {
                self.compare(before, after, &format!("{pointer}/*"), deeper - 1, found);
            }
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if old.get(keyword) != new.get(keyword) {
                found.push(ConfigChange {
                    pointer: pointer.to_owned(),
                    what: format!("{keyword} differs"),
                    breaks: true,
                });
            }
        }
    }
}

/// Whether what was allowed may no longer be.
fn narrows(keyword: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    let Some(after) = after else { return false };
    let Some(before) = before else { return true };
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    match (keyword, before.as_f64(), after.as_f64()) {
        ("type" | "enum", ..) => !list(before).iter().all(|allowed| list(after).contains(allowed)),
        ("minimum" | "minLength" | "minItems", Some(before), Some(after)) => after > before,
        ("maximum" | "maxLength" | "maxItems", Some(before), Some(after)) => after < before,
        _ => true,
    }
}

/// What a `$ref` within the schema leads to.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut at = schema;
    for _ in 0..DEEPEST {
        let Some(pointer) = at.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) else {
            break;
        };
        let Some(next) = root.pointer(pointer) else { break };
        at = next;
    }
    at
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn required(schema: &Value) -> BTreeSet<&str> {
    let list = schema.get("required").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The type of a property, as people read it.
pub fn type_of(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use springline_model::capability::Capability;
    use springline_model::plugin::Kind;

    use super::*;

    fn plugin(schema: Value, powers: &[&str], imports: &[&str]) -> Description {
        let capability = |name: &&str| Capability { name: (*name).to_owned(), reason: "because".into() };
        Description {
            name: "x".into(),
            version: "0.1.0".into(),
            summary: String::new(),
            kind: Kind::DeployTarget,
            config_schema: schema,
            capabilities: powers.iter().map(capability).collect(),
            track: "0.1".into(),
            imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        }
    }

    const DIRECTORY: &str = "springline:host/directory@0.1.0";

    #[test]
    fn equal_plugins_do_not_differ() {
        let schema = json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/A" } }, "$defs": { "A": { "type": "string" } } });
        let one = plugin(schema, &["directory"], &[DIRECTORY]);
        assert!(compare(&one, &one).is_empty());
    }

    #[test]
    fn more_is_a_power_that_is_named_and_imported() {
        let none = plugin(json!({}), &[], &[]);
        let named = plugin(json!({}), &["directory"], &[]);
        let both = plugin(json!({}), &["directory"], &[DIRECTORY]);
        let imported = plugin(json!({}), &[], &[DIRECTORY]);
        let (types, handler) = ("wasi:http/types@0.2.4", "wasi:http/outgoing-handler@0.2.4");
        let speaks_of_http = plugin(json!({}), &["http"], &[types]);
        let sends = plugin(json!({}), &["http"], &[handler, types]);
        for (old, new, more) in [
            (&none, &both, true),
            (&named, &both, true),
            (&imported, &both, true),
            (&none, &named, false),
            (&none, &imported, false),
            (&both, &none, false),
            (&both, &both, false),
            (&speaks_of_http, &sends, true),
            (&none, &speaks_of_http, false),
        ] {
            assert_eq!(compare(old, new).asks_for_more(), more, "{:?} -> {:?}", old.capabilities, new.capabilities);
        }
    }

    #[test]
    fn configs_are_compared_property_by_property() {
        let old = json!({
            "type": "object", "additionalProperties": false, "required": ["a"],
            "properties": { "a": { "type": "string" }, "b": { "type": "integer", "maximum": 9 }, "gone": {}, "l": { "type": "array", "items": { "type": "string" } } },
        });
        let new = json!({
            "type": "object", "additionalProperties": false, "required": ["b", "must"],
            "properties": {
                "a": { "type": ["string", "null"] }, "b": { "type": "integer", "maximum": 5 }, "must": { "type": "string" },
                "may": { "type": "boolean" }, "l": { "type": "array", "items": { "type": "integer" } },
            },
        });
        let diff = compare(&plugin(old, &[], &[]), &plugin(new, &[], &[]));
        let told: Vec<_> =
            diff.config.iter().map(|change| (change.pointer.as_str(), change.what.as_str(), change.breaks)).collect();
        for expected in [
            ("/a", "no longer required", false),
            ("/b", "required now", true),
            ("/gone", "gone: it is refused now", true),
            ("/must", "new, string, required", true),
            ("/may", "new, boolean", false),
            ("/a", "type \"string\" -> [\"string\",\"null\"]", false),
            ("/b", "maximum 9 -> 5", true),
            ("/l/*", "type \"string\" -> \"integer\"", true),
        ] {
            assert!(told.contains(&expected), "{expected:?} is not in {told:#?}");
        }
        assert_eq!(told.len(), 8, "{told:#?}");
        assert!(diff.breaks());
    }
}
