//! The published schemas are what the model says, and hold what they promise.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;

use serde_json::Value;
use springline_config::{
    CompiledSchema, application_schema, fleet_schema, load_application, load_fleet, load_operator, operator_schema,
};

fn schemas() -> [(&'static str, Value); 3] {
    [
        ("springline.schema.json", application_schema()),
        ("host.schema.json", operator_schema()),
        ("fleet.schema.json", fleet_schema()),
    ]
}

#[test]
fn the_published_files_are_up_to_date() {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/schema"));
    for (name, schema) in schemas() {
        let path = directory.join(name);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(published, text, "docs/schema/{name} is old: run this test with UPDATE_SCHEMAS=1");
    }
}

#[test]
fn they_are_schemas_and_their_examples_fit() {
    for (name, schema) in schemas() {
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        for keyword in ["$schema", "$id", "title", "description"] {
            assert!(schema[keyword].is_string(), "{name} has no {keyword}");
        }
        assert!(CompiledSchema::new(&schema).is_ok(), "{name}");
        let examples = schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty());
        for example in examples {
            let text = example.to_string();
            match name {
                "host.schema.json" => drop(load_operator(name, &text).unwrap()),
                "fleet.schema.json" => drop(load_fleet(name, &text).unwrap()),
                _ => drop(load_application(name, &text).unwrap()),
            }
        }
    }
}

#[test]
fn every_property_is_described() {
    fn visit(at: &str, schema: &Value) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let described = property["description"].as_str().is_some_and(|text| !text.contains('\n'));
            assert!(described, "{at}/{name} has no description of one paragraph");
        }
    }
    for (name, schema) in schemas() {
        visit(name, &schema);
        schema["$defs"].as_object().unwrap().iter().for_each(|(at, schema)| visit(at, schema));
    }
}
