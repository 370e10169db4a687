//! The keys by which the server signs the tokens of service accounts, and knows them again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ALGORITHM, EcdsaKeyPair, KeyPair as _};

/// What says, in DER, that a point on P-256 follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A pair of keys in PEM.
pub struct Keys {
    pub private: String,
    pub public: String,
}

/// A new pair on P-256.
pub fn p256() -> Keys {
    let random = SystemRandom::new();
    let private = EcdsaKeyPair::generate_pkcs8(&ALGORITHM, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ALGORITHM, private.as_ref(), &random).unwrap();
    Keys {
        private: pem("PRIVATE KEY", private.as_ref()),
        public: pem("PUBLIC KEY", &[&P256[..], pair.public_key().as_ref()].concat()),
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}
