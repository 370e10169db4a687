//! Keys: Ed25519, which `springline key new` makes, and ECDSA on P-256, which cosign makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use springline_model::Digest;

use super::der::{ED25519_PRIVATE, ED25519_PUBLIC, MAX_PEM, P256_PUBLIC, from_pem, to_pem};

/// Why a key can't be used or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no PEM.
    #[error("it is no PEM: there is no block that starts with `-----BEGIN`")]
    NoPem,
    /// It is PEM of something else.
    #[error("it is a `{found}`, and a `{wanted}` is needed")]
    Label {
        /// What it is.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// It is encrypted.
    #[error("it is an encrypted key of cosign, which only cosign reads")]
    Encrypted,
    /// It is a key of another kind.
    #[error("it is neither an Ed25519 nor a P-256 key, and no other kind is known here")]
    Kind,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

enum Kind {
    Ed25519,
    P256,
}

/// A public key.
pub struct PublicKey {
    kind: Kind,
    /// As SPKI.
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// What it is instead.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        const WANTED: &str = "PUBLIC KEY";
        let (label, der) = bounded(text).and_then(from_pem).ok_or(KeyError::NoPem)?;
        if label != WANTED {
            return Err(KeyError::Label { found: shown(label), wanted: WANTED });
        }
        let kind = match der.len() {
            44 if der.starts_with(ED25519_PUBLIC) => Kind::Ed25519,
            91 if der.starts_with(P256_PUBLIC) && der[P256_PUBLIC.len()] == 4 => Kind::P256,
            _ => return Err(KeyError::Kind),
        };
        Ok(Self { kind, der })
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        to_pem("PUBLIC KEY", &self.der)
    }

    /// What tells the key from others: the SHA-256 of its SPKI, in base64, as cosign writes it.
    pub fn id(&self) -> String {
        STANDARD.encode(Digest::of(&self.der).as_bytes())
    }

    /// Which kind of key it is.
    pub const fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::Ed25519 => "ed25519",
            Kind::P256 => "ecdsa-p256",
        }
    }

    /// Whether the key signed the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.kind {
            Kind::Ed25519 => {
                UnparsedPublicKey::new(&ED25519, &self.der[ED25519_PUBLIC.len()..]).verify(message, signature)
            }
            Kind::P256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.der[P256_PUBLIC.len()..])
                .verify(message, signature),
        }
        .is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.id())
    }
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// A private key.
pub struct PrivateKey {
    pair: Pair,
}

impl PrivateKey {
    /// Makes a new Ed25519 key, and gives it in PEM (PKCS#8) as well: the only way to see it.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn generate() -> Result<(Self, String), KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoRandom)?;
        let document = document.as_ref();
        // ring writes version 2 of PKCS#8, which not every tool reads; the 32 bytes are the same.
        let at = document.windows(4).position(|window| window == [0x04, 0x22, 0x04, 0x20]).ok_or(KeyError::Kind)? + 4;
        let seed = document.get(at..at + 32).ok_or(KeyError::Kind)?;
        let pem = to_pem("PRIVATE KEY", &[ED25519_PRIVATE, seed].concat());
        Ok((Self::from_pem(&pem)?, pem))
    }

    /// Reads a private key in PEM (PKCS#8).
    ///
    /// # Errors
    /// What it is instead.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        const WANTED: &str = "PRIVATE KEY";
        let (label, der) = bounded(text).and_then(from_pem).ok_or(KeyError::NoPem)?;
        match label {
            WANTED => {}
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => return Err(KeyError::Encrypted),
            _ => return Err(KeyError::Label { found: shown(label), wanted: WANTED }),
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(Self { pair: Pair::Ed25519(pair) });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new());
        pair.map(|pair| Self { pair: Pair::P256(pair) }).map_err(|_| KeyError::Kind)
    }

    /// Its public key.
    pub fn public(&self) -> PublicKey {
        match &self.pair {
            Pair::Ed25519(pair) => {
                PublicKey { kind: Kind::Ed25519, der: [ED25519_PUBLIC, pair.public_key().as_ref()].concat() }
            }
            Pair::P256(pair) => PublicKey { kind: Kind::P256, der: [P256_PUBLIC, pair.public_key().as_ref()].concat() },
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::NoRandom)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey(of {:?})", self.public())
    }
}

fn bounded(text: &str) -> Option<&str> {
    (text.len() <= MAX_PEM).then_some(text)
}

fn shown(label: &str) -> String {
    label.chars().take(40).flat_map(char::escape_debug).collect()
}
