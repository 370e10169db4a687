//! springline.lock: which bytes each plugin is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::json;
use springline_model::Digest;
use springline_model::plugin::Pinned;
use springline_model::reference::{Reference, Wanted};

use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::load::load;
use crate::names::{PluginName, plugin_pattern};
use crate::pointer::{join, shown};
use crate::published::own;
use crate::scalar::{self, Scalar};
use crate::schema::CompiledSchema;

const HEADER: &str = "\
# Which bytes each plugin is. Generated: `springline update` changes it, people do not.
# Keep it in git, next to springline.yaml.
";

/// The content of springline.lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: BTreeMap<String, LockedPlugin>,
}

/// A plugin as the lock file pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// Where it comes from.
    pub source: PluginSource,
    /// The digest of the component's bytes.
    pub digest: Digest,
    /// The version that it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of a plugin from a registry, the digest of its manifest there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// Of a plugin that is named by a range, the tag that was the newest one in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Where a plugin comes from; its name shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginSource {
    /// It came with Springline.
    Builtin,
    /// A file of the repository.
    Path,
    /// Named by its digest; found in the operator's plugin directories.
    Digest,
    /// Named by a reference; pulled from its registry.
    Registry,
}

/// As the file writes them.
const SOURCES: [&str; 4] = [
    PluginSource::Builtin.as_str(),
    PluginSource::Path.as_str(),
    PluginSource::Digest.as_str(),
    PluginSource::Registry.as_str(),
];

impl PluginSource {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Path => "path",
            Self::Digest => "digest",
            Self::Registry => "registry",
        }
    }
}

impl From<&PluginName<'_>> for PluginSource {
    fn from(name: &PluginName<'_>) -> Self {
        match name {
            PluginName::Builtin(_) => Self::Builtin,
            PluginName::Path(_) => Self::Path,
            PluginName::Digest(_) => Self::Digest,
            PluginName::Registry(_) => Self::Registry,
        }
    }
}

/// The file, as it is decoded.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    plugins: BTreeMap<String, LockedPlugin>,
}

impl Lock {
    /// Reads the text of springline.lock. `name` is what messages call the file. An empty file
    /// pins nothing.
    ///
    /// # Errors
    /// All that is wrong with it, each issue with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(name, text)?;
        if document.is_empty() {
            return Ok(Self::default());
        }
        let file: File = load(&document, &SCHEMA, check)?;
        Ok(Self { plugins: file.plugins })
    }

    /// The file's text: the same for the same pins, sorted, one block a plugin, so that git
    /// merges changes of different plugins by itself.
    pub fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        text.push_str("version: 1\n");
        text.push_str(if self.plugins.is_empty() { "plugins: {}\n" } else { "plugins:\n" });
        for (name, LockedPlugin { source, digest, version, manifest, tag }) in &self.plugins {
            // Writing into a string never fails.
            let _ = write!(text, "  {}:\n    source: {}\n    digest: {digest}\n", plain(name), source.as_str());
            if let Some(version) = version {
                let _ = writeln!(text, "    version: {}", plain(version));
            }
            if let Some(manifest) = manifest {
                let _ = writeln!(text, "    manifest: {manifest}");
            }
            if let Some(tag) = tag {
                let _ = writeln!(text, "    tag: {}", plain(tag));
            }
        }
        text
    }

    /// What the plugin of that name is pinned to.
    pub fn get(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.get(name)
    }

    /// The plugin of that name with its digest.
    pub fn pinned(&self, name: &str) -> Option<Pinned> {
        self.get(name).map(|locked| Pinned { name: name.to_owned(), digest: locked.digest })
    }

    /// Pins a plugin, and gives what it was pinned to before.
    pub fn set(&mut self, name: impl Into<String>, plugin: LockedPlugin) -> Option<LockedPlugin> {
        self.plugins.insert(name.into(), plugin)
    }

    /// Keeps the pins of the plugins that are still used.
    pub fn retain(&mut self, used: impl Fn(&str) -> bool) {
        self.plugins.retain(|name, _| used(name));
    }

    /// All pins, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &LockedPlugin)> {
        self.plugins.iter().map(|(name, plugin)| (name.as_str(), plugin))
    }
}

static SCHEMA: LazyLock<CompiledSchema> = LazyLock::new(|| {
    own(&json!({
        "type": "object",
        "properties": {
            "version": { "type": "integer", "minimum": 1, "maximum": 1 },
            "plugins": {
                "type": "object",
                "propertyNames": { "pattern": plugin_pattern() },
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "source": { "enum": SOURCES },
                        "digest": { "type": "string" },
                        "version": { "type": "string" },
                        "manifest": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
                        "tag": { "type": "string" },
                    },
                    "required": ["source", "digest"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["version"],
        "additionalProperties": false,
    }))
});

/// The digest's form, and that the source and the digest are those that the name shows.
fn check(document: &Document, issues: &mut Vec<Issue>) {
    let Some(plugins) = document.root().get("plugins") else { return };
    for (name, plugin) in plugins.entries() {
        let pointer = join("/plugins", name);
        let text = |key| plugin.get(key).and_then(crate::node::NodeRef::text);
        let written = text("digest");
        let digest = written.map(str::parse::<Digest>);
        if let (Some(written), Some(Err(_))) = (written, &digest) {
            let message = format!("`{}` is not a digest: `sha256:` and 64 hex digits in lower case", shown(written));
            issues.push(document.issue(&join(&pointer, "digest"), message, restore()));
        }
        let Ok(named) = PluginName::parse(name) else { continue };
        let source = PluginSource::from(&named).as_str();
        if text("source").is_some_and(|written| written != source && SOURCES.contains(&written)) {
            let message = format!("the source of a plugin of this name is `{source}`");
            issues.push(document.issue(&join(&pointer, "source"), message, restore()));
        }
        let (at, named) = match named {
            PluginName::Digest(named) => ("digest", Some(named)),
            PluginName::Registry(Reference { wanted, .. }) => {
                if source == "registry" && text("manifest").is_none() {
                    let message = "the digest of its manifest is missing";
                    issues.push(document.issue(&pointer, message, restore()));
                }
                ("manifest", if let Wanted::Digest(named) = wanted { Some(named) } else { None })
            }
            PluginName::Builtin(_) | PluginName::Path(_) => continue,
        };
        if let (Some(named), Some(Ok(digest))) = (named, text(at).map(str::parse::<Digest>))
            && named != digest
        {
            issues.push(document.issue(&join(&pointer, at), "this is not the digest that the name says", restore()));
        }
    }
}

fn restore() -> Option<String> {
    Some("take the file from git again, or let `springline update` write it".to_owned())
}

/// A text as YAML: plain where it can be, else in double quotes.
fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '-' | '+');
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/'));
    if starts && !text.ends_with(':') && text.chars().all(safe) && scalar::resolve(text) == Ok(Scalar::Text) {
        text.to_owned()
    } else {
        // What JSON writes is YAML, in double quotes.
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
