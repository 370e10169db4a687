//! The git repositories that are written to: the source's own, and those that the operator binds.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use springline_config::set_value;
use springline_model::Cancel;
use springline_model::operator::{GitSettings, Operator};
use springline_model::port::{Repositories, RepositoryError, Tree};
use springline_model::repository::{At, Draft, Edit, Make, Next, Tip, Trouble, Written};
use springline_model::trace::{Found, find};
use springline_model::tree::{Entry, EntryKind, TreeError, join_path};
use springline_source::{GitSource, GitWriter};

/// Where objects for repositories elsewhere are kept, below the state directory.
const PUSHES: &str = "pushes";
/// How many lines of a difference are in the message of a proposal.
const LINES: usize = 120;
/// The longest of them, in characters.
const LONGEST_LINE: usize = 200;
/// The longest file that is compared line by line, in bytes.
const LONGEST_FILE: usize = 256 * 1024;
/// How long the shortest difference of a file is looked for; then it is a longer one.
const LONGEST_LOOK: Duration = Duration::from_millis(200);

/// The repositories of a state directory, opened when they are needed.
pub struct Bound {
    /// The source: a path, or an address.
    source: String,
    /// The addresses of the others, by name.
    others: HashMap<String, String>,
    settings: GitSettings,
    state: PathBuf,
    cancel: Cancel,
    open: Mutex<HashMap<Option<String>, Arc<GitWriter>>>,
}

impl Bound {
    /// Nothing is opened or reached yet.
    pub fn new(source: &str, operator: &Operator, state: &Path, cancel: &Cancel) -> Self {
        let address = |url: &str| match GitSource::is_address(url) {
            true => url.to_owned(),
            false => std::path::absolute(state.join(url)).unwrap_or_else(|_| state.join(url)).display().to_string(),
        };
        let others = operator.repositories.iter().map(|(name, binding)| (name.clone(), address(&binding.url)));
        Self {
            source: source.to_owned(),
            others: others.collect(),
            settings: operator.git.clone(),
            state: state.to_owned(),
            cancel: cancel.clone(),
            open: Mutex::default(),
        }
    }

    /// The same ones, for something that can be stopped by itself.
    #[must_use]
    pub fn until(&self, cancel: &Cancel) -> Self {
        Self {
            source: self.source.clone(),
            others: self.others.clone(),
            settings: self.settings.clone(),
            state: self.state.clone(),
            cancel: cancel.clone(),
            open: Mutex::default(),
        }
    }

    fn writer(&self, repository: Option<&str>) -> Result<Arc<GitWriter>, RepositoryError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = repository.map(str::to_owned);
        if let Some(writer) = open.get(&key) {
            return Ok(writer.clone());
        }
        let how = (self.settings.patience(), &self.cancel);
        let pushes = self.state.join(PUSHES);
        let writer = match repository {
            None if GitSource::is_address(&self.source) => GitWriter::remote(&self.source, &pushes, how)?,
            None => GitWriter::local(Path::new(&self.source), self.settings.push.as_deref(), how)?,
            Some(name) => {
                let url = self.others.get(name).ok_or_else(|| {
                    RepositoryError::new(Trouble::Unknown, format!("host.yaml binds no repository `{name}`"))
                })?;
                GitWriter::remote(url, &pushes, how)?
            }
        };
        Ok(open.entry(key).or_insert(Arc::new(writer)).clone())
    }

    /// The draft with the operator's name under it, and values set in their files.
    fn finished(&self, draft: Draft, tree: Option<&dyn Tree>) -> Result<Draft, RepositoryError> {
        let mut files: HashMap<String, String> = HashMap::new();
        let (mut edits, mut order) = (Vec::new(), Vec::new());
        for edit in draft.edits {
            let Edit::Value { path, pointer, value } = edit else {
                edits.push(edit);
                continue;
            };
            let text = match files.get(&path) {
                Some(text) => text.clone(),
                None => {
                    order.push(path.clone());
                    read(tree, &path)?
                }
            };
            let text = set_value(&path, &text, &pointer, &value)
                .map_err(|error| RepositoryError::new(Trouble::Content, error.to_string()))?;
            files.insert(path, text);
        }
        for path in order {
            if let Some(text) = files.remove(&path) {
                edits.push(Edit::Put { path, bytes: text.into_bytes() });
            }
        }
        let mut message = draft.message;
        if draft.shows_difference {
            message.push_str(&difference(tree, &edits)?);
        }
        let mut author = draft.author;
        author.name.clone_from(&self.settings.name);
        author.email.clone_from(&self.settings.email);
        Ok(Draft { edits, message, author, ..draft })
    }
}

