//! `springline:host/directory`: who gets the directory, and the way to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use springline_model::capability::{Capability, Grants};
use springline_model::port::Seen;

use super::directory::{DirectoryError as LentError, Lent, Node as LentNode, NodeKind as LentKind};
use crate::bindings::springline::host::directory::{self, DirectoryError, Node, NodeKind};
use crate::state::CallState;

/// The name of the capability.
const NAME: &str = "directory";
/// The most paths of one question.
const PATHS: usize = 100_000;

/// A call's access to the directory that an operator lent, or why it has none.
#[derive(Clone)]
pub(crate) struct Lending {
    access: Access,
    /// What was denied during the call.
    denial: Option<String>,
}

#[derive(Clone)]
enum Access {
    Denied(Arc<str>),
    Granted(Arc<Grant>),
}

/// A directory that is opened when it is first used, and then serves all calls of a target.
struct Grant {
    path: PathBuf,
    owner: String,
    lent: Mutex<Option<Arc<Lent>>>,
}

impl Lending {
    /// For a call that never gets one.
    pub(crate) fn never() -> Self {
        Self::denied("only a deploy target can be lent a directory")
    }

    /// For a deploy target. It must ask for the directory, and the operator must grant it.
    pub(crate) fn new(grants: &Grants, asked: &[Capability], owner: String) -> Self {
        let asks = asked.iter().any(|capability| capability.name == NAME);
        match &grants.directory {
            _ if !asks => Self::denied(
                "the plugin does not name the capability `directory` in its description, so nobody could judge it: its author must",
            ),
            None => {
                let line = Grants::line_for(NAME).unwrap_or_default();
                Self::denied(&format!(
                    "this target was not lent a directory: grant it in host.yaml, at the target: `{line}`"
                ))
            }
            Some(grant) => {
                let grant = Grant { path: grant.path.clone(), owner, lent: Mutex::default() };
                Self { access: Access::Granted(Arc::new(grant)), denial: None }
            }
        }
    }

    fn denied(why: &str) -> Self {
        Self { access: Access::Denied(why.into()), denial: None }
    }

    /// What was denied, if anything was.
    pub(crate) fn denial(&self) -> Option<String> {
        self.denial.clone()
    }

    /// What the looks at the directory depended on, if that is known and there were any.
    pub(crate) fn seen(&self) -> Option<Arc<dyn Seen>> {
        let Access::Granted(grant) = &self.access else { return None };
        grant.lent.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.seen()
    }

    fn open(&mut self) -> Result<Arc<Lent>, DirectoryError> {
        match &self.access {
            Access::Denied(why) => {
                self.denial.get_or_insert_with(|| why.to_string());
                Err(DirectoryError::Denied(why.to_string()))
            }
            Access::Granted(grant) => grant.open().map_err(told),
        }
    }
}

impl Grant {
    fn open(&self) -> Result<Arc<Lent>, LentError> {
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lent) = &*lent {
            return Ok(Arc::clone(lent));
        }
        let opened = Arc::new(Lent::open(&self.path, &self.owner)?);
        *lent = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

fn told(error: LentError) -> DirectoryError {
    match error {
        LentError::Denied(message) => DirectoryError::Denied(message),
        LentError::Conflict(message) => DirectoryError::Conflict(message),
        LentError::NoSpace(message) => DirectoryError::NoSpace(message),
        LentError::Io(message) => DirectoryError::Io(message),
    }
}

fn node(node: LentNode) -> Node {
    Node {
        path: node.path,
        kind: match node.kind {
            LentKind::File => NodeKind::File,
            LentKind::Executable => NodeKind::Executable,
            LentKind::Symlink => NodeKind::Symlink,
            LentKind::Directory => NodeKind::Directory,
            LentKind::Other => NodeKind::Other,
        },
        digest: node.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        size: node.size,
        link: node.link,
        owner: node.owner,
    }
}

type Answer<T> = wasmtime::Result<Result<T, DirectoryError>>;

impl CallState {
    /// Refuses a name in the lent directory that holds a secret.
    fn no_secret(&self, name: &str) -> wasmtime::Result<()> {
        match self.powers.masks().find(name.as_bytes()) {
            Some(secret) => Err(self.leak(secret, "a name in the lent directory")),
            None => Ok(()),
        }
    }

    fn lent<T>(&mut self, operation: impl FnOnce(&Lent) -> Result<T, LentError>) -> Answer<T> {
        let lent = match self.lending.open() {
            Ok(lent) => lent,
            Err(error) => return Ok(Err(error)),
        };
        let done = operation(&lent);
        if let Err(LentError::Denied(message)) = &done {
            self.lending.denial.get_or_insert_with(|| message.clone());
        }
        Ok(done.map_err(told))
    }
}

impl directory::Host for CallState {
    fn inspect(&mut self, paths: Vec<String>) -> Answer<Vec<Option<Node>>> {
        if paths.len() > PATHS {
            return Ok(Err(DirectoryError::Io(format!("{PATHS} paths are the most at once"))));
        }
        let found = self.lent(|lent| lent.inspect(&paths))?;
        Ok(found.map(|nodes| nodes.into_iter().map(|found| found.map(node)).collect()))
    }

    fn read(&mut self, path: String, offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.lent(|lent| lent.read(&path, offset, length))
    }

    fn put_file(&mut self, path: String, blob: String, executable: bool, expected: String) -> Answer<()> {
        self.no_secret(&path)?;
        // The grant comes first: who has none is told that, and not about blobs.
        if let Err(error) = self.lending.open() {
            return Ok(Err(error));
        }
        let Some(digest) = self.readable_blob(&blob) else {
            return Ok(Err(DirectoryError::Io(format!("no blob {blob:?} was given to this call"))));
        };
        match self.blobs.open(&digest) {
            Ok(blob) => self.lent(|lent| lent.put_file(&path, &*blob, executable, &expected)),
            Err(error) => {
                self.verdict.record(crate::fault::of_blob(&error));
                Ok(Err(DirectoryError::Io(error.to_string())))
            }
        }
    }

    fn put_symlink(&mut self, path: String, target: String, expected: String) -> Answer<()> {
        self.no_secret(&path)?;
        self.no_secret(&target)?;
        self.lent(|lent| lent.put_symlink(&path, &target, &expected))
    }

    fn remove(&mut self, path: String, expected: String) -> Answer<()> {
        self.lent(|lent| lent.remove(&path, &expected))
    }

    fn adopt(&mut self, path: String) -> Answer<()> {
        self.lent(|lent| lent.adopt(&path))
    }

    fn owned(&mut self) -> Answer<Vec<String>> {
        self.lent(Lent::owned)
    }
}

#[cfg(test)]
mod tests {
    use springline_model::capability::DirectoryGrant;

    use super::*;

    fn denial(grants: &Grants, asked: &[&str]) -> Option<String> {
        let asked: Vec<_> =
            asked.iter().map(|name| Capability { name: (*name).into(), reason: String::new() }).collect();
        let mut lending = Lending::new(grants, &asked, "shop/site".into());
        let _ = lending.open();
        lending.denial()
    }

    #[test]
    fn author_and_operator_must_both_allow() {
        let directory = tempfile::tempdir().unwrap();
        let granted =
            Grants { directory: Some(DirectoryGrant { path: directory.path().join("site") }), ..Grants::default() };
        assert_eq!(denial(&granted, &["directory"]), None);
        assert!(denial(&granted, &[]).unwrap().contains("its author must"));
        let line = denial(&Grants::default(), &["directory"]).unwrap();
        assert!(line.contains("grants: { directory: { path: PATH } }"), "{line}");
    }
}
