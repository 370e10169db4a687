//! Reading files of the work tree.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::bstr::BStr;
use gix::objs::Kind;
use springline_model::port::SourceError;
use springline_model::tree::EntryKind;

use super::nodes::Leaf;
use crate::git_error;

/// A file or link of the work tree that is not in git.
pub(crate) struct OnDisk {
    /// Its path below the work tree.
    pub(crate) path: PathBuf,
    /// Its length in bytes.
    pub(crate) size: u64,
}

/// Gives files of the work tree the ids that git would give them.
pub(crate) struct Reader<'w> {
    work_dir: &'w Path,
    hash: gix::hash::Kind,
    executable_bits: bool,
    /// Directories that are known to be no symbolic links.
    real: HashSet<PathBuf>,
    files: HashMap<gix::ObjectId, OnDisk>,
}

impl<'w> Reader<'w> {
    /// `executable_bits` says whether modes on disk mean something (`core.fileMode`).
    pub(crate) fn new(work_dir: &'w Path, hash: gix::hash::Kind, executable_bits: bool) -> Self {
        Self { work_dir, hash, executable_bits, real: HashSet::new(), files: HashMap::new() }
    }

    /// What is at this path; none if there is nothing that git could track. `tracked` is what the
    /// index says of it.
    pub(crate) fn read(&mut self, path: &BStr, tracked: Option<EntryKind>) -> Result<Option<Leaf>, SourceError> {
        if tracked == Some(EntryKind::Submodule) {
            return Ok(None);
        }
        let path = Path::new(OsStr::from_bytes(path));
        if !self.is_real(path.parent().unwrap_or(Path::new(""))) {
            return Ok(None);
        }
        let full = self.work_dir.join(path);
        let read = || -> io::Result<_> {
            let metadata = full.symlink_metadata()?;
            if metadata.is_symlink() {
                let target = fs::read_link(&full)?.into_os_string().into_vec();
                let id = gix::objs::compute_hash(self.hash, Kind::Blob, &target);
                return Ok(Some((EntryKind::Symlink, id, target.len() as u64)));
            }
            if !metadata.is_file() {
                return Ok(None);
            }
            let file = File::open(&full)?;
            let size = file.metadata()?.len();
            Ok(Some((self.file_kind(&metadata, tracked), self.hash_file(file, size), size)))
        };
        match read() {
            Ok(Some((kind, id, size))) => {
                let id = id.map_err(git_error)?;
                self.files.entry(id).or_insert_with(|| OnDisk { path: path.to_owned(), size });
                Ok(Some(Leaf { kind, id }))
            }
            Ok(None) => Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(SourceError::Git(format!("`{}` can't be read: {error}", path.display()))),
        }
    }

    pub(crate) fn into_files(self) -> HashMap<gix::ObjectId, OnDisk> {
        self.files
    }

    fn hash_file(&self, mut file: File, size: u64) -> gix::Result<gix::ObjectId> {
        let never = AtomicBool::new(false);
        gix::objs::compute_stream_hash(self.hash, Kind::Blob, &mut file, size, &mut gix::progress::Discard, &never)
    }

    fn file_kind(&self, metadata: &Metadata, tracked: Option<EntryKind>) -> EntryKind {
        let executable = if self.executable_bits {
            metadata.permissions().mode() & 0o100 != 0
        } else {
            tracked == Some(EntryKind::Executable)
        };
        if executable { EntryKind::Executable } else { EntryKind::File }
    }

    /// Whether no part of this directory's path is a symbolic link: what is behind one is not a
    /// part of the work tree.
    fn is_real(&mut self, directory: &Path) -> bool {
        if directory.as_os_str().is_empty() || self.real.contains(directory) {
            return true;
        }
        let real = self.is_real(directory.parent().unwrap_or(Path::new("")))
            && self.work_dir.join(directory).symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if real {
            self.real.insert(directory.to_owned());
        }
        real
    }
}

/// The bytes of a file, or the target of a link.
pub(crate) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        return Ok(fs::read_link(path)?.into_os_string().into_vec());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    fs::read(path)
}
