//! Finds the repository and the state directory, and reads the files in them.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use springline_config::{Document, load_application, load_operator};
use springline_engine::build::Source;
use springline_model::Cancel;
use springline_model::application::Application;
use springline_model::operator::Operator;
use springline_model::port::{Revision, SourceError, Sources as _, Tree};
use springline_model::trace::{Found, find};
use springline_model::trust::{KeyFile, KeySource};
use springline_source::GitSource;

use crate::cli::error::{CliError, Kind};
use crate::cli::{Common, Meant, RevisionArgs};
use crate::site::{self, Site};
use crate::{paths, show};

/// How many uncommitted paths a warning names.
const NAMED: usize = 3;
/// How many commits before the newest one are asked what they declare, if that one can't be read.
const LOOKED_BACK: usize = 100;

/// A repository, if one is needed, and the state directory.
pub struct Project {
    /// The repository's path or address, as it was said.
    repository: String,
    source: Option<GitSource>,
    state: PathBuf,
    directory: String,
    /// The application that `--app` names.
    meant: Option<Meant>,
}

/// What is picked of a source.
pub struct Picked {
    /// The revision.
    pub revision: Revision,
    /// Its tree.
    pub tree: Arc<dyn Tree>,
    /// Where in it the application is.
    pub site: Site,
    /// What the application is called, instead of what its file says.
    pub name: Option<String>,
    /// Whether a commit with this id, of this time, comes after it.
    pub newer: Newer,
}

/// Says of commits whether they come after another one.
pub type Newer = Arc<dyn Fn(&str, i64) -> bool + Send + Sync>;

/// What comes after this revision in its repository.
pub fn newer(source: &GitSource, revision: &Revision) -> Newer {
    let (source, revision) = (source.clone(), revision.clone());
    Arc::new(move |id, seconds| source.is_before(&revision, id, seconds))
}

/// A file of configuration: its values, and where each stands.
pub struct Configured<T> {
    /// The values.
    pub value: T,
    /// The file.
    pub document: Document,
}

impl Project {
    /// Finds the repository and the state directory, and makes the latter if it is missing.
    ///
    /// # Errors
    /// No repository; a state directory that git tracks or that can't be made.
    pub fn find(common: &Common, revision: Option<&str>, cancel: &Cancel) -> Result<Self, CliError> {
        let directory = site::directory(common.path.as_deref())?;
        let (repository, meant) = (common.repository(), common.session.meant.clone());
        if GitSource::is_address(&repository) {
            let state = common.state.clone().unwrap_or_else(|| common.path(Path::new(paths::STATE)));
            make_state(&state)?;
            let patience = read_operator(&state)?.value.git.patience();
            let revision = revision.or_else(|| meant.as_ref()?.followed.as_deref());
            let source = GitSource::fetch(&repository, revision, &state.join(paths::SOURCES), (patience, cancel))?;
            return Ok(Self { repository, source: Some(source), state, directory, meant });
        }
        let source = GitSource::open(Path::new(&repository))?;
        let state = match &common.state {
            Some(state) => state.clone(),
            None => {
                if source.is_tracked(paths::STATE)? {
                    return Err(CliError::new(
                        Kind::State,
                        format!("git tracks files in `{}`, where Springline keeps its state", paths::STATE),
                    )
                    .hint(format!("`git rm -r --cached {}` takes them out of git, or use --state DIR", paths::STATE)));
                }
                source.root_dir().join(paths::STATE)
            }
        };
        make_state(&state)?;
        Ok(Self { repository, source: Some(source), state, directory, meant })
    }

    /// Where the state directory is. Nothing is made, and nothing of it is read.
    ///
    /// # Errors
    /// What the source reports.
    pub fn state_of(common: &Common) -> Result<PathBuf, SourceError> {
        let repository = common.repository();
        match &common.state {
            Some(state) => Ok(state.clone()),
            None if GitSource::is_address(&repository) => Ok(common.path(Path::new(paths::STATE))),
            None => Ok(GitSource::open(Path::new(&repository))?.root_dir().join(paths::STATE)),
        }
    }

    /// The state directory for applications of many repositories.
    ///
    /// # Errors
    /// A state directory that can't be made.
    pub fn for_many(common: &Common) -> Result<Self, CliError> {
        let state = Self::state_of(common)?;
        make_state(&state)?;
        Ok(Self { source: None, state, directory: String::new(), repository: String::new(), meant: None })
    }

    /// The state directory alone, where `--state` names one; else as [`Project::find`].
    ///
    /// # Errors
    /// As [`Project::find`].
    pub fn find_state(common: &Common, cancel: &Cancel) -> Result<Self, CliError> {
        match &common.state {
            Some(state) if state.is_dir() => {
                let directory = site::directory(common.path.as_deref())?;
                let repository = common.repository();
                Ok(Self { repository, source: None, state: state.clone(), directory, meant: None })
            }
            _ => Self::find(common, None, cancel),
        }
    }

