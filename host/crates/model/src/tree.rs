//! Directory trees as every reader sees them, wherever they come from.

use serde::{Deserialize, Serialize};

use crate::ObjectId;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link; its bytes are its target.
    Symlink,
    /// A directory.
    Directory,
    /// A git submodule: a commit of another repository. Nothing of it can be read.
    Submodule,
}

impl EntryKind {
    /// Whether this is a regular file, executable or not.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without any `/`.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The identity of its content.
    pub id: ObjectId,
}

/// A directory's entries, sorted by the bytes of their names, each name once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    entries: Vec<Entry>,
}

impl Directory {
    /// A directory of these entries, in any order.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Self { entries }
    }

    /// The entries, sorted by name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        self.entries.get(at)
    }
}

/// Why something of a tree could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TreeError {
    /// A submodule where a file or directory was wanted.
    #[error(
        "`{path}` is a git submodule, which Springline does not read: commit its files, or build them as an artifact"
    )]
    Submodule {
        /// Where it is in the tree.
        path: String,
    },
    /// A name that is not UTF-8, which no WASI path can carry.
    #[error("a name in `{directory}` is not UTF-8: {name}")]
    NotUtf8 {
        /// The directory with the name in it; empty for the root.
        directory: String,
        /// The name, its bad bytes escaped.
        name: String,
    },
    /// The content is missing, or is not what its identity says.
    #[error("{id} is lost or damaged: {message}")]
    Lost {
        /// What was to be read.
        id: ObjectId,
        /// What was found instead.
        message: String,
    },
    /// Anything else that the storage reports.
    #[error("{0}")]
    Io(String),
}

/// Splits off the last part of a path: `a/b/c` is `a/b` and `c`, `a` is the root and `a`.
pub fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Joins a directory of a tree, empty for the root, and a name in it.
pub fn join_path(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether this can be the path of an object or a file below a root: parts separated by `/`, none
/// empty, `.` or `..`, no control characters, no backslash, at most 1,024 bytes.
pub fn is_clean_path(path: &str) -> bool {
    path.len() <= 1024
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_paths_stay_below_their_root() {
        for path in ["a", "a/b.c", "a..b", ".hidden/x", "ü/ß"] {
            assert!(is_clean_path(path), "{path:?}");
        }
        for path in ["", "/a", "a/", "a//b", "./a", "a/../b", "a\\b", "a\nb", "\u{7f}"] {
            assert!(!is_clean_path(path), "{path:?}");
        }
        assert!(!is_clean_path(&"a".repeat(1025)));
    }
}
