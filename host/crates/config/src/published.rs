//! The JSON Schemas of springline.yaml, host.yaml and fleet.yaml, made from the model's types.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use springline_model::application::Application;
use springline_model::fleet::Fleet;
use springline_model::operator::Operator;

use crate::names::{
    BRANCH_PATTERN, NAME_PATTERN, PATH_PATTERN, POINTER_PATTERN, plugin_pattern, record_pattern, source_pattern,
};
use crate::schema::CompiledSchema;

/// The longest time that a setting may name, in seconds: a week.
const MAX_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The JSON Schema of springline.yaml.
pub fn application_schema() -> Value {
    let mut schema = root::<Application>(
        "urn:springline:schema:springline.yaml:1",
        "springline.yaml",
        json!([{
            "application": "handbook",
            "artifacts": { "site": { "steps": [{ "name": "pages", "plugin": "step-site", "in": "docs" }] } },
            "environments": {
                "staging": { "render": { "plugin": "render-template", "in": "deploy" }, "target": "staging-site" },
            },
        }]),
    );
    for at in ["/properties/artifacts", "/properties/environments", "/properties/deliver"] {
        add(&mut schema, at, "propertyNames", json!({ "pattern": NAME_PATTERN }));
    }
    for at in ["/$defs/Step/properties/plugin", "/$defs/Render/properties/plugin"] {
        add(&mut schema, at, "pattern", plugin_pattern().into());
    }
    for at in ["/$defs/Step/properties/in", "/$defs/Render/properties/in"] {
        add(&mut schema, at, "pattern", source_pattern().into());
    }
    add(&mut schema, "/$defs/Environment/properties/target", "pattern", NAME_PATTERN.into());
    add(&mut schema, "/$defs/Environment/properties/promote-from", "pattern", NAME_PATTERN.into());
    add(&mut schema, "/$defs/Sync/properties/health-seconds", "maximum", MAX_SECONDS.into());
    add(&mut schema, "/$defs/Sync/properties/protect/items", "minLength", 1.into());
    add(&mut schema, "/$defs/Gates/properties/soak-seconds", "maximum", MAX_SECONDS.into());
    add(&mut schema, "/$defs/Ignore", "required", json!(["objects"]));
    add(&mut schema, "/$defs/Ignore/properties/objects", "minLength", 1.into());
    add(&mut schema, "/$defs/Ignore/properties/pointers/items", "pattern", POINTER_PATTERN.into());
    add(&mut schema, "/$defs/Ignore/properties/managers/items", "minLength", 1.into());
    for at in ["Taken/properties/pointer", "ValueEdit/properties/pointer"] {
        add(&mut schema, &format!("/$defs/{at}"), "pattern", POINTER_PATTERN.into());
    }
    add(&mut schema, "/$defs/Taken/properties/file", "pattern", source_pattern().into());
    for at in ["ValueEdit/properties/file", "Delivery/properties/directory"] {
        add(&mut schema, &format!("/$defs/{at}"), "pattern", PATH_PATTERN.into());
    }
    add(&mut schema, "/$defs/Delivery/properties/repository", "pattern", NAME_PATTERN.into());
    add(&mut schema, "/$defs/Delivery/properties/branch", "pattern", BRANCH_PATTERN.into());
    branch(&mut schema);
    schema
}

/// The branch of a record is a name that git takes.
fn branch(schema: &mut Value) {
    let variants = schema.pointer_mut("/$defs/RecordIn/oneOf").and_then(Value::as_array_mut);
    let branch = variants.into_iter().flatten().find_map(|variant| variant.pointer_mut("/properties/branch"));
    debug_assert!(branch.is_some(), "the schema has no branch of a record");
    if let Some(branch) = branch.and_then(Value::as_object_mut) {
        branch.insert("pattern".into(), record_pattern().into());
    }
}