    /// The same one, for who reads no source through it.
    #[must_use]
    pub fn alone(&self) -> Self {
        let (repository, state, directory) = (self.repository.clone(), self.state.clone(), self.directory.clone());
        Self { repository, source: None, state, directory, meant: self.meant.clone() }
    }

    /// The repository's path or address, as it was said.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The repository.
    ///
    /// # Errors
    /// If there is none.
    pub fn source(&self) -> Result<&GitSource, CliError> {
        self.source.as_ref().ok_or_else(|| CliError::new(Kind::Usage, "this needs a repository: name it with --repo"))
    }

    /// The work tree's root, if there is one.
    pub fn work_dir(&self) -> Option<&Path> {
        self.source.as_ref().and_then(GitSource::work_dir)
    }

    /// Where in the repository the application is.
    pub fn site(&self) -> Site {
        Site { work_dir: self.work_dir().map(Path::to_owned), directory: self.directory.clone() }
    }

    /// The revision that the application follows.
    pub fn followed(&self) -> &str {
        self.meant.as_ref().and_then(|meant| meant.followed.as_deref()).unwrap_or("HEAD")
    }

    /// The state of the source that is meant, if it is of the application that is. Uncommitted edits that are left
    /// out are warned of.
    ///
    /// # Errors
    /// What the source reports; another application than the one that `--app` names.
    pub fn pick(&self, wanted: &RevisionArgs) -> Result<Picked, CliError> {
        let picked = self.pick_any(wanted)?;
        if let Some(meant) = &self.meant {
            meant.check(&picked)?;
        }
        Ok(picked)
    }

    /// The state of the source that is meant, whatever application is there. Uncommitted edits that are left out are warned of.
    ///
    /// # Errors
    /// What the source reports.
    pub fn pick_any(&self, wanted: &RevisionArgs) -> Result<Picked, CliError> {
        let source = self.source()?;
        // Where a watch found it, it has the name that the fleet gives it.
        let found = self.meant.as_ref().filter(|meant| meant.followed.is_some());
        let name = found.map(|meant| meant.name.clone());
        if wanted.worktree {
            let (revision, tree) = source.worktree()?;
            return Ok(Picked { revision, tree, site: self.site(), name, newer: Arc::new(|_, _| false) });
        }
        let revision = source.resolve(wanted.revision.as_deref().unwrap_or(self.followed()))?;
        if wanted.revision.is_none() && found.is_none() {
            warn_of_uncommitted(source, &self.site().path(paths::LOCK))?;
        }
        let tree = source.tree(&revision)?;
        // One that somebody names is meant, whatever came after it.
        let newer = if wanted.revision.is_none() { newer(source, &revision) } else { Arc::new(|_: &str, _| false) };
        Ok(Picked { revision, tree, site: self.site(), name, newer })
    }

    /// The application that the newest revision declares.
    ///
    /// # Errors
    /// As [`Project::pick`] and [`Picked::application`].
    pub fn declared(&self) -> Result<Configured<Application>, CliError> {
        self.pick(&RevisionArgs { revision: Some(self.followed().into()), worktree: false })?.application()
    }

    /// As [`Project::declared`]; where the newest revision's file is not there or wrong, what the newest one of some
    /// before it declares, which is warned of: who holds something back, or asks how things are, has to be able to
    /// just then.
    ///
    /// # Errors
    /// As [`Project::declared`], if those before it are no better.
    pub fn last_declared(&self) -> Result<(Configured<Application>, Option<CliError>), CliError> {
        let error = match self.declared() {
            Err(error) if error.kind == Kind::Config => error,
            declared => return Ok((declared?, None)),
        };
        let before = (1..=LOOKED_BACK).map_while(|back| {
            let revision = Some(format!("{}~{back}", self.followed()));
            self.pick(&RevisionArgs { revision, worktree: false }).ok()
        });
        for picked in before {
            if let Ok(declared) = picked.application() {
                let revision = show_revision(&picked.revision.id);
                show::warn(format_args!("{}\n  this is about what {revision} declares", error.message));
                return Ok((declared, Some(error)));
            }
        }
        Err(error)
    }

    /// The operator's file. Without one, nothing is bound and nothing granted.
    ///
    /// # Errors
    /// A file that is wrong.
    pub fn operator(&self) -> Result<Configured<Operator>, CliError> {
        read_operator(&self.state)
    }

    /// The operator's file, if it said this.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn operator_of(&self, text: &str) -> Result<Configured<Operator>, CliError> {
        operator_of(&self.state, text)
    }

    /// The operator's file that this command is under, if it is under one: it may be called outside
    /// any repository. Nothing is made.
    ///
    /// # Errors
    /// A file that is wrong; a repository that can't be read.
    pub fn operator_if_any(common: &Common) -> Result<Configured<Operator>, CliError> {
        let state = match Self::state_of(common) {
            Err(SourceError::NoRepository(_)) => common.path(Path::new(paths::STATE)),
            // A repository that can't be read may have rules that can't be read.
            state => state?,
        };
        read_operator(&state)
    }
}

