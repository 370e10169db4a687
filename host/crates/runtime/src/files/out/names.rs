//! Making, moving and removing names.

use springline_model::tree::{is_clean_path, join_path};

use super::resolve::{Target, without_slash};
use super::{Data, Node, NodeId, Out};
use crate::files::FileError;
use crate::files::path::stays_inside;

/// The longest target of a symbolic link, in bytes.
const MAX_TARGET: usize = 1024;

impl Out {
    /// Makes a directory.
    ///
    /// # Errors
    /// As POSIX has it; [`FileError::Invalid`] for a name that no clean path can have;
    /// [`FileError::QuotaEntries`].
    pub fn mkdir(&mut self, directory: NodeId, path: &str) -> Result<(), FileError> {
        match self.resolve(directory, path, false)? {
            Target::Found(_) => Err(FileError::Exists),
            Target::Missing { parent, name, .. } => {
                self.insert(parent, &name, Data::Directory(Default::default())).map(drop)
            }
        }
    }

    /// Makes a symbolic link. The target needs not exist.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] if the target, read as text, leaves the root; as POSIX has it;
    /// [`FileError::Invalid`], [`FileError::QuotaEntries`], [`FileError::QuotaBytes`].
    pub fn symlink(&mut self, directory: NodeId, path: &str, target: &str) -> Result<(), FileError> {
        let (parent, name) = match self.resolve(directory, path, false)? {
            Target::Found(_) => return Err(FileError::Exists),
            Target::Missing { slash: true, .. } => return Err(FileError::NotFound),
            Target::Missing { parent, name, .. } => (parent, name),
        };
        if target.is_empty() || target.len() > MAX_TARGET || target.chars().any(|c| c.is_control() || c == '\\') {
            return Err(FileError::Invalid);
        }
        if !stays_inside(self.depth(parent)?, target) {
            return Err(FileError::NotPermitted);
        }
        self.quota.take_bytes(target.len() as u64)?;
        if let Err(error) = self.insert(parent, &name, Data::Link(target.to_owned())) {
            self.quota.bytes -= target.len() as u64;
            return Err(error);
        }
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`FileError::NotEmpty`], [`FileError::NotDirectory`], and as POSIX has it.
    pub fn rmdir(&mut self, directory: NodeId, path: &str) -> Result<(), FileError> {
        let (node, _) = self.named(directory, path)?;
        if !self.children(node)?.is_empty() {
            return Err(FileError::NotEmpty);
        }
        self.unlink_node(node)
    }

    /// Removes a file or a symbolic link.
    ///
    /// # Errors
    /// [`FileError::IsDirectory`], and as POSIX has it.
    pub fn unlink(&mut self, directory: NodeId, path: &str) -> Result<(), FileError> {
        let (node, _) = self.named(directory, path)?;
        if matches!(self.node(node)?.data, Data::Directory(_)) {
            return Err(FileError::IsDirectory);
        }
        self.unlink_node(node)
    }

    /// Moves a file, link or directory, over what is there if POSIX allows it: a file over a
    /// file, a directory over an empty one.
    ///
    /// # Errors
    /// [`FileError::NotPermitted`] if a symbolic link would lead out of the root from its new
    /// place, [`FileError::Invalid`] for a directory into itself or a name that no clean path can
    /// have, and as POSIX has it.
    pub fn rename(&mut self, from: NodeId, path: &str, to: NodeId, new_path: &str) -> Result<(), FileError> {
        let (node, _) = self.named(from, path)?;
        let is_directory = matches!(self.node(node)?.data, Data::Directory(_));
        let (new_path, slash) = without_slash(new_path)?;
        if slash && !is_directory {
            return Err(FileError::NotDirectory);
        }
        let (parent, name, replaced) = match self.resolve(to, new_path, false)? {
            Target::Missing { parent, name, .. } => (parent, name, None),
            Target::Found(found) if found == node => return Ok(()),
            Target::Found(found) => {
                self.check_replace(is_directory, found)?;
                let found_node = self.node(found)?;
                (found_node.parent, found_node.name.clone(), Some(found))
            }
        };
        if self.is_within(parent, node)? {
            return Err(FileError::Invalid);
        }
        self.check_place(node, &join_path(&self.path(parent)?, &name), self.depth(parent)?)?;
        if let Some(replaced) = replaced {
            self.unlink_node(replaced)?;
        }
        let Node { parent: old_parent, name: old_name, .. } = self.node(node)?;
        let (old_parent, old_name) = (*old_parent, old_name.clone());
        self.children_mut(old_parent)?.remove(&old_name);
        self.children_mut(parent)?.insert(name.clone(), node);
        let moved = self.node_mut(node)?;
        moved.parent = parent;
        moved.name = name;
        Ok(())
    }

