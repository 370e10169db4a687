//! Writing: blobs, manifests and tags.

use bytes::Bytes;
use reqwest::Method;
use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::RegistryError;

use crate::auth::Action;
use crate::manifest::MAX_MANIFEST;
use crate::transport::{Answer, Ask, Place, Transport, location};

/// What is read of an answer that should say nothing.
const MAX_ANSWER: u64 = 64 << 10;

impl Transport {
    /// Sends a blob, unless the registry has it.
    pub(crate) async fn put_blob(
        &self,
        repository: &Repository,
        bytes: &Bytes,
        what: &str,
    ) -> Result<(), RegistryError> {
        let digest = Digest::of(bytes);
        let push = |method: Method, place: Place| Ask {
            repository,
            action: Action::Push,
            method,
            place,
            accept: None,
            body: None,
            what,
            limit: MAX_ANSWER,
        };
        match self.send(push(Method::HEAD, Place::Repository(format!("blobs/{digest}")))).await {
            Ok(_) => return Ok(()),
            Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let begun = self.send(push(Method::POST, Place::Repository("blobs/uploads/".into()))).await?;
        let mut url = location(what, &begun.headers, &begun.url)?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let body = Some((bytes.clone(), "application/octet-stream"));
        self.send(Ask { body, ..push(Method::PUT, Place::Url(url)) }).await.map(drop)
    }

    /// Writes a manifest under a tag or its digest.
    pub(crate) async fn put_manifest(
        &self,
        repository: &Repository,
        name: &str,
        (bytes, media_type): (&Bytes, &str),
        what: &str,
    ) -> Result<Answer, RegistryError> {
        self.send(Ask {
            repository,
            action: Action::Push,
            method: Method::PUT,
            place: Place::Repository(format!("manifests/{name}")),
            accept: None,
            body: Some((bytes.clone(), media_type)),
            what,
            limit: MAX_ANSWER,
        })
        .await
    }

    /// Reads a manifest by a tag or its digest; by its digest, checked.
    pub(crate) async fn manifest(
        &self,
        repository: &Repository,
        name: &str,
        what: &str,
    ) -> Result<Bytes, RegistryError> {
        let mut ask = Ask::get(repository, format!("manifests/{name}"), what, MAX_MANIFEST);
        ask.accept = Some("application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json");
        let bytes = self.send(ask).await?.body;
        match name.parse() {
            Ok(expected) => checked(bytes, expected, what),
            Err(_) => Ok(bytes),
        }
    }

    /// Reads a blob of a known size, and checks it.
    pub(crate) async fn blob(
        &self,
        repository: &Repository,
        digest: Digest,
        size: u64,
        what: &str,
    ) -> Result<Bytes, RegistryError> {
        let ask = Ask::get(repository, format!("blobs/{digest}"), what, size);
        checked(self.send(ask).await?.body, digest, what)
    }
}

fn checked(bytes: Bytes, expected: Digest, what: &str) -> Result<Bytes, RegistryError> {
    let found = Digest::of(&bytes);
    if found == expected { Ok(bytes) } else { Err(RegistryError::Mismatch { what: what.to_owned(), expected, found }) }
}
