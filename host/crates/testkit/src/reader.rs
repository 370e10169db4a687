//! What a scripted plugin sees of its call, every look recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use springline_model::Digest;
use springline_model::call::{Call, question};
use springline_model::plugin::{Fault, Level, LogLine};
use springline_model::port::Tree;
use springline_model::trace::{Access, Found, Trace, find, listing_hash};
use springline_model::tree::{EntryKind, TreeError, join_path, split_path};

/// How many symbolic links one look-up follows.
const MAX_LINKS: usize = 16;

/// A call as its plugin sees it. What it looks at and asks becomes the call's trace.
pub struct Reader {
    call: Call,
    mounts: BTreeMap<String, Arc<dyn Tree>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    paths: BTreeMap<String, BTreeSet<(String, Access)>>,
    context: BTreeMap<String, Digest>,
    log: Vec<LogLine>,
}

/// The files of one mount. Paths are relative to it, and symbolic links are followed inside it.
pub struct Files<'a> {
    reader: &'a Reader,
    mount: String,
    tree: Option<Arc<dyn Tree>>,
}

impl Reader {
    pub(crate) fn new(call: &Call, mounts: BTreeMap<String, Arc<dyn Tree>>) -> Self {
        Self { call: call.clone(), mounts, seen: Mutex::default() }
    }

    /// The plugin's config.
    pub fn config(&self) -> Value {
        serde_json::from_str(&self.call.config).unwrap()
    }

    /// The files of the input, `/in`.
    pub fn input(&self) -> Files<'_> {
        self.files("in")
    }

    /// The files of an artifact, `/artifacts/NAME`; nothing is there if there is no such artifact.
    pub fn artifact_files(&self, name: &str) -> Files<'_> {
        self.files(&format!("artifacts/{name}"))
    }

    fn files(&self, mount: &str) -> Files<'_> {
        Files { reader: self, mount: mount.to_owned(), tree: self.mounts.get(mount).cloned() }
    }

    /// The application's name.
    pub fn application(&self) -> String {
        self.asked(question::APPLICATION);
        self.call.context.application.clone()
    }

    /// The environment's name.
    pub fn environment(&self) -> Option<String> {
        self.asked(question::ENVIRONMENT);
        self.call.context.environment.clone()
    }

    /// The revision.
    pub fn revision(&self) -> String {
        self.asked(question::REVISION);
        self.call.context.revision.clone()
    }

    /// When it was committed, in seconds since 1970.
    pub fn commit_time(&self) -> i64 {
        self.asked(question::COMMIT_TIME);
        self.call.context.commit_time
    }

    /// The environment's values.
    pub fn values(&self) -> Value {
        self.asked(question::VALUES);
        serde_json::from_str(&self.call.context.values).unwrap()
    }

    /// The digest of an artifact.
    pub fn artifact(&self, name: &str) -> Option<Digest> {
        self.asked(&format!("{}{name}", question::ARTIFACT));
        self.call.context.artifacts.get(name).copied()
    }

    /// The names of the artifacts, sorted.
    pub fn artifact_names(&self) -> Vec<String> {
        self.asked(question::ARTIFACT_NAMES);
        self.call.context.artifacts.keys().cloned().collect()
    }

    /// Reads a secret, as far as the records tell.
    pub fn use_secret(&self, name: &str) {
        self.call.ledger.note(|used| used.secret(name));
    }

    /// Logs a line.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.seen.lock().unwrap().log.push(LogLine { level, text: text.into() });
    }

    /// Whether the call was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.call.cancel.is_cancelled()
    }

    pub(crate) fn finish(self) -> (Trace, Vec<LogLine>) {
        let seen = self.seen.into_inner().unwrap();
        let paths = seen.paths.into_iter().map(|(mount, facts)| (mount, facts.into_iter().collect())).collect();
        (Trace { paths, context: seen.context }, seen.log)
    }

    fn asked(&self, question: &str) {
        let answer = self.call.context.answer(question).unwrap();
        self.seen.lock().unwrap().context.insert(question.to_owned(), answer);
    }
}

