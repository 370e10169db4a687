//! From what springline.yaml and host.yaml say to a chain that can run: plugins found and pinned,
//! configs checked against the plugins' schemas, targets bound.

mod target;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use springline_config::{CompiledSchema, Document, LockedPlugin, Part, PluginName, PluginSource};
use springline_engine::chain::{APPLICATION, Artifact, Chain, Environment, Input, Step, Use};
use springline_model::Digest;
use springline_model::application;
use springline_model::call::canonical_json;
use springline_model::capability::Grants;
use springline_model::plugin::{Description, Kind, Pinned};
use springline_model::port::{Blobs as _, Plugins as _, Store as _, Tree};
use springline_model::reference::{Reference, SCHEME};
use springline_model::run::Release;
use springline_model::trace::{Found, find};

use crate::app::App;
use crate::builtin;
use crate::cli::error::{CliError, Kind as ErrorKind};
use crate::cli::redeploy;
use crate::lockfile::LockFile;
use crate::project::{Configured, Picked, read_text};
use crate::shared::Shared;
use crate::site::Site;
use crate::{grants, handover, paths, show};

pub use target::{pinned_target, target};

/// A plugin that is found and described.
#[derive(Clone)]
pub struct Known {
    /// Its name and digest.
    pub pinned: Pinned,
    /// What it says of itself.
    pub description: Arc<Description>,
    track: Arc<str>,
    schema: Arc<CompiledSchema>,
}

impl Known {
    /// Whether a target takes what is protected.
    fn guards(&self) -> bool {
        self.schema.takes(&[APPLICATION, "sync", "protect"])
    }

    /// Whether a target takes rules for fields that are left alone, and tells what it leaves.
    fn leaves(&self) -> bool {
        ["ignore", "told"].iter().all(|key| self.schema.takes(&[APPLICATION, "sync", key]))
    }
}

/// What an application says to a target, and where.
pub type Said<'a> = (&'a Map<String, Value>, &'a Place<'a>);

/// Where plugins that are named by a path are looked for.
enum Base<'a> {
    /// At the application's place in the revision, and where there is no such file, in the work tree.
    Source { tree: &'a dyn Tree, site: &'a Site },
    /// Below a directory of the operator's.
    Directory(&'a Path),
}

/// Finds the plugins that a file names.
pub struct Resolver<'a> {
    app: &'a App,
    base: Base<'a>,
    /// What is pinned.
    pub lock: LockFile,
    shared: Shared<'a>,
    known: HashMap<String, Known>,
    /// What plugins are that no file pins, if nothing is to be pinned.
    asks: Option<Vec<Pinned>>,
}

impl<'a> Resolver<'a> {
    /// For the plugins of springline.yaml.
    ///
    /// # Errors
    /// A lock file that is wrong.
    pub fn of_source(app: &'a App, picked: &'a Picked) -> Result<Self, CliError> {
        let (tree, site) = (picked.tree.as_ref(), &picked.site);
        let lock = LockFile::of_source(read_text(tree, &site.path(paths::LOCK))?.as_deref(), site)?;
        let base = Base::Source { tree, site };
        Ok(Self { app, base, lock, shared: Shared::new(app), known: HashMap::new(), asks: None })
    }

    /// For the plugins of host.yaml.
    ///
    /// # Errors
    /// A lock file that is wrong.
    pub fn of_operator(app: &'a App) -> Result<Self, CliError> {
        let state = app.project.state();
        let lock = LockFile::of_operator(state)?;
        let base = Base::Directory(state);
        Ok(Self { app, base, lock, shared: Shared::new(app), known: HashMap::new(), asks: None })
    }

    /// The plugin of that name, pinned now if it was not. `place` says where it is named. What
    /// host.yaml puts in its stead is found by `operator`, or by this one if it is the operator's.
    ///
    /// # Errors
    /// A plugin that can't be found, or that is not what is pinned, or that is no plugin.
    fn plugin(&mut self, operator: Option<&mut Self>, name: &str, place: &Place<'_>) -> Result<Known, CliError> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let app = self.app;
        let digest = match app.operator.value.source_of(name) {
            Some(source) => {
                let place = Place::of_replacement(&app.operator.document, name);
                operator.unwrap_or(&mut *self).pinned(source, &place)?
            }
            None => self.pinned(name, place)?,
        };
        let known = self.describe(Pinned { name: name.to_owned(), digest })?;
        self.known.insert(name.to_owned(), known.clone());
        Ok(known)
    }

