//! A runtime with the probes in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use springline_model::call::{Call, Context, canonical_json};
use springline_model::capability::{Grants, Ledger};
use springline_model::plugin::{CallError, Fault, Limits, Pinned};
use springline_model::port::{Blobs, Clusters, NewEntry, Tree};
use springline_model::tree::EntryKind;
use springline_model::{Cancel, Digest};
use springline_runtime::{Compiler, Network, Runtime, RuntimeConfig};
use springline_testkit::MemoryBlobs;

/// A runtime, what it stores, and where.
pub struct Setup {
    /// The runtime.
    pub runtime: Runtime,
    /// Its blob store.
    pub blobs: Arc<MemoryBlobs>,
    /// A directory of its own.
    pub directory: Arc<tempfile::TempDir>,
    components: Arc<Mutex<BTreeMap<Digest, Bytes>>>,
    guests: PathBuf,
}

impl Setup {
    /// One whose compiled plugins are kept from test to test; none, with a word about it, where
    /// there are no guests.
    pub fn new() -> Option<Self> {
        Self::networked(Network::default())
    }

    /// As [`Setup::new`], its requests reaching this network.
    pub fn networked(network: Network) -> Option<Self> {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Self::with(Arc::new(tempfile::tempdir().unwrap()), &cache, network, None)
    }

    /// As [`Setup::new`], with these clusters.
    pub fn clustered(clusters: Arc<dyn Clusters>) -> Option<Self> {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Self::with(Arc::new(tempfile::tempdir().unwrap()), &cache, Network::default(), Some(clusters))
    }

    /// One with an empty cache of its own.
    pub fn cold() -> Option<Self> {
        Self::in_directory(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// One that shares directories with another: as a second process would.
    pub fn in_directory(directory: Arc<tempfile::TempDir>) -> Option<Self> {
        let cache = directory.path().join("cache");
        Self::with(directory, &cache, Network::default(), None)
    }

    fn with(
        directory: Arc<tempfile::TempDir>,
        cache: &Path,
        network: Network,
        clusters: Option<Arc<dyn Clusters>>,
    ) -> Option<Self> {
        let guests = guests()?;
        let components: Arc<Mutex<BTreeMap<Digest, Bytes>>> = Arc::default();
        let known = Arc::clone(&components);
        let blobs = Arc::new(MemoryBlobs::new());
        let runtime = Runtime::new(RuntimeConfig {
            blobs: Arc::clone(&blobs) as Arc<dyn Blobs>,
            loader: Arc::new(move |digest| {
                known.lock().unwrap().get(digest).cloned().ok_or_else(|| format!("no component {digest}"))
            }),
            limits: Arc::new(|_| Limits::default()),
            cache: cache.to_owned(),
            compiler: compiler(),
            scratch: directory.path().join("scratch"),
            source_lines: false,
            network,
            clusters,
            fingerprint_key: directory.path().join("fingerprint.key"),
        });
        Some(Self { runtime, blobs, directory, components, guests })
    }

    /// The probe of that name.
    pub fn probe(&self, name: &str) -> Pinned {
        self.plugin(name, std::fs::read(self.guests.join(format!("{name}.wasm"))).unwrap())
    }

    /// A plugin of these bytes.
    pub fn plugin(&self, name: &str, bytes: impl Into<Bytes>) -> Pinned {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.components.lock().unwrap().insert(digest, bytes);
        Pinned { name: name.into(), digest }
    }

    /// A call of this plugin with this config.
    pub fn call(&self, plugin: Pinned, config: &Value) -> Call {
        Call {
            plugin,
            config: canonical_json(config).into(),
            context: Arc::new(context()),
            limits: Limits::default(),
            grants: Grants::default(),
            ledger: Ledger::default(),
            cancel: Cancel::new(),
        }
    }

    /// A tree of these files; a path that ends in `*` is executable, one with ` -> ` a link.
    pub fn tree(&self, files: &[(&str, &str)]) -> Arc<dyn Tree> {
        self.blobs.tree(&self.tree_digest(files)).unwrap()
    }

    /// The digest of such a tree.
    pub fn tree_digest(&self, files: &[(&str, &str)]) -> Digest {
        let entries = files.iter().map(|(path, content)| {
            let (path, kind) = match path.strip_suffix('*') {
                Some(path) => (path, EntryKind::Executable),
                None if content.starts_with("-> ") => (*path, EntryKind::Symlink),
                None => (*path, EntryKind::File),
            };
            let bytes = content.strip_prefix("-> ").unwrap_or(content);
            NewEntry { path: path.to_owned(), kind, digest: self.blobs.put(bytes.as_bytes()).unwrap() }
        });
        self.blobs.put_tree(entries.collect()).unwrap()
    }

    /// The bytes of a file of a tree.
    pub fn file(&self, tree: &Digest, path: &str) -> String {
        let tree = self.blobs.tree(tree).unwrap();
        let (parent, name) = springline_model::tree::split_path(path);
        let directory = tree.directory(parent).unwrap().unwrap();
        let entry = directory.get(name).unwrap_or_else(|| panic!("no `{path}` in {directory:?}"));
        String::from_utf8_lossy(&tree.read(entry).unwrap()).into_owned()
    }
}

/// The fault of a call that failed.
#[track_caller]
pub fn fault<T: std::fmt::Debug>(result: Result<T, CallError>) -> Fault {
    result.expect_err("the call fails").fault
}

/// What the calls may ask.
pub fn context() -> Context {
    Context {
        application: "shop".into(),
        environment: Some("site".into()),
        revision: "0123456789012345678901234567890123456789".into(),
        commit_time: 1_700_000_000,
        values: r#"{"color":"blue"}"#.into(),
        artifacts: BTreeMap::new(),
    }
}

fn guests() -> Option<PathBuf> {
    if let Some(guests) = std::env::var_os("SPRINGLINE_GUESTS").map(PathBuf::from).filter(|path| path.exists()) {
        return Some(guests);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "SPRINGLINE_GUESTS names nothing, and CI must not skip: run `cargo xtask test`"
    );
    eprintln!("skipped: SPRINGLINE_GUESTS names nothing; `cargo xtask test` builds the guests and sets it");
    None
}

/// The example `compiler`, which cargo builds with the tests.
fn compiler() -> Compiler {
    let program = std::env::current_exe().unwrap();
    let program = program.parent().and_then(Path::parent).unwrap().join("examples/compiler");
    assert!(program.exists(), "{} is missing: `cargo test -p springline-runtime` builds it", program.display());
    Compiler { program, arguments: Vec::new() }
}
