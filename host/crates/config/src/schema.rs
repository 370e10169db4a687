//! Checking values against a JSON Schema, with every error at its line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use springline_model::Digest;

use crate::cost::{self, Cost};
use crate::document::Document;
use crate::explain::{Explainer, Part};
use crate::issue::{ConfigError, Issue};
use crate::pointer::shown;

/// The largest compiled form of one pattern of a schema, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// How many references and properties a path into a schema may lead through.
const MAX_REFERENCES: usize = 16;

/// A text that is no JSON Schema that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a usable JSON Schema: {0}")]
pub struct InvalidSchema(String);

/// A JSON Schema, ready to check many values.
///
/// A schema may come from a plugin, so nothing in it is trusted: references out of it are never
/// fetched, its patterns run in linear time (look-around and back-references are refused), and
/// what a check costs is known before it begins.
#[derive(Debug)]
pub struct CompiledSchema {
    schema: Value,
    validator: Validator,
    cost: Cost,
}

impl CompiledSchema {
    /// Compiles a schema. Without `$schema` it is one of draft 2020-12.
    ///
    /// # Errors
    /// It breaks its draft's rules; has a pattern that can't be used; refers to anything but
    /// `#` and `#/POINTER`; or could take too long to check against.
    pub fn new(schema: &Value) -> Result<Self, InvalidSchema> {
        let cost = cost::of_schema(schema).map_err(InvalidSchema)?;
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        jsonschema::options()
            .with_pattern_options(patterns)
            .offline()
            .build(schema)
            .map(|validator| Self { schema: schema.clone(), validator, cost })
            .map_err(|error| {
                let place = shown(error.instance_path().as_str());
                InvalidSchema(format!("{place}: {}", shown(&error.to_string())))
            })
    }

    /// Whether a value may have a property at this path, one key within the other. References within the
    /// schema are followed.
    pub fn takes(&self, path: &[&str]) -> bool {
        fn takes(root: &Value, schema: &Value, path: &[&str], depth: usize) -> bool {
            let Some((key, rest)) = path.split_first() else { return true };
            let Some(depth) = depth.checked_sub(1) else { return false };
            let below = schema.get("properties").and_then(|known| known.get(*key));
            let referred =
                schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.strip_prefix('#')?));
            let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
            below.is_some_and(|below| takes(root, below, rest, depth))
                || referred.into_iter().chain(all).any(|same| takes(root, same, path, depth))
        }
        takes(&self.schema, &self.schema, path, MAX_REFERENCES)
    }

    /// Whether the value, which can be checked in reasonable time, fits.
    pub(crate) fn is_valid(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Checks a value that stands in the document at that JSON pointer. `of` says whose it is,
    /// such as ``plugin `step-site` ``, and comes first in the messages. A `part` of it may stand in
    /// another document: what is wrong there is told first, and alone.
    ///
    /// # Errors
    /// Everything that does not fit; that it would take too long to find out; or that the schema
    /// knows no property of the part's name.
    pub fn check(
        &self,
        document: &Document,
        pointer: &str,
        value: &Value,
        of: Option<&str>,
        part: Option<Part<'_>>,
    ) -> Result<(), ConfigError> {
        if let Some(part) = part
            && self.schema.get("properties").and_then(|known| known.get(part.key)).is_none()
        {
            let of = of.unwrap_or("this");
            let message = format!("{of} takes nothing here: its config has no `{}`", shown(part.key));
            let help = "leave it out".to_owned();
            return Err(part.document.error(vec![part.document.key_issue(part.pointer, message, Some(help))]));
        }
        if !cost::affordable(self.cost, &self.schema, value) {
            let of = of.map(|of| format!("{of}: ")).unwrap_or_default();
            let message = format!("{of}checking this against its schema would take too long");
            let (document, pointer) = match part.filter(|part| self.is_affordable_without(part.key, value)) {
                Some(part) => (part.document, part.pointer),
                None => (document, pointer),
            };
            return Err(document.error(vec![document.issue(pointer, message, Some("nest it less".to_owned()))]));
        }
        if self.is_valid(value) {
            return Ok(());
        }
        let explainer = Explainer { document, base: pointer, schema: &self.schema, of, part };
        let (here, elsewhere) = explainer.issues(self.validator.iter_errors(value));
        Err(match part {
            Some(part) if !elsewhere.is_empty() => part.document.error(elsewhere),
            _ => document.error(here),
        })
    }

    fn is_affordable_without(&self, key: &str, value: &Value) -> bool {
        let mut rest = value.clone();
        if let Some(rest) = rest.as_object_mut() {
            rest.remove(key);
        }
        cost::affordable(self.cost, &self.schema, &rest)
    }

    /// What does not fit in a value that is known not to.
    pub(crate) fn issues(&self, document: &Document, pointer: &str, value: &Value, of: Option<&str>) -> Vec<Issue> {
        let explainer = Explainer { document, base: pointer, schema: &self.schema, of, part: None };
        explainer.issues(self.validator.iter_errors(value)).0
    }
}

