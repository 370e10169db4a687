//! The plugins that this program carries.

use bytes::Bytes;
use springline_model::Digest;

/// A plugin that this program carries.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The component.
    pub bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// All of them, sorted by name.
pub const fn all() -> &'static [Builtin] {
    BUILTINS
}

/// The one of that name.
pub fn named(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// The bytes of the one with that digest.
pub fn bytes(digest: &Digest) -> Option<Bytes> {
    BUILTINS.iter().find(|builtin| builtin.digest == *digest).map(|builtin| Bytes::from_static(builtin.bytes))
}
