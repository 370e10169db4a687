//! Directories as a case has them: from the disk, from a tree, and back to the disk.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use springline_model::Digest;
use springline_model::port::{Blobs, NewEntry, Tree};
use springline_model::tree::{EntryKind, join_path};

use crate::cli::artifact::walk;
use crate::cli::error::{CliError, Kind};

/// The files and links below a directory, by path. Directories are implied.
pub type Snapshot = BTreeMap<String, Leaf>;

/// A file or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes; of a link, where it points.
    pub bytes: Vec<u8>,
}

/// Reads a directory; one that is not there is empty. Links are not followed.
///
/// # Errors
/// What the operating system reports; what is neither file, directory nor link; a name or a link
/// that is not UTF-8.
pub fn read(directory: &Path) -> Result<Snapshot, CliError> {
    let mut found = Snapshot::new();
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(unreadable(directory, "it is no directory").hint("a symbolic link can't stand for it"));
        }
        _ => collect(directory, "", &mut found)?,
    }
    Ok(found)
}

fn collect(directory: &Path, prefix: &str, found: &mut Snapshot) -> Result<(), CliError> {
    let told = |error: io::Error| unreadable(directory, error);
    for entry in fs::read_dir(directory).map_err(told)? {
        let entry = entry.map_err(told)?;
        let at = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| unreadable(&at, "its name is not UTF-8"))?;
        let path = join_path(prefix, name);
        let kind = entry.file_type().map_err(told)?;
        if kind.is_dir() {
            collect(&at, &path, found)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&at).map_err(told)?;
            found.insert(path, Leaf { kind: EntryKind::Symlink, bytes: target.as_os_str().as_bytes().to_vec() });
        } else if kind.is_file() {
            let mode = entry.metadata().map_err(told)?.permissions().mode();
            let kind = if mode & 0o111 == 0 { EntryKind::File } else { EntryKind::Executable };
            let bytes = fs::read(&at).map_err(|error| unreadable(&at, error))?;
            found.insert(path, Leaf { kind, bytes });
        } else {
            return Err(unreadable(&at, "it is neither a file, a directory nor a link"));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> CliError {
    CliError::new(Kind::Source, format!("{} can't be read: {why}", path.display()))
}

/// Reads a tree.
///
/// # Errors
/// What the tree reports.
pub fn of_tree(tree: &dyn Tree) -> Result<Snapshot, CliError> {
    let mut found = Snapshot::new();
    for (path, entry) in walk(tree)? {
        if entry.kind != EntryKind::Directory {
            found.insert(path, Leaf { kind: entry.kind, bytes: tree.read(&entry)?.to_vec() });
        }
    }
    Ok(found)
}

/// Puts the files into the blob store and returns the digest of their tree.
///
/// # Errors
/// What the blob store reports.
pub fn store(blobs: &dyn Blobs, snapshot: &Snapshot) -> Result<Digest, CliError> {
    let mut entries = Vec::with_capacity(snapshot.len());
    for (path, leaf) in snapshot {
        entries.push(NewEntry { path: path.clone(), kind: leaf.kind, digest: blobs.put(&leaf.bytes)? });
    }
    Ok(blobs.put_tree(entries)?)
}

/// Writes the files below a directory, which is made.
///
/// # Errors
/// What the operating system reports.
pub fn write(directory: &Path, snapshot: &Snapshot) -> Result<(), CliError> {
    let told = |path: &Path, error: io::Error| CliError::unwritable(path, Kind::State, &error);
    fs::create_dir_all(directory).map_err(|error| told(directory, error))?;
    for (path, leaf) in snapshot {
        let at = directory.join(path);
        let parent = at.parent().unwrap_or(directory);
        fs::create_dir_all(parent).map_err(|error| told(parent, error))?;
        let written = match leaf.kind {
            EntryKind::Symlink => symlink(Path::new(std::ffi::OsStr::from_bytes(&leaf.bytes)), &at),
            kind => {
                let mode = if kind == EntryKind::Executable { 0o755 } else { 0o644 };
                fs::write(&at, &leaf.bytes).and_then(|()| fs::set_permissions(&at, Permissions::from_mode(mode)))
            }
        };
        written.map_err(|error| told(&at, error))?;
    }
    Ok(())
}

/// The files below a directory of a snapshot, their paths from there on.
pub fn below(snapshot: &Snapshot, directory: &str) -> Snapshot {
    let prefix = format!("{directory}/");
    let inside = snapshot.iter().filter_map(|(path, leaf)| Some((path.strip_prefix(&prefix)?, leaf)));
    inside.map(|(path, leaf)| (path.to_owned(), leaf.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(kind: EntryKind, text: &str) -> Leaf {
        Leaf { kind, bytes: text.into() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::from([
            ("a/b.txt".to_owned(), leaf(EntryKind::File, "text")),
            ("a/run".to_owned(), leaf(EntryKind::Executable, "#!/bin/sh\n")),
            ("up".to_owned(), leaf(EntryKind::Symlink, "../..")),
        ]);
        let at = directory.path().join("x");
        assert!(read(&at).unwrap().is_empty());
        write(&at, &snapshot).unwrap();
        assert_eq!(read(&at).unwrap(), snapshot);
        assert_eq!(below(&snapshot, "a").keys().collect::<Vec<_>>(), ["b.txt", "run"]);
    }

    #[test]
    fn a_link_does_not_stand_for_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        symlink("/", directory.path().join("in")).unwrap();
        assert!(read(&directory.path().join("in")).unwrap_err().message.contains("no directory"));
    }
}
