//! What a registry answers, and what claims to be a signature: whatever it is, it can be refused in words
//! that a terminal can show.

use bytes::Bytes;
use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::Signature;

use crate::registry::read_artifact;
use crate::registry::signing::{PublicKey, Subject, verify};

/// The key that signed what is valid in the corpus. Nobody has its other half any more.
const KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAlPKsCK2iSzVTalnsQqplxhRjf0UM/JUopph23TzM8yM=\n\
-----END PUBLIC KEY-----\n";

/// Reads the bytes as a manifest, a key, a bundle, and as a signature with the payload it is of, which are
/// divided by a line break.
pub fn check(data: &[u8]) {
    match read_artifact("fuzzed", Bytes::copy_from_slice(data)) {
        Ok(artifact) => assert_eq!(artifact.bytes, data),
        Err(error) => can_be_shown(&error.to_string()),
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = PublicKey::from_pem(text) {
        can_be_shown(&error.to_string());
    }
    verifies(&Signature::Bundle { json: text.to_owned() });
    if let Some((signature, payload)) = text.split_once('\n') {
        verifies(&Signature::Simple { payload: payload.to_owned(), signature: signature.to_owned() });
    }
}

fn verifies(signature: &Signature) {
    let key = PublicKey::from_pem(KEY).expect("it is a key");
    let repository: Repository = "registry.example/team/step".parse().expect("it is a repository");
    let manifest = Digest::of("manifest");
    if let Err(error) = verify(signature, &[&key], Subject { repository: &repository, manifest: &manifest }) {
        can_be_shown(&error.to_string());
    }
    let other = Digest::of("another");
    let about_other = verify(signature, &[&key], Subject { repository: &repository, manifest: &other });
    assert!(about_other.is_err(), "a signature counts for what it is not about");
}

fn can_be_shown(message: &str) {
    assert!(!message.contains(char::is_control), "a control character would reach the terminal: {message:?}");
}
