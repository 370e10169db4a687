//! What is attached to an artifact: as referrers, through the API or through the tag that stands in
//! for it, and as layers below cosign's older tag.

use bytes::Bytes;
use serde_json::json;
use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::{Artifact, RegistryError, Signature};

use crate::client::OciRegistry;
use crate::manifest::{Descriptor, EMPTY, IMAGE_CONFIG, INDEX, Index, MANIFEST, MAX_MANIFEST, Manifest};
use crate::pages::Pages;
use crate::signing::{BUNDLE, PREDICATE, SIMPLE, SIMPLE_SIGNATURE};
use crate::transport::{Ask, malformed};

/// What every kind of bundle starts with.
const ANY_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// How many signatures of one artifact are looked at.
const MAX_SIGNATURES: usize = 64;
/// The largest signature, in bytes.
const MAX_SIGNATURE: u64 = 1 << 20;
/// How often something is written that somebody else writes at the same time.
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

    /// Those that refer to the artifact: by the API, or where there is none by the tag that stands in
    /// for it.
    async fn bundles(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError> {
        let what = format!("what refers to {repository}@{artifact}");
        let mut ask = Ask::get(repository, format!("referrers/{artifact}"), &what, MAX_MANIFEST);
        ask.accept = Some(INDEX);
        let mut pages = Pages::new(ask);
        let mut page = match pages.next(&self.transport).await {
            // No API, or one that is refused: then there is the tag.
            Err(RegistryError::NotFound { .. } | RegistryError::Refused { .. }) => {
                self.fallback(repository, artifact).await?
            }
            page => page?.map(|page| index(&page, &what)).transpose()?,
        };
        let mut found = Vec::new();
        while let Some(list) = page {
            for referrer in list.manifests {
                let Ok(referrer) = serde_json::from_value::<Descriptor>(referrer) else { continue };
                if !may_carry_bundle(&referrer) {
                    continue;
                }
                if found.len() >= MAX_SIGNATURES {
                    return Ok(found);
                }
                found.extend(self.bundles_of(repository, artifact, &referrer.digest).await?);
            }
            page = pages.next(&self.transport).await?.map(|page| index(&page, &what)).transpose()?;
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

    async fn fallback(&self, repository: &Repository, artifact: &Digest) -> Result<Option<Index>, RegistryError> {
        let tag = referrers_tag(artifact);
        let what = format!("the index {repository}:{tag}");
        match self.transport.manifest(repository, &tag, &what).await {
            Ok(bytes) => index(&bytes, &what).map(Some),
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

    /// Adds an entry to the index that stands in for the API. Entries of others stay.
    async fn add_referrer(
        &self,
        repository: &Repository,
        artifact: &Digest,
        entry: &Descriptor,
    ) -> Result<(), RegistryError> {
        let tag = referrers_tag(artifact);
        let what = format!("the index {repository}:{tag}");
        let without = async || {
            let index = self.fallback(repository, artifact).await?;
            let index = index.unwrap_or_else(|| Index {
                schema_version: 2,
                media_type: None,
                manifests: Vec::new(),
                rest: serde_json::Map::new(),
            });
            let is_there = index.manifests.iter().any(|there| there["digest"] == entry.digest.as_str());
            Ok((!is_there).then_some(index))
        };
        let add = async |mut index: Index| {
            index.media_type = Some(INDEX.to_owned());
            index.manifests.push(json!(entry));
            let bytes = Bytes::from(json!(index).to_string());
            self.transport.put_manifest(repository, &tag, (&bytes, INDEX), &what).await.map(drop)
        };
        until_it_stays(&what, without, add).await
    }

    /// Adds a layer below cosign's older tag. Layers of others stay.
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
        self.transport.put_blob(repository, &payload, &what).await?;
        let without = async || {
            let layers = match self.transport.manifest(repository, &tag, &what).await {
                Ok(bytes) => {
                    let there: Manifest =
                        serde_json::from_slice(&bytes).map_err(|error| malformed(&what, error.to_string()))?;
                    there.layers
                }
                Err(RegistryError::NotFound { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            Ok((!layers.contains(&layer)).then_some(layers))
        };
        let add = async |mut layers: Vec<Descriptor>| {
            layers.push(layer.clone());
            let digests: Vec<&String> = layers.iter().map(|layer| &layer.digest).collect();
            let config = json!({
                "architecture": "",
                "os": "",
                "config": {},
                "rootfs": { "type": "layers", "diff_ids": digests },
            });
            let config = Bytes::from(config.to_string());
            self.transport.put_blob(repository, &config, &what).await?;
            let manifest = Manifest::new(Descriptor::of(IMAGE_CONFIG, &config), layers).to_bytes();
            self.transport.put_manifest(repository, &tag, (&manifest, MANIFEST), &what).await.map(drop)
        };
        until_it_stays(&what, without, add).await
    }
}

/// Adds to what a tag names. Nothing locks a tag, so what it names is read again after every writing,
/// and written again if somebody else's took away what was added. `without` reads what the tag names,
/// unless that has it already; `add` writes it with what is added.
async fn until_it_stays<T>(
    what: &str,
    without: impl AsyncFn() -> Result<Option<T>, RegistryError>,
    add: impl AsyncFn(T) -> Result<(), RegistryError>,
) -> Result<(), RegistryError> {
    for _ in 0..TRIES {
        let Some(there) = without().await? else { return Ok(()) };
        add(there).await?;
    }
    match without().await? {
        None => Ok(()),
        Some(_) => Err(malformed(what, format!("what is written to it was gone {TRIES} times"))),
    }
}

fn index(bytes: &[u8], what: &str) -> Result<Index, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(what, error.to_string()))
}

/// Whether bundles may be in a referrer. Not every writer of an index says what the referrer is.
fn may_carry_bundle(referrer: &Descriptor) -> bool {
    let may = |kind: &String| kind.is_empty() || kind == EMPTY || kind.starts_with(ANY_BUNDLE);
    referrer.media_type == MANIFEST && referrer.artifact_type.as_ref().is_none_or(may)
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use springline_model::registry::Registry as _;

    use super::*;
    use crate::client::RegistryConfig;
    use crate::fake::{registry, whole};

    const NOT_FOUND: &str = "404 Not Found";

    fn client() -> OciRegistry {
        OciRegistry::new(RegistryConfig::default()).unwrap()
    }

    fn artifact() -> Artifact {
        let bytes = Bytes::from_static(b"{}");
        Artifact {
            manifest: Digest::of(&bytes),
            component: Digest::of(b"\0asm"),
            size: 4,
            bytes,
            annotations: [].into(),
        }
    }

    /// A registry whose list of referrers has a second page, with the only signature on it.
    fn in_two_pages(second: &'static str) -> (String, Digest) {
        let artifact = artifact();
        let bundle = Bytes::from_static(b"{}");
        let mut manifest = Manifest::new(Descriptor::of(EMPTY, &bundle), vec![Descriptor::of(BUNDLE, &bundle)]);
        manifest.subject = Some(Descriptor::of(MANIFEST, &artifact.bytes));
        let manifest = manifest.to_bytes();
        let page = |bytes: &[u8], kind: &str| {
            let entry = Descriptor { artifact_type: Some(kind.into()), ..Descriptor::of(MANIFEST, bytes) };
            json!({ "schemaVersion": 2, "manifests": [entry] }).to_string()
        };
        let (sbom, signature) = (page(b"{}", "application/spdx+json"), page(&manifest, BUNDLE));
        let list = format!("GET /v2/a/b/referrers/{}", artifact.manifest);
        let name = registry(move |asked, stream| match asked.what.strip_prefix(&list) {
            Some("") => whole(stream, "200 OK", "Link: <?page=2>; rel=\"next\"\r\n", sbom.as_bytes()),
            Some(_) => whole(stream, second, "", signature.as_bytes()),
            None if asked.what.contains("/blobs/") => whole(stream, "200 OK", "", b"{}"),
            None if asked.what.contains("/manifests/sha256:") => whole(stream, "200 OK", "", &manifest),
            None => whole(stream, NOT_FOUND, "", b""),
        });
        (name, artifact.manifest)
    }

    #[test]
    fn a_signature_on_a_later_page_is_found() {
        let (name, artifact) = in_two_pages("200 OK");
        let found = client().signatures(&format!("{name}/a/b").parse().unwrap(), &artifact).unwrap();
        assert_eq!(found, [Signature::Bundle { json: "{}".into() }]);
    }

    #[test]
    fn a_later_page_that_is_missing_is_no_missing_api() {
        let (name, artifact) = in_two_pages(NOT_FOUND);
        let found = client().signatures(&format!("{name}/a/b").parse().unwrap(), &artifact);
        assert!(
            matches!(&found, Err(RegistryError::NotFound { what }) if what.contains("what refers to")),
            "{found:?}"
        );
    }

    /// A registry with one tag. As often as said, somebody else writes it right after us.
    fn contested(theirs: Bytes, times: usize) -> (String, Arc<Mutex<Bytes>>) {
        let tag = Arc::new(Mutex::new(Bytes::new()));
        let (kept, left) = (tag.clone(), Mutex::new(times));
        let name = registry(move |asked, stream| {
            let body = asked.body();
            let (mut kept, mut left) = (kept.lock().unwrap(), left.lock().unwrap());
            match asked.what.as_str() {
                what if what.starts_with("PUT /v2/a/b/manifests/sha256-") => {
                    *kept = if *left > 0 { theirs.clone() } else { body.into() };
                    *left = left.saturating_sub(1);
                    whole(stream, "201 Created", "", b"");
                }
                what if what.starts_with("PUT ") => whole(stream, "201 Created", "", b""),
                what if what.starts_with("HEAD ") => whole(stream, "200 OK", "", b""),
                _ if kept.is_empty() => whole(stream, NOT_FOUND, "", b""),
                _ => whole(stream, "200 OK", "", &kept),
            }
        });
        (name, tag)
    }

    /// Both forms of a signature, each with what another one is written as.
    fn forms() -> [(Signature, Bytes); 2] {
        let layer = Descriptor::of(SIMPLE, b"theirs");
        let simple = Manifest::new(Descriptor::of(IMAGE_CONFIG, b"{}"), vec![layer]).to_bytes();
        let index = json!({ "schemaVersion": 2, "manifests": [Descriptor::of(MANIFEST, b"theirs")] });
        [
            (Signature::Simple { payload: "ours".into(), signature: "ours".into() }, simple),
            (Signature::Bundle { json: "ours".into() }, index.to_string().into()),
        ]
    }

    #[test]
    fn a_signature_that_is_attached_at_the_same_time_stays() {
        for (signature, theirs) in forms() {
            let (name, tag) = contested(theirs, 1);
            let repository = format!("{name}/a/b").parse().unwrap();
            client().attach(&repository, &artifact(), &signature, "2026-01-02T03:04:05Z").unwrap();
            let there: serde_json::Value = serde_json::from_slice(&tag.lock().unwrap()).unwrap();
            let entries = there["layers"].as_array().or(there["manifests"].as_array()).unwrap();
            assert_eq!(entries.len(), 2, "{there:#}");
            assert_eq!(entries[0]["digest"], Digest::of(b"theirs").to_string());
        }
    }

    #[test]
    fn what_is_attached_is_said_to_be_and_nothing_else() {
        for times in 0..TRIES + 2 {
            for (signature, theirs) in forms() {
                let (name, tag) = contested(theirs, times);
                let repository = format!("{name}/a/b").parse().unwrap();
                let said = client().attach(&repository, &artifact(), &signature, "2026-01-02T03:04:05Z");
                let there: serde_json::Value = serde_json::from_slice(&tag.lock().unwrap()).unwrap();
                let entries = there["layers"].as_array().or(there["manifests"].as_array()).unwrap();
                let ours = entries.iter().any(|entry| entry["digest"] != Digest::of(b"theirs").to_string());
                assert_eq!((said.is_ok(), ours), (times < TRIES, times < TRIES), "{times}: {said:?}, {there:#}");
            }
        }
    }

    #[test]
    fn what_never_stays_is_told() {
        for (signature, theirs) in forms() {
            let (name, _) = contested(theirs, usize::MAX);
            let repository = format!("{name}/a/b").parse().unwrap();
            let error = client().attach(&repository, &artifact(), &signature, "2026-01-02T03:04:05Z").unwrap_err();
            assert!(error.to_string().contains("was gone 5 times"), "{error}");
        }
    }
}
