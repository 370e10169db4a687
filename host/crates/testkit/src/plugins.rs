//! Plugins that are closures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::json;
use springline_model::call::{Built, Call, Called, Rendered, TargetCall, Usage};
use springline_model::capability::Capability;
use springline_model::manifest::{Body, Object};
use springline_model::plugin::{CallError, Description, Fault, Kind, LogLine, Pinned};
use springline_model::port::{BlobError, Blobs, NewEntry, Plugins, Target, Tree};
use springline_model::tree::{EntryKind, is_clean_path};
use springline_model::{Digest, Hasher};

use crate::live::Live;
use crate::reader::Reader;
use crate::target::FakeTarget;

type Step = dyn Fn(&Reader, &mut Output) -> Result<String, Fault> + Send + Sync;
type Renderer = dyn Fn(&Reader) -> Result<Vec<(String, Content)>, Fault> + Send + Sync;

/// The bytes of an object that a scripted renderer makes.
#[derive(Debug, Clone)]
pub enum Content {
    /// These.
    Bytes(Vec<u8>),
    /// A directory tree of the blob store.
    Tree(Digest),
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

/// What a scripted step writes.
#[derive(Debug, Default)]
pub struct Output {
    files: Vec<(String, EntryKind, Vec<u8>)>,
}

impl Output {
    /// Writes a file below `/out`.
    pub fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.push((path.into(), EntryKind::File, bytes.into()));
    }

    /// Writes an executable file below `/out`.
    pub fn executable(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.push((path.into(), EntryKind::Executable, bytes.into()));
    }

    /// Makes a symbolic link below `/out`.
    pub fn symlink(&mut self, path: impl Into<String>, target: impl Into<Vec<u8>>) {
        self.files.push((path.into(), EntryKind::Symlink, target.into()));
    }

    /// Makes a directory below `/out`.
    pub fn directory(&mut self, path: impl Into<String>) {
        self.files.push((path.into(), EntryKind::Directory, Vec::new()));
    }
}

#[derive(Clone)]
struct Registered {
    description: Description,
    behaviour: Behaviour,
}

#[derive(Clone)]
enum Behaviour {
    Step(Arc<Step>),
    Renderer(Arc<Renderer>),
    Target(Live),
}

/// Plugins that are closures, by name. Registering a name again makes another plugin of it, with
/// another digest; the one before stays callable by its own.
pub struct FakePlugins {
    blobs: Arc<dyn Blobs>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plugins: BTreeMap<Digest, Registered>,
    pins: BTreeMap<String, Pinned>,
    calls: BTreeMap<(String, &'static str), usize>,
}

impl FakePlugins {
    /// No plugins yet. What they make goes to this blob store.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs, state: Mutex::default() }
    }

    /// Registers a build step: it reads, writes and returns its summary.
    pub fn step<F>(&self, name: &str, run: F) -> Pinned
    where
        F: Fn(&Reader, &mut Output) -> Result<String, Fault> + Send + Sync + 'static,
    {
        self.register(name, Kind::BuildStep, Behaviour::Step(Arc::new(run)))
    }

    /// Registers a renderer: it reads, and returns objects by id.
    pub fn renderer<F>(&self, name: &str, render: F) -> Pinned
    where
        F: Fn(&Reader) -> Result<Vec<(String, Content)>, Fault> + Send + Sync + 'static,
    {
        self.register(name, Kind::Renderer, Behaviour::Renderer(Arc::new(render)))
    }

    /// Registers a deploy target that deploys to these live objects.
    pub fn deploy_target(&self, name: &str, live: &Live) -> Pinned {
        self.register(name, Kind::DeployTarget, Behaviour::Target(live.clone()))
    }

    /// Lets the plugin registered last under this name ask for a power.
    ///
    /// # Panics
    /// If there is none.
    pub fn ask_for(&self, name: &str, capability: &str) {
        let capability = Capability { name: capability.into(), reason: "a test wants it".into() };
        let digest = self.pinned(name).digest;
        self.state().plugins.get_mut(&digest).unwrap().description.capabilities.push(capability);
    }

