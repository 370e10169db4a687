//! What is attached to an artifact: as referrers, through the API or through the tag that stands in
//! for it, and as layers below cosign's older tag.

use bytes::Bytes;
use serde_json::{Value, json};
use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::{Artifact, RegistryError, Signature};

use crate::client::OciRegistry;
use crate::manifest::{Descriptor, EMPTY, IMAGE_CONFIG, INDEX, Index, MANIFEST, MAX_MANIFEST, Manifest};
use crate::signing::{BUNDLE, PREDICATE, SIMPLE, SIMPLE_SIGNATURE};
use crate::transport::{Ask, malformed};

/// What every kind of bundle starts with.
const ANY_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// How many signatures of one artifact are looked at.
const MAX_SIGNATURES: usize = 64;
/// The largest signature, in bytes.
const MAX_SIGNATURE: u64 = 1 << 20;
/// How often an index is written again that somebody else wrote at the same time.
const TRIES: usize = 5;

impl OciRegistry {
    /// Every signature, in either form.
    pub(crate) async fn attached(
        &self,
        repository: &Repository,
        artifact: &Digest,
    ) -> Result<Vec<Signature>, RegistryError> {
        let mut found = self.bundles(repository, artifact).await?;
        found.extend(self.simple(repository, artifact).await?);
        Ok(found)
    }

    async fn bundles(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError> {
        let mut found = Vec::new();
        for referrer in self.referrers(repository, artifact).await? {
            let Ok(referrer) = serde_json::from_value::<Descriptor>(referrer) else { continue };
            // Not every writer of an index says what the referrer is.
            let unknown = |kind: &String| kind.is_empty() || kind == EMPTY || kind.starts_with(ANY_BUNDLE);
            if referrer.media_type == MANIFEST && referrer.artifact_type.as_ref().is_none_or(unknown) {
                if found.len() >= MAX_SIGNATURES {
                    break;
                }
                found.extend(self.bundles_of(repository, artifact, &referrer.digest).await?);
            }
        }
        Ok(found)
    }

    /// The bundles that one referrer carries. What can't be read is told of, not passed over: it
    /// may be what a policy asks for.
    async fn bundles_of(
        &self,
        repository: &Repository,
        artifact: &Digest,
        referrer: &str,
    ) -> Result<Vec<Signature>, RegistryError> {
        let what = format!("signature {referrer} of {repository}");
        let unreadable = |why: String| Ok(vec![Signature::Unreadable { why }]);
        if referrer.parse::<Digest>().is_err() {
            return unreadable("it is not named by a SHA-256 digest".into());
        }
        let bytes = match self.transport.manifest(repository, referrer, &what).await {
            Ok(bytes) => bytes,
            Err(error) => return bad(error).map(|signature| vec![signature]),
        };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
            return unreadable("its manifest is not one of OCI".into());
        };
        let subject = manifest.subject.as_ref().map(|subject| subject.digest.as_str());
        if subject != Some(artifact.to_string().as_str()) {
            return unreadable("it is attached to another artifact".into());
        }
        let layers = manifest.layers.iter().filter(|layer| layer.media_type.starts_with(ANY_BUNDLE));
        let mut found = Vec::new();
        for layer in layers.take(MAX_SIGNATURES) {
            found.push(match self.text(repository, layer, &what).await {
                Ok(json) => Signature::Bundle { json },
                Err(error) => bad(error)?,
            });
        }
        Ok(found)
    }

