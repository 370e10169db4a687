//! The Wasm artifact of the CNCF: a manifest with a config that says what the component is, and
//! exactly one layer, which is the component.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use springline_model::Digest;
use springline_model::registry::{Artifact, NewArtifact, RegistryError};

/// The largest component that is pushed or pulled, in bytes.
pub const MAX_COMPONENT: u64 = 256 << 20;
/// The largest manifest or index that is read, in bytes.
pub(crate) const MAX_MANIFEST: u64 = 4 << 20;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";

/// A reference to bytes of the same registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(crate) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Manifest {
    pub(crate) fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        // Nothing in it can fail to be written.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// An index: a list of manifests. What is unknown in an entry is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    #[serde(default)]
    pub(crate) manifests: Vec<serde_json::Value>,
    #[serde(flatten)]
    pub(crate) rest: serde_json::Map<String, serde_json::Value>,
}

/// Reads the manifest of a Wasm artifact. `what` is what messages call it.
///
/// # Errors
/// [`RegistryError::NotWasm`] if it is anything else, [`RegistryError::TooLarge`] if the component
/// is.
pub fn read_artifact(what: &str, bytes: Bytes) -> Result<Artifact, RegistryError> {
    let not = |why: String| RegistryError::NotWasm { what: what.to_owned(), why };
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| not(format!("its manifest is not JSON: {error}")))?;
    if value.get("manifests").is_some() {
        return Err(not("it is an index of several manifests, and a plugin is one".into()));
    }
    let manifest: Manifest =
        serde_json::from_value(value).map_err(|error| not(format!("its manifest is not one of OCI: {error}")))?;
    let config = &manifest.config.media_type;
    if config != WASM_CONFIG {
        return Err(not(format!("its config is `{}`, not `{WASM_CONFIG}`", config.escape_debug())));
    }
    let [layer] = manifest.layers.as_slice() else {
        return Err(not(format!("it has {} layers, and a component is exactly one", manifest.layers.len())));
    };
    if layer.media_type != WASM {
        return Err(not(format!("its layer is `{}`, not `{WASM}`", layer.media_type.escape_debug())));
    }
    let component = layer.digest.parse().map_err(|_| not("its layer is not named by a SHA-256 digest".into()))?;
    if layer.size > MAX_COMPONENT {
        return Err(RegistryError::TooLarge { what: what.to_owned(), limit: MAX_COMPONENT });
    }
    Ok(Artifact { manifest: Digest::of(&bytes), component, size: layer.size, annotations: manifest.annotations, bytes })
}

/// The config and the manifest of a new artifact.
pub(crate) fn build(artifact: &NewArtifact) -> (Bytes, Bytes) {
    let mut layer = Descriptor::of(WASM, &artifact.component);
    if let Some(name) = &artifact.file_name {
        // Without a title other tools don't know what to call the file.
        layer.annotations.insert("org.opencontainers.image.title".into(), name.clone());
    }
    let config = json!({
        "created": artifact.created,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer.digest],
        "component": { "exports": artifact.exports, "imports": artifact.imports, "target": artifact.target },
    });
    let config = Bytes::from(config.to_string());
    let mut manifest = Manifest::new(Descriptor::of(WASM_CONFIG, &config), vec![layer]);
    manifest.annotations = artifact.annotations.clone();
    (config, manifest.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> NewArtifact {
        NewArtifact {
            component: Bytes::from_static(b"\0asm"),
            file_name: Some("step.wasm".into()),
            created: "2026-01-02T03:04:05Z".into(),
            exports: vec!["springline:plugin/build-step@0.1.0".into()],
            imports: vec![],
            target: None,
            annotations: BTreeMap::from([("org.opencontainers.image.version".into(), "1.2.3".into())]),
        }
    }

    #[test]
    fn what_is_built_is_read_and_the_same_every_time() {
        let (config, manifest) = build(&sample());
        assert_eq!(build(&sample()), (config.clone(), manifest.clone()));
        let read = read_artifact("x", manifest.clone()).unwrap();
        assert_eq!(read.component, Digest::of(b"\0asm"));
        assert_eq!((read.size, read.manifest), (4, Digest::of(&manifest)));
        assert_eq!(read.annotations["org.opencontainers.image.version"], "1.2.3");
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["layerDigests"][0], read.component.to_string());
        assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
    }

    #[test]
    fn what_is_no_wasm_artifact_is_named() {
        let (_, manifest) = build(&sample());
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let refusal = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut changed = manifest.clone();
            change(&mut changed);
            read_artifact("oci://r.io/x:1", changed.to_string().into()).unwrap_err().to_string()
        };
        assert!(refusal(&|m| m["config"]["mediaType"] = json!("application/json")).contains("its config is"));
        assert!(refusal(&|m| m["layers"] = json!([])).contains("0 layers"));
        assert!(refusal(&|m| m["layers"][0]["mediaType"] = json!("text/plain")).contains("its layer is `text/plain`"));
        assert!(refusal(&|m| m["layers"][0]["size"] = json!(MAX_COMPONENT + 1)).contains("the most that is taken"));
        assert!(refusal(&|m| m["layers"][0]["digest"] = json!("sha512:00")).contains("SHA-256"));
        assert!(refusal(&|m| *m = json!({ "schemaVersion": 2, "manifests": [] })).contains("index"));
        assert!(refusal(&|m| *m = json!([])).contains("not one of OCI"));
    }
}
