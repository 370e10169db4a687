//! host.yaml: where things go and with which powers, as the operator says. A repository never
//! writes it.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Grants;
use crate::plugin::Limits;

/// The operator's file, `host.yaml` in the state directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Operator {
    /// The version of this file's format. There is one, 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The targets that environments name.
    pub targets: IndexMap<String, TargetBinding>,
    /// Limits for every plugin; what is not set keeps its default.
    pub limits: Limits,
    /// Settings for single plugins, by the name that springline.yaml calls them.
    pub plugins: IndexMap<String, PluginSettings>,
    /// Directories with `*.wasm` files, searched for plugins that are named by digest or pinned.
    /// A relative path starts at the directory of host.yaml.
    pub plugin_directories: Vec<PathBuf>,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            version: 1,
            targets: IndexMap::new(),
            limits: Limits::default(),
            plugins: IndexMap::new(),
            plugin_directories: Vec::new(),
        }
    }
}

/// A target: a plugin, its config and its powers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetBinding {
    /// The deploy-target plugin: the name of a built-in one, `./PATH` of a component (from the
    /// directory of host.yaml), or its digest.
    pub plugin: String,
    /// The plugin's config.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The powers it gets here.
    #[serde(default)]
    pub grants: Grants,
}

/// Settings for one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PluginSettings {
    /// Its limits, instead of the general ones.
    pub limits: Option<Limits>,
}

impl Operator {
    /// The limits of the plugin of that name.
    pub fn limits_of(&self, plugin: &str) -> &Limits {
        self.plugins.get(plugin).and_then(|settings| settings.limits.as_ref()).unwrap_or(&self.limits)
    }
}
