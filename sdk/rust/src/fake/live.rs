//! The directory that the fake host lends: in memory.

use std::collections::BTreeMap;

use super::{Host, digest};
use crate::directory::{Node, NodeKind};
use crate::error::{Error, Result};
use crate::files::{is_clean, leads_out};

/// The files and links of a directory by path; directories are implied.
#[derive(Debug, Default)]
pub(super) struct Live(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    kind: NodeKind,
    /// The bytes of a file, the target of a link.
    bytes: Vec<u8>,
    owner: String,
}

impl Live {
    pub(super) fn inspect(&self, path: &str) -> Option<Node> {
        let node = |kind| Node {
            path: path.to_owned(),
            kind,
            digest: String::new(),
            size: 0,
            link: String::new(),
            owner: String::new(),
        };
        let Some(file) = self.0.get(path) else {
            let inside = format!("{path}/");
            let is_directory = self.0.keys().any(|other| other.starts_with(&inside));
            return is_directory.then(|| node(NodeKind::Directory));
        };
        let link = match file.kind {
            NodeKind::Symlink => String::from_utf8_lossy(&file.bytes).into_owned(),
            _ => String::new(),
        };
        Some(Node {
            digest: digest(&file.bytes),
            size: file.bytes.len() as u64,
            link,
            owner: file.owner.clone(),
            ..node(file.kind)
        })
    }

    pub(super) fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>> {
        match self.0.get(path) {
            Some(file) if file.kind.is_file() => Ok(part(&file.bytes, offset, length)),
            _ => Err(Error::failed(format!("{path}: there is no such file"))),
        }
    }

    pub(super) fn put_file(
        &mut self,
        path: &str,
        bytes: &[u8],
        executable: bool,
        expected: &str,
        owner: &str,
    ) -> Result<()> {
        let kind = if executable { NodeKind::Executable } else { NodeKind::File };
        self.put(path, File { kind, bytes: bytes.to_vec(), owner: owner.to_owned() }, expected)
    }

    pub(super) fn put_symlink(&mut self, path: &str, target: &str, expected: &str, owner: &str) -> Result<()> {
        if leads_out(path, target) {
            return Err(Error::denied(format!("{path}: a link to `{target}` leads out of the directory")));
        }
        self.put(path, File { kind: NodeKind::Symlink, bytes: target.into(), owner: owner.to_owned() }, expected)
    }

    fn put(&mut self, path: &str, file: File, expected: &str) -> Result<()> {
        self.check(path, expected, &file.owner)?;
        self.0.insert(path.to_owned(), file);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str, expected: &str, owner: &str) -> Result<()> {
        if self.inspect(path).is_some() {
            self.check(path, expected, owner)?;
            self.0.remove(path);
        }
        Ok(())
    }

    pub(super) fn adopt(&mut self, path: &str, owner: &str) -> Result<()> {
        let there = self.inspect(path).map(|node| node.digest).unwrap_or_default();
        self.check(path, &there, owner)?;
        let file = self.0.get_mut(path).ok_or_else(|| Error::conflict(format!("{path}: there is nothing")))?;
        owner.clone_into(&mut file.owner);
        Ok(())
    }

    pub(super) fn owned(&self, owner: &str) -> Vec<String> {
        self.0.iter().filter(|(_, file)| file.owner == owner).map(|(path, _)| path.clone()).collect()
    }

    /// Whether `owner` may write at `path`, and what is there is what was expected.
    fn check(&self, path: &str, expected: &str, owner: &str) -> Result<()> {
        if !is_clean(path) {
            return Err(Error::denied(format!("{path}: this leaves the directory")));
        }
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(parent) = parents.into_iter().find(|parent| self.0.contains_key(*parent)) {
            return Err(Error::conflict(format!("{path}: {parent} is no directory")));
        }
        let there = self.inspect(path);
        let (there, of) = there.map_or_else(Default::default, |node| {
            let digest = if node.kind == NodeKind::Directory { "a directory".to_owned() } else { node.digest };
            (digest, node.owner)
        });
        if there != expected {
            return Err(Error::conflict(format!("{path}: expected {expected:?}, found {there:?}")));
        }
        if !of.is_empty() && of != owner {
            return Err(Error::conflict(format!("{path}: belongs to {of}")));
        }
        Ok(())
    }
}

/// Up to `length` bytes from `offset`.
pub(super) fn part(bytes: &[u8], offset: u64, length: u32) -> Vec<u8> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(length as usize).min(bytes.len());
    bytes[start..end].to_vec()
}

/// The lent directory, as a test arranges and looks at it.
impl Host {
    /// Puts a file that nobody owns into the lent directory, over whatever is there.
    pub fn put_live(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        self.put_live_owned(path, bytes, "")
    }

    /// Puts a file of that owner, `APPLICATION/ENVIRONMENT`, into the lent directory.
    pub fn put_live_owned(&self, path: &str, bytes: impl AsRef<[u8]>, owner: &str) -> &Self {
        let file = File { kind: NodeKind::File, bytes: bytes.as_ref().to_vec(), owner: owner.to_owned() };
        self.0.live.borrow_mut().0.insert(path.to_owned(), file);
        self
    }

    /// Changes the bytes of a file of the lent directory, as a person would: its mode and owner stay.
    pub fn edit_live(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let mut live = self.0.live.borrow_mut();
        live.0.get_mut(path).expect("the file is there").bytes = bytes.as_ref().to_vec();
        self
    }

    /// Removes a file of the lent directory, as a person would.
    pub fn remove_live(&self, path: &str) -> &Self {
        self.0.live.borrow_mut().0.remove(path);
        self
    }

    /// What is at a path of the lent directory; none if nothing is.
    pub fn live_node(&self, path: &str) -> Option<Node> {
        self.0.live.borrow().inspect(path)
    }

    /// The bytes of a file of the lent directory; none if there is no such file.
    pub fn live(&self, path: &str) -> Option<Vec<u8>> {
        self.0.live.borrow().read(path, 0, u32::MAX).ok()
    }

    /// The paths of all files and links of the lent directory, sorted.
    pub fn live_paths(&self) -> Vec<String> {
        self.0.live.borrow().0.keys().cloned().collect()
    }

    /// Takes the lent directory back: every use of it is denied from now on.
    pub fn deny_directory(&self) -> &Self {
        self.0.lent.set(false);
        self
    }
}
