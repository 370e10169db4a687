//! The store itself.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use springline_model::port::{BlobError, Blobs, NewEntry, ReadAt, Tree};
use springline_model::tree::EntryKind;
use springline_model::{Digest, Hasher};
use tempfile::NamedTempFile;

use crate::durable::Durable;
use crate::node::{self, NodeEntry};
use crate::tree::BlobTree;
use crate::{build, io_error};

/// How much of a file is in memory at once while it is copied or checked.
const CHUNK: usize = 128 * 1024;

/// A temporary file that nobody has written to for this long is left from a process that died.
const STALE: Duration = Duration::from_secs(60 * 60);

/// Blobs in a directory of a local file system. Clones are the same store.
#[derive(Clone)]
pub struct DiskBlobs(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    /// Where files are written before they get their names; in the same file system.
    temporary: PathBuf,
    durable: Durable,
}

impl DiskBlobs {
    /// Opens the store in this directory, which is created if it is missing, for its owner alone.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        let created = !dir.is_dir();
        let temporary = dir.join("tmp");
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&temporary).map_err(|error| io_error(&temporary, &error))?;
        remove_stale(&temporary);
        let durable = Durable::open(dir, created);
        Ok(Self(Arc::new(Inner { directory: dir.to_owned(), temporary, durable })))
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.0.directory
    }

    /// The entries of a directory's node.
    pub(crate) fn node(&self, digest: &Digest) -> Result<Vec<NodeEntry>, BlobError> {
        let bytes = self.get(digest)?;
        node::decode(&bytes).ok_or_else(|| BlobError::Io(format!("blob {digest} is not a directory")))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (first, rest) = hex.split_at(2);
        let mut path = PathBuf::with_capacity(self.0.directory.as_os_str().len() + hex.len() + 2);
        path.push(&self.0.directory);
        path.push(first);
        path.push(rest);
        path
    }

    fn temporary(&self) -> Result<NamedTempFile, BlobError> {
        tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o444))
            .tempfile_in(&self.0.temporary)
            .map_err(|error| io_error(&self.0.temporary, &error))
    }

    /// Gives a written file its name. A file that has the name already is replaced: the caller
    /// has found it to be damaged.
    fn persist(&self, file: NamedTempFile, path: PathBuf) -> Result<(), BlobError> {
        let writing = self.0.durable.begin()?;
        match file.persist(&path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::NotFound => {
                self.create_parent(&path)?;
                failed.file.persist(&path).map_err(|failed| io_error(&path, &failed.error))?;
            }
            Err(failed) => return Err(io_error(&path, &failed.error)),
        }
        writing.done(path);
        Ok(())
    }

    fn create_parent(&self, path: &Path) -> Result<(), BlobError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        match DirBuilder::new().mode(0o700).create(parent) {
            Ok(()) => self.0.durable.created_directory(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error(parent, &error)),
        }
        Ok(())
    }

    fn open_file(&self, digest: &Digest) -> Result<(File, u64), BlobError> {
        let path = self.path(digest);
        let opened = File::open(&path).and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
        opened.map_err(|error| missing_or(digest, &path, &error))
    }

    /// Reads a whole blob and checks it, keeping only a piece of it in memory.
    fn check(&self, digest: &Digest) -> Result<(File, u64), BlobError> {
        let (mut file, size) = self.open_file(digest)?;
        let (found, _) =
            copy_hashed(&mut file, &mut io::sink()).map_err(|error| error.of(digest, &self.path(digest)))?;
        if found == *digest { Ok((file, size)) } else { Err(BlobError::Damaged(*digest)) }
    }

    /// Checks a blob; if it is damaged, removes it.
    fn check_or_remove(&self, digest: &Digest) -> Result<(), BlobError> {
        let checked = self.check(digest).map(drop);
        if matches!(checked, Err(BlobError::Damaged(_))) {
            self.remove(digest)?;
        }
        checked
    }

    /// Whether the file is there with exactly these bytes.
    fn holds(&self, path: &Path, bytes: &[u8]) -> bool {
        let read = || -> io::Result<bool> {
            let mut file = File::open(path)?;
            if file.metadata()?.len() != bytes.len() as u64 {
                return Ok(false);
            }
            let mut buffer = vec![0; bytes.len().min(CHUNK)];
            for piece in bytes.chunks(CHUNK) {
                let buffer = &mut buffer[..piece.len()];
                file.read_exact(buffer)?;
                if buffer != piece {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        read().unwrap_or(false)
    }
}

impl Blobs for DiskBlobs {
    fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        if self.holds(&path, bytes) {
            return Ok(digest);
        }
        let mut file = self.temporary()?;
        file.write_all(bytes).map_err(|error| io_error(&self.0.directory, &error))?;
        self.persist(file, path)?;
        Ok(digest)
    }

    fn put_from(&self, reader: &mut dyn Read) -> Result<(Digest, u64), BlobError> {
        let mut file = self.temporary()?;
        let (digest, size) = copy_hashed(reader, file.as_file_mut()).map_err(|error| match error {
            CopyError::Read(error) => BlobError::Io(format!("the content of a new blob can't be read: {error}")),
            CopyError::Write(error) => io_error(&self.0.directory, &error),
        })?;
        if self.check(&digest).is_err() {
            self.persist(file, self.path(&digest))?;
        }
        Ok((digest, size))
    }

    fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(|error| missing_or(digest, &path, &error))?;
        if Digest::of(&bytes) == *digest { Ok(bytes.into()) } else { Err(BlobError::Damaged(*digest)) }
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn ReadAt>, BlobError> {
        let (file, size) = self.check(digest)?;
        Ok(Box::new(Opened { file, size }))
    }

    fn contains(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    fn size(&self, digest: &Digest) -> Result<u64, BlobError> {
        let path = self.path(digest);
        fs::metadata(&path).map(|metadata| metadata.len()).map_err(|error| missing_or(digest, &path, &error))
    }

    fn put_tree(&self, entries: Vec<NewEntry>) -> Result<Digest, BlobError> {
        if let Some(lost) = entries.iter().find(|e| e.kind != EntryKind::Directory && !self.contains(&e.digest)) {
            return Err(BlobError::Missing(lost.digest));
        }
        build::put_nodes(entries, &mut |bytes| self.put(bytes))
    }

    fn tree(&self, digest: &Digest) -> Result<Arc<dyn Tree>, BlobError> {
        Ok(Arc::new(BlobTree::open(self.clone(), *digest)?))
    }

    fn check_tree(&self, digest: &Digest) -> Result<(), BlobError> {
        let mut first = Ok(());
        let mut seen = HashSet::from([(*digest, true)]);
        let mut open = vec![(*digest, true)];
        while let Some((digest, directory)) = open.pop() {
            let mut checked = self.check_or_remove(&digest);
            if directory && checked.is_ok() {
                match self.node(&digest) {
                    Ok(entries) => open.extend(
                        entries
                            .iter()
                            .rev()
                            .map(|entry| (entry.digest, entry.kind == EntryKind::Directory))
                            .filter(|child| seen.insert(*child)),
                    ),
                    Err(error) => checked = Err(error),
                }
            }
            // Later ones are looked at all the same, to remove everything that is damaged.
            first = first.and(checked);
        }
        first
    }

    fn sync(&self) -> Result<(), BlobError> {
        self.0.durable.sync()
    }

    fn list(&self) -> Result<Vec<(Digest, u64)>, BlobError> {
        let mut blobs = Vec::new();
        for directory in read_dir(&self.0.directory)? {
            let directory = directory.map_err(|error| io_error(&self.0.directory, &error))?;
            let first = directory.file_name();
            let Some(first) = first.to_str().filter(|name| name.len() == 2) else { continue };
            if !first.bytes().all(is_hex_digit) {
                continue;
            }
            for file in read_dir(&directory.path())? {
                let file = file.map_err(|error| io_error(&directory.path(), &error))?;
                let Some(digest) = file.file_name().to_str().and_then(|rest| digest_of_names(first, rest)) else {
                    continue;
                };
                match file.metadata() {
                    Ok(metadata) => blobs.push((digest, metadata.len())),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(io_error(&file.path(), &error)),
                }
            }
        }
        blobs.sort_unstable();
        Ok(blobs)
    }

    fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path, &error)),
            _ => Ok(()),
        }
    }

    fn children(&self, tree: &Digest) -> Result<Vec<(Digest, EntryKind)>, BlobError> {
        Ok(self.node(tree)?.into_iter().map(|entry| (entry.digest, entry.kind)).collect())
    }
}