    /// Puts a new node under a free name of a directory.
    pub(super) fn insert(&mut self, parent: NodeId, name: &str, data: Data) -> Result<NodeId, FileError> {
        if !is_clean_path(name) || !is_clean_path(&join_path(&self.path(parent)?, name)) {
            return Err(FileError::Invalid);
        }
        self.quota.take_entry()?;
        let node = Node { parent, name: name.to_owned(), linked: true, opened: 0, data };
        let id = match self.free.pop() {
            Some(index) => {
                self.nodes[index as usize] = Some(node);
                NodeId(index)
            }
            None => {
                let index = u32::try_from(self.nodes.len()).map_err(|_| FileError::QuotaEntries)?;
                self.nodes.push(Some(node));
                NodeId(index)
            }
        };
        self.children_mut(parent)?.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Takes a node's name away, and the node with it unless it is open.
    fn unlink_node(&mut self, id: NodeId) -> Result<(), FileError> {
        let node = self.node_mut(id)?;
        node.linked = false;
        let (parent, name) = (node.parent, std::mem::take(&mut node.name));
        self.children_mut(parent)?.remove(&name);
        self.free_if_unused(id);
        Ok(())
    }

    fn check_replace(&self, is_directory: bool, replaced: NodeId) -> Result<(), FileError> {
        match &self.node(replaced)?.data {
            Data::Directory(_) if !is_directory => Err(FileError::IsDirectory),
            Data::Directory(children) if !children.is_empty() => Err(FileError::NotEmpty),
            Data::Directory(_) => Ok(()),
            _ if is_directory => Err(FileError::NotDirectory),
            _ => Ok(()),
        }
    }

    /// Whether all below a node may be at a new path: no path too long, no link that leads out.
    fn check_place(&self, node: NodeId, path: &str, depth: usize) -> Result<(), FileError> {
        let mut pending = vec![(node, path.to_owned(), depth)];
        while let Some((node, path, depth)) = pending.pop() {
            if !is_clean_path(&path) {
                return Err(FileError::Invalid);
            }
            match &self.node(node)?.data {
                Data::Link(target) if !stays_inside(depth, target) => return Err(FileError::NotPermitted),
                Data::Directory(children) => {
                    let below = children.iter().map(|(name, child)| (*child, join_path(&path, name), depth + 1));
                    pending.extend(below);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a node is another one or below it.
    fn is_within(&self, node: NodeId, other: NodeId) -> Result<bool, FileError> {
        let mut current = node;
        while current != other {
            if current == Self::ROOT {
                return Ok(false);
            }
            current = self.node(current)?.parent;
        }
        Ok(true)
    }

    /// How many directories lie between a directory and the root, itself included.
    fn depth(&self, directory: NodeId) -> Result<usize, FileError> {
        let (mut depth, mut current) = (0, directory);
        while current != Self::ROOT {
            depth += 1;
            current = self.node(current)?.parent;
        }
        Ok(depth)
    }

    /// The path of a named node; empty for the root.
    fn path(&self, node: NodeId) -> Result<String, FileError> {
        let (mut parts, mut current) = (Vec::new(), node);
        while current != Self::ROOT {
            let node = self.node(current)?;
            parts.push(node.name.as_str());
            current = node.parent;
        }
        parts.reverse();
        Ok(parts.join("/"))
    }
}