    /// The signatures below cosign's older tag.
    async fn simple(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError> {
        let tag = signature_tag(artifact);
        let what = format!("the signatures {repository}:{tag}");
        let bytes = match self.transport.manifest(repository, &tag, &what).await {
            Ok(bytes) => bytes,
            Err(RegistryError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return bad(error).map(|signature| vec![signature]),
        };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
            return Ok(vec![Signature::Unreadable { why: "the manifest of its tag is not one of OCI".into() }]);
        };
        let mut found = Vec::new();
        for layer in manifest.layers.iter().filter(|layer| layer.media_type == SIMPLE).take(MAX_SIGNATURES) {
            let Some(signature) = layer.annotations.get(SIMPLE_SIGNATURE).cloned() else { continue };
            found.push(match self.text(repository, layer, &what).await {
                Ok(payload) => Signature::Simple { payload, signature },
                Err(error) => bad(error)?,
            });
        }
        Ok(found)
    }

    async fn text(&self, repository: &Repository, layer: &Descriptor, what: &str) -> Result<String, RegistryError> {
        let digest = layer.digest.parse().map_err(|_| malformed(what, "it is not named by a SHA-256 digest".into()))?;
        let bytes = self.transport.blob(repository, digest, layer.size.min(MAX_SIGNATURE), what).await?;
        String::from_utf8(bytes.into()).map_err(|_| malformed(what, "it is no text".into()))
    }

    /// The descriptors of what refers to an artifact: by the API, or where there is none by the tag
    /// that stands in for it.
    async fn referrers(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Value>, RegistryError> {
        let what = format!("what refers to {repository}@{artifact}");
        let mut ask = Ask::get(repository, format!("referrers/{artifact}"), &what, MAX_MANIFEST);
        ask.accept = Some(INDEX);
        match self.transport.send(ask).await {
            Ok(answer) => match serde_json::from_slice::<Index>(&answer.body) {
                Ok(index) => return Ok(index.manifests),
                Err(error) => return Err(malformed(&what, error.to_string())),
            },
            // No API, or one that is refused: then there is the tag.
            Err(RegistryError::NotFound { .. } | RegistryError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(self.fallback(repository, artifact).await?.map(|index| index.manifests).unwrap_or_default())
    }

    async fn fallback(&self, repository: &Repository, artifact: &Digest) -> Result<Option<Index>, RegistryError> {
        let tag = referrers_tag(artifact);
        let what = format!("the index {repository}:{tag}");
        match self.transport.manifest(repository, &tag, &what).await {
            Ok(bytes) => {
                let index = serde_json::from_slice(&bytes).map_err(|error| malformed(&what, error.to_string()))?;
                Ok(Some(index))
            }
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn attach_bundle(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        json: &str,
        created: &str,
    ) -> Result<(), RegistryError> {
        let what = format!("a signature of {repository}@{}", artifact.manifest);
        let (empty, bundle) = (Bytes::from_static(b"{}"), Bytes::from(json.to_owned()));
        self.transport.put_blob(repository, &empty, &what).await?;
        self.transport.put_blob(repository, &bundle, &what).await?;
        let mut manifest = Manifest::new(Descriptor::of(EMPTY, &empty), vec![Descriptor::of(BUNDLE, &bundle)]);
        manifest.artifact_type = Some(BUNDLE.to_owned());
        manifest.subject = Some(Descriptor::of(MANIFEST, &artifact.bytes));
        manifest.annotations = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", PREDICATE),
            ("org.opencontainers.image.created", created),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let bytes = manifest.to_bytes();
        let name = Digest::of(&bytes).to_string();
        let answer = self.transport.put_manifest(repository, &name, (&bytes, MANIFEST), &what).await?;
        // A registry that keeps referrers by itself says so.
        if answer.header("oci-subject").is_some() {
            return Ok(());
        }
        let mut entry = Descriptor::of(MANIFEST, &bytes);
        entry.artifact_type = manifest.artifact_type;
        entry.annotations = manifest.annotations;
        self.add_referrer(repository, &artifact.manifest, &entry).await
    }

    /// Adds an entry to the index that stands in for the API. Entries of others stay. Nothing
    /// locks the index, so it is read again afterwards, and written again if somebody else's
    /// writing took the entry away.
    async fn add_referrer(
        &self,
        repository: &Repository,
        artifact: &Digest,
        entry: &Descriptor,
    ) -> Result<(), RegistryError> {
        let tag = referrers_tag(artifact);
        let what = format!("the index {repository}:{tag}");
        for _ in 0..TRIES {
            let index = self.fallback(repository, artifact).await?;
            let mut index = index.unwrap_or_else(|| Index {
                schema_version: 2,
                media_type: None,
                manifests: Vec::new(),
                rest: serde_json::Map::new(),
            });
            if index.manifests.iter().any(|there| there["digest"] == entry.digest.as_str()) {
                return Ok(());
            }
            index.media_type = Some(INDEX.to_owned());
            index.manifests.push(json!(entry));
            let bytes = Bytes::from(json!(index).to_string());
            self.transport.put_manifest(repository, &tag, (&bytes, INDEX), &what).await?;
        }
        let index = self.fallback(repository, artifact).await?.map(|index| index.manifests).unwrap_or_default();
        if index.iter().any(|there| there["digest"] == entry.digest.as_str()) {
            return Ok(());
        }
        Err(malformed(&what, format!("what is written to it was gone {TRIES} times")))
    }

    pub(crate) async fn attach_simple(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        payload: &str,
        signature: &str,
    ) -> Result<(), RegistryError> {
        let tag = signature_tag(&artifact.manifest);
        let what = format!("the signatures {repository}:{tag}");
        let payload = Bytes::from(payload.to_owned());
        let mut layer = Descriptor::of(SIMPLE, &payload);
        layer.annotations.insert(SIMPLE_SIGNATURE.to_owned(), signature.to_owned());
        let mut layers = match self.transport.manifest(repository, &tag, &what).await {
            Ok(bytes) => {
                let there: Manifest =
                    serde_json::from_slice(&bytes).map_err(|error| malformed(&what, error.to_string()))?;
                there.layers
            }
            Err(RegistryError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        if layers.contains(&layer) {
            return Ok(());
        }
        layers.push(layer);
        let digests: Vec<&String> = layers.iter().map(|layer| &layer.digest).collect();
        let config = json!({
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let config = Bytes::from(config.to_string());
        self.transport.put_blob(repository, &payload, &what).await?;
        self.transport.put_blob(repository, &config, &what).await?;
        let manifest = Manifest::new(Descriptor::of(IMAGE_CONFIG, &config), layers).to_bytes();
        self.transport.put_manifest(repository, &tag, (&manifest, MANIFEST), &what).await.map(drop)
    }
}

/// A signature that the registry could not give as it should: told of later. Where the registry
/// itself can't be reached, nothing can be said.
fn bad(error: RegistryError) -> Result<Signature, RegistryError> {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::Unauthorized { .. } | RegistryError::Cancelled => Err(error),
        error => Ok(Signature::Unreadable { why: error.to_string() }),
    }
}

fn referrers_tag(artifact: &Digest) -> String {
    format!("sha256-{}", artifact.hex())
}

fn signature_tag(artifact: &Digest) -> String {
    format!("sha256-{}.sig", artifact.hex())
}
