//! Keyed hashes of what must not be shown.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The bytes of the key.
const KEY: usize = 32;
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
        let key = self.key.get_or_init(|| key(&self.path)).as_ref().map_err(String::clone)?;
        let tag = hmac::sign(key, bytes);
        Ok(tag.as_ref()[..FINGERPRINT].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn key(path: &Path) -> Result<hmac::Key, String> {
    let failed = |error: io::Error| format!("the key of fingerprints, {}: {error}", path.display());
    let bytes = match read(path).map_err(failed)? {
        Some(bytes) => bytes,
        None => {
            make(path).map_err(failed)?;
            // Another process may have been faster; there is one key.
            read(path).map_err(failed)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?
        }
    };
    if bytes.len() != KEY {
        return Err(format!(
            "the key of fingerprints, {}, is damaged: remove it, and Springline makes another one",
            path.display()
        ));
    }
    Ok(hmac::Key::new(HMAC_SHA256, &bytes))
}

/// The file's bytes; none if there is no such file. One that others may read is no secret any more.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("other users may read it; it needs the mode 600"));
    }
    fs::read(path).map(Some)
}

/// Makes a key where there is none. It is there as a whole or not at all.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the operating system has no chance to give"))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
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
        fs::write(&path, [7; KEY]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Fingerprints::new(path).of(b"x").unwrap_err().contains("mode 600"));
    }
}