    /// The digest that a name is pinned to, pinned now if it was not; its bytes are here.
    fn pinned(&mut self, name: &str, place: &Place<'_>) -> Result<Digest, CliError> {
        if let Some(locked) = self.lock.lock.get(name) {
            match PluginName::parse(name) {
                Ok(PluginName::Registry(reference)) => {
                    self.shared.ensure(&reference, locked).map_err(|error| place.put_before(error))?;
                }
                _ => self.ensure_pinned(name, &locked.digest, place)?,
            }
            return Ok(locked.digest);
        }
        if let Some(known) = &self.asks {
            if let Some(plugin) = known.iter().find(|plugin| plugin.name == name) {
                redeploy::ensure_there(self.app, plugin)?;
                self.shared.recheck(plugin)?;
                return Ok(plugin.digest);
            }
            if name.starts_with(SCHEME) {
                return Err(place.error(format!("`{name}` is not pinned")).hint("a run of this revision pins it"));
            }
        }
        let found = self.find(name, place)?;
        if name.parse::<Digest>().is_err() {
            self.lock.pin(name, &found);
        }
        Ok(found.digest)
    }

    /// The plugin that a name stands for today, whatever is pinned. Nothing is pinned by it.
    ///
    /// # Errors
    /// A plugin that can't be found.
    pub fn find(&self, name: &str, place: &Place<'_>) -> Result<LockedPlugin, CliError> {
        let found = |source, digest| LockedPlugin { source, digest, version: None, manifest: None, tag: None };
        if let Ok(digest) = name.parse::<Digest>() {
            self.ensure_pinned(name, &digest, place)?;
            return Ok(found(PluginSource::Digest, digest));
        }
        if name.starts_with(SCHEME) {
            let reference = name.parse::<Reference>();
            let reference = reference.map_err(|error| place.suggest(error.message, Some(error.suggestion)))?;
            return self.shared.find(&reference).map_err(|error| place.put_before(error));
        }
        if let Some(path) = name.strip_prefix("./") {
            let Some(bytes) = self.read(path)? else {
                return Err(place.error(format!("there is no plugin at `{name}`")).hint(
                    "the path starts at the directory of springline.yaml (of host.yaml's plugins: at the state directory); \
                     build the plugin first, or commit it",
                ));
            };
            return Ok(found(PluginSource::Path, self.app.blobs.put(&bytes)?));
        }
        let Some(builtin) = builtin::named(name) else {
            return Err(unknown(name, place));
        };
        self.store_builtin(builtin)?;
        Ok(found(PluginSource::Builtin, builtin.digest))
    }

    /// Makes sure that the bytes of a pinned plugin are in the blob store.
    fn ensure_pinned(&self, name: &str, digest: &Digest, place: &Place<'_>) -> Result<(), CliError> {
        if let Some(path) = name.strip_prefix("./") {
            // A path is looked at every time: who changed the file wants to hear of it.
            if let Some(bytes) = self.read(path)? {
                let found = Digest::of(&bytes);
                if found == *digest {
                    self.app.blobs.put(&bytes)?;
                    return Ok(());
                }
                let lock = self.lock_name();
                let message = format!("`{name}` is {} now, and {lock} pins {}", found.short(), digest.short());
                return Err(place
                    .error(message)
                    .hint(format!("`springline update {name}` pins what is there now; commit {lock} then")));
            }
        }
        if self.app.blobs.contains(digest) {
            return Ok(());
        }
        if let Some(builtin) = builtin::all().iter().find(|builtin| builtin.digest == *digest) {
            return self.store_builtin(builtin);
        }
        for directory in &self.app.operator.value.plugin_directories {
            if let Some(bytes) = search(directory, digest) {
                self.app.blobs.put(&bytes)?;
                return Ok(());
            }
        }
        let message = format!("plugin `{name}` is pinned at {digest}, and those bytes are nowhere to be found");
        Err(place.error(message).hint(format!(
            "put the component into a directory that host.yaml names in `plugin-directories`, or let \
             `springline update {name}` pin what this host has (what it made is then built again)"
        )))
    }

