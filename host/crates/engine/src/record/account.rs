//! What git says of a deployment, as lines that people read and that are read back.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use springline_model::Digest;
use springline_model::application::Sync;
use springline_model::call::canonical_json;
use springline_model::capability::Used;
use springline_model::outbox::Outgoing;
use springline_model::plugin::Pinned;
use springline_model::run::{Place, Release, Timestamp};

use super::time;

/// What was deployed, when and why, and where in the history that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// What was deployed.
    pub release: Release,
    /// The paths of desired objects that are directories.
    pub directories: Vec<String>,
    /// When the sync ended, to the second.
    pub at: Timestamp,
    /// Its place in the history and the hash of its record: the head of the chain then.
    pub history: (u64, Digest),
    /// Why and by whom.
    pub cause: String,
}

impl Account {
    pub(super) fn new(outgoing: &Outgoing, release: &Release) -> Self {
        Self {
            release: release.clone(),
            directories: Vec::new(),
            at: outgoing.at,
            history: (outgoing.sequence, outgoing.hash),
            cause: outgoing.cause.clone(),
        }
    }

    /// Where it was deployed.
    pub fn place(&self) -> Place {
        self.release.place()
    }

    /// Keys and values, in the order in which they are shown.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let release = &self.release;
        let pinned = |plugin: &Pinned| format!("{} {}", plugin.name, plugin.digest);
        let mut fields = vec![
            ("release", release.id.to_string()),
            ("revision", release.revision.clone()),
            ("deployed", time::text(self.at)),
            ("cause", self.cause.clone()),
            ("target", release.target.clone()),
            ("target-plugin", pinned(&release.target_plugin)),
        ];
        if !release.target_with.is_empty() {
            fields.push(("target-with", canonical_json(&Value::Object(release.target_with.clone()))));
        }
        if !release.sync.is_default() {
            let sync = serde_json::to_value(&release.sync).unwrap_or_default();
            fields.push(("sync", canonical_json(&sync)));
        }
        fields.extend(release.plugins.iter().map(|plugin| ("plugin", pinned(plugin))));
        fields.extend(release.artifacts.iter().map(|(name, digest)| ("artifact", format!("{name} {digest}"))));
        fields.push(("manifest", release.manifest.to_string()));
        fields.push(("objects", release.objects.to_string()));
        fields.extend(self.directories.iter().map(|path| ("directory", path.clone())));
        fields.push(("history", format!("{} {}", self.history.0, self.history.1)));
        fields
    }

    /// Reads them back; none if something is missing or is not what it should be.
    pub(super) fn read<'a>(place: &Place, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut one: BTreeMap<&str, &str> = BTreeMap::new();
        let (mut plugins, mut artifacts, mut directories) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (key, value) in fields {
            match key {
                "plugin" => plugins.push(pinned(value)?),
                "artifact" => {
                    let (name, digest) = value.rsplit_once(' ')?;
                    artifacts.insert(name.to_owned(), digest.parse().ok()?);
                }
                "directory" => directories.push(value.to_owned()),
                key => drop(one.insert(key, value)),
            }
        }
        let (sequence, hash) = one.get("history")?.split_once(' ')?;
        let target_with = match one.get("target-with") {
            Some(text) => serde_json::from_str::<Map<String, Value>>(text).ok()?,
            None => Map::new(),
        };
        let sync = match one.get("sync") {
            Some(text) => serde_json::from_str(text).ok()?,
            None => Sync::default(),
        };
        let at = time::read(one.get("deployed")?)?;
        let release = Release {
            id: one.get("release")?.parse().ok()?,
            application: place.application.clone(),
            environment: place.environment.clone(),
            revision: (*one.get("revision")?).to_owned(),
            artifacts,
            manifest: one.get("manifest")?.parse().ok()?,
            objects: one.get("objects")?.parse().ok()?,
            plugins,
            target: (*one.get("target")?).to_owned(),
            target_plugin: pinned(one.get("target-plugin")?)?,
            target_with,
            sync,
            used: Used::default(),
            run: 0,
            at,
        };
        let cause = one.get("cause").copied().unwrap_or_default().to_owned();
        Some(Self { release, directories, at, history: (sequence.parse().ok()?, hash.parse().ok()?), cause })
    }
}

fn pinned(text: &str) -> Option<Pinned> {
    let (name, digest) = text.rsplit_once(' ')?;
    Some(Pinned { name: name.to_owned(), digest: digest.parse().ok()? })
}
