use serde_json::json;

use super::*;

fn messages(schema: &Value, config: &str) -> Vec<String> {
    let document = Document::parse("t.yaml", &format!("with: {config}\n")).unwrap();
    let value = document.to_json()["with"].clone();
    match validate_plugin_config(&document, "/with", &value, schema, "p") {
        Ok(()) => Vec::new(),
        Err(error) => error
            .issues
            .into_iter()
            .map(|issue| {
                let message = issue.message.strip_prefix("plugin `p`: ").unwrap().to_owned();
                let help = issue.suggestion.map(|help| format!(" | {help}")).unwrap_or_default();
                format!("{}: {message}{help}", issue.column)
            })
            .collect(),
    }
}

#[test]
fn every_keyword_speaks_plainly() {
    for (schema, config, expected) in [
        (
            json!({ "properties": { "a": { "type": "string" } } }),
            "{a: 1.10}",
            "11: expected text, found the number `1.10` | put quotes around it: `\"1.10\"`",
        ),
        (
            json!({ "properties": { "a": { "type": "boolean" } } }),
            "{a: yes}",
            "11: expected `true` or `false`, found the text `yes` | write `true`",
        ),
        (
            json!({ "properties": { "a": { "type": ["integer", "null"] } } }),
            "{a: '5'}",
            "11: expected a whole number, found the text `5` | write `5`, without quotes",
        ),
        (
            json!({ "properties": { "a": { "type": "array" } } }),
            "{a: b}",
            "11: expected a list, found the text `b` | for a list of one write `[b]`",
        ),
        (
            json!({ "properties": { "a": { "enum": ["tar.zst", "zip"] } } }),
            "{a: tar.zts}",
            "11: `tar.zts` is not one of `tar.zst`, `zip` | did you mean `tar.zst`?",
        ),
        (json!({ "properties": { "a": { "const": 1 } } }), "{a: 2}", "11: expected `1`, found the number `2`"),
        (json!({ "properties": { "a": { "minimum": 3 } } }), "{a: 2}", "11: `2` is too small: it must be at least 3"),
        (json!({ "properties": { "a": { "pattern": "^x" } } }), "{a: y}", "11: `y` does not match the pattern `^x`"),
        (
            json!({ "properties": { "a": { "minItems": 1 } } }),
            "{a: []}",
            "8: the list needs at least 1 item, and has none",
        ),
        (json!({ "properties": { "a": { "minLength": 1 } } }), "{a: ''}", "11: the text is empty"),
        (json!({ "properties": { "a": false } }), "{a: 1}", "11: nothing may stand here"),
        (
            json!({ "propertyNames": { "maxLength": 2 } }),
            "{abc: 1}",
            "8: `abc` is too long: at most 2 characters are allowed",
        ),
        (
            json!({ "properties": { "title": { "description": "What it is called. More." } }, "required": ["title"] }),
            "{}",
            "1: missing key `title` | `title`: What it is called.",
        ),
        (
            json!({ "properties": { "title": {} }, "additionalProperties": false, "required": ["title"] }),
            "{titel: 1}",
            "8: unknown key `titel` | did you mean `title`?",
        ),
        (
            json!({ "properties": { "a": {}, "b": {} }, "additionalProperties": false }),
            "{zzz: 1}",
            "8: unknown key `zzz` | the keys here are `a`, `b`",
        ),
    ] {
        assert_eq!(messages(&schema, config), [expected], "{schema} {config}");
    }
}

