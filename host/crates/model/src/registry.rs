//! Registries: where plugins are shared. The port, and what crosses it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::Digest;
use crate::reference::{Repository, Wanted};

/// Why a registry did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// What.
        what: String,
    },
    /// The registry wants to know who asks, or does not let them.
    #[error("registry {registry} does not let {who} {what}", who = if *.anonymous { "an anonymous user" } else { "this user" })]
    Unauthorized {
        /// The registry.
        registry: String,
        /// What was tried.
        what: String,
        /// Whether no credentials were sent.
        anonymous: bool,
    },
    /// The credentials for the registry can't be read.
    #[error("the credentials for {registry} can't be read: {message}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why not.
        message: String,
    },
    /// It would be sent in the clear.
    #[error("{what} would be reached without TLS")]
    Insecure {
        /// What.
        what: String,
    },
    /// More bytes than are taken.
    #[error("{what} has more than {limit} bytes, which is the most that is taken")]
    TooLarge {
        /// What.
        what: String,
        /// The most.
        limit: u64,
    },
    /// It is something, but no Wasm artifact.
    #[error("{what} is no Wasm artifact: {why}")]
    NotWasm {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// The bytes are not those of the digest.
    #[error("{what}: the registry gave bytes with the digest {found}, and {expected} was asked for")]
    Mismatch {
        /// What.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// No answer, or none in time.
    #[error("registry {registry} can't be reached: {message}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why not.
        message: String,
    },
    /// An answer that is not what the protocol says.
    #[error("{what}: the registry's answer makes no sense: {message}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// The registry said no.
    #[error("{what}: the registry refused: {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        message: String,
    },
    /// Stopped by the user.
    #[error("cancelled")]
    Cancelled,
}

/// A Wasm artifact of a registry: its manifest, checked against its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The manifest itself.
    pub bytes: Bytes,
    /// The digest of the component.
    pub component: Digest,
    /// The length of the component in bytes.
    pub size: u64,
    /// What the publisher wrote beside it. Claims, not facts.
    pub annotations: BTreeMap<String, String>,
}

/// An artifact to be pushed.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// The component.
    pub component: Bytes,
    /// What other tools call the file.
    pub file_name: Option<String>,
    /// When it was made, as RFC 3339.
    pub created: String,
    /// The interfaces it exports.
    pub exports: Vec<String>,
    /// The interfaces it imports.
    pub imports: Vec<String>,
    /// The world it was made for, if that can be told.
    pub target: Option<String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A signature as it was found or made: bytes that prove nothing until they are verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", tag = "form")]
pub enum Signature {
    /// A Sigstore bundle: JSON.
    Bundle {
        /// The JSON.
        json: String,
    },
    /// A payload of the form "simple signing", and its signature in base64.
    Simple {
        /// The payload: JSON.
        payload: String,
        /// The signature.
        signature: String,
    },
    /// Something that is attached as a signature and could not be read.
    Unreadable {
        /// Why not.
        why: String,
    },
}

/// Told how many bytes went over the wire since the last time.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// A registry, whichever one a repository is in. Every answer is bounded in size and time, and
/// every byte that is named by a digest is checked against it.
pub trait Registry: Send + Sync {
    /// All tags of a repository.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError>;

    /// The artifact that a tag, a range or a digest names today, and the tag that it was found by.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn resolve(&self, repository: &Repository, wanted: &Wanted) -> Result<(Artifact, Option<String>), RegistryError>;

    /// The bytes of an artifact's component.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn component(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        progress: Progress<'_>,
    ) -> Result<Bytes, RegistryError>;

    /// Pushes an artifact under a tag. What is there already is not sent again.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn push(
        &self,
        repository: &Repository,
        tag: &str,
        artifact: &NewArtifact,
        progress: Progress<'_>,
    ) -> Result<Artifact, RegistryError>;

    /// Lets a tag point at an artifact that is there.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn tag(&self, repository: &Repository, artifact: &Artifact, tag: &str) -> Result<(), RegistryError>;

    /// Every signature that is attached to an artifact, in either form. None is no error.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn signatures(&self, repository: &Repository, artifact: &Digest) -> Result<Vec<Signature>, RegistryError>;

    /// Attaches a signature to an artifact, beside those that are there.
    ///
    /// # Errors
    /// See [`RegistryError`].
    fn attach(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        signature: &Signature,
        created: &str,
    ) -> Result<(), RegistryError>;
}
