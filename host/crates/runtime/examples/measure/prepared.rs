//! A renderer, ready to be called through the whole host and through a bare wasmtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use springline_model::Cancel;
use springline_model::call::{Call, Context};
use springline_model::capability::{Grants, Ledger};
use springline_model::manifest::Body;
use springline_model::plugin::Limits;
use springline_model::port::{Blobs as _, Plugins as _, Tree};
use springline_runtime::Runtime;
use springline_testkit::{MemoryBlobs, MemoryTree};
use tempfile::TempDir;

use crate::raw::{Objects, Raw};
use crate::{Plugin, Result, runtime};

/// A renderer with its config and its input, on both sides.
pub struct Prepared<R> {
    /// Its name.
    pub name: String,
    config: String,
    runtime: Runtime,
    call: Call,
    tree: Arc<dyn Tree>,
    bare: R,
    blobs: Arc<MemoryBlobs>,
    /// Where the runtime keeps what it compiled.
    _directory: TempDir,
}

impl<R: Raw> Prepared<R> {
    /// Loads the renderer on both sides and checks that they render the same.
    pub fn new(
        plugin: &Path,
        config: &str,
        input: &[(&'static str, &'static str)],
        bare: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<Self> {
        let plugin = Plugin::read(plugin)?;
        let directory = tempfile::tempdir()?;
        let blobs = Arc::new(MemoryBlobs::new());
        let call = Call {
            plugin: plugin.pinned.clone(),
            config: config.into(),
            context: Arc::new(Context::default()),
            limits: Limits::default(),
            grants: Grants::default(),
            ledger: Ledger::default(),
            cancel: Cancel::new(),
        };
        let prepared = Self {
            name: plugin.pinned.name.clone(),
            config: config.to_owned(),
            runtime: runtime(directory.path(), std::slice::from_ref(&plugin), blobs.clone())?,
            call,
            tree: Arc::new(MemoryTree::of_files(input.iter().copied())),
            bare: bare(&plugin.bytes)?,
            blobs,
            _directory: directory,
        };
        prepared.compare()?;
        Ok(prepared)
    }

    fn compare(&self) -> Result<()> {
        let mut rendered = Objects::new();
        for object in self.runtime.render(&self.call, Arc::clone(&self.tree), &BTreeMap::new())?.value.objects {
            let Body::Blob(digest) = object.body else { return Err("a tree was rendered".into()) };
            rendered.insert(object.id, self.blobs.get(&digest)?.to_vec());
        }
        if rendered.is_empty() || rendered != self.bare.render(&self.config)? {
            return Err("the host and bare wasmtime did not render the same".into());
        }
        Ok(())
    }

    /// A call through the whole host.
    pub fn host(&self) -> Result<()> {
        self.runtime.render(&self.call, Arc::clone(&self.tree), &BTreeMap::new())?;
        Ok(())
    }

    /// A call through a bare wasmtime.
    pub fn bare(&self) -> Result<()> {
        self.bare.render(&self.config)?;
        Ok(())
    }
}