#[test]
fn of_alternatives_the_one_that_was_meant_is_told() {
    let tagged = json!({ "oneOf": [
        { "properties": { "type": { "const": "git" }, "url": { "type": "string" } }, "required": ["type", "url"], "additionalProperties": false },
        { "properties": { "type": { "const": "directory" }, "path": { "type": "string" } }, "required": ["type", "path"], "additionalProperties": false },
    ] });
    assert_eq!(messages(&tagged, "{type: git}"), ["1: missing key `url`"]);
    assert_eq!(messages(&tagged, "{type: directory, pth: x}"), ["25: unknown key `pth` | did you mean `path`?"]);
    assert_eq!(
        messages(&tagged, "{type: gti, url: x}"),
        ["14: `gti` is not one of `git`, `directory` | did you mean `git`?"]
    );
    let mixed = json!({ "properties": { "a": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }, { "type": "null" }] } } });
    assert_eq!(messages(&mixed, "{a: [x, [y]]}"), ["15: expected text, found a list"]);
    assert_eq!(
        messages(&mixed, "{a: {b: 1}}"),
        ["8: expected text or a list, found a mapping | begin each item with `- `"]
    );
}

#[test]
fn all_of_it_is_told_where_it_is() {
    let schema = json!({ "$defs": { "item": { "properties": { "n": { "type": "integer" } }, "additionalProperties": false, "required": ["n"] } },
        "properties": { "list": { "items": { "$ref": "#/$defs/item" } } } });
    assert_eq!(
        messages(&schema, "{list: [{n: x}, {m: 1}, {}]}"),
        [
            "19: expected a whole number, found the text `x`",
            "24: unknown key `m` | did you mean `n`?",
            "31: missing key `n`"
        ]
    );
}

#[test]
fn a_missing_config_is_shown_at_its_step() {
    let document = Document::parse("t.yaml", "steps:\n  - name: a\n    plugin: p\n").unwrap();
    let schema = json!({ "required": ["title"] });
    let error = validate_plugin_config(&document, "/steps/0/with", &json!({}), &schema, "p").unwrap_err();
    assert_eq!((error.issues[0].line, error.issues[0].column), (2, 5));
    assert_eq!(error.issues[0].pointer, "/steps/0/with");
}

#[test]
fn a_schema_that_can_not_be_used_is_said_to_be_so() {
    for schema in [
        json!({ "type": "strin" }),
        json!({ "$ref": "https://example.com/x.json" }),
        json!({ "$ref": "file:///etc/passwd" }),
        json!({ "$ref": "#/nowhere" }),
        json!({ "pattern": "(?=x)" }),
        json!({ "pattern": "(((a{1,1000}){1,1000}){1,1000})" }),
        json!({ "$dynamicAnchor": "x", "$dynamicRef": "#x" }),
        json!({ "properties": { "a": { "$id": "urn:x", "$ref": "#" } } }),
        json!(5),
    ] {
        assert!(CompiledSchema::new(&schema).is_err(), "{schema}");
    }
    let document = Document::parse("t.yaml", "steps:\n  - name: a\n    plugin: p\n").unwrap();
    let error = validate_plugin_config(&document, "/steps/0/with", &json!({}), &json!(5), "p").unwrap_err();
    assert_eq!((error.issues[0].line, error.issues[0].column), (3, 13));
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "anyOf": [{ "$ref": "#" }, { "type": "string" }] }),
        json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] } }, "$ref": "#/$defs/a" }),
        json!({ "not": { "$ref": "#" } }),
    ] {
        let document = Document::parse("t.yaml", "a: {b: [1]}\n").unwrap();
        // Whatever the answer: there is one.
        let _ = validate_plugin_config(&document, "", &document.to_json(), &schema, "p");
    }
}

#[test]
fn a_cache_compiles_a_plugins_schema_once() {
    let cache = SchemaCache::new();
    let digest = Digest::of("plugin");
    let first = cache.get(&digest, &json!({ "type": "object" })).unwrap();
    let second = cache.get(&digest, &json!({ "type": "object" })).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let document = Document::parse("t.yaml", "with: 5\n").unwrap();
    assert!(cache.check(&document, "/with", &json!(5), "p", &digest, &json!({})).is_err());
}

