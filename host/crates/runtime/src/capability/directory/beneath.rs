//! Opening and looking at what is below a directory, without ever following a symbolic link.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;
use springline_model::tree::join_path;
use springline_model::{Digest, Hasher};

use super::{DIRECTORY, DirectoryError, Node, NodeKind};

/// How much of a file is hashed at once, in bytes.
const BUFFER: usize = 256 << 10;

/// The lent directory.
pub(super) struct Root {
    fd: OwnedFd,
    path: PathBuf,
    /// Whether the kernel resolves paths for us (`openat2`); else it is done part by part.
    kernel: bool,
}

/// What is at the path of a directory.
pub(super) enum Found {
    /// It.
    Directory(OwnedFd),
    /// Nothing.
    Missing,
    /// Something that is no directory, at this path.
    Blocked(String),
}

/// What is at a path.
pub(super) struct Seen {
    /// What it is.
    pub(super) kind: NodeKind,
    /// The digest of a file's bytes or a link's target.
    pub(super) digest: Option<Digest>,
    size: u64,
    link: String,
}

impl Seen {
    pub(super) fn into_node(self, path: String, owner: String) -> Node {
        Node { path, kind: self.kind, digest: self.digest, size: self.size, link: self.link, owner }
    }
}

impl Root {
    /// Opens the directory, and makes it if it is missing and its parent is there.
    pub(super) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let shown = path.display().to_string();
        let open = || rustix::fs::open(path, DIRECTORY, Mode::empty());
        let fd = match open() {
            Err(Errno::NOENT) => {
                make_durably(path).map_err(|error| DirectoryError::from_io("make", &shown, &error))?;
                open()
            }
            other => other,
        };
        let fd = fd.map_err(|error| DirectoryError::from_os("open", &shown, error))?;
        let kernel = kernel_resolves(&fd);
        Ok(Self { fd, path: path.to_owned(), kernel })
    }

    /// The same, with paths resolved part by part as on an old kernel.
    #[cfg(test)]
    pub(super) fn without_kernel(mut self) -> Self {
        self.kernel = false;
        self
    }

    /// A path as people know it.
    pub(super) fn full(&self, path: &str) -> String {
        self.path.join(path).display().to_string()
    }

    /// The path by which it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The descriptor of the directory itself.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Opens the directory at a clean path, or the lent one for an empty path.
    pub(super) fn directory(&self, path: &str) -> Result<Found, DirectoryError> {
        if path.is_empty() {
            let copy = self.fd.try_clone().map_err(|error| DirectoryError::from_io("open", &self.full(""), &error))?;
            return Ok(Found::Directory(copy));
        }
        if self.kernel {
            match open_beneath(&self.fd, path) {
                Ok(fd) => return Ok(Found::Directory(fd)),
                Err(Errno::NOENT) => return Ok(Found::Missing),
                // The walk finds out what is in the way.
                Err(Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::AGAIN) => {}
                Err(error) => return Err(DirectoryError::from_os("open", &self.full(path), error)),
            }
        }
        self.walk(path)
    }

    /// Opens a directory part by part.
    fn walk(&self, path: &str) -> Result<Found, DirectoryError> {
        let mut at = String::new();
        let mut current: Option<OwnedFd> = None;
        for part in path.split('/') {
            at = join_path(&at, part);
            let parent = current.as_ref().unwrap_or(&self.fd);
            match openat(parent, part, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(fd) => current = Some(fd),
                Err(Errno::NOENT) => return Ok(Found::Missing),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Found::Blocked(at)),
                Err(error) => return Err(DirectoryError::from_os("open", &self.full(&at), error)),
            }
        }
        Ok(current.map_or(Found::Missing, Found::Directory))
    }

    /// What is at a name of an open directory, a file's bytes hashed. `path` is for messages.
    pub(super) fn look(
        &self,
        directory: &OwnedFd,
        name: &str,
        path: &str,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Seen>, DirectoryError> {
        let Some(kind) = self.kind(directory, name, path)? else { return Ok(None) };
        let (digest, size, link) = match kind {
            NodeKind::Directory | NodeKind::Other => (None, 0, String::new()),
            NodeKind::Symlink => {
                let target = readlinkat(directory, name, Vec::new())
                    .map_err(|error| DirectoryError::from_os("read", &self.full(path), error))?
                    .into_bytes();
                (Some(Digest::of(&target)), target.len() as u64, String::from_utf8_lossy(&target).into_owned())
            }
            NodeKind::File | NodeKind::Executable => {
                let Some(file) = self.open_file(directory, name, path)? else { return Ok(None) };
                let (digest, size) =
                    hash(file, buffer).map_err(|error| DirectoryError::from_io("read", &self.full(path), &error))?;
                (Some(digest), size, String::new())
            }
        };
        Ok(Some(Seen { kind, digest, size, link }))
    }

    /// What is at a name of an open directory, its bytes left alone.
    pub(super) fn kind(&self, directory: &OwnedFd, name: &str, path: &str) -> Result<Option<NodeKind>, DirectoryError> {
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(DirectoryError::from_os("read", &self.full(path), error)),
        };
        Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => NodeKind::Directory,
            FileType::Symlink => NodeKind::Symlink,
            FileType::RegularFile if Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR) => NodeKind::Executable,
            FileType::RegularFile => NodeKind::File,
            _ => NodeKind::Other,
        }))
    }

    /// Opens the regular file at a name of an open directory; none if there is nothing.
    pub(super) fn open_file(
        &self,
        directory: &OwnedFd,
        name: &str,
        path: &str,
    ) -> Result<Option<File>, DirectoryError> {
        // Without NONBLOCK, a pipe that took the file's place would hold us for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let no_file = || DirectoryError::Io(format!("{} is no regular file", self.full(path)));
        let fd = match openat(directory, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(no_file()),
            Err(error) => return Err(DirectoryError::from_os("read", &self.full(path), error)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|error| DirectoryError::from_os("read", &self.full(path), error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(File::from(fd))),
            _ => Err(no_file()),
        }
    }
}

fn hash(mut file: File, buffer: &mut Vec<u8>) -> std::io::Result<(Digest, u64)> {
    buffer.resize(BUFFER, 0);
    let (mut hasher, mut size) = (Hasher::default(), 0);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn make_durably(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(target_os = "linux")]
fn open_beneath(root: impl AsFd, path: &str) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    openat2(root, path, DIRECTORY | OFlags::NOFOLLOW, Mode::empty(), resolve)
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(_: impl AsFd, _: &str) -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// Whether `openat2` is there: kernels before 5.6 have none, and some sandboxes forbid it.
fn kernel_resolves(fd: &OwnedFd) -> bool {
    !matches!(open_beneath(fd, "."), Err(Errno::NOSYS | Errno::PERM))
}