/// A blob that was checked when it was opened.
struct Opened {
    file: File,
    size: u64,
}

impl ReadAt for Opened {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(&self.file, buffer, offset)
    }
}

/// Which side of a copy failed.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl CopyError {
    fn of(self, digest: &Digest, path: &Path) -> BlobError {
        let (Self::Read(error) | Self::Write(error)) = self;
        missing_or(digest, path, &error)
    }
}

/// Copies everything, and returns its digest and its length.
fn copy_hashed(reader: &mut dyn Read, writer: &mut dyn Write) -> Result<(Digest, u64), CopyError> {
    let mut hasher = Hasher::default();
    let mut size = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        hasher.update(&buffer[..read]);
        writer.write_all(&buffer[..read]).map_err(CopyError::Write)?;
        size += read as u64;
    }
}

fn missing_or(digest: &Digest, path: &Path, error: &io::Error) -> BlobError {
    match error.kind() {
        io::ErrorKind::NotFound => BlobError::Missing(*digest),
        _ => io_error(path, error),
    }
}

fn read_dir(path: &Path) -> Result<fs::ReadDir, BlobError> {
    fs::read_dir(path).map_err(|error| io_error(path, &error))
}

fn is_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The digest of the blob at `FIRST/REST`, if it is one.
fn digest_of_names(first: &str, rest: &str) -> Option<Digest> {
    if !rest.bytes().all(is_hex_digit) {
        return None;
    }
    let mut raw = [0; 32];
    hex::decode_to_slice(format!("{first}{rest}"), &mut raw).ok()?;
    Some(Digest::from_bytes(raw))
}

/// Removes what processes that died have left; whatever can't be removed is in nobody's way.
fn remove_stale(temporary: &Path) {
    for file in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let age = file.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
        if matches!(age, Ok(Ok(age)) if age > STALE) {
            let _ = fs::remove_file(file.path());
        }
    }
}

#[cfg(test)]
mod tests;
