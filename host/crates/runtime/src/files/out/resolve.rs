//! From a path to a node.

use super::{Data, NodeId, Out};
use crate::files::FileError;
use crate::files::path::Remaining;

/// Where a path leads.
pub(super) enum Target {
    /// To this node.
    Found(NodeId),
    /// To a name that is free in an existing directory; `slash` if one came after it.
    Missing { parent: NodeId, name: String, slash: bool },
}

impl Out {
    /// Resolves a path from a directory; a symbolic link at its end only if `follow` is set or a
    /// slash comes after it.
    pub(super) fn resolve(&self, directory: NodeId, path: &str, follow: bool) -> Result<Target, FileError> {
        let mut remaining = Remaining::new(path)?;
        let mut current = directory;
        self.children(current)?;
        while let Some(part) = remaining.next() {
            match part.as_str() {
                "." => continue,
                ".." if current == Self::ROOT => return Err(FileError::NotPermitted),
                ".." => {
                    let node = self.node(current)?;
                    if !node.linked {
                        return Err(FileError::NotFound);
                    }
                    current = node.parent;
                    continue;
                }
                _ => {}
            }
            let Some(child) = self.children(current)?.get(&part).copied() else {
                let slash = remaining.is_trailing_slash();
                if (remaining.is_empty() || slash) && self.node(current)?.linked {
                    return Ok(Target::Missing { parent: current, name: part, slash });
                }
                return Err(FileError::NotFound);
            };
            match &self.node(child)?.data {
                Data::Link(target) if follow || !remaining.is_empty() => remaining.follow(target)?,
                Data::Directory(_) => current = child,
                _ if remaining.is_empty() => return Ok(Target::Found(child)),
                _ => return Err(FileError::NotDirectory),
            }
        }
        Ok(Target::Found(current))
    }

    /// The node that a path names, for an operation on the name itself: a link at the end is not
    /// followed. Also whether a slash came after it.
    pub(super) fn named(&self, directory: NodeId, path: &str) -> Result<(NodeId, bool), FileError> {
        let (path, slash) = without_slash(path)?;
        match self.resolve(directory, path, false)? {
            Target::Found(node) if slash && !matches!(self.node(node)?.data, Data::Directory(_)) => {
                Err(FileError::NotDirectory)
            }
            Target::Found(node) => Ok((node, slash)),
            Target::Missing { .. } => Err(FileError::NotFound),
        }
    }
}

/// Takes the slashes off a path's end; a last part `.` or `..` names nothing that could be moved.
pub(super) fn without_slash(path: &str) -> Result<(&str, bool), FileError> {
    let name = path.trim_end_matches('/');
    if name.is_empty() && !path.is_empty() {
        return Err(FileError::NotPermitted);
    }
    if matches!(name.rsplit('/').next(), Some("." | "..")) {
        return Err(FileError::Invalid);
    }
    Ok((name, name.len() < path.len()))
}