#[test]
fn a_check_that_would_never_end_is_not_begun() {
    let schema = json!({ "type": "object", "properties": { "a": { "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] } } });
    let config = format!("{}1{}", "{a: ".repeat(50), "}".repeat(50));
    assert_eq!(messages(&schema, &config), ["1: checking this against its schema would take too long | nest it less"]);
    assert_eq!(messages(&schema, "{a: {a: 1}}"), ["15: expected a mapping, found the number `1`"]);
}

#[test]
fn a_part_of_a_value_is_told_of_where_it_stands() {
    let schema = json!({
        "properties": {
            "cluster": { "type": "string" },
            "application": {
                "type": "object",
                "properties": { "ignore": { "type": "array", "items": { "type": "string" } } },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    });
    let host = Document::parse("host.yaml", "with:\n  cluster: 1\n").unwrap();
    let mine = Document::parse("springline.yaml", "a:\n  said: { ignore: [x, 1], ignroe: [] }\n").unwrap();
    let said = |pointer| Part { key: "application", document: &mine, pointer };
    let check = |schema: &Value, value: Value, pointer| {
        let compiled = CompiledSchema::new(schema).unwrap();
        compiled.check(&host, "/with", &value, Some("plugin `p`"), Some(said(pointer))).unwrap_err().to_string()
    };
    let both = check(&schema, json!({ "cluster": 1, "application": { "ignore": ["x", 1], "ignroe": [] } }), "/a/said");
    assert!(both.contains("springline.yaml:2:23: plugin `p`: expected text, found the number `1`"), "{both}");
    assert!(both.contains("springline.yaml:2:27: plugin `p`: unknown key `ignroe`"), "{both}");
    assert!(!both.contains("host.yaml"), "{both}");
    let rest = check(&schema, json!({ "cluster": 1, "application": {} }), "/a/said");
    assert!(rest.contains("host.yaml:2:12: plugin `p`: expected text"), "{rest}");
    let none = check(&json!({ "type": "object" }), json!({ "application": {} }), "/a/said");
    assert!(
        none.contains("springline.yaml:2:3: plugin `p` takes nothing here: its config has no `application`"),
        "{none}"
    );
}

#[test]
fn what_costs_too_much_is_told_where_it_stands() {
    let node = json!({ "properties": { "a": { "anyOf": [{ "$ref": "#/$defs/node" }, { "$ref": "#/$defs/node" }] } } });
    let own = json!({ "$ref": "#/$defs/node" });
    let schema = json!({ "$defs": { "node": node }, "properties": { "application": own, "own": own } });
    let compiled = CompiledSchema::new(&schema).unwrap();
    let host = Document::parse("host.yaml", "with: {}\n").unwrap();
    let mine = Document::parse("springline.yaml", "said: {}\n").unwrap();
    let deep = (0..50).fold(json!(1), |deep, _| json!({ "a": deep }));
    for (value, file) in [
        (json!({ "application": deep, "own": {} }), "springline.yaml:1:1"),
        (json!({ "application": {}, "own": deep }), "host.yaml:1:1"),
        (json!({ "application": deep, "own": deep }), "host.yaml:1:1"),
    ] {
        let part = Part { key: "application", document: &mine, pointer: "/said" };
        let error = compiled.check(&host, "/with", &value, None, Some(part)).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("would take too long"), "{file}: {error}");
    }
}

#[test]
fn what_a_schema_takes_is_found_through_references() {
    let schema = CompiledSchema::new(&json!({
        "properties": { "application": { "allOf": [{ "$ref": "#/$defs/Application" }], "default": {} } },
        "$defs": {
            "Application": { "properties": { "sync": { "$ref": "#/$defs/Sync" }, "plain": true } },
            "Sync": { "properties": { "ignore": {} } },
        },
    }));
    let schema = schema.unwrap();
    assert!(schema.takes(&["application", "sync", "ignore"]) && schema.takes(&["application", "plain"]));
    for path in [&["application", "sync", "told"][..], &["sync"], &["application", "plain", "x"]] {
        assert!(!schema.takes(path), "{path:?}");
    }
    let round =
        CompiledSchema::new(&json!({ "$ref": "#/$defs/A", "$defs": { "A": { "allOf": [{ "properties": {} }] } } }));
    assert!(!round.unwrap().takes(&["a"]));
}
