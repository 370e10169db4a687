//! A registry in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use springline_model::Digest;
use springline_model::reference::{Repository, Wanted, version_of};
use springline_model::registry::{Artifact, NewArtifact, Progress, Registry, RegistryError, Signature};

/// A registry that keeps everything in memory. Its manifests are no OCI manifests: nobody but the
/// crate that speaks to registries looks into them.
#[derive(Default)]
pub struct FakeRegistry {
    repositories: Mutex<BTreeMap<Repository, Contents>>,
}

#[derive(Default)]
struct Contents {
    artifacts: BTreeMap<Digest, Artifact>,
    components: BTreeMap<Digest, Bytes>,
    tags: BTreeMap<String, Digest>,
    signatures: BTreeMap<Digest, Vec<Signature>>,
}

impl FakeRegistry {
    fn repositories(&self) -> MutexGuard<'_, BTreeMap<Repository, Contents>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        repository: &Repository,
        what: impl std::fmt::Display,
        read: impl FnOnce(&Contents) -> Option<T>,
    ) -> Result<T, RegistryError> {
        let missing = RegistryError::NotFound { what: format!("{repository}{what}") };
        self.repositories().get(repository).and_then(read).ok_or(missing)
    }

    /// Takes the signatures of an artifact away, as one who can write to the registry could.
    pub fn strip(&self, repository: &Repository, artifact: &Digest) {
        if let Some(contents) = self.repositories().get_mut(repository) {
            contents.signatures.remove(artifact);
        }
    }
}

impl Registry for FakeRegistry {
    fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        self.read(repository, "", |contents| Some(contents.tags.keys().cloned().collect()))
    }

    fn resolve(&self, repository: &Repository, wanted: &Wanted) -> Result<(Artifact, Option<String>), RegistryError> {
        let what = match wanted {
            Wanted::Tag(tag) => format!(":{tag}"),
            Wanted::Range(range) => format!(":{range}"),
            Wanted::Digest(digest) => format!("@{digest}"),
        };
        self.read(repository, what, |contents| {
            let tag = match wanted {
                Wanted::Digest(digest) => return Some((contents.artifacts.get(digest)?.clone(), None)),
                Wanted::Tag(tag) => tag.clone(),
                Wanted::Range(range) => {
                    let versions = contents.tags.keys().filter_map(|tag| Some((version_of(tag)?, tag)));
                    versions.filter(|(version, _)| range.matches(version)).max()?.1.clone()
                }
            };
            let artifact = contents.artifacts.get(contents.tags.get(&tag)?)?.clone();
            Some((artifact, Some(tag)))
        })
    }

    fn component(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        progress: Progress<'_>,
    ) -> Result<Bytes, RegistryError> {
        progress(artifact.size);
        self.read(repository, artifact.component, |contents| contents.components.get(&artifact.component).cloned())
    }

    fn push(
        &self,
        repository: &Repository,
        tag: &str,
        artifact: &NewArtifact,
        progress: Progress<'_>,
    ) -> Result<Artifact, RegistryError> {
        progress(artifact.component.len() as u64);
        let component = Digest::of(&artifact.component);
        let bytes = Bytes::from(format!("{component} {:?}", artifact.annotations));
        let pushed = Artifact {
            manifest: Digest::of(&bytes),
            bytes,
            component,
            size: artifact.component.len() as u64,
            annotations: artifact.annotations.clone(),
        };
        let mut repositories = self.repositories();
        let contents = repositories.entry(repository.clone()).or_default();
        contents.components.insert(component, artifact.component.clone());
        contents.artifacts.insert(pushed.manifest, pushed.clone());
        contents.tags.insert(tag.to_owned(), pushed.manifest);
        Ok(pushed)
    }

    fn tag(&self, repository: &Repository, artifact: &Artifact, tag: &str) -> Result<(), RegistryError> {
        let mut repositories = self.repositories();
        repositories.entry(repository.clone()).or_default().tags.insert(tag.to_owned(), artifact.manifest);
        Ok(())
    }

    fn signatures(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError> {
        self.read(repository, artifact, |contents| Some(contents.signatures.get(artifact).cloned().unwrap_or_default()))
    }

    fn attach(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        signature: &Signature,
        _: &str,
    ) -> Result<(), RegistryError> {
        let mut repositories = self.repositories();
        let contents = repositories.entry(repository.clone()).or_default();
        contents.signatures.entry(artifact.manifest).or_default().push(signature.clone());
        Ok(())
    }
}
