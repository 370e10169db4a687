//! Signatures by key, in the two forms that cosign writes and reads.
//!
//! Both sign the digest of an artifact's manifest. The current form is a Sigstore bundle: a DSSE
//! envelope around an in-toto statement. The older one is a payload of the form "simple signing".

mod bundle;
mod der;
mod key;
mod simple;

use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::Signature;

pub use key::{KeyError, PrivateKey, PublicKey};

/// The media type of a bundle, and the type of the artifact that carries it.
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What a statement is about that says no more than "I sign this".
pub(crate) const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// The media type of a payload of the older form.
pub(crate) const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation that holds its signature.
pub(crate) const SIMPLE_SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The forms of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Sigstore bundle.
    Bundle,
    /// A simple-signing payload.
    Simple,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it is.
    pub repository: &'a Repository,
    /// The digest of its manifest.
    pub manifest: &'a Digest,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// It is no signature of a form that is known here.
    #[error("one is malformed: {0}")]
    Malformed(String),
    /// None of the keys made it.
    #[error("one was made by a key that is not known here")]
    UnknownKey,
    /// It is about something else.
    #[error("one is about another artifact ({0})")]
    OtherSubject(String),
    /// It was made for another repository.
    #[error("one was made for `{0}`, another repository")]
    OtherRepository(String),
    /// It says something else of the artifact than that it is signed.
    #[error("one is a statement of the type `{0}`, no signature")]
    OtherStatement(String),
}

/// Signs.
///
/// # Errors
/// If the system has no random numbers.
pub fn sign(key: &PrivateKey, form: Form, subject: Subject<'_>) -> Result<Signature, KeyError> {
    match form {
        Form::Bundle => bundle::sign(key, subject),
        Form::Simple => simple::sign(key, subject),
    }
}

/// Verifies a signature, and returns which of the keys made it.
///
/// # Errors
/// Why it does not count.
pub fn verify(signature: &Signature, keys: &[&PublicKey], subject: Subject<'_>) -> Result<usize, BadSignature> {
    match signature {
        Signature::Bundle { json } => bundle::verify(json, keys, subject),
        Signature::Simple { payload, signature } => simple::verify(payload, signature, keys, subject),
        Signature::Unreadable { why } => Err(BadSignature::Malformed(why.clone())),
    }
}

/// Whether the name that a signature gives is that of the repository. A name may have a tag or a
/// digest behind it.
fn is_name_of(name: &str, repository: &Repository) -> bool {
    let name = name.split('@').next().unwrap_or(name);
    let path = name.rfind('/').unwrap_or(0);
    let name = name[path..].rfind(':').map_or(name, |colon| &name[..path + colon]);
    let plain = |name: &str| name.replacen("index.docker.io/", "docker.io/", 1);
    plain(name) == plain(&repository.to_string())
}

#[cfg(test)]
mod tests;