impl Picked {
    /// What runs are made from.
    pub fn source(&self) -> Source<'_> {
        Source { revision: &self.revision, tree: self.tree.as_ref(), is_before: &*self.newer }
    }

    /// The application that the revision declares.
    ///
    /// # Errors
    /// No springline.yaml, or one that is wrong.
    pub fn application(&self) -> Result<Configured<Application>, CliError> {
        let name = self.site.path(paths::APPLICATION);
        let Some(text) = read_text(self.tree.as_ref(), &name)? else {
            let place = match &self.revision.id {
                id if id.starts_with("worktree") => "the work tree".to_owned(),
                id => format!("revision {}", show_revision(id)),
            };
            return Err(CliError::new(Kind::Config, format!("there is no {name} in {place}")).hint(
                "`springline init` writes a first one; if it is there and not committed, commit it or use --worktree",
            ));
        };
        let (mut value, document) = load_application(&name, &text)?;
        if let Some(name) = &self.name {
            value.application.clone_from(name);
        }
        for (name, environment) in &mut value.environments {
            environment.record = environment.record.named(&value.application, name);
        }
        Ok(Configured { value, document })
    }
}

/// The operator's file of a state directory. Without one, nothing is bound and nothing granted.
fn read_operator(state: &Path) -> Result<Configured<Operator>, CliError> {
    let path = state.join(paths::OPERATOR);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "version: 1\n".to_owned(),
        Err(error) => return Err(CliError::new(Kind::Config, format!("{}: {error}", path.display()))),
    };
    operator_of(state, &text)
}

fn operator_of(state: &Path, text: &str) -> Result<Configured<Operator>, CliError> {
    let file = state.join(paths::OPERATOR).display().to_string();
    let (mut value, document) = load_operator(&file, text)?;
    let base = std::path::absolute(state)
        .map_err(|error| CliError::new(Kind::State, format!("{}: {error}", state.display())))?;
    for target in value.targets.values_mut() {
        if let Some(directory) = &mut target.grants.directory {
            directory.path = base.join(&directory.path);
        }
    }
    for path in value.clusters.values_mut().filter_map(|cluster| cluster.kubeconfig.as_mut()) {
        *path = base.join(&*path);
    }
    for path in value.plugin_directories.iter_mut().chain(&mut value.certificate_authorities) {
        *path = base.join(&*path);
    }
    let targets = value.targets.values_mut().map(|target| &mut target.grants.secrets);
    let plugins = value.grants.iter_mut().map(|grant| &mut grant.secrets);
    for path in targets.chain(plugins).flat_map(|secrets| secrets.values_mut()).filter_map(|s| s.file.as_mut()) {
        *path = base.join(&*path);
    }
    for key in value.trust.iter_mut().flat_map(|trust| trust.keys.values_mut()) {
        if let KeySource::File(KeyFile { file }) = key {
            *file = base.join(&*file);
        }
    }
    // Of thousands of targets, the places are asked for by few.
    Ok(Configured { value, document: document.folded() })
}

/// A revision as people read it.
pub fn show_revision(id: &str) -> &str {
    let end = if id.starts_with("worktree-") { 9 + 7 } else { 7 };
    id.get(..end).unwrap_or(id)
}

/// The text of a file of a tree; none if there is none.
///
/// # Errors
/// What the tree reports; a file that is no text.
pub fn read_text(tree: &dyn Tree, path: &str) -> Result<Option<String>, CliError> {
    let Found::Entry(entry) = find(tree, path)? else { return Ok(None) };
    if !entry.kind.is_file() {
        return Err(CliError::new(Kind::Config, format!("`{path}` is no regular file")));
    }
    let bytes = tree.read(&entry)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(error) => Err(CliError::new(
            Kind::Config,
            format!("`{path}` is not UTF-8: the first bad byte is at {}", error.valid_up_to()),
        )),
    }
}

/// Makes the state directory, for its owner alone and ignored by git.
fn make_state(state: &Path) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        let kind = Kind::State.unless_full(&error);
        CliError::new(kind, format!("the state directory {} can't be made: {error}", state.display()))
            .hint("name another one with --state DIR")
    };
    if state.join(".gitignore").exists() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(failed)?;
    fs::write(state.join(".gitignore"), "*\n").map_err(failed)
}

fn warn_of_uncommitted(source: &GitSource, lock: &str) -> Result<(), CliError> {
    let mut paths = source.uncommitted()?;
    paths.retain(|path| *path != lock);
    if paths.is_empty() {
        return Ok(());
    }
    let more = paths.len().saturating_sub(NAMED);
    let mut named = paths[..paths.len().min(NAMED)].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    show::warn(format_args!("uncommitted edits are left out: {named} (--worktree takes them in)"));
    Ok(())
}
