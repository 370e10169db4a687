use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

fn subject<'a>(repository: &'a Repository, manifest: &'a Digest) -> Subject<'a> {
    Subject { repository, manifest }
}

fn place() -> (Repository, Digest) {
    ("r.io/team/step".parse().unwrap(), Digest::of("manifest"))
}

#[test]
fn a_signature_counts_for_its_key_its_artifact_and_its_repository() {
    let (repository, manifest) = place();
    let (key, _) = PrivateKey::generate().unwrap();
    let (other, _) = PrivateKey::generate().unwrap();
    let (public, stranger) = (key.public(), other.public());
    for form in [Form::Bundle, Form::Simple] {
        let signature = sign(&key, form, subject(&repository, &manifest)).unwrap();
        let verify = |keys: &[&PublicKey], repository: &Repository, manifest: &Digest| {
            super::verify(&signature, keys, subject(repository, manifest))
        };
        assert_eq!(verify(&[&stranger, &public], &repository, &manifest), Ok(1));
        assert_eq!(verify(&[&stranger], &repository, &manifest), Err(BadSignature::UnknownKey));
        assert_eq!(verify(&[], &repository, &manifest), Err(BadSignature::UnknownKey));
        let elsewhere = "r.io/team/other".parse().unwrap();
        assert!(matches!(verify(&[&public], &elsewhere, &manifest), Err(BadSignature::OtherRepository(_))));
        let another = Digest::of("another");
        assert!(matches!(verify(&[&public], &repository, &another), Err(BadSignature::OtherSubject(_))));
    }
}

#[test]
fn no_changed_byte_passes() {
    let (repository, manifest) = place();
    let (key, _) = PrivateKey::generate().unwrap();
    let public = key.public();
    let Signature::Simple { payload, signature } = sign(&key, Form::Simple, subject(&repository, &manifest)).unwrap()
    else {
        panic!()
    };
    for at in 0..payload.len() {
        let mut changed = payload.clone().into_bytes();
        changed[at] ^= 1;
        let changed = Signature::Simple { payload: String::from_utf8(changed).unwrap(), signature: signature.clone() };
        assert!(verify(&changed, &[&public], subject(&repository, &manifest)).is_err(), "byte {at}");
    }
}

/// A bundle that is right but for what a test changes in its statement.
fn bundle(key: &PrivateKey, statement: &Value) -> Value {
    let statement = statement.to_string();
    let kind = "application/vnd.in-toto+json";
    let message = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": { "publicKey": { "hint": "" }, "tlogEntries": [] },
        "dsseEnvelope": {
            "payload": STANDARD.encode(&statement),
            "payloadType": kind,
            "signatures": [{ "sig": STANDARD.encode(key.sign(message.as_bytes()).unwrap()) }],
        },
    })
}

#[test]
fn a_bundle_says_nothing_but_that_this_artifact_is_signed() {
    let (repository, manifest) = place();
    let (key, _) = PrivateKey::generate().unwrap();
    let public = key.public();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": manifest.hex() } }],
        "predicateType": PREDICATE,
        "predicate": {},
    });
    let verify = |bundle: &Value| {
        let signature = Signature::Bundle { json: bundle.to_string() };
        super::verify(&signature, &[&public], subject(&repository, &manifest))
    };
    assert_eq!(verify(&bundle(&key, &statement)), Ok(0), "as cosign writes it, without a name");
    let mut provenance = statement.clone();
    provenance["predicateType"] = json!("https://slsa.dev/provenance/v1");
    assert!(matches!(verify(&bundle(&key, &provenance)), Err(BadSignature::OtherStatement(_))));
    let mut nobody = statement.clone();
    nobody["subject"] = json!([]);
    assert!(matches!(verify(&bundle(&key, &nobody)), Err(BadSignature::OtherSubject(_))));

    let right = bundle(&key, &statement);
    let refuses = |change: &dyn Fn(&mut Value)| {
        let mut changed = right.clone();
        change(&mut changed);
        assert!(matches!(verify(&changed), Err(BadSignature::Malformed(_) | BadSignature::UnknownKey)), "{changed}");
    };
    refuses(&|b| b["mediaType"] = json!("application/json"));
    refuses(&|b| b["verificationMaterial"] = json!({ "certificate": {} }));
    refuses(&|b| b["dsseEnvelope"] = Value::Null);
    refuses(&|b| b["dsseEnvelope"]["signatures"] = json!([]));
    refuses(&|b| b["dsseEnvelope"]["signatures"][0]["sig"] = json!("!"));
    refuses(&|b| b["dsseEnvelope"]["payload"] = json!("!"));
    refuses(&|b| b["dsseEnvelope"]["payloadType"] = json!("text/plain"));
    refuses(&|b| *b = json!([]));
}

#[test]
fn keys_survive_being_written_and_read() {
    let (key, pem) = PrivateKey::generate().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
    assert_eq!(public.id(), PrivateKey::from_pem(&pem).unwrap().public().id());
    assert_eq!(public.algorithm(), "ed25519");
    assert!(!format!("{key:?}").contains(&pem[28..60]), "a private key is not for the log");
}

#[test]
fn what_is_no_key_is_named() {
    let (key, pem) = PrivateKey::generate().unwrap();
    let public = key.public().to_pem();
    assert_eq!(PublicKey::from_pem("hello").unwrap_err(), KeyError::NoPem);
    assert!(matches!(PublicKey::from_pem(&pem), Err(KeyError::Label { .. })));
    assert!(matches!(PrivateKey::from_pem(&public), Err(KeyError::Label { .. })));
    let encrypted = pem.replace("PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY");
    assert_eq!(PrivateKey::from_pem(&encrypted).unwrap_err(), KeyError::Encrypted);
    let cut = der::to_pem("PUBLIC KEY", &der::from_pem(&public).unwrap().1[..40]);
    assert_eq!(PublicKey::from_pem(&cut).unwrap_err(), KeyError::Kind);
    assert_eq!(PublicKey::from_pem(&"x".repeat(1 << 20)).unwrap_err(), KeyError::NoPem);
}

#[test]
fn names_with_tags_and_digests_are_names() {
    let repository = "r.io:5000/team/step".parse().unwrap();
    for name in ["r.io:5000/team/step", "r.io:5000/team/step:1.2", "r.io:5000/team/step@sha256:00"] {
        assert!(is_name_of(name, &repository), "{name}");
    }
    for name in ["r.io:5000/team/other", "team/step", "r.io/team/step", ""] {
        assert!(!is_name_of(name, &repository), "{name}");
    }
    assert!(is_name_of("index.docker.io/library/x", &"docker.io/library/x".parse().unwrap()));
}
