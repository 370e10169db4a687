//! What a renderer is given.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::blob::BlobWriter;
use crate::context::{Artifact, Context};
use crate::error::{AtPath as _, Result, Violation};
use crate::files::{self, Entry};
use crate::host::{Current, Host as _};
use crate::object::{MAX_INLINE, Object};

/// One run of a renderer: a directory of the source, and the artifacts.
#[derive(Debug)]
pub struct Render {
    host: Current,
    context: Context,
    input: PathBuf,
}

impl Render {
    pub(crate) fn new(host: Current) -> Self {
        let input = host.root().join("in");
        Self { context: Context::new(host.clone()), host, input }
    }

    /// The directory that is read: `/in` in a plugin.
    pub fn input(&self) -> &Path {
        &self.input
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
    /// [`Error::Invalid`](crate::Error::Invalid), naming the file, if there is none;
    /// [`Error::Failed`](crate::Error::Failed) if it can't be read.
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

    /// Whether a file of the input is executable. Symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if there is no such file.
    pub fn is_executable(&self, path: impl AsRef<str>) -> Result<bool> {
        self.host.is_executable(&files::below(&self.input, path.as_ref())?)
    }

    /// What the call is about.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The environment's name.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) outside an environment.
    pub fn environment(&self) -> Result<String> {
        self.context.environment().ok_or_else(|| Violation::new("there is no environment to render for").into())
    }

    /// The environment's values, empty where there are none.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if the host gives something else than a JSON object.
    pub fn values(&self) -> Result<&Map<String, Value>> {
        self.context.values()
    }

    /// The artifact of that name.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid), telling the names there are, if the application
    /// declares no such one.
    pub fn artifact(&self, name: &str) -> Result<Artifact> {
        self.context.artifact(name).ok_or_else(|| {
            let names = self.context.artifact_names();
            let there =
                if names.is_empty() { "there are none".to_owned() } else { format!("there are: {}", names.join(", ")) };
            Violation::new(format!("the application declares no artifact `{name}`; {there}")).into()
        })
    }

    /// Every artifact, sorted by name.
    pub fn artifacts(&self) -> Vec<Artifact> {
        self.context.artifacts()
    }

    /// Starts a blob, for an object that is made piece by piece.
    pub fn blob_writer(&self) -> BlobWriter {
        BlobWriter::new(self.host.new_blob())
    }

    /// An object of these bytes: inline up to 1 MiB, else through a blob.
    ///
    /// # Errors
    /// [`Error::Failed`](crate::Error::Failed) if the host can't keep them.
    pub fn object(&self, id: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Object> {
        let (id, bytes) = (id.into(), bytes.into());
        if bytes.len() <= MAX_INLINE {
            return Ok(Object::inline(id, bytes));
        }
        let mut writer = self.blob_writer();
        writer.write_all(&bytes).at(&id)?;
        Ok(Object::blob(id, writer.finish()?))
    }
}
