//! Powers beyond files and logs: what a plugin asks for, and what an operator grants.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A power that a plugin says it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name, such as `directory`.
    pub name: String,
    /// Why, as the author says.
    pub reason: String,
}

/// The powers that an operator grants to one use of a plugin. Nothing is granted by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// A directory outside the sandbox that the target may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryGrant>,
}

/// A directory outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryGrant {
    /// The directory. A relative path starts at the directory of host.yaml. It is created if it
    /// is missing and its parent is there.
    pub path: PathBuf,
}

impl Grants {
    /// Whether the power of that name is granted.
    pub fn allows(&self, capability: &str) -> bool {
        match capability {
            "directory" => self.directory.is_some(),
            _ => false,
        }
    }

    /// The line of host.yaml that would grant the power.
    pub fn line_for(capability: &str) -> Option<&'static str> {
        match capability {
            "directory" => Some("grants: { directory: { path: PATH } }"),
            _ => None,
        }
    }
}
