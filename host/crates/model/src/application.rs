//! springline.yaml: what an application is, as its repository declares it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An application: its artifacts and its environments. The content of `springline.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// The version of this file's format. There is one, 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The application's name: lower-case letters, digits and hyphens, at most 63.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub application: String,
    /// What is built: each exists for every revision, and is built only when it is missing.
    #[serde(default)]
    pub artifacts: IndexMap<String, Artifact>,
    /// Where it runs, in the order in which they are synced.
    #[serde(default)]
    pub environments: IndexMap<String, Environment>,
}

const fn one() -> u32 {
    1
}

/// A directory that a chain of build steps makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Artifact {
    /// The steps, in order. The output of the last one is the artifact.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}

/// One call of a build-step plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Its name, unique within the artifact.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// The plugin: the name of a built-in one, `./PATH` of a component below the repository's
    /// root, its digest (`sha256:…`), or `oci://REGISTRY/REPOSITORY:TAG`.
    pub plugin: String,
    /// Its input: the name of an earlier step, or a directory of the source. Without it, the
    /// output of the step before, and the whole source for the first one.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The plugin's config, as its own schema wants it.
    #[serde(default)]
    pub with: Map<String, Value>,
}

/// A place where the application runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Environment {
    /// How its desired objects are made.
    pub render: Render,
    /// The name of a target in the operator's file.
    pub target: String,
    /// What the application has to say to the target, such as rules of health for its own kinds: the
    /// property `application` of the plugin's config, if its schema has one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub target_with: Map<String, Value>,
    /// Values that belong to this environment, for the renderer.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// How it is synced.
    #[serde(default)]
    pub sync: Sync,
}

/// One call of a renderer plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Render {
    /// The plugin, named as in a step.
    pub plugin: String,
    /// Its input: a directory of the source; without it, the whole source.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The plugin's config.
    #[serde(default)]
    pub with: Map<String, Value>,
}

/// How an environment is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Sync {
    /// Whether live objects that are no longer desired are removed.
    pub prune: bool,
    /// Whether `springline watch` removes drift, or only tells of it.
    pub self_heal: bool,
    /// How long to wait for live objects to become healthy, in seconds; 0 for not at all: how they
    /// are is told, and what is not healthy fails nothing.
    pub health_seconds: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self { prune: true, self_heal: true, health_seconds: 300 }
    }
}
