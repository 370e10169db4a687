//! What a build step is given.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::Result;
use crate::files::{self, Entry};
use crate::host::{Current, Host as _};
use crate::log;

/// One run of a build step: a directory to read, and one to write.
#[derive(Debug)]
pub struct Step {
    host: Current,
    context: Context,
    input: PathBuf,
    output: PathBuf,
}

impl Step {
    pub(crate) fn new(host: Current) -> Self {
        let (input, output) = (host.root().join("in"), host.root().join("out"));
        Self { context: Context::new(host.clone()), host, input, output }
    }

    /// The directory that is read: `/in` in a plugin.
    pub fn input(&self) -> &Path {
        &self.input
    }

    /// The directory that is written: `/out` in a plugin. Nothing of it is kept if the step fails.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Every file and symbolic link of the input, sorted by path. Links are not followed.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if a directory can't be listed.
    pub fn walk(&self) -> Result<Vec<Entry>> {
        files::walk(&self.input)
    }

    /// The path of every regular file of the input, sorted.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if a directory can't be listed.
    pub fn files(&self) -> Result<Vec<String>> {
        files::regular(&self.input)
    }

    /// The bytes of a file of the input.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid), naming the file, if there is none; [`Error::Failed`](crate::Error::Failed) if it can't be read.
    pub fn read(&self, path: impl AsRef<str>) -> Result<Vec<u8>> {
        files::read(&self.input, path.as_ref())
    }

    /// The text of a file of the input.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Error::Invalid`](crate::Error::Invalid) if it is not UTF-8.
    pub fn read_text(&self, path: impl AsRef<str>) -> Result<String> {
        files::read_text(&self.input, path.as_ref())
    }

    /// Writes a file of the output; parents are made.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the path leads out; [`Error::Failed`](crate::Error::Failed) if it can't be written.
    pub fn write(&self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        files::write(&self.output, path.as_ref(), bytes.as_ref())
    }

    /// Whether a file of the input is executable. Symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if there is no such file.
    pub fn is_executable(&self, path: impl AsRef<str>) -> Result<bool> {
        self.host.is_executable(&files::below(&self.input, path.as_ref())?)
    }

    /// Makes a file of the output executable, or not.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if there is no such file.
    pub fn set_executable(&self, path: impl AsRef<str>, executable: bool) -> Result<()> {
        self.host.set_executable(&files::below(&self.output, path.as_ref())?, executable)
    }

    /// Copies a file of the input to the output, its executable bit as well; parents are made.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid), naming the file, if there is none, or if a path leads out;
    /// [`Error::Failed`](crate::Error::Failed) if it can't be copied.
    pub fn copy(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        files::copy(&self.input, from, &self.output, to)?;
        if self.is_executable(from)? { self.set_executable(to, true) } else { Ok(()) }
    }

    /// What the call is about.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Says how far the work is: `done` of `total` units, `total` 0 where it is not known.
    pub fn progress(&self, done: u64, total: u64) {
        log::progress(done, total);
    }
}
