//! A host in memory and in a temporary directory, for tests without WebAssembly.
//!
//! [`Host::run`], [`Host::render`] and [`Host::target`] call a plugin as the real host does, config
//! and all. It is a cheap handle: clones are the same host. Log lines go to the host that was made
//! last on the thread.

mod host;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod live;
mod sync;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::deploy::{Deploy, Target};
use crate::error::Result;
use crate::files;
use crate::log::Level;
use crate::object::{EntryKind, Object, TreeEntry};
use crate::plugin::{BuildStep, DeployTarget, Renderer};
use crate::render::Render;
use crate::step::Step;
use live::Live;

#[cfg(feature = "http")]
pub use http::Requested;
pub use sync::Synced;

thread_local! {
    static LAST: RefCell<Weak<State>> = const { RefCell::new(Weak::new()) };
}

/// A fake host. Its functions panic where a test is at fault.
#[derive(Debug, Clone)]
pub struct Host(Rc<State>);

#[derive(Debug)]
struct State {
    root: TempDir,
    context: RefCell<Context>,
    blobs: RefCell<BTreeMap<String, Rc<[u8]>>>,
    trees: RefCell<BTreeMap<String, Vec<TreeEntry>>>,
    live: RefCell<Live>,
    lent: Cell<bool>,
    log: RefCell<Vec<(Level, String)>>,
    secrets: RefCell<BTreeMap<String, Vec<u8>>>,
    #[cfg(feature = "http")]
    web: http::Web,
    #[cfg(feature = "kubernetes")]
    fleet: kubernetes::Fleet,
}

#[derive(Debug)]
struct Context {
    application: String,
    environment: Option<String>,
    revision: String,
    commit_time: i64,
    values: Value,
    artifacts: BTreeMap<String, String>,
}

/// One file or symbolic link of a tree that is given to the fake host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// A file of these bytes.
    File(Vec<u8>),
    /// An executable file of these bytes.
    Executable(Vec<u8>),
    /// A symbolic link that points there.
    Symlink(String),
}

impl From<&str> for Leaf {
    fn from(text: &str) -> Self {
        Self::File(text.as_bytes().to_vec())
    }
}

