//! What a call is about.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::host::{Current, Host as _};

/// What a call is about. Every answer is traced: a result depends on it only if it was asked.
#[derive(Debug, Clone)]
pub struct Context {
    host: Current,
    /// Those of the call, once they were asked for.
    values: Rc<OnceCell<Map<String, Value>>>,
}

/// An artifact of the application, as desired by the revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its name in springline.yaml.
    pub name: String,
    /// The digest of its directory tree: what [`Object::tree`](crate::Object::tree) takes.
    pub digest: String,
    /// Where its files are, in a renderer. Reading them makes the result depend on them; its
    /// digest alone is often enough.
    pub path: PathBuf,
}

impl Context {
    pub(crate) fn new(host: Current) -> Self {
        Self { host, values: Rc::default() }
    }

    /// The application's name.
    pub fn application(&self) -> String {
        self.host.application()
    }

    /// The environment's name; none in a build step, which serves every environment.
    pub fn environment(&self) -> Option<String> {
        self.host.environment()
    }

    /// The revision, as git prints it. Asking for it makes the result depend on every commit;
    /// prefer the digest of an artifact.
    pub fn revision(&self) -> String {
        self.host.revision()
    }

    /// When the revision was committed, in seconds since 1970-01-01T00:00:00Z. The wall clock is a
    /// constant in a plugin.
    pub fn commit_time(&self) -> i64 {
        self.host.commit_time()
    }

    /// The environment's values, empty where there are none.
    ///
    /// # Errors
    /// [`Error::Failed`] if the host gives something else than a JSON object.
    pub fn values(&self) -> Result<&Map<String, Value>> {
        if let Some(values) = self.values.get() {
            return Ok(values);
        }
        let values = serde_json::from_str(&self.host.values());
        let values = values.map_err(|error| Error::failed(format!("the values: {error}")))?;
        Ok(self.values.get_or_init(|| values))
    }

    /// The artifact of that name; none if the application declares no such one.
    pub fn artifact(&self, name: &str) -> Option<Artifact> {
        self.host.artifact(name)
    }

    /// The names of the application's artifacts, sorted.
    pub fn artifact_names(&self) -> Vec<String> {
        self.host.artifact_names()
    }

    /// Every artifact, sorted by name.
    pub fn artifacts(&self) -> Vec<Artifact> {
        self.artifact_names().iter().filter_map(|name| self.artifact(name)).collect()
    }
}
