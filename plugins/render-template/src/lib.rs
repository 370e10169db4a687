//! `render-template`: renders a directory of templates of YAML, JSON or any other text.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod context;
mod encode;
mod engine;
mod failure;
mod input;
mod render;
mod suggest;
mod values;

use std::collections::BTreeMap;

use springline_sdk::prelude::*;
use springline_sdk::serde_json::Map;

/// Every text file of the input directory is a template, and what it renders to is an object. Its
/// id is the file's path, without a `.j2` or `.jinja` at the end. Files and directories whose name
/// begins with `_` are there to be included only.
#[config]
pub struct Config {
    /// Files of values, YAML or JSON: one path or a list of them, below the input directory. A
    /// later file overrides an earlier one, mapping by mapping; the environment's values override
    /// all of them. A file of values is no template.
    #[serde(default)]
    values: Files,
    /// Values given here. They override all others.
    #[serde(default)]
    set: Map<String, Value>,
    /// Artifacts to deploy as they are: the id of an object, and the name of the artifact whose
    /// directory tree it becomes.
    #[serde(default)]
    place: BTreeMap<String, String>,
    /// Globs over paths below the input directory: what is a template. Without any, every file is.
    #[serde(default)]
    include: Vec<String>,
    /// Globs over paths below the input directory: what is none.
    #[serde(default)]
    exclude: Vec<String>,
}

/// One path or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "springline_sdk::serde", untagged)]
#[schemars(crate = "springline_sdk::schemars")]
pub enum Files {
    /// One path.
    One(String),
    /// A list of paths.
    Many(Vec<String>),
}

impl Default for Files {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Files {
    /// The paths, each with its place in the config.
    fn each(&self) -> Vec<(&str, String)> {
        match self {
            Self::One(path) => vec![(path, "/values".to_owned())],
            Self::Many(paths) => {
                paths.iter().enumerate().map(|(at, path)| (path.as_str(), format!("/values/{at}"))).collect()
            }
        }
    }
}

/// Renders a directory of templates of YAML, JSON or any other text.
#[renderer]
fn template(config: Config, render: &mut Render) -> Result<Vec<Object>> {
    render::render(&config, render)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_explains_every_key_and_refuses_others() {
        let schema: Value = springline_sdk::serde_json::from_str(&Plugin::describe().config_schema).unwrap();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema.get("required"), None, "{schema:#}");
        for (key, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{key}: {property}");
        }
    }
}