    /// What messages call the lock file.
    fn lock_name(&self) -> String {
        match &self.base {
            Base::Source { site, .. } => site.path(paths::LOCK),
            Base::Directory(_) => paths::LOCK.to_owned(),
        }
    }

    fn store_builtin(&self, builtin: &builtin::Builtin) -> Result<(), CliError> {
        if !self.app.blobs.contains(&builtin.digest) {
            self.app.blobs.put(builtin.bytes)?;
        }
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, CliError> {
        match &self.base {
            Base::Source { tree, site } => {
                if let Found::Entry(entry) = find(*tree, &site.path(path))?
                    && entry.kind.is_file()
                {
                    return Ok(Some(tree.read(&entry)?));
                }
                Ok(site.file_on_disk(path).and_then(|file| std::fs::read(file).ok()).map(Bytes::from))
            }
            Base::Directory(dir) => Ok(std::fs::read(dir.join(path)).ok().map(Bytes::from)),
        }
    }

    /// Takes these plugins for what their names stand for.
    fn take(&mut self, plugins: &[Pinned]) -> Result<(), CliError> {
        for plugin in plugins {
            redeploy::ensure_there(self.app, plugin)?;
            self.shared.recheck(plugin)?;
            let known = self.describe(plugin.clone())?;
            self.known.insert(plugin.name.clone(), known);
        }
        Ok(())
    }

    fn describe(&self, pinned: Pinned) -> Result<Known, CliError> {
        let description = self.app.describe(&pinned)?;
        let schema = CompiledSchema::new(&description.config_schema).map_err(|message| {
            CliError::new(ErrorKind::Plugin, format!("plugin {pinned}: its config schema is wrong: {message}"))
                .hint("this is a bug in the plugin: tell its author")
        })?;
        let track = description.track.as_str().into();
        Ok(Known { pinned, description: Arc::new(description), track, schema: Arc::new(schema) })
    }

    /// One use of a plugin: found, of the right kind, its config checked. What another file says
    /// besides becomes the config's `application`.
    ///
    /// # Errors
    /// A plugin that can't be found or is of another kind; a config that its schema does not accept.
    pub fn usage(
        &mut self,
        operator: Option<&mut Self>,
        wanted: Kind,
        (name, with, application): (&str, &Map<String, Value>, Option<Said<'_>>),
        place: &Place<'_>,
    ) -> Result<Use, CliError> {
        let known = self.plugin(operator, name, &place.key("plugin"))?;
        self.usage_of(known, wanted, (name, with, application), place, &format!("plugin `{name}`"))
    }

    /// As [`Resolver::usage`], of a plugin that is found. `of` is what messages call it.
    fn usage_of(
        &self,
        known: Known,
        wanted: Kind,
        (name, with, application): (&str, &Map<String, Value>, Option<Said<'_>>),
        place: &Place<'_>,
        of: &str,
    ) -> Result<Use, CliError> {
        if known.description.kind != wanted {
            let message = format!("{of} is a {}, and a {wanted} is needed here", known.description.kind);
            return Err(place.key("plugin").error(message).hint("`springline plugin list` shows what each plugin is"));
        }
        let mut config = with.clone();
        let pointer = format!("{}/with", place.pointer);
        if let Some((said, _)) = application {
            config.insert(APPLICATION.to_owned(), Value::Object(said.clone()));
        }
        let config = Value::Object(config);
        let part = application.map(|(_, at)| Part { key: APPLICATION, document: at.document, pointer: &at.pointer });
        known.schema.check(place.document, &pointer, &config, Some(of), part)?;
        Ok(Use {
            plugin: known.pinned,
            track: known.track,
            config: canonical_json(&config).into(),
            limits: self.app.operator.value.limits_of(name).clone(),
            grants: Grants::default(),
            pointer,
        })
    }

    /// Writes the lock file if something was pinned.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self) -> Result<(), CliError> {
        if self.asks.is_some() {
            return Ok(());
        }
        if let Some(path) = self.lock.save()?
            && matches!(self.base, Base::Source { .. })
        {
            show::note(format_args!("pinned plugins in {}: commit it", path.display()));
        }
        Ok(())
    }
}

/// A place in a file.
pub struct Place<'a> {
    document: &'a Document,
    pointer: String,
}

impl<'a> Place<'a> {
    /// The place that a pointer names.
    pub fn new(document: &'a Document, pointer: impl Into<String>) -> Self {
        Self { document, pointer: pointer.into() }
    }

