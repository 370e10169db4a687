//! Values: read from files, merged, and given to templates.

use minijinja::Value;
use springline_sdk::prelude::{Error, Render, Result, Violation};
use springline_sdk::serde_json;
use springline_yaml::{Map, Node, Schema, Value as Yaml, read, read_json};

use crate::Config;
use crate::context::RESERVED;
use crate::suggest::did_you_mean;

/// The values of the files, merged in their order; everything wrong with them goes to
/// `violations`.
pub fn from_files(config: &Config, render: &Render, paths: &[String], violations: &mut Vec<Violation>) -> Result<Map> {
    let mut merged = Map::new();
    for (path, pointer) in config.values.each() {
        if !paths.iter().any(|known| known == path) {
            violations.push(missing(path, paths).pointer(pointer));
            continue;
        }
        let text = match render.read_text(path) {
            Ok(text) => text,
            Err(Error::Invalid(more)) => {
                violations.extend(more);
                continue;
            }
            Err(other) => return Err(other),
        };
        match parse(path, &text) {
            Ok(values) => merge(&mut merged, values),
            Err(more) => violations.extend(more),
        }
    }
    Ok(merged)
}

fn missing(path: &str, paths: &[String]) -> Violation {
    // With `in: deploy`, `deploy/values.yaml` is how the file is called from outside.
    let from_outside =
        path.split_once('/').map(|(_, rest)| rest).filter(|rest| paths.iter().any(|known| known == rest));
    let hint = match from_outside {
        Some(inside) => format!("; paths start at the input directory, so it is `{inside}`"),
        None => did_you_mean(path, paths.iter().map(String::as_str)),
    };
    Violation::new(format!("there is no file `{path}` in the input directory{hint}"))
}

/// The values of one file.
fn parse(path: &str, text: &str) -> Result<Map, Vec<Violation>> {
    let one = |line: u32, message: String| vec![Violation::new(message).file(path).line(line)];
    let documents =
        if path.ends_with(".json") { read_json(text).map(Vec::from_iter) } else { read(text, Schema::Core) };
    let mut documents = documents.map_err(|error| one(error.line, error.message))?;
    if documents.len() > 1 {
        return Err(one(documents[1].line, "a file of values is one document, and a second begins here".into()));
    }
    let Some(root) = documents.pop().filter(|root| !root.is_null()) else { return Ok(Map::new()) };
    let (line, kind) = (root.line, root.kind());
    let Yaml::Map(values) = root.value else {
        return Err(one(line, format!("values are a mapping of names, and this is {kind}")));
    };
    let reserved: Vec<_> = values
        .iter()
        .filter(|(name, _)| RESERVED.contains(&name.as_str()))
        .map(|(name, value)| Violation::new(reserved(name)).file(path).line(value.line))
        .collect();
    if reserved.is_empty() { Ok(values) } else { Err(reserved) }
}

/// Why a value can't have this name.
pub fn reserved(name: &str) -> String {
    format!("`{name}` is what Springline itself tells templates; call the value something else")
}

/// Puts `over` over `base`: mappings are merged, all else is replaced.
pub fn merge(base: &mut Map, over: Map) {
    for (key, value) in over {
        match (base.get_mut(&key).map(|node| &mut node.value), value.value) {
            (Some(Yaml::Map(below)), Yaml::Map(above)) => merge(below, above),
            (_, other) => {
                base.insert(key, Node { line: value.line, value: other });
            }
        }
    }
}

/// JSON as a tree.
pub fn from_json(json: &serde_json::Map<String, serde_json::Value>) -> Map {
    json.iter().map(|(key, value)| (key.clone(), json_node(value))).collect()
}

fn json_node(json: &serde_json::Value) -> Node {
    use serde_json::Value as Json;
    Node::new(match json {
        Json::Null => Yaml::Null,
        Json::Bool(yes) => Yaml::Bool(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Yaml::Int(number.into()),
            (_, Some(number)) => Yaml::Int(number.into()),
            _ => Yaml::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Yaml::Text(text.clone()),
        Json::Array(items) => Yaml::List(items.iter().map(json_node).collect()),
        Json::Object(map) => Yaml::Map(from_json(map)),
    })
}

/// A tree as a template sees it.
pub fn to_template(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::from(()),
        Yaml::Bool(yes) => Value::from(*yes),
        Yaml::Int(number) => i64::try_from(*number).map_or_else(|_| Value::from(*number), Value::from),
        Yaml::Float(number) => Value::from(*number),
        Yaml::Text(text) => Value::from(text.as_str()),
        Yaml::List(items) => items.iter().map(to_template).collect(),
        Yaml::Map(map) => map_to_template(map),
    }
}

/// A mapping as a template sees it.
pub fn map_to_template(map: &Map) -> Value {
    Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), to_template(value))))
}

#[cfg(test)]
mod tests {
    use springline_sdk::prelude::json;

    use super::*;

    #[test]
    fn mappings_are_merged_and_all_else_is_replaced() {
        let mut base = parse("a.yaml", "image: {name: x, tag: '1'}\nports: [1, 2]\nkept: yes\n").unwrap();
        merge(&mut base, parse("b.json", r#"{"image": {"tag": "2"}, "ports": [3], "new": null}"#).unwrap());
        let json = json!({ "image": { "pull": true } });
        merge(&mut base, from_json(json.as_object().unwrap()));
        assert_eq!(
            springline_yaml::write(&Node::new(Yaml::Map(base))),
            "image:\n  name: x\n  tag: \"2\"\n  pull: true\nports:\n- 3\nkept: \"yes\"\nnew: null\n"
        );
    }

    #[test]
    fn what_is_no_mapping_is_refused_with_its_line() {
        let told = |text| parse("v.yaml", text).unwrap_err()[0].to_string();
        assert_eq!(told("\n- a\n"), "v.yaml:2: values are a mapping of names, and this is a list");
        assert_eq!(told("a: 1\n---\nb: 2\n"), "v.yaml:3: a file of values is one document, and a second begins here");
        assert_eq!(told("a: 1\na: 2\n"), "v.yaml:2: `a` is there already; its first value is in line 1");
        assert!(told("x: 1\nartifacts: {}\n").starts_with("v.yaml:2: `artifacts` is what Springline"));
        assert!(parse("v.yaml", "# nothing\n").unwrap().is_empty());
    }
}
