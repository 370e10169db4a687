//! Encrypted requests, to a real TLS server whose certificate the test makes.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use springline_model::capability::{Grants, HttpGrant, Scheme};
use springline_model::plugin::Fault;
use springline_model::port::Plugins as _;
use springline_runtime::{Addresses, Network, Resolver};

use crate::setup::Setup;

/// Every name is at this machine.
struct Home;

impl Resolver for Home {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut whole = vec![tag];
    match content.len() {
        short @ 0..128 => whole.push(short as u8),
        middle @ 128..256 => whole.extend([0x81, middle as u8]),
        long => whole.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    whole.extend(content);
    whole
}

/// A certificate that signs itself, for this name, and its key.
fn certificate(name: &str) -> (Vec<u8>, Vec<u8>) {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
    let (sequence, oid) = (|parts: &[&[u8]]| der(0x30, parts), |bytes: &[u8]| der(0x06, &[bytes]));
    let algorithm = sequence(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    let common_name = sequence(&[&oid(&[0x55, 4, 3]), &der(0x0c, &[b"a test"])]);
    let subject = sequence(&[&der(0x31, &[&common_name])]);
    let validity = sequence(&[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"491231235959Z"])]);
    let curve =
        sequence(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), &oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])]);
    let public = sequence(&[&curve, &der(0x03, &[&[0], pair.public_key().as_ref()])]);
    let names = der(0x04, &[&sequence(&[&der(0x82, &[name.as_bytes()])])]);
    let extensions = der(0xa3, &[&sequence(&[&sequence(&[&oid(&[0x55, 0x1d, 0x11]), &names])])]);
    let version = der(0xa0, &[&[2, 1, 2]]);
    let body = sequence(&[&version, &[2, 1, 1], &algorithm, &subject, &validity, &subject, &public, &extensions]);
    let signature = pair.sign(&random, &body).unwrap();
    let whole = sequence(&[&body, &algorithm, &der(0x03, &[&[0], signature.as_ref()])]);
    (whole, key.as_ref().to_vec())
}

/// Serves one answer to every connection, for this name; returns the port and a file with the
/// certificate.
fn serve(name: &str, directory: &Path) -> (u16, PathBuf) {
    let (certificate, key) = certificate(name);
    let pem = directory.join("authority.pem");
    let text = STANDARD.encode(&certificate);
    std::fs::write(&pem, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret");
            let _ = stream.flush();
        }
    });
    (port, pem)
}

#[test]
fn a_server_must_prove_its_name_to_an_authority_that_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let (port, pem) = serve("good.example", directory.path());
    let missing = directory.path().join("missing.pem");
    for (host, authorities, expected) in [
        ("good.example", vec![pem.clone()], Ok("200:secret")),
        // Another name than the certificate has, and a certificate that nobody vouches for.
        ("evil.example", vec![pem.clone()], Err("TlsCertificateError")),
        ("good.example", Vec::new(), Err("")),
        ("good.example", vec![missing], Err("missing.pem")),
    ] {
        let network = Network { resolver: Arc::new(Home), authorities };
        let Some(setup) = Setup::networked(network) else { return };
        let ops = json!([{ "request": { "url": format!("https://{host}:{port}/") } }]);
        let mut call = setup.call(setup.probe("probe-net"), &json!({ "ops": ops }));
        let grant = HttpGrant {
            scheme: Scheme::Https,
            host: host.into(),
            ports: vec![port],
            methods: vec!["GET".into()],
            private: true,
        };
        call.grants = Grants { http: vec![grant], ..Grants::default() };
        match (setup.runtime.build(&call, setup.tree(&[])), expected) {
            (Ok(built), Ok(summary)) => assert_eq!(built.value.summary, summary),
            (Err(error), Err(word)) => {
                assert!(matches!(error.fault, Fault::Failed { .. }) && error.to_string().contains(word), "{error:?}");
                assert!(!error.log.is_empty(), "the log says why");
            }
            (result, expected) => panic!("{host}: {result:?}, not {expected:?}"),
        }
    }
}
