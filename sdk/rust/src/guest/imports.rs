//! The real host: `springline:host` through its generated bindings.

use std::cell::RefCell;
use std::path::Path;

use crate::bindings::host::springline::host::{blobs, context, directory, files, log, secrets, trees};
use crate::context::Artifact;
use crate::directory::{Node, NodeKind};
use crate::error::{Error, Result};
use crate::host::{Host, HostBlob, HostWriter};
use crate::log::Level;
use crate::object::{EntryKind, TreeEntry};

thread_local! {
    /// The sink of the last topic; most plugins have one.
    static SINK: RefCell<Option<(String, log::Sink)>> = const { RefCell::new(None) };
}

/// Uses the sink of a topic; without one, whichever there is.
fn with_sink(topic: Option<&str>, write: impl FnOnce(&log::Sink)) {
    SINK.with_borrow_mut(|last| {
        drop(last.take_if(|(of, _)| topic.is_some_and(|topic| of != topic)));
        let topic = topic.unwrap_or_default();
        let (_, sink) = last.get_or_insert_with(|| (topic.to_owned(), log::Sink::new(topic)));
        write(sink);
    });
}

/// The host behind the imports. It holds nothing: the host knows which call it is.
#[derive(Debug, Clone)]
pub(crate) struct Imports;

impl Host for Imports {
    type Blob = blobs::Blob;
    type Writer = blobs::Writer;

    fn log(topic: &str, level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        with_sink(Some(topic), |sink| sink.write(level, message));
    }

    fn progress(done: u64, total: u64) {
        with_sink(None, |sink| sink.progress(done, total));
    }

    fn secret(name: &str) -> Result<Vec<u8>> {
        secrets::get(name).map_err(|error| match error {
            secrets::SecretError::Denied(message) => Error::Denied(message),
            secrets::SecretError::Unavailable(message) => Error::Failed(message),
        })
    }

    #[cfg(feature = "http")]
    fn exchange(request: &crate::http::Single<'_>) -> Result<crate::http::Response> {
        crate::http::exchange::exchange(request)
    }

    fn root(&self) -> &Path {
        Path::new("/")
    }

    fn is_executable(&self, path: &Path) -> Result<bool> {
        files::is_executable(&text(path)).map_err(|error| mode_error(path, error))
    }

    fn set_executable(&self, path: &Path, executable: bool) -> Result<()> {
        files::set_executable(&text(path), executable).map_err(|error| mode_error(path, error))
    }

    fn application(&self) -> String {
        context::application()
    }

    fn environment(&self) -> Option<String> {
        context::environment()
    }

    fn revision(&self) -> String {
        context::revision()
    }

    fn commit_time(&self) -> i64 {
        context::commit_time()
    }

    fn values(&self) -> String {
        context::values()
    }

    fn artifact(&self, name: &str) -> Option<Artifact> {
        let artifact = context::artifact(name)?;
        let path = Path::new("/artifacts").join(&artifact.name);
        Some(Artifact { name: artifact.name, digest: artifact.digest, path })
    }

    fn artifact_names(&self) -> Vec<String> {
        context::artifact_names()
    }

    fn open_blob(&self, digest: &str) -> Result<blobs::Blob> {
        Ok(blobs::open(digest)?)
    }

    fn new_blob(&self) -> blobs::Writer {
        blobs::Writer::new()
    }

    fn walk_tree(&self, digest: &str) -> Result<Vec<TreeEntry>> {
        let entries = trees::walk(digest)?;
        Ok(entries.into_iter().map(TreeEntry::from).collect())
    }

    fn inspect(&self, paths: &[String]) -> Result<Vec<Option<Node>>> {
        let nodes = directory::inspect(paths)?;
        Ok(nodes.into_iter().map(|node| node.map(Node::from)).collect())
    }

    fn read_live(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>> {
        Ok(directory::read(path, offset, length)?)
    }

    fn put_file(&self, path: &str, blob: &str, executable: bool, expected: &str) -> Result<()> {
        Ok(directory::put_file(path, blob, executable, expected)?)
    }

    fn put_symlink(&self, path: &str, target: &str, expected: &str) -> Result<()> {
        Ok(directory::put_symlink(path, target, expected)?)
    }

    fn remove(&self, path: &str, expected: &str) -> Result<()> {
        Ok(directory::remove(path, expected)?)
    }

    fn adopt(&self, path: &str) -> Result<()> {
        Ok(directory::adopt(path)?)
    }

    fn owned(&self) -> Result<Vec<String>> {
        Ok(directory::owned()?)
    }
}

impl HostBlob for blobs::Blob {
    fn size(&self) -> u64 {
        Self::size(self)
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        Ok(Self::read(self, offset, length)?)
    }
}

impl HostWriter for blobs::Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(Self::write(self, bytes)?)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(Self::finish(self)?)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn mode_error(path: &Path, error: files::ModeError) -> Error {
    let why = match error {
        files::ModeError::NotFound => "there is no such file",
        files::ModeError::NotPermitted => "this is no file, or may not be changed",
    };
    Error::failed(format!("{}: {why}", path.display()))
}

impl From<blobs::BlobError> for Error {
    fn from(error: blobs::BlobError) -> Self {
        match error {
            blobs::BlobError::NotFound(message) | blobs::BlobError::Quota(message) | blobs::BlobError::Io(message) => {
                Self::Failed(message)
            }
        }
    }
}

impl From<directory::DirectoryError> for Error {
    fn from(error: directory::DirectoryError) -> Self {
        match error {
            directory::DirectoryError::Denied(message) => Self::Denied(message),
            directory::DirectoryError::Conflict(message) => Self::Conflict(message),
            directory::DirectoryError::NoSpace(message) | directory::DirectoryError::Io(message) => {
                Self::Failed(message)
            }
        }
    }
}

impl From<trees::Entry> for TreeEntry {
    fn from(entry: trees::Entry) -> Self {
        let kind = match entry.kind {
            trees::EntryKind::File => EntryKind::File,
            trees::EntryKind::Executable => EntryKind::Executable,
            trees::EntryKind::Symlink => EntryKind::Symlink,
        };
        Self { path: entry.path, kind, digest: entry.digest, size: entry.size, link: entry.link }
    }
}

impl From<directory::Node> for Node {
    fn from(node: directory::Node) -> Self {
        let kind = match node.kind {
            directory::NodeKind::File => NodeKind::File,
            directory::NodeKind::Executable => NodeKind::Executable,
            directory::NodeKind::Symlink => NodeKind::Symlink,
            directory::NodeKind::Directory => NodeKind::Directory,
            directory::NodeKind::Other => NodeKind::Other,
        };
        Self { path: node.path, kind, digest: node.digest, size: node.size, link: node.link, owner: node.owner }
    }
}
