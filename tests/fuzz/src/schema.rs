//! A plugin's JSON Schema, and a config that is checked against it. The two are divided by a line `---`.

use springline_config::{CompiledSchema, Document, validate_plugin_config};

/// Checks a config against a schema, if they are one.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((schema, config)) = text.split_once("\n---\n") else { return };
    let Ok(schema) = serde_json::from_str(schema) else { return };
    let Ok(document) = Document::parse("springline.yaml", config) else { return };
    let usable = CompiledSchema::new(&schema).is_ok();
    let checked = validate_plugin_config(&document, "", &document.to_json(), &schema, "fuzzed");
    assert!(usable || checked.is_err(), "a schema that can't be used accepts nothing");
    if let Err(error) = checked {
        let shown = error.to_string();
        assert!(!shown.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{shown:?}");
    }
}