/// Compiled config schemas by the digest of their plugin, so that each is compiled once however
/// many steps use it. Shared between threads.
#[derive(Debug, Default)]
pub struct SchemaCache {
    compiled: Mutex<HashMap<Digest, Arc<CompiledSchema>>>,
}

impl SchemaCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The compiled schema of the plugin with that digest. A digest never changes its schema, so
    /// `schema` is looked at on the first call only.
    ///
    /// # Errors
    /// The schema can't be used.
    pub fn get(&self, plugin: &Digest, schema: &Value) -> Result<Arc<CompiledSchema>, InvalidSchema> {
        // A panic elsewhere leaves a map that is still whole.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = compiled.get(plugin) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(CompiledSchema::new(schema)?);
        compiled.insert(*plugin, Arc::clone(&made));
        Ok(made)
    }

    /// Checks the config of a plugin, which stands in the document at `pointer` (such as
    /// `/artifacts/site/steps/0/with`, whether or not it is written there). `plugin` is the name
    /// for messages. Defaults are not filled in.
    ///
    /// # Errors
    /// Everything that does not fit; or that the plugin's schema can't be used, shown at the use
    /// of the plugin.
    pub fn check(
        &self,
        document: &Document,
        pointer: &str,
        config: &Value,
        plugin: &str,
        digest: &Digest,
        schema: &Value,
    ) -> Result<(), ConfigError> {
        match self.get(digest, schema) {
            Ok(compiled) => compiled.check(document, pointer, config, Some(&of_plugin(plugin)), None),
            Err(invalid) => Err(unusable(document, pointer, plugin, &invalid)),
        }
    }
}

/// Checks the config of a plugin once. For many of the same plugin use a [`SchemaCache`].
///
/// # Errors
/// As [`SchemaCache::check`].
pub fn validate_plugin_config(
    document: &Document,
    pointer: &str,
    config: &Value,
    schema: &Value,
    plugin: &str,
) -> Result<(), ConfigError> {
    match CompiledSchema::new(schema) {
        Ok(compiled) => compiled.check(document, pointer, config, Some(&of_plugin(plugin)), None),
        Err(invalid) => Err(unusable(document, pointer, plugin, &invalid)),
    }
}

fn of_plugin(plugin: &str) -> String {
    format!("plugin `{}`", shown(plugin))
}

fn unusable(document: &Document, pointer: &str, plugin: &str, invalid: &InvalidSchema) -> ConfigError {
    let user = pointer.rsplit_once('/').map_or("", |(user, _)| user);
    let message = format!("the config schema of {} is {invalid}", of_plugin(plugin));
    let help = "tell the plugin's author; `springline plugin inspect FILE` shows the schema".to_owned();
    document.error(vec![document.issue(&format!("{user}/plugin"), message, Some(help))])
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