/// The digest of some bytes, as every host writes it.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Host {
    /// A host with an empty input, no artifacts, a lent directory, and the environment `test` of the
    /// application `example`.
    #[expect(clippy::new_without_default, reason = "it makes a directory on the disk")]
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        for directory in ["in", "out", "artifacts"] {
            fs::create_dir(root.path().join(directory)).expect("the temporary directory can be written");
        }
        let host = Self(Rc::new(State {
            root,
            context: RefCell::new(Context {
                application: "example".to_owned(),
                environment: Some("test".to_owned()),
                revision: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                commit_time: 1_700_000_000,
                values: Value::Object(serde_json::Map::new()),
                artifacts: BTreeMap::new(),
            }),
            blobs: RefCell::default(),
            trees: RefCell::default(),
            live: RefCell::default(),
            lent: Cell::new(true),
            log: RefCell::default(),
            secrets: RefCell::default(),
            #[cfg(feature = "http")]
            web: http::Web::default(),
            #[cfg(feature = "kubernetes")]
            fleet: kubernetes::Fleet::default(),
        }));
        LAST.with(|last| *last.borrow_mut() = Rc::downgrade(&host.0));
        host
    }

    /// Puts a file into the input.
    pub fn add_input(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        files::write(&self.at("in"), path, bytes.as_ref()).expect("the input can be written");
        self
    }

    /// Puts an executable file into the input.
    pub fn add_executable_input(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        self.add_input(path, bytes);
        set_mode(&self.at("in").join(path), true);
        self
    }

    /// Puts a symbolic link into the input.
    pub fn add_input_link(&self, path: &str, target: &str) -> &Self {
        let at = self.at("in").join(path);
        fs::create_dir_all(at.parent().expect("it is below the input")).expect("the input can be written");
        symlink(target, at).expect("the input can be written");
        self
    }

    /// Declares an artifact of these files, and gives its digest.
    pub fn add_artifact<L: Into<Leaf> + Clone>(&self, name: &str, leaves: &[(&str, L)]) -> String {
        let at = self.at("artifacts").join(name);
        fs::create_dir_all(&at).expect("the artifacts can be written");
        for (path, leaf) in leaves {
            match leaf.clone().into() {
                Leaf::File(bytes) => files::write(&at, path, &bytes).expect("the artifacts can be written"),
                Leaf::Executable(bytes) => {
                    files::write(&at, path, &bytes).expect("the artifacts can be written");
                    set_mode(&at.join(path), true);
                }
                Leaf::Symlink(target) => {
                    fs::create_dir_all(at.join(path).parent().expect("it is below")).expect("it can be written");
                    symlink(target, at.join(path)).expect("the artifacts can be written");
                }
            }
        }
        let digest = self.add_tree(leaves);
        self.0.context.borrow_mut().artifacts.insert(name.to_owned(), digest.clone());
        digest
    }

    /// Gives the plugin a blob, and tells its digest.
    pub fn add_blob(&self, bytes: impl AsRef<[u8]>) -> String {
        let digest = digest(bytes.as_ref());
        self.0.blobs.borrow_mut().insert(digest.clone(), bytes.as_ref().into());
        digest
    }

    /// Gives the plugin a directory tree, and tells its digest.
    pub fn add_tree<L: Into<Leaf> + Clone>(&self, leaves: &[(&str, L)]) -> String {
        let mut entries: Vec<_> =
            leaves.iter().map(|(path, leaf)| self.tree_entry(path, leaf.clone().into())).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let digest = digest(format!("{entries:?}").as_bytes());
        self.0.trees.borrow_mut().insert(digest.clone(), entries);
        digest
    }

    fn tree_entry(&self, path: &str, leaf: Leaf) -> TreeEntry {
        let (kind, bytes, link) = match leaf {
            Leaf::File(bytes) => (EntryKind::File, bytes, String::new()),
            Leaf::Executable(bytes) => (EntryKind::Executable, bytes, String::new()),
            Leaf::Symlink(target) => (EntryKind::Symlink, target.clone().into_bytes(), target),
        };
        let size = bytes.len() as u64;
        TreeEntry { path: path.to_owned(), kind, digest: self.add_blob(bytes), size, link }
    }

    /// Sets the application's name.
    pub fn set_application(&self, name: &str) -> &Self {
        name.clone_into(&mut self.0.context.borrow_mut().application);
        self
    }

    /// Sets the environment's name; none as in a build.
    pub fn set_environment(&self, name: Option<&str>) -> &Self {
        self.0.context.borrow_mut().environment = name.map(str::to_owned);
        self
    }

    /// Sets the revision.
    pub fn set_revision(&self, revision: &str) -> &Self {
        revision.clone_into(&mut self.0.context.borrow_mut().revision);
        self
    }

    /// Sets the time of the commit, in seconds since 1970.
    pub fn set_commit_time(&self, seconds: i64) -> &Self {
        self.0.context.borrow_mut().commit_time = seconds;
        self
    }

    /// Sets the environment's values, a JSON object.
    pub fn set_values(&self, values: Value) -> &Self {
        self.0.context.borrow_mut().values = values;
        self
    }

    /// Grants a secret.
    pub fn set_secret(&self, name: &str, value: impl AsRef<[u8]>) -> &Self {
        self.0.secrets.borrow_mut().insert(name.to_owned(), value.as_ref().to_vec());
        self
    }

    /// Runs a build step with this config.
    ///
    /// # Errors
    /// What the step reports.
    pub fn run<P: BuildStep>(&self, config: Value) -> Result<String> {
        P::run(&config.to_string(), &mut self.step())
    }

    /// Runs a renderer with this config.
    ///
    /// # Errors
    /// What the renderer reports.
    pub fn render<P: Renderer>(&self, config: Value) -> Result<Vec<Object>> {
        P::render(&config.to_string(), &mut self.renderer())
    }

    /// A deploy target with this config.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the config does not parse.
    pub fn target<P: DeployTarget>(&self, config: Value) -> Result<impl Target> {
        P::configure(config.to_string())
    }

    /// What a build step is given.
    pub fn step(&self) -> Step {
        Step::new(self.clone())
    }

    /// What a renderer is given.
    pub fn renderer(&self) -> Render {
        Render::new(self.clone())
    }

    /// What a deploy target is given.
    pub fn deploy(&self) -> Deploy {
        Deploy::new(self.clone())
    }

    /// The bytes of a file of the output; none if there is no such file.
    pub fn output(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.at("out").join(path)).ok()
    }

    /// Whether a file of the output is executable.
    pub fn is_output_executable(&self, path: &str) -> bool {
        is_executable(&self.at("out").join(path)).unwrap_or(false)
    }

    /// The paths of all files and links of the output, sorted.
    pub fn outputs(&self) -> Vec<String> {
        let entries = files::walk(&self.at("out")).expect("the output can be read");
        entries.into_iter().map(|entry| entry.path).collect()
    }

    /// The bytes of a blob, of whoever wrote it; none if there is no such blob.
    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.0.blobs.borrow().get(digest).map(|bytes| bytes.to_vec())
    }

    /// What was logged, and what of it mattered how much.
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.0.log.borrow().clone()
    }

    fn at(&self, directory: &str) -> PathBuf {
        self.0.root.path().join(directory)
    }
}

fn set_mode(path: &Path, executable: bool) {
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}

fn is_executable(path: &Path) -> Option<bool> {
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then(|| metadata.permissions().mode() & 0o111 != 0)
}
