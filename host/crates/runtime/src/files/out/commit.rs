//! From a finished `/out` to a tree in the blob store.

use std::io;

use springline_model::Digest;
use springline_model::plugin::Limit;
use springline_model::port::{BlobError, Blobs, NewEntry};
use springline_model::tree::join_path;

use super::content::Content;
use super::spool::Spool;
use super::{Data, Out};
use crate::capability::masks::Masks;

/// Why a finished `/out` could not be kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutError {
    /// The guest ran into a limit on the way, so its output is not what it meant to write.
    #[error("the limit `{}` was reached", .0.setting().unwrap_or("stack"))]
    Limit(Limit),
    /// It holds a secret that the call had read.
    #[error("`{path}` holds the secret `{secret}`")]
    Leak {
        /// The secret's name.
        secret: String,
        /// The path below `/out`, the secret in it masked.
        path: String,
    },
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The host could not hold the files.
    #[error("{0}")]
    Io(String),
}

impl Out {
    /// Looks for secrets in every name, file and link.
    ///
    /// # Errors
    /// [`OutError::Leak`], [`OutError::Io`].
    pub fn check(&self, masks: &Masks) -> Result<(), OutError> {
        let io = |error: &dyn std::fmt::Display| OutError::Io(error.to_string());
        let mut pending = vec![(Self::ROOT, String::new())];
        while let Some((id, path)) = pending.pop() {
            let node = self.node(id).map_err(|error| io(&error))?;
            let found = match &node.data {
                Data::Directory(children) => {
                    pending.extend(children.iter().map(|(name, child)| (*child, join_path(&path, name))));
                    None
                }
                Data::Link(target) => masks.find(target.as_bytes()),
                Data::File { content: Content::Memory(bytes), .. } => masks.find(bytes),
                Data::File { content, .. } => {
                    masks.find_in(Reader { content, spool: &self.spool, offset: 0 }).map_err(|error| io(&error))?
                }
            };
            if let Some(secret) = found.or_else(|| masks.find(path.as_bytes())) {
                return Err(OutError::Leak { secret, path: masks.mask(&path).into_owned() });
            }
        }
        Ok(())
    }

    /// Writes everything to the blob store, and returns the digest of the tree. Directories that
    /// are empty stay.
    ///
    /// # Errors
    /// [`OutError::Limit`] and [`OutError::Io`] also if the guest met such an error and went on.
    pub fn commit(self, blobs: &dyn Blobs) -> Result<Digest, OutError> {
        if let Some(limit) = self.limit_hit() {
            return Err(OutError::Limit(limit));
        }
        if let Some(failure) = &self.failure {
            return Err(OutError::Io(failure.clone()));
        }
        let mut entries = Vec::new();
        let mut pending = vec![(Self::ROOT, String::new())];
        while let Some((id, path)) = pending.pop() {
            let node = self.node(id).map_err(|error| OutError::Io(error.to_string()))?;
            let kind = node.data.kind();
            let digest = match &node.data {
                Data::Directory(children) if !children.is_empty() => {
                    pending.extend(children.iter().map(|(name, child)| (*child, join_path(&path, name))));
                    continue;
                }
                Data::Directory(_) if id == Self::ROOT => continue,
                Data::Directory(_) => Digest::of([]),
                Data::Link(target) => blobs.put(target.as_bytes())?,
                Data::File { content: Content::Memory(bytes), .. } => blobs.put(bytes)?,
                Data::File { content, .. } => blobs.put_from(&mut Reader { content, spool: &self.spool, offset: 0 })?.0,
            };
            entries.push(NewEntry { path, kind, digest });
        }
        Ok(blobs.put_tree(entries)?)
    }
}

struct Reader<'a> {
    content: &'a Content,
    spool: &'a Spool,
    offset: u64,
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read_at(self.spool, self.offset, buffer)?;
        self.offset += count as u64;
        Ok(count)
    }
}
