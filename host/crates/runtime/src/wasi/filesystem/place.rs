//! A call's files, and the way from a path to one of them.

use std::sync::{Arc, Mutex, PoisonError};

use springline_model::Digest;
use springline_model::call::question;
use springline_model::plugin::Limit;
use springline_model::port::Blobs;
use springline_model::tree::EntryKind;

use super::At;
use super::content::OutNode;
use crate::capability::masks::Masks;
use crate::files::{FileError, Mounts, Out, OutError};
use crate::state::CallState;

/// `/out`, shared with its open files; none once it was taken away.
pub(crate) type SharedOut = Arc<Mutex<Option<Out>>>;

/// The name of the mount that is `/in`.
pub(crate) const INPUT: &str = "in";
/// What the names of artifacts' mounts start with.
pub(crate) const ARTIFACTS: &str = "artifacts/";

/// The files of a call.
pub(crate) struct CallFiles {
    /// `/in` and `/artifacts/NAME`.
    pub(crate) mounts: Arc<Mounts>,
    /// Whether there is `/artifacts`.
    pub(crate) artifacts: bool,
    /// `/out`.
    pub(crate) out: Option<SharedOut>,
}

impl CallFiles {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self { mounts: Arc::new(Mounts::new(Vec::new())), artifacts: false, out: None }
    }

    /// What the guest's files fail the call with, whatever the guest makes of it.
    pub(crate) fn failure(&self) -> Option<FilesFailure> {
        if let Some(error) = self.mounts.failure() {
            return Some(FilesFailure::Mount(error));
        }
        let out = self.out.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        out.as_ref()?.limit_hit().map(FilesFailure::Limit)
    }

    /// Takes `/out` away and keeps it.
    ///
    /// # Errors
    /// See [`OutError`].
    pub(crate) fn commit(&self, blobs: &dyn Blobs, masks: &Masks) -> Result<Option<Digest>, OutError> {
        let out = self.out.as_ref().and_then(|out| out.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(out) = out.as_ref().filter(|_| !masks.is_empty()) {
            out.check(masks)?;
        }
        out.map(|out| out.commit(blobs)).transpose()
    }
}

/// See [`CallFiles::failure`].
pub(crate) enum FilesFailure {
    /// A mounted tree could not be read.
    Mount(FileError),
    /// `/out` is full.
    Limit(Limit),
}

impl CallState {
    /// The directories that the guest starts from.
    pub(super) fn roots(&self) -> Vec<(At, &'static str)> {
        let mut roots = Vec::new();
        if let Some(mount) = self.files.mounts.index(INPUT) {
            let kind = EntryKind::Directory;
            roots.push((At::Mount { mount, path: String::new(), kind }, "/in"));
        }
        if self.files.artifacts {
            roots.push((At::Artifacts, "/artifacts"));
        }
        if let Some(out) = &self.files.out {
            roots.push((At::Out(OutNode::root(Arc::clone(out))), "/out"));
        }
        roots
    }

    /// The root that an absolute path is below, and the rest of the path.
    pub(crate) fn split_root<'p>(&self, path: &'p str) -> Option<(At, &'p str)> {
        self.roots().into_iter().find_map(|(at, root)| {
            let rest = path.strip_prefix(root)?;
            match rest.strip_prefix('/') {
                Some(rest) if !rest.is_empty() => Some((at, rest)),
                Some(_) => Some((at, ".")),
                None => rest.is_empty().then_some((at, ".")),
            }
        })
    }

    /// What a path leads to from a directory.
    pub(crate) fn look_up(&mut self, from: &At, path: &str, follow: bool) -> Result<At, FileError> {
        match from {
            At::Out(node) => Ok(At::Out(node.find(path, follow)?)),
            At::Mount { mount, path: base, kind: EntryKind::Directory } => self.in_mount(*mount, base, path, follow),
            At::Mount { .. } => Err(FileError::NotDirectory),
            At::Artifacts => {
                let path = path.trim_start_matches("./");
                let (name, rest) = path.split_once('/').unwrap_or((path, ""));
                let rest = rest.trim_start_matches('/');
                match name {
                    "" if path.is_empty() => return Err(FileError::NotFound),
                    "" | ".." => return Err(FileError::NotPermitted),
                    "." if rest.is_empty() => return Ok(At::Artifacts),
                    _ => {}
                }
                self.list_artifacts()?;
                let mount = self.files.mounts.index(&format!("{ARTIFACTS}{name}")).ok_or(FileError::NotFound)?;
                self.in_mount(mount, "", if rest.is_empty() { "." } else { rest }, follow)
            }
        }
    }

    fn in_mount(&self, mount: usize, base: &str, path: &str, follow: bool) -> Result<At, FileError> {
        let node = self.files.mounts.lookup(mount, base, path, follow)?;
        Ok(At::Mount { mount, path: node.path, kind: node.kind })
    }

    /// The names of the artifacts. That the guest knows them is a part of the trace.
    pub(super) fn list_artifacts(&mut self) -> Result<Vec<String>, FileError> {
        self.ask(question::ARTIFACT_NAMES).map_err(|error| FileError::Io(error.to_string()))?;
        let names = self.files.mounts.names();
        let mut names: Vec<_> =
            names.iter().filter_map(|name| name.strip_prefix(ARTIFACTS)).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }
}
