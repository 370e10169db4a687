//! The fake host as the SDK sees it.

use std::path::Path;
use std::rc::Rc;

use super::{Host, LAST, is_executable, set_mode};
use crate::context::Artifact;
use crate::directory::Node;
use crate::error::{Error, Result};
use crate::host::{self, HostBlob, HostWriter};
use crate::log::Level;
use crate::object::TreeEntry;

/// A blob of the fake host, opened.
#[derive(Debug)]
pub struct FakeBlob(Rc<[u8]>);

/// A blob being given to the fake host.
#[derive(Debug)]
pub struct FakeWriter {
    host: Host,
    bytes: Vec<u8>,
}

impl host::Host for Host {
    type Blob = FakeBlob;
    type Writer = FakeWriter;

    fn log(topic: &str, level: Level, message: &str) {
        let Some(state) = LAST.with(|last| last.borrow().upgrade()) else { return };
        let topic = if topic.is_empty() { String::new() } else { format!("{topic}: ") };
        state.log.borrow_mut().extend(message.lines().map(|line| (level, format!("{topic}{line}"))));
    }

    fn progress(_done: u64, _total: u64) {}

    fn secret(name: &str) -> Result<Vec<u8>> {
        let state = LAST.with(|last| last.borrow().upgrade());
        let value = state.and_then(|state| state.secrets.borrow().get(name).cloned());
        value.ok_or_else(|| Error::denied(format!("the secret `{name}` is not granted")))
    }

    #[cfg(feature = "http")]
    fn exchange(request: &crate::http::Single<'_>) -> Result<crate::http::Response> {
        super::http::exchange(request)
    }

    fn root(&self) -> &Path {
        self.0.root.path()
    }

    fn is_executable(&self, path: &Path) -> Result<bool> {
        is_executable(path).ok_or_else(|| Error::failed(format!("{}: there is no such file", path.display())))
    }

    fn set_executable(&self, path: &Path, executable: bool) -> Result<()> {
        host::Host::is_executable(self, path)?;
        set_mode(path, executable);
        Ok(())
    }

    fn application(&self) -> String {
        self.0.context.borrow().application.clone()
    }

    fn environment(&self) -> Option<String> {
        self.0.context.borrow().environment.clone()
    }

    fn revision(&self) -> String {
        self.0.context.borrow().revision.clone()
    }

    fn commit_time(&self) -> i64 {
        self.0.context.borrow().commit_time
    }

    fn values(&self) -> String {
        self.0.context.borrow().values.to_string()
    }

    fn artifact(&self, name: &str) -> Option<Artifact> {
        let digest = self.0.context.borrow().artifacts.get(name)?.clone();
        Some(Artifact { name: name.to_owned(), digest, path: self.at("artifacts").join(name) })
    }

    fn artifact_names(&self) -> Vec<String> {
        self.0.context.borrow().artifacts.keys().cloned().collect()
    }

    fn open_blob(&self, digest: &str) -> Result<FakeBlob> {
        let blobs = self.0.blobs.borrow();
        let bytes =
            blobs.get(digest).ok_or_else(|| Error::failed(format!("no blob {digest} was given to this call")))?;
        Ok(FakeBlob(Rc::clone(bytes)))
    }

    fn new_blob(&self) -> FakeWriter {
        FakeWriter { host: self.clone(), bytes: Vec::new() }
    }

    fn walk_tree(&self, digest: &str) -> Result<Vec<TreeEntry>> {
        let trees = self.0.trees.borrow();
        trees.get(digest).cloned().ok_or_else(|| Error::failed(format!("no tree {digest} was given to this call")))
    }

    fn inspect(&self, paths: &[String]) -> Result<Vec<Option<Node>>> {
        self.check_lent()?;
        let live = self.0.live.borrow();
        Ok(paths.iter().map(|path| live.inspect(path)).collect())
    }

    fn read_live(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.check_lent()?;
        self.0.live.borrow().read(path, offset, length)
    }

    fn put_file(&self, path: &str, blob: &str, executable: bool, expected: &str) -> Result<()> {
        self.check_lent()?;
        let bytes = self.open_blob(blob)?.0;
        self.0.live.borrow_mut().put_file(path, &bytes, executable, expected, &self.owner())
    }

    fn put_symlink(&self, path: &str, target: &str, expected: &str) -> Result<()> {
        self.check_lent()?;
        self.0.live.borrow_mut().put_symlink(path, target, expected, &self.owner())
    }

    fn remove(&self, path: &str, expected: &str) -> Result<()> {
        self.check_lent()?;
        self.0.live.borrow_mut().remove(path, expected, &self.owner())
    }

    fn adopt(&self, path: &str) -> Result<()> {
        self.check_lent()?;
        self.0.live.borrow_mut().adopt(path, &self.owner())
    }

    fn owned(&self) -> Result<Vec<String>> {
        self.check_lent()?;
        Ok(self.0.live.borrow().owned(&self.owner()))
    }
}

impl Host {
    fn check_lent(&self) -> Result<()> {
        if self.0.lent.get() { Ok(()) } else { Err(Error::denied("no directory was lent to this target")) }
    }

    pub(super) fn owner(&self) -> String {
        let context = self.0.context.borrow();
        format!("{}/{}", context.application, context.environment.as_deref().unwrap_or_default())
    }
}

impl HostBlob for FakeBlob {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        Ok(super::live::part(&self.0, offset, length))
    }
}

impl HostWriter for FakeWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<String> {
        Ok(self.host.add_blob(std::mem::take(&mut self.bytes)))
    }
}