    /// The place where the operator says what is taken in the stead of a plugin.
    pub fn of_replacement(document: &'a Document, plugin: &str) -> Self {
        Self::new(document, format!("/plugins/{}/source", plugin.replace('~', "~0").replace('/', "~1")))
    }

    /// Puts the line of the file in front of an error.
    fn put_before(&self, error: CliError) -> CliError {
        let (line, column) = springline_config::locate(self.document, &self.pointer);
        error.at(&format!("{}:{line}:{column}", self.document.name()))
    }

    /// The place of a key in it.
    pub fn key(&self, key: &str) -> Self {
        Self { document: self.document, pointer: format!("{}/{key}", self.pointer) }
    }

    fn error(&self, message: String) -> CliError {
        self.suggest(message, None)
    }

    /// An error at this place.
    pub fn suggest(&self, message: String, suggestion: Option<String>) -> CliError {
        self.document.error(vec![self.document.issue(&self.pointer, message, suggestion)]).into()
    }
}

fn unknown(name: &str, place: &Place<'_>) -> CliError {
    let names = builtin::all().iter().map(|builtin| builtin.name);
    let near = springline_config::nearest(name, names.clone()).map(|near| format!("did you mean `{near}`?"));
    let error = place.suggest(format!("there is no built-in plugin `{name}`"), near);
    let known: Vec<_> = names.collect();
    if known.is_empty() {
        return error.hint("this build carries no plugins: `cargo xtask demo` makes one that does");
    }
    error.hint(format!(
        "built in are {}; a plugin of your own is named by its path (`./plugins/x.wasm`), its digest or \
         its reference (`oci://REGISTRY/REPOSITORY:TAG`)",
        known.join(", ")
    ))
}

/// The bytes with a digest among the components of a directory.
pub fn search(directory: &Path, digest: &Digest) -> Option<Vec<u8>> {
    let entries = std::fs::read_dir(directory).ok()?;
    let components =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "wasm"));
    components.filter_map(|path| std::fs::read(path).ok()).find(|bytes| Digest::of(bytes) == *digest)
}

/// What a chain is put together for.
#[derive(Clone, Copy)]
pub enum Purpose<'r> {
    /// A run. What is not pinned yet is pinned.
    Run,
    /// A question about a release: only the part that ends in its environment. Nothing is pinned by it: what no file
    /// pins is what the release was made with.
    Ask(&'r Release),
    /// A promotion: only the part that ends in this environment, with the plugins that the release was made
    /// with, whatever is pinned now.
    Promote(&'r Release, &'r str),
}

/// The chain that a revision declares, every plugin pinned.
///
/// # Errors
/// Whatever is wrong with the files or the plugins, with its place; plugins of the release that are gone.
pub fn chain_of(
    app: &App,
    picked: &Picked,
    configured: &Configured<application::Application>,
    purpose: Purpose<'_>,
) -> Result<Chain, CliError> {
    put_together(app, picked, configured, (purpose, None))
}

/// Why environments have no target that they could be deployed to, by their names.
pub type Unbound = BTreeMap<String, CliError>;

/// As [`chain_of`], for a run, without the environments that have no target: that is no concern of the others.
///
/// # Errors
/// As [`chain_of`].
pub fn chain_where_bound(
    app: &App,
    picked: &Picked,
    configured: &Configured<application::Application>,
) -> Result<(Chain, Unbound), CliError> {
    let mut unbound = Unbound::new();
    let chain = put_together(app, picked, configured, (Purpose::Run, Some(&mut unbound)))?;
    Ok((chain, unbound))
}

