//! The port [`Registry`], over HTTP.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use semver::Version;
use serde::Deserialize;
use springline_model::reference::{Repository, Wanted, is_tag, version_of};
use springline_model::registry::{Artifact, NewArtifact, Progress, Registry, RegistryError, Signature};
use springline_model::{Cancel, Digest};
use tokio::runtime::Runtime;

use crate::manifest::{MANIFEST, MAX_COMPONENT, build, read_artifact};
use crate::pages::Pages;
use crate::transport::{Ask, Transport, malformed};

/// How often a wait looks whether it should end, and tells how far it is.
const TICK: Duration = Duration::from_millis(100);
/// How many tags are read of one repository.
const MAX_TAGS: usize = 100_000;
/// The largest page of tags that is read, in bytes.
const MAX_PAGE: u64 = 4 << 20;

/// What a client of registries needs to know.
#[derive(Debug, Clone, Default)]
pub struct RegistryConfig {
    /// Registries of which is said whether they are reached without TLS. By default those on this
    /// machine are, and no others.
    pub plain_http: BTreeMap<String, bool>,
    /// Files of certificates (PEM) whose authorities are trusted besides the system's.
    pub authorities: Vec<PathBuf>,
    /// Ends what is under way.
    pub cancel: Cancel,
}

/// Registries that speak the OCI distribution protocol.
pub struct OciRegistry {
    pub(crate) transport: Transport,
    executor: Runtime,
    cancel: Cancel,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl OciRegistry {
    /// A client. Nothing is connected to yet.
    ///
    /// # Errors
    /// What the operating system reports; a file of certificates that can't be read or has none.
    pub fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        // Whoever was first has set the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |message: String| RegistryError::Unreachable { registry: "any".into(), message };
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let executor = executor.map_err(|error| failed(error.to_string()))?;
        let transport = Transport::new(config.plain_http, &config.authorities).map_err(failed)?;
        Ok(Self { transport, executor, cancel: config.cancel })
    }

    /// Waits for an exchange, tells how far it is, and ends it if somebody asks.
    pub(crate) fn wait<T>(
        &self,
        progress: Option<Progress<'_>>,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let moved = &self.transport.moved;
        moved.store(0, Ordering::Relaxed);
        let tell = || {
            let now = moved.swap(0, Ordering::Relaxed);
            if let (Some(progress), 1..) = (progress, now) {
                progress(now);
            }
        };
        self.executor.block_on(async {
            let mut work = pin!(work);
            loop {
                let waited = tokio::time::timeout(TICK, work.as_mut()).await;
                tell();
                match waited {
                    Ok(done) => return done,
                    Err(_) if self.cancel.is_cancelled() => return Err(RegistryError::Cancelled),
                    Err(_) => {}
                }
            }
        })
    }

    async fn all_tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        let what = format!("the tags of {repository}");
        let mut tags = Vec::new();
        let mut pages = Pages::new(Ask::get(repository, "tags/list?n=1000".into(), &what, MAX_PAGE));
        let named = |error: RegistryError| match error {
            RegistryError::NotFound { .. } => RegistryError::NotFound { what: format!("repository {repository}") },
            error => error,
        };
        while let Some(page) = pages.next(&self.transport).await.map_err(named)? {
            let page: Tags = serde_json::from_slice(&page).map_err(|error| malformed(&what, error.to_string()))?;
            tags.extend(page.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(tag)));
            if tags.len() > MAX_TAGS {
                return Err(malformed(&what, format!("there are more than {MAX_TAGS}")));
            }
        }
        Ok(tags)
    }

    async fn newest(
        &self,
        repository: &Repository,
        range: &springline_model::reference::Range,
    ) -> Result<String, RegistryError> {
        let tags = self.all_tags(repository).await?;
        let versions = tags.iter().filter_map(|tag| Some((version_of(tag)?, tag)));
        let newest = versions.filter(|(version, _)| range.matches(version)).max_by(newer);
        newest.map(|(_, tag)| tag.clone()).ok_or_else(|| RegistryError::NotFound {
            what: format!("a version of {repository} in the range `{range}`, among its {} tags,", tags.len()),
        })
    }
}

/// Versions by precedence; of equal ones the tag decides, so that the answer is always the same.
fn newer(one: &(Version, &String), other: &(Version, &String)) -> std::cmp::Ordering {
    one.0.cmp(&other.0).then_with(|| other.1.cmp(one.1))
}

impl Registry for OciRegistry {
    fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        self.wait(None, self.all_tags(repository))
    }

    fn resolve(&self, repository: &Repository, wanted: &Wanted) -> Result<(Artifact, Option<String>), RegistryError> {
        self.wait(None, async {
            let (name, tag) = match wanted {
                Wanted::Digest(digest) => (digest.to_string(), None),
                Wanted::Tag(tag) => (tag.clone(), Some(tag.clone())),
                Wanted::Range(range) => {
                    let tag = self.newest(repository, range).await?;
                    (tag.clone(), Some(tag))
                }
            };
            let what = match &tag {
                Some(tag) => format!("{repository}:{tag}"),
                None => format!("{repository}@{name}"),
            };
            let bytes = self.transport.manifest(repository, &name, &what).await?;
            Ok((read_artifact(&what, bytes)?, tag))
        })
    }

    fn component(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        progress: Progress<'_>,
    ) -> Result<Bytes, RegistryError> {
        let what = format!("the component {} of {repository}", artifact.component.short());
        let size = artifact.size.min(MAX_COMPONENT);
        self.wait(Some(progress), self.transport.blob(repository, artifact.component, size, &what))
    }

    fn push(
        &self,
        repository: &Repository,
        tag: &str,
        artifact: &NewArtifact,
        progress: Progress<'_>,
    ) -> Result<Artifact, RegistryError> {
        let what = format!("{repository}:{tag}");
        if artifact.component.len() as u64 > MAX_COMPONENT {
            return Err(RegistryError::TooLarge { what, limit: MAX_COMPONENT });
        }
        let (config, manifest) = build(artifact);
        self.wait(Some(progress), async {
            self.transport.put_blob(repository, &artifact.component, &what).await?;
            self.transport.put_blob(repository, &config, &what).await?;
            self.transport.put_manifest(repository, tag, (&manifest, MANIFEST), &what).await
        })?;
        read_artifact(&what, manifest)
    }

    fn tag(&self, repository: &Repository, artifact: &Artifact, tag: &str) -> Result<(), RegistryError> {
        let what = format!("{repository}:{tag}");
        let put = self.transport.put_manifest(repository, tag, (&artifact.bytes, MANIFEST), &what);
        self.wait(None, put).map(drop)
    }

    fn signatures(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError> {
        self.wait(None, self.attached(repository, artifact))
    }

    fn attach(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        signature: &Signature,
        created: &str,
    ) -> Result<(), RegistryError> {
        self.wait(None, async {
            match signature {
                Signature::Bundle { json } => self.attach_bundle(repository, artifact, json, created).await,
                Signature::Simple { payload, signature } => {
                    self.attach_simple(repository, artifact, payload, signature).await
                }
                Signature::Unreadable { why } => Err(malformed("a signature that could not be read", why.clone())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_versions_the_same_tag_is_taken_every_time() {
        let tags = ["v1.2.3".to_owned(), "1.2.3".to_owned()];
        let pick = |order: [usize; 2]| {
            let all = order.iter().map(|at| (version_of(&tags[*at]).unwrap(), &tags[*at]));
            all.max_by(newer).unwrap().1.clone()
        };
        assert_eq!(pick([0, 1]), pick([1, 0]));
    }
}