/// The bytes of a file before and after, none where it is not there.
type BeforeAfter = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What edits make different, as text for a message: the beginning of it, if it is much.
fn difference(tree: Option<&dyn Tree>, edits: &[Edit]) -> Result<String, RepositoryError> {
    let mut changed: BTreeMap<String, BeforeAfter> = BTreeMap::new();
    for edit in edits {
        match edit {
            Edit::Put { path, bytes } => {
                drop(changed.insert(path.clone(), (bytes_at(tree, path)?, Some(bytes.clone()))))
            }
            Edit::Replace { path, tree: after } => {
                for (below, entry) in files(after.as_ref())? {
                    let bytes = after.read(&entry).map_err(unreadable)?.to_vec();
                    let path = join_path(path, &below);
                    changed.insert(path.clone(), (bytes_at(tree, &path)?, Some(bytes)));
                }
                let Some(before) = tree.and_then(|tree| tree.subtree(path).ok().flatten()) else { continue };
                for (below, entry) in files(before.as_ref())? {
                    let path = join_path(path, &below);
                    let bytes = before.read(&entry).map_err(unreadable)?.to_vec();
                    changed.entry(path).or_insert((Some(bytes), None));
                }
            }
            Edit::Remove { .. } | Edit::Value { .. } => {}
        }
    }
    changed.retain(|_, (before, after)| before != after);
    let (mut text, mut left) = (String::new(), LINES);
    for (at, (path, (before, after))) in changed.iter().enumerate() {
        if left == 0 {
            text.push_str(&format!("\n… and {} more files\n", changed.len() - at));
            break;
        }
        let lines = unified(path, before.as_deref(), after.as_deref());
        let shown: Vec<_> = lines.lines().take(left).collect();
        let more = lines.lines().count() - shown.len();
        text.push_str(&format!("\n{}\n", shown.join("\n")));
        if more > 0 {
            text.push_str(&format!("… and {more} more lines\n"));
        }
        left -= shown.len();
    }
    Ok(text)
}

/// The difference of a file. Each line begins with a blank, so that none is taken for something else
/// in a message.
fn unified(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| match bytes {
        None => Some(String::new()),
        Some(bytes) if bytes.len() > LONGEST_FILE || bytes.contains(&0) => None,
        Some(bytes) => str::from_utf8(bytes).ok().map(str::to_owned),
    };
    let (Some(old), Some(new)) = (text(before), text(after)) else {
        return format!("  {path}: no text, or a long one");
    };
    let name = |there: bool, prefix: &str| if there { format!("{prefix}/{path}") } else { "/dev/null".to_owned() };
    let difference = similar::TextDiff::configure().timeout(LONGEST_LOOK).diff_lines(&old, &new);
    let mut unified = difference.unified_diff();
    let lines = unified.context_radius(2).header(&name(before.is_some(), "a"), &name(after.is_some(), "b")).to_string();
    let line = |line: &str| format!("  {}\n", line.chars().take(LONGEST_LINE).collect::<String>());
    lines.lines().map(line).collect()
}

/// Every file of a tree.
fn files(tree: &dyn Tree) -> Result<Vec<(String, Entry)>, RepositoryError> {
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(at) = open.pop() {
        for entry in tree.directory(&at).map_err(unreadable)?.iter().flat_map(|directory| directory.entries()) {
            let path = join_path(&at, &entry.name);
            match entry.kind {
                EntryKind::Directory => open.push(path),
                EntryKind::Submodule => {}
                _ => found.push((path, entry.clone())),
            }
        }
    }
    Ok(found)
}

fn bytes_at(tree: Option<&dyn Tree>, path: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
    let Some(tree) = tree else { return Ok(None) };
    match find(tree, path).map_err(unreadable)? {
        Found::Entry(entry) if entry.kind.is_file() => Ok(Some(tree.read(&entry).map_err(unreadable)?.to_vec())),
        _ => Ok(None),
    }
}

fn unreadable(error: TreeError) -> RepositoryError {
    RepositoryError::new(Trouble::Other, error.to_string())
}

/// The text of a file of the other repository.
fn read(tree: Option<&dyn Tree>, path: &str) -> Result<String, RepositoryError> {
    let content = |message: String| RepositoryError::new(Trouble::Content, message);
    let unreadable = |error| RepositoryError::new(Trouble::Other, format!("`{path}` can't be read: {error}"));
    let Some(tree) = tree else { return Err(content(format!("there is no `{path}`: the branch is not there"))) };
    let entry = match find(tree, path).map_err(unreadable)? {
        Found::Entry(entry) if entry.kind.is_file() => entry,
        _ => return Err(content(format!("there is no file `{path}` on the branch"))),
    };
    let bytes = tree.read(&entry).map_err(unreadable)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| content(format!("`{path}` is no text in UTF-8")))
}

impl Repositories for Bound {
    fn tip(&self, at: &At) -> Result<Tip, RepositoryError> {
        self.writer(at.repository.as_deref())?.tip(&at.reference)
    }

    fn default_branch(&self, repository: Option<&str>) -> Result<String, RepositoryError> {
        self.writer(repository)?.default_branch()
    }

    fn update(&self, at: &At, beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError> {
        self.writer(at.repository.as_deref())?.update(&at.reference, beside, &mut |tip, other| {
            Ok(match make(tip, other)? {
                Next::Keep => Next::Keep,
                Next::Commit(draft) => Next::Commit(self.finished(draft, tip.tree.as_deref())?),
                Next::Instead(draft) => {
                    Next::Instead(self.finished(draft, other.and_then(|other| other.tree.as_deref()))?)
                }
            })
        })
    }
}
