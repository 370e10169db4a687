//! What the SDK needs of a host. There are two: the real one behind the WIT imports, in a plugin,
//! and the fake one everywhere else.

use std::path::Path;

use crate::context::Artifact;
use crate::directory::Node;
use crate::error::Result;
use crate::log::Level;
use crate::object::TreeEntry;

/// The host of this build. It is a type and not a trait object, so that a component imports only
/// the interfaces that its plugin uses.
#[cfg(target_family = "wasm")]
pub(crate) type Current = crate::guest::Imports;
#[cfg(not(target_family = "wasm"))]
pub(crate) type Current = crate::fake::Host;

/// The functions of `springline:host`, as `wit/deps/host/host.wit` documents them.
pub(crate) trait Host: Clone {
    type Blob: HostBlob;
    type Writer: HostWriter;

    /// Writes a line of a topic, which may be empty.
    fn log(topic: &str, level: Level, message: &str);
    fn progress(done: u64, total: u64);
    fn secret(name: &str) -> Result<Vec<u8>>;
    #[cfg(feature = "http")]
    fn exchange(request: &crate::http::Single<'_>) -> Result<crate::http::Response>;

    /// Where `in`, `out` and `artifacts` are: `/` in a plugin.
    fn root(&self) -> &Path;
    fn is_executable(&self, path: &Path) -> Result<bool>;
    fn set_executable(&self, path: &Path, executable: bool) -> Result<()>;

    fn application(&self) -> String;
    fn environment(&self) -> Option<String>;
    fn revision(&self) -> String;
    fn commit_time(&self) -> i64;
    fn values(&self) -> String;
    fn artifact(&self, name: &str) -> Option<Artifact>;
    fn artifact_names(&self) -> Vec<String>;

    fn open_blob(&self, digest: &str) -> Result<Self::Blob>;
    fn new_blob(&self) -> Self::Writer;
    fn walk_tree(&self, digest: &str) -> Result<Vec<TreeEntry>>;

    fn inspect(&self, paths: &[String]) -> Result<Vec<Option<Node>>>;
    fn read_live(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>>;
    fn put_file(&self, path: &str, blob: &str, executable: bool, expected: &str) -> Result<()>;
    fn put_symlink(&self, path: &str, target: &str, expected: &str) -> Result<()>;
    fn remove(&self, path: &str, expected: &str) -> Result<()>;
    fn adopt(&self, path: &str) -> Result<()>;
    fn owned(&self) -> Result<Vec<String>>;
}

/// An open blob.
pub(crate) trait HostBlob {
    fn size(&self) -> u64;
    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>>;
}

/// A blob being written.
pub(crate) trait HostWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    fn finish(&mut self) -> Result<String>;
}
