//! What two objects differ in, in a line.

use springline_sdk::prelude::*;

/// How many fields a line names.
const NAMED: usize = 3;
/// How long a value may be to be shown, in bytes.
const SHOWN: usize = 40;

/// A field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'v> {
    /// Its path, such as `spec.template.spec.containers[web].image`.
    pub path: String,
    /// As it is.
    pub from: Option<&'v Value>,
    /// As it is to be.
    pub to: Option<&'v Value>,
}

/// The fields in which two values differ.
pub fn fields<'v>(from: &'v Value, to: &'v Value) -> Vec<Field<'v>> {
    let mut found = Vec::new();
    compare(String::new(), Some(from), Some(to), &mut found);
    found
}

fn compare<'v>(path: String, from: Option<&'v Value>, to: Option<&'v Value>, found: &mut Vec<Field<'v>>) {
    if from == to {
        return;
    }
    match (from, to) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                compare(below(&path, key), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => compare_lists(path, (a, b), (from, to), found),
        _ => found.push(Field { path, from, to }),
    }
}

type Pair<'v, T> = (T, T);

fn compare_lists<'v>(
    path: String,
    (a, b): Pair<'v, &'v Vec<Value>>,
    (from, to): Pair<'v, Option<&'v Value>>,
    found: &mut Vec<Field<'v>>,
) {
    if let (Some(one), Some(other)) = (names(a), names(b)) {
        let get = |list: &'v [Value], names: &[&str], name: &str| {
            names.iter().position(|known| *known == name).map(|at| &list[at])
        };
        let added = other.iter().filter(|name| !one.contains(name));
        for name in one.iter().chain(added) {
            compare(format!("{path}[{name}]"), get(a, &one, name), get(b, &other, name), found);
        }
        // The same items in another order.
        if one != other && one.len() == other.len() && one.iter().all(|name| other.contains(name)) {
            found.push(Field { path, from, to });
        }
    } else if a.len() == b.len() {
        for (at, (one, other)) in a.iter().zip(b).enumerate() {
            compare(format!("{path}[{at}]"), Some(one), Some(other), found);
        }
    } else {
        found.push(Field { path, from, to });
    }
}

/// The names of a list's items, if each has one of its own.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Option<Vec<&str>> = items.iter().map(|item| item.get("name")?.as_str()).collect();
    names.filter(|names| names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)))
}

fn below(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (_, true) => format!("{path}[{key}]"),
        (true, _) => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// One line that says what differs, such as `spec.replicas: 1 -> 3`.
pub fn summary(from: &Value, to: &Value) -> String {
    let mut fields = fields(from, to);
    // What goes is often a default of what was there.
    fields.sort_by_key(|field| field.to.is_none());
    let mut parts: Vec<_> = fields.iter().take(NAMED).map(ToString::to_string).collect();
    if fields.len() > NAMED {
        parts.push(format!("{} more", fields.len() - NAMED));
    }
    parts.join(", ")
}

impl std::fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, from, to } = self;
        match (from.map(short), to.map(short)) {
            (Some(Some(from)), Some(Some(to))) if from != to => write!(f, "{path}: {from} -> {to}"),
            (None, Some(Some(to))) => write!(f, "{path}: added {to}"),
            (None, _) => write!(f, "{path}: added"),
            (_, None) => write!(f, "{path}: removed"),
            _ => write!(f, "{path}: changed"),
        }
    }
}

/// A value that fits into a line.
fn short(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(_) | Value::Array(_) => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (text.len() <= SHOWN && !text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_fields() {
        let live = json!({ "metadata": { "labels": { "app.kubernetes.io/name": "a" } }, "spec": { "replicas": 1,
            "containers": [{ "name": "web", "image": "a:1" }, { "name": "log", "env": [] }] } });
        let mut wanted = live.clone();
        assert_eq!(summary(&live, &wanted), "");
        wanted["spec"]["replicas"] = json!(3);
        wanted["spec"]["containers"][0]["image"] = json!("a:2");
        wanted["metadata"]["labels"] = json!({});
        assert_eq!(
            summary(&live, &wanted),
            "spec.replicas: 1 -> 3, spec.containers[web].image: a:1 -> a:2, metadata.labels[app.kubernetes.io/name]: removed"
        );
        wanted["spec"]["containers"][1] = json!({ "name": "log", "env": [{ "name": "X" }], "tty": true });
        assert!(summary(&live, &wanted).contains("a:1 -> a:2, "));
    }

    #[test]
    fn lists_are_compared_by_name_else_by_place() {
        let line = |a: Value, b: Value| summary(&json!({ "l": a }), &json!({ "l": b }));
        assert_eq!(
            line(json!([{ "name": "a" }, { "name": "b", "x": 1 }]), json!([{ "name": "b", "x": 2 }])),
            "l[b].x: 1 -> 2, l[a]: removed"
        );
        assert_eq!(
            line(json!([{ "name": "a" }, { "name": "b" }]), json!([{ "name": "b" }, { "name": "a" }])),
            "l: changed"
        );
        assert_eq!(line(json!([1, 2]), json!([1, 3])), "l[1]: 2 -> 3");
        assert_eq!(line(json!([1, 2]), json!([1])), "l: changed");
        assert_eq!(line(json!([{ "name": "a" }, { "name": "a" }]), json!([{ "name": "a" }])), "l: changed");
        assert_eq!(line(json!("x".repeat(50)), json!("y")), "l: changed");
        assert_eq!(line(json!(null), json!({ "a": 1 })), "l: changed");
    }
}
