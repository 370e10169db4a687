//! Keyed hashes of what must not be shown.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, io};

use ring::hmac::{self, HMAC_SHA256};

use crate::key::{self, Found};

/// The bytes of a fingerprint.
const FINGERPRINT: usize = 8;

/// Makes fingerprints with the key of a state directory.
pub(super) struct Fingerprints {
    path: PathBuf,
    key: OnceLock<Result<hmac::Key, String>>,
}

impl Fingerprints {
    /// With the key in this file, which is made when it is needed.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, key: OnceLock::new() }
    }

    /// The fingerprint of some bytes.
    ///
    /// # Errors
    /// The key can be neither read nor made.
    pub(super) fn of(&self, bytes: &[u8]) -> Result<String, String> {
        let key = self.key.get_or_init(|| key_of(&self.path)).as_ref().map_err(String::clone)?;
        let tag = hmac::sign(key, bytes);
        Ok(tag.as_ref()[..FINGERPRINT].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn key_of(path: &Path) -> Result<hmac::Key, String> {
    let failed = |why: &dyn Display| format!("the key of fingerprints, {}: {why}", path.display());
    if key::read(path).map_err(|error| failed(&error))? == Found::Nothing {
        make(path).map_err(|error| failed(&error))?;
    }
    match key::read(path).map_err(|error| failed(&error))? {
        Found::Key(key) => Ok(hmac::Key::new(HMAC_SHA256, &key)),
        Found::Nothing => Err(failed(&"it is removed all the time")),
        // What was told by it before can't be compared with what is told by another one.
        Found::Unfit(why) => Err(failed(&format_args!("{why}; remove it, and Springline makes another one"))),
    }
}

fn make(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    key::make(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn they_are_equal_for_equal_bytes_and_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/fingerprint.key");
        let first = Fingerprints::new(path.clone());
        let one = first.of(b"hunter2").unwrap();
        assert_eq!(one.len(), 16);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, first.of(b"hunter3").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Fingerprints::new(path).of(b"hunter2").unwrap(), one);
        let other = Fingerprints::new(directory.path().join("other.key"));
        assert_ne!(other.of(b"hunter2").unwrap(), one);
    }

    #[test]
    fn a_key_that_is_damaged_or_open_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fingerprint.key");
        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Fingerprints::new(path.clone()).of(b"x").unwrap_err().contains("damaged"));
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Fingerprints::new(path).of(b"x").unwrap_err().contains("mode 600"));
    }
}
