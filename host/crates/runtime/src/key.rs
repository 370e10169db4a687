//! Keys in files that are this user's alone.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// The bytes of a key.
pub(crate) type Key = [u8; 32];

/// What is where a key should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A key.
    Key(Key),
    /// Nothing.
    Nothing,
    /// Something that others could have read or made, or that is damaged; and which.
    Unfit(&'static str),
}

/// Opens a file to read it. Links are not followed, and pipes not waited for.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Reads the key in this file.
///
/// # Errors
/// The operating system refuses.
pub(crate) fn read(path: &Path) -> io::Result<Found> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Ok(Found::Unfit("it is a link"));
        }
        // Another user's, and a socket: whoever can't open it can still remove it from their directory.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Found::Unfit("it can't be opened: it belongs to another user, or has another mode than 600"));
        }
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return Ok(Found::Unfit("it is no regular file"));
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Unfit("it is no regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Ok(Found::Unfit("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Ok(Found::Unfit("other users may use it; it needs the mode 600"));
    }
    let mut bytes = Vec::new();
    file.take(size_of::<Key>() as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.try_into().map_or(Found::Unfit("it is damaged"), Found::Key))
}

/// Makes a key where nothing is. It is there as a whole or not at all, and of several processes that
/// start at once, one makes it.
///
/// # Errors
/// The operating system refuses.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let mut key: Key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("the operating system has no chance to give"))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // One of 600, whatever the process's mask is.
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert_eq!(read(&path).unwrap(), Found::Nothing);
        make(&path).unwrap();
        let Found::Key(key) = read(&path).unwrap() else { panic!("there is a key") };
        assert_ne!(key, [0; 32]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        make(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Found::Key(key));
    }

    #[test]
    fn what_others_could_have_read_or_made_is_no_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let unfit = |part: &str| {
            let found = read(&path).unwrap();
            assert!(matches!(found, Found::Unfit(why) if why.contains(part)), "{part}: {found:?}");
        };
        make(&path).unwrap();
        for mode in [0o644, 0o620, 0o602] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            unfit("600");
        }
        let good = directory.path().join("good");
        fs::rename(&path, &good).unwrap();
        fs::set_permissions(&good, Permissions::from_mode(0o600)).unwrap();
        symlink(&good, &path).unwrap();
        unfit("a link");
        fs::remove_file(&path).unwrap();
        for bytes in [&[7; 31][..], &[7; 33]] {
            fs::write(&good, bytes).unwrap();
            fs::copy(&good, &path).unwrap();
            unfit("damaged");
        }
        fs::remove_file(&path).unwrap();
        // Nobody writes to it: whoever waited would wait for ever.
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        unfit("no regular file");
        fs::remove_file(&path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        unfit("no regular file");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        unfit("no regular file");
        // Only root can give a file away.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&good, Some(1), None).unwrap();
            fs::remove_dir(&path).unwrap();
            fs::rename(&good, &path).unwrap();
            unfit("another user");
        }
    }
}