/// The JSON Schema of host.yaml.
pub fn operator_schema() -> Value {
    let mut schema = root::<Operator>(
        "urn:springline:schema:host.yaml:1",
        "host.yaml",
        json!([{
            "targets": {
                "staging-site": { "plugin": "target-directory", "grants": { "directory": { "path": "/srv/www" } } },
            },
            "limits": { "memory-mib": 256 },
        }]),
    );
    add(&mut schema, "/properties/targets", "propertyNames", json!({ "pattern": NAME_PATTERN }));
    add(&mut schema, "/properties/clusters", "propertyNames", json!({ "pattern": NAME_PATTERN }));
    add(&mut schema, "/properties/plugins", "propertyNames", json!({ "pattern": plugin_pattern() }));
    add(&mut schema, "/properties/plugin-directories/items", "minLength", 1.into());
    add(&mut schema, "/properties/repositories", "propertyNames", json!({ "pattern": NAME_PATTERN }));
    add(&mut schema, "/$defs/GitSettings/properties/push", "pattern", "^[A-Za-z0-9][A-Za-z0-9._-]*$".into());
    add(&mut schema, "/$defs/GitSettings/properties/timeout-seconds", "maximum", MAX_SECONDS.into());
    for at in ["name", "email"] {
        let at = format!("/$defs/GitSettings/properties/{at}");
        // What git does not keep, or takes for the end of it.
        add(&mut schema, &at, "pattern", r"^[^<>\x00-\x1f]*$".into());
    }
    for at in ["TargetBinding/properties/plugin", "PluginSettings/properties/source"] {
        add(&mut schema, &format!("/$defs/{at}"), "pattern", plugin_pattern().into());
    }
    add(&mut schema, "/$defs/Trust/properties/keys", "propertyNames", json!({ "pattern": NAME_PATTERN }));
    add(&mut schema, "/$defs/Rule/properties/match", "minLength", 1.into());
    add(&mut schema, "/$defs/DirectoryGrant/properties/path", "minLength", 1.into());
    grants(&mut schema);
    // No call works with less than the first number; the second is far beyond any machine's need
    // and keeps sums of them in range.
    for (limit, least, most) in [
        ("memory-mib", 1, 1 << 20),
        ("table-elements", 1, 1 << 32),
        ("instances", 1, 1 << 20),
        ("handles", 1, 1 << 20),
        ("wall-seconds", 1, MAX_SECONDS),
        ("compute-seconds", 1, MAX_SECONDS),
        ("log-kib", 0, 1 << 30),
        ("output-mib", 0, 1 << 30),
        ("output-entries", 0, 1 << 32),
        ("http-requests", 0, 1 << 32),
        ("http-sent-mib", 0, 1 << 30),
        ("http-received-mib", 0, 1 << 30),
        ("http-headers-kib", 8, 1 << 10),
        ("http-connect-seconds", 1, MAX_SECONDS),
        ("http-first-byte-seconds", 1, MAX_SECONDS),
        ("http-between-bytes-seconds", 1, MAX_SECONDS),
        ("http-total-seconds", 1, MAX_SECONDS),
        ("compile-memory-mib", 1, 1 << 20),
        ("compile-seconds", 1, MAX_SECONDS),
    ] {
        let at = format!("/$defs/Limits/properties/{limit}");
        add(&mut schema, &at, "minimum", least.into());
        add(&mut schema, &at, "maximum", most.into());
    }
    schema
}

