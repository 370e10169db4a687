//! The body of a desired object: one document of YAML or JSON.

use springline_sdk::prelude::*;
use springline_sdk::serde_json::from_str;
use springline_yaml::{Node, Schema, read};

/// Reads the body of an object.
///
/// # Errors
/// What is wrong with it, with its line in the body.
pub fn parse(id: &str, text: &str) -> Result<Value, Violation> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = from_str(text)
    {
        return Ok(value);
    }
    let documents =
        read(text, Schema::Kubernetes).map_err(|error| Violation::new(error.message).file(id).line(error.line))?;
    let mut documents = documents.into_iter().filter(|document| !document.is_null());
    let Some(first) = documents.next() else {
        return Err(Violation::new("there is no object in it").file(id));
    };
    if let Some(second) = documents.next() {
        let message = "a second object begins here; an object of the manifest is one object of the cluster";
        return Err(Violation::new(message).file(id).line(second.line));
    }
    let (line, kind) = (first.line, first.kind());
    match first.into_json() {
        object @ Value::Object(_) => Ok(object),
        _ => Err(Violation::new(format!("an object is a mapping, and this is {kind}")).file(id).line(line)),
    }
}

/// An object as text for people, its fields in one order.
pub fn write(object: &Value) -> String {
    springline_yaml::write(&to_yaml(object))
}

fn to_yaml(value: &Value) -> Node {
    use springline_yaml::Value as Yaml;
    Node::new(match value {
        Value::Null => Yaml::Null,
        Value::Bool(yes) => Yaml::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Yaml::Int(number.into()),
            (_, Some(number), _) => Yaml::Int(number.into()),
            (_, _, number) => Yaml::Float(number.unwrap_or_default()),
        },
        Value::String(text) => Yaml::Text(text.clone()),
        Value::Array(items) => Yaml::List(items.iter().map(to_yaml).collect()),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| (order(key), key.as_str()));
            Yaml::Map(entries.into_iter().map(|(key, value)| (key.clone(), to_yaml(value))).collect())
        }
    })
}

/// What an object is comes before what it holds, and a name before what it names.
fn order(key: &str) -> u8 {
    match key {
        "apiVersion" => 0,
        "kind" => 1,
        "metadata" => 2,
        "name" => 3,
        _ => 4,
    }
}

/// The line of a body that a field is in, or of the closest one around it that is there. The path
/// is as the API server writes it: `spec.template.spec.containers[0].image`.
pub fn line_of(text: &str, path: &str) -> Option<u32> {
    let documents = read(text, Schema::Kubernetes).ok()?;
    let mut node = documents.iter().find(|document| !document.is_null())?;
    let mut line = None;
    for part in path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()) {
        let next = match part.parse::<usize>() {
            Ok(at) if node.as_list().is_some() => node.as_list().and_then(|items| items.get(at)),
            _ => named(node, part),
        };
        let Some(found) = next else { break };
        node = found;
        line = Some(node.line);
    }
    line
}

/// What a mapping has under a key, or a list under `name="KEY"`.
fn named<'n>(node: &'n Node, part: &str) -> Option<&'n Node> {
    if let Some((key, value)) = part.split_once('=') {
        let value = value.trim_matches('"');
        return node.as_list()?.iter().find(|item| item.get(key).and_then(Node::as_text) == Some(value));
    }
    node.get(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_one() {
        let yaml = "---\na: 1\nb: [yes, null, 1.5, '2', 18446744073709551615]\n";
        let json = "{\"a\": 1, \"b\": [true, null, 1.5, \"2\", 18446744073709551615]}";
        assert_eq!(parse("f", yaml).unwrap(), parse("f", json).unwrap());
    }

    #[test]
    fn what_is_no_object_is_told_with_its_line() {
        let told = |text: &str| parse("shop/Service/a.yaml", text).unwrap_err().to_string();
        assert_eq!(told(""), "shop/Service/a.yaml: there is no object in it");
        assert_eq!(told("# x\n- a\n"), "shop/Service/a.yaml:2: an object is a mapping, and this is a list");
        assert!(told("a: 1\n---\nb: 2\n").starts_with("shop/Service/a.yaml:3: a second object"));
        assert!(told("a: 1\n b: 2\n").starts_with("shop/Service/a.yaml:2: "));
        assert!(told("{\"a\": ").starts_with("shop/Service/a.yaml:"));
    }

    #[test]
    fn text_has_one_order() {
        let object = json!({ "spec": { "ports": [{ "port": 1, "name": "x" }] }, "metadata": { "name": "a" }, "kind": "S", "apiVersion": "v1" });
        assert_eq!(
            write(&object),
            "apiVersion: v1\nkind: S\nmetadata:\n  name: a\nspec:\n  ports:\n  - name: x\n    port: 1\n"
        );
    }

    #[test]
    fn a_field_has_its_line() {
        let text = "kind: D\nspec:\n  template:\n    containers:\n    - name: a\n      image: x\n    - name: b\n      env:\n      - name: Z\n        value: v\n";
        assert_eq!(line_of(text, "spec.template.containers[0].image"), Some(6));
        assert_eq!(line_of(text, ".spec.template.containers[name=\"b\"].env[name=\"Z\"].value"), Some(10));
        assert_eq!(line_of(text, "spec.template.containers[0].imagePullPolicy"), Some(5));
        assert_eq!(line_of(text, "status"), None);
        assert_eq!(line_of("{", "spec"), None);
    }
}