fn put_together(
    app: &App,
    picked: &Picked,
    configured: &Configured<application::Application>,
    (purpose, mut unbound): (Purpose<'_>, Option<&mut Unbound>),
) -> Result<Chain, CliError> {
    let Configured { value: declared, document } = configured;
    let mut resolver = Resolver::of_source(app, picked)?;
    let mut operator = Resolver::of_operator(app)?;
    match purpose {
        Purpose::Run => {}
        Purpose::Ask(release) => {
            resolver.asks = Some(release.plugins.clone());
            operator.asks = Some(vec![release.target_plugin.clone()]);
        }
        Purpose::Promote(release, _) => resolver.take(&release.plugins)?,
    }
    let mut chain = Chain {
        application: declared.application.clone(),
        artifacts: Vec::new(),
        environments: Vec::new(),
        deliveries: Vec::new(),
    };
    for (name, artifact) in &declared.artifacts {
        let place = Place::new(document, format!("/artifacts/{name}/steps"));
        let steps = steps((&mut resolver, &mut operator), &artifact.steps, (&place, &picked.site))?;
        let taken = match &artifact.taken {
            Some(taken) => {
                let place = Place::new(document, format!("/artifacts/{name}/taken"));
                Some(handover::taken(app, picked, name, taken, &place)?)
            }
            None => None,
        };
        chain.artifacts.push(Artifact { name: name.clone(), steps, taken });
    }
    for (name, environment) in &declared.environments {
        let is_other = match purpose {
            Purpose::Run => false,
            Purpose::Ask(release) => release.environment != *name,
            Purpose::Promote(_, to) => to != name,
        };
        if is_other {
            continue;
        }
        let place = Place::new(document, format!("/environments/{name}"));
        let render = &environment.render;
        let (plugin, with, at) = (&render.plugin, &render.with, place.key("render"));
        let renderer = resolver.usage(Some(&mut operator), Kind::Renderer, (plugin, with, None), &at)?;
        let target = match (target(app, &mut operator, environment, &place), &mut unbound) {
            (Err(error), Some(unbound)) => {
                unbound.insert(name.clone(), error);
                continue;
            }
            (target, _) => target?,
        };
        chain.environments.push(Environment {
            name: name.clone(),
            render: renderer,
            input: picked.site.path(render.input.as_deref().unwrap_or_default()),
            values: canonical_json(&Value::Object(environment.values.clone())),
            target,
            sync: environment.sync.clone(),
            promote_from: environment.promote_from.clone(),
            gates: environment.gates.clone(),
            record: environment.record.clone(),
        });
    }
    chain.deliveries = handover::deliveries(app, (&mut resolver, &mut operator), picked, configured)?;
    resolver.save()?;
    operator.save()?;
    grants::give(&app.operator.value, &mut chain);
    Ok(chain)
}

fn steps<'a>(
    (resolver, operator): (&mut Resolver<'a>, &mut Resolver<'a>),
    declared: &[application::Step],
    (place, site): (&Place<'_>, &Site),
) -> Result<Vec<Step>, CliError> {
    let mut steps: Vec<Step> = Vec::with_capacity(declared.len());
    for (at, step) in declared.iter().enumerate() {
        let input = match (&step.input, at) {
            (None, 0) => Input::Source(site.path("")),
            (None, _) => Input::Step(at - 1),
            (Some(input), _) => match steps.iter().position(|earlier| earlier.name == *input) {
                Some(earlier) => Input::Step(earlier),
                None => Input::Source(site.path(input)),
            },
        };
        let place = place.key(&at.to_string());
        let wanted = (step.plugin.as_str(), &step.with, None);
        let uses = resolver.usage(Some(&mut *operator), Kind::BuildStep, wanted, &place)?;
        steps.push(Step { name: step.name.clone(), uses, input });
    }
    Ok(steps)
}

impl App {
    /// What a plugin says of itself, from the store if it was asked before.
    ///
    /// # Errors
    /// A plugin that can't be run.
    pub fn describe(&self, pinned: &Pinned) -> Result<Description, CliError> {
        if let Some(description) = self.store.description(&pinned.digest)? {
            return Ok(description);
        }
        let description = self.plugins.describe(pinned)?;
        self.store.keep_description(&pinned.digest, &description)?;
        Ok(description)
    }
}
