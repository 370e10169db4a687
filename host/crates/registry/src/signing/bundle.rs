//! The current form: a Sigstore bundle, with a DSSE envelope around an in-toto statement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use springline_model::registry::Signature;

use super::{BUNDLE, BadSignature, KeyError, PREDICATE, PrivateKey, PublicKey, Subject, is_name_of};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// What versions before 0.3 called themselves.
const OLDER_BUNDLE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    dsse_envelope: Option<Envelope>,
    verification_material: Material,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<StatementSubject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct StatementSubject {
    #[serde(default)]
    name: String,
    digest: std::collections::BTreeMap<String, String>,
}

pub(super) fn sign(key: &PrivateKey, subject: Subject<'_>) -> Result<Signature, KeyError> {
    let statement = json!({
        "_type": STATEMENT,
        "subject": [{ "name": subject.repository.to_string(), "digest": { "sha256": subject.manifest.hex() } }],
        "predicateType": PREDICATE,
        "predicate": {},
    });
    let statement = statement.to_string();
    let signature = key.sign(&encoded(PAYLOAD_TYPE, statement.as_bytes()))?;
    let bundle = json!({
        "mediaType": BUNDLE,
        "verificationMaterial": { "publicKey": { "hint": key.public().id() } },
        "dsseEnvelope": {
            "payload": STANDARD.encode(statement),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": STANDARD.encode(signature) }],
        },
    });
    Ok(Signature::Bundle { json: bundle.to_string() })
}

pub(super) fn verify(json: &str, keys: &[&PublicKey], subject: Subject<'_>) -> Result<usize, BadSignature> {
    let malformed = |message: &str| BadSignature::Malformed(message.to_owned());
    let bundle: Bundle = serde_json::from_str(json).map_err(|error| BadSignature::Malformed(error.to_string()))?;
    if bundle.media_type != BUNDLE && !bundle.media_type.starts_with(OLDER_BUNDLE) {
        return Err(BadSignature::Malformed(format!("`{}` is no bundle", bundle.media_type.escape_debug())));
    }
    if bundle.verification_material.public_key.is_none() {
        return Err(malformed("it was made with a certificate, and only keys are known here"));
    }
    let envelope = bundle.dsse_envelope.ok_or_else(|| malformed("there is no envelope in it"))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(malformed("its payload is no in-toto statement"));
    }
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| malformed("its payload is no base64"))?;
    // Nothing of the payload is looked at before a key vouches for it.
    let message = encoded(PAYLOAD_TYPE, &payload);
    let by = |signature: &EnvelopeSignature| {
        let signature = STANDARD.decode(&signature.sig).ok()?;
        keys.iter().position(|key| key.verifies(&message, &signature))
    };
    let key = envelope.signatures.iter().take(8).find_map(by).ok_or(BadSignature::UnknownKey)?;
    check(&payload, subject).map(|()| key)
}

fn check(payload: &[u8], subject: Subject<'_>) -> Result<(), BadSignature> {
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|error| BadSignature::Malformed(error.to_string()))?;
    if statement.kind != STATEMENT || statement.predicate_type != PREDICATE {
        let kind = if statement.kind == STATEMENT { statement.predicate_type } else { statement.kind };
        return Err(BadSignature::OtherStatement(kind.escape_debug().to_string()));
    }
    let hex = subject.manifest.hex();
    let about = statement.subject.iter().find(|about| about.digest.get("sha256") == Some(&hex));
    let Some(about) = about else {
        let first = statement.subject.first().and_then(|about| about.digest.get("sha256"));
        let first = first.map(|digest| digest.chars().take(12).flat_map(char::escape_debug).collect());
        return Err(BadSignature::OtherSubject(first.unwrap_or_else(|| "it names no digest".into())));
    };
    // cosign leaves the name empty; what is there was signed and has to be right.
    if !about.name.is_empty() && !is_name_of(&about.name, subject.repository) {
        return Err(BadSignature::OtherRepository(about.name.escape_debug().to_string()));
    }
    Ok(())
}

/// What is signed of a DSSE envelope: its type and its payload, each after its length.
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
