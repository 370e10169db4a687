//! Compiled components on disk. Machine code is executed as it is, so nothing is loaded that this
//! user did not write.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use springline_model::{Digest, Hasher};
use tempfile::NamedTempFile;

use crate::key::{self, Found, Key};

/// The first bytes of a file; they change with its format.
const MAGIC: &[u8; 8] = b"slcwasm1";
const HEADER: usize = MAGIC.len() + 32;

/// A compiled component that this host's own compiler wrote.
pub(crate) struct Verified {
    bytes: Vec<u8>,
    start: usize,
}

impl Verified {
    /// What the compiler wrote.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// A directory of compiled components, each sealed with an HMAC-SHA256 by a key of this directory.
pub(crate) struct Cache {
    directory: PathBuf,
    key: Key,
}

impl Cache {
    /// Opens the directory, and makes it if it is missing.
    ///
    /// # Errors
    /// It belongs to another user, or the operating system refuses.
    pub(crate) fn open(directory: &Path) -> Result<Self, String> {
        let told = |error: io::Error| format!("the directory of compiled plugins, {}: {error}", directory.display());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(told)?;
        let metadata = fs::symlink_metadata(directory).map_err(told)?;
        if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(format!(
                "{} is no directory of this user: plugins' machine code is loaded from it, so it must be; remove it, and it is made again",
                directory.display()
            ));
        }
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(told)?;
            // Others could read the key until now.
            match fs::remove_file(directory.join("key")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(error)),
                _ => {}
            }
        }
        let key = key_of(directory).map_err(told)?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is kept under this name. A file that does not verify is removed.
    pub(crate) fn get(&self, name: &Digest) -> Option<Verified> {
        let path = self.path(name);
        let bytes = match read_plain(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => {
                let _ = fs::remove_file(&path);
                return None;
            }
        };
        let sealed = bytes.len() >= HEADER
            && bytes.starts_with(MAGIC)
            && same(self.seal(name, &bytes[HEADER..]).as_bytes(), &bytes[MAGIC.len()..HEADER]);
        if !sealed {
            // It is compiled again; if it can't be removed, it is replaced.
            let _ = fs::remove_file(&path);
            return None;
        }
        Some(Verified { bytes, start: HEADER })
    }

    /// Keeps what the compiler wrote. That it can't be kept is no error: it is compiled again.
    pub(crate) fn put(&self, name: &Digest, compiled: Vec<u8>) -> Verified {
        let _ = self.write(name, &compiled);
        Verified { bytes: compiled, start: 0 }
    }

    /// Removes what is kept under this name.
    pub(crate) fn remove(&self, name: &Digest) {
        let _ = fs::remove_file(self.path(name));
    }

    fn write(&self, name: &Digest, compiled: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.directory)?;
        file.write_all(MAGIC)?;
        file.write_all(self.seal(name, compiled).as_bytes())?;
        file.write_all(compiled)?;
        file.persist(self.path(name))?;
        Ok(())
    }

    fn path(&self, name: &Digest) -> PathBuf {
        self.directory.join(format!("{}.cwasm", name.hex()))
    }

    /// The name is sealed as well, so that one file can't stand in for another.
    fn seal(&self, name: &Digest, compiled: &[u8]) -> Digest {
        hmac(&self.key, &[name.as_bytes(), compiled])
    }
}

/// The bytes of a regular file.
fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = key::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The key of this directory. One that others could have read or made is replaced.
fn key_of(directory: &Path) -> io::Result<Key> {
    let path = directory.join("key");
    for _ in 0..3 {
        match key::read(&path)? {
            Found::Key(key) => return Ok(key),
            Found::Nothing => {}
            Found::Unfit(_) => fs::remove_file(&path)?,
        }
        key::make(&path)?;
    }
    Err(io::Error::other("its key changes all the time"))
}

/// HMAC-SHA256 (RFC 2104) of these parts, one after the other.
fn hmac(key: &Key, parts: &[&[u8]]) -> Digest {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        let mut hasher = Hasher::default();
        hasher.update(&block);
        hasher
    };
    let mut inner = padded(0x36);
    for part in parts {
        inner.update(part);
    }
    let mut outer = padded(0x5c);
    outer.update(inner.finish().as_bytes());
    outer.finish()
}

/// Compares in a time that does not depend on where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("compiled")).unwrap();
        (directory, cache)
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac(&key, &[b"what do ya want ", b"for nothing?"]).hex(), expected);
    }

    #[test]
    fn what_was_put_is_got_by_another_process() {
        let (_directory, cache) = opened();
        let name = Digest::of("name");
        assert!(cache.get(&name).is_none());
        cache.put(&name, b"machine code".to_vec());
        let again = Cache::open(cache.directory()).unwrap();
        assert_eq!(again.get(&name).unwrap().bytes(), b"machine code");
    }

    #[test]
    fn what_was_tampered_with_is_removed() {
        let (_directory, cache) = opened();
        let (name, other) = (Digest::of("name"), Digest::of("other"));
        cache.put(&name, b"machine code".to_vec());
        let path = cache.path(&name);
        fs::copy(&path, cache.path(&other)).unwrap();
        assert!(cache.get(&other).is_none(), "one file stands in for another");
        let good = fs::read(&path).unwrap();
        for at in [0, 8, 39, 40, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(cache.get(&name).is_none(), "byte {at}");
            assert!(!path.exists());
        }
        fs::write(&path, &good[..20]).unwrap();
        assert!(cache.get(&name).is_none());
    }

    #[test]
    fn a_key_that_others_could_read_is_not_used_again() {
        let (_directory, cache) = opened();
        let name = Digest::of("name");
        cache.put(&name, b"machine code".to_vec());
        fs::set_permissions(cache.directory().join("key"), Permissions::from_mode(0o644)).unwrap();
        let again = Cache::open(cache.directory()).unwrap();
        assert_ne!(again.key, cache.key);
        assert!(again.get(&name).is_none());

        fs::set_permissions(cache.directory(), Permissions::from_mode(0o755)).unwrap();
        let third = Cache::open(cache.directory()).unwrap();
        assert_ne!(third.key, again.key);
        assert_eq!(fs::metadata(cache.directory()).unwrap().mode() & 0o777, 0o700);
    }
}
