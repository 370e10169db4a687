//! Calls of plugins: what goes in, what comes out, and the keys under which results are kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::{Grants, Ledger};
use crate::manifest::Object;
use crate::plugin::{Kind, Limits, LogLine, Pinned};
use crate::port::Tree;
use crate::trace::Trace;
use crate::{Cancel, Digest, Hasher};

/// Changes whenever this host would give an unchanged plugin other answers than before, so that
/// results from before are not used again.
pub const HOST_SEMANTICS: &str = "springline-host/1";

/// A JSON value as one text and no other: keys sorted, no white space.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(&map[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// The first half of a result's key: what is called, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallKey(pub Digest);

impl CallKey {
    /// The key of calling this plugin with this canonical config.
    pub fn new(kind: Kind, track: &str, plugin: &Digest, config: &str) -> Self {
        let mut hasher = Hasher::domain(HOST_SEMANTICS);
        hasher
            .field(kind.to_string().as_bytes())
            .field(track.as_bytes())
            .field(plugin.as_bytes())
            .field(config.as_bytes());
        Self(hasher.finish())
    }

    /// The key at one place of a chain, such as `handbook/site/pages`. Results are listed by it, so
    /// that a thousand steps with one plugin and config don't push each other's results out.
    #[must_use]
    pub fn at(&self, place: &str) -> Self {
        let mut hasher = Hasher::domain("springline-place/1");
        hasher.field(self.0.as_bytes()).field(place.as_bytes());
        Self(hasher.finish())
    }

    /// The key together with the very trees of a call. Equal ones need no look at the trace's
    /// paths.
    pub fn with_mounts<'t>(&self, mounts: impl IntoIterator<Item = (&'t str, &'t dyn Tree)>) -> Digest {
        let mut hasher = Hasher::domain("springline-exact/1");
        hasher.field(self.0.as_bytes());
        for (mount, tree) in mounts {
            hasher.field(mount.as_bytes()).field(tree.id().to_string().as_bytes());
        }
        hasher.finish()
    }
}

/// What a call may ask about: `springline:host/context`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// The application's name.
    pub application: String,
    /// The environment's name; none in a build.
    pub environment: Option<String>,
    /// The revision.
    pub revision: String,
    /// When it was committed, in seconds since 1970.
    pub commit_time: i64,
    /// The environment's values, as canonical JSON.
    pub values: String,
    /// The application's artifacts; empty in a build.
    pub artifacts: BTreeMap<String, Digest>,
}

/// The questions of [`Context`], as they stand in a trace.
pub mod question {
    /// The application's name.
    pub const APPLICATION: &str = "application";
    /// The environment's name.
    pub const ENVIRONMENT: &str = "environment";
    /// The revision.
    pub const REVISION: &str = "revision";
    /// The time of the commit.
    pub const COMMIT_TIME: &str = "commit-time";
    /// The environment's values.
    pub const VALUES: &str = "values";
    /// The names of the artifacts.
    pub const ARTIFACT_NAMES: &str = "artifact-names";
    /// An artifact; its name follows.
    pub const ARTIFACT: &str = "artifact/";
}

impl Context {
    /// The digest of the answer to a question, as a trace keeps it; none for no question.
    pub fn answer(&self, asked: &str) -> Option<Digest> {
        Some(match asked {
            question::APPLICATION => Digest::of(&self.application),
            question::ENVIRONMENT => Digest::of(self.environment.as_deref().unwrap_or_default()),
            question::REVISION => Digest::of(&self.revision),
            question::COMMIT_TIME => Digest::of(self.commit_time.to_le_bytes()),
            question::VALUES => Digest::of(&self.values),
            question::ARTIFACT_NAMES => {
                let mut hasher = Hasher::default();
                for name in self.artifacts.keys() {
                    hasher.field(name.as_bytes());
                }
                hasher.finish()
            }
            other => {
                let name = other.strip_prefix(question::ARTIFACT)?;
                Digest::of(self.artifacts.get(name).map(ToString::to_string).unwrap_or_default())
            }
        })
    }
}

/// One use of a plugin.
#[derive(Clone)]
pub struct Call {
    /// The plugin.
    pub plugin: Pinned,
    /// Its config, canonical JSON that its schema accepts.
    pub config: Arc<str>,
    /// What it may ask.
    pub context: Arc<Context>,
    /// How far it may go.
    pub limits: Limits,
    /// The powers it gets.
    pub grants: Grants,
    /// Where it writes down what it uses of them.
    pub ledger: Ledger,
    /// Asked to stop, the call ends with [`Fault::Cancelled`](crate::plugin::Fault::Cancelled).
    pub cancel: Cancel,
}

/// One use of a deploy target, for as many calls as a sync needs.
#[derive(Clone)]
pub struct TargetCall {
    /// The plugin and its config.
    pub call: Call,
    /// The desired objects: their bytes, and those of their trees, are what it may read.
    pub desired: Arc<[Object]>,
}

/// What a call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// By the clock on the wall.
    pub wall: Duration,
    /// The most linear memory it had, in bytes.
    pub memory: u64,
}

/// What a call returned.
#[derive(Debug, Clone)]
pub struct Called<T> {
    /// The value.
    pub value: T,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// What it took.
    pub usage: Usage,
}

/// What a build step made.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its output, a directory in the blob store.
    pub tree: Digest,
    /// Its own one-line account.
    pub summary: String,
    /// What it depended on.
    pub trace: Trace,
}

/// What a renderer made.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The desired objects, sorted by id, their bytes in the blob store.
    pub objects: Vec<Object>,
    /// What it depended on.
    pub trace: Trace,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_drops_space() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, {"z": null, "a": "x\"y"}], "a": true }"#).unwrap();
        assert_eq!(canonical_json(&value), r#"{"a":true,"b":[1,{"a":"x\"y","z":null}]}"#);
    }

    #[test]
    fn a_key_differs_with_each_of_its_parts() {
        let plugin = Digest::of("p");
        let key = CallKey::new(Kind::BuildStep, "0.1", &plugin, "{}");
        assert_eq!(key, CallKey::new(Kind::BuildStep, "0.1", &plugin, "{}"));
        for other in [
            CallKey::new(Kind::Renderer, "0.1", &plugin, "{}"),
            CallKey::new(Kind::BuildStep, "0.2", &plugin, "{}"),
            CallKey::new(Kind::BuildStep, "0.1", &Digest::of("q"), "{}"),
            CallKey::new(Kind::BuildStep, "0.1", &plugin, "[]"),
        ] {
            assert_ne!(key, other);
        }
    }
}