    /// The plugin registered last under this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn pinned(&self, name: &str) -> Pinned {
        self.state().pins.get(name).cloned().unwrap_or_else(|| panic!("no plugin `{name}` was registered"))
    }

    /// The latest plugin of every name.
    pub fn pins(&self) -> BTreeMap<String, Pinned> {
        self.state().pins.clone()
    }

    /// How often plugins of this name built or rendered.
    pub fn executions(&self, name: &str) -> usize {
        self.calls(name, "build") + self.calls(name, "render")
    }

    /// How often this function of plugins of this name was called: `describe`, `build`, `render`,
    /// `identify`, `plan`, `explain`, `apply`, `observe`, `judge` or `owned`.
    pub fn calls(&self, name: &str, function: &'static str) -> usize {
        self.state().calls.get(&(name.to_owned(), function)).copied().unwrap_or(0)
    }

    fn register(&self, name: &str, kind: Kind, behaviour: Behaviour) -> Pinned {
        let mut state = self.state();
        let mut hasher = Hasher::domain("testkit-plugin");
        hasher.field(name.as_bytes()).field(&state.plugins.len().to_le_bytes());
        let pinned = Pinned { name: name.into(), digest: hasher.finish() };
        let description = Description {
            name: name.into(),
            version: "1.0.0".into(),
            summary: format!("The scripted plugin {name}."),
            kind,
            config_schema: json!({ "type": "object" }),
            capabilities: Vec::new(),
            track: "0.1".into(),
            imports: Vec::new(),
        };
        state.plugins.insert(pinned.digest, Registered { description, behaviour });
        state.pins.insert(name.into(), pinned.clone());
        pinned
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn blobs(&self) -> &dyn Blobs {
        &*self.blobs
    }

    pub(crate) fn count(&self, name: &str, function: &'static str) {
        *self.state().calls.entry((name.to_owned(), function)).or_default() += 1;
    }

    fn find(&self, plugin: &Pinned) -> Result<Registered, CallError> {
        let registered = self.state().plugins.get(&plugin.digest).cloned();
        registered.ok_or_else(|| {
            failed(plugin, Fault::Unusable { message: format!("there is no component {}", plugin.digest) }, Vec::new())
        })
    }

    /// What every call of a plugin begins with.
    fn enter(&self, call: &Call, function: &'static str) -> Result<Behaviour, CallError> {
        let registered = self.find(&call.plugin)?;
        if call.cancel.is_cancelled() {
            return Err(failed(&call.plugin, Fault::Cancelled, Vec::new()));
        }
        self.count(&registered.description.name, function);
        Ok(registered.behaviour)
    }

    fn write(&self, output: Output) -> Result<Digest, Fault> {
        let mut entries = Vec::new();
        for (path, kind, bytes) in output.files {
            let digest = if kind == EntryKind::Directory { Digest::of("") } else { self.put(&bytes)? };
            entries.push(NewEntry { path, kind, digest });
        }
        self.blobs.put_tree(entries).map_err(host_fault)
    }

    fn put(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        self.blobs.put(bytes).map_err(host_fault)
    }

    fn objects(&self, rendered: Vec<(String, Content)>) -> Result<Vec<Object>, Fault> {
        let mut objects = BTreeMap::new();
        for (id, content) in rendered {
            if !is_clean_path(&id) {
                return Err(Fault::Contract { message: format!("{id:?} can't be the id of an object") });
            }
            let body = match content {
                Content::Bytes(bytes) => Body::Blob(self.put(&bytes)?),
                Content::Tree(digest) => Body::Tree(digest),
            };
            if objects.insert(id.clone(), body).is_some() {
                return Err(Fault::Contract { message: format!("two objects are called `{id}`") });
            }
        }
        Ok(objects.into_iter().map(|(id, body)| Object { id, body }).collect())
    }
}

impl Plugins for FakePlugins {
    fn describe(&self, plugin: &Pinned) -> Result<Description, CallError> {
        let description = self.find(plugin)?.description;
        self.count(&description.name, "describe");
        Ok(description)
    }

    fn build(&self, call: &Call, input: Arc<dyn Tree>) -> Result<Called<Built>, CallError> {
        let Behaviour::Step(run) = self.enter(call, "build")? else { return Err(wrong_kind(&call.plugin)) };
        let reader = Reader::new(call, [("in".to_owned(), input)].into());
        let mut output = Output::default();
        let made = run(&reader, &mut output).and_then(|summary| Ok((summary, self.write(output)?)));
        let (trace, log) = reader.finish();
        match made {
            Ok((summary, tree)) => Ok(called(Built { tree, summary, trace }, log)),
            Err(fault) => Err(failed(&call.plugin, fault, log)),
        }
    }

