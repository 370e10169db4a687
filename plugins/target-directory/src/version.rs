//! What identifies a file or a link: its bytes, and what it is.

use std::fmt;

use springline_sdk::prelude::*;
use springline_sdk::{EntryKind, Node, NodeKind, TreeEntry};

/// The state of a file or a link. Written as the digest, with ` x` behind it for an executable file
/// and ` link` for a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The digest of a file's bytes or of a link's target.
    pub digest: String,
    /// What it is: a file, an executable file or a symbolic link.
    pub kind: NodeKind,
}

impl Version {
    /// The version of what is there; none if it is neither a file nor a link.
    pub fn of(node: &Node) -> Option<Self> {
        let known = node.kind.is_file() || node.kind == NodeKind::Symlink;
        known.then(|| Self { digest: node.digest.clone(), kind: node.kind })
    }

    /// The version of an entry of a tree, once it is there.
    pub fn of_entry(entry: &TreeEntry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => NodeKind::File,
            EntryKind::Executable => NodeKind::Executable,
            EntryKind::Symlink => NodeKind::Symlink,
        };
        Self { digest: entry.digest.clone(), kind }
    }

    /// Reads a version as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self> {
        let (digest, kind) = text.split_once(' ').unwrap_or((text, ""));
        let kind = match kind {
            "" => NodeKind::File,
            "x" => NodeKind::Executable,
            "link" => NodeKind::Symlink,
            _ => return Err(Error::failed(format!("`{text}` is no version of a file"))),
        };
        Ok(Self { digest: digest.to_owned(), kind })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest)?;
        match self.kind {
            NodeKind::Executable => f.write_str(" x"),
            NodeKind::Symlink => f.write_str(" link"),
            _ => Ok(()),
        }
    }
}