impl Files<'_> {
    /// The bytes of the file at this path; none if there is no file.
    ///
    /// # Errors
    /// What reading the tree came to, as a host would report it.
    pub fn read(&self, path: &str) -> Result<Option<Bytes>, Fault> {
        let Some((tree, path, found)) = self.look(path)? else { return Ok(None) };
        let Found::Entry(entry) = found else { return Ok(None) };
        match entry.kind {
            EntryKind::File | EntryKind::Executable => {
                let bytes = tree.read(&entry).map_err(fault)?;
                self.saw(&path, Access::Read(entry.id));
                Ok(Some(bytes))
            }
            EntryKind::Directory => {
                self.saw(&path, Access::IsDirectory);
                Ok(None)
            }
            _ => Err(fault(TreeError::Submodule { path })),
        }
    }

    /// The text of the file at this path.
    ///
    /// # Errors
    /// As [`Files::read`]; [`Fault::Invalid`] if there is no file or it is no text.
    pub fn text(&self, path: &str) -> Result<String, Fault> {
        let bytes = self.read(path)?.ok_or_else(|| invalid(format!("there is no file `{path}`")))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| invalid(format!("`{path}` is no text")))
    }

    /// The names in the directory at this path (empty for the mount itself), sorted; none if there
    /// is no directory.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn list(&self, path: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some((tree, path, found)) = self.look(path)? else { return Ok(None) };
        if let Found::Entry(entry) = &found
            && entry.kind.is_file()
        {
            self.saw(&path, Access::IsFile);
            return Ok(None);
        }
        let Some(directory) = tree.directory(&path).map_err(fault)? else { return Ok(None) };
        self.saw(&path, Access::Listed(listing_hash(&directory)));
        Ok(Some(directory.entries().iter().map(|entry| entry.name.clone()).collect()))
    }

    /// The paths of all files below this directory, sorted; empty if there is none.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn walk(&self, path: &str) -> Result<Vec<String>, Fault> {
        let mut files = Vec::new();
        for name in self.list(path)?.unwrap_or_default() {
            let below = if path.is_empty() { name } else { join_path(path, &name) };
            match self.look(&below)? {
                Some((_, _, Found::Entry(entry))) if entry.kind.is_file() => files.push(below),
                Some((_, _, Found::Entry(_))) => files.extend(self.walk(&below)?),
                _ => {}
            }
        }
        Ok(files)
    }

    /// Whether the file at this path is executable; none if there is no file.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn is_executable(&self, path: &str) -> Result<Option<bool>, Fault> {
        let Some((_, path, Found::Entry(entry))) = self.look(path)? else { return Ok(None) };
        if !entry.kind.is_file() {
            self.saw(&path, Access::IsDirectory);
            return Ok(None);
        }
        let executable = entry.kind == EntryKind::Executable;
        self.saw(&path, Access::Executable(executable));
        Ok(Some(executable))
    }

    fn saw(&self, path: &str, access: Access) {
        let mut seen = self.reader.seen.lock().unwrap();
        seen.paths.entry(self.mount.clone()).or_default().insert((path.to_owned(), access));
    }

    /// Finds what is at a path, following links, and returns it with its own path; none, which is
    /// recorded, if there is nothing.
    #[allow(clippy::type_complexity, reason = "one caller's worth of parts")]
    fn look(&self, path: &str) -> Result<Option<(&dyn Tree, String, Found)>, Fault> {
        let Some(tree) = self.tree.as_deref() else { return Ok(None) };
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let link = match find(tree, &path).map_err(fault)? {
                Found::Missing => {
                    self.saw(&path, Access::Missing);
                    return Ok(None);
                }
                Found::Entry(entry) if entry.kind == EntryKind::Symlink => path.clone(),
                Found::BehindLink => first_link(tree, &path)?,
                found => return Ok(Some((tree, path, found))),
            };
            let target = self.follow(tree, &link)?;
            let rest = path.strip_prefix(&link).unwrap_or_default().trim_start_matches('/').to_owned();
            let Some(target) = resolve(split_path(&link).0, &target) else { return Ok(None) };
            path = [target, rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        }
        Ok(None)
    }

    fn follow(&self, tree: &dyn Tree, link: &str) -> Result<String, Fault> {
        let Found::Entry(entry) = find(tree, link).map_err(fault)? else { return Err(invalid("no link".into())) };
        let target = String::from_utf8_lossy(&tree.read(&entry).map_err(fault)?).into_owned();
        self.saw(link, Access::Link(target.clone()));
        Ok(target)
    }
}

/// The first part of a path that is a symbolic link.
fn first_link(tree: &dyn Tree, path: &str) -> Result<String, Fault> {
    let mut link = String::new();
    for part in path.split('/') {
        link = join_path(&link, part);
        if matches!(find(tree, &link).map_err(fault)?, Found::Entry(entry) if entry.kind == EntryKind::Symlink) {
            break;
        }
    }
    Ok(link)
}

/// Where a link in this directory points; none if that is outside the tree.
fn resolve(directory: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<_> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn fault(error: TreeError) -> Fault {
    match error {
        TreeError::Lost { .. } => Fault::Lost { message: error.to_string() },
        TreeError::Submodule { .. } | TreeError::NotUtf8 { .. } => Fault::Failed { message: error.to_string() },
        TreeError::Io(message) => Fault::Host { message },
    }
}

fn invalid(message: String) -> Fault {
    let violation = springline_model::plugin::Violation { message, file: None, line: None, pointer: None };
    Fault::Invalid { violations: vec![violation] }
}