    fn render(
        &self,
        call: &Call,
        input: Arc<dyn Tree>,
        artifacts: &BTreeMap<String, Arc<dyn Tree>>,
    ) -> Result<Called<Rendered>, CallError> {
        let Behaviour::Renderer(render) = self.enter(call, "render")? else { return Err(wrong_kind(&call.plugin)) };
        let mut mounts = BTreeMap::from([("in".to_owned(), input)]);
        mounts.extend(artifacts.iter().map(|(name, tree)| (format!("artifacts/{name}"), tree.clone())));
        let reader = Reader::new(call, mounts);
        let made = render(&reader).and_then(|objects| self.objects(objects));
        let (trace, log) = reader.finish();
        match made {
            Ok(objects) => Ok(called(Rendered { objects, trace }, log)),
            Err(fault) => Err(failed(&call.plugin, fault, log)),
        }
    }

    fn target(&self, target: TargetCall) -> Result<Box<dyn Target + '_>, CallError> {
        let plugin = &target.call.plugin;
        let registered = self.find(plugin)?;
        let Behaviour::Target(live) = registered.behaviour else { return Err(wrong_kind(plugin)) };
        for capability in &registered.description.capabilities {
            if !target.call.grants.allows(&capability.name) {
                let message = format!("`{}` is not granted", capability.name);
                return Err(failed(plugin, Fault::Denied { message }, Vec::new()));
            }
        }
        Ok(Box::new(FakeTarget::new(self, registered.description.name, live, target)))
    }
}

fn wrong_kind(plugin: &Pinned) -> CallError {
    failed(plugin, Fault::Unusable { message: "it is a plugin of another kind".into() }, Vec::new())
}

pub(crate) const fn called<T>(value: T, log: Vec<LogLine>) -> Called<T> {
    Called { value, log, usage: Usage { wall: std::time::Duration::ZERO, memory: 0 } }
}

pub(crate) fn failed(plugin: &Pinned, fault: Fault, log: Vec<LogLine>) -> CallError {
    CallError { plugin: plugin.clone(), fault, log }
}

