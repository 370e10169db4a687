//! Releases: immutable sets that can be deployed again exactly as they were.

use serde_json::Value;
use springline_model::Hasher;
use springline_model::application::{ConfirmPrune, Sync};
use springline_model::call::canonical_json;
use springline_model::capability::Used;
use springline_model::manifest::manifest_digest;
use springline_model::plugin::Pinned;
use springline_model::run::{Release, Timestamp};

use crate::build::{Artifacts, Source};
use crate::chain::{Chain, Environment, Use};
use crate::render::Rendered;

/// How a release came to be: no part of its id.
pub(crate) struct Made {
    /// What building and rendering it used of powers.
    pub used: Used,
    /// The run.
    pub run: u64,
    /// When.
    pub at: Timestamp,
}

/// The plugins of the build steps and of a renderer, sorted.
pub(crate) fn plugins(chain: &Chain, render: Option<&Use>) -> Vec<Pinned> {
    let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps).map(|step| &step.uses.plugin);
    let mut plugins: Vec<Pinned> = steps.chain(render.map(|render| &render.plugin)).cloned().collect();
    plugins.sort();
    plugins.dedup();
    plugins
}

/// Whether other plugins than these would make it now: another version may make something else of the
/// same source.
pub fn is_by_others(release: &Release, chain: &Chain, environment: &Environment) -> bool {
    release.plugins != plugins(chain, Some(&environment.render))
}

/// The release of what was built and rendered. The same things give the same id, whenever and by
/// whatever run.
pub(crate) fn release(
    chain: &Chain,
    environment: &Environment,
    source: Source<'_>,
    artifacts: &Artifacts,
    rendered: &Rendered,
    made: Made,
) -> Release {
    let confirm_prune = &environment.sync.confirm_prune;
    let mut release = Release {
        id: springline_model::Digest::of(""),
        application: chain.application.clone(),
        environment: environment.name.clone(),
        revision: source.revision.id.clone(),
        artifacts: artifacts.digests.clone(),
        manifest: manifest_digest(&rendered.objects),
        objects: rendered.digest,
        plugins: plugins(chain, Some(&environment.render)),
        target: environment.target.name.clone(),
        target_plugin: environment.target.uses.plugin.clone(),
        target_with: environment.target.with.clone(),
        sync: Sync {
            confirm_prune: ConfirmPrune { confirmed: None, ..confirm_prune.clone() },
            ..environment.sync.clone()
        },
        used: made.used,
        run: made.run,
        at: made.at,
    };
    release.id = id(&release);
    release
}

/// The id of a release, by what is in it.
pub(crate) fn id(release: &Release) -> springline_model::Digest {
    let mut hasher = Hasher::domain("springline-release/1");
    hasher
        .field(release.application.as_bytes())
        .field(release.environment.as_bytes())
        .field(release.revision.as_bytes())
        .field(release.manifest.as_bytes())
        .field(release.target.as_bytes());
    for (name, digest) in &release.artifacts {
        hasher.field(name.as_bytes()).field(digest.as_bytes());
    }
    for plugin in release.plugins.iter().chain([&release.target_plugin]) {
        hasher.field(plugin.name.as_bytes()).field(plugin.digest.as_bytes());
    }
    if !release.target_with.is_empty() {
        let with = canonical_json(&Value::Object(release.target_with.clone()));
        hasher.field(b"target-with").field(with.as_bytes());
    }
    hasher.finish()
}
