//! `render-manifests`: renders plain Kubernetes manifests, multi-document YAML and JSON.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod document;
mod image;
mod input;
mod label;
mod namespace;
mod render;
mod scope;

use std::collections::BTreeMap;

use springline_sdk::prelude::*;

/// Every document of every `*.yaml`, `*.yml` and `*.json` of the input directory is an object.
#[config]
pub struct Config {
    /// The namespace that every namespaced object is put into, whatever its manifest says.
    #[serde(default)]
    namespace: Option<String>,
    /// Custom kinds that have no namespace, as `KIND.GROUP`, such as
    /// `ClusterIssuer.cert-manager.io`. Kubernetes' own, and those whose
    /// CustomResourceDefinition is in the input, are known.
    #[serde(default)]
    cluster_scoped: Vec<String>,
    /// Labels that every object and every pod template gets. Selectors are left alone.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Annotations that every object gets.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Images to set in the containers of every pod.
    #[serde(default)]
    images: Vec<Image>,
    /// Globs over paths below the input directory: files that are no manifests.
    #[serde(default)]
    exclude: Vec<String>,
}

/// What to set in the place of an image.
#[config]
pub struct Image {
    /// The image as the manifests name it, without tag and digest.
    name: String,
    /// Its new name.
    #[serde(default, rename = "newName")]
    new_name: Option<String>,
    /// Its new tag.
    #[serde(default, rename = "newTag")]
    new_tag: Option<String>,
    /// Its digest: `sha256:` and 64 hex digits.
    #[serde(default)]
    digest: Option<String>,
}

/// Renders plain Kubernetes manifests, setting namespace, labels, annotations and images.
#[renderer]
fn manifests(config: Config, render: &mut Render) -> Result<Vec<Object>> {
    render::render(&config, render)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_explains_every_key_and_refuses_others() {
        let schema: Value = springline_sdk::serde_json::from_str(&Plugin::describe().config_schema).unwrap();
        let image = &schema["$defs"]["Image"];
        for (schema, required) in [(&schema, None), (image, Some(&json!(["name"])))] {
            assert_eq!(schema["additionalProperties"], json!(false), "{schema:#}");
            assert_eq!(schema.get("required"), required, "{schema:#}");
            for (key, property) in schema["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{key}: {property}");
            }
        }
        assert!(image["properties"]["newTag"].is_object());
    }
}
