//! The older form: a payload that names the repository and the digest, and a signature of its
//! bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use springline_model::registry::Signature;

use super::{BadSignature, KeyError, PrivateKey, PublicKey, Subject, is_name_of};

const KIND: &str = "cosign container image signature";
/// What cosign calls the kind when it signs the newer way.
const KIND_URL: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    #[serde(default)]
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
struct Identity {
    #[serde(default, rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

pub(super) fn sign(key: &PrivateKey, subject: Subject<'_>) -> Result<Signature, KeyError> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": subject.repository.to_string() },
            "image": { "docker-manifest-digest": subject.manifest.to_string() },
            "type": KIND,
        },
        "optional": null,
    });
    let payload = payload.to_string();
    let signature = STANDARD.encode(key.sign(payload.as_bytes())?);
    Ok(Signature::Simple { payload, signature })
}

pub(super) fn verify(
    payload: &str,
    signature: &str,
    keys: &[&PublicKey],
    subject: Subject<'_>,
) -> Result<usize, BadSignature> {
    let signature =
        STANDARD.decode(signature).map_err(|_| BadSignature::Malformed("the signature is no base64".into()))?;
    let key = keys.iter().position(|key| key.verifies(payload.as_bytes(), &signature));
    let key = key.ok_or(BadSignature::UnknownKey)?;
    let Payload { critical } =
        serde_json::from_str(payload).map_err(|error| BadSignature::Malformed(error.to_string()))?;
    if critical.kind != KIND && critical.kind != KIND_URL {
        return Err(BadSignature::OtherStatement(critical.kind.escape_debug().to_string()));
    }
    if critical.image.digest != subject.manifest.to_string() {
        return Err(BadSignature::OtherSubject(
            critical.image.digest.chars().take(19).flat_map(char::escape_debug).collect(),
        ));
    }
    let name = &critical.identity.reference;
    if !name.is_empty() && !is_name_of(name, subject.repository) {
        return Err(BadSignature::OtherRepository(name.escape_debug().to_string()));
    }
    Ok(key)
}