fn host_fault(error: BlobError) -> Fault {
    match error {
        BlobError::Missing(_) | BlobError::Damaged(_) => Fault::Lost { message: error.to_string() },
        BlobError::NoSpace(_) | BlobError::Io(_) => Fault::Host { message: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use springline_model::Cancel;
    use springline_model::call::Context;
    use springline_model::capability::{Grants, Ledger};
    use springline_model::manifest::{Action, HealthStatus};
    use springline_model::plugin::Limits;

    use super::*;
    use crate::{LiveObject, MemoryBlobs, MemoryTree};

    fn plugins() -> (FakePlugins, MemoryBlobs) {
        let blobs = MemoryBlobs::new();
        (FakePlugins::new(Arc::new(blobs.clone())), blobs)
    }

    fn call(plugin: &Pinned) -> Call {
        let context = Context {
            application: "shop".into(),
            environment: Some("live".into()),
            values: r#"{"replicas":2}"#.into(),
            ..Context::default()
        };
        Call {
            plugin: plugin.clone(),
            config: r#"{"title":"Shop"}"#.into(),
            context: Arc::new(context),
            limits: Limits::default(),
            grants: Grants::default(),
            ledger: Ledger::default(),
            cancel: Cancel::new(),
        }
    }

    fn target_call(plugin: &Pinned, desired: Vec<Object>) -> TargetCall {
        TargetCall { call: call(plugin), desired: desired.into() }
    }

    #[test]
    fn a_trace_holds_until_what_was_seen_changes() {
        let (plugins, blobs) = plugins();
        let step = plugins.step("step", |reader, output| {
            let files = reader.input();
            for path in files.walk("docs")? {
                output.file(path.clone(), files.read(&path)?.unwrap().to_vec());
            }
            assert_eq!(files.read("optional")?, None);
            assert_eq!(reader.values()["replicas"], 2);
            Ok(format!("for {}", reader.config()["title"]))
        });
        let tree = |changed: &str, text: &str| {
            let mut files = vec![("docs/a.md", "A", EntryKind::File), ("other", "O", EntryKind::File)];
            files.push(("docs/latest.md", "a.md", EntryKind::Symlink));
            files.retain(|(path, ..)| *path != changed);
            if !changed.is_empty() {
                files.push((changed, text, EntryKind::File));
            }
            MemoryTree::new(files.into_iter().map(|(path, text, kind)| (path, text.to_owned(), kind)))
        };
        let built = plugins.build(&call(&step), Arc::new(tree("", ""))).unwrap().value;
        assert_eq!(built.summary, "for \"Shop\"");
        let output = blobs.tree(&built.tree).unwrap().directory("docs").unwrap().unwrap();
        assert_eq!(output.entries().len(), 2);

        let context = call(&step).context;
        let first_change = |tree: &MemoryTree| {
            let changed = built.trace.first_change(|_| Some(tree as &dyn Tree), |asked| context.answer(asked));
            changed.unwrap().map(|changed| changed.path)
        };
        assert_eq!(first_change(&tree("", "")), None);
        assert_eq!(first_change(&tree("other", "changed")), None);
        assert_eq!(first_change(&tree("docs/a.md", "changed")).as_deref(), Some("docs/a.md"));
        assert_eq!(first_change(&tree("docs/new.md", "")).as_deref(), Some("docs"));
        assert_eq!(first_change(&tree("docs/latest.md", "no link")).as_deref(), Some("docs"));
        assert_eq!(first_change(&tree("optional", "")).as_deref(), Some("optional"));
        assert_eq!(plugins.executions("step"), 1);
    }

    #[test]
    fn two_objects_of_one_id_are_refused() {
        let (plugins, _) = plugins();
        let renderer = plugins.renderer("twice", |_| Ok(vec![("a".into(), "1".into()), ("a".into(), "2".into())]));
        let error = plugins.render(&call(&renderer), Arc::new(MemoryTree::of_files([("x", "")])), &BTreeMap::new());
        assert!(matches!(error.unwrap_err().fault, Fault::Contract { .. }));
    }

    #[test]
    fn a_target_converges_and_guards_what_is_not_its_own() {
        let (plugins, blobs) = plugins();
        let live = Live::new();
        let plugin = plugins.deploy_target("target", &live);
        let object =
            |id: &str, text: &str| Object { id: id.into(), body: Body::Blob(blobs.put(text.as_bytes()).unwrap()) };
        let desired = vec![object("a", "1"), object("b", "2")];
        let target = plugins.target(target_call(&plugin, desired.clone())).unwrap();
        let changes = target.plan(&[]).unwrap().value;
        assert_eq!(changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::Create, Action::Create]);
        for change in changes.iter().chain(&changes) {
            target.apply(change).unwrap();
        }
        assert_eq!(live.writes(), ["a", "b"], "applying twice writes once");
        let owned = target.owned().unwrap().value;
        assert!(target.plan(&owned).unwrap().value.is_empty());
        assert_eq!(target.plan(&[]).unwrap().value[0].action, Action::Adopt);

        let target = plugins.target(target_call(&plugin, desired[..1].to_vec())).unwrap();
        let delete = &target.plan(&owned).unwrap().value[0];
        assert_eq!((delete.action, delete.live.as_str()), (Action::Delete, "b"));
        live.drift("b", desired[0].body.clone());
        assert!(matches!(target.apply(delete).unwrap_err().fault, Fault::Conflict { .. }));
        live.set("a", Some(LiveObject { body: desired[1].body.clone(), owner: "blog/live".into() }));
        assert!(matches!(target.plan(&owned).unwrap_err().fault, Fault::Conflict { .. }));
    }

    #[test]
    fn a_target_misbehaves_when_told_to() {
        let (plugins, blobs) = plugins();
        let live = Live::new();
        let plugin = plugins.deploy_target("target", &live);
        let body = Body::Blob(blobs.put(b"1").unwrap());
        let object = |id: &str| Object { id: id.into(), body: body.clone() };
        let target = plugins.target(target_call(&plugin, vec![object("a"), object("b")])).unwrap();
        live.wait_for("a", "b");
        live.set_wave("b", 3);
        let changes = target.plan(&[]).unwrap().value;
        assert_eq!((changes[0].action, changes[1].action, changes[1].wave), (Action::Deferred, Action::Create, 3));
        live.fail("apply", "b", Fault::Transient { message: "later".into(), retry_after: None });
        assert!(matches!(target.apply(&changes[1]).unwrap_err().fault, Fault::Transient { .. }));
        target.apply(&changes[1]).unwrap();
        assert_eq!(target.plan(&["b".into()]).unwrap().value[0].action, Action::Create);

        live.set_health("b", [HealthStatus::Progressing, HealthStatus::Degraded]);
        let observed = target.observe(&["b".into(), "a".into()]).unwrap().value;
        let judged = |at: usize| target.judge(&observed[at]).unwrap().value.status;
        assert_eq!([judged(0), judged(0), judged(0), judged(1)], {
            use HealthStatus::{Degraded, Missing, Progressing};
            [Progressing, Degraded, Degraded, Missing]
        });
        assert_eq!(plugins.calls("target", "apply"), 2);
        plugins.ask_for("target", "directory");
        let denied = plugins.target(target_call(&plugin, Vec::new())).map(drop);
        assert!(matches!(denied.unwrap_err().fault, Fault::Denied { .. }));
    }
}