/// What a grant may name. Who grants, says exactly what: a host as it is matched, methods as they
/// are sent.
fn grants(schema: &mut Value) {
    add(schema, "/properties/certificate-authorities/items", "minLength", 1.into());
    let grant = "/$defs/Grant/properties";
    add(schema, &format!("{grant}/plugin"), "pattern", plugin_pattern().into());
    for names in ["applications", "environments"] {
        add(schema, &format!("{grant}/{names}/items"), "pattern", NAME_PATTERN.into());
    }
    for at in [grant, "/$defs/Grants/properties"] {
        let names = json!({ "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" });
        add(schema, &format!("{at}/secrets"), "propertyNames", names);
    }
    let http = "/$defs/HttpGrant/properties";
    add(schema, &format!("{http}/host"), "pattern", HOST_PATTERN.into());
    add(schema, &format!("{http}/ports/items"), "minimum", 1.into());
    // CONNECT would be a tunnel to anywhere.
    let methods = "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|REPORT|SEARCH)$";
    add(schema, &format!("{http}/methods/items"), "pattern", methods.into());
    add(schema, &format!("{http}/methods"), "minItems", 1.into());
    // An empty list would mean all where none was meant.
    let kubernetes = "/$defs/KubernetesGrant/properties";
    for (names, pattern) in [
        ("namespaces", Some("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
        ("kinds", Some(r"^(\*|[A-Za-z][A-Za-z0-9]*)(\.[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$")),
        ("verbs", None),
    ] {
        add(schema, &format!("{kubernetes}/{names}"), "minItems", 1.into());
        if let Some(pattern) = pattern {
            add(schema, &format!("{kubernetes}/{names}/items"), "pattern", pattern.into());
        }
    }
    let secret = "/$defs/SecretGrant/properties";
    add(schema, &format!("{secret}/hosts/items"), "pattern", HOST_PATTERN.into());
    add(schema, &format!("{secret}/env"), "minLength", 1.into());
    add(schema, &format!("{secret}/file"), "minLength", 1.into());
    let one = json!([{ "required": ["env"] }, { "required": ["file"] }]);
    add(schema, "/$defs/SecretGrant", "oneOf", one);
}

/// A host as a grant names it: a name or `*.NAME` in ASCII without a trailing dot, or an address.
const HOST_PATTERN: &str = r"^((\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$";

/// The JSON Schema of fleet.yaml.
pub fn fleet_schema() -> Value {
    let mut schema = root::<Fleet>(
        "urn:springline:schema:fleet.yaml:1",
        "fleet.yaml",
        json!([{
            "applications": [{ "repo": "https://git.example.com/shop.git", "revision": "main" }],
            "generators": [{ "directories": { "repo": "https://git.example.com/platform.git", "match": "apps/*" } }],
        }]),
    );
    add(&mut schema, "/properties/repositories", "propertyNames", json!({ "pattern": NAME_PATTERN }));
    add(&mut schema, "/$defs/Repository/properties/url", "minLength", 1.into());
    for of in ["Member", "Directories", "Branches"] {
        let of = format!("/$defs/{of}/properties");
        add(&mut schema, &format!("{of}/repo"), "minLength", 1.into());
        add(&mut schema, &format!("{of}/name"), "minLength", 1.into());
        add(&mut schema, &format!("{of}/interval-seconds"), "minimum", 1.into());
        add(&mut schema, &format!("{of}/interval-seconds"), "maximum", MAX_SECONDS.into());
    }
    for of in ["Member", "Branches"] {
        add(&mut schema, &format!("/$defs/{of}/properties/path"), "pattern", PATH_PATTERN.into());
    }
    for of in ["Directories", "Branches"] {
        add(&mut schema, &format!("/$defs/{of}/properties/match"), "minLength", 1.into());
    }
    schema
}

/// The schema of springline.yaml, compiled.
pub(crate) static APPLICATION: LazyLock<CompiledSchema> = LazyLock::new(|| own(&application_schema()));
/// The schema of host.yaml, compiled.
pub(crate) static OPERATOR: LazyLock<CompiledSchema> = LazyLock::new(|| own(&operator_schema()));

/// The schema of fleet.yaml, compiled.
pub(crate) static FLEET: LazyLock<CompiledSchema> = LazyLock::new(|| own(&fleet_schema()));

/// Compiles a schema of our own.
pub(crate) fn own(schema: &Value) -> CompiledSchema {
    CompiledSchema::new(schema).expect("Springline's own schemas compile, as a test shows for each")
}

fn root<T: JsonSchema>(id: &str, title: &str, examples: Value) -> Value {
    let generated = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".into(), id.into());
    schema.insert("title".into(), title.into());
    if let Value::Object(generated) = generated {
        for (key, value) in generated {
            schema.entry(key).or_insert(value);
        }
    }
    schema.insert("examples".into(), examples);
    let mut schema = Value::Object(schema);
    unwrap_descriptions(&mut schema);
    schema
}

/// Descriptions come from doc comments, which break their lines for the source's sake.
fn unwrap_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(description)) = map.get_mut("description") {
                let paragraphs: Vec<String> = description.split("\n\n").map(|p| p.replace('\n', " ")).collect();
                *description = paragraphs.join("\n\n");
            }
            map.values_mut().for_each(unwrap_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_descriptions),
        _ => {}
    }
}

/// Adds a keyword to the schema at a place. A place that is not there is a change of the model
/// that this file has to follow, which a test notices.
fn add(schema: &mut Value, at: &str, keyword: &str, value: Value) {
    let place = schema.pointer_mut(at).and_then(Value::as_object_mut);
    debug_assert!(place.is_some(), "the schema has no {at}");
    if let Some(place) = place {
        place.insert(keyword.to_owned(), value);
    }
}
